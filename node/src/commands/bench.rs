//! `troupe bench`: measures this machine and this version.

use crate::arguments::BenchArguments;

/// Runs the benchmark.
///
/// # Errors
/// As for [`crate::bench::run`].
pub(super) fn run(arguments: &BenchArguments) -> anyhow::Result<()> {
    super::runtime()?.block_on(crate::bench::run(arguments))
}
