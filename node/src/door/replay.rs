//! Runs the recorded history of an instance again, on this node, and compares every effect with what was
//! recorded. One page of it at a time is in memory, however long it is.

use std::collections::BTreeSet;

use bytes::Bytes;
use cluster::ProgramId;
use cluster::engine::script::ScriptEngine;
use cluster::record::{HistoryRecord, TurnInput};
use cluster::replay::{Replay, ReplayError, Replayed};
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
        let engine = ScriptEngine;
        let mut replay = Replay::new(&engine, address.clone(), self.limits.clone());
        let failed = |error: ReplayError| DoorError::NotFound(error.to_string());
        let mut known = BTreeSet::new();
        let mut from = 0;
        loop {
            let steps = self.page_of_history(shard, address, from).await?;
            // A page of large steps has fewer than were asked for.
            let Some((last, _)) = steps.last() else {
                return Ok(replay.replayed());
            };
            from = last + 1;
            for (step, record) in &steps {
                if let TurnInput::Start { program, .. } = &record.input
                    && known.insert(*program)
                    && let Some(bytes) = self.program_of(shard, *program).await?
                {
                    replay.add_program(*program, &bytes).map_err(failed)?;
                }
                replay.step(*step, record).map_err(failed)?;
            }
        }
    }

    async fn program_of(
        &self,
        shard: ShardId,
        program: ProgramId,
    ) -> Result<Option<Bytes>, DoorError> {
        let query = Query::Program(program);
        match self.ask(shard, query, Consistency::Linearisable).await? {
            Answer::Program(bytes) => Ok(bytes),
            _ => Err(mismatch()),
        }
    }

    async fn page_of_history(
        &self,
        shard: ShardId,
        address: &Address,
        from: u64,
    ) -> Result<Vec<(u64, HistoryRecord)>, DoorError> {
        let query = Query::History {
            address: address.clone(),
            from,
            limit: PAGE,
        };
        match self.ask(shard, query, Consistency::Linearisable).await? {
            Answer::History(page) => Ok(page),
            _ => Err(mismatch()),
        }
    }
}
