//! Storing the branches of a worker before and after any instruction changes nothing: a turn that is
//! taken apart and put together again at each step does what it does in one piece.
//!
//! The scripts are those of the manual, so that every command is among them, and random trees of commands. Random
//! choices come from `TROUPE_SEED` (0 unless set), which a failure prints.

use std::collections::BTreeSet;

use super::{End, Run};
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::limits::{BuildLimits, Limits};
use crate::program::Program;
use crate::source::Source;
use crate::test_support::{Random, manual, worker_script};
use crate::turn::{CallId, Input, Outcome, TurnContext, turn, turn_by};
use crate::worker::{Identity, Worker};

/// Runs the instructions, and stores all branches and reads them again before each.
fn run_in_pieces(run: &mut Run<'_>) -> Result<End, ScriptError> {
    loop {
        let bytes = postcard::to_allocvec(&run.next.branches).unwrap();
        run.next.branches = std::borrow::Cow::Owned(postcard::from_bytes(&bytes).unwrap());
        run.make_current(0)?;
        if !run.select_ready()? {
            return Ok(End::Waiting);
        }
        if let Some(end) = run.run_one()? {
            return Ok(end);
        }
    }
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
        source: Some(Address::keyed("Peer", "1")),
    }
}

/// The next input that a host could give.
fn next_input(random: &mut Random, worker: &Worker, messages: &[Data]) -> Input {
    let watches: Vec<CallId> = worker.watches().collect();
    if let Some(watch) = watches.get(random.below(watches.len() * 2)) {
        return told(random, *watch);
    }
    let timers: Vec<u64> = worker.timers().collect();
    let calls: Vec<CallId> = worker.calls().collect();
    let sender = Some(Address::keyed("Peer", "1"));
    let body = messages
        .get(random.below(messages.len() + 1))
        .cloned()
        .unwrap_or(Data::Null);
    let choice = random.below(3);
    match (
        timers.get(random.below(timers.len())),
        calls.get(random.below(calls.len())),
    ) {
        (Some(timer), _) if choice == 0 => Input::Timer { timer: *timer },
        (_, Some(call)) if choice < 2 => Input::Reply {
            call: *call,
            body,
            sender,
        },
        (Some(timer), None) if !worker.accepts_messages() => Input::Timer { timer: *timer },
        _ => Input::Message {
            body,
            sender,
            call: None,
        },
    }
}

/// The kinds of instructions that a program has, by their names.
fn kinds(program: &Program, found: &mut BTreeSet<String>) {
    let workers = program.workers();
    for instruction in workers.flat_map(|worker| &worker.code.instructions) {
        let text = format!("{instruction:?}");
        let name = text.split([' ', '{']).next().unwrap_or_default();
        found.insert(name.to_owned());
    }
}

/// Gives a worker random inputs, in one piece and taken apart at each instruction.
fn compare(random: &mut Random, program: &Program, name: &str, messages: &[Data]) {
    let limits = Limits {
        turn_instructions: 3000,
        ..Limits::default()
    };
    let identity = Identity {
        address: Address::keyed(name, "default"),
        run: [7; 16],
    };
    let mut whole = Worker::new(program, name, identity).unwrap();
    let mut pieces = whole.clone();
    let config = messages.first().cloned().unwrap_or(Data::Null);
    let outbox = None;
    let mut input = Input::Start { config, outbox };
    for step in 0..12 {
        let context = TurnContext {
            now_ms: step * 10,
            seed: [3; 16],
            limits: &limits,
        };
        let expected = turn(program, &mut whole, input.clone(), &context);
        let actual = turn_by(program, &mut pieces, input, &context, run_in_pieces);
        let source = &program.source().text;
        assert_eq!(expected, actual, "{source}");
        assert_eq!(whole, pieces, "{source}");
        if !matches!(
            expected.outcome,
            Outcome::Waiting | Outcome::Kept | Outcome::Trapped { .. }
        ) {
            break;
        }
        // Between turns the whole worker is stored.
        let stored = Worker::decode(&pieces.encode(program), program, &limits);
        pieces = stored.unwrap_or_else(|error| panic!("{error}\n{source}"));
        input = next_input(random, &whole, messages);
    }
}

#[test]
fn random_trees_of_commands_can_be_taken_apart_at_any_instruction() {
    let mut random = Random::from_environment();
    let messages: Vec<Data> = (0..4)
        .map(|number| Data::Number(f64::from(number)))
        .collect();
    let mut found = BTreeSet::new();
    for _ in 0..600 {
        let script = worker_script(&mut random);
        let source = Source::new("random.js", script);
        let program = crate::compile(&source, &BuildLimits::default())
            .unwrap()
            .program;
        kinds(&program, &mut found);
        for _ in 0..3 {
            compare(&mut random, &program, "Random", &messages);
        }
    }
    require_all(&found);
}

#[test]
fn turns_can_be_taken_apart_at_any_instruction() {
    let mut random = Random::from_environment();
    let mut found = BTreeSet::new();
    for (program, messages) in manual() {
        kinds(&program, &mut found);
        let names = program.workers().map(|worker| worker.name.clone());
        for name in names.collect::<Vec<_>>() {
            compare(&mut random, &program, &name, &messages);
        }
    }
    require_all(&found);
}

fn require_all(found: &BTreeSet<String>) {
    for kind in [
        "ActorCall",
        "ActorReply",
        "AttemptBegin",
        "ParallelJoin",
        "BranchEnd",
        "EachNext",
        "UndoRecord",
        "UndoEnd",
        "BlockEnterAwait",
        "Delay",
        "ActorSpawn",
        "ActorKill",
        "SagaEnter",
        "LoopContinue",
        "BlockBreakIf",
        "StateUpdate",
    ] {
        assert!(found.contains(kind), "no example has {kind}: {found:?}");
    }
}
