//! The files behind and ahead of the log: prepares the next segment before it is needed and takes
//! used-up ones back. The housekeeper's thread runs it, or the writer where there is none.
//! Guarantees: a segment's name appears only with a flushed header; segments disappear oldest
//! first, each durably before the next. Left to others: deciding what is used up.

use std::io;
use std::sync::{Arc, PoisonError};

use super::LogError;
use super::format::{SegmentHeader, segment_name, spare_name};
use super::state::{ReadySegment, Shared, State};
use crate::disk::{DiskFile, Fill};

/// When a new file may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Only if the reserve stays free after it.
    Ahead,
    /// As long as there is any room: something accepted waits for it.
    Now,
}

impl State {
    /// True if `maintain` would do something.
    pub(super) fn needs_maintenance(&self) -> bool {
        let files = &self.files;
        let prepares = files.wanted && files.ready.is_none() && self.shortage.is_none();
        prepares || (!files.retired.is_empty() && !files.stuck)
    }
}

impl Shared {
    /// Compares the free room with the reserve, and refuses or accepts appends from now on.
    pub(super) fn measure_space(&self) {
        let Ok(free_bytes) = self.disk.free_bytes() else {
            return;
        };
        let mut state = self.lock();
        let files = &state.files;
        let has_next = files.ready.is_some() || !files.spares.is_empty();
        let needed_bytes = self.needed_bytes(has_next || !files.retired.is_empty());
        if free_bytes < needed_bytes {
            state.shortage = Some(LogError::DiskFull {
                free_bytes,
                needed_bytes,
            });
        } else if state.shortage.take().is_some() {
            drop(state);
            self.files.notify_all();
        }
    }

    fn needed_bytes(&self, has_next_file: bool) -> u64 {
        let limits = &self.config.limits;
        let file_bytes = if has_next_file {
            0
        } else {
            u64::from(limits.segment_bytes)
        };
        limits.free_bytes_reserve + file_bytes
    }

    /// Takes used-up segments back, then makes the next one if it is wanted. Only one thread
    /// does so at a time; another one that needs it waits and finds it done.
    ///
    /// # Errors
    /// `DiskFull` or `Io` if there is no next segment; appends are refused from then on.
    pub(super) fn maintain(&self, need: Need) -> Result<(), LogError> {
        let mut state = self.lock();
        while state.files.preparing {
            state = self
                .files
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.files.preparing = true;
        drop(state);
        let retired = self.retire_all();
        let prepared = self.prepare(need);
        let mut state = self.lock();
        state.files.preparing = false;
        state.files.stuck |= retired.is_err();
        if let Err(error) = &prepared {
            state.shortage = Some(error.clone());
        }
        drop(state);
        self.files.notify_all();
        if let Err(error) = retired {
            tracing::warn!(%error, "a used-up log segment could not be taken back; it stays");
        }
        prepared
    }

    fn retire_all(&self) -> Result<(), LogError> {
        loop {
            let (sequence, keep) = {
                let state = self.lock();
                let Some(sequence) = state.files.retired.front().copied() else {
                    return Ok(());
                };
                if state.files.stuck {
                    return Ok(());
                }
                let spares_max = self.config.limits.segments_spare_max as usize;
                (sequence, state.files.spares.len() < spares_max)
            };
            let name = segment_name(sequence);
            let spare = spare_name(sequence);
            let taken = if keep {
                self.disk.rename(&name, &spare)
            } else {
                self.disk.remove(&name)
            };
            taken
                .and_then(|()| self.disk.sync_directory())
                .map_err(|cause| LogError::io("taking back", &name, &cause))?;
            let mut state = self.lock();
            state.files.retired.pop_front();
            state.statistics.segments_retired += 1;
            if keep {
                state.files.spares.push(spare);
            }
        }
    }

    fn prepare(&self, need: Need) -> Result<(), LogError> {
        let sequence = {
            let state = self.lock();
            let later = need == Need::Ahead && !state.files.wanted;
            if later || state.files.ready.is_some() {
                return Ok(());
            }
            state.files.next_sequence
        };
        let (name, file) = self.obtain_file(sequence, need)?;
        match self.begin_segment(sequence, &name, file) {
            Ok(ready) => {
                let mut state = self.lock();
                state.files.next_sequence = sequence + 1;
                state.files.ready = Some(ready);
                Ok(())
            }
            Err(error) => {
                self.lock().files.spares.push(name);
                Err(error)
            }
        }
    }

    /// A file of the right length under a spare's name: one that is there, or a new one.
    fn obtain_file(
        &self,
        sequence: u32,
        need: Need,
    ) -> Result<(String, Arc<dyn DiskFile>), LogError> {
        let length_bytes = u64::from(self.config.limits.segment_bytes);
        while let Some(name) = self.take_spare() {
            let usable = self.disk.open(&name).and_then(|file| {
                let fits = file.length_bytes()? == length_bytes;
                Ok(fits.then_some(file))
            });
            if let Ok(Some(file)) = usable {
                return Ok((name, file));
            }
            // Of another length, or unreadable: it is of no use, whatever it holds.
            if let Err(cause) = self.disk.remove(&name)
                && cause.kind() != io::ErrorKind::NotFound
            {
                return Err(LogError::io("removing", &name, &cause));
            }
        }
        if need == Need::Ahead {
            self.check_room()?;
        }
        let name = spare_name(sequence);
        // The very first segment is wanted at once; the later ones are made ahead of time.
        let fill = if sequence == 1 {
            Fill::Reserve
        } else {
            Fill::Zero
        };
        match self.disk.create(&name, length_bytes, fill) {
            Ok(file) => Ok((name, file)),
            Err(cause) if cause.kind() == io::ErrorKind::StorageFull => Err(LogError::DiskFull {
                free_bytes: self.disk.free_bytes().unwrap_or(0),
                needed_bytes: length_bytes,
            }),
            Err(cause) => Err(LogError::io("creating", &name, &cause)),
        }
    }

    fn take_spare(&self) -> Option<String> {
        self.lock().files.spares.pop()
    }

    fn check_room(&self) -> Result<(), LogError> {
        let needed_bytes = self.needed_bytes(false);
        match self.disk.free_bytes() {
            Ok(free_bytes) if free_bytes < needed_bytes => Err(LogError::DiskFull {
                free_bytes,
                needed_bytes,
            }),
            // If the disk cannot say, making the file will.
            _ => Ok(()),
        }
    }

    fn begin_segment(
        &self,
        sequence: u32,
        spare: &str,
        file: Arc<dyn DiskFile>,
    ) -> Result<ReadySegment, LogError> {
        let header = SegmentHeader {
            sequence,
            node: self.config.node,
            stamp: self.config.stamp,
            segment_bytes: self.config.limits.segment_bytes,
            write_bytes_max: self.config.limits.write_bytes_max,
        };
        file.write_at(0, &header.encode())
            .and_then(|()| file.sync_data())
            .and_then(|()| self.disk.rename(spare, &segment_name(sequence)))
            .and_then(|()| self.disk.sync_directory())
            .map_err(|cause| LogError::io("preparing", spare, &cause))?;
        Ok(ReadySegment { file, header })
    }
}
