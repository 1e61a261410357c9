//! `troupe completions`: prints a completion script for a shell.

use clap::CommandFactory;

use crate::arguments::Arguments;

/// Prints the script.
pub(super) fn run(shell: clap_complete::Shell) {
    clap_complete::generate(
        shell,
        &mut Arguments::command(),
        "troupe",
        &mut std::io::stdout(),
    );
}
