//! Regular expressions: from pattern and flags to a program, and its metered run over a text.
//!
//! Before: literals of the compiler, `RegExp(…)`. After: `builtins/regexp`, which keeps `lastIndex`
//! and makes arrays of matches. Guarantees: ECMAScript 2024 over UTF-16 units; the same steps and
//! bytes everywhere; no recursion by pattern beyond its checked depth, none by text; a pattern that
//! is no pattern is an error, also where it comes from outside. Who counts is left to the caller.

mod class;
mod emit;
mod first;
mod fold;
mod loops;
mod matcher;
mod parse;
mod program;
mod property;
mod units;

use std::sync::{Arc, OnceLock};

use thiserror::Error;

use crate::text::Text;

pub(crate) use matcher::{Budget, Captures, Exhausted, From, Scratch, search};
pub(crate) use program::Program;

/// Flags in the order in which `flags` shows them.
const FLAGS: &[u8; 8] = b"dgimsuvy";

/// The flags of a regular expression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flags(u8);

/// Why a pattern is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct PatternError {
    /// What is wrong.
    pub message: String,
    /// What to do, where that is known.
    pub hint: Option<String>,
    /// Where in the UTF-8 form of the pattern: first byte, and the byte behind the last.
    pub range: (u32, u32),
}

/// A regular expression as a value: immutable, with its program once somebody needed it.
#[derive(Debug)]
pub struct RegExpData {
    source: Text,
    flags: Flags,
    compiled: OnceLock<Result<Arc<Program>, PatternError>>,
    /// The pattern as `source` shows it.
    shown: OnceLock<Text>,
}

impl Flags {
    pub(crate) const INDICES: Flags = Flags(1);
    pub(crate) const GLOBAL: Flags = Flags(1 << 1);
    pub(crate) const IGNORE_CASE: Flags = Flags(1 << 2);
    pub(crate) const MULTILINE: Flags = Flags(1 << 3);
    pub(crate) const DOT_ALL: Flags = Flags(1 << 4);
    pub(crate) const UNICODE: Flags = Flags(1 << 5);
    pub(crate) const UNICODE_SETS: Flags = Flags(1 << 6);
    pub(crate) const STICKY: Flags = Flags(1 << 7);

    /// Reads flags; `None` where one is unknown or stands twice, or `u` and `v` stand together.
    pub fn parse(text: &str) -> Option<Flags> {
        let mut flags = Flags::default();
        for byte in text.bytes() {
            let flag = Flags(1 << FLAGS.iter().position(|known| *known == byte)?);
            if flags.has(flag) {
                return None;
            }
            flags = flags.with(flag);
        }
        flags.is_possible().then_some(flags)
    }

    /// From the byte that `bits` gave; `None` for one that it never gives.
    pub(crate) fn from_bits(bits: u8) -> Option<Flags> {
        Some(Flags(bits)).filter(|flags| flags.is_possible())
    }

    /// All flags in one byte.
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    fn is_possible(self) -> bool {
        !(self.has(Flags::UNICODE) && self.has(Flags::UNICODE_SETS))
    }

    /// Whether a flag is set.
    pub(crate) fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 != 0
    }

    /// Whether the pattern is matched by code points rather than units.
    pub(crate) fn by_code_points(self) -> bool {
        self.has(Flags::UNICODE) || self.has(Flags::UNICODE_SETS)
    }

    pub(crate) fn with(self, flag: Flags) -> Flags {
        Flags(self.0 | flag.0)
    }

    pub(crate) fn without(self, flag: Flags) -> Flags {
        Flags(self.0 & !flag.0)
    }
}

impl std::fmt::Display for Flags {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, flag) in FLAGS.iter().enumerate() {
            if self.0 & (1 << at) != 0 {
                write!(formatter, "{}", *flag as char)?;
            }
        }
        Ok(())
    }
}

impl RegExpData {
    /// Not yet compiled.
    pub fn new(source: Text, flags: Flags) -> RegExpData {
        RegExpData {
            source,
            flags,
            compiled: OnceLock::new(),
            shown: OnceLock::new(),
        }
    }

    /// The text of the pattern, as it was given.
    pub fn source(&self) -> &Text {
        &self.source
    }

    /// The pattern as it would stand in a literal.
    pub fn shown(&self) -> &Text {
        self.shown.get_or_init(|| shown(&self.source))
    }

    /// Its flags.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// The program; made when first asked for.
    pub(crate) fn program(&self) -> Result<&Arc<Program>, &PatternError> {
        let made = self
            .compiled
            .get_or_init(|| Program::compile(&self.source, self.flags).map(Arc::new));
        made.as_ref()
    }

    /// Bytes that it may take with its program: part of its size as a value.
    pub(crate) fn byte_count(&self) -> u32 {
        (self.source.len() as u32)
            .saturating_mul(program::BYTES_PER_UNIT)
            .saturating_add(256)
    }
}

/// A pattern as it would stand in a literal: with slashes and ends of lines escaped.
fn shown(source: &Text) -> Text {
    if source.is_empty() {
        return Text::from("(?:)");
    }
    let mut units = Vec::with_capacity(source.len());
    let (mut is_escaped, mut in_class) = (false, false);
    for unit in source.iter_units() {
        let escape = match unit {
            0x2F if !is_escaped && !in_class => "\\/",
            0x0A => "\\n",
            0x0D => "\\r",
            0x2028 => "\\u2028",
            0x2029 => "\\u2029",
            _ => "",
        };
        // A backslash that is there already serves the escape too.
        let escape = if is_escaped {
            escape.trim_start_matches('\\')
        } else {
            escape
        };
        match unit {
            0x5B if !is_escaped => in_class = true,
            0x5D if !is_escaped => in_class = false,
            _ => {}
        }
        is_escaped = unit == 0x5C && !is_escaped;
        if escape.is_empty() {
            units.push(unit);
        } else {
            units.extend(escape.encode_utf16());
        }
    }
    if units.len() == source.len() {
        source.clone()
    } else {
        Text::from_units(&units)
    }
}

impl PartialEq for RegExpData {
    fn eq(&self, other: &RegExpData) -> bool {
        self.flags == other.flags && self.source == other.source
    }
}

impl Eq for RegExpData {}

#[cfg(test)]
mod tests;
