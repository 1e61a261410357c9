//! What a leader does after commit: timers, external services, outputs, news, spans.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cluster::engine::model::Do;
use cluster::record::MessageFate;
use cluster::{Body, query, shard_of};
use cluster_raft::Groups;
use cluster_raft::bootstrap::Discovery;
use cluster_raft::driver::waiters::News;
use cluster_raft::http::{HttpClient, HttpError, HttpRequest, HttpResponse};
use common::workers::{address, deploy, message_id, send};
use common::{Machine, PATIENCE, config, eventually};
use futures::future::BoxFuture;
use transport::span::{Span, SpanSink};
use transport::{Address, Bus, Headers, HopKind, Namespace, NodeId, Pattern, SubscribeOptions};
use transport_memory::MemoryNetwork;

const SHARDS: u32 = 4;

async fn start(machine: &Machine) -> Groups {
    let node = machine
        .start(config(1, Discovery::Alone, SHARDS))
        .await
        .unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    deploy(&node, SHARDS).await;
    node
}

async fn say(node: &Groups, sequence: u64, to: &Address, body: Body) {
    let command = send(node, sequence, to.clone(), body);
    let submitted = node.submit(shard_of(to, SHARDS), vec![command], PATIENCE);
    submitted.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_and_outputs_are_told_and_timers_fire() {
    let network = MemoryNetwork::default();
    let machine = Machine::new(&network, 1);
    let node = start(&machine).await;
    let to = address("Counter", 7);
    let mut news = node.subscribe(shard_of(&to, SHARDS)).unwrap();
    let outside = network.bus(NodeId(99));
    let subject = node.subjects().outbox(&to);
    let mut outputs = outside
        .subscribe(subject.pattern(), SubscribeOptions::default())
        .await
        .unwrap();
    let late = vec![Do::Add(1), Do::Emit(vec![Do::Add(9)])];
    say(&node, 1, &to, Do::body(&[Do::Delay(30, late)])).await;
    let mut turns = 0;
    let emitted = loop {
        match tokio::time::timeout(PATIENCE, news.recv()).await.unwrap() {
            Ok(News::Turn(turn)) => {
                assert_eq!(turn.instance, to);
                turns += 1;
            }
            Ok(News::Output(output)) => break output,
            other => assert!(matches!(other, Ok(News::RunEnded(_))), "{other:?}"),
        }
    };
    assert_eq!(emitted.instance, to);
    assert!(turns >= 2, "the message's turn and the timer's: {turns}");
    // The model's bodies are no values of the language, so this one is not published as JSON.
    let nothing = tokio::time::timeout(Duration::from_millis(1), outputs.receive()).await;
    assert!(nothing.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_service_is_asked_until_it_answers() {
    let network = MemoryNetwork::default();
    let machine = Machine::new(&network, 1);
    let node = start(&machine).await;
    let to = Address::bare(Namespace::default(), "Mailer").unwrap();
    let shard = shard_of(&to, SHARDS);
    let body = Body::from_data(vm::Data::text("hello"));
    say(&node, 1, &to, body).await;
    let id = message_id(&node, 1);
    let fate = || async {
        let reader = node.read(shard, true).await.unwrap();
        query::message(&*reader, id).unwrap().unwrap().fate
    };
    eventually("a silent service is noticed", || async {
        matches!(fate().await, MessageFate::Service { attempts } if attempts > 0)
    })
    .await;
    let outside = network.bus(NodeId(99));
    let subject = node.subjects().service(&to);
    let mut calls = outside
        .subscribe(subject.pattern(), SubscribeOptions::default())
        .await
        .unwrap();
    let call = tokio::time::timeout(PATIENCE, calls.receive())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&call.payload[..], b"\"hello\"");
    assert_eq!(call.headers.stamp().unwrap().id, id);
    outside
        .respond(&call, Headers::default(), Bytes::new())
        .await
        .unwrap();
    eventually("the acknowledgement is in the log", || async {
        matches!(fate().await, MessageFate::Acknowledged { .. })
    })
    .await;
}

/// An HTTP client that keeps what it is asked and answers `created`.
#[derive(Default)]
struct Asked(Mutex<Vec<HttpRequest>>);

impl HttpClient for Asked {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let url = request.url.clone();
        self.0.lock().unwrap().push(request);
        Box::pin(std::future::ready(Ok(HttpResponse {
            status: 201,
            url,
            headers: Vec::new(),
            body: Bytes::from_static(b"created"),
        })))
    }
}

async fn fate_of(node: &Groups, to: &Address, sequence: u64) -> Option<MessageFate> {
    let reader = node.read(shard_of(to, SHARDS), true).await.unwrap();
    let found = query::message(&*reader, message_id(node, sequence)).unwrap();
    found.map(|message| message.fate)
}

fn value(json: &str) -> Body {
    Body::from_data(vm::Data::from_json(json, &vm::Limits::default()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn http_is_performed_with_the_id_of_the_message() {
    let network = MemoryNetwork::default();
    let mut machine = Machine::new(&network, 1);
    let client = Arc::new(Asked::default());
    machine.request_with(Arc::clone(&client) as Arc<dyn HttpClient>);
    let node = start(&machine).await;
    let to = Address::bare(Namespace::default(), "Http").unwrap();
    let order = r#"{ "method": "PUT", "url": "http://shop.example/orders/1", "body": { "n": 1 } }"#;
    say(&node, 1, &to, value(order)).await;
    eventually("the response is in the log", || async {
        matches!(
            fate_of(&node, &to, 1).await,
            Some(MessageFate::Acknowledged { .. })
        )
    })
    .await;
    let asked = client.0.lock().unwrap();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].url, "http://shop.example/orders/1");
    let id = message_id(&node, 1).to_string();
    assert!(
        asked[0]
            .headers
            .contains(&("idempotency-key".to_owned(), id))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bus_publishes_in_order_and_waits_for_a_connection() {
    let network = MemoryNetwork::default();
    let machine = Machine::new(&network, 1);
    let node = start(&machine).await;
    let to = Address::bare(Namespace::default(), "Bus").unwrap();
    let outside = network.bus(NodeId(99));
    let pattern = Pattern::new("prices.*").unwrap();
    let mut heard = outside
        .subscribe(pattern, SubscribeOptions::default())
        .await
        .unwrap();
    network.cut(machine.label);
    for number in 1..=40 {
        let message = format!(r#"{{ "subject": "prices.a", "message": [{number}] }}"#);
        say(&node, number, &to, value(&message)).await;
    }
    eventually("a missing connection is noticed", || async {
        matches!(fate_of(&node, &to, 1).await, Some(MessageFate::Service { attempts }) if attempts > 0)
    })
    .await;
    machine.reconnect();
    for number in 1..=40 {
        let next = tokio::time::timeout(PATIENCE, heard.receive())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(next.payload, format!("[{number}]"));
        assert_eq!(next.headers.stamp().unwrap().id, message_id(&node, number));
    }
    eventually("all are taken", || async {
        matches!(
            fate_of(&node, &to, 40).await,
            Some(MessageFate::Acknowledged { .. })
        )
    })
    .await;
}

/// Keeps spans.
#[derive(Default)]
struct Kept(Mutex<Vec<Span>>);

impl SpanSink for Kept {
    fn is_enabled(&self) -> bool {
        true
    }

    fn record(&self, span: Span) {
        self.0.lock().unwrap().push(span);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_story_is_one_trace() {
    let network = MemoryNetwork::default();
    let mut machine = Machine::new(&network, 1);
    let kept = Arc::new(Kept::default());
    machine.trace_to(Arc::clone(&kept) as Arc<dyn SpanSink>);
    let node = start(&machine).await;
    let to = address("Counter", 1);
    let elsewhere = (0..)
        .find(|key| shard_of(&address("Sink", *key), SHARDS) != shard_of(&to, SHARDS))
        .unwrap();
    let next = Do::Send(
        "Sink".to_owned(),
        Some(elsewhere.to_string()),
        vec![Do::Add(1)],
    );
    say(&node, 1, &to, Do::body(&[next])).await;
    let root = message_id(&node, 1);
    eventually("all hops have spans", || async {
        let spans = kept.0.lock().unwrap();
        let story = spans.iter().filter(|span| span.context.trace_id == root.0);
        let hops: Vec<HopKind> = story.map(|span| span.hop).collect();
        let count = |hop: HopKind| hops.iter().filter(|one| **one == hop).count();
        count(HopKind::Commit) == 1
            && count(HopKind::Turn) >= 2
            && count(HopKind::Send) == 1
            && count(HopKind::Deliver) == 1
    })
    .await;
    let spans = kept.0.lock().unwrap();
    let story: Vec<&Span> = spans
        .iter()
        .filter(|span| span.context.trace_id == root.0)
        .collect();
    let find = |hop: HopKind| story.iter().find(|span| span.hop == hop).unwrap();
    let (sent, delivered) = (find(HopKind::Send), find(HopKind::Deliver));
    assert_eq!(delivered.parent, Some(sent.context.span_id));
    let sender = sent.parent.unwrap();
    assert!(
        story
            .iter()
            .any(|span| span.hop == HopKind::Turn && span.context.span_id == sender)
    );
    for span in story {
        assert!(span.end_unix_nanos >= span.start_unix_nanos);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_leg_of_a_routed_message_has_spans_of_its_own() {
    let network = MemoryNetwork::default();
    let mut machine = Machine::new(&network, 1);
    let kept = Arc::new(Kept::default());
    machine.trace_to(Arc::clone(&kept) as Arc<dyn SpanSink>);
    let node = start(&machine).await;
    let name = Address::bare(Namespace::default(), "Sink").unwrap();
    let home = shard_of(&name, SHARDS);
    let elsewhere = |worker: &str| {
        let mut keys = 0_u64..;
        keys.find(|key| shard_of(&address(worker, *key), SHARDS) != home)
            .unwrap()
    };
    let key = Do::Key(elsewhere("Sink").to_string());
    let next = Do::Send("Sink".to_owned(), None, vec![key, Do::Add(1)]);
    let to = address("Counter", elsewhere("Counter"));
    say(&node, 1, &to, Do::body(&[next])).await;
    let root = message_id(&node, 1);
    let story = || {
        let spans = kept.0.lock().unwrap();
        let mine = spans
            .iter()
            .filter(|span| span.context.trace_id == root.0)
            .cloned();
        mine.collect::<Vec<Span>>()
    };
    let count = |hop: HopKind| story().iter().filter(|span| span.hop == hop).count();
    eventually("both legs have spans", || async {
        count(HopKind::Send) == 2 && count(HopKind::Deliver) == 2
    })
    .await;
    let mut ids: Vec<_> = story().iter().map(|span| span.context.span_id).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "spans with equal ids");
    for span in story().iter().filter(|span| span.hop == HopKind::Deliver) {
        let parent = span.parent.unwrap();
        let of_send = |other: &Span| other.hop == HopKind::Send && other.context.span_id == parent;
        assert!(story().iter().any(of_send));
    }
}
