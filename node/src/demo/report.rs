//! What the demo prints: plain lines, each with what was seen and how long it took.

use std::time::Duration;

use super::traffic::Sent;
use crate::output::line;

/// A new part of the demo.
pub(super) fn heading(text: &str) {
    line(&format!("\n{text}"));
}

/// Something is done.
pub(super) fn done(text: &str, took: Duration) {
    line(&format!("  {text}  ({} ms)", took.as_millis()));
}

/// Something to know.
pub(super) fn fact(text: &str) {
    line(&format!("  {text}"));
}

/// A check, with what was seen.
pub(super) fn check(held: bool, text: &str) {
    line(&format!("  {} {text}", if held { "ok  " } else { "FAIL" }));
}

/// What the clients saw.
pub(super) fn traffic(sent: &Sent) {
    let seconds = sent.took.as_secs_f64();
    fact(&format!(
        "{} messages acknowledged in {seconds:.1} s: {:.0} a second; every one flushed on two nodes first",
        sent.acknowledged,
        f64::from(u32::try_from(sent.acknowledged).unwrap_or(u32::MAX)) / seconds,
    ));
    fact(&format!(
        "waits: median {:.1} ms, 99 in 100 below {:.1} ms; longest while a node was lost {:.0} ms",
        sent.median_ms, sent.p99_ms, sent.longest_ms
    ));
    fact(&format!(
        "{} attempts were repeated at another node, with the same idempotency key",
        sent.retries
    ));
}

/// The last line.
pub(super) fn end(held: bool, took: Duration) {
    let verdict = if held {
        "Everything held."
    } else {
        "Not everything held."
    };
    line(&format!("\n{verdict} It took {:.1} s.", took.as_secs_f64()));
}
