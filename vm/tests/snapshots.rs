//! Workers and programs as bytes: storing between any two turns changes nothing, and no bytes panic.
//!
//! The scripts are those of the language cases. Random choices come from `TROUPE_SEED` (0 unless set),
//! which a failure prints.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};

use vm::{
    BuildLimits, CallId, Data, Effect, Identity, Input, Limits, Outcome, Program, Source, Turn,
    TurnContext, Worker, compile, turn,
};

#[path = "language/cases.rs"]
mod cases;

use cases::{Block, Document};

/// Only the blocks of scripts that do not compile matter here: those cases are left out.
fn is_expectation(block: &Block) -> bool {
    block.language == "error"
}

/// A script of the manual that compiles, with its messages.
struct Example {
    title: String,
    program: Program,
    messages: Vec<Data>,
}

fn examples() -> Vec<Example> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/lang");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut examples = Vec::new();
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
    {
        for case in Document::parse(&std::fs::read_to_string(path).unwrap()).cases {
            let Some(script) = &case.script else { continue };
            if !case.expectations.is_empty() {
                continue;
            }
            let source = Source::new(
                format!("{}.{}", case.file_name(), script.language),
                script.body.clone(),
            );
            let Ok(compiled) = compile(&source, &BuildLimits::default()) else {
                continue;
            };
            let lines = case.messages.lines();
            let messages = lines
                .map(|line| {
                    vm::local::parse_line(line, &Limits::default())
                        .unwrap()
                        .body
                })
                .collect();
            assert!(case.flags().len() < 10);
            examples.push(Example {
                title: case.title.clone(),
                program: compiled.program,
                messages,
            });
        }
    }
    assert!(examples.len() > 50, "the manual has examples that compile");
    examples
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn from_environment() -> Random {
        let seed = std::env::var("TROUPE_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or(0);
        println!("TROUPE_SEED={seed}");
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

fn small_limits() -> Limits {
    Limits {
        turn_instructions: 20_000,
        turn_allocated_bytes: 1 << 20,
        turn_sends: 100,
        ..Limits::default()
    }
}

fn new_worker(program: &Program, name: &str) -> Worker {
    let address = vm::Address::keyed(name, "default");
    Worker::new(
        program,
        name,
        Identity {
            address,
            run: [7; 16],
        },
    )
    .unwrap()
}

fn message(random: &mut Random, known: &[Data]) -> Data {
    let made = [
        "null",
        "1",
        "\"yes\"",
        "{\"type\":\"ADD\",\"amount\":3}",
        "{\"a\":{\"b\":2}}",
        "{\"id\":7}",
        "[1,2]",
        "{\"n\":{\"$address\":\"Peer/1\"}}",
        "11",
    ];
    let choice = random.below(known.len() + made.len());
    known
        .get(choice)
        .cloned()
        .unwrap_or_else(|| Data::from_json(made[choice - known.len()], &Limits::default()).unwrap())
}

/// Something that a source could tell.
fn told(random: &mut Random, watch: CallId) -> Input {
    let known = [
        r#"{"value":3}"#,
        r#"{"value":{"apples":2,"pears":1}}"#,
        r#"{"value":true,"chain":["Other/[]"]}"#,
        r#"{"error":{"message":"broken"}}"#,
        r#"{"chain":["Other/[]","Test/default"]}"#,
        "{}",
    ];
    let text = known[random.below(known.len())];
    Input::Told {
        watch,
        body: Data::from_json(text, &Limits::default()).unwrap(),
        version: random.below(9) as u64,
        source: Some(vm::Address::keyed("Peer", "1")),
    }
}

/// The next input that a host could give: a due timer, else a message.
fn next_input(random: &mut Random, worker: &Worker, known: &[Data]) -> Input {
    let watches: Vec<CallId> = worker.watches().collect();
    if let Some(watch) = watches.get(random.below(watches.len() * 2)) {
        return told(random, *watch);
    }
    let timers: Vec<u64> = worker.timers().collect();
    let takes_more = worker.accepts_messages() || worker.calls().next().is_some();
    let is_due = !takes_more || random.below(3) == 0;
    match timers.get(random.below(timers.len())) {
        Some(timer) if is_due => Input::Timer { timer: *timer },
        _ => {
            let sender = (random.below(2) == 0).then(|| vm::Address::keyed("Peer", "1"));
            let calls: Vec<CallId> = worker.calls().collect();
            let body = message(random, known);
            match calls.get(random.below(calls.len())) {
                Some(call) if random.below(4) > 0 => Input::Reply {
                    call: *call,
                    body,
                    sender,
                },
                _ => Input::Message {
                    body,
                    sender,
                    call: (random.below(2) == 0).then_some(CallId {
                        run: [9; 16],
                        number: 3,
                    }),
                },
            }
        }
    }
}

fn run(program: &Program, worker: &mut Worker, input: Input, now_ms: u64, limits: &Limits) -> Turn {
    turn(
        program,
        worker,
        input,
        &TurnContext {
            now_ms,
            seed: [3; 16],
            limits,
        },
    )
}

#[test]
fn storing_between_turns_changes_nothing() {
    let mut random = Random::from_environment();
    let limits = small_limits();
    for example in examples() {
        let bytes = example.program.encode();
        let again = Program::decode(&bytes, &limits).unwrap();
        assert_eq!(again.hash(), example.program.hash(), "{}", example.title);
        let names: Vec<String> = example
            .program
            .workers()
            .map(|worker| worker.name.clone())
            .collect();
        for name in &names {
            for _ in 0..4 {
                let mut kept = new_worker(&example.program, name);
                let mut stored = new_worker(&again, name);
                let config = message(&mut random, &example.messages);
                let mut input = Input::Start {
                    config,
                    outbox: None,
                };
                for step in 0..12 {
                    if random.below(2) == 0 {
                        stored = Worker::decode(&stored.encode(&again), &again, &limits).unwrap();
                    }
                    let expected = run(
                        &example.program,
                        &mut kept,
                        input.clone(),
                        step * 10,
                        &limits,
                    );
                    let actual = run(&again, &mut stored, input, step * 10, &limits);
                    assert_eq!(expected, actual, "{}: {name}", example.title);
                    assert_eq!(kept, stored, "{}: {name}", example.title);
                    if !matches!(
                        expected.outcome,
                        Outcome::Waiting | Outcome::Kept | Outcome::Trapped { .. }
                    ) {
                        break;
                    }
                    input = next_input(&mut random, &kept, &example.messages);
                }
            }
        }
    }
}

#[test]
fn a_worker_does_not_grow_with_its_age() {
    let text =
        "export const Test = act((self, { outbox }) => withState(() => 0, sum => whileLoop(() =>
      parallel([
        waitFor(m => true, m => modifyState(sum, computeState([m], m => s => (s + m) % 10))),
        attempt(spawn(Child, 1, child => send(child, 1)), { otherwise: noop() }),
        saga(compensate(call(Peer, 1, { timeout: 1, otherwise: noop() }), noop())),
      ]))))
      const Child = act(self => noop())";
    let compiled = compile(&Source::new("test.js", text), &BuildLimits::default()).unwrap();
    let (program, limits) = (compiled.program, Limits::default());
    let mut worker = new_worker(&program, "Test");
    let config = Data::Null;
    let start = Input::Start {
        config,
        outbox: None,
    };
    run(&program, &mut worker, start, 0, &limits);
    let mut sizes = Vec::new();
    for round in 1..=1_000 {
        let message = Input::Message {
            body: Data::from_json("3", &limits).unwrap(),
            sender: None,
            call: None,
        };
        run(&program, &mut worker, message, round * 10, &limits);
        let timer = worker.timers().next().unwrap();
        let input = Input::Timer { timer };
        let done = run(&program, &mut worker, input, round * 10 + 1, &limits);
        assert_eq!(done.outcome, Outcome::Waiting);
        sizes.push(worker.encode(&program).len());
    }
    // Numbers of steps and timers have more digits in time; nothing else grows.
    let (young, old) = (sizes[9], sizes[999]);
    assert!(old <= young + 32, "{young} bytes, and {old} later");
}

#[test]
fn a_trap_leaves_the_worker_as_it_was() {
    let mut random = Random::from_environment();
    let tiny = Limits {
        turn_instructions: 30,
        ..small_limits()
    };
    let mut traps = 0;
    for example in examples() {
        let names: Vec<String> = example
            .program
            .workers()
            .map(|worker| worker.name.clone())
            .collect();
        for name in &names {
            let mut worker = new_worker(&example.program, name);
            let mut input = Input::Start {
                config: Data::Null,
                outbox: None,
            };
            for step in 0..8 {
                let before = worker.encode(&example.program);
                let limits = if random.below(2) == 0 {
                    &tiny
                } else {
                    &small_limits()
                };
                let done = run(&example.program, &mut worker, input.clone(), step, limits);
                match done.outcome {
                    Outcome::Trapped { .. } => {
                        traps += 1;
                        assert!(done.effects.is_empty());
                        assert_eq!(worker.encode(&example.program), before, "{}", example.title);
                    }
                    Outcome::Waiting | Outcome::Kept => {
                        input = next_input(&mut random, &worker, &example.messages);
                    }
                    _ => break,
                }
            }
        }
    }
    assert!(traps > 20, "only {traps} turns trapped");
}

fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        match random.below(4) {
            0 => bytes.truncate(random.below(bytes.len() + 1)),
            1 => bytes.push(random.next() as u8),
            _ if bytes.is_empty() => {}
            2 => {
                let at = random.below(bytes.len());
                bytes[at] = random.next() as u8;
            }
            _ => {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
        }
    }
}

#[test]
fn damaged_workers_are_refused_or_run() {
    let mut random = Random::from_environment();
    let limits = small_limits();
    let mut refused = 0;
    for example in examples() {
        let names: Vec<String> = example
            .program
            .workers()
            .map(|worker| worker.name.clone())
            .collect();
        let mut worker = new_worker(&example.program, &names[0]);
        run(
            &example.program,
            &mut worker,
            Input::Start {
                config: Data::Null,
                outbox: None,
            },
            0,
            &limits,
        );
        let bytes = worker.encode(&example.program);
        for _ in 0..100 {
            let mut damaged = bytes.clone();
            // Damage behind the program's hash, which would refuse everything.
            let mut rest = damaged.split_off(33.min(damaged.len()));
            damage(&mut random, &mut rest);
            damaged.extend(rest);
            match Worker::decode(&damaged, &example.program, &limits) {
                Err(_) => refused += 1,
                Ok(mut worker) => {
                    let input = next_input(&mut random, &worker, &example.messages);
                    run(&example.program, &mut worker, input, 1, &limits);
                }
            }
        }
    }
    assert!(refused > 500, "only {refused} were refused");
}

#[test]
fn damaged_programs_are_refused_or_run() {
    let mut random = Random::from_environment();
    let limits = small_limits();
    let mut refused = 0;
    for example in examples() {
        let bytes = example.program.encode();
        for _ in 0..60 {
            let mut damaged = bytes.clone();
            damage(&mut random, &mut damaged);
            match Program::decode(&damaged, &limits) {
                Err(_) => refused += 1,
                Ok(program) => run_everything(&mut random, &program, &example.messages, &limits),
            }
        }
    }
    assert!(refused > 500, "only {refused} were refused");
}

fn run_everything(random: &mut Random, program: &Program, messages: &[Data], limits: &Limits) {
    let names: Vec<String> = program
        .workers()
        .map(|worker| worker.name.clone())
        .collect();
    for name in &names {
        let mut worker = new_worker(program, name);
        let mut input = Input::Start {
            config: Data::Null,
            outbox: None,
        };
        for step in 0..4 {
            let done = run(program, &mut worker, input, step, limits);
            let timers = done.effects.iter().filter_map(|effect| match effect {
                Effect::SetTimer { timer, .. } => Some(*timer),
                _ => None,
            });
            let mut timers: Vec<u64> = timers.collect();
            let count = timers.len();
            timers.dedup();
            assert_eq!(timers.len(), count, "every timer has a number of its own");
            input = next_input(random, &worker, messages);
        }
        let _ = program.key_of(name, &Data::Null, limits);
    }
}
