//! From the text of a pattern to a tree, by the parser that also reads scripts.
//!
//! Before: `Program::compile`. After: `emit`. Guarantees: length and depth are checked before the
//! parser runs, so that it cannot overflow the stack; lone surrogates of the pattern survive.

use oxc_allocator::Allocator;
use oxc_diagnostics::OxcDiagnostic;
use oxc_regular_expression::ast::Pattern;
use oxc_regular_expression::{LiteralParser, Options};

use super::{Flags, PatternError};
use crate::limits::{PATTERN_DEPTH_MAX, PATTERN_UNITS_MAX};
use crate::text::Text;

/// What the parser's messages begin with; ours say it themselves.
const PREFIX: &str = "Invalid regular expression: ";

pub(super) fn parse<'a>(
    allocator: &'a Allocator,
    source: &Text,
    flags: Flags,
) -> Result<Pattern<'a>, PatternError> {
    if source.len() > PATTERN_UNITS_MAX {
        let message = format!("the pattern is longer than {PATTERN_UNITS_MAX} units");
        return Err(whole(source, message));
    }
    let pattern = escaped(source, flags)?;
    check_depth(&pattern, flags)?;
    if flags.by_code_points() {
        check_controls(&pattern)?;
    }
    let pattern = allocator.alloc_str(&pattern);
    let mode = flags.to_string();
    LiteralParser::new(allocator, pattern, Some(&mode), Options::default())
        .parse()
        .map_err(|error| pattern_error(&error))
}

fn whole(source: &Text, message: String) -> PatternError {
    PatternError {
        message,
        hint: None,
        range: (0, source.len() as u32),
    }
}

fn pattern_error(error: &OxcDiagnostic) -> PatternError {
    let inner = error.clone().inner_owned();
    let message = inner.message.to_string();
    let range = inner.labels.first().map_or((0, 0), |label| {
        (label.offset(), label.offset() + label.len())
    });
    PatternError {
        message: message.strip_prefix(PREFIX).unwrap_or(&message).to_owned(),
        hint: inner.help.map(|help| help.to_string()),
        range,
    }
}

/// The pattern as UTF-8, lone surrogates as escapes.
fn escaped(source: &Text, flags: Flags) -> Result<String, PatternError> {
    if let Some(ascii) = source.as_ascii() {
        return Ok(ascii.to_owned());
    }
    let mut pattern = String::with_capacity(source.len() * 3);
    let mut is_escaped = false;
    for character in char::decode_utf16(source.iter_units()) {
        match character {
            Ok(character) => {
                pattern.push(character);
                is_escaped = character == '\\' && !is_escaped;
            }
            Err(_) if is_escaped && flags.by_code_points() => {
                return Err(whole(source, "Invalid escape".to_owned()));
            }
            Err(lone) => {
                let escape = format!("u{:04X}", lone.unpaired_surrogate());
                // Behind a backslash the surrogate stands for itself, as the escape does.
                if !is_escaped {
                    pattern.push('\\');
                }
                pattern.push_str(&escape);
                is_escaped = false;
            }
        }
    }
    Ok(pattern)
}

/// The name of a group as the script reads it: the parser leaves its escapes as they are written.
pub(super) fn group_name(written: &str) -> Text {
    let mut units: Vec<u16> = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = rest.find("\\u") {
        units.extend(rest[..at].encode_utf16());
        let escape = &rest[at + 2..];
        let (digits, length) = match escape.strip_prefix('{') {
            Some(braced) => {
                let end = braced.find('}').unwrap_or(braced.len());
                (&braced[..end], end + 2)
            }
            None => (escape.get(..4).unwrap_or(""), 4),
        };
        match u32::from_str_radix(digits, 16) {
            Ok(unit) if unit <= 0xffff => units.push(unit as u16),
            Ok(point) => {
                let point = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
                units.extend(point.encode_utf16(&mut [0; 2]).iter());
            }
            Err(_) => units.push(u16::from(b'u')),
        }
        rest = escape.get(length..).unwrap_or("");
    }
    units.extend(rest.encode_utf16());
    Text::from_units(&units)
}

/// `\c` takes a letter where the pattern is by code points; the parser takes more.
fn check_controls(pattern: &str) -> Result<(), PatternError> {
    let bytes = pattern.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let is_escape = bytes[at] == b'\\';
        let is_control = is_escape && bytes.get(at + 1) == Some(&b'c');
        if is_control && !bytes.get(at + 2).is_some_and(u8::is_ascii_alphabetic) {
            return Err(PatternError {
                message: "Invalid escape".to_owned(),
                hint: Some("behind `\\c` a letter follows".to_owned()),
                range: (at as u32, at as u32 + 2),
            });
        }
        at += if is_escape { 2 } else { 1 };
    }
    Ok(())
}

/// The parser and what follows it recurse over groups and nested classes.
fn check_depth(pattern: &str, flags: Flags) -> Result<(), PatternError> {
    let (mut groups, mut classes) = (0usize, 0usize);
    let mut is_escaped = false;
    for (at, byte) in pattern.bytes().enumerate() {
        if is_escaped {
            is_escaped = false;
            continue;
        }
        match byte {
            b'\\' => is_escaped = true,
            b'[' if classes == 0 || flags.has(Flags::UNICODE_SETS) => classes += 1,
            b']' => classes = classes.saturating_sub(1),
            b'(' if classes == 0 => groups += 1,
            b')' if classes == 0 => groups = groups.saturating_sub(1),
            _ => {}
        }
        if groups + classes > PATTERN_DEPTH_MAX {
            return Err(PatternError {
                message: format!("groups nest deeper than {PATTERN_DEPTH_MAX} levels"),
                hint: None,
                range: (at as u32, at as u32 + 1),
            });
        }
    }
    Ok(())
}
