//! The conformance suite over the network in memory, and the faults that only it can make.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use transport::conformance::Harness;
use transport::{
    Bus, BusError, BusState, Headers, NodeId, Pattern, Subject, SubscribeOptions, Subscription,
};

use crate::{LinkFaults, MemoryBus, MemoryNetwork, MemoryOptions};

#[derive(Default)]
struct InMemory {
    network: MemoryNetwork,
    nodes: AtomicU64,
}

impl Harness for InMemory {
    fn bus(&self) -> BoxFuture<'_, Arc<dyn Bus>> {
        let node = NodeId(self.nodes.fetch_add(1, Ordering::Relaxed));
        let bus: Arc<dyn Bus> = Arc::new(self.network.bus(node));
        Box::pin(async move { bus })
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

transport::bus_conformance!(InMemory::default());

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(30);

fn subject() -> Subject {
    Subject::new("memory.test").unwrap()
}

async fn listen(bus: &MemoryBus) -> Subscription {
    let pattern = Pattern::new("memory.test").unwrap();
    bus.subscribe(pattern, SubscribeOptions::default())
        .await
        .unwrap()
}

async fn ask(bus: &MemoryBus, deadline: Duration) -> Result<(), BusError> {
    let asked = bus.request(subject(), Headers::new(), Bytes::new(), deadline);
    asked.await.map(|_| ())
}

async fn serve(bus: &MemoryBus, requests: &mut Subscription) {
    while let Some(request) = requests.receive().await {
        bus.respond(&request, Headers::new(), Bytes::new())
            .await
            .unwrap();
    }
}

fn nobody() -> Result<(), BusError> {
    Err(BusError::NoResponders { subject: subject() })
}

#[tokio::test]
async fn a_node_that_is_cut_off_is_told_and_unseen_until_it_is_healed() {
    let network = MemoryNetwork::default();
    let (client, server) = (network.bus(NodeId(1)), network.bus(NodeId(2)));
    let mut requests = listen(&server).await;
    let mut states = server.watch_state();
    assert_eq!(states.next().await, Some(BusState::Connected));

    network.cut(NodeId(2));
    assert_eq!(states.next().await, Some(BusState::Disconnected));
    assert_eq!(server.state(), BusState::Disconnected);
    assert_eq!(client.state(), BusState::Connected);
    assert_eq!(ask(&client, LONG).await, nobody());
    assert_eq!(ask(&server, LONG).await, Err(BusError::Disconnected));
    let lost = client.publish(subject(), Headers::new(), Bytes::new());
    lost.await.unwrap();
    assert_eq!(requests.receive().now_or_never(), None);

    network.heal(NodeId(2));
    assert_eq!(states.next().await, Some(BusState::Connected));
    tokio::select! {
        answered = ask(&client, LONG) => assert_eq!(answered, Ok(())),
        () = serve(&server, &mut requests) => panic!("the subscription lasts"),
    }
}

#[tokio::test]
async fn a_cut_fails_the_open_requests_of_the_node() {
    let network = MemoryNetwork::default();
    let (client, server) = (network.bus(NodeId(1)), network.bus(NodeId(2)));
    let _requests = listen(&server).await;
    let mut asked = Box::pin(ask(&client, LONG));
    assert_eq!((&mut asked).now_or_never(), None);
    network.cut(NodeId(1));
    assert_eq!(asked.await, Err(BusError::Disconnected));
}

#[tokio::test]
async fn a_partition_loses_what_passes_between_its_sets() {
    let network = MemoryNetwork::default();
    let buses = [1, 2, 3].map(|node| network.bus(NodeId(node)));
    let mut requests = listen(&buses[2]).await;
    let set = |nodes: &[u64]| nodes.iter().copied().map(NodeId).collect::<BTreeSet<_>>();
    network.partition(&[set(&[1]), set(&[2, 3])]);
    tokio::select! {
        () = serve(&buses[2], &mut requests) => panic!("the subscription lasts"),
        () = async {
            assert!(matches!(ask(&buses[0], SHORT).await, Err(BusError::Deadline { .. })));
            assert_eq!(ask(&buses[1], LONG).await, Ok(()));
            network.heal_partition();
            assert_eq!(ask(&buses[0], LONG).await, Ok(()));
        } => {}
    }
}

#[tokio::test]
async fn a_blocked_way_loses_what_goes_it_and_nothing_else() {
    let network = MemoryNetwork::default();
    let buses = [1, 2].map(|node| network.bus(NodeId(node)));
    let mut requests = listen(&buses[1]).await;
    let late = |asked| matches!(asked, Err(BusError::Deadline { .. }));
    network.block(&[(NodeId(1), NodeId(2))]);
    assert!(late(ask(&buses[0], SHORT).await));
    assert!(requests.receive().now_or_never().is_none());
    network.block(&[(NodeId(2), NodeId(1))]);
    assert!(late(ask(&buses[0], SHORT).await));
    assert!(requests.receive().await.is_some(), "what was asked arrived");
    network.block(&[]);
    tokio::select! {
        () = serve(&buses[1], &mut requests) => panic!("the subscription lasts"),
        asked = ask(&buses[0], LONG) => assert_eq!(asked, Ok(())),
    }
}

#[tokio::test]
async fn an_answer_is_lost_where_the_partition_comes_in_between() {
    let network = MemoryNetwork::default();
    let (client, server) = (network.bus(NodeId(1)), network.bus(NodeId(2)));
    let mut requests = listen(&server).await;
    let asked = ask(&client, SHORT);
    let answer = async {
        let request = requests.receive().await.unwrap();
        network.partition(&[BTreeSet::from([NodeId(1)])]);
        let sent = server.respond(&request, Headers::new(), Bytes::new());
        sent.await.unwrap();
    };
    let (asked, ()) = futures::future::join(asked, answer).await;
    assert!(matches!(asked, Err(BusError::Deadline { .. })));
}

#[tokio::test]
async fn nothing_stays_behind_when_buses_and_subscriptions_are_dropped() {
    let network = MemoryNetwork::new(MemoryOptions {
        max_payload_bytes: 16,
    });
    let bus = network.bus(NodeId(1));
    assert_eq!(bus.max_payload(), 16);
    let other = network.bus(NodeId(2));
    let mut kept = listen(&bus).await;
    drop(listen(&bus).await);
    drop(bus);
    assert_eq!(
        kept.receive().await,
        None,
        "a dropped bus ends its subscriptions"
    );
    assert_eq!(ask(&other, LONG).await, nobody());
}

/// Sends numbered messages over a faulty link and gives those that arrived, in their order.
async fn over_a_faulty_link(faults: LinkFaults) -> Vec<u8> {
    let network = MemoryNetwork::default();
    let (sender, receiver) = (network.bus(NodeId(1)), network.bus(NodeId(2)));
    let mut messages = listen(&receiver).await;
    network.set_faults(Some(faults));
    for n in 0..200 {
        let sent = sender.publish(subject(), Headers::new(), Bytes::from(vec![n]));
        sent.await.unwrap();
    }
    // What comes after the faults ended is neither lost nor overtakes what is late.
    network.set_faults(None);
    let last = sender.publish(subject(), Headers::new(), Bytes::from(vec![u8::MAX]));
    last.await.unwrap();
    let mut arrived = Vec::new();
    loop {
        let message = tokio::time::timeout(LONG, messages.receive()).await;
        match message.unwrap().unwrap().payload[0] {
            u8::MAX => return arrived,
            n => arrived.push(n),
        }
    }
}

#[tokio::test]
async fn a_seed_chooses_what_a_link_loses_and_order_is_kept() {
    let faults = LinkFaults {
        seed: 1,
        lost_per_thousand: 300,
        delay_max: Duration::from_millis(5),
    };
    let first = over_a_faulty_link(faults).await;
    assert!(
        first.is_sorted() && (100..180).contains(&first.len()),
        "{first:?}"
    );
    assert_eq!(over_a_faulty_link(faults).await, first);
    let other = LinkFaults { seed: 2, ..faults };
    assert_ne!(over_a_faulty_link(other).await, first);
    let slow = LinkFaults {
        lost_per_thousand: 0,
        ..faults
    };
    assert_eq!(
        over_a_faulty_link(slow).await,
        (0..200).collect::<Vec<u8>>()
    );
}

#[tokio::test]
async fn answers_are_late_and_lost_as_well() {
    let network = MemoryNetwork::default();
    let (client, server) = (network.bus(NodeId(1)), network.bus(NodeId(2)));
    let mut requests = listen(&server).await;
    let faults = LinkFaults {
        seed: 1,
        lost_per_thousand: 0,
        delay_max: Duration::from_millis(5),
    };
    network.set_faults(Some(faults));
    tokio::select! {
        () = serve(&server, &mut requests) => panic!("the subscription lasts"),
        () = async {
            assert_eq!(ask(&client, LONG).await, Ok(()));
            network.set_faults(Some(LinkFaults { lost_per_thousand: 1_000, ..faults }));
            assert!(matches!(ask(&client, SHORT).await, Err(BusError::Deadline { .. })));
        } => {}
    }
}
