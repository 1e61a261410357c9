//! `troupe list`: instances of one worker or of all.

use crate::api::{InstancePage, ServedPage};
use crate::arguments::{ListArguments, Output};
use crate::client::{Client, segment};
use crate::output;

/// Prints instances, page by page, up to the limit.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) fn run(arguments: &ListArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.client);
    if arguments.deployed {
        return deployed(&client, arguments.client.output);
    }
    let base = match &arguments.name {
        Some(name) => format!("/workers/{}/instances", segment(name)),
        None => "/instances".to_owned(),
    };
    let mut all = InstancePage {
        instances: Vec::new(),
        next: None,
    };
    loop {
        let left = arguments.limit - all.instances.len();
        let mut path = format!("{base}?limit={left}");
        if let Some(status) = &arguments.status {
            path.push_str(&format!("&status={}", segment(status)));
        }
        if let Some(cursor) = &all.next {
            path.push_str(&format!("&cursor={}", segment(cursor)));
        }
        let page: InstancePage = client.get(&path)?;
        all.instances.extend(page.instances);
        all.instances.truncate(arguments.limit);
        all.next = page.next;
        if all.next.is_none() || all.instances.len() == arguments.limit {
            break;
        }
    }
    if arguments.client.output == Output::Json {
        return output::json(&all);
    }
    if all.instances.is_empty() {
        eprintln!("there is no such instance; `troupe list --deployed` shows the workers");
    }
    let rows = all.instances.iter().map(|instance| {
        vec![
            output::fitting(&format!("{}/{}", instance.name, instance.key), 60),
            instance.status.clone(),
            instance.step.to_string(),
            instance.shard.to_string(),
        ]
    });
    output::table(&["instance", "status", "step", "shard"], rows);
    if all.next.is_some() {
        eprintln!("there are more: raise --limit");
    }
    Ok(())
}

/// Prints the workers that serve names.
fn deployed(client: &Client, form: Output) -> anyhow::Result<()> {
    let page: ServedPage = client.get("/programs")?;
    if form == Output::Json {
        return output::json(&page);
    }
    if page.workers.is_empty() {
        eprintln!("nothing is deployed; `troupe deploy FILE` installs workers");
    }
    let rows = page.workers.iter().map(|served| {
        vec![
            served.worker.name.clone(),
            served.worker.kind().to_owned(),
            served.file.clone(),
            served.program[..12].to_owned(),
        ]
    });
    output::table(&["worker", "kind", "file", "program"], rows);
    Ok(())
}
