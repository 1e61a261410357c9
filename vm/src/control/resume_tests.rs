//! Storing the branches of a worker before and after any instruction changes nothing: a turn that is
//! taken apart and put together again at each step does what it does in one piece.
//!
//! The scripts are those of the manual, so that every command is among them. Random choices come from
//! `TROUPE_SEED` (0 unless set), which a failure prints.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests read the pages of the manual"
)]

use std::collections::BTreeSet;

use super::{End, Run};
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::limits::{BuildLimits, Limits};
use crate::local::parse_line;
use crate::program::Program;
use crate::source::Source;
use crate::turn::{CallId, Input, Outcome, TurnContext, turn, turn_by};
use crate::worker::{Identity, Worker};

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
}

/// The blocks of a language of a page.
fn blocks<'t>(text: &'t str, language: &'t str) -> impl Iterator<Item = (usize, &'t str)> {
    let fence = format!("\n```{language}\n");
    let starts: Vec<usize> = text.match_indices(&fence).map(|(at, _)| at).collect();
    starts.into_iter().map(move |at| {
        let body = &text[at + fence.len()..];
        (at, &body[..body.find("```").unwrap_or(body.len())])
    })
}

/// The programs of the manual that compile, with the messages of their page.
fn examples() -> Vec<(Program, Vec<Data>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/lang");
    let mut examples = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let lines = blocks(&text, "messages").flat_map(|(_, body)| body.lines());
        let messages: Vec<Data> = lines
            .filter_map(|line| Some(parse_line(line, &Limits::default()).ok()?.body))
            .collect();
        for (_, script) in blocks(&text, "js") {
            let source = Source::new("example.js", script);
            if let Ok(compiled) = crate::compile(&source, &BuildLimits::default()) {
                examples.push((compiled.program, messages.clone()));
            }
        }
    }
    examples
}

/// Runs the instructions, and stores all branches and reads them again before each.
fn run_in_pieces(run: &mut Run<'_>) -> Result<End, ScriptError> {
    loop {
        let bytes = postcard::to_allocvec(&run.next.branches).unwrap();
        run.next.branches = postcard::from_bytes(&bytes).unwrap();
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

#[test]
fn turns_can_be_taken_apart_at_any_instruction() {
    let seed = std::env::var("TROUPE_SEED").ok();
    let seed = seed.and_then(|seed| seed.parse().ok()).unwrap_or(0);
    println!("TROUPE_SEED={seed}");
    let mut random = Random(seed);
    let limits = Limits {
        turn_instructions: 3000,
        ..Limits::default()
    };
    let mut found = BTreeSet::new();
    for (program, messages) in examples() {
        kinds(&program, &mut found);
        let names: Vec<String> = program
            .workers()
            .map(|worker| worker.name.clone())
            .collect();
        for name in &names {
            let identity = Identity {
                address: Address::keyed(name.clone(), "default"),
                run: [7; 16],
            };
            let mut whole = Worker::new(&program, name, identity).unwrap();
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
                let expected = turn(&program, &mut whole, input.clone(), &context);
                let actual = turn_by(&program, &mut pieces, input, &context, run_in_pieces);
                let source = &program.source().text;
                assert_eq!(expected, actual, "{source}");
                assert_eq!(whole, pieces, "{source}");
                if !matches!(
                    expected.outcome,
                    Outcome::Waiting | Outcome::Kept | Outcome::Trapped { .. }
                ) {
                    break;
                }
                input = next_input(&mut random, &whole, &messages);
            }
        }
    }
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
    ] {
        assert!(found.contains(kind), "no example has {kind}: {found:?}");
    }
}
