//! What every adapter of the state store port has to do, as tests that take the adapter.
//!
//! Before it: an adapter's tests, which hand in a [`Subject`] through `store_conformance!`. After
//! it: nothing. Guarantees: a failure names the seed where chance was involved. Leaves to others:
//! crashes of a whole process, which an adapter on disk tests by itself.
#![expect(
    clippy::unwrap_used,
    reason = "a suite of tests, compiled for tests only"
)]

mod crashes;
mod random;
mod reads;
mod replaces;
mod units;

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{GroupId, Pair, StateRead, StateStore, StoreError, StoreProvider};
pub use crashes::*;
pub use random::*;
pub use reads::*;
pub use replaces::*;
pub use units::*;

/// An adapter under test: the stores of one node that can crash.
pub trait Subject {
    /// The node's stores, after a crash those of its next start.
    fn stores(&self) -> &dyn StoreProvider;

    /// Crashes the node while `open` are open, and starts it again. Where the adapter can choose
    /// what survives, `seed` decides.
    fn crash(&mut self, open: Vec<Box<dyn StateStore>>, seed: u64);
}

/// Writes one test per case for an adapter; takes a function that makes a fresh [`Subject`], and
/// one that gives the seed of the cases with chance in them.
#[macro_export]
macro_rules! store_conformance {
    ($make:expr, $seed:expr) => {
        $crate::store_conformance!(@plain $make;
            units_are_visible_at_once_and_whole
            an_open_unit_can_be_forgotten
            a_refused_commit_leaves_the_unit_open
            deletes_hide_what_lies_below
            scans_merge_all_layers_in_order
            empty_and_odd_ranges
            pages_of_a_view_cover_it_all
            views_do_not_see_later_writes
            flushed_units_survive_a_reopening
            a_replacement_is_all_or_nothing
            a_replacement_switches_readers_but_not_views
            a_replacement_survives_a_crash
            groups_are_independent
            a_removed_group_is_closed_and_empty
            what_is_set_aside_is_kept_and_only_read
            a_closed_store_makes_way_for_the_next
        );
        $crate::store_conformance!(@seeded $make, $seed;
            a_crash_leaves_a_prefix_of_the_units
            random_work_equals_the_model
        );
    };
    (@plain $make:expr; $($case:ident)*) => {
        $(#[test] fn $case() { $crate::store::conformance::$case(&mut $make()); })*
    };
    (@seeded $make:expr, $seed:expr; $($case:ident)*) => {
        $(#[test] fn $case() { $crate::store::conformance::$case(&mut $make(), $seed()); })*
    };
}

/// A plain map with the same changes.
pub(crate) type Model = BTreeMap<Bytes, Bytes>;

const GROUP: GroupId = GroupId(1);

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn pair(key: &str, value: &str) -> Pair {
    (bytes(key), bytes(value))
}

fn put(store: &mut dyn StateStore, key: &str, value: &str) {
    store.put(key.as_bytes(), bytes(value));
}

/// Everything that a reader sees, also checked backwards.
fn content(read: &(impl StateRead + ?Sized)) -> Vec<Pair> {
    let pairs = read.scan(b"", None, usize::MAX).unwrap();
    let mut back = read.scan_back(b"", None, usize::MAX).unwrap();
    back.reverse();
    assert_eq!(pairs, back, "both directions see the same");
    pairs
}

fn source(pairs: &[Pair]) -> impl Iterator<Item = Result<Pair, StoreError>> {
    pairs.iter().cloned().map(Ok)
}

/// Random numbers from a seed (splitmix64).
pub struct Random(u64);

impl Random {
    /// A generator that always gives the same numbers for `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        super::memory::next_random(&mut self.0) % bound
    }
}
