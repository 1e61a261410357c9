//! Timers that become due at a rate. A client starts a run that waits half a second and asks for its outcome;
//! what it waited beyond that half second is how late the timer was, with everything on the way there and
//! back. The run itself says how late it was by the time of its shard.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hdrhistogram::Histogram;
use serde_json::json;

use super::workflow::result;
use super::{Operation, Script, Work};
use crate::bench::servers::Servers;

/// What each timer waits.
pub(in crate::bench) const DELAY: Duration = Duration::from_millis(500);

/// Timers.
pub(in crate::bench) struct Timers {
    late_ms: Mutex<Histogram<u64>>,
}

impl Timers {
    /// None yet.
    pub(in crate::bench) fn new() -> Timers {
        Timers {
            late_ms: Mutex::new(Histogram::new(3).expect("three digits are allowed")),
        }
    }

    /// How late timers were by the time of their shards, milliseconds: at 99 in 100, and the latest.
    pub(in crate::bench) fn late_ms(&self) -> (u64, u64) {
        let late = self.late_ms.lock().unwrap_or_else(PoisonError::into_inner);
        (late.value_at_quantile(0.99), late.max())
    }
}

impl Work for Timers {
    fn name(&self) -> String {
        "timer, beyond its delay".to_owned()
    }

    fn scripts(&self) -> Vec<Script> {
        vec![("timer.js", include_str!("../workers/timer.js"))]
    }

    fn operation(&self, _number: u64) -> Operation {
        let ms = u64::try_from(DELAY.as_millis()).unwrap_or(u64::MAX);
        Operation::post(
            "/v1/workers/Timer/messages?wait=outcome".to_owned(),
            json!({ "ms": ms }).to_string(),
        )
    }

    fn done(&self, _number: u64, answer: &Bytes) -> Result<(), String> {
        match result(answer) {
            Some(late) if late >= 0.0 => {
                let mut all = self.late_ms.lock().unwrap_or_else(PoisonError::into_inner);
                // The histogram grows as it must.
                let _ = all.record(late as u64);
                Ok(())
            }
            _ => Err(format!(
                "a timer should say how late it was; the answer was {}",
                String::from_utf8_lossy(answer)
            )),
        }
    }

    fn unknown(&self, _number: u64) {}

    fn meant(&self) -> Duration {
        DELAY
    }

    async fn check(&self, _servers: &Servers) -> anyhow::Result<String> {
        let (p99, max) = self.late_ms();
        let late = self.late_ms.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(format!(
            "{} timers fired, none early; by the time of their shards 99 in 100 at most {p99} ms late, the latest {max} ms",
            late.len()
        ))
    }
}
