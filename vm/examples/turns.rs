//! Measures turns: a counter that takes messages, one core, no log.
//!
//! Prints turns per second and bytes of the stored worker. With an argument, so many turns.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an example that measures"
)]

use vm::{BuildLimits, Data, Identity, Input, Limits, Source, TurnContext, Worker, compile, turn};

const COUNTER: &str = "export const Counter = act((self, { outbox }) => withState(() => 0, count => whileLoop(() =>
  waitFor(m => m.type === 'ADD', m => modifyState(count, computeState([m], m => n => n + m.amount))))))";

fn main() {
    let turns: u64 = std::env::args()
        .nth(1)
        .and_then(|count| count.parse().ok())
        .unwrap_or(1_000_000);
    let program = compile(&Source::new("counter.js", COUNTER), &BuildLimits::default())
        .unwrap()
        .program;
    let limits = Limits::default();
    let address = vm::Address::keyed("Counter", "default");
    let mut worker = Worker::new(
        &program,
        "Counter",
        Identity {
            address,
            run: [1; 16],
        },
    )
    .unwrap();
    let context = TurnContext {
        now_ms: 0,
        seed: [0; 16],
        limits: &limits,
    };
    turn(
        &program,
        &mut worker,
        Input::Start {
            config: Data::Undefined,
            outbox: None,
        },
        &context,
    );
    let body = Data::from_json(r#"{"type":"ADD","amount":1}"#, &limits).unwrap();
    let begin = std::time::Instant::now();
    for _ in 0..turns {
        turn(
            &program,
            &mut worker,
            Input::Message {
                body: body.clone(),
                sender: None,
                call: None,
            },
            &context,
        );
    }
    let seconds = begin.elapsed().as_secs_f64();
    let state = worker.open_states();
    println!(
        "{turns} turns in {seconds:.2} s: {:.0} a second, {:.0} ns each",
        turns as f64 / seconds,
        seconds * 1e9 / turns as f64
    );
    println!(
        "state {}, stored in {} bytes",
        state[0].to_json(),
        worker.encode(&program).len()
    );
}
