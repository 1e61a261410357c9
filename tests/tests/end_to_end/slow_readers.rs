//! Clients that follow streams and do not read: the node holds a bounded number of events for each, the others are
//! served as ever, and who reads at last misses nothing. `tests/bench/consumers.py` does it with a thousand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::json;
use tests::cluster::{Cluster, Options};
use tests::wait::PATIENCE;

use crate::turn;

/// Puts out what it gets, twenty times.
const EMITTER: (&str, &str) = (
    "emitter.js",
    r#"
const times = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];
export const Emitter = act((self, { outbox }) =>
  whileLoop(() => waitFor(m => true, m => sequence(() => times.map(() => send(outbox, m))))),
  { daemon: true, key: m => m.name });
"#,
);

const READERS: usize = 20;
const EMITTERS: usize = 3;
const MESSAGES: usize = 24;
const OUTPUTS: usize = 20;
const TEXT_BYTES: usize = 24 << 10;

/// What the node may grow by. All that the readers have not read is more.
const GROWTH_BYTES_MAX: u64 = 64 << 20;

/// A stream of an emitter's output, of which only the status was read.
fn follow(address: &str, emitter: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let path = format!("/v1/workers/Emitter/instances/e{emitter}/outbox");
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    stream
}

#[test]
fn readers_that_do_not_read_cost_little_and_miss_nothing() {
    let _turn = turn();
    let cluster = Cluster::single(&Options::default());
    cluster.deploy(&[EMITTER]);
    let node = cluster.any();
    let client = node.http();
    let send = |emitter: usize, bytes: usize| {
        let message = json!({ "name": format!("e{emitter}"), "text": "x".repeat(bytes) });
        client
            .post("/v1/workers/Emitter/messages", &message)
            .expect(202);
    };
    (0..EMITTERS).for_each(|emitter| send(emitter, 1));
    let address = node.url().trim_start_matches("http://").to_owned();
    let readers: Vec<TcpStream> = (0..READERS)
        .map(|number| follow(&address, number % EMITTERS))
        .collect();
    let before = node.resident_bytes();
    for number in 0..MESSAGES {
        send(number % EMITTERS, TEXT_BYTES);
    }
    let last = format!("/v1/workers/Emitter/instances/e{}", EMITTERS - 1);
    client.get(&last).expect(200);
    let growth = node.resident_bytes().saturating_sub(before);
    let unread = MESSAGES * OUTPUTS * TEXT_BYTES / EMITTERS * READERS;
    println!(
        "the node grew by {} MiB, {} MiB were not read",
        growth >> 20,
        unread >> 20
    );
    assert!(growth < GROWTH_BYTES_MAX, "it grew by {} MiB", growth >> 20);
    assert!(unread as u64 > GROWTH_BYTES_MAX);
    // One of them reads after all.
    let expected = OUTPUTS * (MESSAGES / EMITTERS + 1);
    let lines = BufReader::new(&readers[0]).lines();
    let ids = lines.filter_map(|line| {
        let line = line.unwrap();
        let id = line.strip_prefix("id:")?.trim().to_owned();
        id.split_once('-')?.1.parse::<usize>().ok()
    });
    let ids: Vec<usize> = ids.take(expected).collect();
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
    assert_eq!(ids.len(), expected);
}
