//! `Deliver`: parcels of one channel. Takes exactly the next number and those after it.
//!
//! Before it: the pump of the source's leader. After it: the run queue.
//! Guarantees: each number is taken once and in order, however often and in whatever order batches
//! come; nothing is refused for being too much, because push-back between shards would deadlock.
//! Leaves to others: carrying, and the source's records.

use crate::codes;
use crate::command::Deliver;
use crate::message::Parcel;
use crate::outcome::{Outcome, Refusal};
use crate::shard::{Job, Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, deliver: &Deliver) -> Result<Outcome, ShardError> {
    if deliver.target_incarnation != shard.identity.incarnation {
        return Ok(Outcome::Refused(Refusal::new(
            codes::WRONG_INCARNATION,
            format!(
                "the channel is for incarnation {} of shard {}, this is {}",
                deliver.target_incarnation, shard.identity.shard, shard.identity.incarnation
            ),
        )));
    }
    let known = shard.lives.of(deliver.source);
    if deliver.source_incarnation < known {
        return Ok(Outcome::Refused(Refusal::new(
            codes::WRONG_INCARNATION,
            format!(
                "the channel is of incarnation {} of shard {}, which is in incarnation {known}",
                deliver.source_incarnation, deliver.source
            ),
        )));
    }
    let source = (deliver.source, deliver.source_incarnation);
    let expected = shard.channels.expects(source);
    let skipped = expected.checked_sub(deliver.first);
    #[cfg(feature = "mutants")]
    let skipped = match shard.is_mutant(crate::shard::Mutant::SkipChannelDedup) {
        true => skipped.map(|_| 0),
        false => skipped,
    };
    // Below zero it is a gap: parcels before `first` are missing here.
    if let Some(skipped) = skipped {
        let fresh = deliver.parcels.iter().skip(skipped as usize);
        let parcels: Vec<Parcel> = match fresh.map(|bytes| Parcel::decode(bytes)).collect() {
            Ok(parcels) => parcels,
            Err(error) => {
                return Ok(Outcome::Refused(Refusal::new(
                    codes::MALFORMED,
                    format!(
                        "a parcel from shard {} cannot be read: {error}",
                        deliver.source
                    ),
                )));
            }
        };
        if !parcels.is_empty() {
            let last = deliver.first + deliver.parcels.len() as u64 - 1;
            shard.channels.taken(&mut *shard.store, source, last);
        }
        for parcel in parcels {
            let seen = parcel.stamp().time;
            shard.meta.hybrid = shard.meta.hybrid.merge(seen, shard.now_ms);
            shard.push(Job::Parcel(parcel));
        }
    }
    shard.run_queue()?;
    let next = shard.channels.expects(source);
    Ok(match shard.last_cut {
        0 => Outcome::ChannelExpects(next),
        cut => Outcome::ChannelExpectsInCut { next, cut },
    })
}
