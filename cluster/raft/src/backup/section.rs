//! One group's part of a backup, as bytes that are asked for from the first to the last. A hold makes it; the node
//! that writes the file reads it, perhaps from another node, so that the same bytes may be asked for twice; and all of
//! it again, where whoever wrote the file got only a part.
//! Guarantees: no more than one frame is in memory, beside the entries of a log's short tail; its end says how much
//! it held. Left to others: whether the entries reach the cut (`hold`).

use std::sync::Arc;

use bytes::Bytes;
use cluster::store::StoreView;
use transport::Incarnation;

use super::format::{Record, frame};

/// Bytes of pairs or entries in one frame, unless one alone has more.
const FRAME_BYTES: usize = 256 << 10;
/// Bytes that one read gives at most: what goes into one message of the bus.
const READ_BYTES_MAX: usize = 512 << 10;

/// Why a section cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SectionError {
    /// The store reports it.
    #[error("the state cannot be read: {0}")]
    Store(#[from] cluster::store::StoreError),
    /// Only what follows the last bytes, those themselves, and all from the beginning can be had.
    #[error("byte {0} of a section is not at hand any more")]
    Offset(u64),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Begin,
    Pairs,
    Entries,
    End,
    Nothing,
}

/// What is held of a group.
pub(super) struct Section {
    group: u32,
    life: Incarnation,
    view: Arc<dyn StoreView>,
    /// Those after the view, each with its unit.
    pub(super) entries: Vec<(u64, Bytes)>,
    next: Next,
    after: Option<Bytes>,
    pairs: u64,
    given_entries: usize,
    window: Bytes,
    window_begin: u64,
}

impl Section {
    pub(super) fn new(group: u32, life: Incarnation, view: Arc<dyn StoreView>) -> Self {
        Self {
            group,
            life,
            view,
            entries: Vec::new(),
            next: Next::Begin,
            after: None,
            pairs: 0,
            given_entries: 0,
            window: Bytes::new(),
            window_begin: 0,
        }
    }

    pub(super) fn view(&self) -> &dyn StoreView {
        &*self.view
    }

    /// Begins anew.
    fn rewind(&mut self) {
        self.next = Next::Begin;
        self.after = None;
        (self.pairs, self.given_entries) = (0, 0);
        (self.window, self.window_begin) = (Bytes::new(), 0);
    }

    /// The bytes from `offset` on, some of them; none at the end. Blocks.
    pub(super) fn read(&mut self, offset: u64) -> Result<Bytes, SectionError> {
        if offset < self.window_begin && offset == 0 {
            self.rewind();
        }
        let end = self.window_begin + self.window.len() as u64;
        if offset < self.window_begin || offset > end {
            return Err(SectionError::Offset(offset));
        }
        if offset == end {
            let Some(record) = self.record()? else {
                return Ok(Bytes::new());
            };
            self.window = frame(&record);
            self.window_begin = offset;
        }
        let from = (offset - self.window_begin) as usize;
        let to = self.window.len().min(from + READ_BYTES_MAX);
        Ok(self.window.slice(from..to))
    }

    fn record(&mut self) -> Result<Option<Record>, SectionError> {
        if self.next == Next::Begin {
            self.next = Next::Pairs;
            return Ok(Some(Record::Group {
                group: self.group,
                life: self.life,
                unit: self.view.index(),
            }));
        }
        if self.next == Next::Pairs {
            let page = self.view.page(self.after.as_deref(), FRAME_BYTES)?;
            if let Some((key, _)) = page.last() {
                self.after = Some(key.clone());
                self.pairs += page.len() as u64;
                return Ok(Some(Record::Pairs(page)));
            }
            self.next = Next::Entries;
        }
        if self.next == Next::Entries {
            let page = self.page_of_entries();
            if !page.is_empty() {
                self.given_entries += page.len();
                return Ok(Some(Record::Entries(page)));
            }
            self.next = Next::End;
        }
        if self.next == Next::End {
            self.next = Next::Nothing;
            return Ok(Some(Record::GroupEnd {
                pairs: self.pairs,
                entries: self.given_entries as u64,
            }));
        }
        Ok(None)
    }

    fn page_of_entries(&self) -> Vec<(u64, Bytes)> {
        let mut bytes = 0;
        let left = &self.entries[self.given_entries..];
        let fitting = left.iter().take_while(|(_, entry)| {
            let fits = bytes < FRAME_BYTES;
            bytes += entry.len();
            fits
        });
        fitting.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use cluster::store::memory::{FlushMode, MemoryStores};
    use cluster::store::{GroupId, StoreProvider};
    use transport::ClusterId;

    use super::super::format::{Head, Reader, beginning};
    use super::*;

    fn section(group: u32) -> Section {
        let stores = MemoryStores::new(FlushMode::EveryUnits(1));
        let mut store = stores.open(GroupId(group)).unwrap();
        for at in 0..9_u8 {
            store.put(&[at + 1], Bytes::from(vec![at; 100_000]));
        }
        store.put(&[200], Bytes::from(vec![1; 2 << 20]));
        store.commit(4).unwrap();
        let view = store.reader().view().unwrap();
        let mut section = Section::new(group, Incarnation(1), Arc::from(view));
        let entry = |at: u64| (at, Bytes::from(vec![at as u8; 100_000]));
        section.entries = (5..15).map(entry).collect();
        section
    }

    fn bytes_of(section: &mut Section, twice: bool) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let offset = all.len() as u64;
            let read = section.read(offset).unwrap();
            if twice {
                assert_eq!(section.read(offset).unwrap(), read);
            }
            if read.is_empty() {
                return all;
            }
            assert!(read.len() <= READ_BYTES_MAX);
            all.extend_from_slice(&read);
        }
    }

    #[test]
    fn sections_make_a_file_also_where_answers_are_lost() {
        let head = Head {
            cluster: ClusterId([1; 16]),
            name: "test".to_owned(),
            shard_count: 1,
            cut: 1,
            unix_ms: 0,
            program: String::new(),
        };
        let mut file = beginning().to_vec();
        file.extend_from_slice(&frame(&Record::Head(head)));
        for group in 0..2 {
            let bytes = bytes_of(&mut section(group), group == 1);
            assert_eq!(bytes, bytes_of(&mut section(group), false));
            file.extend_from_slice(&bytes);
        }
        let hash = *blake3::hash(&file).as_bytes();
        file.extend_from_slice(&frame(&Record::End { hash }));
        let summary = Reader::new(&file[..]).unwrap().finish(|_| {}).unwrap();
        assert_eq!((summary.pairs, summary.entries), (20, 20));
    }

    #[test]
    fn what_was_left_behind_is_given_again_from_the_beginning_only() {
        let mut section = section(1);
        let first = section.read(0).unwrap().len() as u64;
        let second = section.read(first).unwrap().len() as u64;
        let third = section.read(first + second).unwrap().len() as u64;
        assert!(matches!(section.read(first), Err(SectionError::Offset(_))));
        let ahead = first + second + third + 1;
        assert!(matches!(section.read(ahead), Err(SectionError::Offset(_))));
        let again = bytes_of(&mut section, false);
        assert_eq!(again, bytes_of(&mut super::tests::section(1), false));
    }
}
