//! Whom a message is for: a worker, an instance of it, or a service, within a namespace.
//! Before it: scripts, paths of HTTP, subjects. After it: the shard's hash, the envelope.
//! Guarantees: an address that exists is valid and within its limits, also after decoding.
//! Leaves to others: whether a bare name is a worker or a service (the shard of that name).

use std::fmt;
use std::sync::{Arc, LazyLock};

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
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

/// All addresses of the default namespace share its name.
static DEFAULT: LazyLock<Arc<str>> = LazyLock::new(|| DEFAULT_NAMESPACE.into());

/// A worker or service by name, or an instance of a worker by name and key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Address {
    namespace: Namespace,
    name: Arc<str>,
    key: Option<Arc<str>>,
}

/// An address as it is stored, before it is checked: the fields of `Address` in their order.
#[derive(Deserialize)]
struct Parts {
    namespace: Namespace,
    name: Arc<str>,
    key: Option<Arc<str>>,
}

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
        Ok(Self(name.into()))
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self(Arc::clone(&DEFAULT))
    }
}

impl Address {
    /// The address of an instance, or of the bare name where there is no key.
    ///
    /// A name has 1 to 128 bytes without `/` and control characters; a key has 1 to 512 bytes.
    pub fn new(
        namespace: Namespace,
        name: impl Into<Arc<str>>,
        key: Option<impl Into<Arc<str>>>,
    ) -> Result<Self, AddressError> {
        let (name, key) = (name.into(), key.map(Into::into));
        check("a name", &name, NAME_BYTES_MAX, is_name_character)?;
        if let Some(key) = &key {
            check("a key", key, KEY_BYTES_MAX, |_| true)?;
        }
        Ok(Self {
            namespace,
            name,
            key,
        })
    }

    /// The address of a bare name.
    pub fn bare(namespace: Namespace, name: impl Into<Arc<str>>) -> Result<Self, AddressError> {
        Self::new(namespace, name, None::<Arc<str>>)
    }

    /// The address of an instance.
    pub fn instance(
        namespace: Namespace,
        name: impl Into<Arc<str>>,
        key: impl Into<Arc<str>>,
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
        &self.name
    }

    /// The instance's key; none for a bare name.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The bare name of this address.
    #[must_use]
    pub fn without_key(&self) -> Self {
        Self {
            namespace: self.namespace.clone(),
            name: Arc::clone(&self.name),
            key: None,
        }
    }

    /// The instance of this name with that key.
    pub fn with_key(&self, key: impl Into<Arc<str>>) -> Result<Self, AddressError> {
        Self::new(self.namespace.clone(), Arc::clone(&self.name), Some(key))
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
        out.write_str(&self.name)?;
        match &self.key {
            Some(key) => write!(out, "/{key}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Address({}:{self})", self.namespace)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Namespace({self})")
    }
}

impl Serialize for Namespace {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Namespace {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Name;
        impl de::Visitor<'_> for Name {
            type Value = Namespace;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("the name of a namespace")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Namespace, E> {
                Namespace::new(name).map_err(E::custom)
            }
        }
        input.deserialize_str(Name)
    }
}

impl TryFrom<Parts> for Address {
    type Error = AddressError;

    fn try_from(parts: Parts) -> Result<Self, AddressError> {
        Self::new(parts.namespace, parts.name, parts.key)
    }
}

#[cfg(test)]
mod tests;
