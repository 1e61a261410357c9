//! Unit tests of sources that are set: what their readers see, versions, what is refused.

use super::setting::Refused;
use super::{LocalEvent, LocalOptions, LocalRun};
use crate::build::compile;
use crate::data::{Address, Data};
use crate::limits::BuildLimits;
use crate::reactive::{Said, Source as Read};
use crate::source::Source;

const SCRIPT: &str = r#"
    export const Double = reactive((get, key) => 2 * get(stateOf(worker("Account", key), "balance")));
    export const Limit = act((self, { outbox }) => whileLoop(() => waitForValue(Double("ann"), v => v > 5,
      v => sequence(() => [send(outbox, v), waitFor(m => m.again)]))));
"#;

fn start(program: &crate::Program) -> LocalRun<'_> {
    let options = LocalOptions {
        worker: Some("Limit".to_owned()),
        alone: true,
        ..LocalOptions::default()
    };
    let mut run = LocalRun::new(program, options).unwrap();
    run.advance(0).unwrap();
    run
}

fn balance() -> Read {
    Read::State {
        of: Address::keyed("Account", "ann"),
        name: "balance".to_owned(),
    }
}

fn set(run: &mut LocalRun<'_>, value: f64) {
    run.set_source(balance(), Said::Value(Data::Number(value)))
        .unwrap();
}

/// What the function put out.
fn results(run: &mut LocalRun<'_>) -> Vec<String> {
    let events = run.take_events().into_iter();
    let results = events.filter_map(|event| match event {
        LocalEvent::Sent { from, message, .. } if &*from.name == "Double" => {
            Some(message.to_json())
        }
        _ => None,
    });
    results.collect()
}

#[test]
fn each_other_value_is_told_once_with_a_later_version() {
    let compiled = compile(&Source::new("limit.js", SCRIPT), &BuildLimits::default()).unwrap();
    let mut run = start(&compiled.program);
    run.take_events();
    for value in [1.0, 1.0, 2.0, 2.0] {
        set(&mut run, value);
    }
    let shown = |value: u32, version: u32| {
        format!(
            r#"{{"value":{value},"sources":[{{"source":"Account/ann balance","version":{version}}}]}}"#
        )
    };
    assert_eq!(results(&mut run), [shown(2, 1), shown(4, 2)]);
}

#[test]
fn a_value_stays_for_those_who_read_it_later() {
    let compiled = compile(&Source::new("limit.js", SCRIPT), &BuildLimits::default()).unwrap();
    let mut run = start(&compiled.program);
    set(&mut run, 3.0);
    // A minute after its last reader has gone the function ends; it begins again with the next wait.
    run.advance(70_000).unwrap();
    assert!(run.sources().is_empty(), "{:?}", run.sources());
    let again = run.set_source(balance(), Said::Value(Data::Null));
    assert!(matches!(again, Err(Refused::NotRead)), "{again:?}");
    run.take_events();
    let message = Data::object_from([("again", Data::Boolean(true))]).unwrap();
    run.deliver(70_000, message).unwrap();
    let sent = run.take_events();
    let outbox = sent.iter().filter(|event| {
        matches!(event, LocalEvent::Sent { from, message: Data::Number(6.0), .. } if &*from.name == "Limit")
    });
    assert_eq!(outbox.count(), 1, "{sent:?}");
}
