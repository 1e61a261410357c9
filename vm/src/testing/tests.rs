//! Unit tests of the harness: what is recorded, what is delivered, time, calls, children, failures.

use serde_json::{Value, json};

use super::{Script, TestError, TestWorker};
use crate::local::LocalStatus;

fn start(text: &str) -> TestWorker {
    Script::compile("test.js", text).unwrap().start().unwrap()
}

#[test]
fn messages_to_others_are_recorded_and_not_delivered() {
    let script = Script::compile(
        "pair.js",
        "export const First = act(self => waitFor(m => m.go, go => sequence(() => [
           send(Second, { type: 'hello' }), send(First, { type: 'again' }), send(self, { type: 'own' }),
           waitFor(m => m.type === 'own'),
           send(Log, { done: true }),
         ])), { daemon: true });
         export const Second = act(() => whileLoop(() => waitFor(m => true, m => send(First, m))), { daemon: true });",
    );
    let script = script.unwrap();
    let mut first = script.worker("First").start().unwrap();
    first.process_message(json!({ "go": true })).unwrap();
    let to: Vec<&str> = first
        .emitted()
        .iter()
        .map(|each| each.to.as_str())
        .collect();
    assert_eq!(to, ["Second", "Log"]);
    assert_eq!(
        first.emitted_messages(),
        [json!({ "type": "hello" }), json!({ "done": true })]
    );
    assert_eq!(first.status(), LocalStatus::Completed);
}

#[test]
fn a_key_comes_from_the_first_message_or_from_the_test() {
    let text = "export const Account = act(self => withState(() => 0, balance => whileLoop(() =>
        waitFor(m => true, m => sequence(() => [
          modifyState(balance, computeState([m], m => b => b + m.amount)),
          send(Account, readState(m, m => ({ name: m.to, amount: 1 }))),
          send(Log, { self }),
        ])))), { daemon: true, key: m => m.name });";
    let script = Script::compile("account.js", text).unwrap();
    let mut ann = script.start().unwrap();
    assert_eq!((ann.address(), ann.state(None)), (None, None));
    let message = |to: &str| json!({ "name": "ann", "amount": 5, "to": to });
    ann.process_message(message("bob")).unwrap();
    assert_eq!(ann.address().unwrap().to_string(), "Account/ann");
    assert_eq!(ann.emitted()[0].to, "Account/bob");
    assert_eq!(ann.state(None), Some(json!(5)));
    assert_eq!(
        ann.emitted()[1].json(),
        json!({ "self": { "$address": "Account/ann" } })
    );
    let carl = script.worker("Account").key("carl").start().unwrap();
    assert_eq!(carl.address().unwrap().to_string(), "Account/carl");
    let mut nobody = script.start().unwrap();
    let error = nobody.process_message(json!({ "name": null })).unwrap_err();
    assert!(matches!(error, TestError::Key(_)), "{error}");
}

#[test]
fn timers_fire_only_as_time_passes() {
    let mut worker = start(
        "export const Slow = act((self, { complete }) => sequence(() => [
           delay(1000), send(Log, computeState([], () => ({ at: Date.now() }))), delay(500), complete('done') ]));",
    );
    assert!(worker.emitted().is_empty());
    worker.advance(999).unwrap();
    assert!(worker.emitted().is_empty());
    worker.advance(1).unwrap();
    assert_eq!(
        worker.emitted_messages(),
        [json!({ "at": 946_684_801_000_u64 })]
    );
    assert_eq!(worker.status(), LocalStatus::Waiting);
    worker.advance(10_000).unwrap();
    assert_eq!(
        (worker.status(), worker.result()),
        (LocalStatus::Completed, Some(json!("done")))
    );
    assert_eq!(worker.clock_ms(), 11_000);
}

const CALLER: &str = "export const Caller = act((self, { complete, fail }) =>
    call(Prices, { ask: 1 }, answer => complete(readState(answer, a => a.price)), { timeout: 1000, otherwise: fail('late') }));";

#[test]
fn the_test_answers_calls() {
    let mut worker = start(CALLER);
    let open = worker.open_calls();
    assert_eq!(
        (open[0].to, open[0].json()),
        ("Prices", json!({ "ask": 1 }))
    );
    let error = worker.reply("Http", Value::Null).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no call to `Http` waits for an answer: there are `Prices`"
    );
    worker.reply("Prices", json!({ "price": 3 })).unwrap();
    assert_eq!(worker.result(), Some(json!(3)));
    assert!(worker.open_calls().is_empty());
    assert!(matches!(
        worker.reply("Prices", json!(1)),
        Err(TestError::NoCall { .. })
    ));
}

#[test]
fn a_call_that_nobody_answers_times_out_and_is_no_longer_open() {
    let mut worker = start(CALLER);
    worker.serve("Prices", |_| None).unwrap();
    assert_eq!(worker.open_calls().len(), 1);
    worker.advance(1000).unwrap();
    assert_eq!(worker.status(), LocalStatus::Failed);
    assert!(worker.open_calls().is_empty());
}

#[test]
fn a_service_answers_at_the_time_of_the_call() {
    let mut worker = start(
        "export const Poll = act((self, { complete }) => withState(() => [], seen => sequence(() => [
           forEach([1, 2, 3], () => sequence(() => [
             delay(1000),
             call(Prices, {}, a => modifyState(seen, computeState([a], a => s => [...s, a.n])), { timeout: 10, otherwise: noop() }),
           ])),
           complete(seen) ])));",
    );
    let mut count = 0;
    worker
        .serve("Prices", move |_| {
            count += 1;
            (count != 2).then(|| json!({ "n": count }))
        })
        .unwrap();
    worker.advance(60_000).unwrap();
    assert_eq!(worker.result(), Some(json!([1, 3])));
}

#[test]
fn the_worker_answers_the_test() {
    let mut worker = start(
        "export const Twice = act(() => whileLoop(() => waitFor(m => true, m =>
           whenState(readState(m, m => m.n), sequence(() => [reply(m, readState(m, m => ({ n: 2 * m.n }))), send(sender(m), { told: true })])))));",
    );
    assert_eq!(
        worker.call(json!({ "n": 4 })).unwrap(),
        Some(json!({ "n": 8 }))
    );
    assert_eq!(worker.call(json!({})).unwrap(), None);
    worker
        .process_message_from("Ann/1", json!({ "n": 1 }))
        .unwrap();
    let to: Vec<&str> = worker
        .emitted()
        .iter()
        .map(|each| each.to.as_str())
        .collect();
    assert_eq!(to, ["caller", "caller", "Ann/1", "Ann/1"]);
}

#[test]
fn children_are_part_of_the_test() {
    let mut worker = start(
        "const Child = act((self, { outbox, config }) => withState(readState(config, c => () => c), kept => waitFor(m => true, m => sequence(() => [
           send(outbox, { got: m }), send(Log, { child: true }), modifyState(kept, () => 'ended') ]))));
         export const Parent = act(() => spawn(Child, { a: 1 }, child => sequence(() => [
           waitFor(m => m.got, m => send(Log, readState(m, m => m.got))) ])));",
    );
    let children = worker.children();
    assert_eq!(children.len(), 1);
    let state = worker.state_of(&children[0], None).unwrap();
    assert_eq!(state.to_json(), r#"{"a":1}"#);
    worker
        .process_message_to(&children[0], json!("hello"))
        .unwrap();
    assert_eq!(
        worker.emitted_messages(),
        [json!({ "child": true }), json!("hello")]
    );
    assert_eq!(
        worker.end_of(&children[0]).unwrap().status,
        LocalStatus::Completed
    );
    let error = worker
        .process_message_to(&"Parent/x".parse().unwrap(), json!(1))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("neither the worker under test nor one of its children")
    );
}

#[test]
fn failures_are_recorded_with_their_script_stack() {
    let mut worker = start(
        "export const Fragile = act(() => withState(() => 0, n => whileLoop(() => waitFor(m => true, m =>
           modifyState(n, computeState([m], m => n => n + m.inner.amount))))), { daemon: true });",
    );
    worker.process_message(json!({})).unwrap();
    worker
        .process_message(json!({ "inner": { "amount": 2 } }))
        .unwrap();
    assert_eq!(worker.failures()[0].error.stack[0].line, 2);
    assert_eq!(worker.dead_letters()[0].message.to_json(), "{}");
    // It rests after its failure: the second message waits until it goes on.
    assert_eq!(worker.state(None), Some(json!(0)));
    worker.advance(60_000).unwrap();
    assert_eq!(
        (worker.status(), worker.state(None)),
        (LocalStatus::Waiting, Some(json!(2)))
    );
}

#[test]
fn chance_time_and_config_come_from_the_test() {
    let script = Script::compile(
        "chance.js",
        "export const Chance = act((self, { complete, config }) =>
           complete(computeState(config, c => [c.a, Date.now(), Math.random(), uuid()])));",
    )
    .unwrap();
    let run = |seed| {
        let worker = script
            .worker("Chance")
            .config(json!({ "a": 1 }))
            .now_ms(5)
            .seed(seed);
        worker.start().unwrap().result().unwrap()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1)[2], run(2)[2]);
    assert_eq!((run(1)[0].clone(), run(1)[1].clone()), (json!(1), json!(5)));
}

#[test]
fn states_with_names_are_found_by_them() {
    let worker = start(
        "export const Two = act(() => withState(() => 1, a => withState(() => new Map([[1, 2]]), b => waitFor(m => true), { as: 'inner' })));",
    );
    assert_eq!(worker.state(None), Some(json!(1)));
    assert_eq!(worker.state(Some("inner")), Some(json!([[1, 2]])));
    assert_eq!(worker.state(Some("outer")), None);
}

#[test]
fn what_is_wrong_with_a_test_is_said() {
    let error = Script::compile("a.js", "export const A = act(() => wait())").unwrap_err();
    assert!(error.to_string().contains("a.js:1:28"), "{error}");
    let script = Script::compile("a.js", "export const A = act(self => waitFor(m => true, m => whileLoop(() => sequence(() => [send(self, 1), waitFor(m => true)]))))").unwrap();
    let error = script.worker("B").start().err().unwrap();
    assert_eq!(
        error.to_string(),
        "the module has no worker `B`: it has `A`"
    );
    let mut endless = script.start().unwrap();
    let error = endless.process_message(json!(1)).unwrap_err();
    assert!(error.to_string().contains("without end"), "{error}");
    let error = endless.process_message(json!({ "$x": 1 })).unwrap_err();
    assert!(matches!(error, TestError::Message(_)));
}

#[test]
fn numbers_keep_their_last_bit() {
    let mut worker = start(
        "export const Sum = act((self, { outbox }) => whileLoop(() => waitFor(m => true, m =>
           send(outbox, readState(m, m => [m + 0.2, 9007199254740993, 1e21, -0])))));",
    );
    worker.process_message(0.1).unwrap();
    let sum = 0.1_f64 + 0.2;
    assert_eq!(
        worker.emitted_messages(),
        [json!([sum, 9_007_199_254_740_992_u64, 1e21, 0])]
    );
}

#[test]
fn reactive_functions_of_the_script_are_computed_and_put_out_nothing_of_the_worker() {
    let script = Script::compile(
        "limit.js",
        "
        export const Double = reactive((get, n) => 2 * n);
        export const Limit = act((self, { outbox }) => waitFor(m => true, m =>
          waitForValue(Double(readState(m, m => m.n)), v => v > 5, v => send(outbox, v))));
        ",
    )
    .unwrap();
    let mut worker = script.worker("Limit").start().unwrap();
    worker.process_message(json!({ "n": 4 })).unwrap();
    assert_eq!(worker.emitted_messages(), [json!(8)]);
}
