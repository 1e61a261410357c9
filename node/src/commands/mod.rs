//! The commands, one file each. Those that act on a cluster are clients of its HTTP interface; the
//! others run something here.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal as on_signal};

use crate::arguments::{Arguments, Command};
use crate::output;

mod backup;
mod bench;
mod call;
mod check;
mod cluster;
mod completions;
mod dead_letters;
mod demo;
mod deploy;
mod dev;
mod doctor;
mod get;
mod history;
mod json;
mod kill;
mod list;
mod logs;
mod new;
mod node;
mod outbox;
mod pause;
mod reports;
mod restore;
mod result;
mod run;
mod send;
pub(crate) mod sources;
mod start;
mod test;
pub mod trace;
mod types;
mod undeploy;
mod waiting;
mod watch;

/// Carries out a command: 0 it did, 1 it failed, 2 it was used wrongly.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    match carry_out(&arguments.command) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(arguments) => return check::run(arguments),
        Command::Run(arguments) => return run::run(arguments),
        Command::Test(arguments) => return test::run(arguments),
        Command::New(arguments) => new::run(arguments)?,
        Command::Dev(arguments) => dev::run(arguments)?,
        Command::Demo(arguments) => demo::run(arguments)?,
        Command::Node(arguments) => node::run(arguments)?,
        Command::Deploy(arguments) => deploy::run(arguments)?,
        Command::Undeploy(arguments) => undeploy::run(arguments)?,
        Command::Start(arguments) => start::run(arguments)?,
        Command::Send(arguments) => send::run(arguments)?,
        Command::Call(arguments) => call::run(arguments)?,
        Command::Kill(arguments) => kill::run(arguments)?,
        Command::Pause(arguments) => pause::run(arguments)?,
        Command::Resume(arguments) => pause::resume(arguments)?,
        Command::Doctor(arguments) => return doctor::run(arguments),
        Command::List(arguments) => list::run(arguments)?,
        Command::Get(arguments) => get::run(arguments)?,
        Command::Result(arguments) => result::run(arguments)?,
        Command::Logs(arguments) => logs::run(arguments)?,
        Command::History(arguments) => history::run(arguments)?,
        Command::Outbox(arguments) => outbox::run(arguments)?,
        Command::Trace(arguments) => trace::run(arguments)?,
        Command::Watch(arguments) => watch::run(arguments)?,
        Command::Cluster(command) => cluster::run(command)?,
        Command::DeadLetters(command) => dead_letters::run(command)?,
        Command::Backup(arguments) => backup::run(arguments)?,
        Command::Restore(arguments) => restore::run(arguments)?,
        Command::Bench(arguments) => bench::run(arguments)?,
        Command::Types { testing } => types::run(*testing),
        Command::Completions { shell } => completions::run(*shell),
    }
    Ok(ExitCode::SUCCESS)
}

/// The runtime of commands that run a node here.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

/// Waits for an interrupt or a request to terminate.
async fn signal() -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (
        on_signal(SignalKind::interrupt())?,
        on_signal(SignalKind::terminate())?,
    );
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
