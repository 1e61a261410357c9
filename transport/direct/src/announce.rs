//! Nodes tell each other on the bus below where they are, and what to say when connecting.
//! Before it: the bus below. After it: `book` and `dial`.
//! Guarantees: a node that begins, moves or comes back is known to the others soon, and they to it; a word that
//! was lost is said again. Leaves to others: connecting.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};
use transport::{Bus, BusState, Headers, NodeId, SubscribeOptions, codec};

use crate::book::Place;
use crate::dial;
use crate::handshake::Token;
use crate::limits::ANNOUNCE_EVERY;
use crate::node::Shared;

/// Bytes of one word.
const WORD_BYTES: usize = 16 * 1024;

/// What a node says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Word {
    /// The ids under which it answers.
    nodes: Vec<NodeId>,
    /// Where it listens.
    address: String,
    /// What it wants to be told.
    token: Token,
    /// Whether it wants to know where the others are.
    asks: bool,
}

/// Tells and hears, until the node goes.
pub(crate) async fn announce(shared: Arc<Shared>, bus: Arc<dyn Bus>) {
    loop {
        let pattern = shared.subjects.peers().pattern();
        match bus.subscribe(pattern, SubscribeOptions::default()).await {
            Ok(mut words) => {
                let mut states = bus.watch_state();
                tell(&shared, &*bus, true).await;
                loop {
                    let said = shared.renamed.notified();
                    tokio::select! {
                        word = words.receive() => match word {
                            Some(word) => hear(&shared, &*bus, &word.payload).await,
                            None => return,
                        },
                        state = states.next() => match state {
                            Some(BusState::Connected) => tell(&shared, &*bus, true).await,
                            Some(BusState::Disconnected) => {}
                            Some(BusState::Closed) | None => return,
                        },
                        _ = timeout(ANNOUNCE_EVERY, said) => tell(&shared, &*bus, true).await,
                    }
                }
            }
            Err(transport::BusError::Closed) => return,
            Err(error) => tracing::debug!(%error, "the addresses of other nodes are not heard yet"),
        }
        sleep(Duration::from_millis(200)).await;
    }
}

async fn tell(shared: &Shared, bus: &dyn Bus, asks: bool) {
    let word = Word {
        nodes: shared.book.own(),
        address: shared.address.clone(),
        token: shared.token,
        asks,
    };
    let payload: Bytes = match codec::encode(&word, WORD_BYTES) {
        Ok(payload) => payload,
        Err(error) => {
            tracing::error!(%error, "this node's address cannot be told");
            return;
        }
    };
    let told = bus.publish(shared.subjects.peers(), Headers::new(), payload);
    if let Err(error) = told.await {
        tracing::debug!(%error, "this node's address was not told");
    }
}

async fn hear(shared: &Arc<Shared>, bus: &dyn Bus, payload: &[u8]) {
    let word: Word = match codec::decode(payload, WORD_BYTES) {
        Ok(word) => word,
        Err(error) => {
            tracing::debug!(%error, "the address of a node was not read");
            return;
        }
    };
    if word.token == shared.token {
        return;
    }
    let mut news = false;
    for node in word.nodes {
        let place = Place {
            address: word.address.clone(),
            token: word.token,
        };
        news |= shared.book.note(node, &place);
        for lane in &shared.lanes {
            dial::keep(shared, lane, node);
        }
    }
    if news {
        shared.moved.notify_waiters();
    }
    if word.asks && !shared.book.own().is_empty() {
        tell(shared, bus, false).await;
    }
}
