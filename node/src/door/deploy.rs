//! Deploys scripts: compiles them, installs the programs in every shard, then gives them their names. The
//! two steps are apart so that a program that a message names is always known where it arrives. Every
//! step may be repeated: a deploy that was cut off is finished by deploying again.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use cluster::BuiltIn;
use cluster::command::{Activate, Command, Install};
use cluster::message::ProgramId;
use cluster::outcome::Outcome;
use cluster::system::{ActivateNames, SystemCommand, SystemOutcome};
use futures::future::try_join_all;
use transport::{Address, Namespace};
use vm::Program;

use super::{Door, DoorError};

/// Scripts to install, with the files that they import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    /// The files that become programs, each with what it imports.
    pub entries: Vec<String>,
    /// The text of every file by its path from one root.
    pub files: BTreeMap<String, String>,
}

/// One program that was installed.
pub struct Deployed {
    /// The file that it came from.
    pub file: String,
    /// The program.
    pub program: Program,
    /// What the compiler advises.
    pub lints: Vec<vm::Diagnostic>,
    /// Its files under the paths that they were given.
    pub sources: vm::Sources,
}

impl Door {
    /// Compiles and installs scripts; all of them or none.
    ///
    /// # Errors
    /// A script does not compile (nothing was changed then), two files make a worker of one name, or a
    /// shard has no leader in time.
    pub async fn deploy(
        &self,
        namespace: &Namespace,
        scripts: &Scripts,
    ) -> Result<Vec<Deployed>, DoorError> {
        let deployed = compile(scripts)?;
        let names = names(&deployed)?;
        try_join_all(deployed.iter().map(|each| self.install(&each.program))).await?;
        self.activate(namespace, names, Vec::new()).await?;
        Ok(deployed)
    }

    /// Takes a name away. Instances that run go on with their program; messages to the name wait as for a
    /// service that nobody serves, until it is deployed again or their time is over.
    ///
    /// # Errors
    /// No worker has the name, or a shard has no leader in time.
    pub async fn undeploy(&self, name: &Address) -> Result<ProgramId, DoorError> {
        let program = self.require_worker(name).await?;
        let removed = vec![name.name().to_owned()];
        self.activate(name.namespace(), Vec::new(), removed).await?;
        Ok(program)
    }

    /// Gives names and takes names away, in every shard.
    async fn activate(
        &self,
        namespace: &Namespace,
        names: Vec<(String, ProgramId)>,
        removed: Vec<String>,
    ) -> Result<(), DoorError> {
        let change = ActivateNames {
            namespace: namespace.clone(),
            names: names.clone(),
            removed: removed.clone(),
        };
        let version = self.record(SystemCommand::ActivateNames(change)).await?;
        let command = Command::Activate(Activate {
            namespace: namespace.clone(),
            version,
            names,
            removed,
        });
        self.propose_everywhere(&command).await
    }

    /// Names that the programs send to and that no worker serves.
    #[must_use]
    pub fn unserved(&self, namespace: &Namespace, deployed: &[Deployed]) -> Vec<String> {
        let system = self.system();
        let used: BTreeSet<&str> = deployed
            .iter()
            .flat_map(|each| each.program.names_used())
            .collect();
        used.into_iter()
            .filter(|name| BuiltIn::of(name).is_none())
            .filter(|name| {
                !system
                    .names
                    .contains_key(&(namespace.clone(), (*name).to_owned()))
            })
            .map(str::to_owned)
            .collect()
    }

    async fn install(&self, program: &Program) -> Result<(), DoorError> {
        let bytes = Bytes::from(program.encode());
        self.record(SystemCommand::InstallProgram {
            program: bytes.clone(),
        })
        .await?;
        self.propose_everywhere(&Command::Install(Install { program: bytes }))
            .await
    }

    async fn record(&self, command: SystemCommand) -> Result<u64, DoorError> {
        match self.propose_system(command).await? {
            SystemOutcome::Done { version } => Ok(version),
            SystemOutcome::Refused(refusal) => Err(DoorError::Refused(refusal)),
        }
    }

    async fn propose_everywhere(&self, command: &Command) -> Result<(), DoorError> {
        let proposed = self
            .shards()
            .into_iter()
            .map(|shard| self.propose(shard, command.clone()));
        for outcome in try_join_all(proposed).await? {
            if let Outcome::Refused(refusal) = outcome {
                return Err(DoorError::Refused(refusal));
            }
        }
        Ok(())
    }
}

fn compile(scripts: &Scripts) -> Result<Vec<Deployed>, DoorError> {
    let (mut deployed, mut errors) = (Vec::new(), Vec::new());
    for entry in &scripts.entries {
        match vm::compile_files(entry, &scripts.files, &vm::BuildLimits::default()) {
            Ok(compiled) => deployed.push(Deployed {
                file: entry.clone(),
                program: compiled.program,
                lints: compiled.lints,
                sources: compiled.sources,
            }),
            Err(rejected) => errors.extend(rejected.rendered(false)),
        }
    }
    if errors.is_empty() {
        Ok(deployed)
    } else {
        Err(DoorError::Script(errors))
    }
}

fn names(deployed: &[Deployed]) -> Result<Vec<(String, ProgramId)>, DoorError> {
    let mut names: Vec<(String, ProgramId)> = Vec::new();
    for each in deployed {
        for worker in each.program.workers().filter(|worker| worker.exported) {
            if names.iter().any(|(name, _)| *name == worker.name) {
                let detail = format!("two of the files make a worker `{}`", worker.name);
                return Err(DoorError::BadRequest(detail));
            }
            names.push((worker.name.clone(), ProgramId(each.program.hash().0)));
        }
    }
    Ok(names)
}
