//! Seeded bugs: proof that the simulation is not blind. A run is given one by name; disks, stores and shards come
//! after it. Guarantees: without one, nothing is changed. Left to others: finding them (`main`).

use cluster::Shard;
use cluster::shard::Mutant;

use crate::disk::Lie;

/// A bug that a run is seeded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    /// The log reports what it did not flush.
    SkippedFlush,
    /// The log reports a vote without its flush; the next flush may make up for it.
    EarlyVote,
    /// A crash loses a unit of a store, and keeps later ones.
    StoreDisorder,
    /// In the shards.
    Core(Mutant),
}

impl Bug {
    pub(crate) const ALL: [Self; 9] = [
        Self::SkippedFlush,
        Self::EarlyVote,
        Self::StoreDisorder,
        Self::Core(Mutant::SkipChannelDedup),
        Self::Core(Mutant::SkipDoorDedup),
        Self::Core(Mutant::ForgetQueue),
        Self::Core(Mutant::AckEarly),
        Self::Core(Mutant::ForgetTail),
        Self::Core(Mutant::ForeignEntropy(0)),
    ];

    /// The bug of that name; none for any other.
    pub(crate) fn named(name: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|bug| format!("{bug:?}") == name)
            .unwrap_or(Self::None)
    }

    pub(crate) fn lie(self) -> Lie {
        match self {
            Self::SkippedFlush => Lie::SkippedFlush,
            Self::EarlyVote => Lie::EarlyVote,
            _ => Lie::None,
        }
    }

    /// Seeds the shards that this machine opens in its next step.
    pub(crate) fn apply(self, machine: usize) {
        let mutant = match self {
            Self::Core(Mutant::ForeignEntropy(_)) => Mutant::ForeignEntropy(machine as u8),
            Self::Core(mutant) => mutant,
            _ => return,
        };
        Shard::mutate_all(Some(mutant));
    }
}
