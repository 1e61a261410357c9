//! The queue of a local run: starts, messages and kills, each taken when it is reached.
//!
//! Turns put their effects behind what is there. A bare name becomes an instance here: by `key`, by the
//! key `default` of a daemon, or by a fresh run of an ephemeral worker.

use super::instances::{Instance, Letter};
use super::reading::{News, Request};
use super::{DEFAULT_KEY, LocalEvent, LocalRun, LocalStatus};
use crate::codes;
use crate::control::CHILD_KEY_PREFIX;
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::options::Reuse;
use crate::program::WorkerDefinition;
use crate::reactive::Part;
use crate::turn::{CallId, Input, Intent, Target, outbox_owner};
use crate::worker::{Identity, Worker};

/// Something that waits for its turn.
pub(super) enum Item {
    Start {
        address: Address,
        config: Data,
        outbox: Option<Address>,
        watcher: Option<Address>,
    },
    Deliver {
        to: Address,
        sender: Option<Address>,
        body: Data,
        intent: Intent,
    },
    Kill {
        target: Address,
    },
    Subscribe(Request),
    Unsubscribe {
        source: Address,
        part: Part,
        reader: Address,
        number: u64,
    },
    Told(News),
}

impl LocalRun<'_> {
    /// Workers that start when they are deployed.
    pub(super) fn start_daemons(&mut self) {
        let program = self.program.clone();
        let daemons = program
            .workers()
            .filter(|worker| worker.exported && worker.options.daemon);
        for worker in daemons.filter(|worker| !worker.options.keyed()) {
            let address = Address::keyed(worker.name.clone(), DEFAULT_KEY);
            if address != self.root {
                let (config, outbox, watcher) = (Data::Undefined, None, None);
                self.queue.push_back(Item::Start {
                    address,
                    config,
                    outbox,
                    watcher,
                });
            }
        }
    }

    /// Takes one item.
    pub(super) fn take(&mut self, item: Item) {
        match item {
            Item::Start {
                address,
                config,
                outbox,
                watcher,
            } => self.start(&address, config, outbox, watcher),
            Item::Deliver {
                to,
                sender,
                body,
                intent: Intent::Answer(call),
            } => self.answer(&to, call, sender, body),
            Item::Deliver {
                to,
                sender,
                body,
                intent,
            } => {
                let call = match intent {
                    Intent::Ask(call) => Some(call),
                    _ => None,
                };
                self.receive(&to, Letter { body, sender, call });
            }
            Item::Kill { target } => self.kill(&target),
            Item::Subscribe(request) => self.add_reader(request),
            Item::Unsubscribe {
                source,
                part,
                reader,
                number,
            } => self.drop_reader(&source, &part, &reader, number),
            Item::Told(news) => self.give_news(news),
        }
    }

    /// Sends what a worker sent: to the queue, or out.
    pub(super) fn dispatch(&mut self, from: &Address, to: Target, message: Data, intent: Intent) {
        let address = match to {
            Target::Address(address) if outbox_owner(&address).is_none() => address,
            _ => return self.report_sent(from, "outbox".to_owned(), message, intent),
        };
        if let Intent::Ask(call) = intent
            && self.answer_as_set(from, &address, &message, call)
        {
            return;
        }
        let program = self.program.clone();
        let known = program.worker(&address.name).filter(|worker| {
            let is_other = self.options.alone && worker.name != self.root.name;
            is_child(&address) || (worker.exported && !is_other)
        });
        let Some(definition) = known else {
            return self.report_sent(from, address.to_string(), message, intent);
        };
        match self.instance_of(definition, &address, &message) {
            Ok(instance) => {
                self.report_sent(from, instance.to_string(), message.clone(), intent);
                if self.options.alone && instance != self.root && !is_child(&instance) {
                    return;
                }
                self.queue.push_back(Item::Deliver {
                    to: instance,
                    sender: Some(from.clone()),
                    body: message,
                    intent,
                });
            }
            Err(cause) => {
                self.report_sent(from, address.to_string(), message.clone(), intent);
                self.dead_letter(address, message, cause);
            }
        }
    }

    fn report_sent(&mut self, from: &Address, to: String, message: Data, intent: Intent) {
        self.events.push(LocalEvent::Sent {
            at_ms: self.clock_ms,
            from: from.clone(),
            to,
            message,
            intent,
        });
    }

    /// The instance that an address means.
    fn instance_of(
        &mut self,
        definition: &WorkerDefinition,
        address: &Address,
        message: &Data,
    ) -> Result<Address, ScriptError> {
        if address.key.is_some() {
            return Ok(address.clone());
        }
        let name = definition.name.clone();
        if definition.options.keyed() {
            let key = self.program.key_of(&name, message, &self.options.limits)?;
            return Ok(Address::keyed(name, key));
        }
        if definition.options.daemon {
            return Ok(Address::keyed(name, DEFAULT_KEY));
        }
        let number = self.next_number();
        let hash = self.hash(&[b"fresh key", name.as_bytes(), &number.to_le_bytes()]);
        let key: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Address::keyed(name, key))
    }

    pub(super) fn start(
        &mut self,
        address: &Address,
        config: Data,
        outbox: Option<Address>,
        watcher: Option<Address>,
    ) {
        let lives = self
            .instances
            .get(address)
            .map_or(0, |instance| instance.lives + 1);
        let Some(worker) = self.new_worker(address, lives) else {
            return;
        };
        let mut instance = Instance::new(worker, lives, self.clock_ms);
        instance.watcher = watcher;
        if let Some(before) = self.instances.remove(address) {
            instance.mailbox = before.mailbox;
        }
        self.instances.insert(address.clone(), instance);
        self.watch_idle(address);
        self.run_turn(address, &Input::Start { config, outbox });
        self.drain_mailbox(address);
    }

    /// A worker that has not started.
    pub(super) fn new_worker(&self, address: &Address, lives: u64) -> Option<Worker> {
        let text = address.to_string();
        let hash = self.hash(&[b"run", text.as_bytes(), &lives.to_le_bytes()]);
        let mut run = [0; 16];
        run.copy_from_slice(&hash[..16]);
        Worker::new(
            &self.program,
            &address.name,
            Identity {
                address: address.clone(),
                run,
            },
        )
        .ok()
    }

    /// Gives a reply to the instance that called. It starts no run.
    fn answer(&mut self, to: &Address, call: CallId, sender: Option<Address>, body: Data) {
        if self.instances.get(to).is_some_and(Instance::is_alive) {
            self.heard(to);
            self.give(to, Input::Reply { call, body, sender });
            self.drain_mailbox(to);
        } else {
            self.dead_letter(to.clone(), body, ScriptError::ended());
        }
    }

    fn receive(&mut self, to: &Address, letter: Letter) {
        let Some(definition) = self.program.worker(&to.name) else {
            return;
        };
        if definition.options.reactive {
            let what = format!("`{}` is a reactive function: it takes no messages", to.name);
            let cause = ScriptError::new(codes::REACTIVE_MISUSED, what);
            self.dead_letter(to.clone(), letter.body, cause);
            return;
        }
        let alive = self.instances.get(to).map(Instance::is_alive);
        let failed = self
            .instances
            .get(to)
            .is_some_and(|instance| instance.status == LocalStatus::Failed);
        let is_child = is_child(to);
        let restarts = definition.options.reuse == Reuse::Restart && !is_child;
        match alive {
            Some(true) => {}
            None if !is_child => self.start(to, Data::Undefined, None, None),
            // A daemon that failed for good stays failed until someone restarts it.
            Some(false) if restarts && !(failed && definition.options.daemon) => {
                self.start(to, Data::Undefined, None, None);
            }
            _ => {
                let cause = ScriptError::ended();
                self.dead_letter(to.clone(), letter.body, cause);
                return;
            }
        }
        if let Some(instance) = self.instances.get_mut(to) {
            instance.heard_ms = self.clock_ms;
            instance.mailbox.push_back(letter);
        }
        self.drain_mailbox(to);
    }

    fn kill(&mut self, target: &Address) {
        let target = match (&target.key, self.program.worker(&target.name)) {
            (None, Some(worker)) if !worker.options.keyed() => {
                Address::keyed(target.name.clone(), DEFAULT_KEY)
            }
            _ => target.clone(),
        };
        if self.instances.get(&target).is_some_and(Instance::is_alive) {
            self.finish_run(&target, LocalStatus::Killed, Data::Undefined, None);
        }
    }

    /// Reports a message that nobody takes.
    pub(super) fn dead_letter(&mut self, to: Address, message: Data, cause: ScriptError) {
        let at_ms = self.clock_ms;
        self.events.push(LocalEvent::DeadLetter {
            at_ms,
            to,
            message,
            cause,
        });
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// A hash of the run's seed and some parts.
    pub(super) fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("troupe local run 1");
        hasher.update(&self.options.seed.to_le_bytes());
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }
}

/// Whether an address is that of a spawned child.
pub(crate) fn is_child(address: &Address) -> bool {
    address
        .key
        .as_ref()
        .is_some_and(|key| key.starts_with(CHILD_KEY_PREFIX))
}

/// The cause of a dead letter that was left in a mailbox.
pub(super) fn left_behind() -> ScriptError {
    ScriptError::new(codes::ENDED, "the run ended before it took the message")
}
