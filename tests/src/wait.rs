//! Waiting in tests: for a condition, never for a time. Everything that a test waits for goes through here, so
//! that a wait always has a deadline and a failure says what was waited for.

use std::time::{Duration, Instant};

/// How long a test waits for something that should be there within a second, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// Tries until there is a value, and returns it. Panics with `what` when `patience` has passed; a try that has
/// begun is not interrupted.
pub fn until<T>(what: &str, patience: Duration, mut attempt: impl FnMut() -> Option<T>) -> T {
    try_until(patience, &mut attempt).unwrap_or_else(|| panic!("waited {patience:?} for {what}"))
}

/// As [`until`], for a caller that has more to say about a failure: `None` when `patience` has passed.
pub fn try_until<T>(patience: Duration, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return Some(value);
        }
        if began.elapsed() >= patience {
            return None;
        }
        std::thread::sleep(BETWEEN_TRIES);
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, try_until, until};

    #[test]
    fn returns_the_first_value() {
        let mut tries = 0;
        let value = until("three tries", Duration::from_secs(5), || {
            tries += 1;
            (tries == 3).then_some(tries)
        });
        assert_eq!(value, 3);
    }

    #[test]
    fn gives_up_after_the_deadline() {
        assert_eq!(try_until(Duration::ZERO, || None::<u8>), None);
    }
}
