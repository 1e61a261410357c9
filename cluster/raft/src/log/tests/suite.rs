//! openraft's own storage suite against `GroupLog`, on both disks. The state machine here only
//! keeps what the suite asks for; the real one is not the log's business.

use std::io;

use futures::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::{OptionalSend, Snapshot, SnapshotMeta, StorageError, TokioRuntime};

use super::*;
use crate::disk::{Disk, FileDisk};
use crate::log::{GroupLog, LogThreads};
use crate::types::{
    AppliedEntry, LeaderId, LogId, NodeId, NodeInfo, Payload, StoredMembership, TypeConfig,
};

type Config = TypeConfig<TokioRuntime>;
type Meta = SnapshotMeta<LeaderId, NodeId, NodeInfo>;
type Snapshotted = Snapshot<LeaderId, NodeId, NodeInfo, ()>;

#[derive(Default)]
struct Applied {
    last: Option<LogId>,
    membership: StoredMembership,
    snapshot: Option<Meta>,
}

#[derive(Clone, Default)]
struct Machine(Arc<Mutex<Applied>>);

impl RaftSnapshotBuilder<Config> for Machine {
    type SnapshotData = ();

    async fn build_snapshot(&mut self) -> Result<Snapshotted, io::Error> {
        let mut applied = self.0.lock().unwrap();
        let meta = Meta {
            last_log_id: applied.last,
            last_membership: applied.membership.clone(),
        };
        applied.snapshot = Some(meta.clone());
        Ok(Snapshotted { meta, snapshot: () })
    }
}

impl RaftStateMachine<Config> for Machine {
    type SnapshotData = ();
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let applied = self.0.lock().unwrap();
        Ok((applied.last, applied.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<Config>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let mut applied = self.0.lock().unwrap();
            applied.last = Some(entry.log_id);
            if let Payload::Membership(members) = entry.payload {
                applied.membership = StoredMembership::new(Some(entry.log_id), members);
            }
            if let Some(responder) = responder {
                responder.send(AppliedEntry::default());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &Meta, _data: ()) -> Result<(), io::Error> {
        let mut applied = self.0.lock().unwrap();
        applied.last = meta.last_log_id;
        applied.membership = meta.last_membership.clone();
        applied.snapshot = Some(meta.clone());
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshotted>, io::Error> {
        let snapshot = self.0.lock().unwrap().snapshot.clone();
        Ok(snapshot.map(|meta| Snapshotted { meta, snapshot: () }))
    }
}

/// Builds a fresh log for each test of the suite.
struct Builder {
    on_files: bool,
}

/// Keeps a log running while one test uses it.
struct Running {
    _threads: LogThreads,
    _folder: Option<tempfile::TempDir>,
}

impl StoreBuilder<Config, GroupLog<TokioRuntime>, Machine, Running> for Builder {
    async fn build(
        &self,
    ) -> Result<(Running, GroupLog<TokioRuntime>, Machine), StorageError<Config>> {
        let folder = self.on_files.then(|| tempfile::tempdir().unwrap());
        let disk: Arc<dyn Disk> = match &folder {
            Some(folder) => Arc::new(FileDisk::open(folder.path()).unwrap()),
            None => Arc::new(MemoryDisk::default()),
        };
        let (log, threads) = Log::start(disk, config(tiny())).unwrap();
        let running = Running {
            _threads: threads,
            _folder: folder,
        };
        Ok((running, GroupLog::new(log, GroupId(3)), Machine::default()))
    }
}

fn test_all(on_files: bool) {
    block_on(Suite::test_all(Builder { on_files })).unwrap();
}

#[test]
fn openraft_suite_on_memory() {
    test_all(false);
}

#[test]
fn openraft_suite_on_files() {
    test_all(true);
}
