//! `Configure`: new limits, from this command on.
//!
//! Before it: an operator. After it: every later turn and command of this shard.
//! Guarantees: limits that would stop the shard are refused. Leaves to others: which are wise.

use crate::codes;
use crate::limits::ShardLimits;
use crate::outcome::{Outcome, Refusal};
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, limits: &ShardLimits) -> Result<Outcome, ShardError> {
    let at_least_one = [
        ("command_instructions", limits.command_instructions),
        ("door_window", limits.door_window),
        ("output_count", limits.output_count),
        ("history_steps", limits.history_steps),
        ("service_window", limits.service_window),
        ("timers_per_command", limits.timers_per_command),
    ];
    if let Some((name, _)) = at_least_one.iter().find(|(_, value)| *value == 0) {
        return Ok(Outcome::Refused(Refusal::new(
            codes::BAD_LIMIT,
            format!("the limit `{name}` must be at least 1"),
        )));
    }
    shard.configure(limits);
    shard.run_queue()?;
    Ok(Outcome::Done)
}
