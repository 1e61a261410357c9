//! Promises about subscriptions: ready when made, shared in groups, ended when dropped, bounded.
//! Before it: `bus_conformance!`. After it: nothing.
//! Guarantees: each function checks one promise and uses subjects of its own.
//! Leaves to others: publishing and requests.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::join;
use futures::stream::select_all;

use super::{
    Harness, PATIENCE, next, number, pattern, publish, read_number, subject, subscribe,
    subscribe_with, within,
};
use crate::bus::{BusError, BusMessage, BusState, SubscribeOptions};
use crate::headers::Headers;

/// As soon as `subscribe` has returned, another bus finds the listener.
pub async fn listens_as_soon_as_subscribed(harness: &dyn Harness) {
    let (client, server) = (harness.bus().await, harness.bus().await);
    for n in 0..50 {
        let to = format!("suite.ready.{n}");
        let mut requests = subscribe(&server, &to).await;
        let serve = async {
            let request = next(harness, &mut requests).await;
            let answered = server.respond(&request, Headers::new(), Bytes::new()).await;
            answered.expect("a connected bus takes an answer");
        };
        let asked = client.request(subject(&to), Headers::new(), Bytes::new(), PATIENCE);
        let (answer, ()) = join(asked, serve).await;
        assert_eq!(answer.err(), None, "subscription {n} was not ready");
    }
}

/// Of the subscriptions of one group each message reaches one; of other groups, one each.
pub async fn shares_messages_in_a_queue_group(harness: &dyn Harness) {
    let buses = [
        harness.bus().await,
        harness.bus().await,
        harness.bus().await,
    ];
    let group = |name: &str| SubscribeOptions::default().queue_group(name);
    let mut members = Vec::new();
    for bus in &buses {
        members.push(subscribe_with(bus, "suite.group", group("one")).await);
    }
    let mut other = subscribe_with(&buses[0], "suite.group", group("two")).await;
    let mut alone = subscribe(&buses[1], "suite.group").await;
    for n in 0..300 {
        publish(&buses[0], "suite.group", number(n)).await;
    }
    for n in 0..300 {
        assert_eq!(read_number(&next(harness, &mut other).await), n);
        assert_eq!(read_number(&next(harness, &mut alone).await), n);
    }
    let members = (0..).zip(members);
    let tagged = members.map(|(at, member)| member.map(move |message| (at, message)));
    let shared = select_all(tagged)
        .take(300)
        .collect::<Vec<(usize, BusMessage)>>();
    let shared = within(harness, PATIENCE, shared).await;
    let shared = shared.expect("the members of a group get all messages");
    for at in 0..buses.len() {
        let share = shared.iter().filter(|(member, _)| *member == at).count();
        assert!(share > 0, "member {at} of the group gets a share");
    }
    let mut got: Vec<u32> = shared
        .iter()
        .map(|(_, message)| read_number(message))
        .collect();
    got.sort_unstable();
    assert_eq!(got, (0..300).collect::<Vec<u32>>());
}

/// A dropped subscription no longer counts as a listener.
pub async fn stops_listening_when_dropped(harness: &dyn Harness) {
    let (client, server) = (harness.bus().await, harness.bus().await);
    let subscription = subscribe(&server, "suite.drop").await;
    drop(subscription);
    let gone = async {
        loop {
            let deadline = Duration::from_millis(50);
            let asked = client.request(
                subject("suite.drop"),
                Headers::new(),
                Bytes::new(),
                deadline,
            );
            match asked.await {
                Err(BusError::NoResponders { .. }) => break,
                Err(BusError::Deadline { .. }) => {}
                other => panic!("nobody answers here: {other:?}"),
            }
        }
    };
    within(harness, PATIENCE, gone)
        .await
        .expect("a dropped subscription ends");
}

/// What does not fit is dropped, the newest first, and each drop is counted.
pub async fn counts_what_a_slow_consumer_loses(harness: &dyn Harness) {
    let (sender, receiver) = (harness.bus().await, harness.bus().await);
    let options = SubscribeOptions::default().capacity(8);
    let mut slow = subscribe_with(&receiver, "suite.slow", options).await;
    let mut quick = subscribe(&receiver, "suite.slow").await;
    for n in 0..100 {
        publish(&sender, "suite.slow", number(n)).await;
    }
    for n in 0..100 {
        assert_eq!(read_number(&next(harness, &mut quick).await), n);
    }
    let counted = async {
        while slow.dropped() < 92 {
            harness.sleep(Duration::from_millis(5)).await;
        }
    };
    within(harness, PATIENCE, counted)
        .await
        .expect("drops are counted");
    assert_eq!(slow.dropped(), 92);
    for n in 0..8 {
        assert_eq!(read_number(&next(harness, &mut slow).await), n);
    }
    publish(&sender, "suite.slow", number(100)).await;
    assert_eq!(read_number(&next(harness, &mut slow).await), 100);
    assert_eq!((slow.dropped(), quick.dropped()), (92, 0));
}

/// `receive_many` waits for one message and takes along what else is there, up to its limit.
pub async fn hands_over_what_waits_in_batches(harness: &dyn Harness) {
    let (sender, receiver) = (harness.bus().await, harness.bus().await);
    let mut subscription = subscribe(&receiver, "suite.batch").await;
    for n in 0..25 {
        publish(&sender, "suite.batch", number(n)).await;
    }
    let mut batch = Vec::new();
    while batch.len() < 25 {
        let taken = subscription.receive_many(&mut batch, 10);
        let taken = within(harness, PATIENCE, taken).await;
        let taken = taken.expect("messages that were published arrive");
        assert!((1..=10).contains(&taken));
    }
    let numbers: Vec<u32> = batch.iter().map(read_number).collect();
    assert_eq!(numbers, (0..25).collect::<Vec<u32>>());
}

/// Closing ends subscriptions, fails later calls, and is told to who watches the state.
pub async fn ends_when_closed(harness: &dyn Harness) {
    let bus = harness.bus().await;
    assert_eq!(bus.state(), BusState::Connected);
    let mut states = bus.watch_state();
    assert_eq!(states.next().await, Some(BusState::Connected));
    let mut subscription = subscribe(&bus, "suite.close").await;
    bus.close().await.expect("a connected bus closes");
    assert_eq!(bus.state(), BusState::Closed);
    let ended = within(harness, PATIENCE, subscription.receive()).await;
    assert_eq!(ended.expect("closing ends subscriptions"), None);
    let told = within(
        harness,
        PATIENCE,
        states
            .filter(|state| {
                let closed = *state == BusState::Closed;
                async move { closed }
            })
            .boxed()
            .next(),
    )
    .await;
    assert_eq!(told.expect("closing is told"), Some(BusState::Closed));
    let to = subject("suite.close");
    let sent = bus.publish(to.clone(), Headers::new(), Bytes::new()).await;
    assert_eq!(sent, Err(BusError::Closed));
    let asked = bus
        .request(to, Headers::new(), Bytes::new(), PATIENCE)
        .await;
    assert_eq!(asked, Err(BusError::Closed));
    let subscribed = bus
        .subscribe(pattern("suite.close"), SubscribeOptions::default())
        .await;
    assert_eq!(subscribed.err(), Some(BusError::Closed));
}
