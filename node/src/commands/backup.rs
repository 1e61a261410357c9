//! `troupe backup`: reads the cluster's state at one moment into a file, and checks it on the way. The file has its
//! name only once it is whole and on disk; until then it is FILE.part. Where the connection breaks off it goes on with
//! that, at the last whole group; so does the next run.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use cluster_raft::backup::format::Reader;
use cluster_raft::backup::{FormatError, Record, Summary};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::restore::{Shown, show};
use crate::api::{ClusterView, Problem};
use crate::arguments::BackupArguments;
use crate::calendar;
use crate::client::Client;
use crate::output;

/// How often a backup that broke off is gone on with, and the pause before the first time; each is twice as long.
const RESUMPTIONS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(250);

/// Makes a backup.
///
/// # Errors
/// The cluster cannot be reached or makes none, the file is there already or cannot be written, or it broke off.
pub(super) fn run(arguments: &BackupArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.client);
    let path = target(&client, &arguments.to)?;
    let part = Part::open(&path)?;
    let mut pause = PAUSE;
    let mut resumptions = 0;
    let summary = loop {
        match receive(&client, &part) {
            Ok(summary) => break summary,
            Err(Broken::Off(why)) if resumptions < RESUMPTIONS && part.begun()?.is_some() => {
                eprintln!("note: the backup broke off ({why}); it is gone on with");
                thread::sleep(pause);
                resumptions += 1;
                pause *= 2;
            }
            Err(Broken::Off(why) | Broken::ForGood(why)) => return Err(part.told(why, arguments)),
        }
    };
    part.finish(&path)?;
    // Where that is not heard, all let it go in a few minutes.
    let arrived = format!("/cluster/backup?cut={}", summary.head.cut);
    let _ = client.delete::<serde_json::Value>(&arrived);
    show(arguments.client.output, &Shown::of(&path, &summary))
}

/// Why not all of it came.
enum Broken {
    /// The connection was lost.
    Off(anyhow::Error),
    /// It is of no use to try again.
    ForGood(anyhow::Error),
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
}

/// How much of a backup is there that can be gone on with.
#[derive(Clone, Copy)]
struct Begun {
    cut: u64,
    /// Bytes up to the end of the last whole group.
    bytes: u64,
}

impl Part {
    /// The file, also one that another run left.
    fn open(target: &Path) -> anyhow::Result<Part> {
        let mut name = target.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path);
        let file = file.with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(Part { path, file })
    }

    /// What of it can be gone on with; nothing where it is empty, damaged or something else.
    fn begun(&self) -> io::Result<Option<Begun>> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        let Ok(mut reader) = Reader::new(BufReader::new(file)) else {
            return Ok(None);
        };
        let mut begun = None;
        loop {
            match reader.read() {
                Ok(Some(Record::Head(head))) => {
                    let (cut, bytes) = (head.cut, reader.offset());
                    begun = Some(Begun { cut, bytes });
                }
                Ok(Some(Record::GroupEnd { .. })) => {
                    if let Some(begun) = &mut begun {
                        begun.bytes = reader.offset();
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(FormatError::Incomplete { .. }) => return Ok(begun),
                Err(FormatError::Io(error)) => return Err(error),
                Err(_) => return Ok(None),
            }
        }
    }

    /// Keeps only so many bytes, and is read from the first of them.
    fn keep(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)?;
        (&self.file).seek(SeekFrom::Start(0)).map(drop)
    }

    /// Gives it its name, once all of it is on disk.
    fn finish(self, target: &Path) -> anyhow::Result<()> {
        let kept = || -> io::Result<()> {
            self.file.sync_all()?;
            std::fs::rename(&self.path, target)?;
            let folder = target.parent().filter(|path| !path.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        kept().with_context(|| format!("cannot keep `{}`", target.display()))
    }

    /// What a user is told of a backup that did not become whole. What cannot be gone on with is removed.
    fn told(self, why: anyhow::Error, arguments: &BackupArguments) -> anyhow::Error {
        let path = self.path.display();
        if let Ok(Some(begun)) = self.begun() {
            let name = self.path.with_extension("");
            return why.context(format!(
                "the backup broke off. `{path}` has {} of it: within five minutes `troupe backup --to {}` on the \
                 same node goes on with it",
                HumanBytes(begun.bytes),
                name.display()
            ));
        }
        if std::fs::remove_file(&self.path).is_err() {
            output::line(&format!("`{path}` is of no use"));
        }
        why.context(format!(
            "no backup was made; the log of the node at {} may say why",
            arguments.client.url
        ))
    }
}

/// The bytes that follow what is there, and how much of that counts.
fn ask(client: &Client, part: &Part) -> Result<(u64, impl Read + use<>), Broken> {
    let broken = |error: anyhow::Error| match error.is::<Problem>() {
        true => Broken::ForGood(error),
        false => Broken::Off(error),
    };
    let begun = part
        .begun()
        .map_err(|error| Broken::ForGood(error.into()))?;
    if let Some(Begun { cut, bytes }) = begun {
        match client.download(&format!("/cluster/backup?cut={cut}&from={bytes}")) {
            Ok(more) => return Ok((bytes, more)),
            Err(error) if error.is::<Problem>() => {
                eprintln!(
                    "note: a new backup is made; what was there is of no use any more ({error})"
                );
            }
            Err(error) => return Err(broken(error)),
        }
    }
    let all = client.download("/cluster/backup").map_err(broken)?;
    Ok((0, all))
}

/// Writes what comes behind what is there, and checks all of it.
fn receive(client: &Client, part: &Part) -> Result<Summary, Broken> {
    let (there, more) = ask(client, part)?;
    let of_disk = |error: io::Error| {
        let path = part.path.display();
        Broken::ForGood(anyhow::Error::new(error).context(format!("cannot write `{path}`")))
    };
    part.keep(there).map_err(of_disk)?;
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is valid");
    bar.set_style(style);
    let failed_write = Cell::new(None);
    let copying = Copying {
        from: more,
        to: BufWriter::new(&part.file),
        failed_write: &failed_write,
    };
    let whole = BufReader::new(&part.file).take(there).chain(copying);
    let checked = Reader::new(whole)
        .and_then(|reader| reader.finish(|bytes| bar.set_message(HumanBytes(bytes).to_string())));
    bar.finish_and_clear();
    match (failed_write.take(), checked) {
        (Some(error), _) => Err(of_disk(error)),
        (None, Ok(summary)) => Ok(summary),
        (None, Err(error @ (FormatError::Io(_) | FormatError::Incomplete { .. }))) => {
            Err(Broken::Off(error.into()))
        }
        (None, Err(error)) => Err(Broken::ForGood(error.into())),
    }
}

/// What is read from one end is written to the other.
struct Copying<'a, R> {
    from: R,
    to: BufWriter<&'a File>,
    /// Why that was not possible.
    failed_write: &'a Cell<Option<io::Error>>,
}

impl<R: Read> Read for Copying<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        let written = match count {
            0 => self.to.flush(),
            count => self.to.write_all(&buffer[..count]),
        };
        written.map_err(|error| {
            let told = io::Error::other(error.to_string());
            self.failed_write.set(Some(error));
            told
        })?;
        Ok(count)
    }
}
