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
use crate::store::StoreError;

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
