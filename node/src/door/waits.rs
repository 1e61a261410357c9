//! `?wait=turn` and `?wait=outcome`: follows an accepted request until its turn is done or its run has
//! ended. It reads what the shards recorded, so any node can wait for any message, also through a change
//! of leaders. What takes too long is answered as accepted: nothing is lost by not waiting.

use std::time::Duration;

use cluster::query::InstanceView;
use cluster::record::{InstanceStatus, MessageFate};
use tokio::time::Instant;
use transport::{Address, MessageId, RunId};

use super::route::Pause;
use super::{Admitted, Answer, Consistency, Door, DoorError, Query, Wait, mismatch};
use crate::api::Outcome;
use crate::http::views;

/// How long a request may wait for more than its commit.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(60);

impl Door {
    /// Waits as asked. None where only the commit was waited for, or the time is over.
    ///
    /// # Errors
    /// The shard cannot be read.
    pub async fn wait(
        &self,
        wait: Wait,
        admitted: &Admitted,
    ) -> Result<Option<Outcome>, DoorError> {
        let deadline = Instant::now() + WAIT_MAX;
        if wait == Wait::Commit {
            return Ok(None);
        }
        // A bare name that routes within its own shard has no instance in the receipt.
        let start = match &admitted.receipt.instance {
            Some(instance) => instance.clone(),
            None => admitted.to.clone(),
        };
        let turn = self
            .wait_for_turn(admitted.receipt.message, start, deadline)
            .await?;
        let Some((fate, instance)) = turn else {
            return Ok(None);
        };
        let run = match &fate {
            MessageFate::Applied { run, .. } => Some(*run),
            MessageFate::Started { .. } => None,
            _ => return Ok(views::outcome_of(&fate)),
        };
        match wait {
            Wait::Outcome => self.wait_for_end(&instance, run, deadline).await,
            Wait::Turn | Wait::Commit => Ok(views::outcome_of(&fate)),
        }
    }

    /// Follows a message from shard to shard until its fate is settled.
    async fn wait_for_turn(
        &self,
        id: MessageId,
        mut at: Address,
        deadline: Instant,
    ) -> Result<Option<(MessageFate, Address)>, DoorError> {
        let mut pause = Pause::default();
        loop {
            let query = Query::Message(id);
            let answer = self
                .ask(self.shard_of(&at)?, query, Consistency::Linearisable)
                .await?;
            let Answer::Message(record) = answer else {
                return Err(mismatch());
            };
            match record.map(|record| (record.fate, record.to)) {
                Some((MessageFate::Routed { instance }, _)) if instance != at => {
                    at = instance;
                    continue;
                }
                Some((fate, to)) if views::outcome_of(&fate).is_some() => {
                    return Ok(Some((fate, to)));
                }
                _ => {}
            }
            if !pause.rest_before(deadline).await {
                return Ok(None);
            }
        }
    }

    /// Waits until the run has ended: the instance has ended, or lives in another run.
    async fn wait_for_end(
        &self,
        instance: &Address,
        run: Option<RunId>,
        deadline: Instant,
    ) -> Result<Option<Outcome>, DoorError> {
        let (mut pause, mut run) = (Pause::default(), run);
        let shard = self.shard_of(instance)?;
        loop {
            let query = Query::Instance(instance.clone());
            let answer = self.ask(shard, query, Consistency::Linearisable).await?;
            let Answer::Instance(view) = answer else {
                return Err(mismatch());
            };
            if let Some((view, _)) = view {
                let awaited = *run.get_or_insert(view.run);
                if view.run != awaited || view.status != InstanceStatus::Running {
                    return end(&view, view.run == awaited).map(Some);
                }
            }
            if !pause.rest_before(deadline).await {
                return Ok(None);
            }
        }
    }
}

fn end(view: &InstanceView, same_run: bool) -> Result<Outcome, DoorError> {
    if !same_run {
        // A later run has taken its place; how the awaited one ended is in the history.
        return Ok(Outcome {
            status: "ended".to_owned(),
            result: None,
            error: None,
        });
    }
    Ok(Outcome {
        status: view.status.as_str().to_owned(),
        result: view.result.as_ref().map(views::value).transpose()?,
        error: view.error.as_ref().map(views::failure),
    })
}
