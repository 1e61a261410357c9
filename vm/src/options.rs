//! The options of `act`: whether a worker is a daemon, has keys, may be reused, how it restarts, when and by
//! what it is started, and how long it and its history are kept.
//!
//! The build stage reads them from the script; whoever hosts instances acts on them. The backoff of a
//! restart is computed here so that every host agrees on it.

use crate::data::Data;
use crate::schedule::Schedule;
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
    /// When runs are started by the clock.
    pub schedule: Option<Schedule>,
    /// What is heard on the bus.
    pub subscribe: Option<Subscription>,
    /// After how long without a message an instance ends, in milliseconds; none: what the host says.
    pub idle_ms: Option<u64>,
    /// How long the history of an ended run is kept, in milliseconds; none: what the host says.
    pub retention_ms: Option<u64>,
    /// Whether it is a reactive function: it takes no messages, and is made by who reads it.
    pub reactive: bool,
}

impl WorkerOptions {
    /// Whether messages to the bare name are spread over instances by a key.
    pub fn keyed(&self) -> bool {
        self.key.is_some()
    }
}

/// What a worker hears on the bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subscription {
    /// A subject, perhaps with wildcards. Each message is heard at most once.
    Subject(String),
    /// A stream of JetStream. Each message is heard once.
    Stream(String),
}

impl Subscription {
    /// Reads `orders.>` or `jetstream:ORDERS`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in the words of a hint.
    pub fn parse(text: &str) -> Result<Subscription, &'static str> {
        if let Some(stream) = text.strip_prefix("jetstream:") {
            let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            return if !stream.is_empty() && stream.len() <= 255 && stream.bytes().all(valid) {
                Ok(Subscription::Stream(stream.to_owned()))
            } else {
                Err("name the stream with letters, digits, `_` and `-`: `jetstream:ORDERS`")
            };
        }
        let tokens: Vec<&str> = text.split('.').collect();
        let last = tokens.len() - 1;
        let valid = |(at, token): (usize, &&str)| match *token {
            "*" => true,
            ">" => at == last,
            token => {
                !token.is_empty()
                    && token
                        .bytes()
                        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'*' | b'>'))
            }
        };
        if text.len() > 255 || !tokens.iter().enumerate().all(valid) {
            return Err(
                "write words with dots between, `*` for any word and `>` for any rest: `orders.>`",
            );
        }
        // What nodes say to each other, and the bus to its clients, is nobody's input.
        if matches!(tokens[0], "*" | ">" | "troupe" | "_INBOX") || tokens[0].starts_with('$') {
            return Err(
                "the first word has to be one of your own, not a wildcard, `troupe` or `$…`",
            );
        }
        Ok(Subscription::Subject(text.to_owned()))
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
            schedule: None,
            subscribe: None,
            idle_ms: None,
            retention_ms: None,
            reactive: false,
        }
    }
}

/// Reads a time such as `"30d"`, `"12h"`, `"90m"`, `"10s"` or `"500ms"`, in milliseconds; from a
/// millisecond to 100 years.
pub(crate) fn duration_ms(text: &str) -> Option<u64> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    let time_ms = number.parse::<u64>().ok()?.checked_mul(unit_ms)?;
    (1..=crate::control::DELAY_MAX_MS as u64)
        .contains(&time_ms)
        .then_some(time_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_bounds() {
        assert_eq!(duration_ms("30d"), Some(2_592_000_000));
        assert_eq!(duration_ms("500ms"), Some(500));
        for wrong in [
            "30",
            "d",
            "0s",
            "-1s",
            "1.5h",
            "99999999999d",
            "36526d",
            "1y",
            "1 d",
            "",
        ] {
            assert_eq!(duration_ms(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn subscriptions_are_subjects_or_streams() {
        let subject = |text: &str| Ok(Subscription::Subject(text.to_owned()));
        for right in ["orders", "orders.>", "orders.*.new"] {
            assert_eq!(Subscription::parse(right), subject(right));
        }
        let stream = Subscription::Stream("ORDERS".to_owned());
        assert_eq!(Subscription::parse("jetstream:ORDERS"), Ok(stream));
        for wrong in [
            "",
            ".",
            "a..b",
            "a.>.b",
            ">",
            "*.a",
            "troupe.x",
            "$SYS.a",
            "a b",
            "a*",
            "jetstream:",
            "jetstream:a.b",
            "_INBOX.a",
        ] {
            assert!(Subscription::parse(wrong).is_err(), "{wrong}");
        }
    }

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
