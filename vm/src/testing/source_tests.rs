//! Unit tests of sources in tests: values, errors, effects, functions that are replaced, what is refused.

use serde_json::{Value, json};

use super::{Script, TestError, TestSource, TestWorker};
use crate::data::ErrorKind;

const DESK: &str = r#"
    export const Worth = reactive((get, id) =>
      get(stateOf(worker("Account", id), "balance")) * get(effect(Rates, { to: "EUR" })).rate);
    export const Total = reactive((get, ids) => ids.reduce((sum, id) => sum + get(Worth(id)), 0));
    export const Desk = act((self, { outbox }) => whileLoop(() =>
      attempt(() => waitForValue(Total(["a", "b"]), v => v > 10, v => sequence(() => [
        send(outbox, v), waitForValue(Total(["a", "b"]), v => v <= 10)])),
        { otherwise: error => sequence(() => [
          send(outbox, readState(error, e => e.message)), waitFor(m => m.again)]) })));
"#;

fn start(text: &str, worker: &str) -> TestWorker {
    let script = Script::compile("desk.js", text).unwrap();
    script.worker(worker).start().unwrap()
}

fn balance(id: &str) -> TestSource {
    TestSource::state(format!("Account/{id}"), "balance")
}

fn rate() -> TestSource {
    TestSource::effect("Rates", json!({ "to": "EUR" }))
}

fn worth(id: &str) -> TestSource {
    TestSource::result("Worth", [json!(id)])
}

fn total() -> TestSource {
    TestSource::result("Total", [json!(["a", "b"])])
}

#[test]
fn states_and_effects_are_what_the_test_says() {
    let mut desk = start(DESK, "Desk");
    desk.set_source(&balance("a"), 1).unwrap();
    // The second function asks the same; it is answered as the first was.
    desk.set_source(&rate(), json!({ "rate": 2 })).unwrap();
    assert_eq!(desk.emitted_messages(), [] as [Value; 0]);
    desk.set_source(&balance("b"), 6).unwrap();
    assert_eq!(desk.emitted_messages(), [json!(14)]);
    assert!(desk.open_calls().is_empty());
    // A service may answer again: the question is one source.
    desk.set_source(&rate(), json!({ "rate": 1 })).unwrap();
    desk.set_source(&rate(), json!({ "rate": 3 })).unwrap();
    assert_eq!(desk.emitted_messages(), [json!(14), json!(21)]);
    assert!(desk.failures().is_empty());
}

#[test]
fn a_service_of_the_test_answers_effects() {
    let mut desk = start(DESK, "Desk");
    desk.serve("Rates", |_| Some(json!({ "rate": 5 }))).unwrap();
    desk.set_source(&balance("a"), 1).unwrap();
    desk.set_source(&balance("b"), 2).unwrap();
    assert_eq!(desk.emitted_messages(), [json!(15)]);
}

#[test]
fn a_function_that_is_set_is_computed_no_more() {
    let mut desk = start(DESK, "Desk");
    assert_eq!(
        desk.sources(),
        [
            r#"Total(["a","b"])"#,
            r#"Worth("a")"#,
            r#"effect("Rates", {"to":"EUR"})"#,
            r#"stateOf("Account/a", "balance")"#
        ]
    );
    desk.set_source(&worth("a"), 1).unwrap();
    desk.set_source(&worth("b"), 10).unwrap();
    assert_eq!(desk.emitted_messages(), [json!(11)]);
    desk.set_source(&total(), 10).unwrap();
    assert_eq!(desk.sources(), [r#"Total(["a","b"])"#]);
    desk.set_source(&total(), 12).unwrap();
    assert_eq!(desk.emitted_messages(), [json!(11), json!(12)]);
}

#[test]
fn an_error_is_thrown_where_it_is_read() {
    let mut desk = start(DESK, "Desk");
    desk.fail_source(&balance("a"), ErrorKind::RangeError, "no such account")
        .unwrap();
    let emitted = desk.emitted_messages();
    let text = emitted[0].as_str().unwrap();
    assert!(text.contains("no such account"), "{text}");
    desk.process_message(json!({ "again": true })).unwrap();
    assert_eq!(desk.emitted_messages().len(), 2);
}

#[test]
fn what_nobody_reads_or_says_itself_is_refused() {
    let mut desk = start(DESK, "Desk");
    let error = desk.set_source(&balance("z"), 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"nobody reads `stateOf("Account/z", "balance")` now: what is read is `Total(["a","b"])`, `Worth("a")`, `effect("Rates", {"to":"EUR"})`, `stateOf("Account/a", "balance")`"#
    );
    let error = desk.set_source(&TestSource::Clock { ms: 1000 }, 1);
    assert!(
        error.unwrap_err().to_string().contains("by `advance`"),
        "a clock"
    );
    desk.set_source(&balance("a"), 1).unwrap();
    let error = desk.fail_source(&rate(), ErrorKind::Error, "down");
    assert!(matches!(error, Err(TestError::NotSet { .. })), "{error:?}");

    let mut parent = start(
        r#"export const Child = act(() => withState(() => 1, s => waitFor(m => true), { as: "phase" }));
           export const Parent = act((self) => spawn(Child, undefined, child =>
             waitForValue(stateOf(child, "phase"), v => v > 1)));"#,
        "Parent",
    );
    let child = parent.children()[0].to_string();
    let error = parent
        .set_source(&TestSource::state(child, "phase"), 2)
        .unwrap_err();
    assert!(error.to_string().contains("runs in the test"), "{error}");
}

#[test]
fn a_worker_that_has_not_started_reads_nothing() {
    let mut keyed = start(
        r#"export const Keyed = act(self => waitFor(m => true), { key: m => m.key });"#,
        "Keyed",
    );
    let error = keyed.set_source(&balance("a"), 1).unwrap_err();
    assert!(error.to_string().ends_with("the worker reads no source"));
}
