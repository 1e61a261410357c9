//! A data folder from a backup, for the node that starts on it next. The command comes before it, `cluster_raft`
//! takes the file apart. Guarantees: only a folder without data is written to; one that was not finished is known by
//! a mark, which keeps nodes from starting on it, and is begun anew by the next restore. Leaves to others: what is
//! in the file.

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use cluster::engine::script::ScriptEngine;
use cluster_raft::backup::format::Reader;
use cluster_raft::backup::{NewCluster, RestorePorts, Restored, Summary, restore as take_apart};
use cluster_raft::disk::FileDisk;
use cluster_raft::limits::LogLimits;
use cluster_raft::ports::{SystemClock, SystemEntropy};
use cluster_raft::types::NodeInfo;
use cluster_store::{DiskSettings, DiskStores};

use crate::composition::{FOLDERS, LOCK, folder, lock};
use crate::config::Config;

/// The file that marks a folder whose restore is not finished.
const MARK: &str = "restoring";
/// Bytes that are read from the backup at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// Opens a backup.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn open(file: &Path) -> anyhow::Result<File> {
    let opened = File::open(file);
    opened.with_context(|| format!("cannot read the backup `{}`", file.display()))
}

/// Checks that a backup is whole.
///
/// # Errors
/// It is not, and where.
pub fn check(file: &Path, progress: impl FnMut(u64)) -> anyhow::Result<Summary> {
    let reader = Reader::new(BufReader::with_capacity(BUFFER_BYTES, open(file)?))?;
    Ok(reader.finish(progress)?)
}

/// Refuses a folder whose restore was not finished.
///
/// # Errors
/// `E-restore-unfinished`.
pub fn check_finished(data: &Path) -> anyhow::Result<()> {
    if data.join(MARK).exists() {
        bail!(
            "E-restore-unfinished: the restore into `{}` was not finished; run it again, or remove the folder",
            data.display()
        );
    }
    Ok(())
}

/// Makes the data folder of the first node of a new cluster from a backup that was checked.
///
/// # Errors
/// The folder is not empty (`E-restore-folder`), in use or cannot be written, the name is none of a cluster, or
/// the backup does not fit together.
pub async fn restore(
    file: &Path,
    data: &Path,
    cluster: Option<String>,
    progress: impl FnMut(u64),
) -> anyhow::Result<Restored> {
    if let Some(cluster) = &cluster {
        let cluster = cluster.clone();
        let settings = Config::default();
        Config {
            cluster,
            ..settings
        }
        .check()?;
    }
    check_empty(data)?;
    let _lock = lock(data)?;
    mark(data)?;
    let ports = RestorePorts {
        identity_disk: Arc::new(FileDisk::open(&folder(data, "identity")?)?),
        log_disk: Arc::new(FileDisk::open(&folder(data, "log")?)?),
        stores: Arc::new(DiskStores::open(
            &folder(data, "state")?,
            DiskSettings::default(),
        )?),
        engine: Arc::new(ScriptEngine),
        entropy: Arc::new(SystemEntropy),
        clock: Arc::new(SystemClock),
    };
    let new = NewCluster {
        name: cluster,
        info: NodeInfo {
            name: Config::default().name,
            http: String::new(),
        },
        log_limits: LogLimits::default(),
    };
    let from = BufReader::with_capacity(BUFFER_BYTES, open(file)?);
    let restored = take_apart(from, new, ports, progress).await?;
    unmark(data)?;
    Ok(restored)
}

/// Refuses a folder that holds anything but a restore that was not finished.
fn check_empty(data: &Path) -> anyhow::Result<()> {
    let entries = match std::fs::read_dir(data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read `{}`", data.display()));
        }
    };
    let names: Vec<_> = entries
        .map(|entry| Ok(entry?.file_name()))
        .collect::<std::io::Result<_>>()?;
    let is_ours = names.iter().any(|name| name == MARK);
    match names.iter().find(|name| *name != LOCK) {
        Some(_) if is_ours => Ok(()),
        Some(name) => bail!(
            "E-restore-folder: `{}` is not empty: it holds `{}`; a backup is restored into an empty folder",
            data.display(),
            name.to_string_lossy()
        ),
        None => Ok(()),
    }
}

/// Marks a folder, and removes what an earlier restore left.
fn mark(data: &Path) -> anyhow::Result<()> {
    let path = data.join(MARK);
    File::create(&path)
        .and_then(|file| file.sync_all())
        .and_then(|()| File::open(data)?.sync_all())
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    for name in FOLDERS {
        match std::fs::remove_dir_all(data.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove `{name}`"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Takes the mark away, once all else is on disk.
fn unmark(data: &Path) -> anyhow::Result<()> {
    File::open(data)?.sync_all()?;
    std::fs::remove_file(data.join(MARK))?;
    Ok(File::open(data)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_empty_folder_or_an_unfinished_restore_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        check_empty(&data).unwrap();
        drop(lock(&data).unwrap());
        check_empty(&data).unwrap();
        std::fs::create_dir(data.join("log")).unwrap();
        let refused = check_empty(&data).unwrap_err().to_string();
        assert!(refused.starts_with("E-restore-folder: "), "{refused}");
        mark(&data).unwrap();
        assert!(!data.join("log").exists());
        check_empty(&data).unwrap();
        let refused = check_finished(&data).unwrap_err().to_string();
        assert!(refused.starts_with("E-restore-unfinished: "), "{refused}");
        unmark(&data).unwrap();
        check_finished(&data).unwrap();
    }
}
