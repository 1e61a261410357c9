//! `troupe get`: status and state of one instance, linearisable unless `--local`.

use crate::api::{ErrorView, InstanceView};
use crate::arguments::{GetArguments, Output};
use crate::client::{Client, instance_path};
use crate::output;

/// Prints the instance.
///
/// # Errors
/// There is no such instance, or the cluster cannot be reached.
pub(super) fn run(arguments: &GetArguments) -> anyhow::Result<()> {
    let mut path = instance_path(&arguments.instance.instance);
    if arguments.local {
        path.push_str("?consistency=local");
    }
    let client = &arguments.instance.client;
    let view: InstanceView = Client::new(client).get(&path)?;
    if client.output == Output::Json {
        return output::json(&view);
    }
    output::line(&format!("instance  {}/{}", view.name, view.key));
    output::line(&format!("status    {}", view.status));
    output::line(&format!("run       {}", view.run));
    output::line(&format!("step      {}", view.step));
    output::line(&format!("mailbox   {}", view.mailbox));
    output::line(&format!("program   {}", view.program));
    let node = view
        .node
        .map(|node| format!(" on {node}"))
        .unwrap_or_default();
    output::line(&format!("shard     {}{node}", view.shard));
    for state in &view.state {
        output::line(&format!("state     {state}"));
    }
    if let Some(computed) = &view.computed {
        output::line(&format!("value     {}", super::watch::said(computed)));
    }
    for remark in &view.remarks {
        output::line(&format!("note      {remark}"));
    }
    if let Some(result) = &view.result {
        output::line(&format!("result    {result}"));
    }
    if let Some(error) = &view.error {
        output::line(&format!("error     {}", failure(error)));
    }
    Ok(())
}

/// A script error with its stack, over several lines.
#[must_use]
pub(super) fn failure(error: &ErrorView) -> String {
    let mut text = format!("[{}] {}", error.code, error.message);
    for frame in &error.stack {
        let place = format!("{}:{}:{}", frame.file, frame.line, frame.column);
        text.push_str(&format!("\n          at {} ({place})", frame.function));
    }
    text
}
