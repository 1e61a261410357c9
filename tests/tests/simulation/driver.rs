//! The leader's driver: carries out actions, as the real one does, and may forget at any time.
//!
//! Before it: actions of `Shard::apply`, or `rebuild_actions` of a new leader. After it: the bus,
//! and commands at its own leader. Guarantees: only what was committed is sent.
//! Leaves to others: repeating what the bus lost (`renew`, now and then).

use cluster::Command;
use cluster::action::{Action, ChannelBatch, ServiceCall};
use cluster::command::{ChannelAcked, Deliver, EffectDone, EffectResult};
use cluster::cut::marked;
use cluster::engine::model::Do;
use transport::Incarnation;

use crate::bus::{Packet, ReplyTo};
use crate::random::Random;

/// What a leader has in hand.
#[derive(Default)]
pub(crate) struct Driver {
    pub(crate) timer_ms: Option<u64>,
    pub(crate) batches: Vec<ChannelBatch>,
    pub(crate) calls: Vec<ServiceCall>,
    pub(crate) go_on: bool,
}

impl Driver {
    /// Takes actions over.
    pub(crate) fn take(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(batch) => self.batches.push(batch),
                Action::Timer { at_ms } => self.timer_ms = Some(at_ms),
                Action::Perform(call) => self.calls.push(call),
                Action::Continue => self.go_on = true,
                Action::Output(_) | Action::Turn(_) | Action::RunEnded(_) | Action::Meet(_) => {}
            }
        }
    }

    /// The commands that the leader proposes now.
    pub(crate) fn due(&mut self, now_ms: u64) -> Vec<Command> {
        let mut due = Vec::new();
        if self.timer_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            self.timer_ms = None;
            due.push(Command::TimerFired);
        }
        if std::mem::take(&mut self.go_on) {
            due.push(Command::Continue);
        }
        due
    }

    /// The batches to be sent: to any node, because who leads the target is a guess.
    pub(crate) fn packets(
        &mut self,
        random: &mut Random,
        from: (u32, usize),
        nodes: usize,
        marks: bool,
    ) -> Vec<Packet> {
        let (source, node) = from;
        let packet = |batch: ChannelBatch, random: &mut Random| Packet::Ask {
            shard: batch.target.0,
            node: random.below(nodes as u64) as usize,
            reply_to: ReplyTo::Channel {
                source,
                node,
                target: batch.target.0,
            },
            commands: marked(
                if marks { batch.cut } else { 0 },
                deliver(source, Incarnation(1), batch),
            ),
        };
        let batches = std::mem::take(&mut self.batches);
        batches
            .into_iter()
            .map(|batch| packet(batch, random))
            .collect()
    }

    /// What external services said: an answer, an acknowledgement, or nothing.
    pub(crate) fn answers(&mut self, random: &mut Random, silent_percent: u64) -> Vec<Command> {
        let calls = std::mem::take(&mut self.calls);
        let mut done = Vec::new();
        for call in calls {
            let result = match random.below(100) {
                silence if silence < silent_percent => EffectResult::Unanswered {
                    reason: "silence".to_owned(),
                },
                even if even % 2 == 0 => EffectResult::Acknowledged,
                _ => EffectResult::Answer(Do::body(&[Do::Key("answer".to_owned())])),
            };
            done.push(Command::EffectDone(EffectDone {
                service: call.service,
                message: call.stamp.id,
                attempt: call.attempt,
                result,
            }));
        }
        done
    }
}

/// A batch, as its target takes it.
pub(crate) fn deliver(
    source: u32,
    source_incarnation: Incarnation,
    batch: ChannelBatch,
) -> Command {
    Command::Deliver(Deliver {
        source: transport::ShardId(source),
        source_incarnation,
        target_incarnation: batch.target_incarnation,
        first: batch.first,
        parcels: batch.parcels,
    })
}

/// The acknowledgement that follows from the number that a target expects.
pub(crate) fn acked(target: u32, target_incarnation: Incarnation, expects: u64) -> Command {
    Command::ChannelAcked(ChannelAcked {
        target: transport::ShardId(target),
        target_incarnation,
        through: expects.saturating_sub(1),
    })
}
