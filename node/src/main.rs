//! The `troupe` binary: parses the command line and carries the command out.

use std::process::ExitCode;

use clap::Parser;
use node::arguments::Arguments;

fn main() -> ExitCode {
    node::commands::run(&Arguments::parse())
}
