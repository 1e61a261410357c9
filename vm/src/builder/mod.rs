//! Workers from Rust: the commands of the language as functions, with expressions as data.
//!
//! Before: a program that embeds the runtime and wants no JavaScript. After: the same compiler, bytecode and
//! machine as for scripts. A module of the builder stands for a script, and is compiled as that script:
//! [`Module::script`] shows it, and errors name its lines. Leaves to others: all meaning.
//!
//! A counter:
//!
//! ```
//! use serde_json::json;
//! use vm::builder::{Object, act};
//! use vm::testing::Script;
//!
//! let counter = act("Counter", |w| {
//!     w.with_state(0, |total| {
//!         w.while_loop(|_| {
//!             w.wait_for(|m| m.field("type").equals("add"), |add| {
//!                 w.sequence([
//!                     w.modify_state_given(total, [add], |n, [m]| n + m.field("amount")),
//!                     w.send(w.outbox(), w.read(total, |n| Object::new().set("total", n))),
//!                 ])
//!             })
//!         })
//!     })
//! })
//! .daemon();
//!
//! let mut counter = Script::of(counter.compile()?.into()).start()?;
//! counter.process_message(json!({ "type": "add", "amount": 3 }))?;
//! assert_eq!(counter.emitted_messages(), [json!({ "total": 3 })]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An account for each name, which is a key; it refuses what it does not have:
//!
//! ```
//! # use serde_json::json;
//! # use vm::builder::{Object, act};
//! # use vm::testing::Script;
//! let account = act("Account", |w| {
//!     w.with_state(0, |balance| {
//!         w.while_loop(|_| {
//!             w.wait_for(|m| m.field("amount").greater_than(0), |order| {
//!                 w.when_state(
//!                     w.compute([balance, order], |[b, m]| b.at_least(m.field("amount")).or(m.field("paid_in"))),
//!                     w.sequence([
//!                         w.modify_state_given(balance, [order], |b, [m]| {
//!                             &b + m.field("paid_in").choose(m.field("amount"), -m.field("amount"))
//!                         }),
//!                         w.send(w.sender(order), json!({ "ok": true })),
//!                     ]),
//!                     w.send(w.sender(order), w.read(order, |m| Object::new().set("refused", m.field("amount")))),
//!                 )
//!             })
//!         })
//!     })
//! })
//! .daemon()
//! .key(|m| m.field("name"));
//!
//! let mut ann = Script::of(account.compile()?.into()).start()?;
//! ann.process_message_from("Till", json!({ "name": "ann", "amount": 5, "paid_in": true }))?;
//! ann.process_message_from("Till", json!({ "name": "ann", "amount": 9 }))?;
//! assert_eq!(ann.address().unwrap().to_string(), "Account/ann");
//! assert_eq!(ann.state(None), Some(json!(5)));
//! assert_eq!(ann.emitted_messages(), [json!({ "ok": true }), json!({ "refused": 9 })]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A transfer that gives up after a time:
//!
//! ```
//! # use serde_json::json;
//! # use vm::builder::{Object, act, service};
//! # use vm::testing::Script;
//! let transfer = act("Transfer", |w| {
//!     w.wait_for(|m| m.field("type").equals("transfer"), |order| {
//!         w.call(
//!             service("Ledger"),
//!             w.read(order, |m| Object::new().spread(m).set("type", "book")),
//!             |answer| w.complete(w.read(answer, |a| a.field("entry"))),
//!         )
//!         .timeout(30_000)
//!         .otherwise(w.fail("the ledger is silent"))
//!     })
//! });
//!
//! let mut transfer = Script::of(transfer.compile()?.into()).start()?;
//! transfer.process_message(json!({ "type": "transfer", "amount": 12 }))?;
//! assert_eq!(transfer.emitted_messages(), [json!({ "type": "book", "amount": 12 })]);
//! transfer.advance(30_000)?;
//! assert_eq!(transfer.error().unwrap().message, "the ledger is silent");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

//! A function of states, and a worker that waits for it:
//!
//! ```
//! # use serde_json::json;
//! # use vm::builder::{Module, Object, act, reactive, value_of};
//! # use vm::testing::{Script, TestSource};
//! let worth = reactive("Worth", |r, [id]| {
//!     let balance = r.state_of("Account", id, "balance").or_else(0);
//!     balance * r.effect("Rates", Object::new().set("to", "EUR")).field("rate")
//! });
//! let exposure = reactive("Exposure", |r, [name]| {
//!     r.state_of("Customer", name, "accounts").or_else(json!([])).each("map", |id| r.value_of("Worth", [id]))
//! });
//! let alarm = act("Alarm", |w| {
//!     w.wait_for_value(value_of("Exposure", [w.config()]), |all| all.item(1).greater_than(0), |all| w.complete(all))
//!     .timeout(60_000)
//! });
//! let module = Module::new().reactive(worth).reactive(exposure).worker(alarm);
//!
//! let script = Script::of(module.compile()?.into());
//! let mut alarm = script.worker("Alarm").config(json!("ann")).start()?;
//! alarm.set_source(&TestSource::state("Customer/ann", "accounts"), json!(["a1", "a2"]))?;
//! alarm.set_source(&TestSource::state("Account/a1", "balance"), 90)?;
//! alarm.set_source(&TestSource::effect("Rates", json!({ "to": "EUR" })), json!({ "rate": 2 }))?;
//! alarm.set_source(&TestSource::state("Account/a2", "balance"), 1)?;
//! assert_eq!(alarm.result(), Some(json!([180, 2])));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod command;
mod expression;
mod module;
mod operand;
mod print;
mod reactive;
#[cfg(test)]
mod tests;
mod worker;

pub use command::Command;
pub use expression::{Expr, Object, apply, global, list};
pub use module::{BuilderError, Module};
pub use operand::{Handle, Loop, Operand, Sequence, instance, service};
pub use reactive::{Reactive, Reader, Source, reactive, state_of, value_of};
pub use worker::{Act, Worker, act};
