//! Scripts that wait in a shard: for a time, in several branches, and across a failure.

use super::scripts::{bench, say};
use super::*;
use crate::record::TurnOutcome;

const ORDER: &str = "
export const Order = act((self, { outbox, fail }) => whileLoop(() => sequence([
  waitFor(m => m.type === 'paid', m => whenState(readState(m, m => m.bad), fail('bad'), send(outbox, 'thanks')), {
    timeout: 1000,
    otherwise: send(outbox, 'late'),
  }),
])), { daemon: true });
";

pub(super) fn output(bench: &Bench, of: &str) -> Vec<String> {
    let page = query::output(bench.shard.store(), &address(of), 0, 100).unwrap();
    let values = page.unwrap().items.into_iter();
    values
        .map(|item| item.record.body.data().unwrap().to_json())
        .collect()
}

#[test]
fn a_wait_gives_up_after_its_time() {
    let mut bench = bench(&[("order.js", ORDER)]);
    assert_eq!(bench.timer(), Some(2000));
    bench.pass(1000);
    assert_eq!(output(&bench, "Order/default"), [r#""late""#]);
    bench.now_ms += 900;
    say(&mut bench, "Order", r#"{ "type": "paid" }"#);
    bench.pass(200);
    assert_eq!(
        output(&bench, "Order/default"),
        [r#""late""#, r#""thanks""#]
    );
}

#[test]
fn a_worker_that_fails_is_back_at_a_wait_whose_time_goes_on() {
    let mut bench = bench(&[("order.js", ORDER)]);
    bench.now_ms += 950;
    say(&mut bench, "Order", r#"{ "type": "paid", "bad": true }"#);
    // The time is over during the rest, and counts after it.
    bench.pass(60);
    assert_eq!(output(&bench, "Order/default"), [] as [&str; 0]);
    bench.pass(50);
    assert_eq!(output(&bench, "Order/default"), [r#""late""#]);
}

const BRANCHES: &str = "
export const Desk = act((self, { outbox }) => parallel([
  sequence([delay(100), whileLoop(() => waitFor(m => m.late, m => send(outbox, m)))]),
  whileLoop(() => waitFor(m => m.now, m => send(outbox, m))),
]), { daemon: true });
export const Pair = act((self, { outbox, fail }) => sequence([
  parallel([
    sequence([delay(100), send(outbox, 'first')]),
    sequence([delay(120), send(outbox, 'second')]),
    sequence([race([delay(50), delay(70)]), send(outbox, 'race')]),
    whileLoop(loop => waitFor(m => true, m => whenState(readState(m, m => m.bad), fail('bad'), loop.break()))),
  ]),
  send(outbox, 'end'),
]), { daemon: true });
";

#[test]
fn a_message_that_no_branch_wants_yet_keeps_its_place() {
    for hot in [0, 1 << 20] {
        let mut bench = bench(&[("branches.js", BRANCHES)]);
        bench.shard.keep_hot(hot);
        for text in [
            r#"{"late":1}"#,
            r#"{"now":1}"#,
            r#"{"late":2}"#,
            r#"{"never":1}"#,
            r#"{"now":2}"#,
        ] {
            say(&mut bench, "Desk", text);
        }
        assert_eq!(
            output(&bench, "Desk/default"),
            [r#"{"now":1}"#, r#"{"now":2}"#]
        );
        assert_eq!(bench.view("Desk/default").unwrap().mailbox, 3);
        bench.pass(100);
        assert_eq!(
            output(&bench, "Desk/default")[2..],
            [r#"{"late":1}"#, r#"{"late":2}"#]
        );
        assert_eq!(bench.view("Desk/default").unwrap().mailbox, 0);
        let last = query::history(bench.shard.store(), &address("Desk/default"), 0, 100).unwrap();
        let outcomes: Vec<TurnOutcome> = last.into_iter().map(|(_, step)| step.outcome).collect();
        let dropped = outcomes
            .iter()
            .filter(|outcome| **outcome == TurnOutcome::Dropped);
        assert_eq!(dropped.count(), 1, "what nobody wanted in the end");
        assert_eq!(outcomes.len(), 7, "an offer that is not taken is no step");
    }
}

#[test]
fn what_is_left_for_a_branch_becomes_dead_letters() {
    let mut bench = bench(&[("branches.js", BRANCHES)]);
    say(&mut bench, "Desk", r#"{"late":1}"#);
    say(&mut bench, "Desk", r#"{"now":1}"#);
    say(&mut bench, "Desk", r#"{"late":2}"#);
    bench.kill("Desk/default");
    let left = crate::codes::MAILBOX_LEFT;
    assert_eq!(bench.dead(), [left, left]);
    assert_eq!(bench.view("Desk/default").unwrap().mailbox, 0);
}

#[test]
fn all_timers_of_branches_are_given_after_a_rest() {
    let mut bench = bench(&[("branches.js", BRANCHES)]);
    bench.now_ms += 45;
    say(&mut bench, "Pair", r#"{"bad":true}"#);
    // Until 145: all timers come due during the rest.
    bench.pass(80);
    assert_eq!(output(&bench, "Pair/default"), [] as [&str; 0]);
    bench.pass(20);
    let mut all = output(&bench, "Pair/default");
    all.sort();
    assert_eq!(all, [r#""first""#, r#""race""#, r#""second""#]);
    say(&mut bench, "Pair", "{}");
    assert_eq!(output(&bench, "Pair/default")[3], r#""end""#);
    assert!(bench.dead().is_empty());
}
