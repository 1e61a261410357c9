//! The suite that every adapter of the bus passes: what a `Bus` promises, as tests.
//! Before it: an adapter's test, which gives a `Harness` and calls `bus_conformance!`. After it:
//! nothing; a broken promise panics with what was expected.
//! Guarantees: asks for no runtime; waits for conditions with a deadline, never for a time.
//! Leaves to others: faults, which differ between adapters (restart of a server, partitions).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, Either, select};

use crate::bus::{Bus, BusMessage, SubscribeOptions};
use crate::headers::Headers;
use crate::subject::{Pattern, Subject};
use crate::subscription::Subscription;

mod publish;
mod request;
mod subscriptions;

pub use publish::*;
pub use request::*;
pub use subscriptions::*;

/// What the suite needs of an adapter and its runtime.
pub trait Harness: Send + Sync {
    /// A connected bus, with every call a new one of one and the same network.
    fn bus(&self) -> BoxFuture<'_, Arc<dyn Bus>>;

    /// Waits on the runtime of the test.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// Longest wait for anything that should happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes a test of every promise. The expression makes a new `Harness` for each; it may await.
#[macro_export]
macro_rules! bus_conformance {
    ($harness:expr) => {
        $crate::bus_conformance!(@tests $harness;
            keeps_the_order_of_a_publisher,
            reaches_every_subscription_once,
            hears_its_own_messages,
            matches_wildcards,
            carries_headers_and_bytes,
            refuses_what_is_too_large,
            takes_what_just_fits,
            answers_requests,
            keeps_concurrent_requests_apart,
            ends_a_request_at_its_deadline,
            tells_that_nobody_listens,
            refuses_to_answer_what_asks_for_no_answer,
            forgets_a_request_that_is_given_up,
            listens_as_soon_as_subscribed,
            shares_messages_in_a_queue_group,
            stops_listening_when_dropped,
            counts_what_a_slow_consumer_loses,
            hands_over_what_waits_in_batches,
            ends_when_closed,
        );
    };
    (@tests $harness:expr; $($name:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let harness = $harness;
                $crate::conformance::$name(&harness).await;
            }
        )*
    };
}

fn subject(text: &str) -> Subject {
    Subject::new(text).expect("the suite's subjects are valid")
}

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).expect("the suite's patterns are valid")
}

fn number(number: u32) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

fn read_number(message: &BusMessage) -> u32 {
    let bytes = message.payload.as_ref().try_into();
    u32::from_be_bytes(bytes.expect("the suite sends numbers of four bytes"))
}

async fn publish(bus: &Arc<dyn Bus>, to: &str, payload: Bytes) {
    let sent = bus.publish(subject(to), Headers::new(), payload).await;
    sent.expect("a connected bus takes a message");
}

async fn subscribe(bus: &Arc<dyn Bus>, to: &str) -> Subscription {
    subscribe_with(bus, to, SubscribeOptions::default()).await
}

async fn subscribe_with(bus: &Arc<dyn Bus>, to: &str, options: SubscribeOptions) -> Subscription {
    let made = bus.subscribe(pattern(to), options).await;
    made.expect("a connected bus subscribes")
}

/// The next message; panics where none comes.
async fn next(harness: &dyn Harness, subscription: &mut Subscription) -> BusMessage {
    let received = within(harness, PATIENCE, subscription.receive()).await;
    let message = received.expect("a message that was published arrives");
    message.expect("a subscription lasts as long as its bus")
}

/// What the future gives, or nothing where it takes longer than `time`.
async fn within<T>(
    harness: &dyn Harness,
    time: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let future = std::pin::pin!(future);
    match select(future, harness.sleep(time)).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}

/// Waits until everything that was published on `bus` before has been handed out by the bus.
async fn settle(harness: &dyn Harness, bus: &Arc<dyn Bus>, to: &str) {
    let mut marks = subscribe(bus, to).await;
    publish(bus, to, Bytes::new()).await;
    next(harness, &mut marks).await;
}
