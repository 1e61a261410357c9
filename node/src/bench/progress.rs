//! What is going on, on standard error: a line that is written over on a terminal, and a line for each round
//! everywhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use super::print::grouped;
use super::report::Row;
use super::seen::Seen;

/// How often the line changes.
const EVERY: Duration = Duration::from_millis(250);

/// A line that shows a measurement while it runs; it goes when this is dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    task: JoinHandle<()>,
}

impl Progress {
    /// Follows what clients see.
    pub(super) fn of(title: String, length: Duration, seen: &Arc<Seen>) -> Progress {
        let bar = bar(length);
        let task = tokio::spawn(follow(bar.clone(), title, Arc::clone(seen)));
        Progress { bar, task }
    }

    /// Prints a line above it.
    pub(super) fn note(&self, text: &str) {
        self.bar.suspend(|| note(text));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}

fn bar(length: Duration) -> ProgressBar {
    let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{bar:20} {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

async fn follow(bar: ProgressBar, title: String, seen: Arc<Seen>) {
    if bar.is_hidden() {
        return;
    }
    let start = Instant::now();
    let mut last = (start, 0);
    loop {
        tokio::time::sleep(EVERY).await;
        let (now, count) = (Instant::now(), seen.count());
        let rate = (count - last.1) as f64 / (now - last.0).as_secs_f64();
        last = (now, count);
        let p99 = seen.waits().from_due_us.value_at_quantile(0.99) as f64 / 1000.0;
        bar.set_position(u64::try_from((now - start).as_millis()).unwrap_or(u64::MAX));
        bar.set_message(format!(
            "{title}: {} a second, 99 in 100 within {p99:.1} ms, {} refused, {} failed",
            grouped(rate),
            grouped(seen.refusals().0 as f64),
            grouped(seen.failures() as f64),
        ));
    }
}

/// Says something that is known now.
pub(super) fn note(text: &str) {
    eprintln!("{text}");
}

/// Says what one round came to.
pub(super) fn round(row: &Row, number: u32) {
    let waits = row
        .waits_ms
        .map(|waits| format!(", p50 {:.2} ms, p99 {:.2} ms", waits.p50, waits.p99));
    note(&format!(
        "{}, {} node(s), {} clients, round {number}: {} a second{}",
        row.work,
        row.nodes,
        row.clients,
        grouped(row.per_second),
        waits.unwrap_or_default(),
    ));
}
