//! Reads of a shard's state, beside the applying thread.
//!
//! Before it: HTTP and command-line handlers on a node that holds the shard, and the leader's driver.
//! After it: `StateRead`. Guarantees: each call sees whole committed units; pages are bounded.
//! Leaves to others: linearisability (a read index before the call), JSON.

mod channels;
mod dead_letters;
mod history;
mod instances;
mod kinds;
mod messages;
mod output;
mod programs;

pub use channels::{ChannelHead, channel, channels, last_cut, meeting, sent, taken};
pub use dead_letters::{dead_letter, dead_letters};
pub use history::{HistorySize, history_size};
pub use instances::{InstanceView, history, instance, instances};
pub use kinds::kind;
pub use messages::{message, story};
pub use output::{OutputItem, OutputPage, output};
pub use programs::{active_program, decoded_program, installed_program, open_states, shown_result};

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::keys;
use crate::limits::PAGE_BYTES_MAX;
use crate::store::{Pair, StateRead, StoreError, successor};

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record that this version cannot read.
    #[error("E-state-corrupt: the record under {key:02x?} cannot be read: {reason}")]
    Corrupt {
        /// Its key.
        key: Vec<u8>,
        /// What the decoder says.
        reason: String,
    },
}

pub(crate) fn decode<T: DeserializeOwned>(key: &[u8], bytes: &Bytes) -> Result<T, QueryError> {
    keys::decode_record(bytes).map_err(|error| QueryError::Corrupt {
        key: key.to_vec(),
        reason: error.to_string(),
    })
}

/// The first pairs of a range: at most `rows`, and no more than the one with which they have
/// [`PAGE_BYTES_MAX`]. Reads a few at first, because each may be large.
pub(crate) fn page(
    reader: &dyn StateRead,
    from: &[u8],
    until: Option<&[u8]>,
    rows: usize,
) -> Result<Vec<Pair>, StoreError> {
    let mut page: Vec<Pair> = Vec::new();
    let (mut bytes, mut count) = (0, 2);
    let mut from = from.to_vec();
    while page.len() < rows && bytes < PAGE_BYTES_MAX {
        let wanted = count.min(rows - page.len());
        let read = reader.scan(&from, until, wanted)?;
        let is_last = read.len() < wanted;
        let read_bytes: usize = read.iter().map(|(_, value)| value.len()).sum();
        // As many as fit, if the next are like these, and no more than twice as many.
        let fit = PAGE_BYTES_MAX / (read_bytes / read.len().max(1)).max(1);
        count = (2 * count).min(fit.max(1));
        bytes += read_bytes;
        if let Some((key, _)) = read.last() {
            from = successor(key);
        }
        page.extend(read);
        if is_last {
            break;
        }
    }
    Ok(page)
}

/// The number in the last eight bytes of a key.
pub(crate) fn number_of(key: &[u8]) -> Result<u64, QueryError> {
    let corrupt = || QueryError::Corrupt {
        key: key.to_vec(),
        reason: "the key is too short for a number".to_owned(),
    };
    let at = key.len().checked_sub(8).ok_or_else(corrupt)?;
    let bytes: [u8; 8] = key[at..].try_into().map_err(|_| corrupt())?;
    Ok(u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::{FlushMode, MemoryStores};
    use crate::store::{GroupId, StateStore, StoreProvider};

    fn filled(count: u32, bytes: usize) -> Box<dyn StateStore> {
        let mut store = MemoryStores::new(FlushMode::OnDemand)
            .open(GroupId(1))
            .unwrap();
        for number in 0..count {
            store.put(&number.to_be_bytes(), Bytes::from(vec![1; bytes]));
        }
        store.commit(1).unwrap();
        store
    }

    fn pages(store: &dyn StateRead, rows: usize) -> Vec<usize> {
        let (mut from, mut counts) = (Vec::new(), Vec::new());
        loop {
            let page = page(store, &from, None, rows).unwrap();
            let Some((key, _)) = page.last() else {
                return counts;
            };
            from = successor(key);
            counts.push(page.len());
        }
    }

    #[test]
    fn a_page_ends_after_its_rows_or_its_bytes_and_the_next_goes_on() {
        assert_eq!(pages(&*filled(250, 10), 100), [100, 100, 50]);
        let large = pages(&*filled(40, 1 << 20), 100);
        assert_eq!(large.iter().sum::<usize>(), 40);
        let most = PAGE_BYTES_MAX >> 20;
        assert!(large.iter().all(|rows| *rows <= 2 * most), "{large:?}");
        let largest = pages(&*filled(5, 9 << 20), 100);
        assert!(largest.iter().all(|rows| *rows <= 2), "{largest:?}");
    }
}
