//! Time of groups under clocks that the test sets.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cluster::system::{Member, MemberState, Semantics};

use super::*;

const MS: u64 = 1_000_000;
const HOUR_MS: u64 = 3_600_000;
const START_MS: u64 = 1_700_000_000_000;

/// A clock that only the test moves.
struct Hands {
    wall: AtomicU64,
    monotonic: AtomicU64,
}

impl Hands {
    fn at(wall_ms: u64) -> Arc<Self> {
        Arc::new(Self {
            wall: AtomicU64::new(wall_ms * MS),
            monotonic: AtomicU64::new(0),
        })
    }

    fn pass(&self, ms: u64) {
        self.wall.fetch_add(ms * MS, Ordering::Relaxed);
        self.monotonic.fetch_add(ms * MS, Ordering::Relaxed);
    }

    fn set(&self, wall_ms: u64) {
        self.wall.store(wall_ms * MS, Ordering::Relaxed);
    }

    fn wall_ms(&self) -> u64 {
        self.wall.load(Ordering::Relaxed) / MS
    }
}

impl Clock for Hands {
    fn unix_nanos(&self) -> u64 {
        self.wall.load(Ordering::Relaxed)
    }

    fn monotonic_nanos(&self) -> u64 {
        self.monotonic.load(Ordering::Relaxed)
    }
}

/// A node of a cluster with so many members, of which it is number 1.
fn node(hands: &Arc<Hands>, members: u64) -> Arc<NodeTime> {
    let clock: Arc<dyn Clock> = Arc::clone(hands) as _;
    let time = NodeTime::new(clock, 1, Duration::from_millis(2_500));
    let member = |id: u64| Member {
        id: transport::NodeId(id),
        name: id.to_string(),
        http: String::new(),
        state: MemberState::Active,
        semantics: Semantics::default(),
    };
    let members: BTreeMap<_, _> = (1..=members).map(member).map(|one| (one.id, one)).collect();
    let state = SystemState {
        members,
        ..SystemState::default()
    };
    // A receiver keeps the last value when its sender is gone.
    time.follow(watch::channel(Arc::new(state)).1);
    time
}

/// Lets time pass in steps in which two other nodes report, and asks for the group's time.
fn run(hands: &Hands, node: &NodeTime, shard: &ShardTime, steps: u64, true_ms: u64) -> u64 {
    let mut last = shard.now_ms();
    for step in 1..=steps {
        hands.pass(100);
        for other in [2, 3] {
            node.heard(other, (true_ms + step * 100) * MS);
        }
        let now = shard.now_ms();
        assert!(now >= last, "time goes back: {last} to {now}");
        last = now;
    }
    last
}

#[test]
fn a_single_node_goes_by_its_own_clock() {
    let hands = Hands::at(START_MS);
    let shard = ShardTime::new(node(&hands, 1));
    assert_eq!(shard.now_ms(), START_MS);
    hands.pass(700);
    assert_eq!(shard.now_ms(), START_MS + 700);
    hands.set(START_MS + HOUR_MS - 100);
    hands.pass(100);
    assert_eq!(
        shard.now_ms(),
        START_MS + HOUR_MS,
        "its clock was put right"
    );
    hands.set(START_MS);
    hands.pass(8_000);
    assert_eq!(
        shard.now_ms(),
        START_MS + HOUR_MS + 7_000,
        "slower, not back"
    );
}

#[test]
fn a_node_an_hour_ahead_stays_near_the_median() {
    let hands = Hands::at(START_MS + HOUR_MS);
    let node = node(&hands, 3);
    let shard = ShardTime::new(Arc::clone(&node));
    shard.observe(START_MS);
    assert_eq!(
        shard.now_ms(),
        START_MS,
        "nobody was heard, so its clock says nothing"
    );
    let now = run(&hands, &node, &shard, 300, START_MS);
    let ahead = now - (START_MS + 30_000);
    assert!(ahead <= 500, "{ahead} ms ahead");
    let (off, most) = node.ahead().unwrap();
    assert_eq!((off, most), ((HOUR_MS * MS).into(), (500 * MS).into()));
    assert_eq!(node.believed_ms(), START_MS + 30_500);
}

#[test]
fn a_node_an_hour_behind_leads_time_with_the_median_too() {
    let hands = Hands::at(START_MS - HOUR_MS);
    let node = node(&hands, 3);
    let shard = ShardTime::new(Arc::clone(&node));
    shard.observe(START_MS);
    let now = run(&hands, &node, &shard, 300, START_MS);
    assert!((START_MS + 30_000).abs_diff(now) <= 500);
}

#[test]
fn a_clock_that_steps_back_stops_no_time() {
    let hands = Hands::at(START_MS);
    let node = node(&hands, 3);
    let shard = ShardTime::new(Arc::clone(&node));
    let before = run(&hands, &node, &shard, 10, START_MS);
    hands.set(START_MS - HOUR_MS);
    let now = run(&hands, &node, &shard, 100, START_MS + 1_000);
    assert!(now >= before + 8_000, "{} ms in 10 s", now - before);
}

#[test]
fn a_restart_goes_on_from_the_last_stamp_until_others_are_heard() {
    // Shard time is ahead of every clock, as after a lead of a node whose clock was allowed to be.
    let hands = Hands::at(START_MS);
    let node = node(&hands, 3);
    let shard = ShardTime::new(Arc::clone(&node));
    shard.observe(START_MS + 400);
    hands.pass(10);
    assert_eq!(shard.now_ms(), START_MS + 410);
    let now = run(&hands, &node, &shard, 100, START_MS + 10);
    assert_eq!(
        now,
        START_MS + 10_010,
        "it came back to the clocks, and never went back"
    );
}

#[test]
fn a_new_leader_goes_on_from_what_the_last_one_stamped() {
    let (first, second) = (Hands::at(START_MS + 450), Hands::at(START_MS - 450));
    let old = ShardTime::new(node(&first, 1));
    let new = ShardTime::new(node(&second, 1));
    let mut last = 0;
    for step in 0..20 {
        for hands in [&first, &second] {
            hands.pass(50);
        }
        let leader = if step < 10 { &old } else { &new };
        let stamp = leader.now_ms();
        assert!(stamp >= last);
        last = stamp;
        old.observe(stamp);
        new.observe(stamp);
    }
}

#[test]
fn after_some_silence_a_member_goes_by_its_own_clock() {
    let hands = Hands::at(START_MS + HOUR_MS);
    let node = node(&hands, 2);
    let shard = ShardTime::new(node);
    shard.observe(START_MS);
    hands.pass(4_000);
    assert_eq!(shard.now_ms(), START_MS + 4_000);
    hands.pass(4_000);
    assert_eq!(shard.now_ms(), hands.wall_ms());
}

#[test]
fn strangers_and_silent_nodes_do_not_count() {
    let hands = Hands::at(START_MS);
    let node = node(&hands, 2);
    let shard = ShardTime::new(Arc::clone(&node));
    node.heard(77, (START_MS - HOUR_MS) * MS);
    node.heard(2, (START_MS - 2_000) * MS);
    assert_eq!(shard.now_ms(), START_MS - 1_500);
    assert_eq!(node.ahead_of(2).unwrap(), 0);
    hands.pass(2_600);
    let (off, _) = node.ahead().unwrap_or((0, 0));
    assert_eq!(off, 0, "nobody is left to compare with");
    assert_eq!(node.ahead_of(2), None);
}
