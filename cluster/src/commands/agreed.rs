//! `Agreed`: what the majority of the replicas says about the state at a checkpoint.
//!
//! Before it: the leader, which collected what the replicas said. After it: each replica, which
//! compares it with its own hash; where there was no majority, nothing until one is settled.
//! Guarantees: verdicts are chained; an older one than the last changes nothing.
//! Leaves to others: fencing a replica in the minority.

use crate::agreement::Verdict;
use crate::codes;
use crate::limits::VERDICT_REPLICAS_MAX;
use crate::outcome::{Outcome, Refusal};
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, verdict: &Verdict) -> Result<Outcome, ShardError> {
    if verdict.said.len() > VERDICT_REPLICAS_MAX {
        let reason = format!(
            "a verdict with the answers of {} replicas; at most {VERDICT_REPLICAS_MAX} fit",
            verdict.said.len()
        );
        return Ok(Outcome::Refused(Refusal::new(codes::MALFORMED, reason)));
    }
    shard.agree(verdict);
    Ok(Outcome::Done)
}
