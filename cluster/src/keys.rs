//! Under which keys a group's records stand in its store, and how records are encoded.
//!
//! Before it: `shard/`, `system/` and `query`. After it: the store, which sees only bytes.
//! Guarantees: a family is one first byte; numbers are big end first, so that order of bytes is
//! order of numbers; texts are escaped, so that no text runs into the next part.
//! Leaves to others: what is kept.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use transport::codec;
use transport::{Address, DecodeError, Incarnation, MessageId, Namespace, NodeId, ShardId};
use vm::reactive::Part;

use crate::message::ProgramId;
use crate::store::VALUE_BYTES_MAX;

/// First byte of the keys that the raft adapter keeps in the same units: applied id, membership.
pub const ADAPTER_PREFIX: u8 = 0;

pub(crate) const META: u8 = b'M';
pub(crate) const LIMITS: u8 = b'L';
pub(crate) const AGREEMENT: u8 = b'V';
pub(crate) const PROGRAM: u8 = b'p';
pub(crate) const NAME: u8 = b'n';
pub(crate) const INSTANCE: u8 = b'i';
pub(crate) const MAILBOX: u8 = b'b';
pub(crate) const QUEUE: u8 = b'q';
pub(crate) const OUTBOUND: u8 = b'c';
pub(crate) const PARCEL: u8 = b'o';
pub(crate) const INBOUND: u8 = b'd';
pub(crate) const LIVES: u8 = b'I';
pub(crate) const CUT: u8 = b'K';
pub(crate) const DOOR: u8 = b'w';
pub(crate) const IDEMPOTENCY: u8 = b'k';
pub(crate) const IDEMPOTENCY_EXPIRY: u8 = b'l';
pub(crate) const TIMER: u8 = b't';
pub(crate) const HISTORY: u8 = b'h';
pub(crate) const MESSAGE: u8 = b'm';
pub(crate) const MESSAGE_AGE: u8 = b'a';
pub(crate) const OUTPUT: u8 = b'u';
pub(crate) const DEAD_LETTER: u8 = b'x';
pub(crate) const PIECE: u8 = b'j';
pub(crate) const SERVICE: u8 = b'e';
pub(crate) const SERVICE_ITEM: u8 = b'f';
pub(crate) const WATCHED: u8 = b'r';

pub(crate) const SYSTEM_MEMBER: u8 = b'A';
pub(crate) const SYSTEM_SHARD: u8 = b'B';
pub(crate) const SYSTEM_PROGRAM: u8 = b'C';
pub(crate) const SYSTEM_NAME: u8 = b'D';

/// A record behind a version byte.
pub(crate) fn encode_record<T: Serialize + ?Sized>(record: &T) -> Bytes {
    codec::encode(record, usize::MAX).expect("records hold only types that postcard can write")
}

/// Reads what [`encode_record`] wrote.
pub(crate) fn decode_record<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    codec::decode(bytes, 2 * VALUE_BYTES_MAX)
}

/// Puts together one key.
struct Key(Vec<u8>);

impl Key {
    fn new(family: u8) -> Key {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(family);
        Key(bytes)
    }

    fn number(mut self, number: u64) -> Key {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn short(mut self, number: u32) -> Key {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Key {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A zero byte becomes `00 ff`; the text ends with `00 01`, which is below any other text that
    /// begins with it.
    fn text(mut self, text: &str) -> Key {
        for byte in text.bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(0xff);
            }
        }
        self.0.extend_from_slice(&[0, 1]);
        self
    }

    /// The default namespace is the empty text, which no other is.
    fn namespace(self, namespace: &Namespace) -> Key {
        match *namespace == Namespace::default() {
            true => self.text(""),
            false => self.text(namespace.as_str()),
        }
    }

    fn address(self, address: &Address) -> Key {
        let named = self.namespace(address.namespace()).text(address.name());
        match address.key() {
            Some(key) => named.text(key),
            None => named,
        }
    }
}

pub(crate) fn program(id: ProgramId) -> Vec<u8> {
    Key::new(PROGRAM).bytes(&id.0).0
}

pub(crate) fn name(namespace: &Namespace, name: &str) -> Vec<u8> {
    Key::new(NAME).namespace(namespace).text(name).0
}

/// The record of an instance; without a key, the prefix of all instances of that name.
pub(crate) fn instance(address: &Address) -> Vec<u8> {
    Key::new(INSTANCE).address(address).0
}

/// The prefix of all instances of a namespace.
pub(crate) fn instances_of(namespace: &Namespace) -> Vec<u8> {
    Key::new(INSTANCE).namespace(namespace).0
}

/// A piece of a record that is too large for one value.
pub(crate) fn piece(key: &[u8], number: u32) -> Vec<u8> {
    Key::new(PIECE).bytes(key).short(number).0
}

pub(crate) fn mailbox(slot: u64, number: u64) -> Vec<u8> {
    Key::new(MAILBOX).number(slot).number(number).0
}

pub(crate) fn queue(number: u64) -> Vec<u8> {
    Key::new(QUEUE).number(number).0
}

pub(crate) fn outbound(target: ShardId, incarnation: Incarnation) -> Vec<u8> {
    Key::new(OUTBOUND).short(target.0).short(incarnation.0).0
}

pub(crate) fn parcel(target: ShardId, incarnation: Incarnation, number: u64) -> Vec<u8> {
    let key = Key::new(PARCEL).short(target.0).short(incarnation.0);
    key.number(number).0
}

pub(crate) fn inbound(source: ShardId, incarnation: Incarnation) -> Vec<u8> {
    Key::new(INBOUND).short(source.0).short(incarnation.0).0
}

pub(crate) fn door(node: NodeId, sequence: u64) -> Vec<u8> {
    Key::new(DOOR).number(node.0).number(sequence).0
}

pub(crate) fn idempotency(scope: &[u8; 32]) -> Vec<u8> {
    Key::new(IDEMPOTENCY).bytes(scope).0
}

pub(crate) fn idempotency_expiry(at_ms: u64, scope: &[u8; 32]) -> Vec<u8> {
    Key::new(IDEMPOTENCY_EXPIRY).number(at_ms).bytes(scope).0
}

/// A timer: due time, whose (`kind` and a number), which.
pub(crate) fn timer(due_ms: u64, kind: u8, slot: u64, timer: u64) -> Vec<u8> {
    let key = Key::new(TIMER).number(due_ms).bytes(&[kind]);
    key.number(slot).number(timer).0
}

pub(crate) fn history(slot: u64, step: u64) -> Vec<u8> {
    Key::new(HISTORY).number(slot).number(step).0
}

pub(crate) fn message(id: MessageId) -> Vec<u8> {
    Key::new(MESSAGE).bytes(&id.0).0
}

/// Which record of a message that is no step was made as number `number`.
pub(crate) fn message_age(number: u64) -> Vec<u8> {
    Key::new(MESSAGE_AGE).number(number).0
}

/// The prefix of all messages whose ids begin with `tag`.
pub(crate) fn messages_of(tag: &[u8]) -> Vec<u8> {
    Key::new(MESSAGE).bytes(tag).0
}

pub(crate) fn output(slot: u64, number: u64) -> Vec<u8> {
    Key::new(OUTPUT).number(slot).number(number).0
}

pub(crate) fn dead_letter(number: u64) -> Vec<u8> {
    Key::new(DEAD_LETTER).number(number).0
}

pub(crate) fn service(address: &Address) -> Vec<u8> {
    Key::new(SERVICE).address(&address.without_key()).0
}

pub(crate) fn service_item(slot: u64, number: u64) -> Vec<u8> {
    Key::new(SERVICE_ITEM).number(slot).number(number).0
}

/// A part of an instance that is read: 0 for what was told last, else a reader.
pub(crate) fn watched(source: &Address, part: &Part, number: u64) -> Vec<u8> {
    let key = Key::new(WATCHED).address(source);
    let key = match part {
        Part::Result => key.bytes(&[0]),
        Part::State(name) => key.bytes(&[1]).text(name),
    };
    key.number(number).0
}

pub(crate) fn system_member(node: NodeId) -> Vec<u8> {
    Key::new(SYSTEM_MEMBER).number(node.0).0
}

pub(crate) fn system_shard(shard: ShardId) -> Vec<u8> {
    Key::new(SYSTEM_SHARD).short(shard.0).0
}

pub(crate) fn system_program(id: ProgramId) -> Vec<u8> {
    Key::new(SYSTEM_PROGRAM).bytes(&id.0).0
}

pub(crate) fn system_name(namespace: &Namespace, name: &str) -> Vec<u8> {
    Key::new(SYSTEM_NAME).namespace(namespace).text(name).0
}
