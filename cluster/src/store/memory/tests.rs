//! The model in memory under the suite of the port, and what only it can do.

use super::*;
use crate::store::conformance::Subject;

struct Memory(MemoryStores);

impl Subject for Memory {
    fn stores(&self) -> &dyn StoreProvider {
        &self.0
    }

    fn crash(&mut self, open: Vec<Box<dyn StateStore>>, seed: u64) {
        self.0.crash(seed);
        for mut store in open {
            let committed = store.committed();
            assert!(matches!(
                store.commit(committed + 1),
                Err(StoreError::Closed { .. })
            ));
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a seed from outside runs a failure again"
)]
fn seed() -> u64 {
    let given = std::env::var("TROUPE_SEED").ok();
    given.map_or(20_260, |seed| seed.parse().unwrap())
}

mod on_demand {
    use super::*;
    crate::store_conformance!(|| Memory(MemoryStores::new(FlushMode::OnDemand)), seed);
}

mod every_three_units {
    use super::*;
    crate::store_conformance!(
        || Memory(MemoryStores::new(FlushMode::EveryUnits(3))),
        || seed() + 1
    );
}

const GROUP: GroupId = GroupId(4);

fn with_ten_units() -> (MemoryStores, Box<dyn StateStore>) {
    let stores = MemoryStores::new(FlushMode::OnDemand);
    let mut store = stores.open(GROUP).unwrap();
    for index in 1..=10_u64 {
        store.put(b"key", Bytes::copy_from_slice(&index.to_be_bytes()));
        store.commit(index).unwrap();
    }
    (stores, store)
}

#[test]
fn the_seed_of_a_crash_chooses_every_prefix() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let (stores, _store) = with_ten_units();
        stores.flush_up_to(GROUP, 4);
        stores.crash(seed);
        let again = stores.open(GROUP).unwrap();
        let index = again.committed();
        assert_eq!(
            again.get(b"key").unwrap().unwrap(),
            &index.to_be_bytes()[..]
        );
        seen.insert(index);
    }
    assert_eq!(seen, (4..=10).collect());
}

#[test]
fn a_failed_disk_refuses_commits_and_keeps_what_was_flushed() {
    let (stores, mut store) = with_ten_units();
    stores.flush_up_to(GROUP, 7);
    stores.poison("no space left");
    store.request_flush();
    let refused = store.commit(11).unwrap_err();
    assert_eq!(refused.code(), "E-store-stopped");
    assert!(refused.to_string().contains("no space left"));
    assert!(store.flush().is_err());
    assert_eq!((store.flushed(), store.committed()), (7, 10));
    assert!(store.get(b"key").unwrap().is_some(), "reads go on");
    stores.crash(1);
    let mut store = stores.open(GROUP).unwrap();
    assert_eq!(store.committed(), 7);
    store.commit(8).unwrap();
}
