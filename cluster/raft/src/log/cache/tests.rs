//! The cache stays within its bound, keeps unbroken runs, and never drops what waits.

use super::*;

const A: GroupId = GroupId(1);
const B: GroupId = GroupId(2);

fn bytes(length: usize) -> Bytes {
    Bytes::from(vec![1; length])
}

fn held(cache: &Cache, group: GroupId) -> Vec<u64> {
    (0..100)
        .filter(|index| cache.get(group, *index).is_some())
        .collect()
}

#[test]
fn the_oldest_entries_of_all_groups_go_first() {
    let mut cache = Cache::default();
    for index in 0..4 {
        cache.push(A, index, bytes(10));
        cache.push(B, 50 + index, bytes(10));
    }
    cache.evict(35, |_, _| false);
    assert_eq!(held(&cache, A), [3]);
    assert_eq!(held(&cache, B), [52, 53]);
    assert_eq!(cache.bytes, 30);
}

#[test]
fn what_waits_is_kept() {
    let mut cache = Cache::default();
    for index in 0..4 {
        cache.push(A, index, bytes(10));
    }
    cache.evict(0, |_, index| index >= 2);
    assert_eq!(held(&cache, A), [2, 3]);
}

#[test]
fn truncated_and_purged_entries_are_gone_and_leave_no_marks_for_long() {
    let mut cache = Cache::default();
    for index in 0..10 {
        cache.push(A, index, bytes(10));
    }
    cache.truncate_from(A, 7);
    cache.purge_to(A, 2);
    assert_eq!(held(&cache, A), [3, 4, 5, 6]);
    cache.push(A, 7, bytes(1));
    assert_eq!(held(&cache, A), [3, 4, 5, 6, 7]);
    for index in 8..5000 {
        cache.push(A, index, bytes(1));
        cache.purge_to(A, index - 1);
        cache.evict(1000, |_, _| false);
    }
    assert_eq!(cache.bytes, 1);
    assert!(cache.order.len() <= STALE_MARKS + 2);
    cache.forget(A);
    assert_eq!((cache.bytes, cache.entries), (0, 0));
}
