//! Clients' idempotency keys: the same key and request give the same answer for a day.
//!
//! Before it: door commands with a key. After it: the answer that the first of them got.
//! Guarantees: a key is scoped to a namespace and target; with another request it is refused; it is
//! kept for `idempotency_ms` of shard time. Leaves to others: hashing requests.

use serde::{Deserialize, Serialize};
use transport::Address;

use super::ShardError;
use super::meta::Meta;
use crate::codes;
use crate::command::Idempotency;
use crate::keys;
use crate::outcome::{Outcome, Refusal};
use crate::query::decode;
use crate::store::{StateRead, StateStore};

/// Expired keys that one request sweeps: more than it adds, so that they cannot pile up.
const SWEPT_PER_REQUEST: usize = 4;

#[derive(Serialize, Deserialize)]
struct Record {
    digest: [u8; 32],
    outcome: Outcome,
    expires_ms: u64,
}

/// What the key of a request is stored under.
pub(crate) fn scope(target: &Address, key: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in [
        target.namespace().as_str(),
        target.name(),
        target.key().unwrap_or(""),
        key,
    ] {
        hasher.update(&(part.len() as u32).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// The answer that an earlier request with this key got, or the refusal of another request's key.
pub(crate) fn known(
    store: &dyn StateRead,
    scope: &[u8; 32],
    idempotency: &Idempotency,
    now_ms: u64,
) -> Result<Option<Outcome>, ShardError> {
    let key = keys::idempotency(scope);
    let Some(bytes) = store.get(&key)? else {
        return Ok(None);
    };
    let record: Record = decode(&key, &bytes)?;
    if record.expires_ms <= now_ms {
        return Ok(None);
    }
    if record.digest != idempotency.digest {
        return Ok(Some(Outcome::Refused(Refusal::new(
            codes::KEY_REUSED,
            format!(
                "the idempotency key {:?} was used for another request to this target; \
                 use a new key for a new request",
                idempotency.key
            ),
        ))));
    }
    Ok(Some(record.outcome))
}

/// Remembers an answer.
pub(crate) fn remember(
    store: &mut dyn StateStore,
    meta: &mut Meta,
    scope: &[u8; 32],
    digest: [u8; 32],
    expires_ms: u64,
    outcome: &Outcome,
) -> Result<(), ShardError> {
    let key = keys::idempotency(scope);
    if let Some(bytes) = store.get(&key)? {
        let old: Record = decode(&key, &bytes)?;
        store.delete(&keys::idempotency_expiry(old.expires_ms, scope));
    }
    let record = Record {
        digest,
        outcome: outcome.clone(),
        expires_ms,
    };
    let bytes = keys::encode_record(&record);
    meta.link(keys::IDEMPOTENCY, &bytes);
    store.put(&key, bytes);
    store.put(
        &keys::idempotency_expiry(expires_ms, scope),
        bytes::Bytes::new(),
    );
    Ok(())
}

/// When the next key expires: lets most requests skip the sweep. Derived from the store, so that it
/// changes nothing but the number of reads.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NextExpiry {
    at_ms: u64,
}

impl NextExpiry {
    /// A key that expires at `expires_ms` was remembered.
    pub(crate) fn note(&mut self, expires_ms: u64) {
        self.at_ms = self.at_ms.min(expires_ms);
    }

    /// Forgets a few keys whose time is over.
    pub(crate) fn sweep(
        &mut self,
        store: &mut dyn StateStore,
        now_ms: u64,
    ) -> Result<(), ShardError> {
        if now_ms < self.at_ms {
            return Ok(());
        }
        let family = keys::IDEMPOTENCY_EXPIRY;
        let page = store.scan(&[family], Some(&[family + 1]), SWEPT_PER_REQUEST + 1)?;
        self.at_ms = u64::MAX;
        for (at, (key, _)) in page.iter().enumerate() {
            let (Some(expires), Some(scope)) = (key.get(1..9), key.get(9..41)) else {
                continue;
            };
            let expires_ms = expires
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            if expires_ms > now_ms || at == SWEPT_PER_REQUEST {
                self.at_ms = expires_ms;
                break;
            }
            store.delete(key);
            if let Ok(scope) = scope.try_into() {
                store.delete(&keys::idempotency(scope));
            }
        }
        Ok(())
    }
}
