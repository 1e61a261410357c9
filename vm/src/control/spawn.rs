//! `spawn` and `kill`: the starts and ends of other workers.
//!
//! A child's key is known within the turn: a hash of the run id and of how many children came before.
//! Killing oneself ends the turn at once.

use super::instruction::{BlockIndex, OperandIndex};
use super::{End, Flow, Run};
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::tree::WorkerIndex;
use crate::turn::Effect;
use crate::value::Value;
use crate::worker::{Identity, Slot};

/// What a child key begins with.
pub(crate) const CHILD_KEY_PREFIX: char = '~';

/// The key of the child number `spawn` of a run: `~` and 32 hexadecimal digits.
pub(crate) fn child_key(run: &[u8; 16], spawn: u64) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("troupe child key 1");
    hasher.update(run);
    hasher.update(&spawn.to_le_bytes());
    let hash = hasher.finalize().to_hex();
    format!("{CHILD_KEY_PREFIX}{}", &hash.as_str()[..32])
}

impl Run<'_> {
    /// Starts a child and opens the block that knows its address.
    pub(super) fn spawn(
        &mut self,
        block: BlockIndex,
        worker: WorkerIndex,
        config: OperandIndex,
        watch: bool,
    ) -> Result<Flow, ScriptError> {
        let program = self.program;
        let definition = program
            .definition(worker)
            .ok_or_else(|| ScriptError::corrupt("a spawned worker is not in the program"))?;
        let value = self.evaluate(config)?;
        let (config, outbox) = match value {
            Value::Frozen(Data::Address(address)) => (Data::Undefined, Address::clone(address)),
            value if value.is_undefined() => (Data::Undefined, self.identity.address.clone()),
            other => (self.normalise(&other)?, self.identity.address.clone()),
        };
        self.count_send()?;
        let Identity { run, .. } = self.identity;
        let child = Address::keyed(definition.name.clone(), child_key(run, self.next.spawns));
        self.next.spawns += 1;
        let worker = definition.name.clone();
        self.effects.push(Effect::Spawn {
            child: child.clone(),
            worker,
            config,
            outbox: Some(outbox),
            watch,
        });
        self.enter(block, Some(Slot::Child(Data::from(child))))
    }

    /// Ends a worker; oneself at once.
    pub(super) fn kill(&mut self, target: OperandIndex) -> Result<Flow, ScriptError> {
        let value = self.evaluate(target)?;
        let target = self.address(&value, "kill")?;
        if target == self.identity.address {
            return Ok(Flow::Stop(End::KilledSelf));
        }
        self.count_send()?;
        self.effects.push(Effect::Kill { target });
        self.advance()
    }
}
