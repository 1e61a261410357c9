//! Decoded programs, for reads: an instance's state is shown with the program that it runs. Comes between a
//! read and the bytes of a program. Guarantees: a program is decoded once while it is in use; count and bytes
//! are bounded, the one that was not used for longest goes first; programs are named by their content, so what
//! is kept is never wrong. Leaves to others: reading bytes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cluster::message::ProgramId;

/// Programs that are kept at most.
const COUNT_MAX: usize = 64;
/// Bytes of their encodings that are kept at most, unless one alone has more.
const BYTES_MAX: usize = 32 << 20;

/// A bounded number of values by the program that they were made of.
pub(super) struct Programs<T> {
    kept: Mutex<Kept<T>>,
}

struct Kept<T> {
    programs: BTreeMap<ProgramId, Entry<T>>,
    bytes: usize,
    uses: u64,
}

struct Entry<T> {
    value: Arc<T>,
    bytes: usize,
    used: u64,
}

impl<T> Default for Programs<T> {
    fn default() -> Programs<T> {
        let kept = Kept {
            programs: BTreeMap::new(),
            bytes: 0,
            uses: 0,
        };
        Programs {
            kept: Mutex::new(kept),
        }
    }
}

impl<T> Programs<T> {
    fn kept(&self) -> MutexGuard<'_, Kept<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program, where it is kept.
    pub(super) fn known(&self, id: ProgramId) -> Option<Arc<T>> {
        self.kept().used(id)
    }

    /// The program, from what is kept or made by `decode`, which says how many bytes it took, where there
    /// is one.
    ///
    /// # Errors
    /// As of `decode`.
    pub(super) fn get<E>(
        &self,
        id: ProgramId,
        decode: impl FnOnce() -> Result<Option<(T, usize)>, E>,
    ) -> Result<Option<Arc<T>>, E> {
        if let Some(known) = self.kept().used(id) {
            return Ok(Some(known));
        }
        // Not under the lock: others may go on with what is known.
        let Some((value, bytes)) = decode()? else {
            return Ok(None);
        };
        Ok(Some(self.kept().keep(id, Arc::new(value), bytes)))
    }
}

impl<T> Kept<T> {
    fn used(&mut self, id: ProgramId) -> Option<Arc<T>> {
        self.uses += 1;
        let entry = self.programs.get_mut(&id)?;
        entry.used = self.uses;
        Some(Arc::clone(&entry.value))
    }

    fn keep(&mut self, id: ProgramId, value: Arc<T>, bytes: usize) -> Arc<T> {
        let entry = Entry {
            value: Arc::clone(&value),
            bytes,
            used: self.uses,
        };
        let before = self.programs.insert(id, entry);
        self.bytes += bytes;
        self.bytes -= before.map_or(0, |before| before.bytes);
        while self.programs.len() > COUNT_MAX || (self.bytes > BYTES_MAX && self.programs.len() > 1)
        {
            let others = self.programs.iter().filter(|(other, _)| **other != id);
            let Some((oldest, _)) = others.min_by_key(|(_, entry)| entry.used) else {
                break;
            };
            let oldest = *oldest;
            let gone = self.programs.remove(&oldest);
            self.bytes -= gone.map_or(0, |gone| gone.bytes);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gets the program of that number; says whether it was decoded for that.
    fn get(programs: &Programs<u8>, number: u8, bytes: usize) -> bool {
        let mut decoded = false;
        let found = programs.get(ProgramId([number; 32]), || {
            decoded = true;
            Ok::<_, ()>(Some((number, bytes)))
        });
        assert_eq!(*found.unwrap().unwrap(), number);
        decoded
    }

    #[test]
    fn a_program_is_decoded_once() {
        let programs = Programs::default();
        assert!(get(&programs, 1, 10));
        assert!(!get(&programs, 1, 10));
        assert!(get(&programs, 2, 10));
        assert!(!get(&programs, 1, 10));
        let missing = programs.get(ProgramId([3; 32]), || Ok::<_, ()>(None));
        assert_eq!(missing, Ok(None));
        assert!(get(&programs, 3, 10), "that it was missing is not kept");
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let programs = Programs::default();
        for number in 0..COUNT_MAX as u8 {
            get(&programs, number, 1);
        }
        assert!(!get(&programs, 0, 1));
        assert!(get(&programs, 200, 1));
        assert!(!get(&programs, 0, 1));
        assert!(get(&programs, 1, 1), "the oldest made room");
        assert!(get(&programs, 201, BYTES_MAX + 1));
        assert!(
            !get(&programs, 201, BYTES_MAX + 1),
            "one is kept, whatever its size"
        );
        assert!(get(&programs, 0, 1));
        assert!(programs.kept().bytes <= BYTES_MAX);
    }
}
