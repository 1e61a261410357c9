//! `troupe doctor`: checks what a node with these settings needs on this machine, and the cluster where the node
//! runs already, or of a node that is named; each with what was found and what to do. It changes nothing but a small file that it removes.

mod cluster;
mod machine;

use std::process::ExitCode;

use serde::Serialize;

use crate::arguments::{DoctorArguments, Output};
use crate::config::Config;
use crate::output;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// As it should be.
    Good,
    /// It works, and could bite.
    Doubtful,
    /// It does not work.
    Bad,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Check {
    /// What was looked at.
    what: &'static str,
    /// How it is.
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Check {
    fn good(what: &'static str, found: impl Into<String>) -> Check {
        Check {
            what,
            verdict: Verdict::Good,
            found: found.into(),
            hint: None,
        }
    }

    fn doubtful(what: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Check {
        Check {
            verdict: Verdict::Doubtful,
            hint: Some(hint.into()),
            ..Check::good(what, found)
        }
    }

    fn bad(what: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Check {
        Check {
            verdict: Verdict::Bad,
            ..Check::doubtful(what, found, hint)
        }
    }
}

/// Checks, and prints what was found.
///
/// # Errors
/// The settings cannot be read.
pub(super) fn run(arguments: &DoctorArguments) -> anyhow::Result<ExitCode> {
    let checks = match &arguments.url {
        Some(url) => cluster::at(url),
        None => {
            let config = Config::of_node(&arguments.node)?;
            let mut checks = machine::all(&config);
            checks.extend(cluster::all(&config));
            checks
        }
    };
    match arguments.output {
        Output::Json => output::json(&checks)?,
        Output::Table => print(&checks),
    }
    let is_bad = checks.iter().any(|check| check.verdict == Verdict::Bad);
    Ok(match is_bad {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

fn print(checks: &[Check]) {
    let rows = checks.iter().map(|check| {
        let verdict = match check.verdict {
            Verdict::Good => "good",
            Verdict::Doubtful => "doubtful",
            Verdict::Bad => "BAD",
        };
        vec![
            check.what.to_owned(),
            verdict.to_owned(),
            check.found.clone(),
        ]
    });
    output::table(&["check", "verdict", "found"], rows);
    let hints = checks
        .iter()
        .filter_map(|check| Some((check.what, check.hint.as_ref()?)));
    for (number, (what, hint)) in hints.enumerate() {
        if number == 0 {
            output::line("");
        }
        output::line(&format!("{what}: {hint}"));
    }
}
