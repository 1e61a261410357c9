//! Every limit of this crate, with its unit, default and reason. Settings of a node are checked
//! against these before anything is opened; tests shrink them to reach rolls, relief and refusals
//! within a few records. Left to others: limits that bear on a turn (they travel in the log).

/// Sizes and bounds of the segmented log. All are bytes unless the name says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLimits {
    /// Length of a segment file. Default 32 MiB: a roll costs two flushes, so that at 10 MB/s it
    /// is one in thirty thousand flushes, and a fresh file is zero-filled within 50 ms.
    pub segment_bytes: u32,
    /// Most bytes in one write, and so between two flushes. Default 4 MiB: also the reach of a
    /// torn write that recovery has to wipe. An entry must fit into it.
    pub write_bytes_max: u32,
    /// Bytes of recent entries kept in memory, over all groups. Default 16 MiB: replication and
    /// apply read what was appended within the last second or so.
    pub cache_bytes_max: u64,
    /// Free bytes on the disk below which appends are refused. Default 64 MiB: room for two more
    /// segments, so that votes and purges still go through.
    pub free_bytes_reserve: u64,
    /// Count of segments from which on a few old live entries are rewritten forward, so that the
    /// segments behind them can be reused. Default 16 (half a GiB).
    pub segments_pinned_max: u32,
    /// Count of used-up segment files that are kept for reuse. Default 2: a reused file needs no
    /// zero-filling and keeps the short flush.
    pub segments_spare_max: u32,
    /// Most bytes that one read of entries for replication returns (the first entry always
    /// does). Default 512 KiB: half of the bus's message limit.
    pub read_bytes_max: u64,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            segment_bytes: 32 << 20,
            write_bytes_max: 4 << 20,
            cache_bytes_max: 16 << 20,
            free_bytes_reserve: 64 << 20,
            segments_pinned_max: 16,
            segments_spare_max: 2,
            read_bytes_max: 512 << 10,
        }
    }
}

impl LogLimits {
    /// Names the first limit that contradicts another, or nothing if they fit together.
    #[must_use]
    pub fn contradiction(&self) -> Option<String> {
        if self.write_bytes_max < 512 {
            return Some(format!(
                "write_bytes_max is {}, at least 512 is needed",
                self.write_bytes_max
            ));
        }
        // A segment holds at least a whole write with its checkpoint (twice the limit, at most).
        if u64::from(self.segment_bytes) < 4 * u64::from(self.write_bytes_max) {
            return Some(format!(
                "segment_bytes ({}) must be at least four times write_bytes_max ({})",
                self.segment_bytes, self.write_bytes_max
            ));
        }
        if self.segments_pinned_max < 2 {
            return Some("segments_pinned_max must be at least 2".to_owned());
        }
        None
    }
}
