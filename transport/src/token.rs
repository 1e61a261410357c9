//! One token of a subject: any text, written with letters, digits, `_`, `-` and `=XX`.
//! Before it: a cluster's name, a namespace, a worker's name or key. After it: `subjects`.
//! Guarantees: every text has exactly one token, and every token one text; others are refused.
//! Leaves to others: joining tokens with dots.

use std::borrow::Cow;

/// Why a token was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// A byte that a token may not hold, or an escape that `encode` would not have written.
    #[error("byte {at} of the token is no letter, digit, '_', '-' or needed '=XX'")]
    Malformed {
        /// Offset of the byte in the token.
        at: usize,
    },
    /// The escaped bytes are no UTF-8.
    #[error("the token does not stand for UTF-8 text")]
    NotText,
}

const UPPER_DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Whether a byte stands for itself.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Writes every byte outside `[A-Za-z0-9_-]` as `=XX`.
#[must_use]
pub fn encode(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut token = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if is_plain(byte) {
            token.push(char::from(byte));
        } else {
            token.push('=');
            token.push(char::from(UPPER_DIGITS[usize::from(byte >> 4)]));
            token.push(char::from(UPPER_DIGITS[usize::from(byte & 15)]));
        }
    }
    Cow::Owned(token)
}

/// Reads a token. Refuses what `encode` does not write, so that no two subjects mean one target.
pub fn decode(token: &str) -> Result<Cow<'_, str>, TokenError> {
    if token.bytes().all(is_plain) {
        return Ok(Cow::Borrowed(token));
    }
    let source = token.as_bytes();
    let mut bytes = Vec::with_capacity(source.len());
    let mut at = 0;
    while at < source.len() {
        if is_plain(source[at]) {
            bytes.push(source[at]);
            at += 1;
            continue;
        }
        bytes.push(escaped(&source[at..]).ok_or(TokenError::Malformed { at })?);
        at += 3;
    }
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|_| TokenError::NotText)
}

/// The byte that an escape at the front of `source` stands for, if it needs one.
fn escaped(source: &[u8]) -> Option<u8> {
    let [b'=', high, low, ..] = *source else {
        return None;
    };
    let digit = |byte| UPPER_DIGITS.iter().position(|digit| *digit == byte);
    let byte = (digit(high)? << 4 | digit(low)?) as u8;
    (!is_plain(byte)).then_some(byte)
}

#[cfg(test)]
mod tests;
