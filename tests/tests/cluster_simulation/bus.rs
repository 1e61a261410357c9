//! A machine's end of the simulated network: the port `Bus`. Raft's network and the remote requests of a node
//! come before it, `network` after it. Guarantees: what the port says, but for what the weather does; nothing
//! passes once the machine's life has ended. Left to others: the fate of a packet.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::mpsc;
use transport::{
    Bus, BusError, BusFuture, BusMessage, BusState, DropCounter, Headers, Pattern, Subject,
    SubscribeOptions, Subscription,
};

use crate::network::{Life, Network, Route};

const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// The bus of one life of a machine.
pub(crate) struct SimulatedBus {
    pub(crate) network: Network,
    pub(crate) life: Life,
}

/// Takes a subscription off the network when it is dropped.
struct Listening {
    network: Network,
    route: u64,
    queue: mpsc::Receiver<BusMessage>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.network.unlisten(self.route);
    }
}

/// Closes a request when nobody waits for its answer any more.
struct Ticket<'n>(&'n Network, u64);

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.0.forget(self.1);
    }
}

impl SimulatedBus {
    fn check(&self, payload: &Bytes) -> Result<(), BusError> {
        let (bytes, max) = (payload.len(), PAYLOAD_BYTES_MAX);
        match self.network.is_live(self.life) {
            false => Err(BusError::Closed),
            true if bytes > max => Err(BusError::TooLarge { bytes, max }),
            true => Ok(()),
        }
    }

    async fn ask(
        &self,
        subject: Subject,
        headers: Headers,
        payload: Bytes,
        deadline: Duration,
    ) -> Result<BusMessage, BusError> {
        self.check(&payload)?;
        let (request, reply, answered) = self.network.ask(self.life);
        let _ticket = Ticket(&self.network, request);
        let message = BusMessage {
            subject: subject.clone(),
            reply: Some(reply),
            headers,
            payload,
        };
        self.network.send(self.life, message)?;
        match tokio::time::timeout(deadline, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(BusError::Disconnected),
            Err(_) => Err(BusError::Deadline { subject, deadline }),
        }
    }

    fn listen(&self, pattern: Pattern, options: &SubscribeOptions) -> Subscription {
        assert!(
            options.queue_group.is_none(),
            "queue groups are not simulated"
        );
        let (sender, queue) = mpsc::channel(options.capacity.max(1));
        let drops = DropCounter::default();
        let route = self.network.next_id();
        self.network.listen(Route {
            id: route,
            life: self.life,
            pattern,
            queue: sender,
            drops: drops.clone(),
        });
        let mut listening = Listening {
            network: self.network.clone(),
            route,
            queue,
        };
        let messages = stream::poll_fn(move |context| -> Poll<Option<BusMessage>> {
            listening.queue.poll_recv(context)
        });
        Subscription::new(messages.boxed(), drops)
    }
}

impl Bus for SimulatedBus {
    fn publish(&self, subject: Subject, headers: Headers, payload: Bytes) -> BusFuture<'_, ()> {
        Box::pin(async move {
            self.check(&payload)?;
            let message = BusMessage {
                subject,
                reply: None,
                headers,
                payload,
            };
            match self.network.send(self.life, message) {
                // Nobody is told where nobody listens.
                Ok(()) | Err(BusError::NoResponders { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }

    fn request(
        &self,
        subject: Subject,
        headers: Headers,
        payload: Bytes,
        deadline: Duration,
    ) -> BusFuture<'_, BusMessage> {
        Box::pin(self.ask(subject, headers, payload, deadline))
    }

    fn subscribe(
        &self,
        pattern: Pattern,
        options: SubscribeOptions,
    ) -> BusFuture<'_, Subscription> {
        Box::pin(async move {
            self.check(&Bytes::new())?;
            Ok(self.listen(pattern, &options))
        })
    }

    fn state(&self) -> BusState {
        match self.network.is_live(self.life) {
            true => BusState::Connected,
            false => BusState::Closed,
        }
    }

    fn watch_state(&self) -> BoxStream<'static, BusState> {
        let state = self.state();
        stream::once(async move { state })
            .chain(stream::pending())
            .boxed()
    }

    fn max_payload(&self) -> usize {
        PAYLOAD_BYTES_MAX
    }

    fn close(&self) -> BusFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// The three connections of a node: one network carries them all.
pub(crate) fn buses(network: &Network, life: Life) -> cluster_raft::network::Buses {
    cluster_raft::network::Buses::shared(Arc::new(SimulatedBus {
        network: network.clone(),
        life,
    }))
}
