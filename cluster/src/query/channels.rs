//! What channels still owe, read by the leader's pump.
//!
//! Before it: a pump that starts, or whose target named a number. After it: a batch on the bus.
//! Guarantees: parcels without gaps from the number asked for, within a bound of bytes.
//! Leaves to others: sending and acknowledging.

use transport::{Incarnation, ShardId};

use super::{QueryError, decode};
use crate::action::ChannelBatch;
use crate::command::Meet;
use crate::keys;
use crate::limits::{CHANNEL_BATCH_PARCELS, PAGE_ROWS_MAX};
use crate::record::OutboundRecord;
use crate::shard::Lives;
use crate::store::StateRead;

/// Where a channel stands at its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelHead {
    /// The shard that takes its parcels.
    pub target: ShardId,
    /// Which life of it.
    pub target_incarnation: Incarnation,
    /// Number of the next parcel that will be put in; the first has number 1.
    pub next: u64,
    /// Number of the last parcel that the target has; 0 for none.
    pub acked: u64,
}

/// All channels that this shard ever sent through.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn channels(reader: &dyn StateRead) -> Result<Vec<ChannelHead>, QueryError> {
    let mut heads = Vec::new();
    let mut from = vec![keys::OUTBOUND];
    loop {
        let page = reader.scan(&from, Some(&[keys::OUTBOUND + 1]), PAGE_ROWS_MAX)?;
        for (key, bytes) in &page {
            let record: OutboundRecord = decode(key, bytes)?;
            heads.push(ChannelHead {
                target: record.target,
                target_incarnation: record.target_incarnation,
                next: record.next,
                acked: record.acked,
            });
        }
        match page.last() {
            Some((key, _)) if page.len() == PAGE_ROWS_MAX => {
                from = crate::store::successor(key);
            }
            _ => return Ok(heads),
        }
    }
}

/// The number of the last parcel that this shard has put into its channel to `target`; 0 for none.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn sent(reader: &dyn StateRead, target: ShardId) -> Result<u64, QueryError> {
    let heads = channels(reader)?;
    let to_target = heads.iter().filter(|head| head.target == target);
    let latest = to_target.max_by_key(|head| head.target_incarnation);
    Ok(latest.map_or(0, |head| head.next - 1))
}

/// The number of the last parcel that this shard has taken from its channel from `source`; 0 for
/// none.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn taken(reader: &dyn StateRead, source: ShardId) -> Result<u64, QueryError> {
    let from = keys::inbound(source, Incarnation(0));
    let until = keys::inbound(ShardId(source.0 + 1), Incarnation(0));
    let mut latest = 0;
    // One for each life of the source, the latest last.
    for (key, bytes) in reader.scan(&from, Some(&until), PAGE_ROWS_MAX)? {
        let (_, _, last): (ShardId, Incarnation, u64) = decode(&key, &bytes)?;
        latest = last;
    }
    Ok(latest)
}

/// What a shard in life `incarnation` says to `target`, of whose life it believes that it is
/// `target_incarnation`. None where that shard knows of this life already.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn meeting(
    reader: &dyn StateRead,
    own: (ShardId, Incarnation),
    target: (ShardId, Incarnation),
) -> Result<Option<Meet>, QueryError> {
    let lives: Lives = match reader.get(&[keys::LIVES])? {
        Some(bytes) => decode(&[keys::LIVES], &bytes)?,
        None => return Ok(None),
    };
    if !lives.rests(target.0) {
        return Ok(None);
    }
    let from = keys::inbound(target.0, Incarnation(0));
    let until = keys::inbound(ShardId(target.0.0 + 1), Incarnation(0));
    let mut now = Vec::new();
    for (key, bytes) in reader.scan(&from, Some(&until), PAGE_ROWS_MAX)? {
        let (_, life, through): (ShardId, Incarnation, u64) = decode(&key, &bytes)?;
        now.push((life, through));
    }
    Ok(Some(Meet {
        source: own.0,
        incarnation: own.1,
        target_incarnation: target.1,
        taken: lives.taken(target.0, own.1, now.into_iter()),
    }))
}

/// The number of the last cut that a shard has made; 0 before the first.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn last_cut(reader: &dyn StateRead) -> Result<u64, QueryError> {
    match reader.get(&[keys::CUT])? {
        Some(bytes) => decode(&[keys::CUT], &bytes),
        None => Ok(0),
    }
}

/// The parcels of a channel from number `first` on: at least one where there is one, then as many
/// as fit `bytes_max`. None where the channel has nothing from there on.
///
/// # Errors
///
/// The store's.
pub fn channel(
    reader: &dyn StateRead,
    target: ShardId,
    target_incarnation: Incarnation,
    first: u64,
    bytes_max: usize,
) -> Result<Option<ChannelBatch>, QueryError> {
    let from = keys::parcel(target, target_incarnation, first);
    let until = keys::parcel(target, target_incarnation, u64::MAX);
    let page = super::page(reader, &from, Some(&until), CHANNEL_BATCH_PARCELS)?;
    let mut parcels = Vec::new();
    let mut bytes = 0;
    let mut number = first;
    for (key, parcel) in page {
        // What was acknowledged is gone: a pump that asks for it starts where the channel does.
        if parcels.is_empty() {
            number = super::number_of(&key)?;
        }
        bytes += parcel.len();
        if !parcels.is_empty() && bytes > bytes_max {
            break;
        }
        parcels.push(parcel);
    }
    if parcels.is_empty() {
        return Ok(None);
    }
    Ok(Some(ChannelBatch {
        target,
        target_incarnation,
        first: number,
        parcels,
        // Read after the parcels: none of them is from after a later cut.
        cut: last_cut(reader)?,
    }))
}
