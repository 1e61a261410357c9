//! `ChannelAcked`: the target of a channel has committed what it was sent.
//!
//! Before it: the leader's pump, lazily. After it: the parcels are forgotten.
//! Guarantees: late and repeated acknowledgements change nothing. Leaves to others: sending.

use crate::command::ChannelAcked;
use crate::outcome::Outcome;
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, acked: &ChannelAcked) -> Result<Outcome, ShardError> {
    let ends = (acked.target, acked.target_incarnation);
    let through = acked.through;
    #[cfg(feature = "mutants")]
    let through = match shard.is_mutant(crate::shard::Mutant::AckEarly) {
        true => u64::MAX,
        false => through,
    };
    shard.channels.acked(&mut *shard.store, ends, through);
    shard.run_queue()?;
    Ok(Outcome::Done)
}
