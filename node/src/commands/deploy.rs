//! `troupe deploy`: reads scripts, has the cluster compile and install them, prints what is active and
//! what nothing serves yet.

use crate::api::{DeployRequest, DeployResponse, SourceFile};
use crate::arguments::{DeployArguments, Output};
use crate::client::Client;
use crate::output;

/// Installs scripts.
///
/// # Errors
/// A file cannot be read, a script does not compile (nothing is installed then), or the cluster
/// refuses.
pub(super) fn run(arguments: &DeployArguments) -> anyhow::Result<()> {
    let files = super::sources::read(&arguments.files)?;
    let files = files
        .into_iter()
        .map(|(name, source)| SourceFile { name, source })
        .collect();
    let client = Client::new(&arguments.client);
    let response: DeployResponse = client.post("/programs", &DeployRequest { files }, None)?;
    if arguments.client.output == Output::Json {
        return output::json(&response);
    }
    for lint in response.programs.iter().flat_map(|program| &program.lints) {
        eprintln!("{}", lint.rendered);
    }
    let rows = response.programs.iter().flat_map(|program| {
        program.workers.iter().map(|worker| {
            let kind = match (worker.daemon, worker.keyed) {
                (true, true) => "daemon, by key",
                (true, false) => "daemon",
                (false, true) => "by key",
                (false, false) => "ephemeral",
            };
            vec![
                worker.name.clone(),
                kind.into(),
                program.file.clone(),
                program.hash[..12].to_owned(),
            ]
        })
    });
    output::table(&["worker", "kind", "file", "program"], rows);
    if !response.unserved.is_empty() {
        eprintln!("nothing serves yet: {}", response.unserved.join(", "));
    }
    Ok(())
}
