//! When a host has to offer messages again that a worker did not want: only when it may want them now,
//! or when they are to be dropped.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use vm::{
    Address, BuildLimits, Data, Identity, Input, Limits, Outcome, Program, Source, Turn,
    TurnContext, Worker, compile, turn,
};

struct Desk {
    program: Program,
    worker: Worker,
}

impl Desk {
    fn new(branches: &str) -> Desk {
        let script = format!(
            "export const Desk = act((self, {{ outbox }}) => withState(() => 2, limit => parallel([{branches}])))"
        );
        let compiled = compile(&Source::new("desk.js", script), &BuildLimits::default());
        let program = compiled.unwrap().program;
        let identity = Identity {
            address: Address::keyed("Desk", "default"),
            run: [1; 16],
        };
        let worker = Worker::new(&program, "Desk", identity).unwrap();
        let mut desk = Desk { program, worker };
        let (config, outbox) = (Data::Undefined, None);
        assert!(desk.give(Input::Start { config, outbox }).offers_again);
        desk
    }

    fn give(&mut self, input: Input) -> Turn {
        let context = TurnContext {
            now_ms: 0,
            seed: [0; 16],
            limits: &Limits::default(),
        };
        turn(&self.program, &mut self.worker, input, &context)
    }

    fn say(&mut self, number: f64) -> Turn {
        self.give(Input::Message {
            body: Data::Number(number),
            sender: None,
            call: None,
        })
    }

    fn ring(&mut self) -> Turn {
        let timer = self.worker.timers().next().unwrap();
        self.give(Input::Timer { timer })
    }
}

#[test]
fn a_loop_that_comes_back_to_its_wait_wants_nothing_else() {
    let mut desk = Desk::new(
        "sequence([delay(100), waitFor(m => m === 2), waitFor(m => m === 3)]), whileLoop(() => waitFor(m => m === 1))",
    );
    let before = desk.worker.clone();
    let kept = desk.say(2.0);
    assert_eq!(kept.outcome, Outcome::Kept);
    assert_eq!(desk.worker, before, "nothing has changed");
    let taken = desk.say(1.0);
    assert_eq!(taken.outcome, Outcome::Waiting);
    assert!(!taken.offers_again);
    assert!(desk.ring().offers_again, "the first branch waits now");
    let taken = desk.say(2.0);
    assert!(taken.offers_again, "and now for something else");
    assert!(!desk.say(1.0).offers_again);
}

#[test]
fn a_predicate_that_reads_state_may_have_changed_its_mind() {
    let mut desk = Desk::new(
        "delay(100), whileLoop(() => waitFor(readState(limit, n => m => m === n), m => modifyState(limit, n => n + 1)))",
    );
    assert_eq!(desk.say(3.0).outcome, Outcome::Kept);
    assert!(desk.say(2.0).offers_again);
    assert_eq!(desk.say(3.0).outcome, Outcome::Waiting);
}

#[test]
fn what_nobody_can_want_any_more_is_dropped() {
    let mut desk = Desk::new("delay(100), whileLoop(() => waitFor(m => m === 1))");
    assert_eq!(desk.say(2.0).outcome, Outcome::Kept);
    assert!(desk.ring().offers_again);
    let dropped = desk.say(2.0);
    assert_eq!(dropped.outcome, Outcome::Waiting);
    assert_eq!(dropped.notes, [vm::Note::Dropped].into());
    assert!(!dropped.offers_again);
}
