//! Records that may be larger than one value of the store: instances with much state.
//!
//! Before it: instances that are written or read. After it: the store's values.
//! Guarantees: what was put is read back whole; a record that fits is one value under its key.
//! Leaves to others: bounding how large a record can get (the machine's limits).

use bytes::{BufMut, Bytes, BytesMut};

use crate::keys;
use crate::query::QueryError;
use crate::store::{StateRead, StateStore};

/// First byte of a value that only says how many pieces there are. Records begin with a version.
const IN_PIECES: u8 = 0xff;

/// Bytes of one piece: half of what the store takes.
pub(crate) const PIECE_BYTES: usize = crate::store::VALUE_BYTES_MAX / 2;

/// Writes a record that was in `pieces_before` pieces (0 for one value). Returns how many it is in
/// now.
pub(crate) fn put(
    store: &mut dyn StateStore,
    key: &[u8],
    record: Bytes,
    pieces_before: u32,
    piece_bytes: usize,
) -> u32 {
    let pieces = match record.len() <= piece_bytes {
        true => 0,
        false => record.len().div_ceil(piece_bytes) as u32,
    };
    for piece in pieces..pieces_before {
        store.delete(&keys::piece(key, piece));
    }
    if pieces == 0 {
        store.put(key, record);
        return 0;
    }
    let mut head = BytesMut::with_capacity(5);
    head.put_u8(IN_PIECES);
    head.put_u32(pieces);
    store.put(key, head.freeze());
    for piece in 0..pieces {
        let from = piece as usize * piece_bytes;
        let until = record.len().min(from + piece_bytes);
        store.put(&keys::piece(key, piece), record.slice(from..until));
    }
    pieces
}

/// Reads a record, and says in how many pieces it is.
pub(crate) fn get(store: &dyn StateRead, key: &[u8]) -> Result<Option<(Bytes, u32)>, QueryError> {
    match store.get(key)? {
        Some(value) => whole(store, key, value).map(Some),
        None => Ok(None),
    }
}

/// The whole of a record whose value is known.
pub(crate) fn whole(
    store: &dyn StateRead,
    key: &[u8],
    value: Bytes,
) -> Result<(Bytes, u32), QueryError> {
    let pieces = match value.split_first() {
        Some((&IN_PIECES, count)) => count
            .iter()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
        _ => return Ok((value, 0)),
    };
    let mut record = BytesMut::new();
    for piece in 0..pieces {
        let part = store.get(&keys::piece(key, piece))?;
        let part = part.ok_or_else(|| QueryError::Corrupt {
            key: key.to_vec(),
            reason: format!("piece {piece} of {pieces} is not there"),
        })?;
        record.extend_from_slice(&part);
    }
    Ok((record.freeze(), pieces))
}

/// Removes a record that is in `pieces` pieces.
pub(crate) fn delete(store: &mut dyn StateStore, key: &[u8], pieces: u32) {
    store.delete(key);
    for piece in 0..pieces {
        store.delete(&keys::piece(key, piece));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::{FlushMode, MemoryStores};
    use crate::store::{GroupId, StoreProvider};

    #[test]
    fn records_of_any_size_are_read_back_and_leave_nothing() {
        let stores = MemoryStores::new(FlushMode::EveryUnits(1));
        let mut store = stores.open(GroupId(1)).unwrap();
        let mut pieces = 0;
        for length in [0, 1, 10, 11, 35, 20, 10, 95, 3] {
            let record: Bytes = (0..length).map(|at| at as u8).collect::<Vec<u8>>().into();
            pieces = put(&mut *store, b"key", record.clone(), pieces, 10);
            let read = get(&*store, b"key").unwrap();
            assert_eq!(read, Some((record, pieces)), "{length}");
            let rows = store.scan(&[], None, 100).unwrap().len();
            assert_eq!(rows, 1 + pieces as usize);
        }
        delete(&mut *store, b"key", pieces);
        assert!(store.scan(&[], None, 100).unwrap().is_empty());
    }
}
