//! The ids of everything that is named by a number: cluster, node, shard, incarnation, run, message.
//! Before it: `origin`, which derives message and run ids. After it: stamps, subjects, headers.
//! Guarantees: one printed form per id, which parses back; the printed form is what JSON carries.
//! Leaves to others: making node and cluster ids (the node's data folder, the system group).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text has another length than the printed form of this id.
    #[error("{what} has {expected} hexadecimal digits, this has {found} characters")]
    Length {
        /// Which id was read.
        what: &'static str,
        /// Digits of its printed form.
        expected: usize,
        /// Characters that were found.
        found: usize,
    },
    /// A character that is no lower-case hexadecimal digit.
    #[error("{what} has only the digits 0-9 and a-f")]
    Digit {
        /// Which id was read.
        what: &'static str,
    },
    /// The text is no decimal number of this id's range.
    #[error("{what} is a decimal number from 0 to {max}")]
    Number {
        /// Which id was read.
        what: &'static str,
        /// The largest value.
        max: u64,
    },
}

/// Ids that are bytes: printed as lower-case hexadecimal digits, all of them.
macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut digits = [0u8; $bytes * 2];
                out.write_str(write_hex(&self.0, &mut digits))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0u8; $bytes];
                read_hex(text, &mut bytes, $what)?;
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                if out.is_human_readable() {
                    out.collect_str(self)
                } else {
                    self.0.serialize(out)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                if input.is_human_readable() {
                    let text = std::borrow::Cow::<'de, str>::deserialize(input)?;
                    text.parse().map_err(de::Error::custom)
                } else {
                    <[u8; $bytes]>::deserialize(input).map(Self)
                }
            }
        }
    };
}

/// Ids that people count: printed as decimal numbers.
macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                read_decimal(text, $what).map(Self)
            }
        }
    };
}

hex_id!(
    /// A cluster, made once when it is initialised; a restored cluster has a new one.
    ClusterId, 16, "a cluster id"
);
hex_id!(
    /// One run of an instance, from its start to its end.
    RunId, 16, "a run id"
);
hex_id!(
    /// A message. Its first six bytes are its story's tag, so that a scan by prefix finds the
    /// whole story; see `docs/decisions/0001-message-ids.md`.
    MessageId, 16, "a message id"
);
number_id!(
    /// A shard; 0 is the first. The system group has no shard id.
    ShardId, "a shard id"
);
number_id!(
    /// Which life of a shard or node: raised by restore, split, forced recovery or a restart.
    Incarnation, "an incarnation"
);

/// A node, made once and kept in its data folder. Printed as 16 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0u8; 16];
        out.write_str(write_hex(&self.0.to_be_bytes(), &mut digits))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "NodeId({self})")
    }
}

impl FromStr for NodeId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut bytes = [0u8; 8];
        read_hex(text, &mut bytes, "a node id")?;
        Ok(Self(u64::from_be_bytes(bytes)))
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        // JSON numbers lose digits above 2^53, so people get the printed form.
        if out.is_human_readable() {
            out.collect_str(self)
        } else {
            self.0.serialize(out)
        }
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        if input.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(input)?;
            text.parse().map_err(de::Error::custom)
        } else {
            u64::deserialize(input).map(Self)
        }
    }
}

/// Writes `bytes` as lower-case hexadecimal digits into `digits`, which is twice as long.
pub(crate) fn write_hex<'d>(bytes: &[u8], digits: &'d mut [u8]) -> &'d str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    assert_eq!(digits.len(), bytes.len() * 2, "two digits for every byte");
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    std::str::from_utf8(digits).expect("hexadecimal digits are ASCII")
}

/// Reads exactly the digits that `bytes` need; upper-case digits are refused, so that every id
/// has one printed form.
pub(crate) fn read_hex(text: &str, bytes: &mut [u8], what: &'static str) -> Result<(), IdError> {
    let digits = text.as_bytes();
    if digits.len() != bytes.len() * 2 {
        let found = text.chars().count();
        return Err(IdError::Length {
            what,
            expected: bytes.len() * 2,
            found,
        });
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = hex_digit(pair[0]).ok_or(IdError::Digit { what })?;
        let low = hex_digit(pair[1]).ok_or(IdError::Digit { what })?;
        *byte = high << 4 | low;
    }
    Ok(())
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn read_decimal(text: &str, what: &'static str) -> Result<u32, IdError> {
    let error = IdError::Number {
        what,
        max: u64::from(u32::MAX),
    };
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return Err(error);
    }
    text.parse().map_err(|_| error)
}

#[cfg(test)]
mod tests;
