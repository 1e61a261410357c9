//! Random commands from a seed, for properties that hold for all of them.
//!
//! `TROUPE_SEED` runs one seed; a failure names the seed that it needs.

use super::*;
use crate::agreement::Verdict;
use crate::command::{Deliver, EffectDone, EffectResult, PauseRequest, Prune, PruneFrom};
use crate::keys;
use crate::limits::ShardLimits;
use crate::message::{Kill, Message, Parcel};
use crate::outcome::StateHash;

/// SplitMix64: small, and the same everywhere.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }
}

/// Runs `property` for `count` seeds, or for the one that `TROUPE_SEED` names.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is given its seed by the environment"
)]
pub(super) fn for_seeds(count: u64, property: impl Fn(u64)) {
    let one = std::env::var("TROUPE_SEED").ok();
    let seeds = match one.and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..count,
    };
    for seed in seeds {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| property(seed)));
        if let Err(panic) = result {
            eprintln!("failed with TROUPE_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

const NAMES: [&str; 9] = [
    "Counter/a",
    "Counter/b",
    "Counter/c",
    "Counter",
    "Daemon",
    "Task",
    "Task/t",
    "Mail",
    "Daemon/default",
];

pub(super) fn list(random: &mut Random, depth: u64) -> Vec<Do> {
    (0..random.below(4)).map(|_| one(random, depth)).collect()
}

fn one(random: &mut Random, depth: u64) -> Do {
    let inner = |random: &mut Random| match depth {
        0 => Vec::new(),
        _ => list(random, depth - 1),
    };
    match random.below(17) {
        0..=3 => Do::Add(random.below(100) as i64),
        4..=6 => {
            let to = address(random.pick(&NAMES));
            let key = to.key().map(str::to_owned);
            Do::Send(to.name().to_owned(), key, inner(random))
        }
        7 => Do::Emit(inner(random)),
        8 => Do::Reply(inner(random)),
        9 => Do::Spawn(random.below(2) == 0, inner(random)),
        10 => Do::Kill("Counter".into(), "a".into()),
        11 => Do::Delay(random.below(200), inner(random)),
        12 => Do::Complete,
        13 => Do::Fail,
        14 => Do::Trap,
        15 => Do::KillSelf,
        _ => Do::Work(random.below(500)),
    }
}

/// Commands with the entry stamps that they come under, as a leader would log them.
pub(super) struct Log {
    pub(super) commands: Vec<(EntryStamp, Command)>,
}

impl Log {
    pub(super) fn new(seed: u64, length: usize) -> Log {
        let mut random = Random(seed);
        let mut maker = Maker {
            sequence: 0,
            delivered: 1,
            time_ms: 1000,
            sent: Vec::new(),
        };
        let mut commands = maker.deploy();
        let mut stamp = EntryStamp::default();
        while commands.len() < length {
            if random.below(3) == 0 {
                maker.time_ms += random.below(150);
                stamp.entropy =
                    (u128::from(random.next()) << 64 | u128::from(random.next())).to_le_bytes();
            }
            stamp.time_ms = maker.time_ms;
            let command = maker.command(&mut random);
            commands.push((stamp, command));
        }
        Log { commands }
    }

    /// The same with a bound on records of messages that is soon reached.
    pub(super) fn of_few_messages(mut self) -> Log {
        let (_, Command::Configure(limits)) = &mut self.commands[0] else {
            panic!("a log begins with limits");
        };
        limits.message_records = 12;
        limits.message_ms = 1500;
        self
    }

    /// Entries: neighbours with the same stamp together, cut where `cut` says.
    pub(super) fn entries(&self, mut cut: impl FnMut(usize) -> bool) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for (at, (stamp, command)) in self.commands.iter().enumerate() {
            match entries.last_mut() {
                Some(entry) if entry.stamp == *stamp && !cut(at) => {
                    entry.commands.push(command.clone());
                }
                _ => entries.push(Entry {
                    stamp: *stamp,
                    commands: vec![command.clone()],
                }),
            }
        }
        entries
    }
}

struct Maker {
    sequence: u64,
    delivered: u64,
    time_ms: u64,
    sent: Vec<Command>,
}

impl Maker {
    fn deploy(&mut self) -> Vec<(EntryStamp, Command)> {
        let bytes = program().encode();
        let id = ProgramId(*blake3::hash(&bytes).as_bytes());
        let names = program().workers;
        let limits = ShardLimits {
            command_instructions: 2000,
            chain_hops: 50,
            door_window: 8,
            output_count: 5,
            history_steps: 6,
            dead_letters: 5,
            service_queue: 3,
            service_window: 2,
            timers_per_command: 2,
            mailbox_soft: 3,
            ended_ms: 2000,
            ..ShardLimits::default()
        };
        let activate = Activate {
            namespace: Namespace::default(),
            version: 1,
            names: names.into_iter().map(|worker| (worker.name, id)).collect(),
            removed: Vec::new(),
        };
        let commands = [
            Command::Configure(Box::new(limits)),
            Command::Install(Install { program: bytes }),
            Command::Activate(activate),
        ];
        let stamp = EntryStamp {
            time_ms: self.time_ms,
            entropy: [1; 16],
        };
        commands.map(|command| (stamp, command)).to_vec()
    }

    fn door(&mut self) -> DoorHeader {
        self.sequence += 1;
        door(self.sequence, self.time_ms)
    }

    fn command(&mut self, random: &mut Random) -> Command {
        let command = match random.below(22) {
            0..=7 => Command::Send(SendRequest {
                door: self.door(),
                to: address(random.pick(&NAMES)),
                from: None,
                body: Do::body(&list(random, 2)),
            }),
            8 => Command::Start(StartRequest {
                door: self.door(),
                to: address(random.pick(&["Task", "Task/t", "Counter/b"])),
                config: Some(Do::body(&list(random, 2))),
                message: Some(Do::body(&list(random, 1))),
            }),
            9 => Command::Kill(KillRequest {
                door: self.door(),
                target: address(random.pick(&NAMES)),
            }),
            21 => Command::Pause(PauseRequest {
                door: self.door(),
                target: address(random.pick(&NAMES)),
                paused: random.below(2) == 0,
            }),
            10..=12 => Command::TimerFired,
            13 => Command::Continue,
            14 => match random.below(3) {
                0 => Command::Agreed(verdict(random)),
                _ => Command::Checkpoint,
            },
            15 => self.deliver(random),
            16 => self.effect(random),
            20 => Command::Prune(Prune {
                keep_bytes: random.below(20_000),
                floor_steps: random.below(4),
                from: match random.below(3) {
                    0 => None,
                    1 => Some(PruneFrom::Ended(
                        keys::timer(random.below(5000), 0, 0, 0).into(),
                    )),
                    _ => Some(PruneFrom::Running(
                        keys::instance(&address("Counter/b")).into(),
                    )),
                },
            }),
            17 | 18 if !self.sent.is_empty() => random.pick(&self.sent),
            _ => {
                let key = random.below(3).to_string();
                Command::Send(SendRequest {
                    door: with_key(self.door(), &key, random.below(2) as u8),
                    to: address("Counter/a"),
                    from: None,
                    body: Do::body(&[Do::Add(1)]),
                })
            }
        };
        self.sent.push(command.clone());
        command
    }

    fn deliver(&mut self, random: &mut Random) -> Command {
        let first = (self.delivered + random.below(3)).saturating_sub(1).max(1);
        self.delivered = first + 2;
        let parcel = |number: u64, to: &str, body: Vec<Do>| {
            let stamp = door(1_000_000 + number, 1000).stamp;
            let parcel = match number % 5 {
                0 => Parcel::Kill(Kill {
                    stamp,
                    from: None,
                    target: address("Counter/c"),
                }),
                _ => Parcel::Message(Message {
                    stamp,
                    from: Some(address("Counter/far")),
                    to: address(to),
                    program: None,
                    hops: 1,
                    body: Do::body(&body),
                    intent: vm::Intent::Tell,
                }),
            };
            parcel.encode().unwrap()
        };
        let parcels = (first..first + 2)
            .map(|number| parcel(number, random.pick(&NAMES), list(random, 1)))
            .collect();
        Command::Deliver(Deliver {
            source: ShardId(1),
            source_incarnation: Incarnation(1),
            target_incarnation: Incarnation(1),
            first,
            parcels,
        })
    }

    fn effect(&mut self, random: &mut Random) -> Command {
        let sequence = 1 + random.below(self.sequence.max(1));
        let results = [
            EffectResult::Acknowledged,
            EffectResult::Answer(Do::body(&[Do::Add(3)])),
            EffectResult::Unanswered {
                reason: "silent".into(),
            },
        ];
        Command::EffectDone(EffectDone {
            service: address("Mail"),
            message: door(sequence, 0).stamp.id,
            attempt: 0,
            result: random.pick(&results),
        })
    }
}

/// A verdict with a majority, now and then an old one.
fn verdict(random: &mut Random) -> Verdict {
    let hash = StateHash([random.below(3) as u8; 32]);
    Verdict {
        unit: 1 + random.below(100),
        hash: Some(hash),
        said: vec![(NodeId(1), hash), (NodeId(2), hash)],
    }
}
