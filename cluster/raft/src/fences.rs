//! Fences of a node: the replicas that were found to differ and must not take part again before
//! they begin anew, and the evidence of it. `fencing` sets and lifts them, the supervisor asks
//! before it opens a shard. Guarantees: a fence that was set survives a crash, and is lifted only
//! when the replica's log is gone; evidence is kept for people, a bounded number of times. Left to
//! others: taking the replica out of its group (`placement`), the old state itself (the store).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cluster::store::GroupId;
use transport::ShardId;

use crate::agreement::{DIVERGED, Divergence};
use crate::disk::{Disk, Fill};
use crate::limits::EVIDENCE_MAX;
use crate::router::group_of;
use crate::types::NodeId;

/// Files of fences that are set.
const FENCE: &str = "fence-";
/// Files of evidence, for people.
const EVIDENCE: &str = "evidence-";
const VERSION: u8 = 1;

/// Why fences cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FenceError {
    /// The disk failed.
    #[error("E-fence-io: the fences of this node cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// A file is damaged or from another version.
    #[error(
        "E-fence-corrupt: the file `{name}` of the data folder is damaged: {reason}; remove it and the node's state of that shard"
    )]
    Corrupt {
        /// The file.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
}

/// All fences of a node.
pub struct Fences {
    disk: Arc<dyn Disk>,
    local: NodeId,
    held: Mutex<BTreeMap<ShardId, Divergence>>,
}

impl Fences {
    /// Reads the fences that were set before by node `local`. Those of an earlier id are removed:
    /// what they fenced is gone with that id.
    ///
    /// # Errors
    /// As in `FenceError`: a node that does not know its fences must not take part.
    pub fn open(disk: Arc<dyn Disk>, local: NodeId) -> Result<Self, FenceError> {
        let mut held = BTreeMap::new();
        for name in disk.list()? {
            if !name.starts_with(FENCE) {
                continue;
            }
            let (node, divergence) = read(&*disk, &name)?;
            match node == local {
                true => drop(held.insert(divergence.shard, divergence)),
                false => remove(&*disk, &name)?,
            }
        }
        Ok(Self {
            disk,
            local,
            held: Mutex::new(held),
        })
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<ShardId, Divergence>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the replica of that shard must not take part.
    #[must_use]
    pub fn holds(&self, shard: ShardId) -> bool {
        self.held().contains_key(&shard)
    }

    /// The shards of all fences.
    #[must_use]
    pub fn shards(&self) -> Vec<ShardId> {
        self.held().keys().copied().collect()
    }

    /// Sets a fence and writes the evidence. Durable when it returns.
    ///
    /// # Errors
    /// What the disk reports; then nothing is set.
    pub fn set(&self, divergence: &Divergence) -> Result<(), FenceError> {
        write(
            &*self.disk,
            &evidence_name(divergence),
            &evidence(divergence),
        )?;
        self.forget_old_evidence(divergence.shard)?;
        write(
            &*self.disk,
            &fence_name(divergence.shard),
            &encode(self.local, divergence),
        )?;
        self.disk.sync_directory()?;
        self.held().insert(divergence.shard, divergence.clone());
        Ok(())
    }

    /// Lifts a fence. The evidence stays.
    ///
    /// # Errors
    /// What the disk reports; then it is still set.
    pub fn lift(&self, shard: ShardId) -> Result<(), FenceError> {
        remove(&*self.disk, &fence_name(shard))?;
        self.disk.sync_directory()?;
        self.held().remove(&shard);
        Ok(())
    }

    fn forget_old_evidence(&self, shard: ShardId) -> io::Result<()> {
        let prefix = format!("{EVIDENCE}{shard}-");
        let mut names = self.disk.list()?;
        names.retain(|name| name.starts_with(&prefix));
        let surplus = names.len().saturating_sub(EVIDENCE_MAX);
        // Names of one shard sort by their index.
        names
            .iter()
            .take(surplus)
            .try_for_each(|name| remove(&*self.disk, name))
    }
}

fn fence_name(shard: ShardId) -> String {
    format!("{FENCE}{shard}")
}

fn evidence_name(divergence: &Divergence) -> String {
    format!("{EVIDENCE}{}-{:020}", divergence.shard, divergence.index())
}

/// What a person has to know, a line each.
fn evidence(divergence: &Divergence) -> Vec<u8> {
    let group: GroupId = group_of(divergence.shard);
    let mut text = format!(
        "{DIVERGED}\nshard {}\nlog index {}\nhash of this replica {}\nhash of the majority {}\n",
        divergence.shard,
        divergence.index(),
        divergence.own,
        divergence.majority,
    );
    for (node, hash) in &divergence.said {
        let _ = writeln!(text, "node {node} said {hash}");
    }
    let _ = writeln!(
        text,
        "the state of this replica is kept in the state store as group {}, the replica's own group was {group}",
        group.aside()
    );
    text.into_bytes()
}

/// Writes a file whole; what has that name is replaced.
fn write(disk: &dyn Disk, name: &str, bytes: &[u8]) -> io::Result<()> {
    let next = format!("next-{name}");
    remove(disk, &next)?;
    let file = disk.create(&next, bytes.len() as u64, Fill::Reserve)?;
    file.write_at(0, bytes)?;
    file.sync_data()?;
    disk.rename(&next, name)
}

fn remove(disk: &dyn Disk, name: &str) -> io::Result<()> {
    match disk.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Version, checksum, record.
fn encode(local: NodeId, divergence: &Divergence) -> Vec<u8> {
    let record = postcard::to_stdvec(&(local, divergence)).expect("postcard encodes a divergence");
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&crc32fast::hash(&record).to_le_bytes());
    bytes.extend_from_slice(&record);
    bytes
}

fn read(disk: &dyn Disk, name: &str) -> Result<(NodeId, Divergence), FenceError> {
    let file = disk.open(name)?;
    let mut bytes = vec![0; file.length_bytes()? as usize];
    file.read_at(0, &mut bytes)?;
    decode(&bytes).map_err(|reason| FenceError::Corrupt {
        name: name.to_owned(),
        reason,
    })
}

fn decode(bytes: &[u8]) -> Result<(NodeId, Divergence), &'static str> {
    let (&version, rest) = bytes.split_first().ok_or("it is empty")?;
    if version != VERSION {
        return Err("it is of another version");
    }
    let (checksum, record) = rest.split_first_chunk::<4>().ok_or("it is cut short")?;
    if u32::from_le_bytes(*checksum) != crc32fast::hash(record) {
        return Err("its checksum does not match");
    }
    postcard::from_bytes(record).map_err(|_| "it is no divergence")
}

#[cfg(test)]
mod tests {
    use cluster::StateHash;

    use super::*;
    use crate::disk::MemoryDisk;

    fn divergence(shard: u32, unit: u64) -> Divergence {
        Divergence {
            shard: ShardId(shard),
            unit,
            own: StateHash([1; 32]),
            majority: StateHash([2; 32]),
            said: vec![(17, StateHash([2; 32])), (18, StateHash([1; 32]))],
        }
    }

    fn open(disk: &MemoryDisk) -> Fences {
        Fences::open(Arc::new(disk.clone()), 17).unwrap()
    }

    #[test]
    fn a_fence_survives_a_crash_until_it_is_lifted() {
        let disk = MemoryDisk::new(1 << 20);
        let fences = open(&disk);
        fences.set(&divergence(3, 100)).unwrap();
        fences.set(&divergence(4, 7)).unwrap();
        let disk = disk.crash(1);
        let fences = open(&disk);
        assert_eq!(fences.shards(), [ShardId(3), ShardId(4)]);
        assert!(fences.holds(ShardId(3)) && !fences.holds(ShardId(5)));
        fences.lift(ShardId(3)).unwrap();
        fences.lift(ShardId(3)).unwrap();
        let disk = disk.crash(2);
        assert_eq!(open(&disk).shards(), [ShardId(4)]);
    }

    #[test]
    fn the_evidence_says_what_differed_and_is_bounded() {
        let disk = MemoryDisk::new(1 << 20);
        let fences = open(&disk);
        for unit in 1..=2 * EVIDENCE_MAX as u64 {
            fences.set(&divergence(3, unit * 1_000)).unwrap();
        }
        fences.lift(ShardId(3)).unwrap();
        let mut names = disk.list().unwrap();
        names.retain(|name| name.starts_with(EVIDENCE));
        assert_eq!(names.len(), EVIDENCE_MAX);
        let last = evidence_name(&divergence(3, 2_000 * EVIDENCE_MAX as u64));
        assert_eq!(names.last(), Some(&last));
        let file = disk.open(&last).unwrap();
        let mut bytes = vec![0; file.length_bytes().unwrap() as usize];
        file.read_at(0, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (own, majority) = (StateHash([1; 32]), StateHash([2; 32]));
        for part in [
            "shard 3".to_owned(),
            format!("log index {}", 2_000 * EVIDENCE_MAX - 1),
            format!("hash of this replica {own}"),
            format!("hash of the majority {majority}"),
            format!("node 18 said {own}"),
        ] {
            assert!(text.contains(&part), "{part} in {text}");
        }
    }

    #[test]
    fn fences_of_an_earlier_id_are_removed() {
        let disk = MemoryDisk::new(1 << 20);
        open(&disk).set(&divergence(3, 100)).unwrap();
        let other = Fences::open(Arc::new(disk.clone()), 18).unwrap();
        assert_eq!(other.shards(), []);
        assert_eq!(open(&disk).shards(), []);
    }

    #[test]
    fn a_damaged_fence_is_refused() {
        let disk = MemoryDisk::new(1 << 20);
        open(&disk).set(&divergence(3, 100)).unwrap();
        disk.flip_bit("fence-3", 9).unwrap();
        let refused = Fences::open(Arc::new(disk), 17);
        assert!(matches!(refused, Err(FenceError::Corrupt { .. })));
        for cut in 0..encode(17, &divergence(3, 100)).len() {
            assert!(decode(&encode(17, &divergence(3, 100))[..cut]).is_err());
        }
    }
}
