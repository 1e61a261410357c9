//! What a message was, in a word for people: its `type`, or what kind of input it was.
//!
//! Before it: traces, which list messages by id. After it: history, dead letters and output, which hold
//! the bodies. Guarantees: short, and the same on every replica. Leaves to others: showing. What a
//! service took, or what waits, is a `message`: its body is gone or elsewhere.

use super::instances::history;
use super::{QueryError, dead_letter, output};
use crate::message::Body;
use crate::record::{MessageFate, MessageRecord, TurnInput};
use crate::store::StateRead;

/// Letters of a `type` that are shown.
const TYPE_LETTERS_MAX: usize = 64;

/// The kind of a message of this shard.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn kind(reader: &dyn StateRead, message: &MessageRecord) -> Result<String, QueryError> {
    let (named, other) = match &message.fate {
        MessageFate::Applied { step, .. } => {
            let turn = history(reader, &message.to, *step, 1)?;
            match turn.into_iter().next().map(|(_, turn)| turn.input) {
                Some(TurnInput::Message { body, .. }) => (type_of(&body), "message"),
                Some(TurnInput::Reply { body, .. }) => (type_of(&body), "reply"),
                Some(TurnInput::Start { .. }) => (None, "start"),
                Some(TurnInput::Timer { .. }) => (None, "timer"),
                Some(TurnInput::Idle) => (None, "idle"),
                Some(TurnInput::Kill { .. }) => (None, "kill"),
                Some(TurnInput::Told { .. }) => (None, "value"),
                None => (None, "message"),
            }
        }
        MessageFate::DeadLetter { number, .. } => {
            let letter = dead_letter(reader, *number)?;
            let named = letter.and_then(|letter| type_of(&letter.message.body));
            (named, "message")
        }
        MessageFate::Emitted { number } => {
            let page = output(reader, &message.to, *number, 1)?;
            let item = page.and_then(|page| page.items.into_iter().next());
            let value = item.filter(|item| item.number == *number);
            (value.and_then(|item| type_of(&item.record.body)), "output")
        }
        MessageFate::Started { .. } => (None, "start"),
        MessageFate::Killed { .. } => (None, "kill"),
        MessageFate::Late => (None, "reply"),
        MessageFate::Subscribed => (None, "subscribe"),
        MessageFate::Unsubscribed => (None, "unsubscribe"),
        MessageFate::Waiting
        | MessageFate::Routed { .. }
        | MessageFate::Service { .. }
        | MessageFate::Acknowledged { .. } => (None, "message"),
    };
    Ok(named.unwrap_or_else(|| other.to_owned()))
}

/// The `type` of a body, where it has one that is a text.
fn type_of(body: &Body) -> Option<String> {
    let body = body.data().ok()?;
    let named = body.property("type")?.as_text()?.to_string_lossy();
    let letters = named
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    let shown: String = letters.take(TYPE_LETTERS_MAX).collect();
    (!shown.trim().is_empty()).then_some(shown)
}
