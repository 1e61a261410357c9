//! Gathers the requests of all groups to one node into few messages. Heartbeat workers and
//! replication of openraft come before it, `server` of the other node after it. Guarantees: what
//! one group asked first is sent first; each request gets its own answer; a message stays within
//! its bytes, unless one request alone is larger; so many messages are under way at a time, and
//! what comes meanwhile shares the next one. Left to others: when to ask, what an answer means.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use transport::RaftChannel;

use super::wire::{Lived, Request, Response};
use super::{CallError, Network};
use crate::types::NodeId;

/// Most bytes of entries in one message, beyond its first request: a message of the bus holds
/// 1 MiB, and one request at most half of that, or a single entry.
const MESSAGE_BYTES: usize = 256 << 10;

/// How requests of one kind travel.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// On which subject and connection.
    pub(super) channel: RaftChannel,
    /// How long the first request waits for others.
    pub(super) linger: Duration,
    /// Of a message with its answers.
    pub(super) deadline: Duration,
    /// Messages under way at a time.
    pub(super) in_flight: usize,
}

struct Asked {
    group: Lived,
    request: Request,
    answer: oneshot::Sender<Result<Response, CallError>>,
}

/// The queue of one kind of requests to one node.
#[derive(Clone)]
pub(super) struct Gatherer {
    queue: mpsc::UnboundedSender<Asked>,
}

impl Gatherer {
    /// Starts the task that sends to `target`. It ends with `network`.
    pub(super) fn start(network: &Arc<Network>, target: NodeId, rules: Rules) -> Self {
        let (queue, asked) = mpsc::unbounded_channel();
        let pump = Pump {
            network: Arc::downgrade(network),
            target,
            rules,
            asked,
            waiting: VecDeque::new(),
            under_way: FuturesUnordered::new(),
        };
        tokio::spawn(pump.run());
        Self { queue }
    }

    /// Sends one request with the next message and waits for its answer.
    pub(super) async fn ask(&self, group: Lived, request: Request) -> Result<Response, CallError> {
        let (answer, answered) = oneshot::channel();
        let asked = Asked {
            group,
            request,
            answer,
        };
        self.queue.send(asked).map_err(|_| CallError::Closed)?;
        answered.await.map_err(|_| CallError::Closed)?
    }
}

type Sending = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Pump {
    network: Weak<Network>,
    target: NodeId,
    rules: Rules,
    asked: mpsc::UnboundedReceiver<Asked>,
    waiting: VecDeque<Asked>,
    under_way: FuturesUnordered<Sending>,
}

impl Pump {
    async fn run(mut self) {
        while self.next().await {
            if !self.rules.linger.is_zero() {
                tokio::time::sleep(self.rules.linger).await;
            }
            while let Ok(asked) = self.asked.try_recv() {
                self.waiting.push_back(asked);
            }
            let Some(network) = self.network.upgrade() else {
                return;
            };
            let batch = take(&mut self.waiting);
            let mut sending: Sending = Box::pin(send(network, self.target, &self.rules, batch));
            // The first poll hands the message to the bus: messages leave in this order.
            if futures::poll!(sending.as_mut()).is_pending() {
                self.under_way.push(sending);
            }
        }
    }

    /// Waits until something is to be sent and may be; answers of earlier messages come meanwhile.
    /// False once nobody can ask any more.
    async fn next(&mut self) -> bool {
        loop {
            let may_send = self.under_way.len() < self.rules.in_flight;
            if may_send && !self.waiting.is_empty() {
                return true;
            }
            tokio::select! {
                biased;
                Some(()) = self.under_way.next(), if !self.under_way.is_empty() => {}
                asked = self.asked.recv(), if may_send => match asked {
                    Some(asked) => self.waiting.push_back(asked),
                    None => return false,
                },
            }
        }
    }
}

/// At least one request, and more while the message stays within its bytes.
fn take(waiting: &mut VecDeque<Asked>) -> Vec<Asked> {
    let mut bytes = 0;
    let mut batch = Vec::new();
    while let Some(next) = waiting.front() {
        bytes += next.request.entry_bytes();
        if bytes > MESSAGE_BYTES && !batch.is_empty() {
            break;
        }
        batch.extend(waiting.pop_front());
    }
    batch
}

fn send(
    network: Arc<Network>,
    target: NodeId,
    rules: &Rules,
    batch: Vec<Asked>,
) -> impl Future<Output = ()> + Send + use<> {
    let (channel, deadline) = (rules.channel, rules.deadline);
    async move {
        let mut requests = Vec::with_capacity(batch.len());
        let mut answers = Vec::with_capacity(batch.len());
        for asked in batch {
            requests.push((asked.group, asked.request));
            answers.push(asked.answer);
        }
        // Whoever stopped waiting for an answer is of no interest any more.
        match network.call(target, channel, &requests, deadline).await {
            Ok(responses) => {
                for (answer, response) in answers.into_iter().zip(responses) {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::wire::WireAppend;
    use crate::types::{Entry, EntryData, LeaderId, LogId, Payload, Vote};
    use bytes::Bytes;
    use cluster::store::GroupId;
    use openraft::raft::AppendEntriesRequest;
    use transport::Incarnation;

    fn asked(bytes: usize) -> Asked {
        let leader = LeaderId {
            term: 1,
            node_id: 1,
        };
        let request = AppendEntriesRequest::<crate::types::Config> {
            vote: Vote::new_committed(1, 1),
            prev_log_id: None,
            entries: vec![Entry {
                log_id: LogId::new(leader, 0),
                payload: Payload::Normal(EntryData(Bytes::from(vec![0; bytes]))),
            }],
            leader_commit: None,
        };
        Asked {
            group: Lived::new(GroupId(1), Incarnation(1)),
            request: Request::Append(WireAppend::new(request)),
            answer: oneshot::channel().0,
        }
    }

    #[test]
    fn a_message_stays_within_its_bytes_but_always_has_a_request() {
        let sizes = [1 << 20, 100, 100, MESSAGE_BYTES, 10];
        let mut waiting: VecDeque<Asked> = sizes.into_iter().map(asked).collect();
        let mut counts = Vec::new();
        while !waiting.is_empty() {
            counts.push(take(&mut waiting).len());
        }
        assert_eq!(counts, [1, 2, 1, 1]);
    }
}
