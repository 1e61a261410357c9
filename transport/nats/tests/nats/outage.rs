//! What an outage of the server does: it is told, calls fail at once, and all comes back by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{OnNats, ask, echo, refusal, subject};
use bytes::Bytes;
use futures::StreamExt;
use tests::wait::PATIENCE;
use tokio::time::timeout;
use transport::{Bus, BusError, BusState, Headers, Pattern, SubscribeOptions};
use transport_nats::{NatsBus, NatsOptions};

/// Waits until the state is told.
async fn told(bus: &NatsBus, wanted: BusState) {
    let mut states = bus.watch_state();
    let reached = async { while states.next().await != Some(wanted) {} };
    timeout(PATIENCE, reached).await.unwrap();
}

/// Asks until there is an answer. Right after an outage others may not listen again yet.
async fn ask_until_answered(bus: &NatsBus, to: &str) {
    let answered = async {
        loop {
            match ask(bus, to, Duration::from_secs(1)).await {
                Ok(answer) => return assert_eq!(&answer[..], b"hello"),
                Err(BusError::Closed) => panic!("nobody closed the bus"),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(PATIENCE, answered).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_noticed_and_comes_back() {
    let Some(mut nats) = OnNats::start() else {
        return;
    };
    let (client, server) = (nats.connect().await, Arc::new(nats.connect().await));
    echo(Arc::clone(&server), "outage.echo").await;
    let pattern = Pattern::new("outage.silence").unwrap();
    let mut silence = server
        .subscribe(pattern, SubscribeOptions::default())
        .await
        .unwrap();
    assert_eq!(
        ask(&client, "outage.echo", PATIENCE).await.unwrap(),
        &b"hello"[..]
    );

    // A request under way fails when the connection breaks, long before its deadline.
    let open = ask(&client, "outage.silence", PATIENCE * 10);
    let kill = async {
        silence.receive().await.unwrap();
        nats.server.kill();
    };
    let (open, ()) = timeout(PATIENCE, futures::future::join(open, kill))
        .await
        .unwrap();
    assert_eq!(open, Err(BusError::Disconnected));

    // While it is away, calls fail at once and nothing is kept for later.
    told(&client, BusState::Disconnected).await;
    told(&server, BusState::Disconnected).await;
    assert_eq!(client.state(), BusState::Disconnected);
    let asked = timeout(PATIENCE, ask(&client, "outage.echo", PATIENCE * 10))
        .await
        .unwrap();
    assert_eq!(asked, Err(BusError::Disconnected));
    let to = subject("outage.silence");
    let published = client.publish(to, Headers::new(), Bytes::new()).await;
    assert_eq!(published, Err(BusError::Disconnected));

    nats.server.restart();
    let back = Instant::now();
    told(&client, BusState::Connected).await;
    println!(
        "connected again {:?} after the server was back",
        back.elapsed()
    );
    ask_until_answered(&client, "outage.echo").await;
    println!(
        "first answer {:?} after the server was back",
        back.elapsed()
    );

    // Subscriptions that were there before are there again, without what the outage refused.
    client
        .publish(
            subject("outage.silence"),
            Headers::new(),
            Bytes::from("new"),
        )
        .await
        .unwrap();
    let message = timeout(PATIENCE, silence.receive()).await.unwrap().unwrap();
    assert_eq!(&message.payload[..], b"new");
    assert_eq!((client.overruns(), silence.dropped()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_later_is_found() {
    let Some(mut nats) = OnNats::start() else {
        return;
    };
    nats.server.kill();
    let mut options = NatsOptions::new(nats.server.url());
    options.call_deadline = Duration::from_millis(100);
    let bus = NatsBus::connect(&options).await.unwrap();
    assert_eq!(bus.state(), BusState::Disconnected);
    let subscribe = || bus.subscribe(Pattern::new("later").unwrap(), SubscribeOptions::default());
    assert_eq!(subscribe().await.err(), Some(BusError::Disconnected));
    let reason = refusal(&options).await;
    assert!(!reason.is_empty());

    nats.server.restart();
    bus.wait_connected(PATIENCE).await.unwrap();
    let mut messages = subscribe().await.unwrap();
    bus.publish(subject("later"), Headers::new(), Bytes::new())
        .await
        .unwrap();
    assert!(
        timeout(PATIENCE, messages.receive())
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_given_up_and_found_again() {
    let Some(mut nats) = OnNats::start() else {
        return;
    };
    let bus = nats.connect().await;
    nats.server.pause();
    let paused = Instant::now();
    // The signal takes a moment; once it has stopped, nothing is answered, and the deadline holds.
    let stopped = async {
        let deadline = Duration::from_millis(100);
        while let Err(BusError::NoResponders { .. }) = ask(&bus, "outage.echo", deadline).await {}
        ask(&bus, "outage.echo", deadline).await
    };
    let asked = timeout(PATIENCE, stopped).await.unwrap();
    let unanswered = matches!(
        asked,
        Err(BusError::Deadline { .. } | BusError::Disconnected)
    );
    assert!(unanswered, "{asked:?}");
    told(&bus, BusState::Disconnected).await;
    println!("a hanging server was given up after {:?}", paused.elapsed());
    nats.server.resume();
    told(&bus, BusState::Connected).await;
    let answered = async {
        while !matches!(
            ask(&bus, "outage.nobody", PATIENCE).await,
            Err(BusError::NoResponders { .. })
        ) {}
    };
    timeout(PATIENCE, answered).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_closes_without_its_server() {
    let Some(mut nats) = OnNats::start() else {
        return;
    };
    let bus = nats.connect().await;
    let pattern = Pattern::new("outage.close").unwrap();
    let mut messages = bus
        .subscribe(pattern, SubscribeOptions::default())
        .await
        .unwrap();
    nats.server.kill();
    told(&bus, BusState::Disconnected).await;
    timeout(PATIENCE, bus.close()).await.unwrap().unwrap();
    assert_eq!(timeout(PATIENCE, messages.receive()).await.unwrap(), None);
    assert_eq!(bus.state(), BusState::Closed);
}
