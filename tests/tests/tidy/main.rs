//! Tests that read the source tree itself: who depends on whom, how long files and functions are, how
//! modules open, which error codes have a page, which words stay out of the repository.
//! They come before every other test, need nothing but `cargo metadata`, and leave style to rustfmt and clippy.
#![allow(clippy::unwrap_used)]

mod edges;
mod error_pages;
mod headers;
mod licences;
mod scan;
mod sizes;
mod sources;
mod words;
