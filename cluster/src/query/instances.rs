//! Instances: one, pages of many, and the history of one.
//!
//! Before it: `get`, `list` and `history` handlers. After it: the store.
//! Guarantees: a view is the instance between two entries. Leaves to others: filters, JSON.

use bytes::Bytes;
use transport::{Address, Namespace, RunId};

use super::{QueryError, decode, number_of};
use crate::keys;
use crate::large;
use crate::limits::PAGE_ROWS_MAX;
use crate::message::{Body, ProgramId};
use crate::record::{Failure, HistoryRecord, InstanceRecord, InstanceStatus};
use crate::store::{Pair, StateRead, prefix_end, successor};

/// One instance as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InstanceView {
    /// Its address.
    pub address: Address,
    /// Its current or last run.
    pub run: RunId,
    /// Where it is in its life.
    pub status: InstanceStatus,
    /// Steps of its history, over all its runs.
    pub step: u64,
    /// The first of them that is still kept.
    pub history_first: u64,
    /// The program that its run began with.
    pub program: ProgramId,
    /// Which worker of the program.
    pub worker: String,
    /// The encoded run between two turns, where it runs; [`super::open_states`] shows it.
    pub snapshot: Option<Bytes>,
    /// Messages that wait.
    pub mailbox: u64,
    /// Failures in a row.
    pub failures: u32,
    /// While it rests after a failure: until when, in milliseconds of shard time.
    pub rests_until_ms: Option<u64>,
    /// Whether it was told to take nothing for now.
    pub is_paused: bool,
    /// When its run began, in milliseconds of shard time.
    pub started_ms: u64,
    /// When its run ended.
    pub ended_ms: Option<u64>,
    /// The value of `complete`.
    pub result: Option<Body>,
    /// Its last error, where it failed or rests.
    pub error: Option<Failure>,
    /// Values that it emitted as a root, in number.
    pub emitted: u64,
}

/// One instance.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn instance(
    reader: &dyn StateRead,
    address: &Address,
) -> Result<Option<InstanceView>, QueryError> {
    Ok(record(reader, address)?.map(view))
}

/// Instances of one name, or of all names of the namespace, in the order of their keys; after
/// `after`, at most `limit`.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn instances(
    reader: &dyn StateRead,
    namespace: &Namespace,
    name: Option<&Address>,
    after: Option<&Address>,
    limit: usize,
) -> Result<Vec<InstanceView>, QueryError> {
    let prefix = match name {
        Some(name) => keys::instance(&name.without_key()),
        None => keys::instances_of(namespace),
    };
    let from = match after {
        Some(after) => successor(&keys::instance(after)),
        None => prefix.clone(),
    };
    let until = prefix_end(&prefix);
    let page = reader.scan(&from, until.as_deref(), limit.min(PAGE_ROWS_MAX))?;
    let whole = |(key, bytes): Pair| {
        let (record, _) = large::whole(reader, &key, bytes)?;
        decode::<InstanceRecord>(&key, &record).map(view)
    };
    page.into_iter().map(whole).collect()
}

/// Steps `from`, … of an instance's history, at most `limit`. Empty where there is no such
/// instance.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn history(
    reader: &dyn StateRead,
    address: &Address,
    from: u64,
    limit: usize,
) -> Result<Vec<(u64, HistoryRecord)>, QueryError> {
    let Some(record) = record(reader, address)? else {
        return Ok(Vec::new());
    };
    let page = super::page(
        reader,
        &keys::history(record.slot, from),
        Some(&keys::history(record.slot, u64::MAX)),
        limit.min(PAGE_ROWS_MAX),
    )?;
    page.iter()
        .map(|(key, bytes)| Ok((number_of(key)?, decode(key, bytes)?)))
        .collect()
}

pub(super) fn record(
    reader: &dyn StateRead,
    address: &Address,
) -> Result<Option<InstanceRecord>, QueryError> {
    let key = keys::instance(address);
    match large::get(reader, &key)? {
        Some((bytes, _)) => decode(&key, &bytes).map(Some),
        None => Ok(None),
    }
}

fn view(record: InstanceRecord) -> InstanceView {
    InstanceView {
        address: record.address,
        run: record.run,
        status: record.status,
        step: record.step,
        history_first: record.history_first,
        program: record.program,
        worker: record.worker,
        snapshot: record.snapshot,
        mailbox: record.mailbox.waiting,
        failures: record.failures,
        rests_until_ms: record.rests_until_ms,
        is_paused: record.is_paused,
        started_ms: record.started_ms,
        ended_ms: record.ended_ms,
        result: record.result,
        error: record.error,
        emitted: record.output.next - 1,
    }
}
