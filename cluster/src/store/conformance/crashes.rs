//! Crashes: what is there afterwards is a prefix of the units, at least up to what was flushed.
//!
//! Before it: `store_conformance!`. After it: nothing.

use super::*;

/// What was flushed is there when the node starts again, and the store goes on from it.
pub fn flushed_units_survive_a_reopening(subject: &mut impl Subject) {
    let mut index = 0;
    for round in 0..5_u64 {
        let mut store = subject.stores().open(GROUP).unwrap();
        assert_eq!((store.committed(), store.flushed()), (index, index));
        let wanted: Vec<Pair> = (0..round)
            .map(|number| pair(&number.to_string(), "v"))
            .collect();
        assert_eq!(content(&*store), wanted);
        put(&mut *store, &round.to_string(), "v");
        index += 3;
        store.commit(index).unwrap();
        store.flush().unwrap();
        if round % 2 == 0 {
            drop(store);
        } else {
            subject.crash(vec![store], round);
        }
    }
}

/// Crashes after every number of units, with two groups at once.
pub fn a_crash_leaves_a_prefix_of_the_units(subject: &mut impl Subject, seed: u64) {
    let mut random = Random::new(seed);
    for _ in 0..25 {
        let mut stores = vec![
            subject.stores().open(GroupId(1)).unwrap(),
            subject.stores().open(GroupId(2)).unwrap(),
        ];
        for _ in 0..random.below(60) {
            let store = &mut stores[random.below(2) as usize];
            write_unit(&mut **store, &mut random);
            if random.below(20) == 0 {
                store.flush().unwrap();
            }
        }
        let bounds: Vec<(u64, u64)> = stores
            .iter()
            .map(|store| (store.flushed(), store.committed()))
            .collect();
        subject.crash(stores, random.below(u64::MAX));
        for (group, (flushed, committed)) in bounds.into_iter().enumerate() {
            let store = subject.stores().open(GroupId(group as u32 + 1)).unwrap();
            let index = store.committed();
            assert!(
                (flushed..=committed).contains(&index),
                "seed {seed}: {index} is outside {flushed}..={committed}"
            );
            assert_eq!(store.flushed(), index, "seed {seed}");
            check_prefix(&*store, seed);
        }
    }
}

/// A unit of which any part can be told apart: `first` and `last` name the unit, and one key per
/// unit counts them.
fn write_unit(store: &mut dyn StateStore, random: &mut Random) {
    let before = store.committed();
    let index = before + 1 + random.below(3);
    let name = index.to_string();
    put(store, "first", &name);
    store.put(
        format!("unit {index:08}").as_bytes(),
        bytes(&before.to_string()),
    );
    for _ in 0..random.below(5) {
        let filler = Bytes::from(vec![b'x'; random.below(200) as usize]);
        store.put(format!("filler {}", random.below(50)).as_bytes(), filler);
    }
    put(store, "last", &name);
    store.commit(index).unwrap();
}

/// Checks that the content is that of whole units without a gap, up to the committed index.
fn check_prefix(store: &dyn StateStore, seed: u64) {
    let index = store.committed();
    let named = (index > 0).then(|| bytes(&index.to_string()));
    assert_eq!(store.get(b"first").unwrap(), named, "seed {seed}");
    assert_eq!(store.get(b"last").unwrap(), named, "seed {seed}");
    let mut before = 0;
    for (key, value) in store.scan(b"unit ", Some(b"unit~"), usize::MAX).unwrap() {
        assert_eq!(value, bytes(&before.to_string()), "seed {seed}: a gap");
        before = std::str::from_utf8(&key[5..]).unwrap().parse().unwrap();
    }
    assert_eq!(before, index, "seed {seed}");
}
