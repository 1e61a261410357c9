//! The memory of a turn, which the next one uses again.
//!
//! Before: what enters a turn, and what the machine makes in it. After: `Value`, which borrows from here
//! and is copied freely. Guarantees: what is kept stays where it is until the memory is cleared; keeping
//! takes no memory of its own for the first few; how much is kept is charged by the machine, not here.
//! What is used again has nothing in it, and is bounded.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use smallvec::SmallVec;

use crate::data::Data;
use crate::heap::Heap;
use crate::machine::Calls;
use crate::regex::Scratch;
use crate::text::Text;

/// Places in the first shelf, which lies in the memory itself.
const FIRST: usize = 8;

/// Shelves with more places than this are not kept for the next turn.
const KEPT_MAX: usize = 4_096;

/// Shelves behind the first; each has twice the places of the one before.
const SHELVES: usize = 28;

/// Frozen data and texts of one turn, and the room for what it makes.
#[derive(Default)]
pub struct Memory {
    data: Shelves<Data>,
    texts: Shelves<Text>,
    room: Cell<Option<Box<Room>>>,
}

/// Memory of turns that have ended, for turns to come. In boxes: it is some hundred bytes, which would move at
/// each turn.
#[derive(Default)]
pub(crate) struct Spare(Mutex<SmallVec<[Box<Memory>; SPARE_MAX]>>);

/// More turns than this at once are few: their memory goes.
const SPARE_MAX: usize = 8;

impl Spare {
    /// Memory in which nothing is kept.
    pub(crate) fn take(&self) -> Box<Memory> {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spare.pop().unwrap_or_default()
    }

    /// Gives memory back once its turn has ended.
    pub(crate) fn give_back(&self, mut memory: Box<Memory>) {
        memory.clear();
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE_MAX {
            spare.push(memory);
        }
    }
}

impl Clone for Spare {
    fn clone(&self) -> Spare {
        Spare::default()
    }
}

impl fmt::Debug for Spare {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Spare")
    }
}

/// Room that a machine works in, empty.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(crate) heap: Heap<'static>,
    pub(crate) scratch: Scratch,
    pub(crate) calls: Calls<'static>,
}

impl Memory {
    /// Keeps data.
    #[inline]
    pub fn keep(&self, data: Data) -> &Data {
        self.data.keep(data)
    }

    /// Keeps a text.
    #[inline]
    pub fn keep_text(&self, text: Text) -> &Text {
        self.texts.keep(text)
    }

    /// Forgets what is kept, and keeps the room for the next turn.
    pub fn clear(&mut self) {
        self.data.clear();
        self.texts.clear();
    }

    /// The room that was given back last.
    pub(crate) fn take_room(&self) -> Option<Box<Room>> {
        self.room.take()
    }

    /// Gives room back.
    pub(crate) fn give_back(&self, room: Box<Room>) {
        self.room.set(Some(room));
    }
}

/// A shelf, which never grows.
type Shelf<T> = Box<[OnceCell<T>]>;

/// Things of one kind that stay where they are.
#[derive(Debug)]
struct Shelves<T> {
    count: Cell<usize>,
    first: [OnceCell<T>; FIRST],
    others: OnceCell<Box<[OnceCell<Shelf<T>>; SHELVES]>>,
}

impl<T> Default for Shelves<T> {
    fn default() -> Self {
        Shelves {
            count: Cell::new(0),
            first: [const { OnceCell::new() }; FIRST],
            others: OnceCell::new(),
        }
    }
}

impl<T> Shelves<T> {
    #[inline]
    fn keep(&self, thing: T) -> &T {
        let at = self.count.get();
        self.count.set(at + 1);
        match self.first.get(at) {
            Some(place) => put(place, thing),
            None => self.keep_behind(at, thing),
        }
    }

    /// Shelf n begins at place `FIRST << n`.
    fn keep_behind(&self, at: usize, thing: T) -> &T {
        let shelf = (at / FIRST).ilog2();
        let start = FIRST << shelf;
        let others = self
            .others
            .get_or_init(|| Box::new([const { OnceCell::new() }; SHELVES]));
        let shelf = others[shelf as usize]
            .get_or_init(|| std::iter::repeat_with(OnceCell::new).take(start).collect());
        put(&shelf[at - start], thing)
    }

    fn clear(&mut self) {
        let count = self.count.replace(0);
        self.first.iter_mut().take(count).for_each(drop_thing);
        if count > FIRST {
            self.clear_behind(count);
        }
    }

    /// Shelves of more than some thousand things go.
    fn clear_behind(&mut self, count: usize) {
        let Some(others) = self.others.get_mut() else {
            return;
        };
        for (shelf, places) in others.iter_mut().enumerate() {
            let start = FIRST << shelf;
            match places.get_mut() {
                None => break,
                Some(_) if start > KEPT_MAX => drop_thing(places),
                Some(places) => {
                    let used = count.saturating_sub(start);
                    places.iter_mut().take(used).for_each(drop_thing);
                }
            }
        }
    }
}

/// Puts a thing into its place, which is empty: places are used once until all are cleared.
#[inline(always)]
fn put<T>(place: &OnceCell<T>, thing: T) -> &T {
    let is_put = place.set(thing).is_ok();
    debug_assert!(is_put, "a place is used once");
    place.get().expect("the place was just filled")
}

fn drop_thing<T>(place: &mut OnceCell<T>) {
    place.take();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_stay_until_all_are_forgotten() {
        let mut memory = Memory::default();
        for count in [3, 1_000, 20_000, 5] {
            let kept: Vec<&Data> = (0..count)
                .map(|at| memory.keep(Data::Number(f64::from(at))))
                .collect();
            let texts: Vec<&Text> = (0..count)
                .map(|at| memory.keep_text(Text::from(format!("text {at}"))))
                .collect();
            for (at, (data, text)) in kept.into_iter().zip(texts).enumerate() {
                assert_eq!(*data, Data::Number(at as f64));
                assert_eq!(text.to_string(), format!("text {at}"));
            }
            memory.clear();
        }
    }
}
