//! Measures both adapters of the bus: requests per second and publishes per second.
//! Run it with `cargo run --release -p transport-nats --example bus_bench -- [nats://HOST:PORT]`;
//! without a URL it starts the NATS server that the tests use.
//! The client library alone is measured too, which shows what the adapter adds.
//! It prints medians of five runs, and on Linux the CPU time of this process for each message,
//! which other work on the machine disturbs less. The server's own CPU time is not in it.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use tests::services::NatsServer;
use transport::{Bus, Headers, NodeId, Pattern, Subject, SubscribeOptions};
use transport_memory::MemoryNetwork;
use transport_nats::{NatsBus, NatsOptions};

const RUNS: usize = 5;
const DEADLINE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() {
    let network = MemoryNetwork::default();
    let (client, server) = (network.bus(NodeId(1)), network.bus(NodeId(2)));
    measure("memory", Arc::new(client), Arc::new(server)).await;

    // Kept until the end: dropping it ends the server.
    let mut own = None;
    let url = match std::env::args().nth(1) {
        Some(url) => url,
        None => match NatsServer::start() {
            Some(started) => own.insert(started).url(),
            None => return,
        },
    };
    let options = NatsOptions::new(url);
    let client = NatsBus::connect(&options).await.unwrap();
    let server = NatsBus::connect(&options).await.unwrap();
    client.wait_connected(DEADLINE).await.unwrap();
    server.wait_connected(DEADLINE).await.unwrap();
    measure("nats", Arc::new(client), Arc::new(server)).await;
    measure_library(&options.url).await;
}

const LANES: [(usize, usize); 3] = [(1, 5_000), (64, 50_000), (1_024, 100_000)];

fn print_requests(name: &str, outstanding: usize, rate: f64, cpu: f64) {
    let each = 1e6 * outstanding as f64 / rate;
    println!(
        "{name:8} request/reply, 200 B, {outstanding:5} outstanding: {rate:9.0}/s, \
         {each:8.1} us each, {cpu:6.2} us CPU"
    );
}

/// The same requests without the adapter: no deadlines, no counted drops, no state.
async fn measure_library(url: &str) {
    let client = async_nats::connect(url).await.unwrap();
    let server = async_nats::connect(url).await.unwrap();
    let mut asked = server.subscribe("bench.library").await.unwrap();
    tokio::spawn(async move {
        while let Some(request) = asked.next().await {
            let reply = request.reply.unwrap();
            server.publish(reply, request.payload).await.unwrap();
        }
    });
    let body = Bytes::from(vec![7; 200]);
    while client.request("bench.library", body.clone()).await.is_err() {}
    for (outstanding, count) in LANES {
        let run = || async {
            let began = Instant::now();
            let lanes = (0..outstanding).map(|_| {
                let (client, body) = (client.clone(), body.clone());
                tokio::spawn(async move {
                    for _ in 0..count / outstanding {
                        client.request("bench.library", body.clone()).await.unwrap();
                    }
                })
            });
            let lanes: Vec<_> = lanes.collect();
            stream::iter(lanes)
                .for_each(|lane| async { lane.await.unwrap() })
                .await;
            (count / outstanding * outstanding) as f64 / began.elapsed().as_secs_f64()
        };
        let (rate, cpu) = median(count, run).await;
        print_requests("library", outstanding, rate, cpu);
    }
}

async fn measure(name: &str, client: Arc<dyn Bus>, server: Arc<dyn Bus>) {
    let echo = tokio::spawn(echo(Arc::clone(&server)));
    for (outstanding, count) in LANES {
        let (rate, cpu) = median(count, || requests(&client, outstanding, count)).await;
        print_requests(name, outstanding, rate, cpu);
    }
    echo.abort();
    for (bytes, count) in [(200, 200_000), (65_536, 5_000)] {
        let (rate, cpu) = median(count, || publishes(&client, &server, bytes, count)).await;
        let mebibytes = rate * bytes as f64 / f64::from(1 << 20);
        println!(
            "{name:8} publish to subscriber, {bytes:6} B:        {rate:9.0}/s, \
             {mebibytes:6.0} MiB/s, {cpu:6.2} us CPU"
        );
    }
}

/// The median rate of several runs, and the CPU time of one of their `count` messages in
/// microseconds.
async fn median<F: Future<Output = f64>>(count: usize, mut run: impl FnMut() -> F) -> (f64, f64) {
    let mut rates = Vec::new();
    let before = cpu_seconds();
    for _ in 0..RUNS {
        rates.push(run().await);
    }
    let cpu = cpu_seconds() - before;
    rates.sort_by(f64::total_cmp);
    (rates[RUNS / 2], cpu * 1e6 / (RUNS * count) as f64)
}

/// CPU time of this process so far; 0 where the system does not tell it as Linux does.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the process comes before and may hold blanks.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: f64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

async fn echo(server: Arc<dyn Bus>) {
    let pattern = Pattern::new("bench.echo").unwrap();
    let mut asked = server
        .subscribe(pattern, SubscribeOptions::default())
        .await
        .unwrap();
    while let Some(request) = asked.receive().await {
        let body = request.payload.clone();
        server
            .respond(&request, Headers::new(), body)
            .await
            .unwrap();
    }
}

/// Requests per second with that many under way at a time.
async fn requests(client: &Arc<dyn Bus>, outstanding: usize, count: usize) -> f64 {
    let to = Subject::new("bench.echo").unwrap();
    let body = Bytes::from(vec![7; 200]);
    // The responder subscribes in a task of its own.
    while client
        .request(to.clone(), Headers::new(), body.clone(), DEADLINE)
        .await
        .is_err()
    {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    let lanes = (0..outstanding).map(|_| {
        let (client, to, body) = (Arc::clone(client), to.clone(), body.clone());
        tokio::spawn(async move {
            for _ in 0..count / outstanding {
                let asked = client.request(to.clone(), Headers::new(), body.clone(), DEADLINE);
                asked.await.unwrap();
            }
        })
    });
    let lanes: Vec<_> = lanes.collect();
    stream::iter(lanes)
        .for_each(|lane| async { lane.await.unwrap() })
        .await;
    (count / outstanding * outstanding) as f64 / began.elapsed().as_secs_f64()
}

/// Messages per second from one publisher to one subscriber that keeps up.
async fn publishes(
    client: &Arc<dyn Bus>,
    server: &Arc<dyn Bus>,
    bytes: usize,
    count: usize,
) -> f64 {
    let pattern = Pattern::new("bench.publish").unwrap();
    let options = SubscribeOptions::default().capacity(count);
    let mut messages = server.subscribe(pattern, options).await.unwrap();
    let (client, to) = (Arc::clone(client), Subject::new("bench.publish").unwrap());
    let body = Bytes::from(vec![7; bytes]);
    let began = Instant::now();
    let publisher = tokio::spawn(async move {
        for n in 0..count {
            client
                .publish(to.clone(), Headers::new(), body.clone())
                .await
                .unwrap();
            // A publisher that never waits would keep its thread to itself.
            if n % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
    });
    let mut batch = Vec::new();
    let mut received = 0;
    let mut ended = began;
    while received < count {
        let taken = messages.receive_many(&mut batch, 1_024);
        let Ok(taken) = tokio::time::timeout(Duration::from_secs(2), taken).await else {
            println!("lost {} of {count} messages", count - received);
            break;
        };
        received += taken;
        ended = Instant::now();
        batch.clear();
    }
    publisher.await.unwrap();
    assert_eq!(messages.dropped(), 0, "the subscription holds all of a run");
    received as f64 / (ended - began).as_secs_f64()
}
