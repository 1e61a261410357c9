//! What the tests against a real server share: a server of their own, connected buses, a responder.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tests::services::NatsServer;
use tests::wait::PATIENCE;
use transport::conformance::Harness;
use transport::{Bus, BusError, Headers, Pattern, Subject, SubscribeOptions};
use transport_nats::{NatsBus, NatsOptions};

/// A server, and how to connect to it.
pub(crate) struct OnNats {
    pub(crate) server: NatsServer,
}

impl OnNats {
    /// Starts a server; none where the user allows it to be missing.
    pub(crate) fn start() -> Option<Self> {
        let server = NatsServer::start()?;
        Some(Self { server })
    }

    /// A connected bus.
    pub(crate) async fn connect(&self) -> NatsBus {
        let bus = NatsBus::connect(&NatsOptions::new(self.server.url()))
            .await
            .unwrap();
        bus.wait_connected(PATIENCE).await.unwrap();
        bus
    }
}

impl Harness for OnNats {
    fn bus(&self) -> BoxFuture<'_, Arc<dyn Bus>> {
        Box::pin(async { Arc::new(self.connect().await) as Arc<dyn Bus> })
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

pub(crate) fn subject(text: &str) -> Subject {
    Subject::new(text).unwrap()
}

/// Answers everything on a subject with what was asked, until the bus is closed.
pub(crate) async fn echo(bus: Arc<NatsBus>, on: &str) {
    let pattern = Pattern::new(on).unwrap();
    let mut requests = bus
        .subscribe(pattern, SubscribeOptions::default())
        .await
        .unwrap();
    tokio::spawn(async move {
        while let Some(request) = requests.receive().await {
            // During an outage an answer cannot be given; the asker knows.
            let _ = bus
                .respond(&request, Headers::new(), request.payload.clone())
                .await;
        }
    });
}

pub(crate) async fn ask(bus: &NatsBus, to: &str, deadline: Duration) -> Result<Bytes, BusError> {
    let body = Bytes::from_static(b"hello");
    let asked = bus
        .request(subject(to), Headers::new(), body, deadline)
        .await;
    asked.map(|answer| answer.payload)
}

/// Waits until the bus says why it is not let in, and gives the reason.
pub(crate) async fn refusal(options: &NatsOptions) -> String {
    let bus = NatsBus::connect(options).await.unwrap();
    let refused = async {
        loop {
            match bus.wait_connected(Duration::from_millis(100)).await {
                Err(BusError::Refused { reason }) => return reason,
                Err(BusError::Disconnected) => {}
                other => panic!("this connection must be refused: {other:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap()
}
