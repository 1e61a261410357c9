//! The medium of a memory disk: files, names, and what of both is not durable yet. It comes after
//! `MemoryDisk`. Guarantees: `crash` keeps every flushed byte and name, and of the rest a random
//! choice: names as a prefix of the changes, writes in any combination, the last one torn by
//! sectors. Left to others: fencing.

use std::collections::BTreeMap;
use std::io;

use super::{DiskCounters, Fill};

/// The unit that a device writes as a whole.
const SECTOR_BYTES: usize = 512;

pub(super) struct Medium {
    pub(super) incarnation: u64,
    pub(super) capacity_bytes: u64,
    pub(super) fail_flush_after: Option<u64>,
    pub(super) fail_write_after: Option<u64>,
    pub(super) counters: DiskCounters,
    files: BTreeMap<u64, Contents>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    /// The names after each change since the last flush of the folder.
    unsynced_names: Vec<BTreeMap<String, u64>>,
    next_file: u64,
}

struct Contents {
    visible: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last flush: offset and bytes.
    unsynced: Vec<(usize, Vec<u8>)>,
    /// False until the length itself has been flushed.
    length_durable: bool,
}

impl Medium {
    pub(super) fn new(capacity_bytes: u64) -> Self {
        Self {
            incarnation: 0,
            capacity_bytes,
            fail_flush_after: None,
            fail_write_after: None,
            counters: DiskCounters::default(),
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            next_file: 1,
        }
    }

    pub(super) fn create(&mut self, name: &str, length: u64, fill: Fill) -> io::Result<u64> {
        if self.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if self.free_bytes() < length {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = self.next_file;
        self.next_file += 1;
        let zeros = vec![0; length as usize];
        self.files.insert(
            file,
            Contents {
                visible: zeros.clone(),
                durable: zeros,
                unsynced: Vec::new(),
                length_durable: fill == Fill::Zero,
            },
        );
        self.names.insert(name.to_owned(), file);
        self.unsynced_names.push(self.names.clone());
        Ok(file)
    }

    pub(super) fn find(&self, name: &str) -> io::Result<u64> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let file = self.find(from)?;
        self.names.remove(from);
        self.names.insert(to.to_owned(), file);
        self.unsynced_names.push(self.names.clone());
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        self.find(name)?;
        self.names.remove(name);
        self.unsynced_names.push(self.names.clone());
        Ok(())
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.names.keys().cloned().collect()
    }

    pub(super) fn sync_directory(&mut self) -> io::Result<()> {
        self.counters.directory_flushes += 1;
        self.check_flush()?;
        self.durable_names = self.names.clone();
        self.unsynced_names.clear();
        Ok(())
    }

    pub(super) fn free_bytes(&self) -> u64 {
        let used: u64 = self
            .names
            .values()
            .filter_map(|file| self.files.get(file))
            .map(|contents| contents.visible.len() as u64)
            .sum();
        self.capacity_bytes.saturating_sub(used)
    }

    pub(super) fn write(&mut self, file: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.counters.writes += 1;
        let torn = count_down(&mut self.fail_write_after);
        let contents = contents(&mut self.files, file)?;
        let kept = if torn {
            &bytes[..bytes.len() / 2]
        } else {
            bytes
        };
        let start = offset as usize;
        let end = start + kept.len();
        if contents.visible.len() < end {
            contents.visible.resize(end, 0);
            contents.length_durable = false;
        }
        contents.visible[start..end].copy_from_slice(kept);
        contents.unsynced.push((start, kept.to_vec()));
        self.counters.written_bytes += kept.len() as u64;
        if torn {
            return Err(io::Error::other("this write was made to fail"));
        }
        Ok(())
    }

    pub(super) fn read(&mut self, file: u64, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let contents = contents(&mut self.files, file)?;
        let start = offset as usize;
        let bytes = contents
            .visible
            .get(start..start + buffer.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn sync_data(&mut self, file: u64) -> io::Result<()> {
        self.counters.flushes += 1;
        self.check_flush()?;
        let contents = contents(&mut self.files, file)?;
        contents.durable.resize(contents.visible.len(), 0);
        for (start, bytes) in contents.unsynced.drain(..) {
            contents.durable[start..start + bytes.len()].copy_from_slice(&bytes);
        }
        contents.length_durable = true;
        Ok(())
    }

    pub(super) fn length_bytes(&mut self, file: u64) -> io::Result<u64> {
        Ok(contents(&mut self.files, file)?.visible.len() as u64)
    }

    pub(super) fn flip_bit(&mut self, name: &str, offset: u64) -> io::Result<()> {
        let file = self.find(name)?;
        let contents = contents(&mut self.files, file)?;
        let index = offset as usize;
        *contents
            .visible
            .get_mut(index)
            .ok_or(io::ErrorKind::UnexpectedEof)? ^= 1;
        *contents
            .durable
            .get_mut(index)
            .ok_or(io::ErrorKind::UnexpectedEof)? ^= 1;
        Ok(())
    }

    /// Drops what was not flushed, by `seed`.
    pub(super) fn crash(&mut self, seed: u64) {
        let mut random = Random(seed);
        self.incarnation += 1;
        self.fail_flush_after = None;
        self.fail_write_after = None;
        let kept_changes = random.below(self.unsynced_names.len() as u64 + 1) as usize;
        if kept_changes > 0 {
            self.durable_names = self.unsynced_names.swap_remove(kept_changes - 1);
        }
        self.unsynced_names.clear();
        self.names = self.durable_names.clone();
        let names = &self.names;
        self.files
            .retain(|file, _| names.values().any(|named| named == file));
        for contents in self.files.values_mut() {
            contents.crash(&mut random);
        }
    }

    fn check_flush(&mut self) -> io::Result<()> {
        if count_down(&mut self.fail_flush_after) {
            return Err(io::Error::other("this flush was made to fail"));
        }
        Ok(())
    }
}

impl Contents {
    fn crash(&mut self, random: &mut Random) {
        let writes = std::mem::take(&mut self.unsynced);
        let last = writes.len().saturating_sub(1);
        for (number, (start, bytes)) in writes.into_iter().enumerate() {
            let end = start + bytes.len();
            if self.durable.len() < end {
                self.durable.resize(end, 0);
            }
            if number == last {
                self.tear(start, &bytes, random);
            } else if random.below(2) == 0 {
                self.durable[start..end].copy_from_slice(&bytes);
            }
        }
        if !self.length_durable && random.below(2) == 0 {
            self.durable.clear();
        }
        self.length_durable = true;
        self.visible = self.durable.clone();
    }

    /// A third of the time nothing of the write is there, a third a prefix, a third some sectors.
    fn tear(&mut self, start: usize, bytes: &[u8], random: &mut Random) {
        match random.below(3) {
            0 => {}
            1 => {
                let kept = random.below(bytes.len() as u64 + 1) as usize;
                self.durable[start..start + kept].copy_from_slice(&bytes[..kept]);
            }
            _ => {
                let end = start + bytes.len();
                let mut at = start;
                while at < end {
                    let next = ((at / SECTOR_BYTES + 1) * SECTOR_BYTES).min(end);
                    if random.below(2) == 0 {
                        self.durable[at..next].copy_from_slice(&bytes[at - start..next - start]);
                    }
                    at = next;
                }
            }
        }
    }
}

fn contents(files: &mut BTreeMap<u64, Contents>, file: u64) -> io::Result<&mut Contents> {
    files
        .get_mut(&file)
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// True when a counter that was set has run down; it is then unset.
fn count_down(counter: &mut Option<u64>) -> bool {
    match counter {
        Some(0) => {
            *counter = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
        None => false,
    }
}

/// splitmix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}
