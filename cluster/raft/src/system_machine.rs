//! The system group's state as a group's machine. `state_machine` comes before it, every part that
//! asks who is a member and where a shard lives after it. Guarantees: what watchers see is
//! committed; they see the last state, perhaps not each between. Left to others: acting on it.

use std::sync::Arc;

use bytes::Bytes;
use cluster::store::StateStore;
use cluster::{EntryStamp, System, SystemCommand, SystemEntry, SystemOutcome, SystemState};
use tokio::sync::watch;

use crate::machine::{Machine, MachineError};
use crate::proposer::Protocol;
use crate::time::ShardTime;

/// The system state over its store.
pub struct SystemMachine {
    system: Option<System>,
    states: watch::Sender<Arc<SystemState>>,
    time: Arc<ShardTime>,
}

impl SystemMachine {
    /// The state in that store; `states` gets it now and after every change, `time` its time.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn open(
        store: Box<dyn StateStore>,
        states: watch::Sender<Arc<SystemState>>,
        time: Arc<ShardTime>,
    ) -> Result<Self, MachineError> {
        let system = System::open(store).map_err(broken)?;
        states.send_replace(Arc::new(system.state().clone()));
        time.observe(system.state().time_ms);
        Ok(Self {
            system: Some(system),
            states,
            time,
        })
    }

    fn system(&mut self) -> &mut System {
        self.system
            .as_mut()
            .expect("the state is only away while its snapshot is installed")
    }

    fn publish(&mut self) {
        let state = Arc::new(self.system().state().clone());
        self.states.send_replace(state);
    }
}

fn broken(error: impl std::fmt::Display) -> MachineError {
    MachineError::Broken(error.to_string())
}

impl Machine for SystemMachine {
    fn apply(&mut self, _index: u64, data: &[u8]) -> Result<Vec<u8>, MachineError> {
        let entry = SystemEntry::decode(data).map_err(broken)?;
        let outcomes = self.system().apply(&entry).map_err(broken)?;
        let now_ms = self.system().state().time_ms;
        self.time.observe(now_ms);
        postcard::to_stdvec(&outcomes).map_err(broken)
    }

    fn committed(&mut self, _index: u64) {
        self.publish();
    }

    fn store(&mut self) -> &mut dyn StateStore {
        self.system().store_mut()
    }

    fn reload(&mut self) -> Result<(), MachineError> {
        let system = self
            .system
            .take()
            .expect("the state is only away while its snapshot is installed");
        self.system = Some(System::open(system.into_store()).map_err(broken)?);
        self.publish();
        let now_ms = self.system().state().time_ms;
        self.time.observe(now_ms);
        Ok(())
    }

    fn set_leading(&mut self, _leading: bool) -> Result<(), MachineError> {
        Ok(())
    }

    fn state_hash(&mut self) -> Result<[u8; 32], MachineError> {
        Ok(self.system().state_hash().0)
    }
}

/// Entries of the system group.
#[derive(Debug, Clone, Copy)]
pub struct SystemProtocol;

impl Protocol for SystemProtocol {
    type Command = SystemCommand;
    type Outcome = SystemOutcome;

    fn encode(stamp: EntryStamp, commands: Vec<SystemCommand>) -> Result<Bytes, String> {
        let entry = SystemEntry { stamp, commands };
        entry.encode().map_err(|error| error.to_string())
    }

    fn encode_commands(commands: &[SystemCommand]) -> Result<Bytes, String> {
        cluster::entry::encode_commands(commands).map_err(|error| error.to_string())
    }

    fn outcomes(bytes: &[u8]) -> Result<Vec<SystemOutcome>, String> {
        postcard::from_bytes(bytes).map_err(|error| error.to_string())
    }

    fn size(command: &SystemCommand) -> usize {
        const AROUND: usize = 512;
        AROUND
            + match command {
                SystemCommand::InstallProgram { program } => program.len(),
                _ => 0,
            }
    }

    fn is_of_client(_command: &SystemCommand) -> bool {
        false
    }
}
