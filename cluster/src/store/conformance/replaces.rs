//! Replacements: all or nothing, durable when they return, unseen by views.
//!
//! Before it: `store_conformance!`. After it: nothing.

use super::*;

fn store_at_7(subject: &mut impl Subject) -> Box<dyn StateStore> {
    let mut store = subject.stores().open(GROUP).unwrap();
    put(&mut *store, "a", "old");
    put(&mut *store, "b", "old");
    store.commit(6).unwrap();
    store.flush().unwrap();
    put(&mut *store, "b", "newer");
    store.commit(7).unwrap();
    store
}

/// A source that fails or is out of order leaves the old content, open unit aside.
pub fn a_replacement_is_all_or_nothing(subject: &mut impl Subject) {
    let mut store = store_at_7(subject);
    let old = vec![pair("a", "old"), pair("b", "newer")];
    let failure = StoreError::Source {
        reason: "the peer went away".into(),
    };
    let many: Vec<Pair> = (0..500)
        .map(|number| pair(&format!("{number:04}"), "snapshot"))
        .collect();
    let mut failing = source(&many).chain([Err(failure.clone())]);
    put(&mut *store, "open", "1");
    assert_eq!(store.replace(20, &mut failing), Err(failure));
    assert_eq!(content(&*store), old);
    for (second, pairs) in [("m", 1), ("a", 1)] {
        let unordered = [pair("m", "x"), pair(second, "x"), pair("z", "x")];
        let refused = store.replace(20, &mut source(&unordered));
        assert_eq!(refused, Err(StoreError::Order { pairs }));
    }
    let refused = store.replace(20, &mut source(&[pair("", "x")]));
    assert!(matches!(refused, Err(StoreError::Limit { .. })));
    assert_eq!((store.committed(), content(&*store)), (7, old.clone()));
    store.flush().unwrap();
    subject.crash(vec![store], 0);
    let store = subject.stores().open(GROUP).unwrap();
    assert_eq!((store.committed(), content(&*store)), (7, old));
}

/// A replacement shows at once to store and readers, whatever was unflushed; views keep the old.
pub fn a_replacement_switches_readers_but_not_views(subject: &mut impl Subject) {
    let mut store = store_at_7(subject);
    let reader = store.reader();
    store.flush().unwrap();
    let view = store.reader().view().unwrap();
    put(&mut *store, "late", "unflushed");
    store.commit(8).unwrap();
    let new = vec![pair("b", "new"), pair("c", "new")];
    store.replace(5, &mut source(&new)).unwrap();
    assert_eq!((store.committed(), store.flushed()), (5, 5));
    assert_eq!(store.unflushed_bytes(), 0);
    assert_eq!(content(&*store), new);
    assert_eq!(content(&*reader), new);
    assert_eq!(content(&*view), vec![pair("a", "old"), pair("b", "newer")]);
    assert_eq!(view.index(), 7);
    assert_eq!(store.reader().view().unwrap().index(), 5);
    put(&mut *store, "d", "later");
    store.delete(b"b");
    store.commit(6).unwrap();
    store.flush().unwrap();
    assert_eq!(store.flushed(), 6);
    assert_eq!(
        content(&*reader),
        vec![pair("c", "new"), pair("d", "later")]
    );
}

/// A replacement is durable when it returns, again and again, also an empty one.
pub fn a_replacement_survives_a_crash(subject: &mut impl Subject) {
    let mut store = store_at_7(subject);
    for round in 0..4_u64 {
        let count = round * 300;
        let new: Vec<Pair> = (0..count)
            .map(|number| pair(&format!("{number:05}"), &format!("{round}")))
            .collect();
        let index = 100 - round;
        store.replace(index, &mut source(&new)).unwrap();
        subject.crash(vec![store], round);
        store = subject.stores().open(GROUP).unwrap();
        assert_eq!((store.committed(), store.flushed()), (index, index));
        assert_eq!(content(&*store), new);
    }
}
