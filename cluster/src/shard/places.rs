//! Places for what is kept of addresses in memory, found by the hash of the address.
//!
//! Before it: `hot`, which keeps instances here. After it: nothing. Guarantees: an address has one place as
//! long as it is not made free; addresses of one hash are told apart. Leaves to others: the hash.

use std::collections::BTreeMap;

use transport::Address;

/// The places, of which each holds a `T` or, while that is taken out, nothing.
pub(super) struct Places<T> {
    /// The first place of those whose addresses have that hash.
    first: BTreeMap<u64, usize>,
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
}

struct Slot<T> {
    /// Whose it is, with the hash; none while it is free.
    owner: Option<(u64, Address)>,
    content: Option<T>,
    /// Another place whose address has the same hash.
    next: Option<usize>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Places {
            first: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Places<T> {
    /// How many there are, free ones too.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The place of an address.
    pub(super) fn find(&self, hash: u64, address: &Address) -> Option<usize> {
        let mut at = self.first.get(&hash).copied();
        while let Some(place) = at {
            let slot = &self.slots[place];
            if slot.owner.as_ref().is_some_and(|owner| owner.1 == *address) {
                break;
            }
            at = slot.next;
        }
        at
    }

    /// A place for an address that has none.
    pub(super) fn add(&mut self, hash: u64, address: Address) -> usize {
        let at = self.free.pop().unwrap_or(self.slots.len());
        let slot = Slot {
            next: self.first.insert(hash, at),
            owner: Some((hash, address)),
            content: None,
        };
        match self.slots.get_mut(at) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        at
    }

    /// What is in a place.
    pub(super) fn content(&mut self, at: usize) -> &mut Option<T> {
        &mut self.slots[at].content
    }

    /// Makes a place free for another address.
    pub(super) fn free(&mut self, at: usize) {
        let slot = &mut self.slots[at];
        slot.content = None;
        let next = slot.next.take();
        let (hash, _) = slot.owner.take().expect("a place is made free once");
        let first = self.first.get(&hash).copied();
        let mut before = first.expect("a place that is taken is found by its hash");
        if before == at {
            match next {
                Some(next) => self.first.insert(hash, next),
                None => self.first.remove(&hash),
            };
        } else {
            while let Some(other) = self.slots[before].next.filter(|other| *other != at) {
                before = other;
            }
            self.slots[before].next = next;
        }
        self.free.push(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transport::Namespace;

    fn address(number: usize) -> Address {
        Address::instance(Namespace::default(), "A", number.to_string()).unwrap()
    }

    #[test]
    fn addresses_of_one_hash_are_told_apart_in_any_order_of_leaving() {
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
            let mut places = Places::default();
            let hash = |number: usize| if number == 3 { 8 } else { 7 };
            for number in 0..4 {
                let at = places.add(hash(number), address(number));
                *places.content(at) = Some(number);
            }
            for (gone, number) in order.into_iter().enumerate() {
                let at = places.find(hash(number), &address(number)).unwrap();
                assert_eq!(places.content(at).take(), Some(number));
                places.free(at);
                for other in 0..4 {
                    let left = !order[..=gone].contains(&other);
                    let found = places.find(hash(other), &address(other));
                    assert_eq!(found.is_some(), left, "{order:?} {number} {other}");
                }
            }
            places.add(9, address(9));
            assert_eq!(places.len(), 4, "a free place is taken again");
        }
    }
}
