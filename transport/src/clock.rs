//! Hybrid logical clock: a time that never goes back and keeps the order of cause and effect.
//! Before it: a leader's or door's wall clock, given as an argument. After it: the stamp.
//! Guarantees: `tick` and `merge` give a time after all that they were given.
//! Leaves to others: reading clocks, and refusing a peer whose clock is far ahead.
//! Source: Kulkarni et al., "Logical Physical Clocks", 2014, with both parts in one number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970 in the upper 48 bits, a counter in the lower 16. Compares as time.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct HybridTime(u64);

/// Bits of the counter.
const COUNTER_BITS: u32 = 16;

/// The largest number of milliseconds that fits: the year 10889.
pub const MILLIS_MAX: u64 = u64::MAX >> COUNTER_BITS;

/// Why a text is no hybrid time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a hybrid time is MILLISECONDS.COUNTER, both decimal, at most {MILLIS_MAX}.65535")]
pub struct TimeError;

impl HybridTime {
    /// The time of `millis` since 1970 with a counter. Milliseconds beyond the range are cut to it.
    #[must_use]
    pub const fn new(millis: u64, counter: u16) -> Self {
        let millis = if millis > MILLIS_MAX {
            MILLIS_MAX
        } else {
            millis
        };
        Self(millis << COUNTER_BITS | counter as u64)
    }

    /// The time whose packed form is `packed`.
    #[must_use]
    pub const fn from_packed(packed: u64) -> Self {
        Self(packed)
    }

    /// Milliseconds and counter in one number, which compares as time.
    #[must_use]
    pub const fn packed(self) -> u64 {
        self.0
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0 >> COUNTER_BITS
    }

    /// Tells times of the same millisecond apart.
    #[must_use]
    pub const fn counter(self) -> u16 {
        self.0 as u16
    }

    /// The time of the next local event, where the wall clock says `wall_ms`. Later than `self`
    /// (a full counter flows over into the milliseconds), even where the wall clock went back.
    #[must_use]
    pub fn tick(self, wall_ms: u64) -> Self {
        Self(self.0.saturating_add(1)).max(Self::new(wall_ms, 0))
    }

    /// The time of receiving something stamped `seen`: later than `self` and than `seen`.
    #[must_use]
    pub fn merge(self, seen: Self, wall_ms: u64) -> Self {
        self.max(seen).tick(wall_ms)
    }

    /// How far this time is ahead of a wall clock, in milliseconds; 0 where it is not.
    #[must_use]
    pub const fn ahead_ms(self, wall_ms: u64) -> u64 {
        self.millis().saturating_sub(wall_ms)
    }
}

impl fmt::Display for HybridTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.millis(), self.counter())
    }
}

impl FromStr for HybridTime {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let (millis, counter) = text.split_once('.').ok_or(TimeError)?;
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(millis) || !plain(counter) {
            return Err(TimeError);
        }
        let millis: u64 = millis.parse().map_err(|_| TimeError)?;
        let counter = counter.parse().map_err(|_| TimeError)?;
        if millis > MILLIS_MAX {
            return Err(TimeError);
        }
        Ok(Self::new(millis, counter))
    }
}

#[cfg(test)]
mod tests;
