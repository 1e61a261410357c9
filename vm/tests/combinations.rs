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

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }

    fn pick<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        &items[self.below(items.len())]
    }
}

/// What a command may refer to where it stands.
#[derive(Clone, Default)]
struct Scope {
    states: Vec<String>,
    messages: Vec<String>,
    /// Items, errors: anything that can be read.
    values: Vec<String>,
    /// `done`, and loops.
    jumps: Vec<String>,
    in_saga: bool,
    depth: usize,
}

struct Writer<'r> {
    random: &'r mut Random,
    names: usize,
}

impl Writer<'_> {
    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn inner(scope: &Scope) -> Scope {
        Scope {
            depth: scope.depth + 1,
            ..scope.clone()
        }
    }

    fn command(&mut self, scope: &Scope) -> String {
        if scope.depth > 5 || self.random.below(3) == 0 {
            return self.leaf(scope);
        }
        let inner = Self::inner(scope);
        match self.random.below(15) {
            0 | 1 => self.sequence(&inner),
            2 => format!("parallel([{}])", self.list(&inner)),
            3 => format!("race([{}])", self.list(&inner)),
            4 => self.attempt(&inner),
            5 | 6 => self.saga(&inner),
            7 => self.each(&inner),
            8 => self.state(&inner),
            9 => self.repeated(&inner),
            10 => self.call(&inner),
            11 => self.when(&inner),
            12 => self.value(&inner),
            _ => self.wait(&inner),
        }
    }

    fn list(&mut self, scope: &Scope) -> String {
        let count = 1 + self.random.below(3);
        let commands: Vec<String> = (0..count).map(|_| self.command(scope)).collect();
        commands.join(", ")
    }

    fn sequence(&mut self, scope: &Scope) -> String {
        let done = self.name("done");
        let mut scope = scope.clone();
        scope.jumps.push(format!("{done}()"));
        format!("sequence(({{ done: {done} }}) => [{}])", self.list(&scope))
    }

    fn leaf(&mut self, scope: &Scope) -> String {
        let number = self.random.below(4);
        let read: Vec<&String> = scope
            .values
            .iter()
            .chain(&scope.messages)
            .chain(&scope.states)
            .collect();
        match self.random.below(12) {
            0 => format!("delay({})", number * 10),
            1 => format!("waitFor(m => m === {number})"),
            2 if !scope.jumps.is_empty() => self.random.pick(&scope.jumps).clone(),
            3 => format!("fail({number})"),
            4 => "send(outbox, readState(config, c => c.a.b))".to_owned(),
            5 | 6 if !scope.states.is_empty() => {
                let state = self.random.pick(&scope.states);
                format!("modifyState({state}, n => n + {number})")
            }
            7 if !read.is_empty() => format!("send(outbox, {})", self.random.pick(&read)),
            8 if !scope.messages.is_empty() => {
                format!("reply({}, {number})", self.random.pick(&scope.messages))
            }
            9 if scope.in_saga => {
                let scope = Scope {
                    jumps: Vec::new(),
                    in_saga: false,
                    depth: scope.depth + 2,
                    ..scope.clone()
                };
                let step = self.leaf(&scope);
                format!("compensate({step}, {})", self.command(&scope))
            }
            10 if self.random.below(8) == 0 => format!("complete({number})"),
            _ => format!("send(outbox, {number})"),
        }
    }

    fn timing(&mut self, scope: &Scope) -> String {
        let time = self.random.below(3) * 15;
        match self.random.below(3) {
            0 => String::new(),
            1 => format!(", {{ timeout: {time} }}"),
            _ => format!(
                ", {{ timeout: {time}, otherwise: {} }}",
                self.command(scope)
            ),
        }
    }

    fn wait(&mut self, scope: &Scope) -> String {
        let message = self.name("m");
        let number = self.random.below(4);
        let timing = self.timing(scope);
        let mut scope = scope.clone();
        scope.messages.push(message.clone());
        let then = self.command(&scope);
        format!("waitFor(m => m === {number} || m?.a, {message} => {then}{timing})")
    }

    fn when(&mut self, scope: &Scope) -> String {
        let message = self.name("m");
        let mut inner = scope.clone();
        inner.messages.push(message.clone());
        let (first, second) = (self.command(&inner), self.command(&inner));
        format!("when(m => m > 1, {message} => {first}, {message} => {second})")
    }

    fn call(&mut self, scope: &Scope) -> String {
        let message = self.name("r");
        let timing = match self.random.below(2) {
            0 => self.timing(scope),
            _ => format!(
                ", {{ timeout: 10, retry: {{ attempts: 2, backoff: 5 }}, otherwise: {} }}",
                self.command(scope)
            ),
        };
        let mut scope = scope.clone();
        scope.messages.push(message.clone());
        let then = self.command(&scope);
        format!(
            "call(Peer, {}, {message} => {then}{timing})",
            self.random.below(9)
        )
    }

    fn value(&mut self, scope: &Scope) -> String {
        let value = self.name("v");
        let number = self.random.below(4);
        let timing = self.timing(scope);
        let mut scope = scope.clone();
        scope.messages.push(value.clone());
        let then = self.command(&scope);
        let source = ["stateOf(Peer, 's')", "Peer(1)"][self.random.below(2)];
        format!("waitForValue({source}, v => v === {number} || v.a, {value} => {then}{timing})")
    }

    fn attempt(&mut self, scope: &Scope) -> String {
        let body = self.command(scope);
        let error = self.name("e");
        let retry = "retry: { attempts: 2, backoff: 10 }";
        let mut scope = scope.clone();
        scope.values.push(error.clone());
        match self.random.below(3) {
            0 => format!("attempt({body}, {{ {retry} }})"),
            1 => format!(
                "attempt({body}, {{ otherwise: {error} => {} }})",
                self.command(&scope)
            ),
            _ => format!(
                "attempt({body}, {{ {retry}, otherwise: {error} => {} }})",
                self.command(&scope)
            ),
        }
    }

    fn saga(&mut self, scope: &Scope) -> String {
        let scope = Scope {
            in_saga: true,
            ..scope.clone()
        };
        let body = self.list(&scope);
        format!("saga(sequence([{body}]))")
    }

    fn each(&mut self, scope: &Scope) -> String {
        let item = self.name("i");
        let mut scope = scope.clone();
        scope.values.push(item.clone());
        format!("forEach([1, 2], {item} => {})", self.command(&scope))
    }

    fn state(&mut self, scope: &Scope) -> String {
        let state = self.name("s");
        let mut scope = scope.clone();
        scope.states.push(state.clone());
        let body = self.list(&scope);
        format!("withState(() => 1, {state} => sequence([{body}]))")
    }

    fn repeated(&mut self, scope: &Scope) -> String {
        let name = self.name("loop");
        let mut scope = scope.clone();
        scope.jumps.push(format!("{name}.break()"));
        scope.jumps.push(format!("{name}.continue()"));
        let body = self.list(&scope);
        format!("whileLoop({name} => sequence([delay(5), {body}]))")
    }
}

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
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed = number("TROUPE_SEED").unwrap_or(0);
    println!("TROUPE_SEED={seed}");
    let scripts = number("TROUPE_SCRIPTS").unwrap_or(400);
    let mut random = Random(seed);
    let mut turns = 0;
    for _ in 0..scripts {
        let body = {
            let mut writer = Writer {
                random: &mut random,
                names: 0,
            };
            let scope = Scope::default();
            writer.sequence(&scope)
        };
        let script = format!(
            "export const Random = act((self, {{ outbox, complete, fail, config }}) => {body})"
        );
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
