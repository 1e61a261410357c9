//! What became of a message, and the story that it belongs to, gathered from all shards: a message's id
//! begins with the tag of its story, so every shard finds its part without an index.

use cluster::record::{MessageFate, MessageRecord};
use futures::future::try_join_all;
use transport::{MessageId, ShardId, TraceContext};

use super::{Answer, Consistency, Door, DoorError, Query};

/// Messages of one story that are gathered at most: a daemon's story may never end.
pub(super) const STORY_MESSAGES_MAX: usize = 10_000;

/// What one shard knows of a message.
#[derive(Clone, Debug)]
pub struct Known {
    /// The shard.
    pub shard: ShardId,
    /// What it recorded.
    pub record: MessageRecord,
    /// The message's `type`, or what kind of input it was.
    pub kind: String,
}

impl Known {
    /// How much it says about the end of the message's way.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self.record.fate {
            MessageFate::Routed { .. } => 0,
            MessageFate::Service { .. } | MessageFate::Waiting => 1,
            _ => 2,
        }
    }
}

/// All that the shards know of one story.
#[derive(Clone, Debug)]
pub struct Story {
    /// Its first message.
    pub root: MessageId,
    /// The trace that it is exported under.
    pub trace: Option<TraceContext>,
    /// Its messages, in the order of time.
    pub messages: Vec<Known>,
}

impl Door {
    /// What is known of a message where it came furthest: the shard that routed it on knows it too.
    ///
    /// # Errors
    /// A shard cannot be read.
    pub async fn message(&self, id: MessageId) -> Result<Option<Known>, DoorError> {
        let known = self.message_everywhere(id).await?;
        Ok(known.into_iter().max_by_key(Known::rank))
    }

    async fn message_everywhere(&self, id: MessageId) -> Result<Vec<Known>, DoorError> {
        let asked = self.shards().into_iter().map(|shard| async move {
            match self
                .ask(shard, Query::Message(id), Consistency::Linearisable)
                .await?
            {
                Answer::Message(found) => Ok(found.map(|(record, kind)| Known {
                    shard,
                    record,
                    kind,
                })),
                _ => Err(mismatch()),
            }
        });
        Ok(try_join_all(asked).await?.into_iter().flatten().collect())
    }

    /// The story of a message; none where no shard knows it.
    ///
    /// # Errors
    /// A shard cannot be read.
    pub async fn story(&self, id: MessageId) -> Result<Option<Story>, DoorError> {
        let known = self.message_everywhere(id).await?;
        let Some(first) = known.first() else {
            return Ok(None);
        };
        let stamp = &first.record.stamp;
        let (root, trace) = (stamp.root, stamp.trace.clone());
        let parts = self
            .shards()
            .into_iter()
            .map(|shard| self.story_part(shard, id, root));
        let mut messages: Vec<_> = try_join_all(parts).await?.into_iter().flatten().collect();
        messages.sort_by_key(|known| {
            let record = &known.record;
            (record.stamp.time, record.time_ms, record.stamp.id)
        });
        messages.truncate(STORY_MESSAGES_MAX);
        Ok(Some(Story {
            root,
            trace: Some(trace),
            messages,
        }))
    }

    async fn story_part(
        &self,
        shard: ShardId,
        id: MessageId,
        root: MessageId,
    ) -> Result<Vec<Known>, DoorError> {
        let (mut part, mut after) = (Vec::new(), None);
        loop {
            let query = Query::Story { id, after };
            let Answer::Story(page) = self.ask(shard, query, Consistency::Linearisable).await?
            else {
                return Err(mismatch());
            };
            after = page.last().map(|(record, _)| record.stamp.id);
            let full = page.len() == cluster::limits::PAGE_ROWS_MAX;
            // Two stories may share a tag.
            let mine = page
                .into_iter()
                .filter(|(record, _)| record.stamp.root == root);
            part.extend(mine.map(|(record, kind)| Known {
                shard,
                record,
                kind,
            }));
            if !full || part.len() >= STORY_MESSAGES_MAX {
                return Ok(part);
            }
        }
    }

    /// All shards of the cluster.
    #[must_use]
    pub fn shards(&self) -> Vec<ShardId> {
        (0..self.system().shard_count).map(ShardId).collect()
    }
}

/// The answer of a node that runs another version.
pub(crate) fn mismatch() -> DoorError {
    let detail = "a node answered another question than it was asked".to_owned();
    DoorError::Unavailable {
        detail,
        unknown: false,
    }
}
