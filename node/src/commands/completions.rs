//! `troupe completions`: prints a completion script for a shell.

use clap::CommandFactory;

use crate::arguments::Arguments;
use crate::output;

/// Prints the script.
pub(super) fn run(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "troupe", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end());
}
