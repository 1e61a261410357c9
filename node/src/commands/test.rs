//! `troupe test`: runs the tests of workers that are written in JavaScript or TypeScript.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::arguments::{Output, TestArguments};
use crate::output;
use crate::testing::{self, FileOutcome, Settings, report};

/// The exit code of wrong usage and of files that do not compile.
const USAGE: u8 = 2;

/// Runs the tests: 0, or 1 where one failed, or 2 where a file does not compile or there is no test.
///
/// # Errors
/// The report cannot be written.
pub(super) fn run(arguments: &TestArguments) -> anyhow::Result<ExitCode> {
    if arguments.watch {
        return watch(arguments);
    }
    let files = match testing::find(&arguments.files) {
        Ok(files) => files,
        Err(error) => {
            output::error(&error);
            return Ok(ExitCode::from(USAGE));
        }
    };
    let outcomes = once(arguments, &files)?;
    let ran = outcomes.iter().flat_map(|outcome| &outcome.tests);
    let none_matches = ran.clone().count() > 0
        && ran
            .clone()
            .all(|test| test.status == testing::Status::NotRun);
    if let (Some(filter), true) = (&arguments.filter, none_matches) {
        output::error(&anyhow::anyhow!(
            "no test has `{filter}` in its name: {} looked at",
            count(ran.count(), "test")
        ));
        return Ok(ExitCode::from(USAGE));
    }
    Ok(if outcomes.iter().any(|outcome| outcome.broken) {
        ExitCode::from(USAGE)
    } else if outcomes.iter().any(FileOutcome::failed) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn watch(arguments: &TestArguments) -> anyhow::Result<ExitCode> {
    testing::watch(&arguments.files, |files| once(arguments, files))?;
    Ok(ExitCode::SUCCESS)
}

/// Runs files and prints what came of them.
fn once(arguments: &TestArguments, files: &[PathBuf]) -> anyhow::Result<Vec<FileOutcome>> {
    let settings = Settings::new(
        arguments.filter.clone(),
        arguments.bail,
        Duration::from_millis(arguments.timeout),
    );
    let began = Instant::now();
    let for_people = arguments.output == Output::Table;
    let progress = progress(files.len());
    let mut outcomes = Vec::with_capacity(files.len());
    testing::run(files, &settings, |outcome| {
        if for_people {
            progress.suspend(|| report::file(&outcome));
        }
        progress.inc(1);
        outcomes.push(outcome);
    });
    progress.finish_and_clear();
    let took = began.elapsed();
    if for_people {
        report::summary(&outcomes, took);
    } else {
        report::json(&outcomes, took)?;
    }
    if let Some(path) = &arguments.junit {
        report::junit(path, &outcomes, took)?;
    }
    Ok(outcomes)
}

/// A bar on a terminal; nothing elsewhere, and nothing for a single file.
fn progress(files: usize) -> ProgressBar {
    if files < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:20} {pos}/{len} test files");
    let bar = ProgressBar::with_draw_target(Some(files as u64), ProgressDrawTarget::stderr());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}
