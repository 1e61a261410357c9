//! `troupe restore`: makes a new cluster of one node from a backup, offline, or only checks the file.

use std::path::Path;

use cluster_raft::backup::{Restored, Summary};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::arguments::{Output, RestoreArguments};
use crate::{calendar, output, restoring};

/// What is said of a backup.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    file: String,
    cluster: String,
    cluster_id: String,
    cut: u64,
    made_at: String,
    made_by: String,
    shards: u32,
    records: u64,
    entries: u64,
    bytes: u64,
}

impl Shown {
    pub(super) fn of(path: &Path, summary: &Summary) -> Shown {
        let head = &summary.head;
        Shown {
            file: path.display().to_string(),
            cluster: head.name.clone(),
            cluster_id: head.cluster.to_string(),
            cut: head.cut,
            made_at: calendar::iso(head.unix_ms),
            made_by: format!("troupe {}", head.program),
            shards: head.shard_count,
            records: summary.pairs,
            entries: summary.entries,
            bytes: summary.bytes,
        }
    }
}

/// Prints what a backup holds.
pub(super) fn show(how: Output, shown: &Shown) -> anyhow::Result<()> {
    if how == Output::Json {
        return output::json(shown);
    }
    output::line(&format!(
        "{}: whole\n  cluster   {} ({})\n  cut       {}, begun {}, by {}\n  holds     {} shards, {} records, \
         {} entries of the log, {} bytes",
        shown.file,
        shown.cluster,
        shown.cluster_id,
        shown.cut,
        shown.made_at,
        shown.made_by,
        shown.shards,
        shown.records,
        shown.entries,
        shown.bytes
    ));
    Ok(())
}

/// What was made.
#[derive(Debug, Serialize)]
struct Made {
    cluster: String,
    cluster_id: String,
    data: String,
    from: Shown,
}

/// Restores, or checks.
///
/// # Errors
/// The file is damaged, not whole, or of another format; the folder is not empty or cannot be written.
pub(super) fn run(arguments: &RestoreArguments) -> anyhow::Result<()> {
    let bar = progress(&arguments.file, "checked")?;
    let summary = restoring::check(&arguments.file, |bytes| bar.set_position(bytes))?;
    bar.finish_and_clear();
    let from = Shown::of(&arguments.file, &summary);
    if arguments.check {
        return show(arguments.output, &from);
    }
    let bar = progress(&arguments.file, "restored")?;
    let restored = super::runtime()?.block_on(restoring::restore(
        &arguments.file,
        &arguments.data,
        arguments.cluster.clone(),
        |bytes| bar.set_position(bytes),
    ))?;
    bar.finish_and_clear();
    told(arguments, &restored, from)
}

fn told(arguments: &RestoreArguments, restored: &Restored, from: Shown) -> anyhow::Result<()> {
    let data = arguments.data.display().to_string();
    if arguments.output == Output::Json {
        return output::json(&Made {
            cluster: restored.name.clone(),
            cluster_id: restored.cluster.to_string(),
            data,
            from,
        });
    }
    output::line(&format!(
        "restored {} ({}) from the cut {} of {}\nstart it: troupe node --data {data} --cluster {}",
        restored.name, restored.cluster, from.cut, from.made_at, restored.name
    ));
    Ok(())
}

fn progress(file: &Path, what: &str) -> anyhow::Result<ProgressBar> {
    let length = restoring::open(file)?.metadata()?.len();
    let style = ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes} {msg}")
        .expect("the template is valid");
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    bar.set_style(style);
    bar.set_message(what.to_owned());
    Ok(bar)
}
