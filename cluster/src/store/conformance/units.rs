//! Units: visible at once and whole, forgotten whole, refused with a reason; groups side by side.
//!
//! Before it: `store_conformance!`. After it: nothing.

use super::*;
use crate::store::{KEY_BYTES_MAX, VALUE_BYTES_MAX};

/// Commits show at once, in order, and to readers only whole.
pub fn units_are_visible_at_once_and_whole(subject: &mut impl Subject) {
    let mut store = subject.stores().open(GROUP).unwrap();
    let reader = store.reader();
    assert_eq!((store.committed(), store.flushed()), (0, 0));
    put(&mut *store, "a", "1");
    put(&mut *store, "b", "1");
    assert_eq!(store.get(b"a").unwrap(), Some(bytes("1")));
    assert_eq!(content(&*store).len(), 2, "the store sees its open unit");
    assert_eq!(reader.get(b"a").unwrap(), None, "a reader does not");
    assert_eq!(content(&*reader), vec![]);
    store.commit(3).unwrap();
    assert_eq!((store.committed(), reader.committed()), (3, 3));
    assert_eq!(content(&*reader), vec![pair("a", "1"), pair("b", "1")]);
    put(&mut *store, "a", "2");
    put(&mut *store, "a", "3");
    store.commit(4).unwrap();
    assert_eq!(reader.get(b"a").unwrap(), Some(bytes("3")));
    store.commit(9).unwrap();
    assert_eq!(store.committed(), 9, "an empty unit counts");
    store.flush().unwrap();
    assert_eq!(store.flushed(), 9);
    assert_eq!(store.unflushed_bytes(), 0);
}

/// A rollback forgets the open unit and nothing else.
pub fn an_open_unit_can_be_forgotten(subject: &mut impl Subject) {
    let mut store = subject.stores().open(GROUP).unwrap();
    put(&mut *store, "kept", "1");
    store.commit(1).unwrap();
    put(&mut *store, "kept", "2");
    put(&mut *store, "new", "2");
    store.delete(b"kept");
    assert_eq!(content(&*store), vec![pair("new", "2")]);
    store.rollback();
    assert_eq!(content(&*store), vec![pair("kept", "1")]);
    store.commit(2).unwrap();
    store.flush().unwrap();
    assert_eq!(content(&*store), vec![pair("kept", "1")]);
}

/// Indexes that do not grow and pairs outside the limits are refused, and nothing happens.
pub fn a_refused_commit_leaves_the_unit_open(subject: &mut impl Subject) {
    let mut store = subject.stores().open(GROUP).unwrap();
    store.commit(5).unwrap();
    put(&mut *store, "a", "1");
    let back = store.commit(5).unwrap_err();
    assert_eq!(
        back,
        StoreError::IndexBack {
            index: 5,
            committed: 5
        }
    );
    assert_eq!(store.get(b"a").unwrap(), Some(bytes("1")));
    store.commit(6).unwrap();
    assert_eq!(store.reader().get(b"a").unwrap(), Some(bytes("1")));

    let large = Bytes::from(vec![0; VALUE_BYTES_MAX + 1]);
    for (key, value) in [
        (vec![], bytes("")),
        (vec![1; KEY_BYTES_MAX + 1], bytes("")),
        (vec![1], large),
    ] {
        put(&mut *store, "b", "1");
        store.put(&key, value);
        let refused = store.commit(7).unwrap_err();
        assert!(matches!(refused, StoreError::Limit { .. }), "{refused}");
        assert_eq!((store.committed(), refused.code()), (6, "E-store-limit"));
        store.rollback();
    }
    store.put(&[1; KEY_BYTES_MAX], Bytes::from(vec![7; 100_000]));
    store.commit(7).unwrap();
    store.flush().unwrap();
    let kept = store.get(&[1; KEY_BYTES_MAX]).unwrap().unwrap();
    assert_eq!(kept.len(), 100_000);
}

/// Two groups share a node and nothing else.
pub fn groups_are_independent(subject: &mut impl Subject) {
    let mut one = subject.stores().open(GroupId(1)).unwrap();
    let mut two = subject.stores().open(GroupId(2)).unwrap();
    let again = subject.stores().open(GroupId(1)).err();
    assert_eq!(again, Some(StoreError::InUse { group: GroupId(1) }));
    put(&mut *one, "key", "one");
    put(&mut *two, "key", "two");
    one.commit(10).unwrap();
    two.rollback();
    put(&mut *two, "key", "two again");
    two.commit(20).unwrap();
    one.flush().unwrap();
    two.flush().unwrap();
    assert_eq!(content(&*one), vec![pair("key", "one")]);
    assert_eq!(content(&*two), vec![pair("key", "two again")]);
    two.replace(5, &mut source(&[])).unwrap();
    assert_eq!((one.committed(), two.committed()), (10, 5));
    assert_eq!(content(&*one), vec![pair("key", "one")]);
    assert_eq!(
        subject.stores().groups().unwrap(),
        vec![GroupId(1), GroupId(2)]
    );
}

/// A removal closes what is open, and the group begins anew.
pub fn a_removed_group_is_closed_and_empty(subject: &mut impl Subject) {
    let mut store = subject.stores().open(GROUP).unwrap();
    let mut other = subject.stores().open(GroupId(2)).unwrap();
    put(&mut *other, "other", "1");
    other.commit(1).unwrap();
    put(&mut *store, "flushed", "1");
    store.commit(1).unwrap();
    store.flush().unwrap();
    put(&mut *store, "not flushed", "1");
    store.commit(2).unwrap();
    let reader = store.reader();
    let view = store.reader().view().unwrap();
    subject.stores().remove(GROUP).unwrap();
    let closed = Err(StoreError::Closed { group: GROUP });
    assert_eq!(store.commit(3), closed);
    assert_eq!(store.flush(), closed);
    assert_eq!(reader.get(b"flushed"), closed.map(|()| None));
    assert_eq!(content(&*view), vec![pair("flushed", "1")], "views stay");
    drop(view);

    let mut anew = subject.stores().open(GROUP).unwrap();
    drop(store);
    assert_eq!((anew.committed(), content(&*anew)), (0, vec![]));
    put(&mut *anew, "anew", "1");
    anew.commit(1).unwrap();
    anew.flush().unwrap();
    assert_eq!(content(&*anew), vec![pair("anew", "1")]);
    subject.crash(vec![anew, other], 0);
    let anew = subject.stores().open(GROUP).unwrap();
    assert_eq!(content(&*anew), vec![pair("anew", "1")]);
    drop(anew);
    subject.stores().remove(GROUP).unwrap();
    subject.stores().remove(GROUP).unwrap();
    subject.stores().remove(GroupId(77)).unwrap();
    assert!(!subject.stores().groups().unwrap().contains(&GROUP));
}

/// What is set aside survives as evidence, twice over, while the group begins anew.
pub fn what_is_set_aside_is_kept_and_only_read(subject: &mut impl Subject) {
    assert!(!subject.stores().set_aside(GROUP).unwrap(), "nothing there");
    for round in 1..=3_u64 {
        let value = round.to_string();
        let mut store = subject.stores().open(GROUP).unwrap();
        assert_eq!((store.committed(), content(&*store)), (0, vec![]));
        put(&mut *store, "round", &value);
        store.commit(round).unwrap();
        store.flush().unwrap();
        put(&mut *store, "not flushed", "1");
        store.commit(round + 1).unwrap();
        assert!(subject.stores().set_aside(GROUP).unwrap());
        let closed = Err(StoreError::Closed { group: GROUP });
        assert_eq!(store.commit(round + 2), closed);
        let mut anew = subject.stores().open(GROUP).unwrap();
        put(&mut *anew, "anew", &value);
        anew.commit(1).unwrap();
        anew.flush().unwrap();
        subject.crash(vec![store, anew], 0);
        let expected = vec![GROUP, GROUP.aside()];
        assert_eq!(subject.stores().groups().unwrap(), expected);
        let mut kept = subject.stores().open(GROUP.aside()).unwrap();
        assert_eq!(content(&*kept), vec![pair("round", &value)]);
        assert_eq!(kept.committed(), round);
        let group = GROUP.aside();
        let refused = Err(StoreError::Closed { group });
        put(&mut *kept, "changed", "1");
        assert_eq!(kept.commit(9), refused);
        assert_eq!(kept.replace(9, &mut source(&[])), refused);
        drop(kept);
        let anew = subject.stores().open(GROUP).unwrap();
        assert_eq!(content(&*anew), vec![pair("anew", &value)]);
        drop(anew);
        subject.stores().remove(GROUP).unwrap();
    }
    subject.stores().remove(GROUP.aside()).unwrap();
    assert!(subject.stores().groups().unwrap().is_empty());
}

/// A closing ends an opening before it is dropped; the drop then changes nothing.
pub fn a_closed_store_makes_way_for_the_next(subject: &mut impl Subject) {
    let mut store = subject.stores().open(GROUP).unwrap();
    put(&mut *store, "flushed", "1");
    store.commit(1).unwrap();
    store.flush().unwrap();
    put(&mut *store, "not flushed", "1");
    store.commit(2).unwrap();
    store.close();
    let closed = Err(StoreError::Closed { group: GROUP });
    assert_eq!(store.commit(3), closed);
    store.close();
    let mut next = subject.stores().open(GROUP).unwrap();
    assert_eq!(content(&*next), vec![pair("flushed", "1")]);
    put(&mut *next, "next", "1");
    drop(store);
    next.commit(2).unwrap();
    next.flush().unwrap();
    let expected = vec![pair("flushed", "1"), pair("next", "1")];
    assert_eq!(content(&*next), expected);
}
