//! Backups of a cluster at work, and clusters that go on from them: money that moves between accounts of all shards
//! is neither lost nor made, what was acknowledged before is there, and what is no whole backup is refused.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use tests::cluster::{Cluster, Ended, HttpClient, Node, Options, troupe, troupe_binary, view};
use tests::services::Process;
use tests::wait::{PATIENCE, until};

use crate::turn;

/// How long moving shards may take.
const MOVES: Duration = Duration::from_secs(60);
/// Accounts, spread over all shards.
const ACCOUNTS: u64 = 24;
const SHARDS: usize = 8;
/// Clients that move money at a time.
const CLIENTS: u64 = 4;

/// Each account tells another of what it gives.
const BANK: &str = r#"
export const Account = act(() =>
  withState(() => ({ balance: 0, given: 0, got: 0 }), page =>
    whileLoop(() =>
      waitFor(m => m.type === "give" || m.type === "get", m =>
        whenState(
          readState(m, m => m.type === "get"),
          modifyState(page, computeState([m], m => p => ({ ...p, balance: p.balance + m.amount, got: p.got + 1 }))),
          sequence(() => [
            modifyState(page, computeState([m], m => p => ({ ...p, balance: p.balance - m.amount, given: p.given + 1 }))),
            send(Account, readState(m, m => ({ type: "get", account: m.to, amount: m.amount }))),
          ]),
        ),
      ),
    ), { as: "page" },
  ),
  { daemon: true, key: m => m.account },
);
export const Sleeper = act(() =>
  withState(() => ({ woke: 0 }), page =>
    whileLoop(() =>
      waitFor(() => true, () => sequence(() => [
        delay(1000),
        modifyState(page, p => ({ woke: p.woke + 1 })),
      ])),
    ), { as: "page" },
  ),
  { daemon: true },
);
"#;

fn options() -> Options {
    Options {
        settings: format!("shards = {SHARDS}"),
        ..Options::default()
    }
}

/// What clients were told and what they asked for, by account.
#[derive(Default)]
struct Told {
    asked: BTreeMap<u64, AtomicU64>,
    acknowledged: BTreeMap<u64, AtomicU64>,
}

impl Told {
    fn new() -> Told {
        let zeros = || (0..ACCOUNTS).map(|at| (at, AtomicU64::new(0))).collect();
        Told {
            asked: zeros(),
            acknowledged: zeros(),
        }
    }

    fn counts(of: &BTreeMap<u64, AtomicU64>) -> BTreeMap<u64, u64> {
        let all = of.iter();
        all.map(|(at, count)| (*at, count.load(Ordering::SeqCst)))
            .collect()
    }

    /// Moves money until it is told to stop.
    fn give(&self, client: u64, url: &str, stop: &AtomicBool) {
        let http = HttpClient::new(url);
        let mut random = tests::random::Random::new(client + 1);
        while !stop.load(Ordering::SeqCst) {
            let from = random.below(ACCOUNTS as usize) as u64;
            let body = json!({
                "type": "give",
                "account": format!("a{from}"),
                "to": format!("a{}", random.below(ACCOUNTS as usize)),
                "amount": 1 + random.below(100),
            });
            self.asked[&from].fetch_add(1, Ordering::SeqCst);
            let answer = http.try_post("/v1/workers/Account/messages", &[], &body.to_string());
            if answer.is_ok_and(|answer| answer.status < 300) {
                self.acknowledged[&from].fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

/// Lets clients stop, also where the test fails meanwhile.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Sums over all accounts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    balance: i64,
    given: BTreeMap<u64, u64>,
    got: u64,
}

fn sums(node: &Node) -> Option<Sums> {
    let client = node.http();
    let mut sums = Sums::default();
    for at in 0..ACCOUNTS {
        let path = format!("/v1/workers/Account/instances/a{at}");
        let answer = client.try_get(&path).ok()?;
        let page = &answer.body["state"][0];
        sums.balance += page["balance"].as_i64().unwrap_or(0);
        sums.given.insert(at, page["given"].as_u64().unwrap_or(0));
        sums.got += page["got"].as_u64().unwrap_or(0);
    }
    Some(sums)
}

/// Waits until all that was given has arrived. Accounts are read one after the other: only what is the same twice
/// is what all were at one moment.
fn await_rest(node: &Node) -> Sums {
    until("all that was given to arrive", PATIENCE, || {
        let first = sums(node)?;
        let is_same = sums(node)? == first;
        (is_same && first.got == first.given.values().sum::<u64>()).then_some(first)
    })
}

fn backup(url: &str, to: &Path) -> Ended {
    let to = to.display().to_string();
    troupe(&["backup", "--to", &to, "--url", url])
}

fn restore(file: &Path, data: &Path, more: &[&str]) -> Ended {
    let (file, data) = (file.display().to_string(), data.display().to_string());
    troupe(&[&["restore", &file, "--data", &data], more].concat())
}

/// A node that goes on from a backup.
fn restored(file: &Path, folder: &Path, cluster: &str, bus: &str) -> Node {
    let mut node = node("restored", folder, cluster, bus);
    let done = restore(file, &node.data(), &["--cluster", cluster]);
    done.expect_code(0).prints(&["restored", cluster]);
    node.start();
    node.await_ready();
    node
}

fn node(name: &str, folder: &Path, cluster: &str, bus: &str) -> Node {
    let arguments = ["--cluster", cluster, "--bus", bus].map(str::to_owned);
    Node::new(name, &folder.join(name), &arguments)
}

#[test]
fn a_backup_under_load_is_one_moment_and_others_join_what_is_restored() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(3, &options()) else {
        return;
    };
    cluster.deploy(&[("bank.js", BANK)]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bank.backup");
    let (told, stop) = (Told::new(), AtomicBool::new(false));
    let urls = cluster.urls();
    let before = thread::scope(|scope| {
        let stopping = Stopping(&stop);
        for client in 0..CLIENTS {
            let (told, stop, url) = (&told, &stop, &urls[client as usize % urls.len()]);
            scope.spawn(move || told.give(client, url, stop));
        }
        until("clients to be at work", MOVES, || {
            let sum: u64 = Told::counts(&told.acknowledged).values().sum();
            (sum > 50).then_some(())
        });
        let before = Told::counts(&told.acknowledged);
        backup(&urls[0], &file)
            .expect_code(0)
            .prints(&["whole", "8 shards"]);
        drop(stopping);
        before
    });
    // On the same bus, under another name, while the old cluster runs.
    let bus = cluster.bus().url();
    let first = restored(&file, folder.path(), "copy", &bus);
    // Of messages on their way to an account, too, something was acknowledged.
    let sums = until("what was acknowledged before to be there", PATIENCE, || {
        let sums = await_rest(&first);
        assert_eq!(sums.balance, 0, "{sums:?}");
        let has_all = before.iter().all(|(at, given)| sums.given[at] >= *given);
        has_all.then_some(sums)
    });
    let asked = Told::counts(&told.asked);
    let is_asked = |(at, given): (&u64, &u64)| *given <= asked[at];
    assert!(sums.given.iter().all(is_asked), "{sums:?} of {asked:?}");
    assert_eq!(await_rest(&cluster.nodes[0]).balance, 0);
    another_joins(&first, folder.path(), &bus);
}

/// A second node joins what was restored, gets its replicas and serves.
fn another_joins(first: &Node, folder: &Path, bus: &str) {
    let mut second = node("second", folder, "copy", bus);
    second.start();
    second.await_ready();
    until("every shard to have two replicas", MOVES, || {
        let view = view(first)?;
        let is_whole = |shard: &tests::cluster::ShardView| shard.replicas.len() == 2;
        view.shards.iter().all(is_whole).then_some(())
    });
    assert_eq!(
        view(first).unwrap().member("restored").unwrap().state,
        "live"
    );
    let sums = until("both to show the same", PATIENCE, || {
        let sums = await_rest(first);
        (await_rest(&second) == sums).then_some(sums)
    });
    let answer = second.http().post(
        "/v1/workers/Account/messages",
        &json!({ "type": "give", "account": "a0", "to": "a1", "amount": 5 }),
    );
    assert!(answer.status < 300, "{}", answer.text);
    until("the new cluster to take it", PATIENCE, || {
        (await_rest(&second).got == sums.got + 1).then_some(())
    });
}

#[test]
fn timers_fire_keys_are_known_and_a_restore_that_was_killed_is_run_again() {
    let _turn = turn();
    let mut cluster = Cluster::single(&options());
    cluster.deploy(&[("bank.js", BANK)]);
    let client = cluster.nodes[0].http();
    let give = json!({ "type": "give", "account": "a0", "to": "a1", "amount": 7 }).to_string();
    let key = [("Idempotency-Key", "once")];
    let path = "/v1/workers/Account/messages";
    client.post_with(path, &key, &give).expect(202);
    client
        .post("/v1/workers/Sleeper/messages", &json!("sleep"))
        .expect(202);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.backup");
    backup(&cluster.nodes[0].url(), &file).expect_code(0);
    backup(&cluster.nodes[0].url(), &file).expect_code(1);
    let run = client.get("/v1/workers/Account/instances/a0").body["run"].clone();
    cluster.nodes[0].kill();

    let mut again = node("restored", folder.path(), "test", "embedded");
    kill_a_restore(&file, &again.data());
    again.start();
    assert_eq!(again.await_end().code(), Some(1));
    assert!(again.output().contains("E-restore-unfinished"));
    restore(&file, &again.data(), &[]).expect_code(0);
    // The process that ended is gone; its place is free.
    again = node("restored", folder.path(), "test", "embedded");
    again.start();
    again.await_ready();
    let client = again.http();
    let woke =
        || client.get("/v1/workers/Sleeper/instances/default").body["state"][0]["woke"].clone();
    until("the sleeper to wake", PATIENCE, || {
        (woke() == json!(1)).then_some(())
    });
    client.post_with(path, &key, &give).expect(202);
    let sums = await_rest(&again);
    assert_eq!((sums.balance, sums.got), (0, 1), "the key is known");
    let restored_run = client.get("/v1/workers/Account/instances/a0").body["run"].clone();
    assert_eq!(restored_run, run);
    again.stop();
    again.restart();
    assert_eq!(await_rest(&again), sums);
}

/// Ends a restore at once while it is under way.
fn kill_a_restore(file: &Path, data: &Path) {
    let mut command = Command::new(troupe_binary());
    command.arg("restore").arg(file).arg("--data").arg(data);
    let mut process = Process::start(&mut command, &data.with_extension("killed"));
    until("a restore to be under way", PATIENCE, || {
        assert!(process.ended().is_none(), "{}", process.last_output());
        data.join("state").is_dir().then_some(())
    });
    process.kill();
    assert!(data.join("restoring").is_file(), "it was not finished");
}

#[test]
fn what_is_no_whole_backup_and_no_empty_folder_is_refused() {
    let _turn = turn();
    let cluster = Cluster::single(&options());
    cluster.deploy(&[("bank.js", BANK)]);
    let folder = tempfile::tempdir().unwrap();
    let made = backup(&cluster.nodes[0].url(), folder.path()).expect_code(0);
    let named = |name: &str| name.starts_with("test-") && name.ends_with(".backup");
    let names: Vec<PathBuf> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [file] = names.as_slice() else {
        panic!("{names:?}: {}", made.stdout)
    };
    assert!(named(&file.file_name().unwrap().to_string_lossy()));
    let whole = std::fs::read(file).unwrap();
    let check = |bytes: &[u8]| {
        let path = folder.path().join("other");
        std::fs::write(&path, bytes).unwrap();
        let path = path.display().to_string();
        troupe(&["restore", "--check", &path])
    };
    check(&whole).expect_code(0).prints(&["whole", "test"]);
    let refused = |bytes: &[u8], code: &str| {
        let ended = check(bytes).expect_code(1);
        assert!(ended.stderr.contains(code), "{code}: {}", ended.stderr);
    };
    let end = whole.len() / 2;
    refused(
        &whole[..end],
        &format!("E-backup-incomplete: the backup ends at byte {end}"),
    );
    let mut flipped = whole.clone();
    flipped[end] ^= 8;
    refused(&flipped, "E-backup-damaged");
    let mut newer = whole.clone();
    newer[8] = 2;
    refused(&newer, "E-backup-version");
    refused(b"not at all", "E-backup-foreign");

    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("mine"), "keep").unwrap();
    let full = restore(file, &data, &[]).expect_code(1);
    assert!(full.stderr.contains("E-restore-folder"), "{}", full.stderr);
    assert!(full.stderr.contains("`mine`"), "{}", full.stderr);
    let empty = folder.path().join("empty");
    restore(file, &empty, &["--cluster", "no name"]).expect_code(1);
    let cut = folder.path().join("cut");
    std::fs::write(&cut, &whole[..end]).unwrap();
    restore(&cut, &empty, &[]).expect_code(1);
    assert!(!empty.exists(), "nothing was begun");
    let nobody = backup("http://127.0.0.1:9", &folder.path().join("none"));
    nobody.expect_code(1);
    assert!(!folder.path().join("none.part").exists());
}

/// Passes one connection after the other on to a node, and cuts each off behind so many bytes of its answers. What comes
/// when there is no number left is refused.
fn cutting_off(url: &str, after: Vec<u64>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let node = url.trim_start_matches("http://").to_owned();
    thread::spawn(move || {
        for bytes in after {
            let (mut client, _) = listener.accept().unwrap();
            let mut node = TcpStream::connect(&node).unwrap();
            let (mut asks, mut asked) = (client.try_clone().unwrap(), node.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut asks, &mut asked));
            let _ = std::io::copy(&mut (&mut node).take(bytes), &mut client);
            // Either may have ended it already.
            let _ = client.shutdown(Shutdown::Both);
            let _ = node.shutdown(Shutdown::Both);
        }
    });
    own
}

#[test]
fn a_backup_goes_on_where_its_connection_broke() {
    let _turn = turn();
    let mut cluster = Cluster::single(&options());
    cluster.deploy(&[("bank.js", BANK)]);
    let folder = tempfile::tempdir().unwrap();
    let url = cluster.nodes[0].url();
    let file = |name: &str| folder.path().join(name);
    backup(&url, &file("whole")).expect_code(0);
    let bytes = std::fs::metadata(file("whole")).unwrap().len();

    // In one run.
    let twice = cutting_off(&url, vec![bytes / 2, bytes / 3, u64::MAX]);
    let ended = backup(&twice, &file("twice")).expect_code(0);
    assert_eq!(
        ended.stderr.matches("gone on with").count(),
        2,
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("a new backup"), "{}", ended.stderr);
    let checked = file("twice").display().to_string();
    troupe(&["restore", "--check", &checked])
        .expect_code(0)
        .prints(&["whole"]);

    // In another run.
    let (once, part) = (cutting_off(&url, vec![bytes / 2]), file("later.part"));
    let ended = backup(&once, &file("later")).expect_code(1);
    assert!(ended.stderr.contains("goes on with it"), "{}", ended.stderr);
    assert!(part.exists() && !file("later").exists());
    let ended = backup(&url, &file("later")).expect_code(0);
    assert!(!ended.stderr.contains("a new backup"), "{}", ended.stderr);
    assert!(!part.exists());

    // Too late: the node holds nothing of it any more.
    let once = cutting_off(&url, vec![bytes / 2]);
    backup(&once, &file("late")).expect_code(1);
    cluster.nodes[0].kill();
    cluster.nodes[0].restart();
    let ended = backup(&cluster.nodes[0].url(), &file("late")).expect_code(0);
    assert!(
        ended.stderr.contains("a new backup is made"),
        "{}",
        ended.stderr
    );
}
