//! Work that goes from shard to shard, for tests that count what arrived.

use cluster::engine::model::Do;
use cluster::shard_of;
use cluster_raft::Groups;

use super::workers::{address, count, send};
use super::{PATIENCE, eventually};

pub const SHARDS: u32 = 4;
/// Counters that send on to another, and as many that only count.
pub const COUNTERS: u64 = 12;

/// Work that goes from shard to shard: each message to a counter has it tell another one to add.
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

    /// Says it to so many counters in turn; each is acknowledged.
    pub async fn go_on(&mut self, node: &Groups, messages: u64) {
        for _ in 0..messages {
            self.sequence += 1;
            let at = self.sequence % COUNTERS;
            let to = address("Counter", at);
            let add = Do::Send("Sink".into(), Some(sink(at)), vec![Do::Add(1)]);
            let command = send(node, self.sequence, to.clone(), Do::body(&[add]));
            let submitted = node.submit(shard_of(&to, SHARDS), vec![command], PATIENCE);
            submitted.await.unwrap();
            self.said[at as usize] += 1;
        }
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

    pub async fn counted(&self, node: &Groups) -> Vec<i64> {
        let mut all = Vec::new();
        for at in 0..COUNTERS {
            let of = address("Sink", at + 1000);
            let read = node.read(shard_of(&of, SHARDS), true).await;
            let known = read.ok().and_then(|reader| {
                let there = cluster::query::instance(&*reader, &of).unwrap();
                there.map(|_| count(&*reader, &of))
            });
            all.push(known.unwrap_or(0));
        }
        all
    }
}

fn sink(at: u64) -> String {
    (at + 1000).to_string()
}
