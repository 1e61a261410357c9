//! JSON given on the command line: a value, or `-` for standard input, with an error that points at the
//! mistake.

use std::io::Read;

use anyhow::{Context, bail};
use serde_json::Value;

/// Parses an argument that should be JSON.
///
/// # Errors
/// It is not; the error shows where, and how a string must be quoted.
pub(super) fn argument(what: &str, text: &str) -> anyhow::Result<Value> {
    let mut read = String::new();
    let text = if text == "-" {
        std::io::stdin()
            .read_to_string(&mut read)
            .context("cannot read standard input")?;
        read.as_str()
    } else {
        text
    };
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(error) => bail!(
            "{what} is not JSON: {error}\nhint: quote it for the shell and quote its strings: '{{ \"type\": \"HELLO\" }}'"
        ),
    }
}
