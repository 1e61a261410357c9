//! `troupe test`: runs test files in an embedded engine, and the workers under test in our own machine.
//!
//! Before: the command line. A test file goes through `discovery` (which files), `bundle` (what they import,
//! types erased, scripts compiled), `engine` (the tests, one after the other) to `report`. Guarantees: a test
//! file reads no file, clock or network; an endless loop, deep recursion or a promise that nobody settles
//! ends as a failed test. Names that tests use are in `js`; what workers do is left to [`vm::testing`].

mod bundle;
mod discovery;
mod drive;
mod engine;
mod limits;
mod modules;
mod outcome;
mod places;
pub mod report;
mod runner;
mod values;
mod watch;
mod workers;

pub use discovery::{find, is_test};
pub use outcome::{FileOutcome, Status, TestOutcome};
pub use runner::{Settings, run};
pub use watch::watch;
