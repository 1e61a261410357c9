//! Snapshots: what they hold before the first flush, and that nothing waits for one.
//!
//! Before it: the state machine under test. After it: nothing.

use std::sync::mpsc;
use std::time::Duration;

use cluster::SystemState;
use cluster::store::memory::{FlushMode, MemoryStores};
use cluster::store::{GroupId, Pair, StateRead, StateStore, StoreError, StoreProvider};

use super::*;
use crate::apply::ThreadPool;
use crate::ports::SystemClock;
use crate::system_machine::SystemMachine;
use crate::time::{NodeTime, ShardTime};

fn host(store: Box<dyn StateStore>) -> Arc<Host> {
    let (states, _kept) = watch::channel(Arc::new(SystemState::default()));
    let node = NodeTime::new(Arc::new(SystemClock), 1, Duration::from_secs(1));
    let machine = SystemMachine::open(store, states, ShardTime::new(node)).unwrap();
    let lane = Lane::new(ThreadPool::start(1).unwrap(), 0);
    Host::new(Box::new(machine), lane, None).unwrap()
}

fn log_id(index: u64) -> LogId {
    let leader = LeaderId {
        term: 1,
        node_id: 1,
    };
    LogId::new(leader, index)
}

fn blank(index: u64) -> Entry {
    Entry {
        log_id: log_id(index),
        payload: Payload::Blank,
    }
}

#[tokio::test]
async fn a_snapshot_is_built_also_before_the_store_flushed_anything() {
    let stores = MemoryStores::new(FlushMode::OnDemand);
    let host = host(stores.open(GroupId(0)).unwrap());
    host.apply(vec![(blank(0), None)]).unwrap();
    let snapshot = StateMachine(host).snapshot().await.unwrap();
    let snapshot = snapshot.expect("an entry was applied");
    assert_eq!(snapshot.meta.last_log_id, Some(log_id(0)));
}

/// A store whose disk writes a table for as long as the test wants: only then a view is there.
struct Writing {
    inner: Box<dyn StateStore>,
    /// Says that a view is waited for, and takes the word that it may be there.
    view: Arc<Mutex<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
}

struct WritingReader {
    inner: Arc<dyn StateReader>,
    view: Arc<Mutex<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
}

macro_rules! reads_as_inner {
    ($store:ty) => {
        impl StateRead for $store {
            fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
                self.inner.get(key)
            }

            fn scan(
                &self,
                from: &[u8],
                until: Option<&[u8]>,
                limit: usize,
            ) -> Result<Vec<Pair>, StoreError> {
                self.inner.scan(from, until, limit)
            }

            fn scan_back(
                &self,
                from: &[u8],
                until: Option<&[u8]>,
                limit: usize,
            ) -> Result<Vec<Pair>, StoreError> {
                self.inner.scan_back(from, until, limit)
            }
        }
    };
}

reads_as_inner!(Writing);
reads_as_inner!(WritingReader);

impl StateReader for WritingReader {
    fn committed(&self) -> u64 {
        self.inner.committed()
    }

    fn view(&self) -> Result<Box<dyn StoreView>, StoreError> {
        let view = self.view.lock().unwrap();
        view.0.send(()).unwrap();
        view.1.recv().unwrap();
        self.inner.view()
    }
}

impl StateStore for Writing {
    fn put(&mut self, key: &[u8], value: Bytes) {
        self.inner.put(key, value);
    }

    fn put_new(&mut self, key: &[u8], value: Bytes) {
        self.inner.put_new(key, value);
    }

    fn delete(&mut self, key: &[u8]) {
        self.inner.delete(key);
    }

    fn commit(&mut self, index: u64) -> Result<(), StoreError> {
        self.inner.commit(index)
    }

    fn rollback(&mut self) {
        self.inner.rollback();
    }

    fn committed(&self) -> u64 {
        self.inner.committed()
    }

    fn flushed(&self) -> u64 {
        self.inner.flushed()
    }

    fn unflushed_bytes(&self) -> u64 {
        self.inner.unflushed_bytes()
    }

    fn request_flush(&mut self) {
        self.inner.request_flush();
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.inner.flush()
    }

    fn close(&mut self) {
        self.inner.close();
    }

    fn reader(&self) -> Arc<dyn StateReader> {
        Arc::new(WritingReader {
            inner: self.inner.reader(),
            view: Arc::clone(&self.view),
        })
    }

    fn replace(
        &mut self,
        index: u64,
        pairs: &mut dyn Iterator<Item = Result<Pair, StoreError>>,
    ) -> Result<(), StoreError> {
        self.inner.replace(index, pairs)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_applied_while_a_snapshot_waits_for_the_disk() {
    let stores = MemoryStores::new(FlushMode::EveryUnits(1));
    let (asks, asked) = mpsc::channel();
    let (lets, may) = mpsc::channel();
    let host = host(Box::new(Writing {
        inner: stores.open(GroupId(0)).unwrap(),
        view: Arc::new(Mutex::new((asks, may))),
    }));
    let mut machine = StateMachine(Arc::clone(&host));
    let apply = |index: u64| {
        let entries = futures::stream::iter([Ok((blank(index), None))]);
        let mut machine = StateMachine(Arc::clone(&host));
        async move { machine.apply(entries).await.unwrap() }
    };
    apply(0).await;
    let taken = tokio::spawn(async move { machine.build_snapshot().await });
    crate::blocking::run(move || asked.recv())
        .await
        .unwrap()
        .unwrap();
    // It waits, and these do not.
    apply(1).await;
    apply(2).await;
    assert_eq!(host.last_applied(), Some(log_id(2)));
    lets.send(()).unwrap();
    let snapshot = taken.await.unwrap().unwrap();
    assert_eq!(snapshot.meta.last_log_id, Some(log_id(2)));
}
