//! The simulated network: packets between machines that are lost, late, repeated, overtaken, or held up by a
//! partition. A machine's end of it (`bus`) comes before and after it. Guarantees: the seed decides the fate of
//! each packet; packets of one subject on one link are not overtaken by each other, as the port of the bus promises
//! and raft's appends rely on (repeated ones come again later); a dead machine neither sends nor receives. Left to others: the weather (`faults`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use tests::random::Random;
use tokio::sync::{mpsc, oneshot};
use transport::{BusError, BusMessage, DropCounter, Pattern, Subject};

use crate::trace::{Trace, digest};

/// What reply subjects begin with; the rest is the request's number.
const INBOX: &str = "_INBOX.";

/// How bad the network is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    pub(crate) lost_per_thousand: u64,
    pub(crate) repeated_per_thousand: u64,
    /// Packets that overtake others of their link, on other subjects.
    pub(crate) loose_per_thousand: u64,
    pub(crate) delay_ms_max: u64,
}

/// A life of a machine: its number and how often it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Life {
    pub(crate) machine: usize,
    pub(crate) count: u64,
}

pub(crate) struct Route {
    pub(crate) id: u64,
    pub(crate) life: Life,
    pub(crate) pattern: Pattern,
    pub(crate) queue: mpsc::Sender<BusMessage>,
    pub(crate) drops: DropCounter,
}

struct Open {
    life: Life,
    answer: oneshot::Sender<BusMessage>,
}

struct State {
    trace: Trace,
    random: Random,
    weather: Weather,
    now_ms: u64,
    sent: u64,
    in_flight: BTreeMap<(u64, u64), (usize, BusMessage)>,
    /// When the last packet of a link arrives, and the last one of a subject on it.
    link_due_ms: BTreeMap<(usize, usize), u64>,
    subject_due_ms: BTreeMap<(usize, usize, String), u64>,
    /// Links that lose everything.
    blocked: BTreeSet<(usize, usize)>,
    lives: BTreeMap<usize, Life>,
    routes: Vec<Route>,
    open: BTreeMap<u64, Open>,
    next_id: u64,
}

/// A handle to the network of the run.
#[derive(Clone)]
pub(crate) struct Network(Arc<Mutex<State>>);

impl Network {
    pub(crate) fn new(trace: Trace, random: Random) -> Self {
        Self(Arc::new(Mutex::new(State {
            trace,
            random,
            weather: Weather::default(),
            now_ms: 0,
            sent: 0,
            in_flight: BTreeMap::new(),
            link_due_ms: BTreeMap::new(),
            subject_due_ms: BTreeMap::new(),
            blocked: BTreeSet::new(),
            lives: BTreeMap::new(),
            routes: Vec::new(),
            open: BTreeMap::new(),
            next_id: 0,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn set_now_ms(&self, now_ms: u64) {
        self.lock().now_ms = now_ms;
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        self.lock().weather = weather;
    }

    /// Blocks exactly these links from now on.
    pub(crate) fn block(&self, links: BTreeSet<(usize, usize)>) {
        self.lock().blocked = links;
    }

    /// A machine begins another life on the network.
    pub(crate) fn begin(&self, life: Life) {
        self.lock().lives.insert(life.machine, life);
    }

    /// A machine is gone, with all that listened or waited on it.
    pub(crate) fn end(&self, life: Life) {
        let mut state = self.lock();
        state.lives.remove(&life.machine);
        let routes = std::mem::take(&mut state.routes);
        let (gone, kept) = routes.into_iter().partition(|route| route.life == life);
        state.routes = kept;
        let waited = state.open.extract_if(.., |_, open| open.life == life);
        let waited: Vec<(u64, Open)> = waited.collect();
        drop(state);
        // Dropped without the lock: whoever waited is woken.
        drop::<(Vec<Route>, _)>((gone, waited));
    }

    pub(crate) fn is_live(&self, life: Life) -> bool {
        self.lock().lives.get(&life.machine) == Some(&life)
    }

    pub(crate) fn next_id(&self) -> u64 {
        let mut state = self.lock();
        state.next_id += 1;
        state.next_id
    }

    pub(crate) fn listen(&self, route: Route) {
        self.lock().routes.push(route);
    }

    pub(crate) fn unlisten(&self, id: u64) {
        let mut state = self.lock();
        let gone = state.routes.iter().position(|route| route.id == id);
        let gone = gone.map(|at| state.routes.remove(at));
        drop(state);
        drop(gone);
    }

    /// Opens a request; gives its number, where its answer goes, and the answer.
    pub(crate) fn ask(&self, life: Life) -> (u64, Subject, oneshot::Receiver<BusMessage>) {
        let (answer, answered) = oneshot::channel();
        let id = self.next_id();
        self.lock().open.insert(id, Open { life, answer });
        let subject = Subject::new(&format!("{INBOX}{id}")).unwrap();
        (id, subject, answered)
    }

    pub(crate) fn forget(&self, request: u64) {
        let gone = self.lock().open.remove(&request);
        drop(gone);
    }

    /// Sends to every machine that listens.
    pub(crate) fn send(&self, from: Life, message: BusMessage) -> Result<(), BusError> {
        let mut state = self.lock();
        if state.lives.get(&from.machine) != Some(&from) {
            return Err(BusError::Closed);
        }
        let targets = state.targets(&message.subject);
        if targets.is_empty() {
            let subject = message.subject;
            return Err(BusError::NoResponders { subject });
        }
        for to in targets {
            state.post(from.machine, to, &message);
        }
        Ok(())
    }

    /// Hands over what has arrived at a machine.
    pub(crate) fn deliver(&self, machine: usize) {
        loop {
            let mut state = self.lock();
            let due = state.due(machine);
            let Some(message) = due else { return };
            if let Some(open) = state.opened(&message.subject) {
                drop(state);
                // Whoever asked may have given up.
                let _ = open.answer.send(message);
                continue;
            }
            for route in &state.routes {
                if route.life.machine == machine
                    && route.pattern.matches(&message.subject)
                    && route.queue.try_send(message.clone()).is_err()
                {
                    route.drops.add_one();
                }
            }
        }
    }
}

impl State {
    fn targets(&self, subject: &Subject) -> BTreeSet<usize> {
        if let Some(request) = request_of(subject) {
            let open = self.open.get(&request);
            return open.map(|open| open.life.machine).into_iter().collect();
        }
        let routes = self.routes.iter();
        let matching = routes.filter(|route| route.pattern.matches(subject));
        matching.map(|route| route.life.machine).collect()
    }

    fn post(&mut self, from: usize, to: usize, message: &BusMessage) {
        let Weather {
            lost_per_thousand,
            repeated_per_thousand,
            loose_per_thousand,
            delay_ms_max,
        } = self.weather;
        let subject = message.subject.as_str();
        let digest = digest(&message.payload);
        let link = (from, to);
        let fate = match from == to {
            _ if self.blocked.contains(&link) => "blocked",
            false if self.chance(lost_per_thousand) => "lost",
            _ => "sent",
        };
        let trace = self.trace.clone();
        trace.say(format_args!("{fate} {from}>{to} {subject} {digest}"));
        if fate != "sent" {
            return;
        }
        if from == to {
            return self.arrive(to, self.now_ms, message.clone());
        }
        let mut due_ms = self.now_ms + self.below(delay_ms_max + 1);
        if !self.chance(loose_per_thousand) {
            let last = self.link_due_ms.entry(link).or_default();
            *last = due_ms.max(*last);
            due_ms = *last;
        }
        if request_of(&message.subject).is_none() {
            let of_subject = (from, to, subject.to_owned());
            let last = self.subject_due_ms.entry(of_subject).or_default();
            *last = due_ms.max(*last);
            due_ms = *last;
        }
        self.arrive(to, due_ms, message.clone());
        if self.chance(repeated_per_thousand) {
            let again_ms = due_ms + self.below(delay_ms_max + 20);
            self.arrive(to, again_ms, message.clone());
        }
    }

    fn arrive(&mut self, to: usize, due_ms: u64, message: BusMessage) {
        self.sent += 1;
        self.in_flight.insert((due_ms, self.sent), (to, message));
    }

    fn due(&mut self, machine: usize) -> Option<BusMessage> {
        let until = (self.now_ms + 1, 0);
        let mut due = self.in_flight.range(..until);
        let key = due.find(|(_, (to, _))| *to == machine).map(|(key, _)| *key);
        self.in_flight.remove(&key?).map(|(_, message)| message)
    }

    fn opened(&mut self, subject: &Subject) -> Option<Open> {
        self.open.remove(&request_of(subject)?)
    }

    fn chance(&mut self, per_thousand: u64) -> bool {
        per_thousand > 0 && self.below(1_000) < per_thousand
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random.below(end as usize) as u64
    }
}

fn request_of(subject: &Subject) -> Option<u64> {
    subject.as_str().strip_prefix(INBOX)?.parse().ok()
}
