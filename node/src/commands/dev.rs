//! `troupe dev`: one node with an embedded bus and its data under `.troupe`, for development. Deploys the
//! given files and deploys them again whenever they change; a script that does not compile leaves what
//! runs as it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use transport::Namespace;

use crate::arguments::{DevArguments, LogFormat};
use crate::composition::{Node, embedded_buses};
use crate::config::Config;
use crate::door::DoorError;
use crate::{output, telemetry};

/// How long changes are gathered: editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(80);

/// Runs the node until it is told to stop.
///
/// # Errors
/// The folder or the address cannot be used, or the log is damaged.
pub(super) fn run(arguments: &DevArguments) -> anyhow::Result<()> {
    telemetry::start_logs(LogFormat::Text, Some("warn,openraft=off,async_nats=off"));
    let config = Config {
        cluster: "dev".to_owned(),
        data: arguments.data.clone(),
        http: arguments.http.clone(),
        otlp: arguments.otlp.clone(),
        http_allow: arguments.http_allow.clone(),
        ..Config::default()
    };
    config.check()?;
    super::runtime()?.block_on(async {
        let node = Node::start(&config, embedded_buses()).await?;
        output::line(&format!(
            "serving http://{}, data under {}",
            node.http,
            config.data.display()
        ));
        deploy(&node, &arguments.files).await;
        let (changed, mut changes) = mpsc::unbounded_channel();
        let _watcher = watch(&arguments.files, changed)?;
        loop {
            tokio::select! {
                signal = super::signal() => {
                    signal?;
                    break;
                }
                Some(()) = changes.recv() => {
                    tokio::time::sleep(SETTLE).await;
                    while changes.try_recv().is_ok() {}
                    deploy(&node, &arguments.files).await;
                }
            }
        }
        output::line("stopping");
        node.stop().await;
        Ok(())
    })
}

async fn deploy(node: &Node, files: &[PathBuf]) {
    if files.is_empty() {
        return;
    }
    let files = match super::sources::read(files) {
        Ok(files) => files,
        Err(error) => return output::error(&error),
    };
    let namespace = Namespace::default();
    match node.door.deploy(&namespace, &files).await {
        Ok(deployed) => {
            for each in &deployed {
                for lint in &each.lints {
                    eprintln!(
                        "{}\n",
                        lint.render(each.program.source(), output::colours())
                    );
                }
            }
            let workers = deployed.iter().flat_map(|each| each.program.workers());
            let names: Vec<&str> = workers.map(|worker| worker.name.as_str()).collect();
            output::line(&format!("deployed {}", names.join(", ")));
            let unserved = node.door.unserved(&namespace, &deployed);
            if !unserved.is_empty() {
                output::line(&format!("nothing serves yet: {}", unserved.join(", ")));
            }
        }
        Err(DoorError::Script(diagnostics)) => {
            for diagnostic in diagnostics {
                eprintln!("{diagnostic}\n");
            }
            output::line("not deployed; what ran before goes on");
        }
        Err(error) => output::error(&anyhow::Error::new(error.problem())),
    }
}

/// Watches the folders of the files: editors replace a file more often than they write it.
fn watch(
    files: &[PathBuf],
    changed: mpsc::UnboundedSender<()>,
) -> anyhow::Result<RecommendedWatcher> {
    let names: Vec<_> = files
        .iter()
        .filter_map(|file| file.file_name().map(ToOwned::to_owned))
        .collect();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        if event.kind.is_access() {
            return;
        }
        if event.paths.iter().any(|path| {
            path.file_name()
                .is_some_and(|name| names.contains(&name.to_owned()))
        }) {
            // The receiver is gone when the node stops.
            let _ = changed.send(());
        }
    })?;
    let mut folders: Vec<&Path> = files.iter().map(|file| folder(file)).collect();
    folders.sort_unstable();
    folders.dedup();
    for folder in folders {
        watcher
            .watch(folder, RecursiveMode::NonRecursive)
            .with_context(|| format!("cannot watch `{}`", folder.display()))?;
    }
    Ok(watcher)
}

fn folder(file: &Path) -> &Path {
    file.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
