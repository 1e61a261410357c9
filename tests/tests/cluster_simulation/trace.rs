//! The trace of a run: one line for each send, delivery, write, flush, apply, lead and fault, with its time.
//! Everything simulated comes before it; the comparison of two runs comes after it. Guarantees: lines stand in
//! the order in which things happened. Left to others: what a line says.

use std::fmt::Arguments;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::{Arc, Mutex, MutexGuard};

/// A handle to the trace of the run.
#[derive(Clone)]
pub(crate) struct Trace(Arc<Mutex<Inner>>);

struct Inner {
    now_ms: u64,
    lines: u64,
    hash: blake3::Hasher,
    file: Option<BufWriter<File>>,
}

impl Trace {
    /// Writes the lines to `TROUPE_SIMULATION_TRACE`, where that names a file, and hashes them.
    pub(crate) fn new() -> Self {
        let path = std::env::var_os("TROUPE_SIMULATION_TRACE");
        Self::to(path.map(|path| BufWriter::new(File::create(path).unwrap())))
    }

    /// Of a world whose events nobody compares.
    pub(crate) fn apart() -> Self {
        Self::to(None)
    }

    fn to(file: Option<BufWriter<File>>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            now_ms: 0,
            lines: 0,
            hash: blake3::Hasher::new(),
            file,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(crate) fn say(&self, what: Arguments<'_>) {
        let mut inner = self.lock();
        let line = format!("{:>6} {what}\n", inner.now_ms);
        inner.lines += 1;
        inner.hash.update(line.as_bytes());
        if let Some(file) = &mut inner.file {
            file.write_all(line.as_bytes()).unwrap();
        }
    }

    pub(crate) fn set_now_ms(&self, now_ms: u64) {
        self.lock().now_ms = now_ms;
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.lock().now_ms
    }

    /// Lines so far, and their hash.
    pub(crate) fn sum(&self) -> (u64, blake3::Hash) {
        let mut inner = self.lock();
        if let Some(file) = &mut inner.file {
            file.flush().unwrap();
        }
        (inner.lines, inner.hash.finalize())
    }
}

/// A short name for bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..12].to_owned()
}
