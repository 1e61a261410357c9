//! The `troupe` binary: parses the command line and carries the command out.

use std::process::ExitCode;

use clap::Parser;
use node::arguments::Arguments;

/// A message is many small allocations, made on one thread and freed on another: the system's
/// allocator took a sixth of a node's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    node::commands::run(&Arguments::parse())
}
