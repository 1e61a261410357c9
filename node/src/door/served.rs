//! What serves a name, and what is said where nothing does. Comes before everything that needs a worker;
//! after a deploy. Guarantees: a name that another node has just deployed is found, and who misspells one is
//! told what was meant. Leaves to others: decoding twice (`programs`).

use std::sync::Arc;

use cluster::codes;
use cluster::engine::script;
use cluster::message::ProgramId;
use cluster::outcome::Refusal;
use cluster::record::InstanceStatus;
use transport::{Address, Namespace};
use vm::Program;

use super::{Answer, Consistency, DEFAULT_KEY, Door, DoorError, Query, mismatch};

impl Door {
    /// Refuses a name that no worker serves. A program that serves it on the bus is spoken to there.
    ///
    /// # Errors
    /// `E-unknown-worker`, or the home shard of the name cannot be read.
    pub async fn require_worker(&self, to: &Address) -> Result<ProgramId, DoorError> {
        let serving = self.serving(to).await?;
        serving.ok_or_else(|| self.unknown_worker(to))
    }

    /// As [`Door::require_worker`], and lets messages through to what runs although its name was taken away.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn require_receiver(&self, to: &Address) -> Result<(), DoorError> {
        if self.serving(to).await?.is_some() {
            return Ok(());
        }
        let found = match to.key() {
            Some(_) => self.instance(to, Consistency::Linearisable).await?,
            None => None,
        };
        match found {
            Some(found) if found.view.status == InstanceStatus::Running => Ok(()),
            _ => Err(self.unknown_worker(to)),
        }
    }

    /// The program that serves a name, where one does.
    ///
    /// # Errors
    /// The home shard of the name cannot be read.
    pub async fn serving(&self, to: &Address) -> Result<Option<ProgramId>, DoorError> {
        let name = (to.namespace().clone(), to.name().to_owned());
        if let Some(active) = self.system().names.get(&name) {
            return Ok(Some(active.program));
        }
        // This node may not have heard of the latest deploy yet; the name's home has.
        let bare = to.without_key();
        let query = Query::Name(bare.clone());
        let home = self.shard_of(&bare)?;
        match self.ask(home, query, Consistency::Linearisable).await? {
            Answer::Name(program) => Ok(program),
            _ => Err(mismatch()),
        }
    }

    /// A program that some shard holds; every shard holds each.
    ///
    /// # Errors
    /// The shard cannot be read, or does not hold it.
    pub async fn program(&self, id: ProgramId, of: &Address) -> Result<Arc<Program>, DoorError> {
        if let Some(known) = self.programs.known(id) {
            return Ok(known);
        }
        let shard = self.shard_of(&of.without_key())?;
        let query = Query::Program(id);
        let Answer::Program(bytes) = self.ask(shard, query, Consistency::Linearisable).await?
        else {
            return Err(mismatch());
        };
        let decode = || match bytes {
            Some(bytes) => {
                let length = bytes.len();
                script::decode(&bytes).map(|program| Some((program, length)))
            }
            None => Ok(None),
        };
        let unreadable = |why: String| DoorError::Unavailable {
            detail: format!("the program {id} cannot be read: {why}"),
            unknown: false,
        };
        let program = self.programs.get(id, decode).map_err(unreadable)?;
        program.ok_or_else(|| unreadable(format!("shard {shard} does not hold it")))
    }

    /// The instance that a start of a bare name means, where its worker says so: the one of a daemon without
    /// `key`, or that of the first message of a worker with `key`. It may live in another shard than the name, and
    /// only its own shard knows whether it runs.
    ///
    /// # Errors
    /// The program cannot be read, or `key` has no key for the message.
    pub(super) async fn start_target(
        &self,
        to: &Address,
        program: ProgramId,
        message: Option<&vm::Data>,
    ) -> Result<Address, DoorError> {
        if to.key().is_some() {
            return Ok(to.clone());
        }
        let program = self.program(program, to).await?;
        let name = to.name();
        let options = program.worker(name).map(|worker| &worker.options);
        match (options, message) {
            (Some(options), Some(message)) if options.keyed() => {
                let key = program.key_of(name, message, &self.limits);
                let key = key.map_err(|error| {
                    let detail = format!("the `key` of {name} has no key for the message: {error}");
                    DoorError::Refused(Refusal::new(codes::KEY_FAILED, detail))
                })?;
                Ok(to.with_key(key)?)
            }
            (Some(options), _) if options.daemon && !options.keyed() => {
                Ok(to.with_key(DEFAULT_KEY)?)
            }
            _ => Ok(to.clone()),
        }
    }

    /// The names of a namespace that workers serve, as this node knows them.
    #[must_use]
    pub fn names(&self, namespace: &Namespace) -> Vec<(String, ProgramId)> {
        let system = self.system();
        let all = system.names.iter();
        let own = all.filter(|((space, _), _)| space == namespace);
        own.map(|((_, name), active)| (name.clone(), active.program))
            .collect()
    }

    /// Says that no worker serves a name, and which one may be meant.
    pub(super) fn unknown_worker(&self, to: &Address) -> DoorError {
        DoorError::UnknownWorker {
            name: to.name().to_owned(),
            guess: self.guess(to),
        }
    }

    /// Says that there is no such instance, and where to look.
    pub async fn unknown_instance(&self, address: &Address) -> DoorError {
        let name = address.name();
        let serving = self.serving(address).await.ok().flatten();
        let hint = match serving {
            None => match self.guess(address) {
                Some(guess) => format!("no worker `{name}` is deployed: did you mean `{guess}`?"),
                None => format!("no worker `{name}` is deployed; `troupe list` shows what runs"),
            },
            Some(id) => {
                let program = self.program(id, address).await.ok();
                let worker = program.as_ref().and_then(|program| program.worker(name));
                let options = worker.map(|worker| &worker.options);
                let is_default = address.key() == Some(DEFAULT_KEY);
                match options {
                    Some(options) if options.reactive => {
                        format!(
                            "{name} is a reactive function: `troupe watch {name} ARGS` reads it"
                        )
                    }
                    Some(options) if is_default && (options.keyed() || !options.daemon) => format!(
                        "{name} may have many instances: name one, {name}/KEY; `troupe list {name}` shows them"
                    ),
                    _ => format!("`troupe list {name}` shows its instances"),
                }
            }
        };
        DoorError::UnknownInstance {
            address: address.to_string(),
            hint,
        }
    }

    fn guess(&self, to: &Address) -> Option<String> {
        let names = self.names(to.namespace());
        let names = names.iter().map(|(name, _)| name.as_str());
        vm::closest(to.name(), names).map(str::to_owned)
    }
}
