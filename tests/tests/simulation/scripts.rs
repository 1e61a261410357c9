//! Real scripts beside the model workers: tills that pay each other, pause, fail and trap as they are told.
//!
//! Before it: a client's seed. After it: the shard, which runs both kinds by one engine. Guarantees: a till says
//! what it took by its tag, as the model workers do, so that the same checks hold for both.
//! Leaves to others: judging (`checks`).

use std::sync::Arc;

use cluster::command::{Activate, Install};
use cluster::engine::model::ModelEngine;
use cluster::engine::script::ScriptEngine;
use cluster::engine::{Engine, Program};
use cluster::message::Body;
use cluster::query::{self, InstanceView};
use cluster::store::StateRead;
use cluster::{Command, ProgramId};
use serde_json::{Value, json};
use transport::Namespace;

use crate::client::{ACCOUNTS, account};
use crate::random::Random;

/// The worker's name.
pub(crate) const TILL: &str = "Till";

/// What `fail` undoes of a state and what it does not is the reason why a payment that fails moves nothing.
const SCRIPT: &str = r#"
export const Till = act((self, { fail }) => withState(() => 0, count => whileLoop(() =>
  waitFor(m => true, m => sequence(() => [
    modifyState(count, computeState([m], m => n => n + m.amount)),
    whenState(readState(m, m => m.rest > 0), delay(readState(m, m => m.rest))),
    whenState(readState(m, m => m.pay), whenState(readState(m, m => m.bare),
      send(worker("Till"), readState(m, m => m.pay)),
      send(worker("Till", readState(m, m => m.pay.to)), readState(m, m => m.pay)))),
    whenState(readState(m, m => m.end === "fail"), fail("asked to")),
    modifyState(count, computeState([m], m => n => m.end === "trap" ? m.end.worse.worst : n)),
  ]))), { as: "count" }), { daemon: true, key: m => m.to, restart: { policy: "on-failure", backoff: 40, attempts: 1000 } });

export const Mirror = reactive((get, key) => get(stateOf(worker("Till", key), "count")) ?? 0);
export const Total = reactive(get => [ACCOUNTS].reduce((sum, key) => sum + get(Mirror(key)), 0));
export const Auditor = act(() => waitForValue(Total(), total => false),
  { daemon: true, restart: { policy: "on-failure", backoff: 40, attempts: 1000 } });
"#;

/// What reads the tills: functions of their states, and who waits for them.
const READERS: [&str; 3] = ["Mirror", "Total", "Auditor"];

/// Runs model programs and scripts.
struct BothEngines;

/// The engine of the simulation.
pub(crate) fn engine() -> Arc<dyn Engine> {
    Arc::new(BothEngines)
}

impl Engine for BothEngines {
    fn load(&self, bytes: &[u8]) -> Result<Arc<dyn Program>, String> {
        ScriptEngine
            .load(bytes)
            .or_else(|_| ModelEngine.load(bytes))
    }
}

/// The commands that bring the script into a shard.
pub(crate) fn deploy() -> [Command; 2] {
    let keys: Vec<String> = (0..ACCOUNTS)
        .map(|at| format!("{:?}", account(at)))
        .collect();
    let script = SCRIPT.replace("ACCOUNTS", &keys.join(", "));
    let source = vm::Source::new("till.js", script);
    let compiled = vm::compile(&source, &vm::BuildLimits::default());
    let program = compiled.expect("the script compiles").program;
    let install = Install {
        program: program.encode().into(),
    };
    let activate = Activate {
        namespace: Namespace::default(),
        version: 2,
        names: READERS
            .into_iter()
            .chain([TILL])
            .map(|name| (name.to_owned(), ProgramId(program.hash().0)))
            .collect(),
        removed: Vec::new(),
    };
    [Command::Install(install), Command::Activate(activate)]
}

/// A payment between tills; `bare` leaves it to the name to find the one that is paid.
pub(crate) fn payment(random: &mut Random, from: &str, to: &str, tag: &str, bare: bool) -> Body {
    let (end, rest) = match random.below(8) {
        0 => ("fail", 0),
        1 => ("trap", 0),
        2 => ("", 1 + random.below(300)),
        _ => ("", 0),
    };
    let amount = match end {
        "fail" => 0,
        _ => 1 + random.below(100) as i64,
    };
    let pay = json!({ "to": to, "tag": format!("{tag}>"), "amount": amount });
    message(&json!({
        "to": from, "tag": tag, "amount": -amount, "rest": rest, "bare": bare, "end": end, "pay": pay,
    }))
}

/// What a till is told.
pub(crate) fn message(message: &Value) -> Body {
    let data = vm::Data::from_json(&message.to_string(), &vm::Limits::default());
    Body::from_data(data.expect("a payment is small"))
}

fn json_of(body: &Body) -> Option<Value> {
    serde_json::from_str(&body.data().ok()?.to_json()).ok()
}

/// The tag of a payment.
pub(crate) fn tag(body: &Body) -> Option<String> {
    let json = json_of(body)?;
    json["tag"].as_str().map(str::to_owned)
}

/// Whether it was told to fail or to trap.
pub(crate) fn is_told_to_end(body: &Body) -> bool {
    json_of(body).is_some_and(|json| matches!(json["end"].as_str(), Some("fail" | "trap")))
}

/// Whether an instance only reads tills.
pub(crate) fn is_reader(view: &InstanceView) -> bool {
    READERS.contains(&view.worker.as_str())
}

/// What a function of the tills came to, where it is one and has come to something.
pub(crate) fn result(store: &dyn StateRead, view: &InstanceView) -> Option<Value> {
    let program = query::decoded_program(store, view.program).unwrap();
    let shown = query::shown_result(&program.unwrap().0, view).unwrap()?;
    let shown: Value = serde_json::from_str(&shown.to_json()).unwrap();
    shown.get("value").cloned()
}

/// What a till holds.
pub(crate) fn count(store: &dyn StateRead, view: &InstanceView) -> i64 {
    let program = query::decoded_program(store, view.program).unwrap();
    let states = query::open_states(&program.unwrap().0, view).unwrap();
    let count = states.first().map(|state| state.to_json());
    count.map_or(0, |json| json.parse().unwrap())
}
