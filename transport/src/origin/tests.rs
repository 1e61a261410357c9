//! Ids derived from origins: fixed layouts, no repeats, one tag for a story.

use std::collections::BTreeSet;

use super::*;

const CLUSTER: ClusterId = ClusterId([9; 16]);
const TIME: HybridTime = HybridTime::new(1_700_000_000_000, 77);

fn door(node: u64, incarnation: u32, sequence: u64) -> DoorOrigin {
    DoorOrigin {
        cluster: CLUSTER,
        node: NodeId(node),
        node_incarnation: Incarnation(incarnation),
        sequence,
    }
}

fn run(shard: u32, incarnation: u32, run_began_at: u64, run_ordinal: u32) -> RunOrigin {
    RunOrigin {
        cluster: CLUSTER,
        shard: ShardId(shard),
        incarnation: Incarnation(incarnation),
        run_began_at,
        run_ordinal,
    }
}

/// The layouts are stored data: these values must never change. They were computed by another
/// implementation of XXH3 from the layouts of `docs/decisions/0001-message-ids.md`.
#[test]
fn layouts_stay_as_they_are() {
    let root = MessageId::root(&door(1, 2, 3));
    assert_eq!(root.to_string(), "32d900000003ed0d3667110441ba14e9");
    let origin = run(4, 5, 6, 7).message(8, 9);
    let derived = MessageId::derived(root, &origin, TIME);
    assert_eq!(derived.to_string(), "32d900000003e56800004df765231c3d");
    let own = MessageId::own(&run(4, 5, 0, 0).message(8, 0));
    assert_eq!(own.to_string(), "ae01000000081abe9ef48853c1bff104");
    assert_eq!(
        RunId::derived(&run(4, 5, 6, 7)).to_string(),
        "17f7c4fbfb79c14ac6bc5b491a7eae6a"
    );
}

#[test]
fn a_story_shares_the_tag_of_its_root_and_nothing_else() {
    let root = MessageId::root(&door(1, 1, 1));
    let other = MessageId::root(&door(1, 1, 2));
    let origin = run(1, 1, 100, 0).message(3, 0);
    let (a, b) = (
        MessageId::derived(root, &origin, TIME),
        MessageId::derived(other, &origin, TIME),
    );
    assert_eq!(a.story_tag(), root.story_tag());
    assert_eq!(b.story_tag(), other.story_tag());
    assert_ne!(root.story_tag(), other.story_tag());
    assert_eq!(a.0[STORY_TAG_BYTES..], b.0[STORY_TAG_BYTES..]);
    assert!(a.to_string().starts_with(&root.to_string()[..12]));
}

#[test]
fn every_field_of_an_origin_counts() {
    let root = MessageId::root(&door(1, 1, 1));
    let mut ids = BTreeSet::new();
    let mut made = 0;
    for field in 0..6 {
        for value in 2..50u32 {
            let at = |n: u32| if n == field { value } else { 1 };
            let origin = run(at(0), at(1), at(2).into(), at(3)).message(at(4).into(), at(5));
            ids.insert(MessageId::derived(root, &origin, TIME));
            made += 1;
        }
    }
    for field in 0..3 {
        for value in 2..50u32 {
            let at = |n: u32| if n == field { value } else { 1 };
            ids.insert(MessageId::root(&door(at(0).into(), at(1), at(2).into())));
            made += 1;
        }
    }
    let other = RunOrigin {
        cluster: ClusterId([8; 16]),
        ..run(1, 1, 1, 1)
    };
    ids.insert(MessageId::derived(root, &other.message(1, 1), TIME));
    assert_eq!(ids.len(), made + 1);
}

#[test]
fn runs_of_one_entry_have_ids_of_their_own() {
    let runs: BTreeSet<RunId> = (0..100)
        .map(|n| RunId::derived(&run(1, 1, 50, n)))
        .collect();
    assert_eq!(runs.len(), 100);
    // The kind keeps a run's id apart from a message's with the same bytes after it.
    let id = RunId::derived(&run(1, 1, 50, 0));
    assert_ne!(
        id.0[6..],
        MessageId::own(&run(1, 1, 50, 0).message(0, 0)).0[6..]
    );
}

#[test]
fn ids_grow_with_the_stories_of_a_door_or_shard_and_within_a_story_with_time() {
    let roots: Vec<MessageId> = (1..1000).map(|n| MessageId::root(&door(1, 1, n))).collect();
    assert!(roots.is_sorted());
    let own = |n| MessageId::own(&run(1, 1, 0, 0).message(n, 0));
    assert!((1..1000).map(own).is_sorted());
    assert_ne!(own(1).story_tag(), roots[0].story_tag());
    let sent = |n: u64| {
        let origin = run(1, 1, 7919 * n % 100, 0).message(n % 3, 0);
        let time = HybridTime::new(1_700_000_000_000 + n / 10, (n % 10) as u16);
        MessageId::derived(roots[0], &origin, time)
    };
    assert!((1..1000).map(sent).is_sorted());
}
