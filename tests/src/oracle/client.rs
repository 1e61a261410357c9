//! One client of the oracle: adds, tries again at another node with the same idempotency key where an answer
//! is missing, and now and then reads what it wrote. Each of its adds is noted with what is known of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Add, Outcome, Shared};
use crate::cluster::{Answer, HttpClient};
use crate::random::Random;

/// How long a client tries to have one add acknowledged.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);
/// One in so many adds that were not answered is left as it is, not tried again.
const LEFT_UNKNOWN_ONE_IN: usize = 4;
/// One in so many adds waits for its turn and is then read back.
const READ_BACK_ONE_IN: usize = 6;

pub(super) struct Client {
    shared: Arc<Shared>,
    nodes: Vec<HttpClient>,
    number: usize,
    random: Random,
    adds: Vec<Add>,
}

/// What one attempt told.
enum Told {
    Acknowledged,
    Refused,
    Nothing,
}

impl Client {
    pub(super) fn new(shared: Arc<Shared>, number: usize, random: Random) -> Self {
        let node = |url: &String| HttpClient::with_deadline(url, shared.load.attempt);
        let nodes = shared.urls.iter().map(node).collect();
        Self {
            shared,
            nodes,
            number,
            random,
            adds: Vec::new(),
        }
    }

    /// Adds until it is told to stop; returns everything that it tried.
    pub(super) fn work(mut self) -> Vec<Add> {
        while !self.shared.stop.load(Ordering::Relaxed) {
            let read_back = self.random.below(READ_BACK_ONE_IN) == 0;
            let add = self.add(read_back);
            if add.outcome == Outcome::Acknowledged {
                self.shared.acknowledged.fetch_add(1, Ordering::Relaxed);
                if read_back {
                    self.read_back(&add);
                }
            }
            self.adds.push(add);
            std::thread::sleep(self.shared.load.pause);
        }
        self.adds
    }

    fn add(&mut self, wait_for_turn: bool) -> Add {
        let id = (self.number as u64) * 1_000_000 + self.adds.len() as u64;
        let counter = self.random.below(self.shared.load.counters);
        let amount = 1 + self.random.below(1000) as u64;
        let body =
            json!({ "type": "add", "counter": format!("c{counter}"), "id": id, "amount": amount });
        let mut path = match self.random.below(2) {
            0 => "/v1/workers/Tally/messages".to_owned(),
            _ => format!("/v1/workers/Tally/instances/c{counter}/messages"),
        };
        if wait_for_turn {
            path.push_str("?wait=turn");
        }
        let (text, key) = (body.to_string(), format!("add-{id}"));
        let began = Instant::now();
        let (mut attempts, mut outcome) = (0, Outcome::Refused);
        loop {
            attempts += 1;
            let node = self.random.below(self.nodes.len());
            match self.attempt(node, &path, &key, &text) {
                Told::Acknowledged => outcome = Outcome::Acknowledged,
                Told::Nothing => outcome = Outcome::Unknown,
                Told::Refused => {}
            }
            let left = outcome == Outcome::Unknown && self.random.below(LEFT_UNKNOWN_ONE_IN) == 0;
            if outcome == Outcome::Acknowledged || left || began.elapsed() > PATIENCE {
                break;
            }
            std::thread::sleep(BETWEEN_ATTEMPTS);
        }
        let ended = Instant::now();
        Add {
            id,
            counter,
            amount,
            outcome,
            attempts,
            waited: ended - began,
            ended,
        }
    }

    fn attempt(&self, node: usize, path: &str, key: &str, body: &str) -> Told {
        let headers = [("Idempotency-Key", key)];
        match self.nodes[node].try_post(path, &headers, body) {
            Ok(answer) => self.judge(&answer),
            // Nobody listened, so nothing was sent.
            Err(ureq::Error::Io(error))
                if error.kind() == std::io::ErrorKind::ConnectionRefused =>
            {
                Told::Refused
            }
            Err(_) => Told::Nothing,
        }
    }

    fn judge(&self, answer: &Answer) -> Told {
        let code = answer.body["code"].as_str().unwrap_or_default();
        match (answer.status, code) {
            (200 | 202, _) => Told::Acknowledged,
            (503, "E-unavailable" | "E-not-ready") | (429, _) => Told::Refused,
            (503, "E-outcome-unknown") => Told::Nothing,
            _ => {
                self.violation(format!(
                    "an add was answered {}: {}",
                    answer.status, answer.text
                ));
                Told::Nothing
            }
        }
    }

    /// What was acknowledged after its turn is seen by every later read, at any node, and no read shows
    /// less than one before it.
    fn read_back(&mut self, add: &Add) {
        let known = &self.shared.totals[add.counter];
        let before = known.load(Ordering::SeqCst);
        let node = self.random.below(self.nodes.len());
        let path = format!("/v1/workers/Tally/instances/c{}", add.counter);
        let Some(answer) = self.nodes[node]
            .try_get(&path)
            .ok()
            .filter(|answer| answer.status == 200)
        else {
            return;
        };
        let state = &answer.body["state"][0];
        let total = state["total"].as_u64().unwrap_or(0);
        known.fetch_max(total, Ordering::SeqCst);
        let ids = state["ids"].as_array().map_or(&[][..], Vec::as_slice);
        if !ids.iter().any(|id| id.as_u64() == Some(add.id)) {
            self.violation(format!(
                "add {} was acknowledged and then not seen: {}",
                add.id, answer.text
            ));
        }
        if total < before {
            self.violation(format!(
                "counter {} went back from {before} to {total}",
                add.counter
            ));
        }
    }

    fn violation(&self, what: String) {
        self.shared.violations.lock().unwrap().push(what);
    }
}
