//! Of ten operations seven adds, two reads of a counter and a workflow: what a program that uses Troupe for
//! more than one thing does.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::adds::Adds;
use super::workflow::{Steps, Workflows};
use super::{Operation, Script, Work};
use crate::bench::servers::Servers;

enum Kind {
    Add,
    Read,
    Workflow,
}

/// The mixture.
pub(in crate::bench) struct Mixed {
    adds: Adds,
    workflows: Workflows,
    /// An add that was acknowledged, so that its counter can be read; none at first.
    added: AtomicU64,
}

/// Stands for no add.
const NONE: u64 = u64::MAX;

impl Mixed {
    /// Over so many counters and workers for steps.
    pub(in crate::bench) fn new(workers: u64) -> Mixed {
        Mixed {
            adds: Adds::new("", "mixed", workers),
            workflows: Workflows::new("mixed", Steps::Together, workers),
            added: AtomicU64::new(NONE),
        }
    }

    fn kind(number: u64) -> Kind {
        match number % 10 {
            0..7 => Kind::Add,
            7 | 8 => Kind::Read,
            _ => Kind::Workflow,
        }
    }
}

impl Work for Mixed {
    fn name(&self) -> String {
        "mixed: adds, reads, workflows".to_owned()
    }

    fn scripts(&self) -> Vec<Script> {
        [self.adds.scripts(), self.workflows.scripts()].concat()
    }

    fn operation(&self, number: u64) -> Operation {
        match Mixed::kind(number) {
            Kind::Add => self.adds.operation(number),
            Kind::Read => match self.added.load(Ordering::Relaxed) {
                NONE => Servers::read_first(),
                added => self.adds.read(added),
            },
            Kind::Workflow => self.workflows.operation(number),
        }
    }

    fn done(&self, number: u64, answer: &Bytes) -> Result<(), String> {
        match Mixed::kind(number) {
            Kind::Add => {
                self.added.store(number, Ordering::Relaxed);
                self.adds.done(number, answer)
            }
            Kind::Read => Ok(()),
            Kind::Workflow => self.workflows.done(number, answer),
        }
    }

    fn unknown(&self, number: u64) {
        match Mixed::kind(number) {
            Kind::Add => self.adds.unknown(number),
            Kind::Read => {}
            Kind::Workflow => self.workflows.unknown(number),
        }
    }

    async fn check(&self, servers: &Servers) -> anyhow::Result<String> {
        let adds = self.adds.check(servers).await?;
        let workflows = self.workflows.check(servers).await?;
        Ok(format!("{adds}; {workflows}"))
    }
}
