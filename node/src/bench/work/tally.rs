//! What the load generator knows of counters: how much each must hold, and how much it may hold besides,
//! because requests failed of which nobody knows whether they were carried out.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::ensure;
use futures::{StreamExt, TryStreamExt, stream};

use crate::api::InstanceView;
use crate::bench::servers::Servers;
use crate::load::Client;

/// Reads at a time.
const READERS: usize = 16;
/// Counters that are read at most: where there are more, every second, third, … of those that were used.
const READ_MAX: usize = 100_000;

/// What should be in a number of counters.
pub(in crate::bench) struct Tally {
    sure: Vec<AtomicU64>,
    unsure: Vec<AtomicU64>,
}

impl Tally {
    /// Nothing yet.
    pub(in crate::bench) fn new(counters: u64) -> Tally {
        let zeros = || (0..counters).map(|_| AtomicU64::new(0)).collect();
        Tally {
            sure: zeros(),
            unsure: zeros(),
        }
    }

    /// The counter of an operation. Operations go through all counters in an order that is not theirs.
    pub(in crate::bench) fn place(&self, operation: u64) -> u64 {
        // A prime: it shares no factor with any count of counters that is not a multiple of it.
        operation.wrapping_mul(7919) % self.sure.len() as u64
    }

    /// A counter got one more.
    pub(in crate::bench) fn add(&self, counter: u64) {
        self.sure[counter as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A counter may have got one more.
    pub(in crate::bench) fn may_add(&self, counter: u64) {
        self.unsure[counter as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// What is wrong with a counter that holds so much.
    pub(in crate::bench) fn judge(&self, counter: u64, holds: u64) -> Result<(), String> {
        let of = |counts: &[AtomicU64]| counts[counter as usize].load(Ordering::Relaxed);
        let (sure, unsure) = (of(&self.sure), of(&self.unsure));
        if holds < sure {
            return Err(format!(
                "{sure} were acknowledged and it holds {holds}: lost"
            ));
        }
        if holds > sure + unsure {
            return Err(format!(
                "{sure} were acknowledged, {unsure} may have been carried out, and it holds {holds}: done twice"
            ));
        }
        Ok(())
    }

    /// Reads the counters that something was added to, and compares. `path` makes the address of one.
    ///
    /// # Errors
    /// A counter holds too little or too much, or cannot be read.
    pub(in crate::bench) async fn check(
        &self,
        servers: &Servers,
        path: impl Fn(u64) -> String,
    ) -> anyhow::Result<String> {
        let used = self.used();
        let every = used.len().div_ceil(READ_MAX).max(1);
        let readers = (0..READERS).map(|reader| {
            let own = used.iter().step_by(every).skip(reader).step_by(READERS);
            let own = own.map(|counter| (*counter, path(*counter))).collect();
            read_each(servers.client(reader), own)
        });
        let read: Vec<_> = stream::iter(readers)
            .buffer_unordered(READERS)
            .try_concat()
            .await?;
        let mut wrong = Vec::new();
        for (counter, path, holds) in &read {
            if let Err(what) = self.judge(*counter, *holds) {
                wrong.push(format!("{path}: {what}"));
            }
        }
        ensure!(
            wrong.is_empty(),
            "{} of {} counters are wrong, the first: {}",
            wrong.len(),
            read.len(),
            wrong[0]
        );
        let sum: u64 = read.iter().map(|(_, _, holds)| holds).sum();
        let of = if every == 1 {
            String::new()
        } else {
            format!(" of {}", used.len())
        };
        Ok(format!(
            "{}{of} counters hold {sum}, what was acknowledged",
            read.len()
        ))
    }

    /// Counters that something was added to.
    fn used(&self) -> Vec<u64> {
        let all = 0..self.sure.len() as u64;
        all.filter(|counter| self.judge(*counter, 0).is_err())
            .collect()
    }
}

/// Reads counters one after the other, over one connection.
async fn read_each(
    mut client: Client,
    counters: Vec<(u64, String)>,
) -> anyhow::Result<Vec<(u64, String, u64)>> {
    let mut read = Vec::with_capacity(counters.len());
    for (counter, path) in counters {
        let holds = number(&client.get::<InstanceView>(&path).await?);
        read.push((counter, path, holds));
    }
    Ok(read)
}

/// The first state of an instance, where it is a count.
pub(in crate::bench) fn number(view: &InstanceView) -> u64 {
    let first = view.state.first().and_then(serde_json::Value::as_f64);
    first.unwrap_or(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_go_through_all_counters() {
        let tally = Tally::new(10);
        let mut places: Vec<u64> = (0..10).map(|operation| tally.place(operation)).collect();
        places.sort_unstable();
        assert_eq!(places, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_counter_may_hold_what_is_sure_and_what_may_be() {
        let tally = Tally::new(2);
        tally.add(1);
        tally.add(1);
        tally.may_add(1);
        assert!(tally.judge(1, 1).unwrap_err().contains("lost"));
        assert_eq!(tally.judge(1, 2), Ok(()));
        assert_eq!(tally.judge(1, 3), Ok(()));
        assert!(tally.judge(1, 4).unwrap_err().contains("twice"));
        assert_eq!(tally.judge(0, 0), Ok(()));
    }
}
