//! `?wait=turn` and `?wait=outcome`: follows an accepted request until its turn is done or its run has
//! ended. It hears the news of the shard where a replica is on this node, and reads what the shard recorded
//! else, so any node can wait for any message, also through a change of leaders. What takes too long is
//! answered as accepted: nothing is lost by not waiting.

use std::time::Duration;

use cluster::action::{RunEnded, TurnNews};
use cluster::query::InstanceView;
use cluster::record::{InstanceStatus, MessageFate, TurnOutcome};
use cluster_raft::driver::waiters::{News, Topic};
use tokio::time::Instant;
use transport::{Address, MessageId, RunId, ShardId};

use super::listen::{Heard, Listener};
use super::{Admitted, Answer, Consistency, Door, DoorError, Known, Query, Wait, mismatch};
use crate::api::Outcome;
use crate::http::views;

/// How long a request may wait for more than its commit.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(60);

/// What became of a message, and the instance that took it.
type Settled = (MessageFate, Address);

/// Where a message is, and who hears of it.
struct Follow {
    id: MessageId,
    at: Address,
    shard: ShardId,
    /// Hears the ends of the instance, where they are waited for.
    ends: Option<Listener>,
}

impl Door {
    /// Waits as asked. None where only the commit was waited for, or the time is over.
    ///
    /// # Errors
    /// The shard cannot be read.
    pub async fn wait(
        &self,
        wait: Wait,
        admitted: &mut Admitted,
    ) -> Result<Option<Outcome>, DoorError> {
        if wait == Wait::Commit {
            return Ok(None);
        }
        // A bare name that routes within its own shard has no instance in the receipt.
        let start = match &admitted.receipt.instance {
            Some(instance) => instance.clone(),
            None => admitted.to.clone(),
        };
        let id = admitted.receipt.message;
        let listener = admitted.listener.take();
        let follow = Follow {
            id,
            shard: self.shard_of(&start)?,
            at: start,
            ends: None,
        };
        let listener = listener.filter(|listener| listener.is_of(follow.shard, &Topic::Turn(id)));
        self.follow(wait, follow, admitted.first, listener).await
    }

    /// As [`Door::wait`], for a message that was accepted before.
    ///
    /// # Errors
    /// As there.
    pub async fn wait_for(&self, wait: Wait, known: &Known) -> Result<Option<Outcome>, DoorError> {
        let record = &known.record;
        if wait == Wait::Commit {
            return self.outcome_of(&record.fate, known.shard).await;
        }
        let follow = Follow {
            id: record.stamp.id,
            shard: match record.fate {
                MessageFate::Routed { .. } => self.shard_of(&record.to)?,
                _ => known.shard,
            },
            at: record.to.clone(),
            ends: None,
        };
        self.follow(wait, follow, None, None).await
    }

    async fn follow(
        &self,
        wait: Wait,
        mut follow: Follow,
        first: Option<MessageId>,
        listener: Option<Listener>,
    ) -> Result<Option<Outcome>, DoorError> {
        let deadline = Instant::now() + WAIT_MAX;
        let turn = self.wait_for_turn(&mut follow, wait, listener, deadline);
        let Some((mut fate, mut instance)) = turn.await? else {
            return Ok(None);
        };
        if let (Wait::Turn, Some(first), true) = (wait, first, goes_on(&fate)) {
            follow.id = first;
            let turn = self.wait_for_turn(&mut follow, wait, None, deadline);
            let Some(settled) = turn.await? else {
                return Ok(None);
            };
            (fate, instance) = settled;
        }
        let run = match (wait, &fate) {
            (Wait::Outcome, MessageFate::Applied { run, .. }) => Some(*run),
            (Wait::Outcome, MessageFate::Started { .. }) => None,
            _ => return self.outcome_of(&fate, follow.shard).await,
        };
        let ends = follow.ends.filter(|_| follow.at == instance);
        self.wait_for_end(&instance, run, ends, deadline).await
    }

    /// What became of a message, with the cause of a dead letter; none while that is not known.
    ///
    /// # Errors
    /// The shard cannot be read.
    pub(crate) async fn outcome_of(
        &self,
        fate: &MessageFate,
        shard: ShardId,
    ) -> Result<Option<Outcome>, DoorError> {
        let Some(mut outcome) = views::outcome_of(fate) else {
            return Ok(None);
        };
        if let MessageFate::DeadLetter { number, .. } = fate {
            let (from, limit) = (*number, 1);
            let query = Query::DeadLetters { from, limit };
            let answer = self.ask(shard, query, Consistency::Linearisable).await?;
            let Answer::DeadLetters(page) = answer else {
                return Err(mismatch());
            };
            if let Some((_, letter)) = page.into_iter().find(|(found, _)| found == number) {
                outcome.error = Some(views::failure(&letter.cause));
            }
            outcome.dead_letter = Some(format!("{}/{number}", shard.0));
        }
        Ok(Some(outcome))
    }

    /// Follows a message from shard to shard until its fate is settled.
    async fn wait_for_turn(
        &self,
        follow: &mut Follow,
        wait: Wait,
        listener: Option<Listener>,
        deadline: Instant,
    ) -> Result<Option<Settled>, DoorError> {
        let listen = |follow: &mut Follow| {
            // Before the turn is waited for: a run may end in it.
            let ends = || self.listen(follow.shard, Topic::Ends(follow.at.clone()));
            follow.ends = (wait == Wait::Outcome).then(ends);
            self.listen(follow.shard, Topic::Turn(follow.id))
        };
        let mut listener = listener.unwrap_or_else(|| listen(follow));
        let mut told = listener.told();
        let mut look = listener.first_look();
        loop {
            if let Some(News::Turn(turn)) = told {
                return Ok(Some(settled(&turn)));
            }
            let query = Query::Message(follow.id);
            let answer = self.ask(follow.shard, query, look).await?;
            let Answer::Message(record) = answer else {
                return Err(mismatch());
            };
            match record.map(|(record, _)| (record.fate, record.to)) {
                Some((MessageFate::Routed { instance }, _)) if instance != follow.at => {
                    follow.shard = self.shard_of(&instance)?;
                    follow.at = instance;
                    listener = listen(follow);
                    look = listener.first_look();
                    told = None;
                    continue;
                }
                Some((fate, to)) if views::outcome_of(&fate).is_some() => {
                    return Ok(Some((fate, to)));
                }
                _ => {}
            }
            look = Consistency::Linearisable;
            told = match listener.next(deadline).await {
                Heard::Told(news) => Some(news),
                Heard::Look => None,
                Heard::Over => return Ok(None),
            };
        }
    }

    /// Waits until the run has ended: the instance has ended, or lives in another run.
    async fn wait_for_end(
        &self,
        instance: &Address,
        mut run: Option<RunId>,
        listener: Option<Listener>,
        deadline: Instant,
    ) -> Result<Option<Outcome>, DoorError> {
        let shard = self.shard_of(instance)?;
        let mut listener =
            listener.unwrap_or_else(|| self.listen(shard, Topic::Ends(instance.clone())));
        let mut told = listener.told();
        // Which run is meant, where that is not known, is what is committed.
        let mut look = match run {
            Some(_) => listener.first_look(),
            None => Consistency::Linearisable,
        };
        loop {
            match told {
                Some(News::RunEnded(ended)) if Some(ended.run) == run => {
                    return outcome(&ended).map(Some);
                }
                _ => {}
            }
            let query = Query::Instance(instance.clone());
            let answer = self.ask(shard, query, look).await?;
            let Answer::Instance(view) = answer else {
                return Err(mismatch());
            };
            let is_sure = std::mem::take(&mut look) == Consistency::Linearisable;
            if let Some(shown) = view {
                let view = shown.view;
                let awaited = *run.get_or_insert(view.run);
                if view.run != awaited && !is_sure {
                    // A later run has taken its place, or this replica does not have it yet.
                    told = None;
                    continue;
                }
                if view.run != awaited || view.status != InstanceStatus::Running {
                    return end(&view, view.run == awaited).map(Some);
                }
            }
            told = match listener.next(deadline).await {
                Heard::Told(news) => Some(news),
                Heard::Look => None,
                Heard::Over => return Ok(None),
            };
        }
    }
}

/// Whether a run goes on after the turn of its start.
fn goes_on(start: &MessageFate) -> bool {
    match start {
        MessageFate::Applied { outcome, .. } => *outcome == TurnOutcome::Waiting,
        MessageFate::Started { .. } => true,
        _ => false,
    }
}

/// The turn of a message, as its shard told it.
fn settled(turn: &TurnNews) -> Settled {
    let fate = MessageFate::Applied {
        run: turn.run,
        step: turn.step,
        outcome: turn.outcome.clone(),
    };
    (fate, turn.instance.clone())
}

/// The end of a run, as its shard told it.
fn outcome(ended: &RunEnded) -> Result<Outcome, DoorError> {
    Ok(Outcome {
        status: ended.status.as_str().to_owned(),
        result: ended.result.as_ref().map(views::value).transpose()?,
        error: ended.error.as_ref().map(views::failure),
        dead_letter: None,
    })
}

fn end(view: &InstanceView, same_run: bool) -> Result<Outcome, DoorError> {
    if !same_run {
        // A later run has taken its place; how the awaited one ended is in the history.
        return Ok(Outcome {
            status: "ended".to_owned(),
            result: None,
            error: None,
            dead_letter: None,
        });
    }
    Ok(Outcome {
        status: view.status.as_str().to_owned(),
        result: view.result.as_ref().map(views::value).transpose()?,
        error: view.error.as_ref().map(views::failure),
        dead_letter: None,
    })
}
