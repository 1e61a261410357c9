//! Promises about publishing: order, every listener once, wildcards, headers, sizes.
//! Before it: `bus_conformance!`. After it: nothing.
//! Guarantees: each function checks one promise and uses subjects of its own.
//! Leaves to others: requests and the life of a subscription.

use bytes::Bytes;

use super::{Harness, next, number, pattern, publish, read_number, settle, subject, subscribe};
use crate::bus::BusError;
use crate::headers::Headers;

/// One publisher's messages arrive in the order in which it sent them, none left out.
pub async fn keeps_the_order_of_a_publisher(harness: &dyn Harness) {
    let (sender, receiver) = (harness.bus().await, harness.bus().await);
    let mut subscription = subscribe(&receiver, "suite.order").await;
    for n in 0..1_000 {
        publish(&sender, "suite.order", number(n)).await;
    }
    for n in 0..1_000 {
        assert_eq!(read_number(&next(harness, &mut subscription).await), n);
    }
    assert_eq!(subscription.dropped(), 0);
}

/// Every subscription gets every message, on whichever bus it is.
pub async fn reaches_every_subscription_once(harness: &dyn Harness) {
    let (sender, receiver) = (harness.bus().await, harness.bus().await);
    let mut all = vec![
        subscribe(&sender, "suite.every").await,
        subscribe(&receiver, "suite.every").await,
        subscribe(&receiver, "suite.every").await,
    ];
    for n in 0..10 {
        publish(&sender, "suite.every", number(n)).await;
    }
    for subscription in &mut all {
        for n in 0..10 {
            assert_eq!(read_number(&next(harness, subscription).await), n);
        }
    }
}

/// A bus hears what it publishes itself.
pub async fn hears_its_own_messages(harness: &dyn Harness) {
    let bus = harness.bus().await;
    let mut subscription = subscribe(&bus, "suite.own").await;
    publish(&bus, "suite.own", number(7)).await;
    let message = next(harness, &mut subscription).await;
    assert_eq!(read_number(&message), 7);
    assert_eq!(message.subject, subject("suite.own"));
    assert_eq!(message.reply, None);
}

/// `*` stands for one token, a last `>` for one or more; nothing else arrives.
pub async fn matches_wildcards(harness: &dyn Harness) {
    let (sender, receiver) = (harness.bus().await, harness.bus().await);
    let subjects = [
        "suite.wild.a.x",
        "suite.wild.b.x",
        "suite.wild.a.x.y",
        "suite.wild.a",
        "suite.wild",
        "suite.wildly.a.x",
        "suite.end",
    ];
    for wanted in [
        "suite.wild.*.x",
        "suite.wild.>",
        "suite.wild.a.*",
        "suite.wild.a.>",
    ] {
        // `suite.end` comes after all others and ends the list.
        let mut subscription = subscribe(&receiver, wanted).await;
        let mut all = subscribe(&receiver, "suite.>").await;
        for to in subjects {
            publish(&sender, to, Bytes::new()).await;
        }
        let expected = subjects.map(subject).into_iter();
        for to in expected.filter(|to| pattern(wanted).matches(to)) {
            assert_eq!(
                next(harness, &mut subscription).await.subject,
                to,
                "{wanted}"
            );
        }
        while next(harness, &mut all).await.subject != subject("suite.end") {}
        settle(harness, &receiver, "suite.settle").await;
        let more = futures::FutureExt::now_or_never(subscription.receive());
        assert_eq!(more, None, "{wanted} matches nothing else");
    }
}

/// Headers and any bytes arrive as they were sent.
pub async fn carries_headers_and_bytes(harness: &dyn Harness) {
    let (sender, receiver) = (harness.bus().await, harness.bus().await);
    let mut subscription = subscribe(&receiver, "suite.headers").await;
    let mut headers = Headers::new();
    let pairs = [
        ("Troupe-Message-Id", "00ff"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("X-Blanks", "a b: c, d=e"),
        ("X-Empty", ""),
    ];
    for (name, value) in pairs {
        headers
            .set(name, value)
            .expect("the suite's headers are valid");
    }
    let bytes: Bytes = (0..=255).collect();
    let sent = sender
        .publish(subject("suite.headers"), headers.clone(), bytes.clone())
        .await;
    sent.expect("a connected bus takes a message");
    publish(&sender, "suite.headers", Bytes::new()).await;
    let message = next(harness, &mut subscription).await;
    assert_eq!((message.headers, message.payload), (headers, bytes));
    let empty = next(harness, &mut subscription).await;
    assert!(empty.headers.is_empty() && empty.payload.is_empty());
}

/// A message over `max_payload` is refused before it is sent, and the bus goes on.
pub async fn refuses_what_is_too_large(harness: &dyn Harness) {
    let bus = harness.bus().await;
    let mut subscription = subscribe(&bus, "suite.large").await;
    let max = bus.max_payload();
    let large = Bytes::from(vec![0; max + 1]);
    let refused = BusError::TooLarge {
        bytes: max + 1,
        max,
    };
    let to = subject("suite.large");
    let sent = bus.publish(to.clone(), Headers::new(), large.clone()).await;
    assert_eq!(sent, Err(refused.clone()));
    let asked = bus
        .request(to, Headers::new(), large, super::PATIENCE)
        .await;
    assert_eq!(asked, Err(refused));
    let mut headers = Headers::new();
    headers
        .set("X", "counts too")
        .expect("the suite's headers are valid");
    let full = Bytes::from(vec![0; max]);
    let sent = bus.publish(subject("suite.large"), headers, full).await;
    assert!(matches!(sent, Err(BusError::TooLarge { .. })), "{sent:?}");
    publish(&bus, "suite.large", number(1)).await;
    assert_eq!(read_number(&next(harness, &mut subscription).await), 1);
}

/// A message of exactly `max_payload` passes.
pub async fn takes_what_just_fits(harness: &dyn Harness) {
    let bus = harness.bus().await;
    let mut subscription = subscribe(&bus, "suite.fits").await;
    let full = Bytes::from(vec![7; bus.max_payload()]);
    publish(&bus, "suite.fits", full.clone()).await;
    assert_eq!(next(harness, &mut subscription).await.payload, full);
}
