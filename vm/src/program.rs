//! A compiled program: everything that its workers need, in one value that is named by its hash.
//!
//! `compile` makes it, deploying carries it, `turn` runs it. Decoding verifies all of it, so that bytes
//! from a log or a bus never reach the machine unchecked.

use crate::bytecode::Code;
use crate::control::code::{ControlCode, Layout};
use crate::control::instruction::{BlockIndex, Operand};
use crate::control::verify;
use crate::data::Data;
use crate::error::ScriptError;
use crate::limits::{Limit, Limits};
use crate::memory::Spare;
use crate::options::WorkerOptions;
use crate::schedule::Schedule;
use crate::source::{Source, Sources, Span};
use crate::tree::{Handle, WorkerIndex};
use crate::verify::VerifyError;
use serde::{Deserialize, Serialize};

/// The first byte of an encoded program.
pub const PROGRAM_VERSION: u8 = 3;

/// The name of a program: the BLAKE3 hash of its encoding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProgramHash(pub [u8; 32]);

impl std::fmt::Display for ProgramHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl std::fmt::Debug for ProgramHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ProgramHash({self})")
    }
}

/// A compiled program.
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) content: Content,
    hash: ProgramHash,
    /// For the turns of its workers.
    pub(crate) spare: Spare,
}

/// What is encoded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) code: Code,
    pub(crate) workers: Vec<WorkerDefinition>,
    pub(crate) names_used: Vec<String>,
}

/// One worker of a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorkerDefinition {
    /// Its name, unique in the program.
    pub name: String,
    /// What the script says about it.
    pub options: WorkerOptions,
    /// Whether it can be addressed; one that is not exported can only be spawned.
    pub exported: bool,
    /// The call of `act`.
    pub span: Span,
    /// Its instructions.
    pub(crate) code: ControlCode,
    #[serde(skip)]
    pub(crate) layout: Layout,
}

impl WorkerDefinition {
    /// The block that keeps the value of a handle.
    pub(crate) fn block_of(&self, handle: Handle) -> Option<BlockIndex> {
        self.layout.block_of(handle)
    }
}

/// Why bytes are not a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// More bytes than a program may have.
    #[error("the program has {0}")]
    TooLarge(String),
    /// Made by another version.
    #[error("the program has format {found}, this version reads format {PROGRAM_VERSION}")]
    Version {
        /// The first byte.
        found: u8,
    },
    /// Not an encoding of a program.
    #[error("the program cannot be decoded: {0}")]
    Malformed(String),
    /// Control code that is not sound.
    #[error("worker `{worker}`: {error}")]
    Control {
        /// Whose.
        worker: String,
        /// What is wrong, and at which instruction.
        error: String,
    },
    /// Functions that are not sound.
    #[error("{0}")]
    Code(#[from] VerifyError),
    /// Functions that call a built-in that this version does not have.
    #[error("the program uses `{0}`, which this version does not have")]
    UnknownBuiltIn(String),
    /// Two workers of one name, or none.
    #[error("the program's workers have no names, or the same")]
    Names,
}

impl Program {
    /// Verifies and names a program.
    pub(crate) fn new(mut content: Content, limits: &Limits) -> Result<Program, ProgramError> {
        crate::verify::verify(&mut content.code)?;
        let bytes = encode(&content)?;
        Program::checked(content, &bytes, limits)
    }

    fn checked(
        mut content: Content,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Program, ProgramError> {
        if bytes.len() as u64 > limits.program_bytes {
            return Err(ProgramError::TooLarge(Limit::ProgramBytes.message(limits)));
        }
        let count = content.workers.len();
        let mut names: Vec<&str> = content
            .workers
            .iter()
            .map(|worker| worker.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        if count == 0 || names.len() != count || names.contains(&"") {
            return Err(ProgramError::Names);
        }
        for worker in &mut content.workers {
            let checked = verify::verify(&worker.code, count);
            worker.layout = checked.map_err(|error| ProgramError::Control {
                worker: worker.name.clone(),
                error: error.to_string(),
            })?;
        }
        for worker in &content.workers {
            if let Some(schedule) = &worker.options.schedule {
                Schedule::parse(&schedule.text, schedule.missed)
                    .map_err(|error| ProgramError::Malformed(error.to_string()))?;
            }
        }
        if content.code.sources.is_empty() || content.code.functions.is_empty() {
            return Err(ProgramError::Malformed(
                "there is no source or no function".to_owned(),
            ));
        }
        crate::verify::verify(&mut content.code)?;
        content.code.link().map_err(ProgramError::UnknownBuiltIn)?;
        for constant in content.workers.iter().flat_map(constants) {
            crate::verify::verify_data(&content.code, constant)?;
        }
        Ok(Program {
            content,
            hash: ProgramHash(*blake3::hash(bytes).as_bytes()),
            spare: Spare::default(),
        })
    }

    /// The hash that names it.
    pub fn hash(&self) -> ProgramHash {
        self.hash
    }

    /// Its bytes: a version and the content.
    pub fn encode(&self) -> Vec<u8> {
        encode(&self.content).expect("a program that was made once can be encoded again")
    }

    /// Reads and verifies a program.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Program, ProgramError> {
        if bytes.len() as u64 > limits.program_bytes {
            return Err(ProgramError::TooLarge(Limit::ProgramBytes.message(limits)));
        }
        let Some((version, content)) = bytes.split_first() else {
            return Err(ProgramError::Malformed("there are no bytes".to_owned()));
        };
        if *version != PROGRAM_VERSION {
            return Err(ProgramError::Version { found: *version });
        }
        let decoded = postcard::take_from_bytes::<Content>(content);
        let (content, rest) =
            decoded.map_err(|error| ProgramError::Malformed(error.to_string()))?;
        if !rest.is_empty() {
            return Err(ProgramError::Malformed(
                "there are bytes behind it".to_owned(),
            ));
        }
        Program::checked(content, bytes, limits)
    }

    /// Its workers, in the order of the module.
    pub fn workers(&self) -> impl Iterator<Item = &WorkerDefinition> {
        self.content.workers.iter()
    }

    /// A worker by name.
    pub fn worker(&self, name: &str) -> Option<&WorkerDefinition> {
        self.workers().find(|worker| worker.name == name)
    }

    /// A worker by index.
    pub(crate) fn definition(&self, index: WorkerIndex) -> Option<&WorkerDefinition> {
        self.content.workers.get(index.0 as usize)
    }

    /// The index of a worker.
    pub(crate) fn index_of(&self, name: &str) -> Option<WorkerIndex> {
        self.content
            .workers
            .iter()
            .position(|worker| worker.name == name)
            .map(|index| WorkerIndex(index as u32))
    }

    /// Names that the scripts send to and that are no workers of the program, in the order of first use.
    pub fn names_used(&self) -> impl Iterator<Item = &str> {
        self.content.names_used.iter().map(String::as_str)
    }

    /// The script that it was made from; what that imports stands behind it in `sources`.
    pub fn source(&self) -> &Source {
        let entry = self.sources().iter().next();
        entry.expect("verified code has a source")
    }

    /// All files that it was made from, the entry first.
    pub fn sources(&self) -> &Sources {
        &self.content.code.sources
    }

    /// Its functions.
    pub(crate) fn code(&self) -> &Code {
        &self.content.code
    }

    /// The key of the instance that takes a message, for a worker with `key`. Without time and chance.
    pub fn key_of(
        &self,
        worker: &str,
        message: &Data,
        limits: &Limits,
    ) -> Result<String, ScriptError> {
        crate::run::key_of(self, worker, message, limits)
    }
}

fn encode(content: &Content) -> Result<Vec<u8>, ProgramError> {
    postcard::to_extend(content, vec![PROGRAM_VERSION])
        .map_err(|error| ProgramError::Malformed(error.to_string()))
}

/// Every constant and function that control code or options hold.
fn constants(worker: &WorkerDefinition) -> impl Iterator<Item = &Data> {
    let operands = worker
        .code
        .operands
        .iter()
        .filter_map(|operand| match operand {
            Operand::Value(data) => Some(data),
            Operand::Read { selector, .. } => Some(selector),
            Operand::Compute { combiner, .. } => Some(combiner),
            _ => None,
        });
    operands.chain(worker.options.key.as_ref())
}
