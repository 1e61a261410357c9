//! `troupe demo`: starts the demo with a runtime of its own and quiet logs.

use crate::arguments::{DemoArguments, LogFormat};
use crate::telemetry;

/// Runs the demo.
///
/// # Errors
/// As for [`crate::demo::run`].
pub(super) fn run(arguments: &DemoArguments) -> anyhow::Result<()> {
    telemetry::start_logs(LogFormat::Text, Some("error,openraft=off,async_nats=off"));
    super::runtime()?.block_on(crate::demo::run(arguments))
}
