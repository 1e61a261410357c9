//! An operator who asks for things while all else goes wrong: leads elsewhere, leads evenly, nodes that drain and
//! take work again; and at the end, in some runs, that shards go on from one node in a new life. The world steps
//! it; the system group comes after it. Guarantees: the seed decides what is asked; `calm` takes all of it back.
//! Left to others: whether it harms (`checks`).

use std::time::Duration;

use cluster::placement::{Place, Wish};
use cluster::system::{Member, MemberState};
use cluster::{SystemCommand, SystemState};
use cluster_raft::Groups;
use tests::random::Random;
use transport::{NodeId, ShardId};

use crate::machine::Machine;
use crate::trace::Trace;

/// One wish in about so many milliseconds.
const WISH_EVERY_MS: usize = 300;
/// How long the system group may take for one.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) struct Operator {
    random: Random,
    trace: Trace,
    /// Whether there is one in this run.
    works: bool,
    /// Whether shards go on in a new life at the end.
    pub(crate) recovers: bool,
}

impl Operator {
    pub(crate) fn new(mut random: Random, trace: Trace) -> Self {
        Self {
            works: random.below(3) > 0,
            recovers: random.below(3) == 0,
            random,
            trace,
        }
    }

    /// A millisecond of the troubled time.
    pub(crate) fn step(&mut self, machines: &[Machine]) {
        if !self.works || self.random.below(WISH_EVERY_MS) > 0 {
            return;
        }
        let at = self.random.below(machines.len());
        let (Some(groups), Some(life)) = (machines[at].groups(), &machines[at].life) else {
            return;
        };
        // Loads are counted over time, which is the machine's only inside its runtime.
        let entered = life.runtime.enter();
        let wish = self.wish(&groups);
        drop(entered);
        let Some(command) = wish else {
            return;
        };
        self.trace.say(format_args!("asks {at} for {command:?}"));
        life.runtime.spawn(async move {
            // Whether it is taken is part of the trouble.
            let _ = groups.propose_system(vec![command], PATIENCE).await;
        });
    }

    fn wish(&mut self, groups: &Groups) -> Option<SystemCommand> {
        let state = groups.system().borrow().clone();
        let members: Vec<NodeId> = state.members.keys().copied().collect();
        if members.is_empty() {
            return None;
        }
        let node = members[self.random.below(members.len())];
        let shards: Vec<ShardId> = state.shards.keys().copied().collect();
        Some(match self.random.below(8) {
            0 => SystemCommand::SetMemberState {
                node,
                state: MemberState::Draining,
            },
            1 | 2 => SystemCommand::SetMemberState {
                node,
                state: MemberState::Active,
            },
            3 => {
                let places = groups.even_by_load().into_iter();
                SystemCommand::Place(places.map(|(shard, place)| (shard, Some(place))).collect())
            }
            _ => {
                let place = Place {
                    leader: Some(node),
                    replicas: Vec::new(),
                    wish: Wish::Transfer,
                };
                let shard = *shards.get(self.random.below(shards.len().max(1)))?;
                SystemCommand::Place(vec![(shard, Some(place))])
            }
        })
    }
}

/// What takes back all that was asked for.
pub(crate) fn calm(state: &SystemState) -> Vec<SystemCommand> {
    let draining = |member: &&Member| member.state == MemberState::Draining;
    let members = state.members.values().filter(draining);
    let back = members.map(|member| SystemCommand::SetMemberState {
        node: member.id,
        state: MemberState::Active,
    });
    let asked = state.shards.iter().filter(|(_, one)| one.place.is_some());
    let forgotten: Vec<_> = asked.map(|(shard, _)| (*shard, None)).collect();
    let forget = (!forgotten.is_empty()).then_some(SystemCommand::Place(forgotten));
    back.chain(forget).collect()
}

/// What lets every shard that a node holds go on from it.
pub(crate) fn recover(state: &SystemState, from: NodeId) -> Vec<SystemCommand> {
    let held = state.shards.iter();
    let held = held.filter(|(_, one)| one.replicas.contains(&from));
    held.map(|(shard, one)| SystemCommand::Recover {
        shard: *shard,
        incarnation: one.incarnation,
        from,
    })
    .collect()
}
