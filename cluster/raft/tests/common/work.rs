//! Work that goes from shard to shard, for tests that count what arrived.

use std::future::Future;

use cluster::engine::model::Do;
use cluster::{Outcome, shard_of};
use cluster_raft::Groups;
use cluster_raft::proposer::ProposeError;
use futures::future::join_all;

use super::workers::{address, count, send};
use super::{PATIENCE, eventually};

pub const SHARDS: u32 = 4;
/// Counters that send on to another, and as many that only count.
pub const COUNTERS: u64 = 12;

/// Messages that are said at a time.
const AT_A_TIME: u64 = 48;

/// Work that goes from shard to shard: each message to a counter has it add, and tell another one to add.
pub struct Work {
    pub sequence: u64,
    pub said: Vec<i64>,
}

impl Work {
    pub fn new() -> Self {
        Self {
            sequence: 0,
            said: vec![0; COUNTERS as usize],
        }
    }

    /// Says it to so many counters in turn, to some of them at a time; each is acknowledged.
    pub async fn go_on(&mut self, node: &Groups, messages: u64) {
        let mut left = messages;
        while left > 0 {
            let count = left.min(AT_A_TIME);
            left -= count;
            let said = (0..count).map(|_| self.say(node)).collect::<Vec<_>>();
            for submitted in join_all(said).await {
                submitted.unwrap();
            }
        }
    }

    fn say<'a>(
        &mut self,
        node: &'a Groups,
    ) -> impl Future<Output = Result<Vec<Outcome>, ProposeError>> + use<'a> {
        self.sequence += 1;
        let at = self.sequence % COUNTERS;
        self.said[at as usize] += 1;
        let to = address("Counter", at);
        let add = Do::Send("Sink".into(), Some(sink(at)), vec![Do::Add(1)]);
        let body = Do::body(&[Do::Add(1), add]);
        let command = send(node, self.sequence, to.clone(), body);
        node.submit(shard_of(&to, SHARDS), vec![command], PATIENCE)
    }

    /// Waits until every counter has what was said, and no more.
    pub async fn await_all(&self, node: &Groups) {
        eventually("everything said arrived", || async {
            let counted = self.counted(node).await;
            let over = counted.iter().zip(&self.said).any(|(got, said)| got > said);
            assert!(!over, "doubled: {counted:?} of {:?}", self.said);
            counted == self.said
        })
        .await;
    }

    /// What arrived, by counter; nothing where a shard cannot be read here.
    pub async fn counted(&self, node: &Groups) -> Vec<i64> {
        let known = all(node, "Sink", 1000).await;
        known.unwrap_or_else(|| vec![0; COUNTERS as usize])
    }

    /// What arrived, and then what the counters that send on were told, where all can be read here.
    pub async fn both(&self, node: &Groups) -> Option<(Vec<i64>, Vec<i64>)> {
        let arrived = all(node, "Sink", 1000).await?;
        Some((arrived, all(node, "Counter", 0).await?))
    }
}

async fn all(node: &Groups, name: &str, from: u64) -> Option<Vec<i64>> {
    let mut all = Vec::new();
    for at in 0..COUNTERS {
        let of = address(name, at + from);
        let read = node.read(shard_of(&of, SHARDS), true).await;
        let reader = read.ok()?;
        let there = cluster::query::instance(&*reader, &of).unwrap();
        all.push(there.map_or(0, |_| count(&*reader, &of)));
    }
    Some(all)
}

fn sink(at: u64) -> String {
    (at + 1000).to_string()
}
