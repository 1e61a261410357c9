//! `troupe deploy`: reads scripts, has the cluster compile and install them, prints what is active and
//! what nothing serves yet.

use anyhow::bail;

use super::sources::Folder;
use crate::api::{DeployRequest, DeployResponse, ServedPage, SourceFile};
use crate::arguments::{DeployArguments, Output};
use crate::client::Client;
use crate::door::Scripts;
use crate::output;

/// Installs scripts.
///
/// # Errors
/// A file cannot be read, a script does not compile (nothing is installed then), or the cluster
/// refuses.
pub(super) fn run(arguments: &DeployArguments) -> anyhow::Result<()> {
    let (folder, entries) = Folder::of(&arguments.files)?;
    let scripts = match folder.gather(&folder.programs(&entries)) {
        Ok(scripts) => scripts,
        Err(rejected) => {
            super::check::print(&rejected);
            bail!("nothing was deployed: the script does not compile");
        }
    };
    let client = Client::new(&arguments.client);
    let response: DeployResponse = client.post("/programs", &request(scripts), None)?;
    if arguments.client.output == Output::Json {
        return output::json(&response);
    }
    for lint in response.programs.iter().flat_map(|program| &program.lints) {
        eprintln!("{}", lint.rendered);
    }
    let rows = response.programs.iter().flat_map(|program| {
        program.workers.iter().map(|worker| {
            vec![
                worker.name.clone(),
                worker.kind().into(),
                program.file.clone(),
                program.hash[..12].to_owned(),
            ]
        })
    });
    output::table(&["worker", "kind", "file", "program"], rows);
    if !response.unserved.is_empty() {
        let served = client.get::<ServedPage>("/programs")?;
        let names: Vec<&str> = served
            .workers
            .iter()
            .map(|served| served.worker.name.as_str())
            .collect();
        eprintln!("{}", unserved(&response.unserved, &names));
    }
    Ok(())
}

/// Says which names nothing serves, and which names that are served may be meant.
pub(super) fn unserved(names: &[String], served: &[&str]) -> String {
    let shown = names
        .iter()
        .map(|name| match vm::closest(name, served.iter().copied()) {
            Some(guess) => format!("{name} (did you mean {guess}?)"),
            None => name.clone(),
        });
    let shown: Vec<String> = shown.collect();
    format!("nothing serves yet: {}", shown.join(", "))
}

fn request(scripts: Scripts) -> DeployRequest {
    let Scripts { entries, mut files } = scripts;
    let file = |(name, source)| SourceFile { name, source };
    let first = entries
        .into_iter()
        .filter_map(|entry| files.remove_entry(&entry));
    let first: Vec<SourceFile> = first.map(file).collect();
    DeployRequest {
        files: first,
        modules: files.into_iter().map(file).collect(),
    }
}
