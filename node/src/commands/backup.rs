//! `troupe backup`: reads the cluster's state at one moment into a file, and checks it on the way. The file has its
//! name only once it is whole and on disk; until then it is FILE.part, which goes where the backup breaks off.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cluster_raft::backup::Summary;
use cluster_raft::backup::format::Reader;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::restore::{Shown, show};
use crate::api::ClusterView;
use crate::arguments::BackupArguments;
use crate::calendar;
use crate::client::Client;
use crate::output;

/// Makes a backup.
///
/// # Errors
/// The cluster cannot be reached or makes none, the file is there already or cannot be written, or it broke off.
pub(super) fn run(arguments: &BackupArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.client);
    let path = target(&client, &arguments.to)?;
    let part = Part::create(&path)?;
    let bytes = client.download("/cluster/backup")?;
    let summary = receive(bytes, &part.file).with_context(|| {
        format!(
            "the backup broke off; nothing was kept of it. The log of the node at {} may say why",
            arguments.client.url
        )
    })?;
    part.finish(&path)?;
    show(arguments.client.output, &Shown::of(&path, &summary))
}

/// The file to write: named after cluster and time where a folder was given.
fn target(client: &Client, to: &Path) -> anyhow::Result<PathBuf> {
    if !to.is_dir() {
        if to.exists() {
            bail!(
                "`{}` exists already; a backup overwrites nothing",
                to.display()
            );
        }
        return Ok(to.to_path_buf());
    }
    let view: ClusterView = client.get("/cluster")?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let time = calendar::iso(u64::try_from(now.as_millis())?).replace(':', "-");
    Ok(to.join(format!("{}-{time}.backup", view.name)))
}

/// A file that is not whole yet.
struct Part {
    path: PathBuf,
    file: File,
    is_whole: bool,
}

impl Part {
    fn create(target: &Path) -> anyhow::Result<Part> {
        let mut name = target.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        let file = File::create(&path);
        let file = file.with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(Part {
            path,
            file,
            is_whole: false,
        })
    }

    /// Gives it its name, once all of it is on disk.
    fn finish(mut self, target: &Path) -> anyhow::Result<()> {
        let kept = || -> io::Result<()> {
            self.file.sync_all()?;
            std::fs::rename(&self.path, target)?;
            let folder = target.parent().filter(|path| !path.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        kept().with_context(|| format!("cannot keep `{}`", target.display()))?;
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_whole && std::fs::remove_file(&self.path).is_err() {
            output::line(&format!("`{}` is of no use", self.path.display()));
        }
    }
}

/// Writes what comes, and checks it.
fn receive(bytes: impl Read, file: &File) -> anyhow::Result<Summary> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is valid");
    bar.set_style(style);
    let copying = Copying {
        from: bytes,
        to: io::BufWriter::new(file),
    };
    let reader = Reader::new(copying)?;
    let summary = reader.finish(|bytes| bar.set_message(HumanBytes(bytes).to_string()))?;
    bar.finish_and_clear();
    Ok(summary)
}

/// What is read from one end is written to the other.
struct Copying<'a, R> {
    from: R,
    to: io::BufWriter<&'a File>,
}

impl<R: Read> Read for Copying<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        match count {
            0 => self.to.flush()?,
            count => self.to.write_all(&buffer[..count])?,
        }
        Ok(count)
    }
}
