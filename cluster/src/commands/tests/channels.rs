//! Channels between two shards, with everything that a bus does to batches.

use super::*;
use crate::action::ChannelBatch;
use crate::codes;
use crate::command::{ChannelAcked, Deliver};

fn key_in(shard: u32) -> String {
    let keys = (0..).map(|at| at.to_string());
    let mut keys = keys.into_iter();
    keys.find(|key| crate::shard_of(&address(&format!("Counter/{key}")), 2) == ShardId(shard))
        .unwrap()
}

/// A source with three parcels in the channel to shard 1.
fn source() -> (Bench, ChannelBatch) {
    let mut bench = Bench::of(2);
    bench.deploy(&program());
    let (here, there) = (key_in(0), key_in(1));
    let send = Do::Send("Counter".into(), Some(there), vec![Do::Add(1)]);
    bench.send(
        &format!("Counter/{here}"),
        &[send.clone(), send.clone(), send],
    );
    let batch = bench.last.actions.iter().find_map(|action| match action {
        Action::Send(batch) => Some(batch.clone()),
        _ => None,
    });
    (bench, batch.unwrap())
}

fn target() -> Bench {
    let store = MemoryStores::new(FlushMode::EveryUnits(1))
        .open(GroupId(2))
        .unwrap();
    let identity = ShardIdentity {
        shard: ShardId(1),
        ..identity(2)
    };
    let mut bench = Bench::of(2);
    bench.shard = Shard::open_with(identity, store, Arc::new(ModelEngine)).unwrap();
    bench.deploy(&program());
    bench
}

fn deliver(batch: &ChannelBatch, from: usize, until: usize) -> Command {
    Command::Deliver(Deliver {
        source: ShardId(0),
        source_incarnation: Incarnation(1),
        target_incarnation: batch.target_incarnation,
        first: batch.first + from as u64,
        parcels: batch.parcels[from..until].to_vec(),
    })
}

#[test]
fn parcels_are_taken_once_and_in_order() {
    let (_, batch) = source();
    assert_eq!((batch.first, batch.parcels.len()), (1, 3));
    let mut target = target();
    let of = format!("Counter/{}", key_in(1));
    let gap = target.one(deliver(&batch, 1, 3));
    assert_eq!(gap, Outcome::ChannelExpects(1), "a gap");
    assert_eq!(target.status(&of), "none");
    assert_eq!(
        target.one(deliver(&batch, 0, 1)),
        Outcome::ChannelExpects(2)
    );
    assert_eq!(
        target.one(deliver(&batch, 0, 3)),
        Outcome::ChannelExpects(4),
        "the prefix is trimmed"
    );
    assert_eq!(
        target.one(deliver(&batch, 1, 2)),
        Outcome::ChannelExpects(4)
    );
    assert_eq!(target.count(&of), 3);
}

#[test]
fn another_life_of_the_target_refuses() {
    let (_, mut batch) = source();
    batch.target_incarnation = Incarnation(9);
    let refused = refusal(target().one(deliver(&batch, 0, 3)));
    assert_eq!(refused.code, codes::WRONG_INCARNATION);
}

#[test]
fn parcels_stay_until_they_are_acknowledged() {
    let (mut source, batch) = source();
    let owed = source.shard.rebuild_actions().unwrap();
    assert_eq!(owed, [Action::Send(batch)]);
    let ack = |through: u64| {
        Command::ChannelAcked(ChannelAcked {
            target: ShardId(1),
            target_incarnation: Incarnation(1),
            through,
        })
    };
    source.one(ack(2));
    source.one(ack(1));
    let rest = query::channel(source.shard.store(), ShardId(1), Incarnation(1), 1, 9999);
    let rest = rest.unwrap().unwrap();
    assert_eq!((rest.first, rest.parcels.len()), (3, 1));
    source.one(ack(99));
    assert!(source.shard.rebuild_actions().unwrap().is_empty());
    let heads = query::channels(source.shard.store()).unwrap();
    assert_eq!((heads[0].next, heads[0].acked), (4, 3));
}

#[test]
fn malformed_parcels_are_refused_whole() {
    let (_, mut batch) = source();
    batch.parcels[1] = bytes::Bytes::from_static(b"\x02nonsense");
    let mut target = target();
    let refused = refusal(target.one(deliver(&batch, 0, 3)));
    assert_eq!(refused.code, codes::MALFORMED);
    assert_eq!(
        target.one(deliver(&batch, 0, 1)),
        Outcome::ChannelExpects(2)
    );
}

#[test]
fn a_message_that_cannot_travel_is_a_dead_letter_at_its_sender() {
    let mut bench = Bench::of(2);
    bench.deploy(&program());
    let (here, there) = (key_in(0), key_in(1));
    let large = vec![Do::Key("x".repeat(crate::limits::PARCEL_BYTES_MAX))];
    let send = Do::Send("Counter".into(), Some(there), large);
    let limits = crate::limits::ShardLimits {
        turn: vm::Limits {
            message_bytes: 1 << 30,
            ..vm::Limits::default()
        },
        ..Default::default()
    };
    bench.one(Command::Configure(Box::new(limits)));
    bench.send(&format!("Counter/{here}"), &[send]);
    assert_eq!(bench.dead(), [codes::TOO_LARGE]);
}

#[test]
fn both_ends_say_how_far_a_channel_is() {
    let (source, batch) = source();
    assert_eq!(query::sent(source.shard.store(), ShardId(1)).unwrap(), 3);
    assert_eq!(query::sent(source.shard.store(), ShardId(0)).unwrap(), 0);
    let mut target = target();
    let taken = |bench: &Bench, from| query::taken(bench.shard.store(), ShardId(from)).unwrap();
    assert_eq!(taken(&target, 0), 0);
    let two = Deliver {
        source: ShardId(0),
        source_incarnation: Incarnation(1),
        target_incarnation: Incarnation(1),
        first: 1,
        parcels: batch.parcels[..2].to_vec(),
    };
    target.one(Command::Deliver(two));
    assert_eq!((taken(&target, 0), taken(&target, 1)), (2, 0));
}
