//! A shard as a group's machine. `state_machine` comes before it, the shard of `cluster` inside it,
//! the driver and those who wait for news after it. Guarantees: actions leave only after their unit
//! is committed, in log order, and only while this node leads; a new leader's first batch is
//! derived from state; an entry that cannot be read stops the group. Left to others: doing them.

use std::sync::Arc;

use cluster::engine::Engine;
use cluster::store::{StateReader, StateStore};
use cluster::{Action, Entry, EntryStamp, Outcome, Shard, ShardIdentity};
use tokio::sync::mpsc;

use crate::agreement::Standing;
use crate::driver::waiters::{News, NewsBoard};
use crate::load::Load;
use crate::machine::{Machine, MachineError};
use crate::memory::{Memory, Share};
use crate::ports::Clock;
use crate::proposer::Protocol;
use crate::time::ShardTime;
use bytes::Bytes;
use cluster::Command;

/// About what an outcome takes when encoded.
const OUTCOME_BYTES: usize = 64;

/// What the driver is told, in log order.
#[derive(Debug)]
pub enum DriverEvent {
    /// This node leads from now on; this is all that is owed.
    Lead(Vec<Action>),
    /// What one unit gave, and when it was applied (nanoseconds since 1970).
    Actions {
        /// In order.
        actions: Vec<Action>,
        /// Before the unit's first entry.
        start_unix_nanos: u64,
        /// After its last.
        end_unix_nanos: u64,
    },
    /// This node does not lead any more.
    Unlead,
}

/// What a shard's machine works with.
#[derive(Clone)]
pub struct MachineParts {
    /// Counts what is applied.
    pub load: Arc<Load>,
    /// Runs turns.
    pub engine: Arc<dyn Engine>,
    /// Tells the driver.
    pub events: mpsc::UnboundedSender<DriverEvent>,
    /// Tells those who wait.
    pub news: Arc<NewsBoard>,
    /// For spans.
    pub clock: Arc<dyn Clock>,
    /// Follows the stamps.
    pub time: Arc<ShardTime>,
    /// Where this replica stands in the agreement.
    pub standing: Arc<Standing>,
    /// What it may take of the node's memory.
    pub memory: Arc<Memory>,
}

/// A shard with what it gave and did not hand over yet.
pub struct ShardMachine {
    shard: Option<Shard>,
    identity: ShardIdentity,
    parts: MachineParts,
    share: Share,
    leading: bool,
    /// Whether the driver was told to act: while this node leads, and the shard has not stopped.
    driving: bool,
    given: Vec<Action>,
    start_unix_nanos: u64,
}

impl ShardMachine {
    /// The shard over its store.
    ///
    /// # Errors
    /// Where the store cannot be read or holds another shard.
    pub fn open(
        identity: ShardIdentity,
        store: Box<dyn StateStore>,
        parts: MachineParts,
    ) -> Result<Self, MachineError> {
        let shard = begin(identity, store, &parts)?;
        Ok(Self {
            shard: Some(shard),
            identity,
            share: parts.memory.share(),
            parts,
            leading: false,
            driving: false,
            given: Vec::new(),
            start_unix_nanos: 0,
        })
    }

    /// A handle for queries.
    pub fn reader(&mut self) -> Arc<dyn StateReader> {
        self.store().reader()
    }

    fn shard(&mut self) -> &mut Shard {
        self.shard
            .as_mut()
            .expect("a shard is only away while its snapshot is installed")
    }

    /// Keeps the hash of a checkpoint, and compares it with a verdict.
    fn take_stand(
        &mut self,
        index: u64,
        entry: &Entry,
        outcomes: &[Outcome],
    ) -> Result<(), MachineError> {
        let standing = Arc::clone(&self.parts.standing);
        for (command, outcome) in entry.commands.iter().zip(outcomes) {
            match (command, outcome) {
                (Command::Checkpoint, Outcome::Checkpoint(hash)) => {
                    let (key, record) = standing.keep(index, *hash);
                    self.store().put(key, record);
                }
                (Command::Agreed(verdict), Outcome::Done) => {
                    standing.judge(verdict, self.shard().agreement())?;
                }
                (Command::BeginLife(_), Outcome::Done) => {
                    let shard = self.shard();
                    standing.begin_life(shard.agreement(), shard.awaits_life());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives away what was applied.
    fn hand_over(&mut self) {
        if self.given.is_empty() {
            return;
        }
        let actions = std::mem::take(&mut self.given);
        let watched = self.parts.news.is_watched();
        for action in actions.iter().filter(|_| watched) {
            if let Some(news) = News::of(action) {
                self.parts.news.publish(news);
            }
        }
        if self.driving {
            self.tell(DriverEvent::Actions {
                actions,
                start_unix_nanos: self.start_unix_nanos,
                end_unix_nanos: self.parts.clock.unix_nanos(),
            });
        }
    }

    /// Lets the driver act while this node leads and the shard has not stopped.
    fn drive(&mut self) -> Result<(), MachineError> {
        let leading = self.leading;
        let shard = self.shard();
        let wanted = leading && !shard.agreement().is_stopped() && !shard.awaits_life();
        if wanted == self.driving {
            return Ok(());
        }
        self.driving = wanted;
        match wanted {
            true => {
                let owed = self.shard().rebuild_actions().map_err(broken)?;
                self.tell(DriverEvent::Lead(owed));
            }
            false => self.tell(DriverEvent::Unlead),
        }
        Ok(())
    }

    fn tell(&self, event: DriverEvent) {
        // No driver: the group is being closed.
        let _ = self.parts.events.send(event);
    }
}

/// Opens the shard, and tells what follows it where it stands.
fn begin(
    identity: ShardIdentity,
    store: Box<dyn StateStore>,
    parts: &MachineParts,
) -> Result<Shard, MachineError> {
    parts.standing.load(&*store)?;
    let engine = Arc::clone(&parts.engine);
    let shard = Shard::open_with(identity, store, engine).map_err(broken)?;
    parts.time.observe(shard.time_ms());
    let standing = &parts.standing;
    standing.begin_life(shard.agreement(), shard.awaits_life());
    Ok(shard)
}

fn broken(error: impl std::fmt::Display) -> MachineError {
    MachineError::Broken(error.to_string())
}

impl Machine for ShardMachine {
    fn apply(&mut self, index: u64, data: &[u8]) -> Result<Vec<u8>, MachineError> {
        let entry = Entry::decode(data).map_err(broken)?;
        self.parts.load.count(&entry);
        if self.given.is_empty() {
            self.start_unix_nanos = self.parts.clock.unix_nanos();
        }
        // Turns are told only where somebody listens: they cost.
        let observed = self.leading || self.parts.news.is_watched();
        let worker_bytes_max = self.share.worker_bytes_max();
        let shard = self.shard();
        shard.observe(observed);
        shard.keep_hot(worker_bytes_max);
        let applied = shard.apply(index, &entry).map_err(broken)?;
        let (now_ms, worker_bytes) = (shard.time_ms(), shard.hot_bytes());
        self.share.tell(worker_bytes);
        self.parts.time.observe(now_ms);
        self.take_stand(index, &entry, &applied.outcomes)?;
        self.given.extend(applied.actions);
        let outcomes = Vec::with_capacity(OUTCOME_BYTES * applied.outcomes.len() + 8);
        postcard::to_extend(&applied.outcomes, outcomes).map_err(broken)
    }

    fn committed(&mut self, _index: u64) {
        self.hand_over();
        if let Err(error) = self.drive() {
            tracing::error!(shard = %self.identity.shard, %error, "what a shard owes cannot be read");
        }
    }

    fn store(&mut self) -> &mut dyn StateStore {
        self.shard().store_mut()
    }

    fn reload(&mut self) -> Result<(), MachineError> {
        self.given.clear();
        let shard = self
            .shard
            .take()
            .expect("a shard is only away while its snapshot is installed");
        let store = shard.into_store();
        self.shard = Some(begin(self.identity, store, &self.parts)?);
        Ok(())
    }

    fn set_leading(&mut self, leading: bool) -> Result<(), MachineError> {
        self.leading = leading;
        self.drive()
    }

    fn state_hash(&mut self) -> Result<[u8; 32], MachineError> {
        Ok(self.shard().state_hash().0)
    }
}

/// Entries of a shard.
#[derive(Debug, Clone, Copy)]
pub struct ShardProtocol;

impl Protocol for ShardProtocol {
    type Command = Command;
    type Outcome = Outcome;

    fn encode(stamp: EntryStamp, commands: Vec<Command>) -> Result<Bytes, String> {
        let entry = Entry { stamp, commands };
        entry.encode().map_err(|error| error.to_string())
    }

    fn encode_commands(commands: &[Command]) -> Result<Bytes, String> {
        cluster::entry::encode_commands(commands).map_err(|error| error.to_string())
    }

    fn outcomes(bytes: &[u8]) -> Result<Vec<Outcome>, String> {
        postcard::from_bytes(bytes).map_err(|error| error.to_string())
    }

    fn size(command: &Command) -> usize {
        const AROUND: usize = 256;
        let body =
            |body: &Option<cluster::Body>| body.as_ref().map_or(0, |body| body.bytes().len());
        AROUND
            + match command {
                Command::Deliver(deliver) => {
                    deliver.parcels.iter().map(|parcel| parcel.len() + 4).sum()
                }
                Command::Send(send) | Command::Hear(send) => send.body.bytes().len(),
                Command::Start(start) => body(&start.config) + body(&start.message),
                Command::Install(install) => install.program.len(),
                Command::Activate(activate) => activate.names.len() * 64,
                Command::EffectDone(done) => match &done.result {
                    cluster::command::EffectResult::Answer(body) => body.bytes().len(),
                    _ => 0,
                },
                _ => 0,
            }
    }

    fn is_of_client(command: &Command) -> bool {
        matches!(
            command,
            Command::Send(_) | Command::Start(_) | Command::Read(_) | Command::RetryDeadLetter(_)
        )
    }
}
