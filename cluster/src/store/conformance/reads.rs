//! Reads: layers merged in order in both directions, odd ranges, and views that stand still.
//!
//! Before it: `store_conformance!`. After it: nothing.

use super::*;

/// A store whose keys lie in three layers: durable, committed, open.
fn layered(subject: &mut impl Subject) -> Box<dyn StateStore> {
    let mut store = subject.stores().open(GROUP).unwrap();
    for key in ["a", "b", "c", "d", "e"] {
        put(&mut *store, key, "durable");
    }
    store.commit(1).unwrap();
    store.flush().unwrap();
    put(&mut *store, "aa", "committed");
    put(&mut *store, "b", "committed");
    put(&mut *store, "f", "committed");
    store.delete(b"c");
    store.commit(2).unwrap();
    put(&mut *store, "d", "open");
    put(&mut *store, "0", "open");
    store.delete(b"aa");
    store.delete(b"e");
    store.delete(b"nothing");
    store
}

/// Each layer hides what lies below it, in both directions, whatever the limit.
pub fn scans_merge_all_layers_in_order(subject: &mut impl Subject) {
    let store = layered(subject);
    let all = vec![
        pair("0", "open"),
        pair("a", "durable"),
        pair("b", "committed"),
        pair("d", "open"),
        pair("f", "committed"),
    ];
    assert_eq!(content(&*store), all);
    for limit in 0..=all.len() + 1 {
        let wanted = &all[..limit.min(all.len())];
        assert_eq!(store.scan(b"", None, limit).unwrap(), wanted);
        let mut wanted: Vec<Pair> = all.iter().rev().take(limit).cloned().collect();
        assert_eq!(store.scan_back(b"", None, limit).unwrap(), wanted);
        wanted.retain(|(key, _)| key < &bytes("f"));
        let found = store.scan_back(b"a", Some(b"f"), limit).unwrap();
        assert_eq!(
            &all[1..4]
                .iter()
                .rev()
                .take(limit)
                .cloned()
                .collect::<Vec<_>>(),
            &found
        );
    }
    let committed = vec![
        pair("a", "durable"),
        pair("aa", "committed"),
        pair("b", "committed"),
        pair("d", "durable"),
        pair("e", "durable"),
        pair("f", "committed"),
    ];
    assert_eq!(content(&*store.reader()), committed);
}

/// A deletion hides a key in every state of its layers, and a put after it shows.
pub fn deletes_hide_what_lies_below(subject: &mut impl Subject) {
    let mut store = subject.stores().open(GROUP).unwrap();
    let mut index = 0;
    for flush_put in [false, true] {
        for flush_delete in [false, true] {
            put(&mut *store, "key", "value");
            index += 2;
            store.commit(index).unwrap();
            if flush_put {
                store.flush().unwrap();
            }
            store.delete(b"key");
            assert_eq!(store.get(b"key").unwrap(), None);
            assert_eq!(content(&*store), vec![]);
            store.commit(index + 1).unwrap();
            if flush_delete {
                store.flush().unwrap();
            }
            assert_eq!(store.get(b"key").unwrap(), None);
            assert_eq!(content(&*store.reader()), vec![]);
        }
    }
    put(&mut *store, "key", "again");
    store.commit(100).unwrap();
    store.flush().unwrap();
    assert_eq!(content(&*store), vec![pair("key", "again")]);
}

/// Ranges that are empty, turned around, or open at their end.
pub fn empty_and_odd_ranges(subject: &mut impl Subject) {
    let store = layered(subject);
    let reader = store.reader();
    let reads: [&dyn StateRead; 2] = [&*store, &*reader];
    for read in reads {
        for (from, until) in [("b", "b"), ("d", "b"), ("bb", "c"), ("z", "zz")] {
            let (from, until) = (from.as_bytes(), Some(until.as_bytes()));
            assert_eq!(read.scan(from, until, 9).unwrap(), vec![]);
            assert_eq!(read.scan_back(from, until, 9).unwrap(), vec![]);
        }
        assert_eq!(read.scan(b"z", None, 9).unwrap(), vec![]);
        let last = vec![pair("f", "committed")];
        assert_eq!(read.scan(b"f", None, 9).unwrap(), last);
        assert_eq!(read.scan_back(b"", None, 1).unwrap(), last);
        assert_eq!(read.get(b"").unwrap(), None);
    }
}

/// Pages by bytes meet every pair once, large pairs included.
pub fn pages_of_a_view_cover_it_all(subject: &mut impl Subject) {
    let mut store = subject.stores().open(GROUP).unwrap();
    let view = store.reader().view().unwrap();
    assert_eq!(view.index(), 0);
    assert_eq!(view.page(None, 10).unwrap(), vec![]);
    let mut model = Model::new();
    for number in 0..40_usize {
        let value = Bytes::from(vec![7; number * 13]);
        model.insert(bytes(&format!("{number:03}")), value);
    }
    for (key, value) in &model {
        store.put(key, value.clone());
    }
    store.commit(4).unwrap();
    store.flush().unwrap();
    let view = store.reader().view().unwrap();
    assert_eq!(view.index(), 4);
    for bytes_max in [1, 100, 5_000, usize::MAX] {
        let mut found: Vec<Pair> = Vec::new();
        loop {
            let after = found.last().map(|(key, _)| key.clone());
            let page = view.page(after.as_deref(), bytes_max).unwrap();
            let Some((last, rest)) = page.split_last() else {
                break;
            };
            let full: usize = rest
                .iter()
                .map(|(key, value)| key.len() + value.len())
                .sum();
            assert!(full < bytes_max, "a page ends when it is full: {last:?}");
            found.extend(page);
        }
        assert_eq!(found, model.clone().into_iter().collect::<Vec<_>>());
    }
}

/// A view stands still while its group goes on.
pub fn views_do_not_see_later_writes(subject: &mut impl Subject) {
    let mut store = subject.stores().open(GROUP).unwrap();
    put(&mut *store, "a", "1");
    put(&mut *store, "b", "1");
    store.commit(1).unwrap();
    store.flush().unwrap();
    let first = store.reader().view().unwrap();
    put(&mut *store, "a", "2");
    store.delete(b"b");
    put(&mut *store, "c", "2");
    store.commit(2).unwrap();
    let unflushed = store.reader().view().unwrap();
    assert!((1..=2).contains(&unflushed.index()));
    assert!(store.flushed() >= unflushed.index());
    store.flush().unwrap();
    let second = store.reader().view().unwrap();
    assert_eq!((first.index(), second.index()), (1, 2));
    assert_eq!(content(&*first), vec![pair("a", "1"), pair("b", "1")]);
    assert_eq!(first.get(b"b").unwrap(), Some(bytes("1")));
    assert_eq!(content(&*second), vec![pair("a", "2"), pair("c", "2")]);
    assert_eq!(second.get(b"b").unwrap(), None);
    drop(store);
    assert_eq!(content(&*first), vec![pair("a", "1"), pair("b", "1")]);
}
