//! Gathers the heartbeats of all groups to one node into one request. openraft's heartbeat workers
//! come before it, `server` of the other node after it. Guarantees: a heartbeat waits for others
//! no longer than the linger; each gets its own group's answer. Left to others: when to beat.

use std::sync::{Arc, Weak};

use tokio::sync::{mpsc, oneshot};
use transport::RaftChannel;

use super::wire::{Request, Response};
use super::{CallError, Network};
use crate::types::NodeId;

struct Beat {
    group: u32,
    request: Request,
    answer: oneshot::Sender<Result<Response, CallError>>,
}

/// The queue of heartbeats to one node.
#[derive(Clone)]
pub(super) struct Heartbeats {
    queue: mpsc::UnboundedSender<Beat>,
}

impl Heartbeats {
    /// Starts the task that sends to `target`. It ends with `network`.
    pub(super) fn start(network: &Arc<Network>, target: NodeId) -> Self {
        let (queue, beats) = mpsc::unbounded_channel();
        tokio::spawn(pump(Arc::downgrade(network), target, beats));
        Self { queue }
    }

    /// Sends one heartbeat with the next batch and waits for its answer.
    pub(super) async fn beat(&self, group: u32, request: Request) -> Result<Response, CallError> {
        let (answer, answered) = oneshot::channel();
        let beat = Beat {
            group,
            request,
            answer,
        };
        self.queue.send(beat).map_err(|_| CallError::Closed)?;
        answered.await.map_err(|_| CallError::Closed)?
    }
}

async fn pump(network: Weak<Network>, target: NodeId, mut beats: mpsc::UnboundedReceiver<Beat>) {
    while let Some(first) = beats.recv().await {
        let Some(alive) = network.upgrade() else {
            return;
        };
        tokio::time::sleep(alive.timing.heartbeat_linger).await;
        let mut batch = vec![first];
        while let Ok(beat) = beats.try_recv() {
            batch.push(beat);
        }
        // Not awaited here: a node that does not answer must not hold back the next round.
        tokio::spawn(send(alive, target, batch));
    }
}

async fn send(network: Arc<Network>, target: NodeId, batch: Vec<Beat>) {
    let mut requests = Vec::with_capacity(batch.len());
    let mut answers = Vec::with_capacity(batch.len());
    for beat in batch {
        requests.push((beat.group, beat.request));
        answers.push(beat.answer);
    }
    let deadline = network.timing.heartbeat_deadline;
    let result = network
        .call(target, RaftChannel::Vote, &requests, deadline)
        .await;
    match result {
        Ok(responses) => {
            for (answer, response) in answers.into_iter().zip(responses) {
                // A worker that stopped waiting is of no interest any more.
                let _ = answer.send(Ok(response));
            }
        }
        Err(error) => {
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}
