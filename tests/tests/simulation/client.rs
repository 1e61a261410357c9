//! Clients that transfer between accounts, and what they know of each: done, refused, or unknown.
//!
//! Before it: the seed. After it: the oracle in `checks`. Guarantees: each client does one thing at
//! a time, repeats it inside its door under the same sequence, and perhaps once more through
//! another door under its idempotency key. Leaves to others: judging.

use cluster::Command;
use cluster::command::{DoorHeader, DoorSequence, Idempotency, SendRequest};
use cluster::engine::model::Do;
use cluster::message::Body;
use cluster::outcome::Outcome;
use transport::{Address, DoorOrigin, HybridTime, MessageId, Namespace, Stamp};

use crate::random::Random;
use crate::{CLUSTER, SHARDS, scripts};

pub(crate) const ACCOUNTS: u64 = 6;

/// Ends the tag of a transfer whose target is named without its key.
pub(crate) const BARE: char = 'b';

/// What a client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was acknowledged.
    Done,
    /// It was refused, so it must not have happened.
    Refused,
    /// Nobody answered in time.
    Unknown,
}

/// One transfer.
#[derive(Clone, Debug)]
pub(crate) struct Transfer {
    pub(crate) tag: String,
    pub(crate) to: Address,
    pub(crate) body: Body,
    pub(crate) with_key: bool,
}

pub(crate) struct Client {
    pub(crate) number: usize,
    pub(crate) door: usize,
    pub(crate) left: u64,
    pub(crate) current: Option<Request>,
    pub(crate) finished: Vec<(Transfer, Verdict)>,
    made: u64,
}

pub(crate) struct Request {
    pub(crate) transfer: Transfer,
    pub(crate) command: Command,
    pub(crate) request: MessageId,
    pub(crate) gives_up_ms: u64,
    pub(crate) again_ms: u64,
    /// Attempts through further doors that are left; only with an idempotency key.
    doors_left: u64,
}

/// The doors' counters: one for each node, raised with its incarnation.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) incarnation: u32,
    pub(crate) sequence: u64,
}

pub(crate) fn account(number: u64) -> String {
    format!("a{number}")
}

impl Client {
    pub(crate) fn new(number: usize, transfers: u64) -> Client {
        Client {
            number,
            door: number % crate::NODES,
            left: transfers,
            current: None,
            finished: Vec::new(),
            made: 0,
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.left == 0 && self.current.is_none()
    }

    /// Begins the next transfer.
    pub(crate) fn begin(&mut self, random: &mut Random, doors: &mut [Door], now_ms: u64) {
        self.left -= 1;
        self.made += 1;
        let transfer = transfer(random, format!("c{}-{}", self.number, self.made));
        self.door = random.below(crate::NODES as u64) as usize;
        self.ask(transfer, 2, random, doors, now_ms);
    }

    fn ask(
        &mut self,
        transfer: Transfer,
        doors_left: u64,
        random: &mut Random,
        doors: &mut [Door],
        now_ms: u64,
    ) {
        let header = header(&mut doors[self.door], self.door, &transfer, now_ms);
        // The id is of door, life and sequence: an answer to another request is not taken for it.
        let request = header.stamp.id;
        let command = Command::Send(SendRequest {
            door: header,
            to: transfer.to.clone(),
            from: None,
            body: transfer.body.clone(),
        });
        self.current = Some(Request {
            transfer,
            command,
            request,
            gives_up_ms: now_ms + 500 + random.below(3000),
            again_ms: now_ms,
            doors_left,
        });
    }

    /// An answer to a request; late ones of earlier requests are nothing to it.
    pub(crate) fn answered(&mut self, request: MessageId, outcome: Option<Outcome>) {
        let Some(current) = &self.current else { return };
        if current.request != request {
            return;
        }
        match outcome {
            // The node does not lead: ask on.
            None => {}
            Some(Outcome::Accepted(_)) => self.finish(Verdict::Done),
            Some(Outcome::Refused(refusal)) if refusal.code == cluster::codes::OUTCOME_UNKNOWN => {
                self.finish(Verdict::Unknown);
            }
            Some(Outcome::Refused(_)) => self.finish(Verdict::Refused),
            Some(other) => panic!("no answer to a request: {other:?}"),
        }
    }

    /// Gives up through this door: through another one with a key, else for good.
    pub(crate) fn give_up(&mut self, random: &mut Random, doors: &mut [Door], now_ms: u64) {
        let Some(current) = self.current.take() else {
            return;
        };
        if current.transfer.with_key && current.doors_left > 0 {
            self.door = (self.door + 1) % crate::NODES;
            self.ask(
                current.transfer,
                current.doors_left - 1,
                random,
                doors,
                now_ms,
            );
        } else {
            self.finished.push((current.transfer, Verdict::Unknown));
        }
    }

    fn finish(&mut self, verdict: Verdict) {
        if let Some(current) = self.current.take() {
            // With a key, an earlier attempt may have happened although the last was refused.
            let unsure = current.transfer.with_key && current.doors_left < 2;
            let verdict = match verdict {
                Verdict::Refused if unsure => Verdict::Unknown,
                verdict => verdict,
            };
            self.finished.push((current.transfer, verdict));
        }
    }
}

pub(crate) fn header(door: &mut Door, node: usize, transfer: &Transfer, now_ms: u64) -> DoorHeader {
    door.sequence += 1;
    let origin = DoorSequence {
        node: crate::node_id(node),
        incarnation: transport::Incarnation(door.incarnation),
        sequence: door.sequence,
    };
    let id = MessageId::root(&DoorOrigin {
        cluster: CLUSTER,
        node: origin.node,
        node_incarnation: origin.incarnation,
        sequence: origin.sequence,
    });
    let idempotency = transfer.with_key.then(|| Idempotency {
        key: transfer.tag.clone(),
        digest: *blake3::hash(transfer.tag.as_bytes()).as_bytes(),
    });
    DoorHeader {
        origin,
        stamp: Stamp::root(id, HybridTime::new(now_ms, 0), None),
        idempotency,
    }
}

/// A random transfer: an account takes off its count what another adds.
fn transfer(random: &mut Random, mut tag: String) -> Transfer {
    let (from, to) = (
        account(random.below(ACCOUNTS)),
        account(random.below(ACCOUNTS)),
    );
    let target = match random.below(3) {
        0 => None,
        _ => Some(to.clone()),
    };
    if target.is_none() {
        tag.push(BARE);
    }
    let worker = match random.below(4) {
        0 => scripts::TILL,
        _ => "Counter",
    };
    let text = match random.below(3) {
        0 => worker.to_owned(),
        _ => format!("{worker}/{from}"),
    };
    let body = match worker {
        scripts::TILL => scripts::payment(random, &from, &to, &tag, target.is_none()),
        _ => Do::body(&steps(random, (&from, &to, target), &tag)),
    };
    Transfer {
        tag,
        to: Address::parse(Namespace::default(), &text).unwrap(),
        body,
        with_key: random.percent(40),
    }
}

/// The same for model workers, with something besides now and then.
fn steps(random: &mut Random, accounts: (&str, &str, Option<String>), tag: &str) -> Vec<Do> {
    let (from, to, target) = accounts;
    let key = |key: &str| Do::Key(key.to_owned());
    let amount = 1 + random.below(100) as i64;
    let arrive = vec![key(to), key(&format!("{tag}>")), Do::Add(amount)];
    let pass = Do::Send("Counter".to_owned(), target, arrive);
    let mut body = vec![key(from), key(tag), Do::Add(-amount)];
    match random.below(12) {
        0 => body.extend([pass, Do::Trap]),
        1 => body.push(Do::Delay(random.below(300), vec![pass])),
        2 => body.extend([Do::Send("Mail".to_owned(), None, vec![]), pass]),
        3 => body.extend([Do::Spawn(false, vec![key(&format!("{tag}+")), pass])]),
        4 => body.extend([pass, Do::Work(random.below(4000))]),
        _ => body.push(pass),
    }
    body
}

pub(crate) fn home(address: &Address) -> u32 {
    cluster::shard_of(address, SHARDS).0
}
