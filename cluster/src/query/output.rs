//! What a root instance emitted, in pages.
//!
//! Before it: `GET …/outbox` and its event stream. After it: the store.
//! Guarantees: numbers without gaps from the first that is kept. Leaves to others: following.

use transport::Address;

use super::instances::record;
use super::{QueryError, decode, number_of};
use crate::keys;
use crate::limits::PAGE_ROWS_MAX;
use crate::record::OutputRecord;
use crate::store::StateRead;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OutputItem {
    /// Its number, from 1.
    pub number: u64,
    /// Run, stamp, time, body.
    pub record: OutputRecord,
}

/// Some of an instance's output.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OutputPage {
    /// Number of the first value that is still kept.
    pub first: u64,
    /// Number of the next value that will be emitted.
    pub next: u64,
    /// The values asked for.
    pub items: Vec<OutputItem>,
}

/// Values with numbers from `from` on, at most `limit`. None where there is no such instance.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn output(
    reader: &dyn StateRead,
    address: &Address,
    from: u64,
    limit: usize,
) -> Result<Option<OutputPage>, QueryError> {
    let Some(record) = record(reader, address)? else {
        return Ok(None);
    };
    let page = super::page(
        reader,
        &keys::output(record.slot, from),
        Some(&keys::output(record.slot, u64::MAX)),
        limit.min(PAGE_ROWS_MAX),
    )?;
    let items: Result<Vec<OutputItem>, QueryError> = page
        .iter()
        .map(|(key, bytes)| {
            Ok(OutputItem {
                number: number_of(key)?,
                record: decode(key, bytes)?,
            })
        })
        .collect();
    Ok(Some(OutputPage {
        first: record.output.first,
        next: record.output.next,
        items: items?,
    }))
}
