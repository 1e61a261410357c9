//! Opens a log: reads every segment, rebuilds what is in memory, and finds where to go on. It
//! comes before everything else. Guarantees: every flushed record is found or the log does not
//! open; a torn write is accepted only as the last one, and is wiped before anything is written
//! behind it; what an older use of a file left is never taken for a record. Left to others: what
//! records mean (`replay`).

use std::io;
use std::sync::Arc;

use super::LogError;
use super::checkpoint::Written;
use super::format::{
    BATCH_BYTES, BatchHead, HEADER_BYTES, HeaderFault, Kind, SegmentHeader, VERSION,
    find_later_batch, is_zero, parse, segment_name, segment_sequence, spare_name, spare_sequence,
};
use super::handle::{Log, LogConfig};
use super::relief::Relief;
use super::replay::Replay;
use super::segments::Need;
use super::state::{ReadySegment, Shared, State};
use super::writer::{Active, LogWriter};
use crate::disk::{Disk, DiskFile};

/// A segment as it is found.
struct Found {
    name: String,
    file: Arc<dyn DiskFile>,
    header: SegmentHeader,
    /// The head of its first batch; nothing if it holds none.
    head: Option<BatchHead>,
}

/// How far the scan has come.
#[derive(Default)]
struct Scan {
    replay: Replay,
    /// Number of the last batch; nothing before the first.
    batch: Option<u64>,
}

impl Log {
    /// Opens the log on a disk, or begins one on an empty disk. Nothing runs yet: run or step the
    /// writer, or use `start`.
    ///
    /// # Errors
    /// `Corrupt`, `Foreign`, `Version`, `Limits`, `Io`; `DiskFull` only on an empty disk. Nothing
    /// was changed then.
    pub fn open(disk: Arc<dyn Disk>, config: LogConfig) -> Result<(Self, LogWriter), LogError> {
        if let Some(contradiction) = config.limits.contradiction() {
            return Err(LogError::Limits { contradiction });
        }
        let names = disk
            .list()
            .map_err(|cause| LogError::io("listing", "the log's folder", &cause))?;
        let found = find_segments(disk.as_ref(), &names, config.node)?;
        let filled = count_filled(&found)?;
        let mut scan = Scan::default();
        let mut end = HEADER_BYTES;
        for number in 0..filled {
            let expected_end = expected_end(&found[..filled], number)?;
            end = scan.read_segment(&found[number], expected_end)?;
        }
        scan.check_whole(found.first())?;
        for empty in &found[filled..] {
            scan.check_empty(empty)?;
        }
        begin(disk, config, &names, found, filled, end, scan)
    }
}

/// All segments in order, with their headers checked.
fn find_segments(disk: &dyn Disk, names: &[String], node: u64) -> Result<Vec<Found>, LogError> {
    let mut found: Vec<Found> = Vec::new();
    for name in names.iter().filter(|name| segment_sequence(name).is_some()) {
        let segment = open_segment(disk, name, node)?;
        let sequence = segment.header.sequence;
        if segment_sequence(name) != Some(sequence) {
            return Err(LogError::corrupt(
                name,
                0,
                format!("it is segment {sequence}"),
            ));
        }
        if let Some(before) = found.last()
            && before.header.sequence + 1 != sequence
        {
            let missing = segment_name(before.header.sequence + 1);
            return Err(LogError::corrupt(&missing, 0, "the file is missing"));
        }
        found.push(segment);
    }
    Ok(found)
}

fn open_segment(disk: &dyn Disk, name: &str, node: u64) -> Result<Found, LogError> {
    let failed = |cause: io::Error| LogError::io("reading", name, &cause);
    let file = disk.open(name).map_err(failed)?;
    let length = file.length_bytes().map_err(failed)?;
    let start_bytes = (HEADER_BYTES + BATCH_BYTES).min(length as usize);
    let mut start = vec![0; start_bytes];
    file.read_at(0, &mut start).map_err(failed)?;
    let header = SegmentHeader::decode(&start).map_err(|fault| match fault {
        HeaderFault::Damaged => LogError::corrupt(name, 0, "the header is damaged"),
        HeaderFault::Version(found) => LogError::Version {
            file: name.to_owned(),
            found,
            expected: VERSION,
        },
    })?;
    if header.node != node {
        return Err(LogError::Foreign {
            file: name.to_owned(),
            found: header.node,
            expected: node,
        });
    }
    if length < u64::from(header.segment_bytes) {
        let reason = format!("the file ends here, not at {}", header.segment_bytes);
        return Err(LogError::corrupt(name, length as usize, reason));
    }
    let head = parse(&start, HEADER_BYTES, header.seed())
        .filter(|record| record.kind == Kind::Batch)
        .and_then(|record| BatchHead::decode(record.payload(&start)))
        .filter(|head| head.mark == header.mark());
    Ok(Found {
        name: name.to_owned(),
        file,
        header,
        head,
    })
}

/// How many segments hold records: all but the last ones, which were prepared and not yet used,
/// or whose first write was torn.
fn count_filled(found: &[Found]) -> Result<usize, LogError> {
    let last = found.iter().rposition(|segment| segment.head.is_some());
    let filled = last.map_or(0, |last| last + 1);
    match found[..filled]
        .iter()
        .find(|segment| segment.head.is_none())
    {
        Some(damaged) => Err(LogError::corrupt(
            &damaged.name,
            HEADER_BYTES,
            "its first record is damaged, and later segments build on it",
        )),
        None => Ok(filled),
    }
}

/// Where a segment must end, as the one after it says.
fn expected_end(filled: &[Found], number: usize) -> Result<Option<usize>, LogError> {
    let Some(next) = filled.get(number + 1) else {
        return Ok(None);
    };
    match next.head {
        Some(head) if head.previous_sequence == filled[number].header.sequence => {
            Ok(Some(head.previous_end as usize))
        }
        _ => Err(LogError::corrupt(
            &next.name,
            HEADER_BYTES,
            format!("it does not follow {}", filled[number].name),
        )),
    }
}

impl Scan {
    /// Reads a segment up to where it must end, or as far as it goes; returns where that is.
    fn read_segment(
        &mut self,
        found: &Found,
        expected_end: Option<usize>,
    ) -> Result<usize, LogError> {
        let header = &found.header;
        let buffer = read_whole(found)?;
        let seed = header.seed();
        let mut at = HEADER_BYTES;
        while expected_end.is_none_or(|end| at < end) {
            let Some(record) = parse(&buffer, at, seed) else {
                break;
            };
            let applied = if record.kind == Kind::Batch {
                self.begin_batch(record.index)
            } else {
                let sequence = header.sequence;
                self.replay.apply(sequence, at, &record, &buffer)
            };
            applied.map_err(|reason| LogError::corrupt(&found.name, at, reason))?;
            at = record.end;
        }
        let last_batch = self.batch.unwrap_or(0);
        match expected_end {
            Some(end) if at == end => Ok(at),
            Some(end) => Err(LogError::corrupt(
                &found.name,
                at,
                format!("the record is damaged; records go on to {end}"),
            )),
            None => match find_later_batch(&buffer, at, header, last_batch) {
                Some(later) => Err(LogError::corrupt(
                    &found.name,
                    at,
                    format!("the record is damaged, and a later write stands at {later}"),
                )),
                None => Ok(at),
            },
        }
    }

    fn begin_batch(&mut self, number: u64) -> Result<(), &'static str> {
        if self.batch.is_some_and(|before| before + 1 != number) {
            return Err("the number of the batch does not follow");
        }
        self.batch = Some(number);
        Ok(())
    }

    /// A segment without a first record must not have later ones.
    fn check_empty(&self, found: &Found) -> Result<(), LogError> {
        let buffer = read_whole(found)?;
        let last_batch = self.batch.unwrap_or(0) + 1;
        match find_later_batch(&buffer, HEADER_BYTES, &found.header, last_batch) {
            Some(later) => Err(LogError::corrupt(
                &found.name,
                HEADER_BYTES,
                format!("the first record is damaged, and a later write stands at {later}"),
            )),
            None => Ok(()),
        }
    }

    fn check_whole(&self, first: Option<&Found>) -> Result<(), LogError> {
        let (Some(first), Some((group, index))) = (first, self.replay.first_hole()) else {
            return Ok(());
        };
        Err(LogError::corrupt(
            &first.name,
            HEADER_BYTES,
            format!("entry {index} of group {group} is missing; an older segment was removed"),
        ))
    }
}

fn read_whole(found: &Found) -> Result<Vec<u8>, LogError> {
    let mut buffer = vec![0; found.header.segment_bytes as usize];
    found
        .file
        .read_at(0, &mut buffer)
        .map_err(|cause| LogError::io("reading", &found.name, &cause))?;
    Ok(buffer)
}

/// Zeros what a torn write may have left behind `end`, so that nothing of it can ever be taken
/// for part of what is written next, and makes everything before `end` durable.
fn wipe_behind(found: &Found, end: usize) -> Result<(), LogError> {
    let failed = |cause: io::Error| LogError::io("wiping the end of", &found.name, &cause);
    let length = found.header.segment_bytes as usize;
    let reach = 2 * found.header.write_bytes_max as usize;
    let mut tail = vec![0; reach.min(length - end)];
    found.file.read_at(end as u64, &mut tail).map_err(failed)?;
    if !is_zero(&tail) {
        tail.fill(0);
        found.file.write_at(end as u64, &tail).map_err(failed)?;
    }
    // What was read may be in the system's memory only, if no flush came before a kill. It is
    // about to be relied on.
    found.file.sync_data().map_err(failed)
}

/// Puts the log together. Only from here on something is written.
fn begin(
    disk: Arc<dyn Disk>,
    config: LogConfig,
    names: &[String],
    found: Vec<Found>,
    filled: usize,
    end: usize,
    scan: Scan,
) -> Result<(Log, LogWriter), LogError> {
    let mut state = State::default();
    state.files.next_sequence = next_sequence(names, &found);
    state.files.spares = spares(names);
    state.groups = scan.replay.groups;
    disk.sync_directory()
        .map_err(|cause| LogError::io("flushing", "the log's folder", &cause))?;
    let fits = |segment: &Found| {
        segment.header.segment_bytes == config.limits.segment_bytes
            && segment.header.write_bytes_max == config.limits.write_bytes_max
    };
    let mut found = found;
    let mut empty = found.split_off(filled);
    let mut active = None;
    if let Some(last) = found.last() {
        wipe_behind(last, end)?;
        active = Some(continue_segment(last, end, !fits(last)));
    }
    for segment in found {
        let kept = continue_segment(&segment, end, false).segment();
        state.segments.insert(segment.header.sequence, kept);
    }
    let kept = usize::from(empty.first().is_some_and(fits));
    // The last one first: a crash in between must not leave a gap.
    for segment in empty.drain(kept..).rev() {
        give_up_prepared(disk.as_ref(), &segment, &mut state)?;
    }
    for segment in empty {
        wipe_behind(&segment, HEADER_BYTES)?;
        let (file, header) = (segment.file, segment.header);
        state.files.ready = Some(ReadySegment { file, header });
    }
    count_live(&mut state);
    finish(disk, config, state, active, scan.batch.unwrap_or(0))
}

/// Makes a prepared segment that is not needed a spare; the next one prepared gets its number.
fn give_up_prepared(disk: &dyn Disk, segment: &Found, state: &mut State) -> Result<(), LogError> {
    let sequence = segment.header.sequence;
    let spare = spare_name(sequence);
    disk.rename(&segment.name, &spare)
        .and_then(|()| disk.sync_directory())
        .map_err(|cause| LogError::io("taking back", &segment.name, &cause))?;
    state.files.spares.push(spare);
    state.files.next_sequence = sequence;
    Ok(())
}

fn continue_segment(segment: &Found, end: usize, outgrown: bool) -> Active {
    Active {
        file: Arc::clone(&segment.file),
        header: segment.header,
        end: end as u32,
        fresh: false,
        outgrown,
        previous: (0, 0),
    }
}

fn finish(
    disk: Arc<dyn Disk>,
    config: LogConfig,
    state: State,
    active: Option<Active>,
    batch: u64,
) -> Result<(Log, LogWriter), LogError> {
    let written = state
        .groups
        .iter()
        .map(|(group, entry)| (*group, Written::of(entry)))
        .collect();
    let shared = Arc::new(Shared::new(disk, config, state));
    let active = match active {
        Some(active) => active,
        None => first_segment(&shared)?,
    };
    shared.measure_space();
    let log = Log {
        shared: Arc::clone(&shared),
    };
    let writer = LogWriter {
        shared,
        active,
        batch,
        written,
        keeps_files: true,
        relief: Relief::default(),
        buffer: Vec::new(),
    };
    Ok((log, writer))
}

/// The first segment of a log without records.
fn first_segment(shared: &Shared) -> Result<Active, LogError> {
    shared.maintain(Need::Now)?;
    let mut state = shared.lock();
    let ready = state.files.ready.take().ok_or(LogError::Closed)?;
    let active = Active::begin(ready, (0, 0));
    let sequence = active.header.sequence;
    state.segments.insert(sequence, active.segment());
    Ok(active)
}

fn count_live(state: &mut State) {
    let live: Vec<(u32, u32)> = state
        .groups
        .values()
        .flat_map(|entry| entry.index.iter())
        .map(|(_, location)| (location.segment, location.length))
        .collect();
    for (segment, bytes) in live {
        state.add_live(segment, bytes);
    }
    state.retire_dead_segments();
}

fn next_sequence(names: &[String], found: &[Found]) -> u32 {
    let segments = found.last().map_or(0, |last| last.header.sequence);
    let spares = names.iter().filter_map(|name| spare_sequence(name)).max();
    // With no segment at all, spares tell which numbers have been used.
    if found.is_empty() {
        spares.unwrap_or(0) + 1
    } else {
        segments + 1
    }
}

fn spares(names: &[String]) -> Vec<String> {
    names
        .iter()
        .filter(|name| spare_sequence(name).is_some())
        .cloned()
        .collect()
}
