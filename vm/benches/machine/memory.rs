//! Memory: the allocator that counts, and the table of what idle workers take.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicU64, Ordering};

use mimalloc::MiMalloc;

use crate::table::{Table, count};
use crate::workers::{ACCOUNT, COUNTER, Runner, TRANSFER};

static LIVE_BYTES: AtomicU64 = AtomicU64::new(0);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// mimalloc, which counts.
pub(crate) struct Counting;

// SAFETY: every call goes to mimalloc as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        LIVE_BYTES.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { MiMalloc.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        LIVE_BYTES.fetch_add(size as u64, Ordering::Relaxed);
        LIVE_BYTES.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { MiMalloc.realloc(place, layout, size) }
    }
}

/// Allocations since the program began.
pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.load(Ordering::Relaxed)
}

const WORKERS: usize = 100_000;

/// Bytes of an idle worker, of each kind.
pub(crate) fn print() {
    let mut table = Table::new(
        "An idle worker, the mean of 100,000",
        &[
            "worker",
            "bytes asked for",
            "resident bytes",
            "bytes stored",
        ],
    );
    // All stay until the end: memory that is given back would be taken for free.
    let mut kept = Vec::new();
    for (name, script) in [
        ("counter", &COUNTER),
        ("account", &ACCOUNT),
        ("transfer", &TRANSFER),
    ] {
        let runner = Runner::new(script);
        let (before, resident_before) = (LIVE_BYTES.load(Ordering::Relaxed), resident_bytes());
        let workers: Vec<_> = (0..WORKERS)
            .map(|at| runner.idle_worker(&format!("{at:06}")))
            .collect();
        let bytes = LIVE_BYTES.load(Ordering::Relaxed) - before;
        let resident = resident_bytes().zip(resident_before);
        let resident = resident.map(|(after, before)| after.saturating_sub(before) as f64);
        table.row(&[
            name.to_owned(),
            count(bytes as f64 / WORKERS as f64),
            resident.map_or_else(String::new, |bytes| count(bytes / WORKERS as f64)),
            count(workers[0].encode(&runner.program).len() as f64),
        ]);
        kept.push(workers);
    }
    table.print();
}

/// What the operating system says of this process, where it is Linux.
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
