//! Clients that add to tallies at whatever machine is up, and what they know of each add: acknowledged, refused
//! each time, or unknown; and what they read of it, which must never go back. The world steps them; the groups of
//! a node come after them, entered as a door enters them. Guarantees: an add whose outcome is unknown is tried again
//! under its idempotency key only. Left to others: judging what became of it all (`checks`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cluster::command::{Command, DoorHeader, DoorSequence, Idempotency, SendRequest};
use cluster::outcome::{Outcome, Progress};
use cluster::{codes, shard_of};
use cluster_raft::Groups;
use cluster_raft::proposer::ProposeError;
use serde_json::json;
use tests::random::Random;
use tokio::sync::oneshot;
use transport::{DoorOrigin, HybridTime, MessageId, NodeId, Stamp};

use crate::SHARDS;
use crate::machine::Machine;
use crate::program::{self, Kept};
use crate::trace::Trace;

pub(crate) const COUNTERS: u64 = 8;
pub(crate) const LEDGERS: u64 = 5;
/// How long a client waits for one attempt.
const ATTEMPT_MS: u64 = 3_000;
/// Attempts after which an add that nobody answers is left unknown.
const ATTEMPTS_MAX: u64 = 40;
/// One of so many adds that were not answered is left as it is.
const LEFT_UNKNOWN_ONE_IN: usize = 4;

/// What is known of an add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Acknowledged,
    Refused,
    Unknown,
}

#[derive(Clone, Debug)]
pub(crate) struct Add {
    pub(crate) id: u64,
    pub(crate) counter: u64,
    pub(crate) ledger: u64,
    pub(crate) amount: u64,
    /// It traps, so that it becomes a dead letter.
    pub(crate) bad: bool,
    delay_ms: u64,
    /// Sent to the name instead of the instance.
    bare: bool,
    /// With an idempotency key, so that it is tried again where its outcome is unknown.
    keyed: bool,
    pub(crate) verdict: Verdict,
}

/// What is known of a tally: no later read may show less.
#[derive(Default)]
pub(crate) struct Known(BTreeMap<u64, (u64, Vec<u64>)>);

type Answer = Result<Vec<Outcome>, ProposeError>;
type Seen = Option<(u64, Kept)>;

enum Doing {
    Rest(u64),
    Try {
        until_ms: u64,
        answer: oneshot::Receiver<Answer>,
    },
    Read {
        until_ms: u64,
        counter: u64,
        /// What must be seen: steps, and ids at the front.
        least: (u64, Vec<u64>),
        /// An add whose turn was over before the read began.
        added: Option<u64>,
        seen: oneshot::Receiver<Seen>,
    },
}

pub(crate) struct Client {
    number: u64,
    random: Random,
    trace: Trace,
    doing: Doing,
    current: Option<(Add, u64)>,
    left: u64,
    pub(crate) finished: Vec<Add>,
    pub(crate) reads: u64,
}

impl Client {
    pub(crate) fn new(number: u64, random: Random, adds: u64, trace: Trace) -> Self {
        Self {
            number,
            random,
            trace,
            doing: Doing::Rest(0),
            current: None,
            left: adds,
            finished: Vec::new(),
            reads: 0,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.left == 0 && self.current.is_none() && matches!(self.doing, Doing::Rest(_))
    }

    pub(crate) fn step(&mut self, now_ms: u64, machines: &mut [Machine], known: &mut Known) {
        match &mut self.doing {
            Doing::Rest(until_ms) if *until_ms > now_ms => {}
            Doing::Rest(_) => self.go_on(now_ms, machines),
            Doing::Try { until_ms, answer } => {
                let answer = match answer.try_recv() {
                    Ok(answer) => Some(answer),
                    Err(oneshot::error::TryRecvError::Empty) if *until_ms > now_ms => return,
                    Err(_) => None,
                };
                self.answered(now_ms, answer.as_ref(), machines, known);
            }
            Doing::Read {
                until_ms,
                counter,
                least,
                added,
                seen,
            } => {
                let seen = match seen.try_recv() {
                    Ok(seen) => seen,
                    Err(oneshot::error::TryRecvError::Empty) if *until_ms > now_ms => return,
                    Err(_) => None,
                };
                if let Some(seen) = seen {
                    self.reads += 1;
                    known.take(*counter, least, *added, seen);
                }
                self.rest(now_ms);
            }
        }
    }

    fn rest(&mut self, now_ms: u64) {
        let pause_ms = self.random.below(60) as u64;
        self.doing = Doing::Rest(now_ms + pause_ms);
    }

    /// Begins an add, or tries again.
    fn go_on(&mut self, now_ms: u64, machines: &mut [Machine]) {
        if self.current.is_none() {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let add = self.make();
            self.current = Some((add, 0));
        }
        let Some(at) = self.choose(machines) else {
            return self.rest(now_ms);
        };
        let Some((add, attempts)) = &mut self.current else {
            return;
        };
        *attempts += 1;
        let answer = send(add, &mut machines[at], now_ms);
        let (client, id) = (self.number, add.id);
        self.trace
            .say(format_args!("client {client} adds {id} at {at}"));
        self.doing = Doing::Try {
            until_ms: now_ms + ATTEMPT_MS,
            answer,
        };
    }

    fn make(&mut self) -> Add {
        let random = &mut self.random;
        Add {
            id: self.number * 1_000 + self.left,
            counter: random.below(COUNTERS as usize) as u64,
            ledger: random.below(LEDGERS as usize) as u64,
            amount: 1 + random.below(1_000) as u64,
            bad: random.below(25) == 0,
            delay_ms: match random.below(5) {
                0 => 1 + random.below(800) as u64,
                _ => 0,
            },
            bare: random.below(3) == 0,
            keyed: random.below(3) > 0,
            verdict: Verdict::Refused,
        }
    }

    /// A machine whose node runs.
    fn choose(&mut self, machines: &[Machine]) -> Option<usize> {
        let up = |machine: &&Machine| machine.groups().is_some();
        let up: Vec<usize> = machines
            .iter()
            .filter(up)
            .map(|machine| machine.number)
            .collect();
        match up.is_empty() {
            true => None,
            false => Some(up[self.random.below(up.len())]),
        }
    }

    fn answered(
        &mut self,
        now_ms: u64,
        answer: Option<&Answer>,
        machines: &[Machine],
        known: &Known,
    ) {
        let (mut add, attempts) = self.current.take().expect("an answer to an add");
        let is_applied = judge(&mut add, answer);
        let left = add.verdict == Verdict::Unknown
            && (!add.keyed
                || attempts >= ATTEMPTS_MAX
                || self.random.below(LEFT_UNKNOWN_ONE_IN) == 0);
        self.trace.say(format_args!(
            "client {} of {}: {:?} {is_applied}",
            self.number, add.id, add.verdict
        ));
        if add.verdict != Verdict::Acknowledged && !left {
            self.current = Some((add, attempts));
            return self.rest(now_ms);
        }
        let (counter, id) = (add.counter, add.id);
        self.finished.push(add);
        match self.choose(machines) {
            Some(at) if self.random.below(3) == 0 => {
                let seen = read(&machines[at], counter);
                self.doing = Doing::Read {
                    until_ms: now_ms + ATTEMPT_MS,
                    counter,
                    least: known.0.get(&counter).cloned().unwrap_or_default(),
                    added: is_applied.then_some(id),
                    seen,
                };
            }
            _ => self.rest(now_ms),
        }
    }
}

/// Notes what an answer says. True where the turn is over and stands.
fn judge(add: &mut Add, answer: Option<&Answer>) -> bool {
    match answer {
        Some(Ok(outcomes)) => match outcomes.first() {
            Some(Outcome::Accepted(receipt)) => {
                add.verdict = Verdict::Acknowledged;
                !add.bad && matches!(receipt.progress, Progress::Applied { .. })
            }
            Some(Outcome::Refused(refusal)) if refusal.code == codes::OUTCOME_UNKNOWN => {
                add.verdict = Verdict::Unknown;
                false
            }
            other => panic!("an add was answered {other:?}"),
        },
        // It certainly had no effect, but an earlier attempt may have had.
        Some(Err(error)) if error.is_unsent() => false,
        Some(Err(_)) | None => {
            add.verdict = Verdict::Unknown;
            false
        }
    }
}

/// Proposes an add as the door of that machine's node does.
fn send(add: &Add, machine: &mut Machine, now_ms: u64) -> oneshot::Receiver<Answer> {
    let (sender, answer) = oneshot::channel();
    let groups = machine.groups().expect("it was chosen for its groups");
    let life = machine.life.as_mut().expect("groups run in a life");
    life.next_sequence += 1;
    let command = command(add, &groups, life.next_sequence, now_ms);
    let to = target(add);
    life.runtime.spawn(async move {
        let shard = shard_of(&to, SHARDS);
        let done = groups.submit(shard, vec![command], Duration::from_millis(ATTEMPT_MS));
        // The client may have given up.
        let _ = sender.send(done.await);
    });
    answer
}

fn target(add: &Add) -> transport::Address {
    match add.bare {
        true => program::address("Tally"),
        false => program::address(&format!("Tally/c{}", add.counter)),
    }
}

fn command(add: &Add, groups: &Arc<Groups>, sequence: u64, now_ms: u64) -> Command {
    let origin = DoorSequence {
        node: NodeId(groups.local()),
        incarnation: groups.incarnation(),
        sequence,
    };
    let id = MessageId::root(&DoorOrigin {
        cluster: groups
            .cluster()
            .expect("a node that started has its cluster"),
        node: origin.node,
        node_incarnation: origin.incarnation,
        sequence,
    });
    let message = json!({
        "type": "add",
        "counter": format!("c{}", add.counter),
        "ledger": format!("l{}", add.ledger),
        "id": add.id,
        "amount": add.amount,
        "ms": add.delay_ms,
        "bad": add.bad,
    });
    let key = format!("add-{}", add.id);
    Command::Send(SendRequest {
        door: DoorHeader {
            origin,
            stamp: Stamp::root(id, HybridTime::new(now_ms, 0), None),
            idempotency: add.keyed.then(|| Idempotency {
                digest: *blake3::hash(key.as_bytes()).as_bytes(),
                key,
            }),
        },
        to: target(add),
        from: None,
        body: program::body(&message),
    })
}

/// Reads a tally linearisably at that machine.
fn read(machine: &Machine, counter: u64) -> oneshot::Receiver<Seen> {
    let (sender, seen) = oneshot::channel();
    let groups = machine.groups().expect("it was chosen for its groups");
    let life = machine.life.as_ref().expect("groups run in a life");
    life.runtime.spawn(async move {
        let address = program::address(&format!("Tally/c{counter}"));
        let reader = groups.read(shard_of(&address, SHARDS), true).await;
        let seen = reader.ok().map(|reader| {
            let kept = program::kept(&*reader, &address);
            kept.map_or_else(Default::default, |(view, kept)| (view.step, kept))
        });
        let _ = sender.send(seen);
    });
    seen
}

impl Known {
    fn take(
        &mut self,
        counter: u64,
        least: &(u64, Vec<u64>),
        added: Option<u64>,
        seen: (u64, Kept),
    ) {
        let (step, kept) = seen;
        assert!(
            step >= least.0 && kept.ids.starts_with(&least.1),
            "tally {counter} went back: {least:?} was read, and then {step} {kept:?}"
        );
        if let Some(id) = added {
            assert!(
                kept.ids.contains(&id),
                "add {id} was acknowledged after its turn and then not read: {kept:?}"
            );
        }
        let known = self.0.entry(counter).or_default();
        if step > known.0 {
            *known = (step, kept.ids);
        }
    }
}
