//! The script that runs in the simulated cluster, and what is read of it. Clients and checks come after it.
//! Guarantees: every message is kept by its id where it took effect, in the order in which it did, so that each
//! can be looked for. Left to others: who sends what.

use bytes::Bytes;
use cluster::SystemCommand;
use cluster::command::{Activate, Command, Install};
use cluster::limits::ShardLimits;
use cluster::message::{Body, ProgramId};
use cluster::query::{self, InstanceView};
use cluster::store::StateRead;
use cluster::system::ActivateNames;
use serde::Deserialize;
use transport::{Address, Namespace};

/// A tally keeps what was added and tells a ledger, at once or after a delay; some messages trap it.
const SCRIPT: &str = r#"
export const Tally = act(() => withState(() => ({ total: 0, ids: [] }), tally => whileLoop(() =>
  waitFor(m => m.type === "add", add => sequence(() => [
    modifyState(tally, computeState([add], m => t => m.bad ? m.bad.worse.worst : ({
      total: t.total + m.amount,
      ids: [...t.ids, m.id],
    }))),
    whenState(readState(add, m => m.ms > 0), delay(readState(add, m => m.ms))),
    send(worker("Ledger", readState(add, m => m.ledger)),
      readState(add, m => ({ type: "note", ledger: m.ledger, id: m.id, amount: m.amount }))),
  ])))), { daemon: true, key: m => m.counter, restart: { policy: "on-failure", backoff: 50, attempts: 1000 } });

export const Ledger = act(() => withState(() => ({ total: 0, ids: [], chance: 0 }), ledger => whileLoop(() =>
  waitFor(m => m.type === "note", note =>
    modifyState(ledger, computeState([note], m => t => ({
      total: t.total + m.amount,
      ids: [...t.ids, m.id],
      chance: Math.random(),
    })))))), { daemon: true, key: m => m.ledger });
"#;

/// The script, compiled, and the names that it serves.
fn compiled() -> (Bytes, Vec<(String, ProgramId)>) {
    let source = vm::Source::new("tally.js", SCRIPT);
    let compiled = vm::compile(&source, &vm::BuildLimits::default());
    let program = compiled.expect("the script compiles").program;
    let id = ProgramId(program.hash().0);
    let workers = program.workers().filter(|worker| worker.exported);
    let names = workers.map(|worker| (worker.name.clone(), id)).collect();
    (program.encode().into(), names)
}

/// The commands with which the system group knows of the script: a restore takes from shards what it does not know.
pub(crate) fn deploy_to_system() -> Vec<SystemCommand> {
    let (program, names) = compiled();
    vec![
        SystemCommand::InstallProgram { program },
        SystemCommand::ActivateNames(ActivateNames {
            namespace: Namespace::default(),
            names,
            removed: Vec::new(),
        }),
    ]
}

/// The commands that bring the script into a shard.
pub(crate) fn deploy() -> Vec<Command> {
    let (program, names) = compiled();
    // So few that most commands leave some of the run queue to the next one.
    let limits = ShardLimits {
        command_instructions: 100,
        ..ShardLimits::default()
    };
    vec![
        Command::Configure(Box::new(limits)),
        Command::Install(Install { program }),
        Command::Activate(Activate {
            namespace: Namespace::default(),
            version: 1,
            names,
            removed: Vec::new(),
        }),
    ]
}

pub(crate) fn body(json: &serde_json::Value) -> Body {
    let data = vm::Data::from_json(&json.to_string(), &vm::Limits::default());
    Body::from_data(data.expect("a message is small"))
}

/// An address by its text.
pub(crate) fn address(text: &str) -> Address {
    Address::parse(Namespace::default(), text).unwrap()
}

/// The state of a tally or a ledger.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) total: u64,
    pub(crate) ids: Vec<u64>,
}

/// The state of an instance, where it is there.
pub(crate) fn kept(reader: &dyn StateRead, address: &Address) -> Option<(InstanceView, Kept)> {
    let view = query::instance(reader, address).unwrap()?;
    let program = query::decoded_program(reader, view.program).unwrap();
    let states = query::open_states(&program.unwrap().0, &view).unwrap();
    let kept = states.first().map(|state| {
        let json = state.to_json();
        serde_json::from_str(&json).expect("the script keeps a total and ids")
    });
    Some((view, kept.unwrap_or_default()))
}
