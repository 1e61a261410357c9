//! Random work on one group, compared with plain maps: one per unit that a crash may go back to.
//!
//! Before it: `store_conformance!`. After it: nothing.

use std::sync::Arc;

use super::*;
use crate::store::merge::Range;
use crate::store::{StateReader, StoreView};

/// How many steps one run takes.
const STEPS: usize = 1500;

/// A store with what it should hold.
struct Run {
    store: Option<Box<dyn StateStore>>,
    reader: Arc<dyn StateReader>,
    /// What the store should show, open unit included.
    open: Model,
    /// What each unit left that a crash may go back to, oldest first; the last is the newest.
    units: Vec<(u64, Model)>,
    views: Vec<(Box<dyn StoreView>, Model)>,
    random: Random,
}

/// Puts, deletes, commits, rollbacks, flushes, scans, views, replacements and crashes by chance.
pub fn random_work_equals_the_model(subject: &mut impl Subject, seed: u64) {
    println!("seed {seed}");
    let store = subject.stores().open(GROUP).unwrap();
    let mut run = Run {
        reader: store.reader(),
        store: Some(store),
        open: Model::new(),
        units: vec![(0, Model::new())],
        views: Vec::new(),
        random: Random::new(seed),
    };
    for _ in 0..STEPS {
        match run.random.below(100) {
            0..45 => run.change(),
            45..60 => run.commit(),
            60..63 => run.rollback(),
            63..66 => run.flush(),
            66..69 => run.view(),
            69 => run.replace(),
            70..72 => run.crash(subject),
            72..80 => run.check_views(),
            _ => run.check(),
        }
    }
}

impl Run {
    fn store(&mut self) -> &mut dyn StateStore {
        &mut **self.store.as_mut().unwrap()
    }

    fn newest(&self) -> &(u64, Model) {
        self.units.last().unwrap()
    }

    /// Few keys, so that changes meet; some are prefixes of others.
    fn key(&mut self) -> Bytes {
        let number = self.random.below(40);
        let length = 1 + self.random.below(3) as usize;
        Bytes::from(vec![b'a' + (number % 13) as u8; length])
    }

    fn change(&mut self) {
        let key = self.key();
        if self.random.below(3) == 0 {
            self.open.remove(&key);
            self.store().delete(&key);
        } else {
            let length = self.random.below(300) as usize;
            let value = Bytes::from(vec![self.random.below(256) as u8; length]);
            let before = self.open.insert(key.clone(), value.clone());
            match before {
                None => self.store().put_new(&key, value),
                Some(_) => self.store().put(&key, value),
            }
        }
    }

    fn commit(&mut self) {
        let index = self.newest().0 + 1 + self.random.below(2);
        self.store().commit(index).unwrap();
        self.units.push((index, self.open.clone()));
    }

    fn rollback(&mut self) {
        self.store().rollback();
        self.open = self.newest().1.clone();
    }

    fn flush(&mut self) {
        if self.random.below(2) == 0 {
            return self.store().request_flush();
        }
        self.store().flush().unwrap();
        let newest = self.newest().clone();
        assert_eq!(self.store().flushed(), newest.0);
        self.units = vec![newest];
    }

    fn view(&mut self) {
        let least = self.store().flushed();
        let view = self.store().reader().view().unwrap();
        assert!(view.index() >= least && view.index() <= self.store().flushed());
        let unit = self.units.iter().find(|unit| unit.0 == view.index());
        let model = unit.unwrap().1.clone();
        self.views.push((view, model));
        if self.views.len() > 3 {
            self.views.remove(0);
        }
    }

    fn replace(&mut self) {
        let index =
            self.newest().0 + self.random.below(9) - self.random.below(9).min(self.newest().0);
        let mut new = Model::new();
        for _ in 0..self.random.below(60) {
            new.insert(self.key(), bytes("replaced"));
        }
        let pairs: Vec<Pair> = new.clone().into_iter().collect();
        self.store().replace(index, &mut source(&pairs)).unwrap();
        self.open = new.clone();
        self.units = vec![(index, new)];
    }

    fn crash(&mut self, subject: &mut impl Subject) {
        let flushed = self.store().flushed();
        let open = self.store.take().into_iter().collect();
        let seed = self.random.below(u64::MAX);
        self.views.clear();
        subject.crash(open, seed);
        let gone = self.reader.scan(b"", None, 1);
        assert!(matches!(gone, Err(StoreError::Closed { .. })));
        let store = subject.stores().open(GROUP).unwrap();
        let index = store.committed();
        assert!(index >= flushed, "{index} is before {flushed}");
        self.reader = store.reader();
        self.store = Some(store);
        let unit = self.units.iter().find(|unit| unit.0 == index);
        self.units = vec![unit.expect("a unit that was committed").clone()];
        self.open = self.newest().1.clone();
        self.check();
    }

    fn check(&mut self) {
        let (mut from, mut until) = (self.key(), Some(self.key()));
        match self.random.below(4) {
            0 => from = Bytes::new(),
            1 => until = None,
            _ => {}
        }
        let range = Range {
            from: &from,
            until: until.as_deref(),
            back: self.random.below(2) == 0,
            limit: self.random.below(12) as usize,
        };
        let key = self.key();
        let store = self.store.as_deref().unwrap();
        let (index, newest) = self.newest();
        assert_eq!(scan(store, &range), expected(&self.open, &range));
        assert_eq!(scan(&*self.reader, &range), expected(newest, &range));
        assert_eq!(store.get(&key).unwrap().as_ref(), self.open.get(&key));
        assert_eq!(self.reader.get(&key).unwrap().as_ref(), newest.get(&key));
        assert_eq!(
            (store.committed(), self.reader.committed()),
            (*index, *index)
        );
        assert!(store.flushed() <= *index);
    }

    fn check_views(&mut self) {
        for (view, model) in &self.views {
            let model: Vec<Pair> = model.clone().into_iter().collect();
            assert_eq!(view.page(None, usize::MAX).unwrap(), model);
            assert_eq!(content(&**view), model);
        }
    }
}

fn scan(read: &(impl StateRead + ?Sized), range: &Range<'_>) -> Vec<Pair> {
    let found = if range.back {
        read.scan_back(range.from, range.until, range.limit)
    } else {
        read.scan(range.from, range.until, range.limit)
    };
    found.unwrap()
}

fn expected(model: &Model, range: &Range<'_>) -> Vec<Pair> {
    let inside = |key: &Bytes| *key >= range.from && range.until.is_none_or(|until| *key < until);
    let mut pairs: Vec<Pair> = model
        .clone()
        .into_iter()
        .filter(|(key, _)| inside(key))
        .collect();
    if range.back {
        pairs.reverse();
    }
    pairs.truncate(range.limit);
    pairs
}
