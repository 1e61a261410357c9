//! Messages by id, and the part of a story that this shard knows.
//!
//! Before it: `GET /v1/messages/{id}` and `…/trace`, asked of all shards. After it: the store.
//! Guarantees: a story is found by the tag that its messages' ids begin with, without an index.
//! Leaves to others: joining the shards' parts into a tree.

use transport::MessageId;

use super::instances::history;
use super::{QueryError, decode};
use crate::keys;
use crate::limits::PAGE_ROWS_MAX;
use crate::record::{MessageFate, MessageRecord, StoredMessage, TurnInput};
use crate::store::{StateRead, prefix_end, successor};

/// What became of a message in this shard.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn message(reader: &dyn StateRead, id: MessageId) -> Result<Option<MessageRecord>, QueryError> {
    let key = keys::message(id);
    match reader.get(&key)? {
        Some(bytes) => complete(reader, decode(&key, &bytes)?),
        None => Ok(None),
    }
}

/// Messages of the story of `id` (its root, or any message of it) in this shard, in the order of
/// their ids; after `after`, at most `limit`. Two stories may share a tag: compare the roots.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn story(
    reader: &dyn StateRead,
    id: MessageId,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<MessageRecord>, QueryError> {
    let prefix = keys::messages_of(&id.story_tag());
    let from = match after {
        Some(after) => successor(&keys::message(after)),
        None => prefix.clone(),
    };
    let until = prefix_end(&prefix);
    let page = reader.scan(&from, until.as_deref(), limit.min(PAGE_ROWS_MAX))?;
    let mut records = Vec::with_capacity(page.len());
    for (key, bytes) in &page {
        records.extend(complete(reader, decode(key, bytes)?)?);
    }
    Ok(records)
}

/// Takes from history what a message that was applied does not repeat.
fn complete(
    reader: &dyn StateRead,
    stored: StoredMessage,
) -> Result<Option<MessageRecord>, QueryError> {
    let (address, step) = match stored {
        StoredMessage::Other(record) => return Ok(Some(*record)),
        StoredMessage::Applied(address, step) => (address, step),
    };
    let Some((_, turn)) = history(reader, &address, step, 1)?
        .into_iter()
        .find(|(found, _)| *found == step)
    else {
        return Ok(None);
    };
    let from = match turn.input {
        TurnInput::Message { from, .. }
        | TurnInput::Reply { from, .. }
        | TurnInput::Told { from, .. }
        | TurnInput::Kill { from } => from,
        TurnInput::Start { .. } | TurnInput::Timer { .. } | TurnInput::Idle => None,
    };
    Ok(Some(MessageRecord {
        stamp: turn.stamp,
        from,
        to: address,
        time_ms: turn.time_ms,
        fate: MessageFate::Applied {
            run: turn.run,
            step,
            outcome: turn.outcome,
        },
    }))
}
