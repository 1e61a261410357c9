//! Keeps old segments from being pinned by a few live entries: they are written again at the head
//! of the log, and the old segment becomes free. The writer asks it before each batch. Guarantees:
//! an entry moves only while it is live, and at a bounded number of bytes per batch; moving stops
//! when most of what is on disk is live anyway. Left to others: purging what nobody needs.

use std::collections::VecDeque;
use std::sync::Arc;

use super::GroupId;
use super::index::Location;
use super::read::Place;
use super::state::State;
use crate::limits::LogLimits;

/// An entry to be written again.
pub(super) struct Move {
    pub(super) place: Place,
}

/// What is left to be moved out of the oldest segment.
#[derive(Default)]
pub(super) struct Relief {
    left: VecDeque<(GroupId, u64, Location)>,
    /// A segment that cannot be read: it stays.
    given_up: Option<u32>,
    /// There is no room to move anything to, until something has been written again.
    pub(super) paused: bool,
}

impl Relief {
    /// The next entries to move, if any; `active` is never moved from.
    pub(super) fn take(&mut self, state: &State, limits: &LogLimits, active: u32) -> Vec<Move> {
        if self.paused {
            return Vec::new();
        }
        if self.left.is_empty() && self.is_due(state, limits, active) {
            self.plan(state);
        }
        let mut moves = Vec::new();
        let mut bytes = 0;
        let bytes_max = limits.write_bytes_max / 4;
        while bytes < bytes_max
            && let Some((group, index, location)) = self.left.pop_front()
        {
            let known = state
                .groups
                .get(&group)
                .and_then(|entry| entry.index.get(index));
            let Some(segment) = state.segments.get(&location.segment) else {
                continue;
            };
            if known != Some(location) {
                continue;
            }
            bytes += location.length;
            moves.push(Move {
                place: Place {
                    group,
                    index,
                    location,
                    file: Arc::clone(&segment.file),
                    seed: segment.seed,
                },
            });
        }
        moves
    }

    /// Leaves a segment alone from now on.
    pub(super) fn give_up(&mut self, segment: u32) {
        self.left.clear();
        self.given_up = Some(segment);
    }

    fn is_due(&self, state: &State, limits: &LogLimits, active: u32) -> bool {
        let used = state.segments.len() as u64;
        let Some(oldest) = state.segments.keys().next() else {
            return false;
        };
        // With more than half of it live, moving would write more than it frees.
        let closed_bytes = used.saturating_sub(1) * u64::from(limits.segment_bytes);
        used > u64::from(limits.segments_pinned_max)
            && *oldest != active
            && self.given_up != Some(*oldest)
            && state.live_bytes * 2 < closed_bytes
    }

    fn plan(&mut self, state: &State) {
        let Some(oldest) = state.segments.keys().next().copied() else {
            return;
        };
        for (group, entry) in &state.groups {
            let live = entry
                .index
                .iter()
                .filter(|(_, location)| location.segment == oldest)
                .map(|(index, location)| (*group, index, location));
            self.left.extend(live);
        }
    }
}

impl State {
    /// Gives an entry its place, unless it was dropped while it was written.
    pub(super) fn place_entry(
        &mut self,
        group: GroupId,
        index: u64,
        ticket: u32,
        location: Location,
    ) {
        if let Some(entry) = self.groups.get_mut(&group)
            && let Some(known) = entry.index.get(index)
            && known.is_waiting_for(ticket)
        {
            entry.index.set(index, location);
            self.add_live(location.segment, location.length);
        }
    }

    /// Gives a moved entry its new place, unless it was dropped while it was written.
    pub(super) fn place_moved(&mut self, moved: &Move, location: Location) {
        let place = &moved.place;
        if let Some(entry) = self.groups.get_mut(&place.group)
            && entry.index.get(place.index) == Some(place.location)
        {
            entry.index.set(place.index, location);
            self.add_live(location.segment, location.length);
            let old = place.location;
            self.remove_live(old.segment, 1, u64::from(old.length));
        }
    }
}
