//! Requests and answers between nodes that are larger than one message of the bus. `remote` comes
//! before it on one node and after it on the other. Guarantees: no message is larger than a piece; a
//! request is answered only once all of it is there; what is kept of unfinished ones is bounded in
//! bytes and in time. Left to others: what a request means, trying again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::limits::{PIECE_BYTES, PIECES_BYTES_MAX, PIECES_IDLE_MS, SLOWEST_BYTES_PER_MS};

/// Tells the transfers of this process apart.
static TRANSFERS: AtomicU64 = AtomicU64::new(1);

/// A part of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Whose transfer it is.
    pub from: u64,
    /// Which of the sender's transfers.
    pub transfer: u64,
    /// Bytes of the whole request.
    pub length: u64,
    /// Where the piece begins.
    pub offset: u64,
    /// Its bytes.
    pub bytes: Bytes,
}

/// What came of a piece.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// More is to come.
    Part,
    /// This was the last: the request.
    Whole(Bytes),
    /// Pieces before it are missing, or there is no room: begin again later.
    Lost,
}

/// Something of which a part is here.
struct Kept {
    bytes: BytesMut,
    length: usize,
    touched: Instant,
}

/// What a node keeps of transfers: requests that arrive, answers that are fetched.
#[derive(Default)]
pub struct Pieces {
    kept: Mutex<BTreeMap<(u64, u64), Kept>>,
}

/// How much longer than its usual deadline something of that size may take.
#[must_use]
pub fn patience(bytes: usize) -> Duration {
    match bytes <= PIECE_BYTES {
        true => Duration::ZERO,
        false => Duration::from_millis(bytes as u64 / SLOWEST_BYTES_PER_MS),
    }
}

/// A request as pieces of a new transfer.
pub fn cut(from: u64, request: &Bytes) -> impl Iterator<Item = Piece> + '_ {
    let transfer = TRANSFERS.fetch_add(1, Ordering::Relaxed);
    (0..request.len())
        .step_by(PIECE_BYTES)
        .map(move |offset| Piece {
            from,
            transfer,
            length: request.len() as u64,
            offset: offset as u64,
            bytes: request.slice(offset..request.len().min(offset + PIECE_BYTES)),
        })
}

impl Pieces {
    /// Takes a piece of a request. Its first one begins it.
    pub fn take(&self, piece: &Piece) -> Taken {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (piece.from, piece.transfer);
        let length = usize::try_from(piece.length).unwrap_or(usize::MAX);
        if piece.offset == 0 && !begin(&mut kept, key, length) {
            return Taken::Lost;
        }
        let Some(mut one) = kept.remove(&key) else {
            return Taken::Lost;
        };
        let end = one.bytes.len() + piece.bytes.len();
        if one.bytes.len() as u64 != piece.offset || one.length != length || end > length {
            return Taken::Lost;
        }
        one.bytes.extend_from_slice(&piece.bytes);
        if end == length {
            return Taken::Whole(one.bytes.freeze());
        }
        one.touched = Instant::now();
        kept.insert(key, one);
        Taken::Part
    }

    /// Keeps an answer, to be fetched in pieces; none where there is no room.
    pub fn keep(&self, local: u64, answer: &Bytes) -> Option<u64> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let transfer = TRANSFERS.fetch_add(1, Ordering::Relaxed);
        let key = (local, transfer);
        if !begin(&mut kept, key, answer.len()) {
            return None;
        }
        if let Some(one) = kept.get_mut(&key) {
            one.bytes = BytesMut::from(answer.as_ref());
        }
        Some(transfer)
    }

    /// A piece of an answer that is kept; the last one ends it.
    pub fn fetch(&self, local: u64, transfer: u64, offset: u64) -> Option<Bytes> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (local, transfer);
        let one = kept.get_mut(&key)?;
        let offset = usize::try_from(offset).ok()?;
        let end = one.length.min(offset.checked_add(PIECE_BYTES)?);
        let piece = Bytes::copy_from_slice(one.bytes.get(offset..end)?);
        one.touched = Instant::now();
        if end == one.length {
            kept.remove(&key);
        }
        Some(piece)
    }
}

/// Makes room for something of that length. What nobody went on with gives way.
fn begin(kept: &mut BTreeMap<(u64, u64), Kept>, key: (u64, u64), length: usize) -> bool {
    let idle = Duration::from_millis(PIECES_IDLE_MS);
    kept.retain(|known, one| *known != key && one.touched.elapsed() < idle);
    let taken: usize = kept.values().map(|one| one.length).sum();
    if length.saturating_add(taken) > PIECES_BYTES_MAX {
        return false;
    }
    let one = Kept {
        bytes: BytesMut::with_capacity(length.min(PIECE_BYTES)),
        length,
        touched: Instant::now(),
    };
    kept.insert(key, one);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(length: usize) -> Bytes {
        (0..length)
            .map(|at| (at % 251) as u8)
            .collect::<Vec<_>>()
            .into()
    }

    #[tokio::test]
    async fn a_request_is_put_together_again() {
        for length in [1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES, 9 << 20] {
            let (pieces, whole) = (Pieces::default(), request(length));
            let mut taken = Taken::Lost;
            for piece in cut(7, &whole) {
                assert!(piece.bytes.len() <= PIECE_BYTES);
                taken = pieces.take(&piece);
            }
            assert_eq!(taken, Taken::Whole(whole));
        }
    }

    #[tokio::test]
    async fn a_lost_or_foreign_piece_ends_the_transfer() {
        let (pieces, whole) = (Pieces::default(), request(4 * PIECE_BYTES));
        let mut cut = cut(7, &whole);
        let (first, second, third) = (cut.next(), cut.next(), cut.next());
        assert_eq!(pieces.take(&first.unwrap()), Taken::Part);
        assert_eq!(pieces.take(&third.unwrap()), Taken::Lost);
        assert_eq!(pieces.take(&second.unwrap()), Taken::Lost);
        let beyond = Piece {
            from: 1,
            transfer: 1,
            length: 3,
            offset: 0,
            bytes: request(4),
        };
        assert_eq!(pieces.take(&beyond), Taken::Lost);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_is_bounded_and_what_is_left_lying_gives_way() {
        let (pieces, whole) = (Pieces::default(), request(20 << 20));
        let begin = || pieces.take(&cut(7, &whole).next().unwrap());
        let fit = PIECES_BYTES_MAX / whole.len();
        for _ in 0..fit {
            assert_eq!(begin(), Taken::Part);
        }
        assert_eq!(begin(), Taken::Lost);
        tokio::time::advance(Duration::from_millis(PIECES_IDLE_MS)).await;
        assert_eq!(begin(), Taken::Part);
    }

    #[tokio::test]
    async fn an_answer_is_fetched_once() {
        let (pieces, whole) = (Pieces::default(), request(3 * PIECE_BYTES - 5));
        let transfer = pieces.keep(7, &whole).unwrap();
        let mut fetched = BytesMut::new();
        while fetched.len() < whole.len() {
            let piece = pieces.fetch(7, transfer, fetched.len() as u64).unwrap();
            fetched.extend_from_slice(&piece);
        }
        assert_eq!(fetched.freeze(), whole);
        assert_eq!(pieces.fetch(7, transfer, 0), None);
    }
}
