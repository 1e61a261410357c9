//! Whom a message is for: a worker, an instance of it, or a service, within a namespace.
//! Before it: scripts, paths of HTTP, subjects. After it: the shard's hash, the envelope.
//! Guarantees: an address that exists is valid and within its limits, also after decoding.
//! Leaves to others: whether a bare name is a worker or a service (the shard of that name).

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::{KEY_BYTES_MAX, NAME_BYTES_MAX, NAMESPACE_BYTES_MAX};

/// The namespace of what names none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Namespaces that subjects need for themselves.
const RESERVED_NAMESPACES: [&str; 3] = ["hello", "node", "shard"];

/// Why an address was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A part that must not be empty is.
    #[error("{part} must not be empty")]
    Empty {
        /// Which part.
        part: &'static str,
    },
    /// A part is longer than allowed.
    #[error("{part} has {bytes} bytes, at most {max} are allowed")]
    TooLong {
        /// Which part.
        part: &'static str,
        /// Bytes that it has.
        bytes: usize,
        /// Bytes that it may have.
        max: usize,
    },
    /// A character that this part may not hold.
    #[error("{part} must not hold {found:?}")]
    Character {
        /// Which part.
        part: &'static str,
        /// The character found.
        found: char,
    },
    /// A namespace that the bus's own subjects use.
    #[error("the namespace {name:?} is reserved; choose another name")]
    Reserved {
        /// The name asked for.
        name: String,
    },
}

impl AddressError {
    /// The stable code, with a page under `docs/errors`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "E-address-empty",
            Self::TooLong { .. } => "E-address-long",
            Self::Character { .. } => "E-address-character",
            Self::Reserved { .. } => "E-address-reserved",
        }
    }
}

/// A namespace: separate names, quotas and rights in one cluster.
// None is the default one: nearly all addresses are in it, and a name that all of them share would be counted
// by all threads at once.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Namespace(Option<Arc<str>>);

/// A worker or service by name, or an instance of a worker by name and key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    namespace: Namespace,
    /// The name, and behind a slash the key where there is one.
    text: Arc<str>,
    name_bytes: u8,
}

/// An address as it is stored, before it is checked.
#[derive(Deserialize)]
struct Parts<'a> {
    namespace: Namespace,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    key: Option<Cow<'a, str>>,
}

/// Bytes of the longest text of an address.
const TEXT_BYTES_MAX: usize = NAME_BYTES_MAX + 1 + KEY_BYTES_MAX;

impl Namespace {
    /// A namespace of that name: 1 to 64 bytes, no `/`, no control characters, not reserved.
    pub fn new(name: &str) -> Result<Self, AddressError> {
        if name == DEFAULT_NAMESPACE {
            return Ok(Self::default());
        }
        check("a namespace", name, NAMESPACE_BYTES_MAX, is_name_character)?;
        if RESERVED_NAMESPACES.contains(&name) {
            return Err(AddressError::Reserved {
                name: name.to_owned(),
            });
        }
        Ok(Self(Some(name.into())))
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or(DEFAULT_NAMESPACE)
    }
}

impl Address {
    /// The address of an instance, or of the bare name where there is no key.
    ///
    /// A name has 1 to 128 bytes without `/` and control characters; a key has 1 to 512 bytes.
    pub fn new(
        namespace: Namespace,
        name: impl AsRef<str>,
        key: Option<impl AsRef<str>>,
    ) -> Result<Self, AddressError> {
        let name = name.as_ref();
        check("a name", name, NAME_BYTES_MAX, is_name_character)?;
        let text = match key {
            None => name.into(),
            Some(key) => {
                let key = key.as_ref();
                check("a key", key, KEY_BYTES_MAX, |_| true)?;
                joined(name, key)
            }
        };
        Ok(Self {
            namespace,
            text,
            name_bytes: name.len() as u8,
        })
    }

    /// The address of a bare name.
    pub fn bare(namespace: Namespace, name: impl AsRef<str>) -> Result<Self, AddressError> {
        Self::new(namespace, name, None::<&str>)
    }

    /// The address of an instance.
    pub fn instance(
        namespace: Namespace,
        name: impl AsRef<str>,
        key: impl AsRef<str>,
    ) -> Result<Self, AddressError> {
        Self::new(namespace, name, Some(key))
    }

    /// Reads `NAME` or `NAME/KEY`. A key may hold further slashes.
    pub fn parse(namespace: Namespace, text: &str) -> Result<Self, AddressError> {
        match text.split_once('/') {
            Some((name, key)) => Self::instance(namespace, name, key),
            None => Self::bare(namespace, text),
        }
    }

    /// The namespace that it is in.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The worker's or service's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.text[..usize::from(self.name_bytes)]
    }

    /// The instance's key; none for a bare name.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.text.get(usize::from(self.name_bytes) + 1..)
    }

    /// The bare name of this address.
    #[must_use]
    pub fn without_key(&self) -> Self {
        let text = match self.key() {
            None => Arc::clone(&self.text),
            Some(_) => self.name().into(),
        };
        Self {
            namespace: self.namespace.clone(),
            text,
            name_bytes: self.name_bytes,
        }
    }

    /// The instance of this name with that key.
    pub fn with_key(&self, key: impl AsRef<str>) -> Result<Self, AddressError> {
        Self::new(self.namespace.clone(), self.name(), Some(key))
    }
}

/// A name and a key of at most so many bytes as they may have, with a slash between, in one allocation.
fn joined(name: &str, key: &str) -> Arc<str> {
    let mut bytes = [0; TEXT_BYTES_MAX];
    let length = name.len() + 1 + key.len();
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes[name.len()] = b'/';
    bytes[name.len() + 1..length].copy_from_slice(key.as_bytes());
    let text = std::str::from_utf8(&bytes[..length]);
    text.expect("a text, a slash and a text are a text").into()
}

impl Ord for Namespace {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Namespace {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        self.namespace
            .cmp(&other.namespace)
            .then_with(|| self.name().cmp(other.name()))
            .then_with(|| self.key().cmp(&other.key()))
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn is_name_character(character: char) -> bool {
    character != '/' && !character.is_control()
}

pub(crate) fn check(
    part: &'static str,
    text: &str,
    max: usize,
    allowed: impl Fn(char) -> bool,
) -> Result<(), AddressError> {
    if text.is_empty() {
        return Err(AddressError::Empty { part });
    }
    if text.len() > max {
        return Err(AddressError::TooLong {
            part,
            bytes: text.len(),
            max,
        });
    }
    match text.chars().find(|character| !allowed(*character)) {
        Some(found) => Err(AddressError::Character { part, found }),
        None => Ok(()),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Address({}:{self})", self.namespace)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Namespace({self})")
    }
}

impl Serialize for Namespace {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        // Nearly every address of a record is in the default one, which takes one byte there.
        match (&self.0, out.is_human_readable()) {
            (None, false) => out.serialize_str(""),
            _ => out.serialize_str(self.as_str()),
        }
    }
}

impl<'de> Deserialize<'de> for Namespace {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Name {
            is_short: bool,
        }
        impl de::Visitor<'_> for Name {
            type Value = Namespace;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("the name of a namespace")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Namespace, E> {
                match name.is_empty() && self.is_short {
                    true => Ok(Namespace::default()),
                    false => Namespace::new(name).map_err(E::custom),
                }
            }
        }
        let is_short = !input.is_human_readable();
        input.deserialize_str(Name { is_short })
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut fields = out.serialize_struct("Address", 3)?;
        fields.serialize_field("namespace", &self.namespace)?;
        fields.serialize_field("name", self.name())?;
        fields.serialize_field("key", &self.key())?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let parts = Parts::deserialize(input)?;
        Self::new(parts.namespace, parts.name, parts.key).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
