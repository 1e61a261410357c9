//! Snapshots: a worker as bytes, and back.
//!
//! A host stores them between turns. The format has a version. Reading is bounded and checks the worker
//! against its program (`check`), so that no bytes make the machine meet a block that is not open or a
//! value of the wrong kind.

mod check;

use std::borrow::Cow;

use crate::data::{Address, Data};
use crate::limits::Limits;
use crate::program::{Program, ProgramHash};
use crate::tree::WorkerIndex;
use crate::worker::{Branch, Identity, Phase, Worker};
use serde::{Deserialize, Serialize};

/// The first byte of a snapshot.
pub const SNAPSHOT_VERSION: u8 = 2;

/// Why bytes are not a worker of a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Made by another version.
    #[error("the snapshot has format {found}, this version reads format {SNAPSHOT_VERSION}")]
    Version {
        /// The first byte.
        found: u8,
    },
    /// Not an encoding of a worker.
    #[error("the snapshot cannot be decoded: {0}")]
    Malformed(String),
    /// A worker of another program.
    #[error("the snapshot belongs to program {0}")]
    OtherProgram(ProgramHash),
    /// A worker that its program cannot have made.
    #[error("the worker does not fit its program: {0}")]
    Unfit(&'static str),
    /// More than the limits allow.
    #[error("the worker has {0}")]
    TooLarge(String),
}

/// Most workers take less: a vector that grew to it from nothing would be moved five times.
const USUAL_BYTES: usize = 256;

/// A worker as it is written, without a copy of it, and read.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    program: ProgramHash,
    definition: u32,
    identity: Cow<'a, Identity>,
    phase: Phase,
    config: Cow<'a, Data>,
    outbox: Cow<'a, Option<Address>>,
    branches: Cow<'a, [Branch]>,
    spawns: u64,
    timers: u64,
    calls: u64,
    step: u64,
}

impl Worker {
    /// Its bytes. They name the program that it belongs to.
    pub fn encode(&self, program: &Program) -> Vec<u8> {
        let stored = Stored {
            program: program.hash(),
            definition: self.definition.0,
            identity: Cow::Borrowed(&self.identity),
            phase: self.phase,
            config: Cow::Borrowed(&self.config),
            outbox: Cow::Borrowed(&self.outbox),
            branches: Cow::Borrowed(&self.branches),
            spawns: self.spawns,
            timers: self.timers,
            calls: self.calls,
            step: self.step,
        };
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        bytes.push(SNAPSHOT_VERSION);
        postcard::to_extend(&stored, bytes).expect("a worker holds only what can be encoded")
    }

    /// Reads a worker of a program and checks that the program can have made it.
    pub fn decode(
        bytes: &[u8],
        program: &Program,
        limits: &Limits,
    ) -> Result<Worker, SnapshotError> {
        let Some((version, content)) = bytes.split_first() else {
            return Err(SnapshotError::Malformed("there are no bytes".to_owned()));
        };
        if *version != SNAPSHOT_VERSION {
            return Err(SnapshotError::Version { found: *version });
        }
        let decoded = postcard::take_from_bytes::<Stored<'_>>(content);
        let (stored, rest) =
            decoded.map_err(|error| SnapshotError::Malformed(error.to_string()))?;
        if !rest.is_empty() {
            return Err(SnapshotError::Malformed(
                "there are bytes behind it".to_owned(),
            ));
        }
        if stored.program != program.hash() {
            return Err(SnapshotError::OtherProgram(stored.program));
        }
        let worker = restore(stored);
        check::check(&worker, program, limits)?;
        Ok(worker)
    }
}

fn restore(stored: Stored<'_>) -> Worker {
    Worker {
        definition: WorkerIndex(stored.definition),
        identity: stored.identity.into_owned(),
        phase: stored.phase,
        config: stored.config.into_owned(),
        outbox: stored.outbox.into_owned(),
        branches: stored.branches.into_owned(),
        spawns: stored.spawns,
        timers: stored.timers,
        calls: stored.calls,
        step: stored.step,
    }
}
