//! `troupe run`: one instance here, on a virtual clock, with the workers of its module. Standard output is
//! one JSON line for each send and a last one with the outcome; everything else goes to standard error.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use vm::local::{LocalEvent, LocalMessage, LocalOptions, LocalRun, LocalStatus, parse_line};
use vm::{BuildLimits, Limits};

use super::sources::Folder;
use crate::arguments::RunArguments;
use crate::{calendar, output, script_errors};

/// Keys that a note names at most.
const KEYS_SHOWN: usize = 5;

/// The exit code of a script that does not compile and of arguments that cannot be meant.
const USAGE: u8 = 2;

/// Runs the instance: 0, or 1 where the worker failed, or 2 where the script does not compile or an
/// argument is wrong.
///
/// # Errors
/// A file cannot be read.
pub(super) fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let (folder, entries) = Folder::of(std::slice::from_ref(&arguments.file))?;
    let compiled = match vm::compile_files(&entries[0], &folder, &BuildLimits::default()) {
        Ok(compiled) => compiled,
        Err(rejected) => {
            super::check::print(&rejected);
            return Ok(ExitCode::from(USAGE));
        }
    };
    match prepare(arguments) {
        Ok((options, messages)) => carry_out(&compiled, options, &messages),
        Err(error) => usage(&error),
    }
}

fn usage(error: &anyhow::Error) -> anyhow::Result<ExitCode> {
    output::error(error);
    Ok(ExitCode::from(USAGE))
}

fn carry_out(
    compiled: &vm::Compiled,
    options: LocalOptions,
    messages: &[LocalMessage],
) -> anyhow::Result<ExitCode> {
    let program = &compiled.program;
    let chosen = options.key.is_some();
    let started = LocalRun::new(program, options).and_then(|run| {
        if !chosen {
            note_keys(program, run.root(), messages);
        }
        run.run(messages)
    });
    let (events, end) = match started {
        Ok(ended) => ended,
        Err(error) => return usage(&error.into()),
    };
    for event in &events {
        match event.to_line() {
            Some(line) => output::line(&line),
            None => remark(event, compiled),
        }
    }
    output::line(&end.to_line());
    let failed = end.status == LocalStatus::Failed;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Prints to standard error what is no output of the run.
fn remark(event: &LocalEvent, compiled: &vm::Compiled) {
    match event {
        LocalEvent::Console { worker, line, .. } => {
            line.lines().for_each(|line| eprintln!("{worker}: {line}"));
        }
        LocalEvent::DeadLetter {
            to,
            message,
            cause,
            at_ms,
        } => {
            let (code, why) = (&cause.code, &cause.message);
            let message = message.to_json();
            eprintln!("dead letter at {at_ms} ms for {to}: {message}\n  {code}: {why}");
        }
        LocalEvent::Failed {
            worker,
            error,
            restarts_at_ms,
            at_ms,
        } => {
            let rest = restarts_at_ms.map(|at| format!("; it goes on at {at} ms"));
            let names = compiled.program.sources().iter();
            let files: Vec<(&str, &vm::Source)> = names
                .map(|source| source.name.as_str())
                .zip(compiled.sources.iter())
                .collect();
            let shown = script_errors::rendered(error, &files, output::colours());
            eprintln!(
                "{worker} failed at {at_ms} ms{}\n{shown}\n",
                rest.unwrap_or_default()
            );
        }
        LocalEvent::Late { to, message, at_ms } => {
            eprintln!("late reply at {at_ms} ms for {to}: {}", message.to_json());
        }
        LocalEvent::Sent { .. } => {}
    }
}

/// Says where a cluster would give the messages to other instances than the one that runs here.
fn note_keys(program: &vm::Program, root: &vm::Address, messages: &[LocalMessage]) {
    let name = &root.name;
    if !program
        .worker(name)
        .is_some_and(|worker| worker.options.keyed())
    {
        return;
    }
    let mut keys = BTreeSet::new();
    for (at, message) in messages.iter().enumerate() {
        match program.key_of(name, &message.body, &Limits::default()) {
            Ok(key) => drop(keys.insert(key)),
            Err(error) => {
                eprintln!(
                    "note: a cluster would refuse message {} to {name}: its `key` has none for it: {error}",
                    at + 1
                );
                break;
            }
        }
    }
    if keys.len() > 1 {
        let shown: Vec<&str> = keys.iter().take(KEYS_SHOWN).map(String::as_str).collect();
        let more = if keys.len() > KEYS_SHOWN { ", …" } else { "" };
        eprintln!(
            "note: {name} has a `key`: a cluster would give these messages to {} instances ({}{more}), here all go \
             to {root}; `--key K` says which instance is run, and takes all messages for it",
            keys.len(),
            shown.join(", ")
        );
    }
}

fn prepare(arguments: &RunArguments) -> anyhow::Result<(LocalOptions, Vec<LocalMessage>)> {
    let limits = Limits::default();
    let config = match &arguments.config {
        Some(text) => vm::Data::from_json(text, &limits)
            .map_err(|error| anyhow::anyhow!("--config is not JSON: {error}"))?,
        None => vm::Data::Undefined,
    };
    let options = LocalOptions {
        worker: arguments.worker.clone(),
        key: arguments.key.clone(),
        config,
        now_ms: moment(&arguments.now)?,
        seed: arguments.seed,
        until_ms: arguments.until,
        limits: limits.clone(),
        ..LocalOptions::default()
    };
    let messages = match &arguments.messages {
        Some(path) => messages(path, &limits)?,
        None => Vec::new(),
    };
    Ok((options, messages))
}

fn messages(path: &Path, limits: &Limits) -> anyhow::Result<Vec<LocalMessage>> {
    let reader: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        let file = std::fs::File::open(path)
            .with_context(|| format!("cannot read messages from `{}`", path.display()))?;
        Box::new(BufReader::new(file))
    };
    let mut messages = Vec::new();
    for (number, line) in reader.lines().enumerate() {
        let place = || format!("{}, line {}", path.display(), number + 1);
        let line = line.with_context(place)?;
        if !line.trim().is_empty() {
            messages.push(parse_line(&line, limits).with_context(place)?);
        }
    }
    Ok(messages)
}

/// A moment as milliseconds since 1970: a date with time, or the number itself.
fn moment(text: &str) -> anyhow::Result<u64> {
    text.parse()
        .or_else(|_| calendar::milliseconds(text))
        .context("--now")
}
