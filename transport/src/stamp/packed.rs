//! A stamp as bytes: what stands in every parcel, step of history and instance.
//! Before it: whoever encodes a record or a message with a stamp. After it: the same stamp.
//! Guarantees: every stamp is read back as it was; any bytes give a stamp or an error. Usual ones, whose trace
//! and span follow from their ids, take 26 bytes at the beginning of a story and 46 in it.
//! Leaves to others: the version, which stands before the whole record.
//!
//! | bytes | are | there |
//! | --- | --- | --- |
//! | 1 | the bits below | always |
//! | 16 | the id | always |
//! | 8 | the time, big end first | always |
//! | 10 or 16 | the cause, without its tag where that is the id's | [`CAUSED`] |
//! | 10 or 16 | the root, likewise | [`ROOT`] |
//! | 16 | the trace id | [`TRACE`] |
//! | 8 | the span id | where the bits name no hop |
//! | 1 | flags | [`REST`] |
//! | the rest | `tracestate`, where there is one | [`REST`] |

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Stamp;
use crate::clock::HybridTime;
use crate::ids::MessageId;
use crate::origin::STORY_TAG_BYTES;
use crate::trace::{FLAG_SAMPLED, HopKind, TraceContext, TraceState, span_id};

/// A cause follows.
const CAUSED: u8 = 1;
/// The root follows; else it is the id.
const ROOT: u8 = 1 << 1;
/// The trace id follows; else it is that of a story which brought none.
const TRACE: u8 = 1 << 2;
/// Flags and state follow; else it is sampled, and has no state.
const REST: u8 = 1 << 3;
/// Cause and root follow with their tags, which are not the id's.
const TAGS: u8 = 1 << 4;
/// Where the number of the hop stands whose span is the stamp's; 0 where the span follows.
const HOP_SHIFT: u32 = 5;

/// Bytes of all parts but the state.
const BYTES_MAX: usize = 1 + 16 + 8 + 16 + 16 + 16 + 8 + 1;

/// The hops under whose spans messages go on, the usual ones first.
const HOPS: [HopKind; 4] = [HopKind::Send, HopKind::Door, HopKind::Turn, HopKind::Timer];

/// Bytes put one behind the other.
struct Parts {
    bytes: [u8; BYTES_MAX],
    filled: usize,
}

impl Parts {
    fn put(&mut self, part: &[u8]) {
        self.bytes[self.filled..self.filled + part.len()].copy_from_slice(part);
        self.filled += part.len();
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let parts = pack(self);
        let fixed = &parts.bytes[..parts.filled];
        match &self.trace.state {
            None => out.serialize_bytes(fixed),
            Some(state) => out.serialize_bytes(&[fixed, state.as_str().as_bytes()].concat()),
        }
    }
}

/// All of a stamp but its trace state.
fn pack(stamp: &Stamp) -> Parts {
    let Stamp { id, trace, .. } = stamp;
    let cause = stamp.cause.as_ref();
    let root = Some(&stamp.root).filter(|root| *root != id);
    let is_of_story = |other: &&MessageId| other.story_tag() == id.story_tag();
    let has_tags = !cause
        .into_iter()
        .chain(root)
        .all(|other| is_of_story(&other));
    let has_trace = trace.trace_id != TraceContext::trace_of(stamp.root);
    let has_rest = trace.flags != FLAG_SAMPLED || trace.state.is_some();
    let hop = HOPS
        .into_iter()
        .find(|hop| trace.span_id == span_id(*id, *hop));
    let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    let mut parts = Parts {
        bytes: [0; BYTES_MAX],
        filled: 0,
    };
    parts.put(&[bit(cause.is_some(), CAUSED)
        | bit(root.is_some(), ROOT)
        | bit(has_trace, TRACE)
        | bit(has_rest, REST)
        | bit(has_tags, TAGS)
        | hop.map_or(0, |hop| hop as u8) << HOP_SHIFT]);
    parts.put(&id.0);
    parts.put(&stamp.time.packed().to_be_bytes());
    let tag = if has_tags { 0 } else { STORY_TAG_BYTES };
    for other in cause.into_iter().chain(root) {
        parts.put(&other.0[tag..]);
    }
    if has_trace {
        parts.put(&trace.trace_id);
    }
    if hop.is_none() {
        parts.put(&trace.span_id);
    }
    if has_rest {
        parts.put(&[trace.flags]);
    }
    parts
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Packed;
        impl de::Visitor<'_> for Packed {
            type Value = Stamp;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("the bytes of a stamp")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Stamp, E> {
                let length = bytes.len();
                unpack(bytes).ok_or_else(|| E::invalid_length(length, &self))
            }
        }
        input.deserialize_bytes(Packed)
    }
}

fn unpack(mut bytes: &[u8]) -> Option<Stamp> {
    let bits = take::<1>(&mut bytes)?[0];
    let id = MessageId(take(&mut bytes)?);
    let time = HybridTime::from_packed(u64::from_be_bytes(take(&mut bytes)?));
    let has_tags = bits & TAGS != 0;
    let cause = match bits & CAUSED {
        0 => None,
        _ => Some(take_related(&mut bytes, id, has_tags)?),
    };
    let root = match bits & ROOT {
        0 => id,
        _ => take_related(&mut bytes, id, has_tags)?,
    };
    let trace_id = match bits & TRACE {
        0 => TraceContext::trace_of(root),
        _ => take(&mut bytes)?,
    };
    let span_id = match bits >> HOP_SHIFT {
        0 => take(&mut bytes)?,
        number => span_id(id, HopKind::numbered(number)?),
    };
    let (flags, state) = match bits & REST {
        0 => (FLAG_SAMPLED, None),
        _ => (take::<1>(&mut bytes)?[0], take_state(&mut bytes)?),
    };
    let trace = TraceContext {
        trace_id,
        span_id,
        flags,
        state,
    };
    bytes.is_empty().then_some(Stamp {
        id,
        cause,
        root,
        time,
        trace,
    })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

/// The id of another message of the story of `id`, unless it has a tag of its own.
fn take_related(bytes: &mut &[u8], id: MessageId, has_tag: bool) -> Option<MessageId> {
    if has_tag {
        return take(bytes).map(MessageId);
    }
    let mut related = id;
    let own = take::<{ 16 - STORY_TAG_BYTES }>(bytes)?;
    related.0[STORY_TAG_BYTES..].copy_from_slice(&own);
    Some(related)
}

/// The state that the rest of the bytes is; none where there are no more.
fn take_state(bytes: &mut &[u8]) -> Option<Option<TraceState>> {
    let text = std::str::from_utf8(std::mem::take(bytes)).ok()?;
    if text.is_empty() {
        return Some(None);
    }
    let state = TraceState::new(text).ok()?;
    (state.as_str() == text).then_some(Some(state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    const PLAIN: HybridTime = HybridTime::new(1_795_000_000_000, 7);

    fn id(tag: u8, own: u8) -> MessageId {
        let mut id = [own; 16];
        id[..STORY_TAG_BYTES].fill(tag);
        MessageId(id)
    }

    /// Stamps of a story, and those with each part as no story has it.
    fn stamps() -> Vec<Stamp> {
        let first = Stamp::root(id(1, 1), PLAIN, None);
        let sent = first.caused(id(1, 2), PLAIN);
        let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        let caller = TraceContext::parse(caller, Some("vendor=1")).unwrap();
        let traced = Stamp::root(id(1, 1), HybridTime::new(0, 0), Some(&caller));
        let mut stamps = vec![first, sent.clone(), traced.caused(id(1, 3), PLAIN), traced];
        for hop in HOPS.into_iter().chain([HopKind::Effect]) {
            let mut other = sent.clone();
            other.trace = sent.trace.child(sent.id, hop);
            stamps.push(other);
        }
        let changes: [fn(&mut Stamp); 5] = [
            |stamp| stamp.trace.flags = 0,
            |stamp| stamp.cause = Some(id(9, 1)),
            |stamp| stamp.root = id(9, 1),
            |stamp| stamp.root = stamp.id,
            |stamp| stamp.cause = None,
        ];
        for change in changes {
            let mut other = sent.clone();
            change(&mut other);
            stamps.push(other);
        }
        stamps.push(Stamp::root(
            MessageId([0; 16]),
            HybridTime::from_packed(u64::MAX),
            None,
        ));
        stamps
    }

    #[test]
    fn stamps_are_read_back_as_they_were() {
        for stamp in stamps() {
            let bytes = codec::encode(&stamp, usize::MAX).unwrap();
            assert_eq!(codec::decode::<Stamp>(&bytes, usize::MAX), Ok(stamp));
        }
    }

    #[test]
    fn what_follows_from_the_rest_takes_no_bytes() {
        let bytes = |stamp: &Stamp| postcard::to_stdvec(stamp).unwrap().len();
        let stamps = stamps();
        assert_eq!((bytes(&stamps[0]), bytes(&stamps[1])), (26, 46));
        let most = stamps.iter().map(bytes).max().unwrap();
        assert!(most <= 1 + BYTES_MAX + "vendor=1".len(), "{most}");
    }

    #[test]
    fn other_bytes_are_refused() {
        for stamp in stamps() {
            let bytes = postcard::to_stdvec(&stamp).unwrap();
            let packed = &bytes[1..];
            for length in 0..packed.len() {
                // A state may end early, and is one then as well.
                let read = unpack(&packed[..length]);
                let has_state = stamp.trace.state.is_some();
                assert!(
                    read.is_none() || has_state && length > 1 + 16 + 8,
                    "{stamp:?}"
                );
            }
            if stamp.trace.state.is_none() {
                assert!(unpack(&[packed, &[0]].concat()).is_none(), "{stamp:?}");
            }
        }
        assert!(unpack(&[0xff; 100]).is_none(), "a state is printable");
    }
}
