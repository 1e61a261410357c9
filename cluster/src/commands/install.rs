//! `Install`: a program for this shard to hold.
//!
//! Before it: a deploy. After it: `Activate`, and runs that carry the program's hash.
//! Guarantees: bytes are verified before anything runs them. Leaves to others: names.

use crate::codes;
use crate::command::Install;
use crate::outcome::{Outcome, Refusal};
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, install: &Install) -> Result<Outcome, ShardError> {
    let installed = shard.programs.install(&mut *shard.store, &install.program);
    let outcome = match installed {
        Ok(_) => Outcome::Done,
        Err(reason) => Outcome::Refused(Refusal::new(
            codes::BAD_PROGRAM,
            format!("these bytes are no program that this version runs: {reason}"),
        )),
    };
    shard.run_queue()?;
    Ok(outcome)
}
