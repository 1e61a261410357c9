//! The language of scripted workers: compiler, machine and worker values.
//!
//! Source goes in, a self-contained program comes out; a program, a worker and one input give the next
//! worker and its effects. Pure: no clock, no chance, no input or output, no order that varies.
//! Envelopes, ids and delivery are left to `cluster`.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod limits;
