//! Applies one entry: stamps, commands in order, what is left, what changed.
//!
//! Before it: a committed entry. After it: the store's open unit, and actions.
//! Guarantees: what a command does depends on the commands before it and on the entry's stamp,
//! never on which commands shared its entry. Leaves to others: closing the unit.

use super::{Shard, ShardError};
use crate::action::{Action, Applied};
use crate::agreement::Verdict;
use crate::codes;
use crate::command::Command;
use crate::commands;
use crate::entry::Entry;
use crate::keys;
use crate::outcome::{Outcome, Refusal};

impl Shard {
    /// Applies one entry. The caller then adds its own keys (below
    /// [`crate::keys::ADAPTER_PREFIX`]) and commits the unit under the entry's index.
    ///
    /// # Errors
    ///
    /// The store's, or a corrupt record: the group stops. What a command cannot do is refused in
    /// its outcome.
    pub fn apply(&mut self, index: u64, entry: &Entry) -> Result<Applied, ShardError> {
        debug_assert!(
            index > self.store.committed(),
            "entries are applied in order"
        );
        self.now_ms = entry.stamp.time_ms.max(self.meta.time_ms);
        self.meta.time_ms = self.now_ms;
        self.entropy = entry.stamp.entropy;
        #[cfg(feature = "mutants")]
        if let Some(super::Mutant::ForeignEntropy(salt)) = self.mutant {
            self.entropy[0] ^= salt;
        }
        let mut outcomes = Vec::with_capacity(entry.commands.len());
        for command in &entry.commands {
            self.spent = 0;
            outcomes.push(self.apply_command(command)?);
        }
        self.write();
        Ok(Applied {
            outcomes,
            actions: std::mem::take(&mut self.actions),
        })
    }

    fn apply_command(&mut self, command: &Command) -> Result<Outcome, ShardError> {
        let is_about_agreement = matches!(
            command,
            Command::Agreed(_) | Command::Checkpoint | Command::BeginLife(_)
        );
        if self.agreement.is_stopped() && !is_about_agreement {
            return Ok(Outcome::Refused(self.stopped()));
        }
        let outcome = match command {
            Command::Deliver(deliver) => commands::deliver::apply(self, deliver),
            Command::Send(request) => commands::send::apply(self, request),
            Command::Start(request) => commands::start::apply(self, request),
            Command::Kill(request) => commands::kill::apply(self, request),
            Command::TimerFired => commands::timer::apply(self),
            Command::EffectDone(done) => commands::effect::apply(self, done),
            Command::ChannelAcked(acked) => commands::channel::apply(self, acked),
            Command::Install(install) => commands::install::apply(self, install),
            Command::Activate(activate) => commands::activate::apply(self, activate),
            Command::Configure(limits) => commands::configure::apply(self, limits),
            Command::Continue => commands::go_on::apply(self),
            Command::Checkpoint => commands::checkpoint::apply(self),
            Command::RetryDeadLetter(request) => commands::dead_letter::retry(self, request),
            Command::DiscardDeadLetter(request) => commands::dead_letter::discard(self, request),
            Command::Agreed(verdict) => commands::agreed::apply(self, verdict),
            Command::Read(request) => commands::read::apply(self, request),
            Command::Prune(prune) => commands::prune::apply(self, prune),
            Command::BeginLife(life) => commands::begin_life::apply(self, *life),
            Command::Meet(meet) => commands::meet::meet(self, meet),
            Command::Met(met) => commands::meet::met(self, met),
            Command::Hear(request) => commands::send::hear(self, request),
            Command::Cut(number) => commands::cut::apply(self, *number),
            Command::Pause(request) => commands::pause::apply(self, request),
        }?;
        self.trim_messages()?;
        Ok(outcome)
    }

    /// Writes what the commands changed into the store's open unit.
    fn write(&mut self) {
        #[cfg(feature = "mutants")]
        if self.is_mutant(super::Mutant::ForgetQueue) {
            while self.queue.pop(&mut *self.store).is_some() {}
        }
        let store = &mut *self.store;
        self.hot.write(store, &mut self.meta);
        self.hot.evict(self.hot_bytes_max);
        self.queue.write(store);
        self.channels
            .write(store, &self.lives, self.last_cut, &mut self.actions);
        self.services.write(store);
        store.put(&[keys::META], keys::encode_record(&self.meta));
        if let Some(at_ms) = self.timers.announced() {
            self.actions.push(Action::Timer { at_ms });
        }
        if !self.queue.is_empty() {
            self.actions.push(Action::Continue);
        }
        if self.agreement.is_stopped() || self.awaits_life() {
            self.actions.clear();
        }
    }

    /// Takes a verdict, if it is news.
    pub(crate) fn agree(&mut self, verdict: &Verdict) {
        if self.agreement.is_news(verdict) {
            self.agreement.take(verdict);
            let record = keys::encode_record(&self.agreement);
            self.store.put(&[keys::AGREEMENT], record);
        }
    }

    /// Why nothing is taken while the replicas have no majority.
    fn stopped(&self) -> Refusal {
        let unit = self.agreement.unit;
        let reason = format!(
            "shard {} has stopped: its replicas disagree about its state at unit {unit}, and none has a majority; see `cluster status`",
            self.identity.shard
        );
        Refusal::new(codes::DISAGREEMENT, reason)
    }

    /// Folds the instances into the sum of their hashes, so that the state's hash covers them in
    /// the middle of an entry as well.
    pub(crate) fn fold(&mut self) {
        self.hot.write(&mut *self.store, &mut self.meta);
    }

    /// Takes new limits.
    pub(crate) fn configure(&mut self, limits: &crate::limits::ShardLimits) {
        self.limits = limits.clone();
        self.store.put(&[keys::LIMITS], keys::encode_record(limits));
    }
}
