//! Which life of each group this node's log and state are of. The supervisor asks before it opens a
//! replica, the start of a node before it opens the system group; a life is noted when the replica was
//! made fit for it. Guarantees: what was noted survives a crash; a group of which nothing was noted is
//! in its first life. Left to others: making replicas fit (`supervisor`, `system_life`).

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cluster::store::GroupId;
use transport::Incarnation;

use crate::disk::{Disk, Fill};

const FILE: &str = "lives";
const NEXT_FILE: &str = "lives.next";
const VERSION: u8 = 1;

/// Why lives cannot be read or noted.
#[derive(Debug, thiserror::Error)]
pub enum LivesError {
    /// The disk failed.
    #[error("E-lives-io: the lives of this node's groups cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// The file is damaged or from another version.
    #[error(
        "E-lives-corrupt: the file `lives` of the data folder is damaged: {0}; restore it, or start with an empty data folder to join as a new node"
    )]
    Corrupt(String),
}

/// The lives of all groups of a node.
pub struct Lives {
    disk: Arc<dyn Disk>,
    known: Mutex<BTreeMap<u32, u32>>,
}

impl Lives {
    /// Reads what was noted before.
    ///
    /// # Errors
    /// As in `LivesError`: a node that does not know its lives must not take part.
    pub fn open(disk: Arc<dyn Disk>) -> Result<Self, LivesError> {
        let known = match disk.open(FILE) {
            Ok(file) => {
                let mut bytes = vec![0; file.length_bytes()? as usize];
                file.read_at(0, &mut bytes)?;
                decode(&bytes)?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            disk,
            known: Mutex::new(known),
        })
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<u32, u32>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a group.
    #[must_use]
    pub fn of(&self, group: GroupId) -> Incarnation {
        Incarnation(self.known().get(&group.0).copied().unwrap_or(1))
    }

    /// Notes the life of a group. Durable when it returns.
    ///
    /// # Errors
    /// What the disk reports; then the old one stands.
    pub fn note(&self, group: GroupId, life: Incarnation) -> Result<(), LivesError> {
        let mut known = self.known();
        let mut next = known.clone();
        next.insert(group.0, life.0);
        let bytes = encode(&next);
        match self.disk.remove(NEXT_FILE) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let length = bytes.len() as u64;
        let file = self.disk.create(NEXT_FILE, length, Fill::Reserve)?;
        file.write_at(0, &bytes)?;
        file.sync_data()?;
        self.disk.rename(NEXT_FILE, FILE)?;
        self.disk.sync_directory()?;
        *known = next;
        Ok(())
    }
}

/// Version, checksum, record.
fn encode(lives: &BTreeMap<u32, u32>) -> Vec<u8> {
    let record = postcard::to_stdvec(lives).expect("postcard encodes a map of numbers");
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&crc32fast::hash(&record).to_le_bytes());
    bytes.extend_from_slice(&record);
    bytes
}

fn decode(bytes: &[u8]) -> Result<BTreeMap<u32, u32>, LivesError> {
    let corrupt = |reason: &str| LivesError::Corrupt(reason.to_owned());
    let (&version, rest) = bytes.split_first().ok_or_else(|| corrupt("it is empty"))?;
    if version != VERSION {
        return Err(corrupt(&format!(
            "its version is {version}, this program reads {VERSION}"
        )));
    }
    let (checksum, record) = rest
        .split_first_chunk::<4>()
        .ok_or_else(|| corrupt("it is cut short"))?;
    if u32::from_le_bytes(*checksum) != crc32fast::hash(record) {
        return Err(corrupt("its checksum does not match"));
    }
    postcard::from_bytes(record).map_err(|error| corrupt(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::memory::MemoryDisk;

    #[test]
    fn what_was_noted_is_read_again_and_damage_is_refused() {
        let disk = MemoryDisk::new(1 << 20);
        let open = || Lives::open(Arc::new(disk.clone()));
        let lives = open().unwrap();
        assert_eq!(lives.of(GroupId(0)), Incarnation(1));
        lives.note(GroupId(0), Incarnation(2)).unwrap();
        lives.note(GroupId(7), Incarnation(5)).unwrap();
        let again = open().unwrap();
        assert_eq!(again.of(GroupId(0)), Incarnation(2));
        assert_eq!(again.of(GroupId(7)), Incarnation(5));
        assert_eq!(again.of(GroupId(8)), Incarnation(1));
        disk.flip_bit(FILE, 6).unwrap();
        assert!(matches!(open(), Err(LivesError::Corrupt(_))));
        let bytes = encode(&BTreeMap::from([(1, 2)]));
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err());
        }
    }
}
