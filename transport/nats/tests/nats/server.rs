//! What passes between our bus, a real server and foreign clients: credentials, headers, odd names.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{OnNats, ask, refusal, subject};
use bytes::Bytes;
use tests::services::NatsServer;
use tests::wait::PATIENCE;
use transport::{
    Bus, BusError, ClusterId, DoorOrigin, Headers, HybridTime, Incarnation, MessageId, NodeId,
    Pattern, Stamp, SubscribeOptions,
};
use transport_nats::{NatsAuth, NatsBus, NatsOptions};

/// A client that speaks the text protocol, as a program in any language may.
struct Foreign {
    stream: BufReader<TcpStream>,
}

impl Foreign {
    fn connect(server: &NatsServer) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut foreign = Self {
            stream: BufReader::new(stream),
        };
        assert!(foreign.line().starts_with("INFO "));
        foreign.write("CONNECT {\"verbose\":false,\"headers\":true}\r\n");
        foreign.sync();
        foreign
    }

    fn write(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Waits until the server has handled what was written.
    fn sync(&mut self) {
        self.write("PING\r\n");
        while self.line() != "PONG" {}
    }

    fn block(&mut self, bytes: usize) -> String {
        let mut block = vec![0; bytes];
        self.stream.read_exact(&mut block).unwrap();
        String::from_utf8(block).unwrap()
    }
}

fn stamp() -> Stamp {
    let door = DoorOrigin {
        cluster: ClusterId([1; 16]),
        node: NodeId(2),
        node_incarnation: Incarnation(3),
        sequence: 4,
    };
    Stamp::root(MessageId::root(&door), HybridTime::new(1_000, 5), None)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_client_reads_the_stamp_and_answers() {
    let Some(nats) = OnNats::start() else { return };
    let bus = nats.connect().await;
    let mut foreign = Foreign::connect(&nats.server);
    foreign.write("SUB troupe.c.default.service.Mail 1\r\n");
    foreign.sync();
    let stamp = stamp();
    let to = subject("troupe.c.default.service.Mail");
    let body = Bytes::from_static(b"{\"n\":1}");
    let asked = bus.request(to, Headers::of_stamp(&stamp), body, PATIENCE);
    let serve = tokio::task::spawn_blocking(move || {
        let head: Vec<String> = foreign.line().split(' ').map(str::to_owned).collect();
        let [verb, _, _, reply, _, bytes] = head.as_slice() else {
            panic!("{head:?}")
        };
        assert_eq!(verb, "HMSG");
        let text = foreign.block(bytes.parse().unwrap());
        foreign.write(&format!("PUB {reply} 2\r\nok\r\n"));
        foreign.sync();
        text
    });
    let (answer, text) = futures::future::join(asked, serve).await;
    assert_eq!(&answer.unwrap().payload[..], b"ok");
    let text = text.unwrap();
    assert!(
        text.starts_with("NATS/1.0\r\n") && text.ends_with("\r\n\r\n{\"n\":1}"),
        "{text:?}"
    );
    for line in [
        format!("Troupe-Message-Id: {}", stamp.id),
        format!("Troupe-Correlation-Id: {}", stamp.id),
        "Troupe-Timestamp: 1000.5".to_owned(),
        format!("traceparent: {}", stamp.trace),
    ] {
        assert!(
            text.contains(&format!("\r\n{line}\r\n")),
            "{line} in {text:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_foreign_clients_send_is_bounded_and_harmless() {
    let Some(nats) = OnNats::start() else { return };
    let bus = nats.connect().await;
    let pattern = Pattern::new("foreign.>").unwrap();
    let mut messages = bus
        .subscribe(pattern, SubscribeOptions::default())
        .await
        .unwrap();
    let mut foreign = Foreign::connect(&nats.server);
    // A subject outside ASCII, headers twice and too long, an answer to a request nobody made.
    foreign.write("PUB foreign.größe 1\r\nx\r\n");
    let long = "v".repeat(5_000);
    let head = format!("NATS/1.0\r\nA: 1\r\nA: 2\r\nLong: {long}\r\nTroupe-Message-Id: zz\r\n\r\n");
    foreign.write(&format!(
        "HPUB foreign.odd {} {}\r\n{head}y\r\n",
        head.len(),
        head.len() + 1
    ));
    foreign.sync();
    let message = tokio::time::timeout(PATIENCE, messages.receive())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(message.subject, subject("foreign.odd"));
    assert_eq!(&message.payload[..], b"y");
    assert_eq!(
        (message.headers.get("a"), message.headers.get("long")),
        (Some("1"), None)
    );
    assert!(message.headers.stamp().is_err());
    assert_eq!(
        messages.dropped(),
        1,
        "a subject that is none of ours is counted"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_and_a_password_are_sent_and_a_wrong_one_is_told() {
    let Some(server) = NatsServer::start_with(&["--auth", "secret"]) else {
        return;
    };
    let mut options = NatsOptions::new(server.url());
    for wrong in [NatsAuth::None, NatsAuth::Token("guess".to_owned())] {
        options.auth = wrong;
        let reason = refusal(&options).await;
        assert!(reason.contains("authorization"), "{reason}");
    }
    options.auth = NatsAuth::Token("secret".to_owned());
    let bus = NatsBus::connect(&options).await.unwrap();
    bus.wait_connected(PATIENCE).await.unwrap();

    let Some(server) = NatsServer::start_with(&["--user", "a", "--pass", "b"]) else {
        return;
    };
    let mut options = NatsOptions::new(server.url());
    options.auth = NatsAuth::Password {
        user: "a".to_owned(),
        password: "b".to_owned(),
    };
    let bus = NatsBus::connect(&options).await.unwrap();
    bus.wait_connected(PATIENCE).await.unwrap();
    let asked = ask(&bus, "nobody", PATIENCE).await;
    assert!(
        matches!(asked, Err(BusError::NoResponders { .. })),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let Some(server) = NatsServer::start() else {
        return;
    };
    let mut options = NatsOptions::new(server.url());
    options.tls_required = true;
    refusal(&options).await;
}

/// More than the client library would hold by default (65,536), faster than anyone takes them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_received_or_counted() {
    const SENT: usize = 100_000;
    let Some(nats) = OnNats::start() else { return };
    let (sender, receiver) = (nats.connect().await, nats.connect().await);
    let pattern = Pattern::new("flood").unwrap();
    let all = SubscribeOptions::default().capacity(SENT);
    let mut all = receiver.subscribe(pattern.clone(), all).await.unwrap();
    let few = SubscribeOptions::default().capacity(1_000);
    let mut few = receiver.subscribe(pattern, few).await.unwrap();
    for _ in 0..SENT {
        sender
            .publish(subject("flood"), Headers::new(), Bytes::from_static(b"x"))
            .await
            .unwrap();
    }
    let (mut batch, mut received) = (Vec::new(), 0);
    while received < SENT {
        let taken = all.receive_many(&mut batch, SENT);
        received += tokio::time::timeout(PATIENCE, taken).await.unwrap();
        batch.clear();
    }
    assert_eq!((received, all.dropped(), receiver.overruns()), (SENT, 0, 0));
    // The queue of `few` is filled by a task of its own, which may still be at work.
    let counted = async {
        while few.dropped() < (SENT - 1_000) as u64 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, counted).await.unwrap();
    while batch.len() < 1_000 {
        let taken = few.receive_many(&mut batch, SENT);
        tokio::time::timeout(PATIENCE, taken).await.unwrap();
    }
    assert_eq!(few.dropped(), (SENT - 1_000) as u64);
}
