//! Pages of dead letters.
//!
//! Before it: `GET /v1/dead-letters` and its command. After it: the store.
//! Guarantees: newest last, by number. Leaves to others: sending them again (a command).

use super::{QueryError, decode, number_of};
use crate::keys;
use crate::limits::PAGE_ROWS_MAX;
use crate::record::DeadLetter;
use crate::store::StateRead;

/// Dead letters with numbers from `from` on, at most `limit`.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn dead_letters(
    reader: &dyn StateRead,
    from: u64,
    limit: usize,
) -> Result<Vec<(u64, DeadLetter)>, QueryError> {
    let limit = limit.min(PAGE_ROWS_MAX);
    let page = super::page(
        reader,
        &keys::dead_letter(from),
        Some(&[keys::DEAD_LETTER + 1]),
        limit,
    )?;
    page.iter()
        .map(|(key, bytes)| Ok((number_of(key)?, decode(key, bytes)?)))
        .collect()
}

/// One dead letter.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn dead_letter(reader: &dyn StateRead, number: u64) -> Result<Option<DeadLetter>, QueryError> {
    let key = keys::dead_letter(number);
    match reader.get(&key)? {
        Some(bytes) => decode(&key, &bytes).map(Some),
        None => Ok(None),
    }
}
