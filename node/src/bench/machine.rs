//! The machine that was measured, so that a saved result says what it is worth: cores, kernel, and how long
//! one flush takes, which is what every durable operation waits for at least once.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Flushes that are timed.
const FLUSHES: u64 = 200;
/// Bytes written before each.
const BLOCK: usize = 4096;

/// Where something was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// Version of `troupe`.
    pub version: String,
    /// Whether it was built with optimisations.
    pub optimised: bool,
    /// Cores.
    pub cores: usize,
    /// Kernel.
    pub kernel: String,
    /// The median time of one flush (4 KiB in place, `fdatasync`), milliseconds.
    pub flush_ms: f64,
    /// The same at 99 in 100.
    pub flush_p99_ms: f64,
}

impl Machine {
    /// Looks at this machine, and at the disk of a folder.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub(super) fn look(data: Option<&Path>) -> anyhow::Result<Machine> {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let flushes_us = flushes_us(data.unwrap_or(&std::env::temp_dir()))?;
        let ms = |quantile| flushes_us.value_at_quantile(quantile) as f64 / 1000.0;
        Ok(Machine {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            optimised: !cfg!(debug_assertions),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            kernel: format!("Linux {}", kernel.trim()),
            flush_ms: ms(0.5),
            flush_p99_ms: ms(0.99),
        })
    }

    /// One line for people.
    pub(super) fn line(&self) -> String {
        let build = if self.optimised {
            ""
        } else {
            " built without optimisations"
        };
        format!(
            "troupe {}{build}; {} cores, {}; a flush takes {:.2} ms, {:.2} ms at 99 in 100",
            self.version, self.cores, self.kernel, self.flush_ms, self.flush_p99_ms
        )
    }
}

/// Times flushes of one block of a preallocated file.
fn flushes_us(folder: &Path) -> anyhow::Result<Histogram<u64>> {
    let folder = tempfile::tempdir_in(folder)
        .with_context(|| format!("cannot write in `{}`", folder.display()))?;
    let file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(folder.path().join("flushes"))?;
    let block = vec![1; BLOCK];
    for number in 0..FLUSHES {
        file.write_all_at(&block, number * BLOCK as u64)?;
    }
    file.sync_all()?;
    let mut took_us = Histogram::new(3)?;
    for number in 0..FLUSHES {
        let start = Instant::now();
        file.write_all_at(&block, number * BLOCK as u64)?;
        file.sync_data()?;
        took_us.record(u64::try_from(start.elapsed().as_micros())?)?;
    }
    Ok(took_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_says_what_it_is() {
        let machine = Machine::look(None).unwrap();
        assert!(machine.cores > 0 && machine.flush_p99_ms >= machine.flush_ms);
        assert!(machine.line().contains(&format!("{} cores", machine.cores)));
    }
}
