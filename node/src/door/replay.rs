//! Runs the recorded history of an instance again, on this node, and compares every effect with what was
//! recorded.

use cluster::engine::script::ScriptEngine;
use cluster::record::{HistoryRecord, TurnInput};
use cluster::replay::{Replay, Replayed};
use transport::{Address, ShardId};

use super::{Answer, Consistency, Door, DoorError, Query, mismatch};

/// Steps of history that are read at a time.
const PAGE: usize = 500;

impl Door {
    /// Runs the kept history of an instance again.
    ///
    /// # Errors
    /// The shard cannot be read, or a program of the history is no longer kept.
    pub async fn replay(&self, address: &Address) -> Result<Replayed, DoorError> {
        let shard = self.shard_of(address)?;
        let steps = self.whole_history(shard, address).await?;
        let engine = ScriptEngine;
        let mut replay = Replay::new(&engine, address.clone(), self.limits.clone());
        let failed = |error: cluster::replay::ReplayError| DoorError::NotFound(error.to_string());
        let mut known = std::collections::BTreeSet::new();
        for (step, record) in &steps {
            if let TurnInput::Start { program, .. } = &record.input
                && known.insert(*program)
            {
                let query = Query::Program(*program);
                let answer = self.ask(shard, query, Consistency::Linearisable).await?;
                let Answer::Program(bytes) = answer else {
                    return Err(mismatch());
                };
                if let Some(bytes) = bytes {
                    replay.add_program(*program, &bytes).map_err(failed)?;
                }
            }
            replay.step(*step, record).map_err(failed)?;
        }
        Ok(replay.replayed())
    }

    async fn whole_history(
        &self,
        shard: ShardId,
        address: &Address,
    ) -> Result<Vec<(u64, HistoryRecord)>, DoorError> {
        let (mut steps, mut from): (Vec<(u64, HistoryRecord)>, u64) = (Vec::new(), 0);
        loop {
            let query = Query::History {
                address: address.clone(),
                from,
                limit: PAGE,
            };
            let answer = self.ask(shard, query, Consistency::Linearisable).await?;
            let Answer::History(page) = answer else {
                return Err(mismatch());
            };
            // A page of large steps has fewer than were asked for.
            let Some((last, _)) = page.last() else {
                return Ok(steps);
            };
            from = last + 1;
            steps.extend(page);
        }
    }
}
