//! `troupe dev`: one node with an embedded bus and its data under `.troupe`, for development. Deploys the
//! given files and deploys them again whenever they, or what they import, change; a script that does not compile leaves what
//! runs as it is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use transport::Namespace;

use super::sources::Folder;
use crate::arguments::{DevArguments, LogFormat};
use crate::composition::{Node, embedded_buses};
use crate::config::Config;
use crate::door::{DoorError, Scripts};
use crate::{output, telemetry};

/// How long changes are gathered: editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(80);

/// Runs the node until it is told to stop; prints what workers write and how they fail.
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
        let (changed, mut changes) = mpsc::unbounded_channel();
        let mut watched = Watched::new(changed)?;
        let reports = super::reports::follow(&node.door);
        let mut before = deploy(&node, &arguments.files, &mut watched, None).await;
        loop {
            tokio::select! {
                signal = super::signal() => {
                    signal?;
                    break;
                }
                Some(()) = changes.recv() => {
                    tokio::time::sleep(SETTLE).await;
                    while changes.try_recv().is_ok() {}
                    before = deploy(&node, &arguments.files, &mut watched, before).await;
                }
            }
        }
        drop(reports);
        output::line("stopping");
        node.stop().await;
        Ok(())
    })
}

/// Deploys the files unless they are those of before; gives what they are now.
async fn deploy(
    node: &Node,
    files: &[PathBuf],
    watched: &mut Watched,
    before: Option<Scripts>,
) -> Option<Scripts> {
    if files.is_empty() {
        return None;
    }
    let (folder, entries) = match Folder::of(files) {
        Ok(found) => found,
        Err(error) => {
            // A file that an editor has just replaced is there again a moment later.
            watched.watch(files);
            output::error(&error);
            return None;
        }
    };
    let gathered = folder.gather(&folder.programs(&entries));
    let names: Vec<PathBuf> = match &gathered {
        Ok(scripts) => scripts.files.keys().map(|name| folder.path(name)).collect(),
        Err(rejected) => rejected
            .sources
            .iter()
            .map(|source| folder.path(&source.name))
            .collect(),
    };
    watched.watch(&names);
    watched.watch(files);
    match gathered {
        Ok(scripts) if before.as_ref() == Some(&scripts) => before,
        Ok(scripts) => {
            install(node, &scripts, before.is_some()).await;
            Some(scripts)
        }
        Err(rejected) => {
            super::check::print(&rejected);
            output::line("not deployed; what ran before goes on");
            None
        }
    }
}

async fn install(node: &Node, scripts: &Scripts, again: bool) {
    let namespace = Namespace::default();
    match node.door.deploy(&namespace, scripts).await {
        Ok(deployed) => {
            for each in &deployed {
                for lint in &each.lints {
                    eprintln!("{}\n", lint.render(&each.sources, output::colours()));
                }
            }
            let workers = deployed.iter().flat_map(|each| each.program.workers());
            let names: Vec<&str> = workers.map(|worker| worker.name.as_str()).collect();
            let kept = match again {
                true => "; instances that run keep the program they began with",
                false => "",
            };
            output::line(&format!("deployed {}{kept}", names.join(", ")));
            let unserved = node.door.unserved(&namespace, &deployed);
            if !unserved.is_empty() {
                let served = node.door.names(&namespace);
                let served: Vec<&str> = served.iter().map(|(name, _)| name.as_str()).collect();
                output::line(&super::deploy::unserved(&unserved, &served));
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

/// The folders of the scripts and of what they import: editors replace a file more often than they write it, and
/// an import that leads nowhere may soon lead somewhere.
struct Watched {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
}

impl Watched {
    fn new(changed: mpsc::UnboundedSender<()>) -> anyhow::Result<Watched> {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if !event.kind.is_access() && event.paths.iter().any(|path| is_script(path)) {
                // The receiver is gone when the node stops.
                let _ = changed.send(());
            }
        })?;
        Ok(Watched {
            watcher,
            folders: BTreeSet::new(),
        })
    }

    /// Watches the folders of some files, too.
    fn watch(&mut self, files: &[PathBuf]) {
        for folder in files.iter().map(|file| folder(file)) {
            if self.folders.contains(folder) {
                continue;
            }
            match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(folder.to_owned());
                }
                Err(error) => {
                    let error = anyhow::Error::new(error);
                    output::error(&error.context(format!("cannot watch `{}`", folder.display())));
                }
            }
        }
    }
}

fn is_script(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("js" | "mjs" | "ts" | "mts"))
}

fn folder(file: &Path) -> &Path {
    file.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
