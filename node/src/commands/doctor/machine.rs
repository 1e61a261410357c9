//! What `doctor` checks of the machine: folder, room, flushes, clock, files, the address, the bus.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cluster_raft::disk::{Disk, FileDisk};

use super::Check;
use crate::composition::BUS_BYTES_MIN;
use crate::config::{Config, EMBEDDED};

/// Flushes that are timed; the median counts.
const FLUSHES: usize = 15;
/// A flush that takes longer makes every request slow.
const FLUSH_SLOW: Duration = Duration::from_millis(10);
/// Files that a node may need open: connections, segments, tables.
const OPEN_FILES: u64 = 4_096;
/// How long a server has for its first word.
const PATIENCE: Duration = Duration::from_secs(2);
/// The beginning of 2024: a clock before that was never set.
const CLOCK_LEAST_S: u64 = 1_704_067_200;

pub(super) fn all(config: &Config) -> Vec<Check> {
    let mut checks = vec![
        Check::good("version", concat!("troupe ", env!("CARGO_PKG_VERSION"))),
        folder(&config.data),
    ];
    if let Some(there) = existing(&config.data) {
        checks.push(room(there, config.disk_reserve_mib));
        checks.push(flush(there));
    }
    checks.extend([
        clock(),
        open_files(),
        address(&config.http),
        bus(&config.bus),
    ]);
    checks
}

/// The folder, or the nearest above it that is there: that disk will hold it.
fn existing(data: &Path) -> Option<&Path> {
    let mut above = data
        .ancestors()
        .map(|path| match path.as_os_str().is_empty() {
            true => Path::new("."),
            false => path,
        });
    above.find(|path| path.is_dir())
}

fn folder(data: &Path) -> Check {
    const WHAT: &str = "data folder";
    let shown = data.display();
    if !data.exists() {
        return Check::good(WHAT, format!("{shown} is not there yet; a node makes it"));
    }
    let lock = match File::open(data.join("lock")) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Check::good(WHAT, format!("{shown} holds no node yet"));
        }
        Err(error) => {
            let hint = "run it as the user that the node runs as";
            return Check::bad(WHAT, format!("{shown}: {error}"), hint);
        }
    };
    match lock.try_lock() {
        Ok(()) => Check::good(WHAT, format!("{shown} is that of a node that does not run")),
        Err(TryLockError::WouldBlock) => {
            Check::good(WHAT, format!("{shown} is that of a node that runs"))
        }
        Err(TryLockError::Error(error)) => Check::bad(
            WHAT,
            format!("{shown} cannot be locked: {error}"),
            "use a local file system: locks keep two nodes from one folder",
        ),
    }
}

fn room(folder: &Path, reserve_mib: u64) -> Check {
    const WHAT: &str = "free disk";
    let free = FileDisk::open(folder).and_then(|disk| disk.free_bytes());
    let free_mib = match free {
        Ok(bytes) => bytes >> 20,
        Err(error) => {
            return Check::bad(WHAT, error.to_string(), "check that the disk is mounted");
        }
    };
    let found = format!("{free_mib} MiB, the node keeps {reserve_mib} MiB free");
    let hint = "make room, or put `data` on a larger disk; below the reserve new work is refused";
    match free_mib {
        free if free < reserve_mib => Check::bad(WHAT, found, hint),
        free if free < 4 * reserve_mib => Check::doubtful(WHAT, found, hint),
        _ => Check::good(WHAT, found),
    }
}

/// Writes what a commit writes, in a file of its own, and looks how long the disk takes.
fn flush(folder: &Path) -> Check {
    const WHAT: &str = "disk flush";
    let hint = "each commit waits for one: use a local disk with a write cache that is safe, not a network \
                file system";
    match median_flush(folder) {
        Ok(median) => {
            let found = format!(
                "{:.2} ms, the median of {FLUSHES}",
                median.as_secs_f64() * 1e3
            );
            match median > FLUSH_SLOW {
                true => Check::doubtful(WHAT, found, hint),
                false => Check::good(WHAT, found),
            }
        }
        Err(error) => Check::bad(
            WHAT,
            format!("{} cannot be written: {error}", folder.display()),
            "run it as the user that the node runs as, or choose another folder",
        ),
    }
}

fn median_flush(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let timed = time_flushes(&path);
    let removed = std::fs::remove_file(&path);
    let mut times = timed?;
    removed?;
    times.sort_unstable();
    Ok(times[FLUSHES / 2])
}

fn time_flushes(path: &Path) -> io::Result<Vec<Duration>> {
    let mut file = File::create(path)?;
    file.write_all(&vec![0; FLUSHES << 12])?;
    file.sync_all()?;
    io::Seek::rewind(&mut file)?;
    let mut times = Vec::with_capacity(FLUSHES);
    for number in 0..FLUSHES {
        let began = Instant::now();
        file.write_all(&[number as u8 + 1; 4_096])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    Ok(times)
}

fn clock() -> Check {
    const WHAT: &str = "clock";
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs());
    match seconds < CLOCK_LEAST_S {
        true => Check::bad(
            WHAT,
            format!("{seconds} seconds since 1970"),
            "set it, and let a time service keep it: a node half a second off leads nothing",
        ),
        false => Check::good(WHAT, "set; whether it agrees with the other nodes is below"),
    }
}

fn open_files() -> Check {
    const WHAT: &str = "open files";
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    match soft.map(str::parse::<u64>) {
        Some(Ok(most)) if most < OPEN_FILES => Check::doubtful(
            WHAT,
            format!("at most {most}"),
            format!(
                "`ulimit -n {OPEN_FILES}` or more: connections and files of the state share them"
            ),
        ),
        Some(_) => Check::good(WHAT, format!("at most {}", soft.unwrap_or_default())),
        None => Check::good(WHAT, "the limit is not known here"),
    }
}

fn address(http: &str) -> Check {
    const WHAT: &str = "HTTP address";
    match TcpListener::bind(http) {
        Ok(_) => Check::good(WHAT, format!("{http} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Check::good(
            WHAT,
            format!("{http} is in use, by this node where it runs"),
        ),
        Err(error) => Check::bad(
            WHAT,
            format!("{http}: {error}"),
            "an address is HOST:PORT of this machine, such as 127.0.0.1:7070",
        ),
    }
}

fn bus(bus: &str) -> Check {
    const WHAT: &str = "bus";
    if bus == EMBEDDED {
        return Check::good(WHAT, "embedded: this node is alone");
    }
    let place = bus.split_once("://").map_or(bus, |(_, place)| place);
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    match greeting(place) {
        Ok(info) => judge_bus(place, &info),
        Err(error) => Check::bad(
            WHAT,
            format!("{place}: {error}"),
            "start a NATS server there (`nats-server`), or name another with --bus nats://HOST:PORT",
        ),
    }
}

/// The line with which a NATS server begins, as JSON.
fn greeting(place: &str) -> io::Result<serde_json::Value> {
    let mut places = place.to_socket_addrs()?;
    let place = places
        .next()
        .ok_or_else(|| io::Error::other("the name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&place, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    while !bytes.contains(&b'\n') && bytes.len() < 1 << 16 {
        match stream.read(&mut buffer)? {
            0 => break,
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let info = text
        .strip_prefix("INFO ")
        .and_then(|rest| rest.lines().next());
    let info = info.ok_or_else(|| io::Error::other("what answers there is no NATS server"))?;
    Ok(serde_json::from_str(info)?)
}

fn judge_bus(place: &str, info: &serde_json::Value) -> Check {
    const WHAT: &str = "bus";
    let version = info["version"].as_str().unwrap_or("of unknown version");
    let most = info["max_payload"].as_u64().unwrap_or(0);
    let found = format!(
        "NATS {version} at {place}, messages of at most {} KiB",
        most >> 10
    );
    match most < BUS_BYTES_MIN as u64 {
        true => Check::bad(
            WHAT,
            found,
            "set `max_payload: 1MB` in the server's configuration: entries of the log travel whole",
        ),
        false => Check::good(WHAT, found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_server_that_takes_small_messages_only_is_bad() {
        let info = |most: u64| serde_json::json!({ "version": "2.15.1", "max_payload": most });
        assert_eq!(judge_bus("a:1", &info(1 << 20)).verdict, Verdict::Good);
        assert_eq!(judge_bus("a:1", &info(65_536)).verdict, Verdict::Bad);
    }

    #[test]
    fn what_is_no_server_is_told_from_one_that_is_not_there() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let answers = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .unwrap();
        });
        let found = bus(&format!("nats://{place}"));
        answers.join().unwrap();
        assert_eq!(found.verdict, Verdict::Bad);
        assert!(found.found.contains("no NATS server"), "{found:?}");
        let gone = bus(&format!("nats://{place}"));
        assert!(gone.found.contains("refused"), "{gone:?}");
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_measured_above_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        assert_eq!(existing(&data), Some(folder.path()));
        assert_eq!(flush(folder.path()).what, "disk flush");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let room = room(folder.path(), 1 << 40);
        assert_eq!(room.verdict, Verdict::Bad, "{room:?}");
    }
}
