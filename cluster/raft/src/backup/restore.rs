//! A new cluster of one node from a backup, on an empty data folder. The command comes before it, the start of a
//! node on that folder after it, which goes on like any node; others join as usual. Guarantees: each shard has the
//! state of the cut and the programs and names that the system group knows; all are in new lives, so what is under
//! way between them is delivered once, and nothing of the old cluster is heard. Left to others: that nobody starts
//! on a folder that is not complete (`node`), meeting (the shards' drivers).

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use cluster::engine::Engine;
use cluster::store::{GroupId, Pair, StateStore, StoreError, StoreProvider};
use cluster::system::{Member, MemberState, SystemError};
use cluster::{Entry, EntryStamp, Outcome, Shard, ShardError, ShardIdentity, System};
use openraft_rt_tokio::TokioRuntime;
use tokio::sync::oneshot;
use transport::{ClusterId, Incarnation, NodeId as MemberId, ShardId};

use super::format::{FormatError, Head, Reader, Record};
use crate::disk::Disk;
use crate::identity::{Identity, IdentityError, IdentityFile};
use crate::limits::LogLimits;
use crate::lives::{Lives, LivesError};
use crate::log::{self, GroupLog, Log, LogConfig, LogError, encode_log_id};
use crate::machine::MachineError;
use crate::ports::{Clock, Entropy};
use crate::start::SYSTEM;
use crate::state_machine;
use crate::types::{LogId, NodeInfo};

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The file.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state of a shard.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// The state of the system group.
    #[error(transparent)]
    System(#[from] SystemError),
    /// What raft keeps in a state.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// What a shard lacks cannot be read.
    #[error(transparent)]
    Lack(#[from] cluster::shard::LackError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log, where raft's storage reports it.
    #[error("the log cannot be written: {0}")]
    Claim(std::io::Error),
    /// The node's identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The lives of its groups.
    #[error(transparent)]
    Lives(#[from] LivesError),
    /// The file is whole, but its content does not fit together.
    #[error("E-backup-damaged: the backup does not fit together: {0}")]
    Content(String),
}

/// The folders and the engine of the node to be.
#[derive(Clone)]
pub struct RestorePorts {
    /// The folder of its identity.
    pub identity_disk: Arc<dyn Disk>,
    /// The folder of its log.
    pub log_disk: Arc<dyn Disk>,
    /// Its state stores.
    pub stores: Arc<dyn StoreProvider>,
    /// What runs turns.
    pub engine: Arc<dyn Engine>,
    /// For new ids.
    pub entropy: Arc<dyn Entropy>,
    /// For the log.
    pub clock: Arc<dyn Clock>,
}

/// What the new cluster is to be.
#[derive(Debug, Clone)]
pub struct NewCluster {
    /// Its name; that of the old one without.
    pub name: Option<String>,
    /// Its first node.
    pub info: NodeInfo,
    /// Bounds of the log.
    pub log_limits: LogLimits,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The id of the new cluster.
    pub cluster: ClusterId,
    /// Its name.
    pub name: String,
    /// What it was made from.
    pub from: Head,
}

/// Makes a cluster from a file. The folders must hold nothing. `progress` is told of the bytes that were read.
///
/// # Errors
/// As in `RestoreError`; the folders hold a part of a cluster then, which nothing must start from.
pub async fn restore<R: Read>(
    from: R,
    new: NewCluster,
    ports: RestorePorts,
    progress: impl FnMut(u64),
) -> Result<Restored, RestoreError> {
    let mut identity = Identity::fresh(&*ports.entropy);
    let mut cluster = [0; 16];
    ports.entropy.fill(&mut cluster);
    let cluster = ClusterId(cluster);
    identity.cluster = Some(cluster);
    identity.log_used = true;
    let config = LogConfig {
        node: identity.node,
        stamp: ports.clock.unix_ms(),
        limits: new.log_limits.clone(),
    };
    let (log, threads) = Log::start(Arc::clone(&ports.log_disk), config)?;
    let mut source = Source {
        reader: Reader::new(from)?,
        put_back: None,
        progress,
    };
    let Some(Record::Head(head)) = source.next()? else {
        return Err(content("it has no head"));
    };
    let name = new.name.clone().unwrap_or_else(|| head.name.clone());
    let making = Making {
        lives: Lives::open(Arc::clone(&ports.identity_disk))?,
        ports: &ports,
        log,
        head: &head,
        cluster,
        node: identity.node,
        info: new.info,
    };
    let system = making.system(&mut source, &name).await?;
    for shard in (0..head.shard_count).map(ShardId) {
        making.shard(&mut source, shard, &system).await?;
    }
    while source.next()?.is_some() {}
    drop((making, system));
    threads.close();
    IdentityFile::new(Arc::clone(&ports.identity_disk)).save(&identity)?;
    Ok(Restored {
        cluster,
        name,
        from: head,
    })
}

fn content(reason: &str) -> RestoreError {
    RestoreError::Content(reason.to_owned())
}

/// What groups are made with.
struct Making<'a> {
    ports: &'a RestorePorts,
    lives: Lives,
    log: Log,
    head: &'a Head,
    cluster: ClusterId,
    node: u64,
    info: NodeInfo,
}

impl Making<'_> {
    async fn system<R: Read, P: FnMut(u64)>(
        &self,
        source: &mut Source<R, P>,
        name: &str,
    ) -> Result<System, RestoreError> {
        let (store, _, unit) = self.take(source, SYSTEM)?;
        let mut system = System::open(store)?;
        if source.entries()?.is_some() {
            return Err(content("the system group has entries"));
        }
        if system.state().shards.len() != self.head.shard_count as usize {
            return Err(content("its head names another number of shards"));
        }
        system.restore(&cluster::system::Restored {
            cluster: self.cluster,
            name: name.to_owned(),
            member: Member {
                id: MemberId(self.node),
                name: self.info.name.clone(),
                http: self.info.http.clone(),
                state: MemberState::Active,
                semantics: cluster::system::Semantics::default(),
            },
        })?;
        self.close(SYSTEM, system.store_mut(), unit + 1).await?;
        Ok(system)
    }

    async fn shard<R: Read, P: FnMut(u64)>(
        &self,
        source: &mut Source<R, P>,
        shard: ShardId,
        system: &System,
    ) -> Result<(), RestoreError> {
        let group = crate::router::group_of(shard);
        let (store, life, mut unit) = self.take(source, group)?;
        let identity = ShardIdentity {
            cluster: self.head.cluster,
            shard,
            incarnation: life,
            shard_count: self.head.shard_count,
        };
        let engine = Arc::clone(&self.ports.engine);
        let mut core = Shard::open_with(identity, store, engine)?;
        let mut is_cut = false;
        while let Some(entries) = source.entries()? {
            for (number, bytes) in entries {
                if is_cut || number <= unit {
                    return Err(content("a shard has an entry that does not belong there"));
                }
                let entry = Entry::decode(&bytes);
                let entry = entry.map_err(|error| content(&error.to_string()))?;
                unit = number;
                is_cut = core.apply_until_cut(unit, &entry, self.head.cut)?;
                core.store_mut().commit(unit)?;
            }
        }
        if !is_cut {
            return Err(content("a shard's entries do not reach the cut"));
        }
        core.adopt(self.cluster);
        self.complete(&mut core, unit + 1, system)?;
        let assignment = system.state().shards.get(&shard);
        let assignment = assignment.ok_or_else(|| content("a shard has no place"))?;
        self.close(group, core.store_mut(), unit + 1).await?;
        Ok(self.lives.note(group, assignment.incarnation)?)
    }

    /// Brings programs and names to a shard that a deploy had not reached.
    fn complete(&self, core: &mut Shard, unit: u64, system: &System) -> Result<(), RestoreError> {
        let commands = core.lacks(system)?;
        if commands.is_empty() {
            return Ok(());
        }
        let mut entropy = [0; 16];
        self.ports.entropy.fill(&mut entropy);
        let stamp = EntryStamp {
            time_ms: core.time_ms(),
            entropy,
        };
        let applied = core.apply(unit, &Entry { stamp, commands })?;
        for outcome in applied.outcomes {
            if let Outcome::Refused(refusal) = outcome {
                return Err(content(&refusal.message));
            }
        }
        Ok(())
    }

    /// Takes the pairs of a group into its store.
    fn take<R: Read, P: FnMut(u64)>(
        &self,
        source: &mut Source<R, P>,
        wanted: GroupId,
    ) -> Result<(Box<dyn StateStore>, Incarnation, u64), RestoreError> {
        let Some(Record::Group { group, life, unit }) = source.next()? else {
            return Err(content("a group is missing"));
        };
        if group != wanted.0 || unit == 0 {
            return Err(content("a group is missing"));
        }
        let mut store = self.ports.stores.open(wanted)?;
        let mut pairs = Pairs {
            source,
            page: Vec::new().into_iter(),
            failed: None,
        };
        let replaced = store.replace(unit, &mut pairs);
        if let Some(error) = pairs.failed {
            return Err(error.into());
        }
        replaced?;
        Ok((store, life, unit))
    }

    /// Closes the last unit of a group, and gives it a log that begins there, with this node as its only member.
    async fn close(
        &self,
        group: GroupId,
        store: &mut dyn StateStore,
        unit: u64,
    ) -> Result<(), RestoreError> {
        let last = state_machine::found(store, unit, (self.node, self.info.clone()))?;
        store.commit(unit)?;
        store.flush()?;
        let number = log::GroupId(u64::from(group.0));
        self.purge(number, last).await?;
        let mut log = GroupLog::<TokioRuntime>::new(self.log.clone(), number);
        let claimed = log.claim(self.node, self.info.clone()).await;
        claimed.map_err(RestoreError::Claim)
    }

    async fn purge(&self, group: log::GroupId, last: LogId) -> Result<(), RestoreError> {
        let (tell, flushed) = oneshot::channel();
        let done = Box::new(move |outcome| {
            // It is waited for, below.
            let _ = tell.send(outcome);
        });
        let marker = encode_log_id(&last);
        self.log.purge(group, last.index, marker, done)?;
        Ok(flushed.await.unwrap_or(Err(LogError::Closed))?)
    }
}

/// The records of a file, one of which can be put back.
struct Source<R, P> {
    reader: Reader<R>,
    put_back: Option<Record>,
    progress: P,
}

impl<R: Read, P: FnMut(u64)> Source<R, P> {
    fn next(&mut self) -> Result<Option<Record>, FormatError> {
        if let Some(record) = self.put_back.take() {
            return Ok(Some(record));
        }
        let record = self.reader.read()?;
        (self.progress)(self.reader.offset());
        Ok(record)
    }

    /// The next entries of the group; none at its end, which is taken.
    fn entries(&mut self) -> Result<Option<Vec<(u64, Bytes)>>, RestoreError> {
        match self.next()? {
            Some(Record::Entries(entries)) => Ok(Some(entries)),
            Some(Record::GroupEnd { .. }) => Ok(None),
            _ => Err(content("a group has no end")),
        }
    }
}

/// The pairs of one group.
struct Pairs<'a, R, P> {
    source: &'a mut Source<R, P>,
    page: std::vec::IntoIter<Pair>,
    failed: Option<FormatError>,
}

impl<R: Read, P: FnMut(u64)> Iterator for Pairs<'_, R, P> {
    type Item = Result<Pair, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(pair) = self.page.next() {
                return Some(Ok(pair));
            }
            match self.source.next() {
                Ok(Some(Record::Pairs(pairs))) => self.page = pairs.into_iter(),
                Ok(other) => {
                    self.source.put_back = other;
                    return None;
                }
                Err(error) => {
                    let reason = error.to_string().into();
                    self.failed = Some(error);
                    return Some(Err(StoreError::Source { reason }));
                }
            }
        }
    }
}
