//! The options of `act`: whether a worker is a daemon, has keys, may be reused, and how it restarts.
//!
//! The build stage reads them from the script; whoever hosts instances acts on them. The backoff of a
//! restart is computed here so that every host agrees on it.

use crate::data::Data;
use serde::{Deserialize, Serialize};

/// What `act`'s second argument says, with defaults filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerOptions {
    /// Starts when deployed (without `key`) or on the first message to a key, and again after its end.
    pub daemon: bool,
    /// The function from a message to the key of the instance that takes it.
    pub key: Option<Data>,
    /// What a message to an ended instance does.
    pub reuse: Reuse,
    /// What happens after a failure.
    pub restart: Restart,
    /// Whether it is a reactive function: it takes no messages, and is made by who reads it.
    pub reactive: bool,
}

impl WorkerOptions {
    /// Whether messages to the bare name are spread over instances by a key.
    pub fn keyed(&self) -> bool {
        self.key.is_some()
    }
}

/// What a message to an ended instance does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reuse {
    /// It starts a new run.
    Restart,
    /// It is a dead letter.
    Reject,
}

/// What happens after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// Whether a failed instance goes on.
    pub policy: RestartPolicy,
    /// Where it goes on.
    pub from: RestartFrom,
    /// How long it rests before.
    pub backoff: Backoff,
    /// How many failures in a row, without a successful turn between, leave it failed.
    pub attempts: u32,
}

/// Whether a failed instance goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestartPolicy {
    /// It stays failed.
    Never,
    /// It goes on after a script error or `fail`.
    OnFailure,
}

/// Where a restarted instance goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestartFrom {
    /// At the wait at which the failing turn began, with the state it had there.
    Wait,
    /// At the beginning, with the configuration of the run.
    Start,
}

/// The rest before a restart: `first_ms * factor ^ (attempt - 1)`, at most `max_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// Before the first restart, in milliseconds.
    pub first_ms: u64,
    /// By how much each further rest is longer; 1 keeps it constant.
    pub factor: u32,
    /// The longest rest, in milliseconds.
    pub max_ms: u64,
}

/// Daemons rest 100 ms at first, twice as long after each failure, a minute at most.
pub const DEFAULT_BACKOFF: Backoff = Backoff {
    first_ms: 100,
    factor: 2,
    max_ms: 60_000,
};

/// How many failures in a row a daemon survives.
pub const DEFAULT_ATTEMPTS: u32 = 10;

impl Backoff {
    /// The rest before restart number `attempt` (1 for the first), in milliseconds.
    pub fn rest_ms(&self, attempt: u32) -> u64 {
        let mut rest = self.first_ms;
        for _ in 1..attempt.min(64) {
            rest = rest.saturating_mul(u64::from(self.factor));
            if rest >= self.max_ms {
                return self.max_ms;
            }
        }
        rest.min(self.max_ms)
    }
}

impl Restart {
    /// The rest before the next restart after `failures` failures in a row, or nothing when it stays failed.
    pub fn rest_after_ms(&self, failures: u32) -> Option<u64> {
        (self.policy == RestartPolicy::OnFailure && failures < self.attempts)
            .then(|| self.backoff.rest_ms(failures))
    }
}

impl WorkerOptions {
    /// What holds where the script says nothing.
    pub(crate) fn defaults(daemon: bool, keyed: bool) -> WorkerOptions {
        let reuse = if daemon || keyed {
            Reuse::Restart
        } else {
            Reuse::Reject
        };
        let policy = if daemon {
            RestartPolicy::OnFailure
        } else {
            RestartPolicy::Never
        };
        let restart = Restart {
            policy,
            from: RestartFrom::Wait,
            backoff: DEFAULT_BACKOFF,
            attempts: DEFAULT_ATTEMPTS,
        };
        WorkerOptions {
            daemon,
            key: None,
            reuse,
            restart,
            reactive: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_maximum() {
        let rests: Vec<u64> = (1..=5)
            .map(|n| {
                Backoff {
                    first_ms: 10,
                    factor: 2,
                    max_ms: 50,
                }
                .rest_ms(n)
            })
            .collect();
        assert_eq!(rests, [10, 20, 40, 50, 50]);
    }

    #[test]
    fn attempts_in_a_row_end_the_restarts() {
        let restart = WorkerOptions::defaults(true, false).restart;
        assert_eq!(restart.rest_after_ms(9), Some(25_600));
        assert_eq!(restart.rest_after_ms(10), None);
        assert_eq!(
            WorkerOptions::defaults(false, false)
                .restart
                .rest_after_ms(1),
            None
        );
    }
}
