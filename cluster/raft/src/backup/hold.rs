//! What a node holds of its replicas while a backup is read: a view of each from before the cut, then the log's
//! entries up to it. The door of the node that makes the backup comes before it, on this node or another. Guarantees:
//! nothing waits for it, neither the log nor apply; what nobody reads any more is let go after a while. Left to
//! others: beginning the cut (`node`), the bytes (`section`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cluster::store::{GroupId, StateReader, StoreView};
use cluster::{Command, Entry, query};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use transport::ShardId;

use super::section::Section;
use super::unfinished::{KEPT, UnfinishedBackups};
use crate::blocking;
use crate::group::Group;
use crate::log::{self, decode_entry};
use crate::opener::Opener;
use crate::payloads::{PayloadStore, Reference};
use crate::router::{Router, group_of};
use crate::start::SYSTEM;
use crate::state_machine::units;
use crate::types::Payload;

/// How often it is looked for such holds.
const LOOK: Duration = Duration::from_secs(10);
/// How long a replica may take to apply the cut that its shard has made.
const TAIL_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the log that are read at a time.
const READ_BYTES: u64 = 4 << 20;

/// Why a hold cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HoldError(String);

impl HoldError {
    pub(crate) fn new(reason: impl std::fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

/// What a node holds for backups.
pub struct Holds {
    router: Arc<Router>,
    opener: Opener,
    held: Mutex<BTreeMap<u64, Held>>,
    /// Backups that this node gives to somebody.
    pub(super) unfinished: UnfinishedBackups,
}

struct Held {
    used: Instant,
    sections: BTreeMap<GroupId, Arc<Mutex<Section>>>,
}

impl Holds {
    /// Of the groups that run on this node, on its log.
    pub(crate) fn new(router: Arc<Router>, opener: Opener) -> Arc<Self> {
        Arc::new(Self {
            router,
            opener,
            held: Mutex::default(),
            unfinished: UnfinishedBackups::default(),
        })
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u64, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a section until it is let go, or nobody has asked for its backup for a while.
    fn insert(self: &Arc<Self>, backup: u64, group: GroupId, section: Section) {
        let mut held = self.held();
        let is_first = !held.contains_key(&backup);
        let kept = held.entry(backup).or_insert_with(|| Held {
            used: Instant::now(),
            sections: BTreeMap::new(),
        });
        kept.used = Instant::now();
        kept.sections.insert(group, Arc::new(Mutex::new(section)));
        drop(held);
        if is_first {
            let holds = Arc::downgrade(self);
            drop(tokio::spawn(async move {
                while holds.upgrade().is_some_and(|holds| holds.sweep(backup)) {
                    tokio::time::sleep(LOOK).await;
                }
            }));
        }
    }

    fn section(&self, backup: u64, group: GroupId) -> Result<Arc<Mutex<Section>>, HoldError> {
        self.keep(backup)?;
        let held = self.held();
        let section = held.get(&backup).and_then(|held| held.sections.get(&group));
        section.cloned().ok_or_else(gone)
    }

    fn keep(&self, backup: u64) -> Result<(), HoldError> {
        let mut held = self.held();
        held.get_mut(&backup).ok_or_else(gone)?.used = Instant::now();
        Ok(())
    }

    /// Lets everything of a backup go.
    fn release(&self, backup: u64) {
        self.held().remove(&backup);
    }

    /// Lets a backup go that nobody has asked for. False where it is gone.
    fn sweep(&self, backup: u64) -> bool {
        let mut held = self.held();
        if held
            .get(&backup)
            .is_some_and(|held| held.used.elapsed() > KEPT)
        {
            tracing::warn!(backup, "a backup that is read no more is let go");
            held.remove(&backup);
        }
        held.contains_key(&backup)
    }
}

fn gone() -> HoldError {
    HoldError::new("the node holds nothing of it any more")
}

/// What is asked of a node that holds something for a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRequest {
    /// The number that the backup's cut has.
    pub backup: u64,
    /// What to do.
    pub step: Step,
}

/// One thing to do for a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Hold a view of this node's replica of a shard.
    View(ShardId),
    /// Add the entries up to the cut, once they are applied.
    Tail(ShardId),
    /// Give some bytes of what is held of a group; none at the end.
    Read {
        /// The group.
        group: u32,
        /// The first byte wanted.
        offset: u64,
    },
    /// Hold on.
    Keep,
    /// Let everything go.
    Release,
}

impl Holds {
    /// Answers one request. Only a read gives bytes.
    ///
    /// # Errors
    /// What it was asked for is not here, or cannot be read.
    pub(crate) async fn answer(self: &Arc<Self>, request: HoldRequest) -> Result<Bytes, HoldError> {
        let backup = request.backup;
        match request.step {
            Step::View(shard) => self.hold(backup, shard).await?,
            Step::Tail(shard) => self.hold_tail(backup, shard).await?,
            Step::Read { group, offset } => {
                return self.read(backup, GroupId(group), offset).await;
            }
            Step::Keep => self.keep(backup)?,
            Step::Release => self.release(backup),
        }
        Ok(Bytes::new())
    }

    /// Whether a replica here has made a cut before: then every program that took part since can read them.
    ///
    /// # Errors
    /// A state cannot be read.
    pub(crate) fn knows_cuts(&self) -> Result<bool, HoldError> {
        for local in self.router.locals() {
            if query::last_cut(&*local.reader).map_err(HoldError::new)? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Holds a view of this node's replica of a shard from before the cut.
    async fn hold(self: &Arc<Self>, backup: u64, shard: ShardId) -> Result<(), HoldError> {
        // Says whether the replica takes part.
        let read = self.router.read(shard, false).await;
        read.map_err(HoldError::new)?;
        let local = self.router.local(shard);
        let local = local.ok_or_else(|| HoldError::new("no replica is here"))?;
        let view = view(&local.group, &local.reader).await?;
        let cut = query::last_cut(&*view).map_err(HoldError::new)?;
        if cut >= backup {
            return Err(HoldError::new("another backup has begun since"));
        }
        let group = group_of(shard);
        self.insert(backup, group, Section::new(group.0, local.life, view));
        Ok(())
    }

    /// Adds to what is held of a shard the entries up to the cut, once they are applied here.
    async fn hold_tail(&self, backup: u64, shard: ShardId) -> Result<(), HoldError> {
        let section = self.section(backup, group_of(shard))?;
        let local = self.router.local(shard);
        let local = local.ok_or_else(|| HoldError::new("no replica is here any more"))?;
        let mut applied = local.group.host().watch_applied();
        let reader = Arc::clone(&local.reader);
        let made = applied.wait_for(|_| query::last_cut(&*reader).is_ok_and(|cut| cut >= backup));
        let late = |_| HoldError::new(format!("shard {shard} has not made the cut here in time"));
        let made = tokio::time::timeout(TAIL_PATIENCE, made).await;
        made.map_err(late)?.map_err(HoldError::new)?;
        let end = units(local.group.host().last_applied());
        let log = self.opener.log().clone();
        let payloads = Arc::clone(&self.router.network.payloads);
        let read = blocking::run(move || {
            let mut section = section.lock().unwrap_or_else(PoisonError::into_inner);
            let begin = section.view().index();
            let places = (group_of(shard), begin, end);
            section.entries = tail((&log, &payloads), places, backup)?;
            Ok(())
        });
        read.await.map_err(HoldError::new)?
    }

    /// Holds a view of the system group, once it is of that version of its state or a later one.
    ///
    /// # Errors
    /// Not in time, or it cannot be read.
    pub(crate) async fn hold_system(
        self: &Arc<Self>,
        backup: u64,
        version: u64,
    ) -> Result<(), HoldError> {
        let mut states = self.router.states.clone();
        let late = |_| HoldError::new("the system group's state is late on this node");
        let known = states.wait_for(|state| state.version >= version);
        let known = tokio::time::timeout(TAIL_PATIENCE, known).await;
        drop(known.map_err(late)?.map_err(HoldError::new)?);
        let system = self.router.system();
        let system = system.ok_or_else(|| HoldError::new("the system group does not run here"))?;
        let host = system.group.host();
        let flushed = host.with(|machine| {
            let store = machine.store();
            store.flush().map(|()| store.reader())
        });
        let reader = flushed.await.map_err(HoldError::new)?;
        let reader = reader.map_err(HoldError::new)?;
        let view = view(&system.group, &reader).await?;
        self.insert(backup, SYSTEM, Section::new(SYSTEM.0, system.life, view));
        Ok(())
    }

    async fn read(&self, backup: u64, group: GroupId, offset: u64) -> Result<Bytes, HoldError> {
        let section = self.section(backup, group)?;
        let read = blocking::run(move || {
            let mut section = section.lock().unwrap_or_else(PoisonError::into_inner);
            section.read(offset).map_err(HoldError::new)
        });
        read.await.map_err(HoldError::new)?
    }
}

/// A view of what is durable; makes something durable where nothing is.
async fn view(
    group: &Group,
    reader: &Arc<dyn StateReader>,
) -> Result<Arc<dyn StoreView>, HoldError> {
    let taken = take_view(reader).await?;
    if taken.index() > 0 {
        return Ok(taken);
    }
    let flushed = group.host().with(|machine| machine.store().flush()).await;
    flushed.map_err(HoldError::new)?.map_err(HoldError::new)?;
    take_view(reader).await
}

async fn take_view(reader: &Arc<dyn StateReader>) -> Result<Arc<dyn StoreView>, HoldError> {
    let reader = Arc::clone(reader);
    // It may wait for the disk.
    let taken = blocking::run(move || reader.view()).await;
    let taken = taken.map_err(HoldError::new)?.map_err(HoldError::new)?;
    Ok(Arc::from(taken))
}

/// The commands' entries after the unit `begin` up to the one that makes the cut, each with its unit. Blocks.
fn tail(
    (log, payloads): (&log::Log, &PayloadStore),
    (group, begin, end): (GroupId, u64, u64),
    cut: u64,
) -> Result<Vec<(u64, Bytes)>, HoldError> {
    let number = log::GroupId(u64::from(group.0));
    let mut tail = Vec::new();
    // The entry of unit n has the index n - 1.
    let mut next = begin;
    while next < end {
        let read = log.read(number, next, end, READ_BYTES);
        let read = read.map_err(HoldError::new)?;
        if read.first().map(|(index, _)| *index) != Some(next) {
            return Err(HoldError::new("the log was cut while the backup began"));
        }
        for (index, bytes) in read {
            next = index + 1;
            let entry = decode_entry(index, &bytes).map_err(HoldError::new)?;
            let Payload::Normal(data) = entry.payload else {
                continue;
            };
            let whole = whole(payloads, data.0)?;
            let is_last = makes(&whole, cut)?;
            tail.push((next, whole));
            if is_last {
                return Ok(tail);
            }
        }
    }
    Err(HoldError::new("the log does not hold the cut"))
}

/// The whole of an entry, also where it names its commands: what was applied here has its payload here.
fn whole(payloads: &PayloadStore, data: Bytes) -> Result<Bytes, HoldError> {
    let Some((reference, stamp)) = Reference::read(&data) else {
        return Ok(data);
    };
    let payload = payloads.get(reference).map_err(HoldError::new)?;
    let payload = payload.ok_or_else(|| HoldError::new("a large payload of the log is gone"))?;
    Ok(Bytes::from([stamp, &payload].concat()))
}

/// Whether an entry makes a cut of that number or a later one.
fn makes(entry: &[u8], cut: u64) -> Result<bool, HoldError> {
    let entry = Entry::decode(entry).map_err(HoldError::new)?;
    let makes = |command: &Command| matches!(command, Command::Cut(number) if *number >= cut);
    Ok(entry.commands.iter().any(makes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemoryDisk;
    use crate::limits::PayloadLimits;

    #[tokio::test]
    async fn an_entry_that_names_its_commands_goes_along_with_them() {
        let disk = Arc::new(MemoryDisk::new(1 << 20));
        let store = PayloadStore::open(disk, 0, PayloadLimits::default()).unwrap();
        let commands = vec![7; 10_000];
        let reference = Reference::of(&commands);
        let entry = reference.entry(b"stamp");
        assert!(whole(&store, entry.clone()).is_err(), "it is not there");
        store.put(reference, &commands).unwrap();
        let found = whole(&store, entry).unwrap();
        assert_eq!(found, [b"stamp".as_slice(), &commands].concat());
        let small = Bytes::from_static(b"\x03small");
        assert_eq!(whole(&store, small.clone()).unwrap(), small);
    }
}
