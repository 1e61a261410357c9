//! What workers write and how they fail, as it happens: lines of `troupe dev`. Comes after the news of each shard;
//! before the terminal. Guarantees: never slows the node: who writes faster than lines are read loses lines, and is
//! told how many. Leaves to others: what was written before (`troupe logs`).

use std::sync::Arc;
use std::time::Duration;

use cluster::action::TurnNews;
use cluster::record::TurnOutcome;
use cluster_raft::driver::waiters::News;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use transport::ShardId;

use crate::door::{Answer, Consistency, Door, Query};
use crate::http::views;
use crate::output;

/// How long to wait for the node to hold a shard.
const PAUSE: Duration = Duration::from_millis(200);

/// Prints the lines of all shards until what is returned is dropped.
pub(super) fn follow(door: &Arc<Door>) -> JoinSet<()> {
    let mut all = JoinSet::new();
    let door = Arc::clone(door);
    all.spawn(async move {
        // A new node has no shards for a moment.
        while door.shards().is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
        let mut shards = JoinSet::new();
        for shard in door.shards() {
            shards.spawn(of_shard(Arc::clone(&door), shard));
        }
        while shards.join_next().await.is_some() {}
    });
    all
}

async fn of_shard(door: Arc<Door>, shard: ShardId) {
    let mut news = loop {
        match door.groups().subscribe(shard) {
            Some(news) => break news,
            None => tokio::time::sleep(PAUSE).await,
        }
    };
    loop {
        match news.recv().await {
            Ok(News::Turn(turn)) => report(&door, shard, &turn).await,
            Ok(_) => {}
            Err(RecvError::Lagged(count)) => {
                output::line(&format!(
                    "… and what {count} turns wrote: `troupe logs` has it"
                ));
            }
            Err(RecvError::Closed) => return,
        }
    }
}

async fn report(door: &Door, shard: ShardId, turn: &TurnNews) {
    let query = Query::History {
        address: turn.instance.clone(),
        from: turn.step,
        limit: 1,
    };
    // What was told has been applied here.
    let Ok(Answer::History(found)) = door.ask(shard, query, Consistency::Local).await else {
        return;
    };
    let record = found.iter().find(|(step, _)| *step == turn.step);
    let Some(Ok(event)) = record.map(|(step, record)| views::event(*step, record)) else {
        return;
    };
    let name = &turn.instance;
    for line in event.notes.iter().flat_map(|note| note.lines()) {
        output::line(&format!("{name}: {line}"));
    }
    if matches!(turn.outcome, TurnOutcome::Trapped(_)) && event.input == "message" {
        let message = event.message.unwrap_or_default().to_string();
        let message = output::shortened(&message, 100);
        output::line(&format!("{name}: undone; a dead letter: {message}"));
    }
}
