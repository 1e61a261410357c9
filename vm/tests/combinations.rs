//! Random combinations of commands: what a worker keeps is always what its program can have made, and
//! its timers are those that its host has armed.
//!
//! Scripts are put together at random and given random inputs by a host that arms timers, restarts what
//! failed and stores the worker between turns. Random choices come from `TROUPE_SEED` (0 unless set),
//! which a failure prints; `TROUPE_SCRIPTS` says how many scripts.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeSet;

use vm::{
    Address, BuildLimits, CallId, Data, Effect, Identity, Input, Limits, Note, Outcome, Program,
    Source, Turn, TurnContext, Worker, compile, turn,
};

#[path = "language/commands.rs"]
mod commands;

use commands::{Random, worker_script};

/// A host of one worker.
struct Host<'p> {
    program: &'p Program,
    worker: Worker,
    armed: BTreeSet<u64>,
    watched: BTreeSet<u64>,
    now_ms: u64,
    limits: Limits,
    script: String,
}

impl Host<'_> {
    fn run(&self, worker: &mut Worker, input: Input) -> Turn {
        let context = TurnContext {
            now_ms: self.now_ms,
            seed: [5; 16],
            limits: &self.limits,
        };
        turn(self.program, worker, input, &context)
    }

    /// Gives an input. False when the run is over.
    fn give(&mut self, input: &Input) -> bool {
        let before = self.worker.clone();
        let bytes = before.encode(self.program);
        let stored = Worker::decode(&bytes, self.program, &self.limits);
        let mut stored = stored.unwrap_or_else(|error| panic!("{error}\n{}", self.script));
        let expected = self.run(&mut stored, input.clone());
        let mut worker = before.clone();
        let done = self.run(&mut worker, input.clone());
        assert_eq!(done, expected, "{}", self.script);
        assert_eq!(worker, stored, "{}", self.script);
        if let Input::Timer { timer } = input {
            self.armed.remove(timer);
        }
        for effect in &done.effects {
            match effect {
                Effect::SetTimer { timer, .. } => assert!(self.armed.insert(*timer)),
                Effect::CancelTimer { timer } => {
                    assert!(self.armed.remove(timer), "timer {timer}\n{}", self.script);
                }
                Effect::Subscribe { watch, .. } => assert!(self.watched.insert(*watch)),
                Effect::Unsubscribe { watch } => {
                    assert!(self.watched.remove(watch), "watch {watch}\n{}", self.script);
                }
                _ => {}
            }
        }
        match &done.outcome {
            Outcome::Waiting => {}
            Outcome::Kept => assert_eq!(worker, before, "{}", self.script),
            Outcome::Failed { error } | Outcome::Trapped { error } => {
                assert_ne!(error.code, "E0315", "{error}\n{}", self.script);
                if matches!(input, Input::Start { .. }) {
                    return false;
                }
                worker = worker.resumed_at(&before);
                if let Input::Timer { timer } = input {
                    self.armed.insert(*timer);
                }
            }
            Outcome::Completed { .. } | Outcome::KilledSelf => return false,
        }
        self.worker = worker;
        let waits: BTreeSet<u64> = self.worker.timers().collect();
        assert_eq!(waits, self.armed, "{}", self.script);
        let reads: BTreeSet<u64> = self.worker.watches().map(|watch| watch.number).collect();
        assert_eq!(reads, self.watched, "{}", self.script);
        let is_dropped = done.notes.contains(&Note::Dropped);
        assert!(!is_dropped || self.worker.accepts_messages());
        true
    }

    fn next_input(&self, random: &mut Random) -> Input {
        let timers: Vec<u64> = self.armed.iter().copied().collect();
        let calls: Vec<CallId> = self.worker.calls().collect();
        let watches: Vec<CallId> = self.worker.watches().collect();
        let sender = Some(Address::keyed("Peer", "1"));
        let body = Data::Number(random.below(4) as f64);
        match random.below(3) {
            _ if !watches.is_empty() && random.below(2) == 0 => {
                let said = ["value", "error"][usize::from(random.below(8) == 0)];
                Input::Told {
                    watch: *random.pick(&watches),
                    body: Data::object_from([(said, body)]).unwrap(),
                    version: 1,
                    source: sender,
                }
            }
            0 if !timers.is_empty() => Input::Timer {
                timer: *random.pick(&timers),
            },
            1 if !calls.is_empty() => Input::Reply {
                call: *random.pick(&calls),
                body,
                sender,
            },
            _ if !self.worker.accepts_messages() && !timers.is_empty() => Input::Timer {
                timer: *random.pick(&timers),
            },
            _ => {
                let call = CallId {
                    run: [9; 16],
                    number: 4,
                };
                Input::Message {
                    body,
                    sender,
                    call: (random.below(2) == 0).then_some(call),
                }
            }
        }
    }
}

#[test]
fn combinations_of_commands_keep_what_they_say() {
    let scripts = std::env::var("TROUPE_SCRIPTS").ok();
    let scripts = scripts.and_then(|text| text.parse().ok()).unwrap_or(400);
    let mut random = Random::from_environment();
    let mut turns = 0;
    for _ in 0..scripts {
        let script = worker_script(&mut random);
        let source = Source::new("random.js", script.clone());
        let compiled = compile(&source, &BuildLimits::default());
        let compiled = compiled.unwrap_or_else(|errors| panic!("{errors:?}\n{script}"));
        let program = compiled.program;
        for _ in 0..4 {
            let identity = Identity {
                address: Address::keyed("Random", "default"),
                run: [7; 16],
            };
            let limits = Limits {
                turn_instructions: 5000,
                ..Limits::default()
            };
            let mut host = Host {
                program: &program,
                worker: Worker::new(&program, "Random", identity).unwrap(),
                armed: BTreeSet::new(),
                watched: BTreeSet::new(),
                now_ms: 0,
                limits,
                script: script.clone(),
            };
            let start = Input::Start {
                config: Data::Null,
                outbox: None,
            };
            let mut goes_on = host.give(&start);
            for _ in 0..40 {
                if !goes_on {
                    break;
                }
                turns += 1;
                host.now_ms += 7;
                let input = host.next_input(&mut random);
                goes_on = host.give(&input);
            }
        }
    }
    assert!(turns > 10 * scripts, "only {turns} turns");
}
