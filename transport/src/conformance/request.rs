//! Promises about requests: answers, deadlines, nobody there.
//! Before it: `bus_conformance!`. After it: nothing.
//! Guarantees: each function checks one promise and uses subjects of its own.
//! Leaves to others: publishing and the life of a subscription.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{join, join_all};

use super::{Harness, PATIENCE, next, number, publish, read_number, subject, subscribe, within};
use crate::bus::{Bus, BusError, BusMessage};
use crate::headers::Headers;
use crate::subscription::Subscription;

async fn ask(
    bus: &Arc<dyn Bus>,
    to: &str,
    payload: Bytes,
    deadline: Duration,
) -> Result<BusMessage, BusError> {
    bus.request(subject(to), Headers::new(), payload, deadline)
        .await
}

async fn answer(bus: &Arc<dyn Bus>, request: &BusMessage, payload: Bytes) {
    let answered = bus.respond(request, Headers::new(), payload).await;
    answered.expect("a connected bus takes an answer");
}

/// A request reaches a listener on another bus, and its answer comes back with its headers.
pub async fn answers_requests(harness: &dyn Harness) {
    let (client, server) = (harness.bus().await, harness.bus().await);
    let mut requests = subscribe(&server, "suite.ask").await;
    let serve = async {
        let request = next(harness, &mut requests).await;
        assert_eq!(request.headers.get("x-question"), Some("why"));
        let mut headers = Headers::new();
        headers
            .set("X-Answer", "because")
            .expect("the suite's headers are valid");
        let answered = server
            .respond(&request, headers, request.payload.clone())
            .await;
        answered.expect("a connected bus takes an answer");
    };
    let mut headers = Headers::new();
    headers
        .set("X-Question", "why")
        .expect("the suite's headers are valid");
    let asked = client.request(subject("suite.ask"), headers, number(42), PATIENCE);
    let (answer, ()) = join(asked, serve).await;
    let answer = answer.expect("an answered request succeeds");
    assert_eq!(read_number(&answer), 42);
    assert_eq!(answer.headers.get("X-Answer"), Some("because"));
}

/// Answers find the request that they belong to, also when they come in another order.
pub async fn keeps_concurrent_requests_apart(harness: &dyn Harness) {
    let (client, server) = (harness.bus().await, harness.bus().await);
    let mut requests = subscribe(&server, "suite.many").await;
    let serve = async {
        let mut waiting = Vec::new();
        while waiting.len() < 100 {
            waiting.push(next(harness, &mut requests).await);
        }
        for request in waiting.iter().rev() {
            answer(&server, request, number(read_number(request) + 1_000)).await;
        }
    };
    let asked = (0..100).map(|n| ask(&client, "suite.many", number(n), PATIENCE));
    let (answers, ()) = join(join_all(asked), serve).await;
    for (n, answer) in (0..).zip(answers) {
        assert_eq!(
            read_number(&answer.expect("an answered request succeeds")),
            n + 1_000
        );
    }
}

/// A request that nobody answers ends at its deadline: not at once, and not much later.
pub async fn ends_a_request_at_its_deadline(harness: &dyn Harness) {
    let (client, server) = (harness.bus().await, harness.bus().await);
    let mut requests = subscribe(&server, "suite.silence").await;
    let deadline = Duration::from_secs(1);
    let asked = ask(&client, "suite.silence", Bytes::new(), deadline);
    let mut asked = Box::pin(asked);
    let early = within(harness, deadline / 10, &mut asked).await;
    assert_eq!(early, None, "the deadline is waited for");
    let ended = within(harness, PATIENCE, asked).await;
    let expected = BusError::Deadline {
        subject: subject("suite.silence"),
        deadline,
    };
    assert_eq!(ended.expect("the deadline ends the request"), Err(expected));
    // An answer that comes too late disturbs nobody.
    let request = next(harness, &mut requests).await;
    let _ = server.respond(&request, Headers::new(), Bytes::new()).await;
}

/// A request to a subject without listeners fails at once, and says so.
pub async fn tells_that_nobody_listens(harness: &dyn Harness) {
    let client = harness.bus().await;
    let asked = ask(&client, "suite.nobody", Bytes::new(), PATIENCE * 6);
    let ended = within(harness, PATIENCE, asked).await;
    let expected = BusError::NoResponders {
        subject: subject("suite.nobody"),
    };
    assert_eq!(ended.expect("no listener is known at once"), Err(expected));
    publish(&client, "suite.nobody", Bytes::new()).await;
}

/// A published message carries no reply subject, and answering it is an error.
pub async fn refuses_to_answer_what_asks_for_no_answer(harness: &dyn Harness) {
    let bus = harness.bus().await;
    let mut messages: Subscription = subscribe(&bus, "suite.statement").await;
    publish(&bus, "suite.statement", Bytes::new()).await;
    let message = next(harness, &mut messages).await;
    let answered = bus.respond(&message, Headers::new(), Bytes::new()).await;
    assert_eq!(
        answered,
        Err(BusError::NoReply {
            subject: subject("suite.statement")
        })
    );
}

/// A request whose future is dropped frees its place: a late answer goes nowhere, and a
/// thousand given up requests do not disturb the next.
pub async fn forgets_a_request_that_is_given_up(harness: &dyn Harness) {
    let (client, server) = (harness.bus().await, harness.bus().await);
    let mut requests = subscribe(&server, "suite.given-up").await;
    for n in 0..1_000 {
        let mut asked = Box::pin(ask(&client, "suite.given-up", number(n), PATIENCE));
        let request = {
            let seen = futures::future::select(&mut asked, Box::pin(requests.receive())).await;
            match seen {
                futures::future::Either::Right((request, _)) => request,
                futures::future::Either::Left((ended, _)) => panic!("nobody answered: {ended:?}"),
            }
        };
        drop(asked);
        let request = request.expect("a subscription lasts as long as its bus");
        let _ = server.respond(&request, Headers::new(), number(n)).await;
    }
    let serve = async {
        let request = next(harness, &mut requests).await;
        answer(&server, &request, number(2)).await;
    };
    let (answer, ()) = join(ask(&client, "suite.given-up", number(1), PATIENCE), serve).await;
    assert_eq!(
        read_number(&answer.expect("an answered request succeeds")),
        2
    );
}
