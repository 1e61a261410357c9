//! Timers across a failover: a script that rests after a failure, and one that pauses, go on under another leader.
//!
//! Before it: a world whose script is deployed. After it: the real shards, as in `world`. Guarantees: what a new
//! leader owes is found in state alone. Leaves to others: everything by chance (`world`).

use cluster::action::Action;
use cluster::command::SendRequest;
use cluster::query::{self, InstanceView};
use cluster::{Command, EntryStamp};
use serde_json::json;
use transport::{Address, Namespace};

use crate::NODES;
use crate::bus::ReplyTo;
use crate::client::{Transfer, header, home};
use crate::group::Group;
use crate::random::Random;
use crate::scripts;
use crate::world::{Bug, World};

struct Case {
    world: World,
    till: Address,
    leader: usize,
    now_ms: u64,
}

impl Case {
    fn new() -> Self {
        let till = Address::parse(Namespace::default(), "Till/a0").unwrap();
        let mut case = Self {
            world: World::new(1, Bug::None),
            till,
            leader: 0,
            now_ms: 0,
        };
        // Later than what the world stamped.
        case.now_ms = case.world.now_ms + 10_000;
        case.settle();
        case
    }

    fn group(&mut self) -> &mut Group {
        &mut self.world.groups[home(&self.till) as usize]
    }

    fn stamp(&self) -> EntryStamp {
        EntryStamp {
            time_ms: self.now_ms,
            entropy: [7; 16],
        }
    }

    /// Everything in the leader's log is committed and applied, wherever a node is up.
    fn settle(&mut self) {
        let leader = self.leader;
        let group = self.group();
        for _ in 0..2 {
            (0..NODES).for_each(|node| group.replicate(leader, node, 100));
            (0..NODES).for_each(|node| group.flush(node));
            group.commit(leader);
        }
        for replica in group.replicas.iter_mut().filter(|one| one.is_alive()) {
            while replica.apply_next().is_some() {}
        }
    }

    fn propose(&mut self, command: Command) {
        let (leader, stamp) = (self.leader, self.stamp());
        let group = self.group();
        group.append(leader, stamp, vec![command], vec![ReplyTo::Nobody]);
        self.settle();
    }

    fn tell(&mut self, tag: &str, rest_ms: u64, end: &str) {
        let message = json!({
            "to": "a0", "tag": tag, "amount": 1, "rest": rest_ms, "bare": false, "end": end, "pay": null,
        });
        let transfer = Transfer {
            tag: tag.to_owned(),
            to: self.till.clone(),
            body: scripts::message(&message),
            with_key: false,
        };
        let door = header(&mut self.world.doors[2], 2, &transfer, self.now_ms);
        self.propose(Command::Send(SendRequest {
            door,
            to: transfer.to,
            from: None,
            body: transfer.body,
        }));
    }

    /// The leader is lost, and `next` leads. Gives when its timer is due.
    fn fail_over(&mut self, next: usize) -> u64 {
        let (lost, stamp) = (self.leader, self.stamp());
        let group = self.group();
        group.replicas[lost].crash(&mut Random::new(3), false);
        let reaches: Vec<bool> = (0..NODES).map(|node| node != lost).collect();
        assert!(group.elect(next, &reaches, stamp), "two of three are up");
        self.leader = next;
        self.settle();
        let shard = self.group().replicas[next].shard.as_ref().unwrap();
        let owed = shard.rebuild_actions().unwrap();
        let timer = owed.iter().find_map(|action| match action {
            Action::Timer { at_ms } => Some(*at_ms),
            _ => None,
        });
        timer.expect("the new leader knows of the timer")
    }

    fn view(&mut self) -> (InstanceView, i64) {
        let (till, leader) = (self.till.clone(), self.leader);
        let shard = self.group().replicas[leader].shard.as_ref().unwrap();
        let view = query::instance(shard.store(), &till).unwrap().unwrap();
        let count = scripts::count(shard.store(), &view);
        (view, count)
    }
}

#[test]
fn a_till_that_failed_goes_on_under_another_leader() {
    let mut case = Case::new();
    case.tell("first", 0, "");
    case.tell("failing", 0, "fail");
    let (view, count) = case.view();
    assert!(view.rests_until_ms.is_some(), "it rests: {view:?}");
    assert_eq!(count, 1);
    let due_ms = case.fail_over(1);
    assert_eq!(Some(due_ms), view.rests_until_ms);
    case.tell("waiting", 0, "");
    assert_eq!(case.view().0.mailbox, 1, "it still rests");
    case.now_ms = due_ms;
    case.propose(Command::TimerFired);
    let (view, count) = case.view();
    assert_eq!((view.mailbox, view.rests_until_ms), (0, None));
    assert_eq!(count, 2, "its state is that of before the failure");
}

#[test]
fn a_till_that_pauses_goes_on_under_another_leader() {
    let mut case = Case::new();
    case.tell("pausing", 300, "");
    case.tell("waiting", 0, "");
    assert_eq!(case.view().0.mailbox, 1, "it pauses");
    let due_ms = case.fail_over(2);
    assert_eq!(due_ms, case.now_ms + 300);
    case.propose(Command::TimerFired);
    assert_eq!(
        case.view().0.mailbox,
        1,
        "a timer that fires early does nothing"
    );
    case.now_ms = due_ms;
    case.propose(Command::TimerFired);
    let (view, count) = case.view();
    assert_eq!((view.mailbox, count), (0, 2));
}
