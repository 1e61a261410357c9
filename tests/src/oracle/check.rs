//! Compares what the clients were told with what the counters hold. Comes after all faults are over; reads
//! each counter with a linearisable read.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{Add, Outcome, Shared};
use crate::cluster::HttpClient;
use crate::wait::{PATIENCE, until};

/// Violations that are printed.
const SHOWN_MAX: usize = 20;

/// What the comparison gave.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Adds that were acknowledged.
    pub acknowledged: usize,
    /// Adds that were refused.
    pub refused: usize,
    /// Adds of which nothing is known.
    pub unknown: usize,
    /// Of these, adds that were applied.
    pub unknown_applied: usize,
    /// Adds that took more than one attempt.
    pub tried_again: usize,
    /// The longest wait for an acknowledgement.
    pub longest_wait: Duration,
    /// What should not be.
    pub violations: Vec<String>,
}

impl Verdict {
    /// Panics where anything was not as promised, or where nothing was acknowledged.
    pub fn assert_holds(&self) {
        assert!(self.violations.is_empty(), "{self}");
        assert!(self.acknowledged > 0, "nothing was acknowledged");
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} adds acknowledged, each applied once; {} refused, {} unknown ({} of them applied); {} tried \
             again; longest wait {} ms",
            self.acknowledged,
            self.refused,
            self.unknown,
            self.unknown_applied,
            self.tried_again,
            self.longest_wait.as_millis()
        )?;
        if !self.violations.is_empty() {
            write!(out, "\n{} VIOLATIONS:", self.violations.len())?;
        }
        for violation in self.violations.iter().take(SHOWN_MAX) {
            write!(out, "\n  {violation}")?;
        }
        Ok(())
    }
}

pub(super) fn check(shared: &Shared, adds: &[Add], violations: Vec<String>) -> Verdict {
    let count = |outcome| adds.iter().filter(|add| add.outcome == outcome).count();
    let acknowledged = adds
        .iter()
        .filter(|add| add.outcome == Outcome::Acknowledged);
    let mut verdict = Verdict {
        acknowledged: count(Outcome::Acknowledged),
        refused: count(Outcome::Refused),
        unknown: count(Outcome::Unknown),
        unknown_applied: 0,
        tried_again: adds.iter().filter(|add| add.attempts > 1).count(),
        longest_wait: acknowledged.map(|add| add.waited).max().unwrap_or_default(),
        violations,
    };
    for counter in 0..shared.load.counters {
        let own: BTreeMap<u64, &Add> = adds
            .iter()
            .filter(|add| add.counter == counter)
            .map(|add| (add.id, add))
            .collect();
        if !own.is_empty() {
            let (total, ids) = settled(shared, counter, &own);
            compare(counter, &own, total, &ids, &mut verdict);
        }
    }
    verdict
}

/// The counter's total and ids. A message to a bare name is acknowledged before it is routed, so what was
/// acknowledged may take a moment; what is missing then is missing.
fn settled(shared: &Shared, counter: usize, own: &BTreeMap<u64, &Add>) -> (u64, Vec<u64>) {
    let node = HttpClient::with_deadline(&shared.urls[counter % shared.urls.len()], PATIENCE);
    let path = format!("/v1/workers/Tally/instances/c{counter}");
    let expected: Vec<u64> = own
        .values()
        .filter(|add| add.outcome == Outcome::Acknowledged)
        .map(|add| add.id)
        .collect();
    let mut last = (0, Vec::new());
    let complete = crate::wait::try_until(Duration::from_secs(10), || {
        let answer = until("an answer to a read", PATIENCE, || {
            let answer = node.try_get(&path).ok();
            answer.filter(|answer| matches!(answer.status, 200 | 404))
        });
        let state = &answer.body["state"][0];
        let ids = state["ids"].as_array().cloned().unwrap_or_default();
        let ids: Vec<u64> = ids.iter().filter_map(serde_json::Value::as_u64).collect();
        let complete = expected.iter().all(|id| ids.contains(id));
        last = (state["total"].as_u64().unwrap_or(0), ids);
        complete.then(|| last.clone())
    });
    complete.unwrap_or(last)
}

fn compare(
    counter: usize,
    own: &BTreeMap<u64, &Add>,
    total: u64,
    ids: &[u64],
    verdict: &mut Verdict,
) {
    let mut times: BTreeMap<u64, usize> = BTreeMap::new();
    for id in ids {
        *times.entry(*id).or_default() += 1;
    }
    let mut sum = 0;
    for (id, applied) in &times {
        let Some(add) = own.get(id) else {
            verdict.violations.push(format!(
                "counter {counter} holds {id}, which nobody added to it"
            ));
            continue;
        };
        sum += add.amount;
        match (add.outcome, applied) {
            (_, 2..) => verdict
                .violations
                .push(format!("add {id} was applied {applied} times: {add:?}")),
            (Outcome::Refused, _) => {
                verdict
                    .violations
                    .push(format!("add {id} was refused and yet applied: {add:?}"));
            }
            (Outcome::Unknown, _) => verdict.unknown_applied += 1,
            (Outcome::Acknowledged, _) => {}
        }
    }
    for add in own.values() {
        if add.outcome == Outcome::Acknowledged && !times.contains_key(&add.id) {
            verdict.violations.push(format!(
                "add {} was acknowledged and is lost: {add:?}",
                add.id
            ));
        }
    }
    if sum != total {
        verdict.violations.push(format!(
            "counter {counter} says {total}; its adds give {sum}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

    use super::{Verdict, compare};
    use crate::oracle::{Add, Outcome};

    fn violations(adds: &[(u64, Outcome)], total: u64, ids: &[u64]) -> Verdict {
        let adds: Vec<Add> = adds
            .iter()
            .map(|(id, outcome)| Add {
                id: *id,
                counter: 0,
                amount: 10,
                outcome: *outcome,
                attempts: 1,
                waited: Duration::ZERO,
                ended: Instant::now(),
            })
            .collect();
        let own: BTreeMap<u64, &Add> = adds.iter().map(|add| (add.id, add)).collect();
        let mut verdict = Verdict {
            acknowledged: 0,
            refused: 0,
            unknown: 0,
            unknown_applied: 0,
            tried_again: 0,
            longest_wait: Duration::ZERO,
            violations: Vec::new(),
        };
        compare(0, &own, total, ids, &mut verdict);
        verdict
    }

    #[test]
    fn what_was_promised_passes() {
        use Outcome::{Acknowledged, Refused, Unknown};
        let adds = [(1, Acknowledged), (2, Unknown), (3, Unknown), (4, Refused)];
        let verdict = violations(&adds, 20, &[1, 3]);
        assert_eq!((verdict.violations.len(), verdict.unknown_applied), (0, 1));
    }

    #[test]
    fn each_broken_promise_is_found() {
        use Outcome::{Acknowledged, Refused, Unknown};
        let found = |adds: &[(u64, Outcome)], total, ids: &[u64]| {
            violations(adds, total, ids).violations.join("; ")
        };
        assert!(found(&[(1, Acknowledged)], 0, &[]).contains("is lost"));
        assert!(found(&[(1, Acknowledged)], 10, &[1, 1]).contains("2 times"));
        assert!(found(&[(1, Unknown)], 10, &[1, 1]).contains("2 times"));
        assert!(found(&[(1, Refused)], 10, &[1]).contains("refused and yet applied"));
        assert!(found(&[], 10, &[1]).contains("nobody added"));
        assert!(found(&[(1, Acknowledged)], 20, &[1]).contains("says 20"));
    }
}
