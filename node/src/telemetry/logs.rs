//! Structured logs on standard error: lines for people or JSON, filtered by `TROUPE_LOG` in the syntax
//! of `tracing_subscriber::EnvFilter`. Started once by a command, before anything else.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::arguments::LogFormat;

/// What is logged where `TROUPE_LOG` says nothing: our own information, the libraries' warnings.
/// openraft and async-nats report every expected reconnection and election as a warning or an error.
const DEFAULT_FILTER: &str =
    "info,openraft=off,async_nats=off,fjall=warn,lsm_tree=warn,h2=warn,tonic=warn,hyper=warn";

/// Starts logging in this process. A second call, as in tests, changes nothing.
pub fn start_logs(format: LogFormat, default: Option<&str>) {
    let filter = EnvFilter::try_from_env("TROUPE_LOG")
        .unwrap_or_else(|_| EnvFilter::new(default.unwrap_or(DEFAULT_FILTER)));
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .with_target(false);
    // The error says that logging runs already, which is what is wanted.
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
