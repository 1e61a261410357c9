//! Programs that no compiler made: damaged ones are refused, or run within their limits.
//!
//! Before: programs of the manual, changed one piece at a time (swapped, repeated, left out, with other operands,
//! spliced from elsewhere). Guarantees: what the verifiers accept, the machine and the control level can run.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::rounds;
use crate::data::{Address, Data};
use crate::limits::Limits;
use crate::program::{Content, Program, ProgramError};
use crate::test_support::{Random, manual};
use crate::turn::{CallId, Input, Outcome, TurnContext, turn};
use crate::worker::{Identity, Worker};

/// The item with one byte of its encoding changed, where that is an item still.
fn damaged<T: Serialize + DeserializeOwned>(random: &mut Random, item: &T) -> Option<T> {
    let mut bytes = postcard::to_allocvec(item).unwrap();
    let at = random.below(bytes.len());
    let byte = bytes.get_mut(at)?;
    *byte = match random.below(3) {
        0 => *byte ^ (1 << random.below(8)),
        1 => byte.wrapping_add(1),
        _ => random.next() as u8,
    };
    postcard::from_bytes(&bytes).ok()
}

/// Changes one place of a table.
fn change<T: Serialize + DeserializeOwned + Clone>(random: &mut Random, items: &mut Vec<T>) {
    if items.is_empty() {
        return;
    }
    let (at, other) = (random.below(items.len()), random.below(items.len()));
    match random.below(8) {
        0 => items.swap(at, other),
        1 => items[at] = items[other].clone(),
        2 => {
            items.remove(at);
        }
        3 => items.insert(at, items[other].clone()),
        _ => {
            if let Some(item) = damaged(random, &items[at]) {
                items[at] = item;
            }
        }
    }
}

/// Changes one thing of a program.
fn mutate(random: &mut Random, content: &mut Content) {
    let functions = content.code.functions.len();
    let (at, other) = (random.below(functions), random.below(functions));
    match random.below(12) {
        0..=4 => change(random, &mut content.code.functions[at].instructions),
        5 => {
            // A piece of another function.
            let source = content.code.functions[other].instructions.clone();
            let start = random.below(source.len());
            let end = (start + 1 + random.below(6)).min(source.len());
            let target = &mut content.code.functions[at].instructions;
            let to = random.below(target.len());
            let piece = (end - start).min(target.len() - to);
            target[to..to + piece].clone_from_slice(&source[start..start + piece]);
        }
        6 => change(random, &mut content.code.functions),
        7 => {
            change(random, &mut content.code.constants);
            change(random, &mut content.code.cells);
            change(random, &mut content.code.templates);
        }
        _ => {
            let worker = random.below(content.workers.len());
            let code = &mut content.workers[worker].code;
            match random.below(3) {
                0 => change(random, &mut code.instructions),
                1 => change(random, &mut code.blocks),
                _ => change(random, &mut code.operands),
            }
            code.spans
                .resize(code.instructions.len(), Default::default());
        }
    }
}

fn limits() -> Limits {
    Limits {
        turn_instructions: 5_000,
        turn_allocated_bytes: 1 << 20,
        turn_regex_steps: 5_000,
        turn_sends: 50,
        ..Limits::default()
    }
}

/// The next input that a host could give.
fn next_input(random: &mut Random, worker: &Worker, messages: &[Data]) -> Input {
    let timers: Vec<u64> = worker.timers().collect();
    let calls: Vec<CallId> = worker.calls().collect();
    let sender = Some(Address::keyed("Peer", "1"));
    let message = messages.get(random.below(messages.len() + 1));
    let body = message.cloned().unwrap_or(Data::Null);
    match (timers.first(), calls.first()) {
        (Some(timer), _) if random.below(2) == 0 => Input::Timer { timer: *timer },
        (_, Some(call)) => Input::Reply {
            call: *call,
            body,
            sender,
        },
        _ => Input::Message {
            body,
            sender,
            call: None,
        },
    }
}

fn run(random: &mut Random, program: &Program, messages: &[Data]) {
    let limits = limits();
    let names: Vec<String> = program
        .workers()
        .map(|worker| worker.name.clone())
        .collect();
    for name in names {
        let identity = Identity {
            address: Address::keyed(name.clone(), "default"),
            run: [7; 16],
        };
        let mut worker = Worker::new(program, &name, identity).unwrap();
        let config = messages.first().cloned().unwrap_or(Data::Null);
        let mut input = Input::Start {
            config,
            outbox: None,
        };
        for step in 0..4 {
            let context = TurnContext {
                now_ms: step * 10,
                seed: [3; 16],
                limits: &limits,
            };
            let done = turn(program, &mut worker, input, &context);
            // What would go over the limit is counted, then not done.
            let is_within = done.used.instructions <= limits.turn_instructions;
            assert!(is_within || matches!(done.outcome, Outcome::Trapped { .. }));
            if !matches!(
                done.outcome,
                Outcome::Waiting | Outcome::Kept | Outcome::Trapped { .. }
            ) {
                break;
            }
            // A worker of a changed program can be stored and read again, as any other.
            let bytes = worker.encode(program);
            assert_eq!(
                Worker::decode(&bytes, program, &limits).as_ref(),
                Ok(&worker)
            );
            input = next_input(random, &worker, messages);
        }
        let _ = program.key_of(&name, &Data::Null, &limits);
    }
}

#[test]
fn changed_programs_are_refused_or_run_within_their_limits() {
    let mut random = Random::from_environment();
    let (mut refused, mut ran) = (0, 0);
    let rounds = rounds(25);
    for (program, messages) in manual() {
        for _ in 0..rounds {
            let mut content = program.content.clone();
            for _ in 0..=random.below(3) {
                mutate(&mut random, &mut content);
            }
            match Program::new(content, &Limits::default()) {
                Ok(changed) => {
                    ran += 1;
                    run(&mut random, &changed, &messages);
                    let again = Program::decode(&changed.encode(), &Limits::default());
                    assert_eq!(again.map(|again| again.hash()), Ok(changed.hash()));
                }
                Err(ProgramError::TooLarge(_)) => {}
                Err(_) => refused += 1,
            }
        }
    }
    println!("{refused} changed programs were refused, {ran} ran");
    assert!(
        refused > ran / 4 && ran > 100,
        "{refused} refused, {ran} ran"
    );
}
