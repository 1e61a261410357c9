//! Reactive functions: what they read, what they know of it, and what they tell those who read them.
//!
//! The build stage and the functions `stateOf`, `effect` and `clock` make sources; `control/react` keeps
//! what is known of them in the worker; hosts carry what is told. Plain data only: subscribing, timers
//! and delivery are left to the host.

mod known;
mod source;
mod told;

pub(crate) use known::{Knowledge, Known, Settled};
pub(crate) use source::{ARGUMENTS, KIND, OF, Source, is_period, state_request};
pub use source::{Part, instance_key, result_request};
pub(crate) use told::{Said, error_data};
pub use told::{Told, told_error, told_nothing};
