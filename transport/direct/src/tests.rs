//! The conformance suite over direct connections, and what only they do: the way of a request, the bus below
//! being down, nodes that begin anew, strangers, silence, certificates.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use transport::conformance::Harness;
use transport::{
    Bus, BusError, ClusterName, Headers, NodeId, Subject, Subjects, SubscribeOptions, Subscription,
};
use transport_memory::MemoryNetwork;

use crate::{Direct, DirectBus, DirectOptions, LaneKind, TlsFiles};

const PATIENCE: Duration = Duration::from_secs(10);

fn subjects() -> Subjects {
    Subjects::new(&ClusterName::new("test").unwrap())
}

fn options() -> DirectOptions {
    DirectOptions {
        listen: "127.0.0.1:0".to_owned(),
        advertise: None,
        tls: None,
    }
}

struct Loopback {
    network: MemoryNetwork,
    nodes: AtomicU64,
}

impl Harness for Loopback {
    fn bus(&self) -> BoxFuture<'_, Arc<dyn Bus>> {
        async move {
            let number = self.nodes.fetch_add(1, Ordering::Relaxed);
            let below: Arc<dyn Bus> = Arc::new(self.network.bus(NodeId(number)));
            let options = options();
            let direct = Direct::start(&options, subjects(), Arc::clone(&below));
            let direct = direct.await.unwrap();
            let bus = direct.bus(LaneKind::Traffic, below);
            // Lives as long as the test's process; its tasks are the runtime's.
            std::mem::forget(direct);
            Arc::new(bus) as Arc<dyn Bus>
        }
        .boxed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

transport::bus_conformance!(Loopback {
    network: MemoryNetwork::default(),
    nodes: AtomicU64::new(1),
});

/// A node that answers under its id with what it was asked.
struct TestNode {
    id: NodeId,
    direct: Direct,
    bus: Arc<DirectBus>,
    _serving: tokio::task::JoinHandle<()>,
}

fn shard_subject(node: NodeId) -> Subject {
    subjects().node(node, "shard")
}

async fn serve(bus: Arc<DirectBus>, mut requests: Subscription) {
    while let Some(request) = requests.receive().await {
        let payload = request.payload.clone();
        let _ = bus.respond(&request, Headers::new(), payload).await;
    }
}

impl TestNode {
    async fn start(network: &MemoryNetwork, number: u64, options: &DirectOptions) -> TestNode {
        let id = NodeId(number);
        let below: Arc<dyn Bus> = Arc::new(network.bus(id));
        let direct = Direct::start(options, subjects(), Arc::clone(&below));
        let direct = direct.await.unwrap();
        let bus = Arc::new(direct.bus(LaneKind::Traffic, below));
        let requests = bus.subscribe(shard_subject(id).pattern(), SubscribeOptions::default());
        let requests = requests.await.unwrap();
        let serving = tokio::spawn(serve(Arc::clone(&bus), requests));
        TestNode {
            id,
            direct,
            bus,
            _serving: serving,
        }
    }

    async fn ask(&self, node: NodeId, what: &str) -> Result<String, BusError> {
        let payload = Bytes::copy_from_slice(what.as_bytes());
        let asked = self
            .bus
            .request(shard_subject(node), Headers::new(), payload, PATIENCE);
        let answer = asked.await?;
        Ok(String::from_utf8(answer.payload.to_vec()).unwrap())
    }

    fn knows(&self, other: &TestNode) -> bool {
        let connected = self.direct.connected(LaneKind::Traffic);
        connected.contains(&other.id)
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn pair(network: &MemoryNetwork) -> (TestNode, TestNode) {
    let first = TestNode::start(network, 1, &options()).await;
    let second = TestNode::start(network, 2, &options()).await;
    until("both know each other", || {
        first.knows(&second) && second.knows(&first)
    })
    .await;
    (first, second)
}

#[tokio::test]
async fn nodes_reach_each_other_while_the_bus_below_is_down() {
    let network = MemoryNetwork::default();
    let (first, second) = pair(&network).await;
    network.cut(first.id);
    network.cut(second.id);
    assert_eq!(first.ask(second.id, "a").await, Ok("a".to_owned()));
    assert_eq!(second.ask(first.id, "b").await, Ok("b".to_owned()));
    let other = first.bus.request(
        Subject::new("elsewhere").unwrap(),
        Headers::new(),
        Bytes::new(),
        PATIENCE,
    );
    assert_eq!(other.await.unwrap_err(), BusError::Disconnected);
}

#[tokio::test]
async fn hellos_pass_while_the_bus_below_is_down() {
    let network = MemoryNetwork::default();
    let (first, second) = pair(&network).await;
    let hello = subjects().hello();
    let heard = second
        .bus
        .subscribe(hello.pattern(), SubscribeOptions::default());
    let mut heard = heard.await.unwrap();
    network.cut(first.id);
    let told = first
        .bus
        .publish(hello, Headers::new(), Bytes::from_static(b"here"));
    told.await.unwrap();
    assert_eq!(heard.receive().await.unwrap().payload, "here");
}

#[tokio::test]
async fn a_node_that_takes_no_connections_is_reached_by_the_bus_below() {
    let network = MemoryNetwork::default();
    let first = TestNode::start(&network, 1, &options()).await;
    let below: Arc<dyn Bus> = Arc::new(network.bus(NodeId(2)));
    let requests = below.subscribe(
        shard_subject(NodeId(2)).pattern(),
        SubscribeOptions::default(),
    );
    let mut requests = requests.await.unwrap();
    tokio::spawn(async move {
        let request = requests.receive().await.unwrap();
        let payload = request.payload.clone();
        below.respond(&request, Headers::new(), payload).await
    });
    assert_eq!(first.ask(NodeId(2), "a").await, Ok("a".to_owned()));
}

#[tokio::test]
async fn requests_of_one_sender_arrive_in_order_and_answers_find_their_question() {
    let network = MemoryNetwork::default();
    let (first, second) = pair(&network).await;
    let asked = (0..500).map(|number| {
        let text = number.to_string();
        let (first, second) = (&first, second.id);
        async move { first.ask(second, &text).await.unwrap() }
    });
    let answers = futures::future::join_all(asked).await;
    let expected: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    assert_eq!(answers, expected);
}

#[tokio::test]
async fn nobody_and_too_large_are_told_as_the_bus_below_tells_them() {
    let network = MemoryNetwork::default();
    let (first, second) = pair(&network).await;
    let strange = subjects().node(second.id, "other");
    let asked = first
        .bus
        .request(strange, Headers::new(), Bytes::new(), PATIENCE);
    assert!(matches!(
        asked.await.unwrap_err(),
        BusError::NoResponders { .. }
    ));
    let large = Bytes::from(vec![0; first.bus.max_payload() + 1]);
    let asked = first
        .bus
        .request(shard_subject(second.id), Headers::new(), large, PATIENCE);
    assert!(matches!(
        asked.await.unwrap_err(),
        BusError::TooLarge { .. }
    ));
}

#[tokio::test]
async fn a_node_that_begins_anew_is_found_again() {
    let network = MemoryNetwork::default();
    let (first, second) = pair(&network).await;
    drop(second);
    until("the end is noticed", || {
        first.direct.connected(LaneKind::Traffic).is_empty()
    })
    .await;
    let second = TestNode::start(&network, 2, &options()).await;
    until("it is found again", || first.knows(&second)).await;
    network.cut(first.id);
    assert_eq!(first.ask(second.id, "a").await, Ok("a".to_owned()));
}

#[tokio::test]
async fn a_stranger_is_not_let_in() {
    let network = MemoryNetwork::default();
    let node = TestNode::start(&network, 1, &options()).await;
    for greeting in [
        [b"troupe\0\x01".as_slice(), &[0; 16], &[3]].concat(),
        b"GET / HTTP/1.1\r\nHost: troupe\r\n\r\n".to_vec(),
    ] {
        let mut stream = TcpStream::connect(node.direct.address()).await.unwrap();
        stream.write_all(&greeting).await.unwrap();
        let mut answer = Vec::new();
        // It is closed without a word, perhaps before all of this was read.
        let _ = stream.read_to_end(&mut answer).await;
        assert_eq!(answer, b"");
    }
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_given_up_for_the_bus_below() {
    let network = MemoryNetwork::default();
    let first = TestNode::start(&network, 1, &options()).await;
    let second = TestNode::start(&network, 2, &options()).await;
    // Between them stands something that swallows what the first says after its greeting.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut greeting = [0; 25];
            stream.read_exact(&mut greeting).await.unwrap();
            stream.write_u8(0x2a).await.unwrap();
            held.push(stream);
        }
    });
    until("the first knows the second", || first.knows(&second)).await;
    let place = crate::book::Place {
        address,
        token: [0; 16],
    };
    let bus = &first.bus;
    bus.shared_for_tests().book.note(second.id, &place);
    let open = bus.lane_for_tests().connection(second.id).unwrap();
    open.close();
    until("it is connected to the silent place", || {
        let now = bus.lane_for_tests().connection(second.id);
        now.is_some_and(|now| !Arc::ptr_eq(&now, &open))
    })
    .await;
    let asked = bus.request(
        shard_subject(second.id),
        Headers::new(),
        Bytes::new(),
        Duration::from_millis(1500),
    );
    assert!(matches!(
        asked.await.unwrap_err(),
        BusError::Deadline { .. }
    ));
    // The next one takes the other way, until the connection is tried again.
    assert_eq!(first.ask(second.id, "a").await, Ok("a".to_owned()));
}

/// Certificates of an authority, in files.
struct Authority {
    folder: tempfile::TempDir,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let folder = tempfile::tempdir().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("authority.pem"), certificate.pem()).unwrap();
        Authority {
            folder,
            issuer: rcgen::Issuer::new(parameters, key),
        }
    }

    fn files(&self, name: &str) -> TlsFiles {
        let parameters = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let path = |end: &str| self.folder.path().join(format!("{name}-{end}.pem"));
        std::fs::write(path("certificate"), certificate.pem()).unwrap();
        std::fs::write(path("key"), key.serialize_pem()).unwrap();
        TlsFiles {
            certificate: path("certificate"),
            key: path("key"),
            authority: self.folder.path().join("authority.pem"),
        }
    }
}

#[tokio::test]
async fn certificates_of_one_authority_let_nodes_in_and_others_out() {
    let authority = Authority::new();
    let network = MemoryNetwork::default();
    let safe = |name: &str, authority: &Authority| DirectOptions {
        tls: Some(authority.files(name)),
        ..options()
    };
    let first = TestNode::start(&network, 1, &safe("first", &authority)).await;
    let second = TestNode::start(&network, 2, &safe("second", &authority)).await;
    until("both know each other", || {
        first.knows(&second) && second.knows(&first)
    })
    .await;
    let other = TestNode::start(&network, 3, &safe("other", &Authority::new())).await;
    let plain = TestNode::start(&network, 4, &options()).await;
    for stranger in [&other, &plain] {
        // It is reached by the bus below, and never directly.
        assert_eq!(first.ask(stranger.id, "a").await, Ok("a".to_owned()));
        assert_eq!(stranger.ask(first.id, "a").await, Ok("a".to_owned()));
        assert!(!first.knows(stranger) && !stranger.knows(&first));
    }
    network.cut(first.id);
    assert_eq!(first.ask(second.id, "a").await, Ok("a".to_owned()));
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_named() {
    let network = MemoryNetwork::default();
    let below: Arc<dyn Bus> = Arc::new(network.bus(NodeId(1)));
    let authority = Authority::new();
    let mut files = authority.files("node");
    files.key = authority.folder.path().join("missing.pem");
    let options = DirectOptions {
        tls: Some(files),
        ..options()
    };
    let error = match Direct::start(&options, subjects(), below).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    };
    assert!(error.contains("missing.pem"), "{error}");
}
