//! The bytes of recent entries, so that replication and apply do not read the disk. The handle
//! fills it and reads take from it. Guarantees: for each group it holds an unbroken run that ends
//! with the last entry; what waits for its flush is never evicted. Left to others: the order of
//! entries; it is told what was truncated and purged.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::GroupId;

/// Stale marks of eviction order that are tolerated before they are swept.
const STALE_MARKS: usize = 1024;

#[derive(Debug, Default)]
struct Run {
    first: u64,
    entries: VecDeque<Bytes>,
}

impl Run {
    fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }
}

/// The recent entries of all groups.
#[derive(Debug, Default)]
pub(super) struct Cache {
    runs: BTreeMap<GroupId, Run>,
    /// Entries in the order of arrival; those that are gone leave a mark behind.
    order: VecDeque<(GroupId, u64)>,
    entries: usize,
    bytes: u64,
}

impl Cache {
    pub(super) fn push(&mut self, group: GroupId, index: u64, bytes: Bytes) {
        let run = self.runs.entry(group).or_default();
        if run.entries.is_empty() || run.next() != index {
            self.bytes -= run
                .entries
                .iter()
                .map(|entry| entry.len() as u64)
                .sum::<u64>();
            self.entries -= run.entries.len();
            run.entries.clear();
            run.first = index;
        }
        self.bytes += bytes.len() as u64;
        self.entries += 1;
        run.entries.push_back(bytes);
        self.order.push_back((group, index));
    }

    pub(super) fn get(&self, group: GroupId, index: u64) -> Option<Bytes> {
        let run = self.runs.get(&group)?;
        let slot = index.checked_sub(run.first)?;
        run.entries.get(slot as usize).cloned()
    }

    /// Forgets the entries from `index` on.
    pub(super) fn truncate_from(&mut self, group: GroupId, index: u64) {
        let Some(run) = self.runs.get_mut(&group) else {
            return;
        };
        while run.next() > index
            && let Some(entry) = run.entries.pop_back()
        {
            self.bytes -= entry.len() as u64;
            self.entries -= 1;
        }
    }

    /// Forgets the entries up to and with `index`.
    pub(super) fn purge_to(&mut self, group: GroupId, index: u64) {
        let Some(run) = self.runs.get_mut(&group) else {
            return;
        };
        while run.first <= index
            && let Some(entry) = run.entries.pop_front()
        {
            run.first += 1;
            self.bytes -= entry.len() as u64;
            self.entries -= 1;
        }
    }

    pub(super) fn forget(&mut self, group: GroupId) {
        self.truncate_from(group, 0);
        self.runs.remove(&group);
    }

    /// Evicts the oldest entries until at most `bytes_max` are held, but none that `is_waiting`.
    pub(super) fn evict(&mut self, bytes_max: u64, is_waiting: impl Fn(GroupId, u64) -> bool) {
        while self.bytes > bytes_max
            && let Some((group, index)) = self.order.front().copied()
        {
            let run = self.runs.get_mut(&group);
            if let Some(run) = run.filter(|run| run.first == index && !run.entries.is_empty()) {
                if is_waiting(group, index) {
                    return;
                }
                if let Some(entry) = run.entries.pop_front() {
                    run.first += 1;
                    self.bytes -= entry.len() as u64;
                    self.entries -= 1;
                }
            }
            self.order.pop_front();
        }
        if self.order.len() > 2 * self.entries + STALE_MARKS {
            let runs = &self.runs;
            self.order.retain(|(group, index)| {
                runs.get(group)
                    .is_some_and(|run| (run.first..run.next()).contains(index))
            });
        }
    }
}

#[cfg(test)]
mod tests;
