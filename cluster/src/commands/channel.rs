//! `ChannelAcked`: the target of a channel has committed what it was sent.
//!
//! Before it: the leader's pump, lazily. After it: the parcels are forgotten.
//! Guarantees: late and repeated acknowledgements change nothing. Leaves to others: sending.

use crate::command::ChannelAcked;
use crate::outcome::Outcome;
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, acked: &ChannelAcked) -> Result<Outcome, ShardError> {
    let ends = (acked.target, acked.target_incarnation);
    shard.channels.acked(&mut *shard.store, ends, acked.through);
    shard.run_queue()?;
    Ok(Outcome::Done)
}
