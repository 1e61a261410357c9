//! `troupe bench`: measures this machine and this version.

use anyhow::bail;

use crate::arguments::BenchArguments;

/// Runs the benchmark.
///
/// # Errors
/// As for [`crate::bench::run`], and where a signal ends it.
pub(super) fn run(arguments: &BenchArguments) -> anyhow::Result<()> {
    super::runtime()?.block_on(async {
        tokio::select! {
            ended = crate::bench::run(arguments) => ended,
            // Nodes and networks end with what holds them, and a signal would end this process without that.
            signal = super::signal() => {
                signal?;
                bail!("ended by a signal, with the nodes that were measured; there are no results")
            }
        }
    })
}
