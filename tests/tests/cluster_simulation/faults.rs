//! What goes wrong, and when: crashes, machines that stop in the middle of a write, pauses, partitions, slow disks,
//! clocks that are set, bad weather. The world steps it; machines and network come after it. Guarantees: the seed
//! decides everything; `heal` ends all of it. Left to others: what a fault does.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use tests::random::Random;

use crate::machine::Machine;
use crate::network::{Network, Weather};
use crate::trace::Trace;

/// One fault in about so many milliseconds.
const FAULT_EVERY_MS: usize = 220;
/// One flush of a store in about so many milliseconds.
const STORE_FLUSH_EVERY_MS: usize = 25;

pub(crate) struct Faults {
    random: Random,
    network: Network,
    trace: Trace,
    /// When a machine that stopped is started again.
    restart_ms: Vec<u64>,
    /// When links, disks and weather are well again.
    links_ms: u64,
    disks_ms: u64,
    weather: Weather,
    weather_ms: u64,
    /// A seeded bug: stores lose a unit in the middle when they crash.
    disorder: bool,
}

impl Faults {
    pub(crate) fn new(
        mut random: Random,
        network: Network,
        trace: Trace,
        machines: usize,
        disorder: bool,
    ) -> Self {
        let mut up_to = |most: usize| random.below(most + 1) as u64;
        let weather = Weather {
            lost_per_thousand: up_to(30),
            repeated_per_thousand: up_to(30),
            loose_per_thousand: up_to(1) * up_to(300),
            delay_ms_max: 1 + up_to(6),
        };
        trace.say(format_args!("{weather:?}"));
        Self {
            random,
            network,
            trace,
            restart_ms: vec![0; machines],
            links_ms: 0,
            disks_ms: 0,
            weather,
            weather_ms: 0,
            disorder,
        }
    }

    /// The weather of the run sets in.
    pub(crate) fn begin(&mut self) {
        self.network.set_weather(self.weather);
    }

    fn between(&mut self, least: usize, most: usize) -> u64 {
        (least + self.random.below(most - least + 1)) as u64
    }

    /// A millisecond of the troubled time.
    pub(crate) fn step(&mut self, now_ms: u64, machines: &mut [Machine]) {
        self.flush_stores(machines);
        self.recover(now_ms, machines);
        if self.random.below(FAULT_EVERY_MS) > 0 {
            return;
        }
        let at = self.random.below(machines.len());
        let machine = &mut machines[at];
        match self.random.below(12) {
            0 | 1 => {
                machine.crash(self.disorder);
                self.restart_ms[at] = now_ms + self.between(20, 1_500);
            }
            2..=4 => {
                let operations = self.between(0, 60);
                if let Some(life) = &machine.life {
                    life.fate.doom_after(operations);
                }
                self.restart_ms[at] = now_ms + self.between(20, 1_500);
            }
            5 | 6 if machine.is_awake() => {
                let for_ms = self.between(50, 1_200);
                machine.pause(now_ms, for_ms);
            }
            7 | 8 => self.partition(now_ms, at, machines.len()),
            9 => {
                let slow_ms = self.between(20, 150);
                self.trace.say(format_args!("slow {at} {slow_ms}"));
                if let Some(life) = &machine.life {
                    life.slow_ms.store(slow_ms, Ordering::Relaxed);
                }
                self.disks_ms = now_ms + self.between(200, 1_500);
            }
            10 => {
                let ahead_ms = self.between(0, 400);
                self.trace.say(format_args!("clock {at} {ahead_ms}"));
                machine.ahead_ms.store(ahead_ms, Ordering::Relaxed);
            }
            _ => self.storm(now_ms),
        }
    }

    fn recover(&mut self, now_ms: u64, machines: &mut [Machine]) {
        if now_ms >= self.links_ms {
            self.network.block(BTreeSet::new());
        }
        if now_ms >= self.weather_ms {
            self.network.set_weather(self.weather);
        }
        for machine in machines {
            if now_ms >= self.disks_ms
                && let Some(life) = &machine.life
            {
                life.slow_ms.store(1, Ordering::Relaxed);
            }
            if machine.lives > 0
                && machine.life.is_none()
                && now_ms >= self.restart_ms[machine.number]
            {
                machine.start();
            }
        }
    }

    /// Cuts one machine off from the others; in one case of three it hears or is heard.
    fn partition(&mut self, now_ms: u64, at: usize, machines: usize) {
        let way = self.random.below(6);
        let mut blocked = BTreeSet::new();
        for other in (0..machines).filter(|other| *other != at) {
            if way != 0 {
                blocked.insert((at, other));
            }
            if way != 1 {
                blocked.insert((other, at));
            }
        }
        self.trace.say(format_args!("partition {blocked:?}"));
        self.network.block(blocked);
        self.links_ms = now_ms + self.between(100, 2_000);
    }

    fn storm(&mut self, now_ms: u64) {
        let weather = Weather {
            lost_per_thousand: self.between(0, 300),
            delay_ms_max: self.between(1, 80),
            ..self.weather
        };
        self.trace.say(format_args!("storm {weather:?}"));
        self.network.set_weather(weather);
        self.weather_ms = now_ms + self.between(100, 1_000);
    }

    /// Stores make durable what they hold whenever it suits them.
    fn flush_stores(&mut self, machines: &[Machine]) {
        if self.random.below(STORE_FLUSH_EVERY_MS) > 0 {
            return;
        }
        let at = self.random.below(machines.len());
        let group = self.random.below(crate::SHARDS as usize + 1) as u32;
        let stores = &machines[at].stores;
        stores.flush_up_to(cluster::store::GroupId(group), u64::MAX);
    }

    /// All is well from now on.
    pub(crate) fn heal(&mut self, now_ms: u64, machines: &mut [Machine]) {
        self.trace.say(format_args!("heal"));
        self.weather = Weather {
            delay_ms_max: 1,
            ..Weather::default()
        };
        (self.links_ms, self.disks_ms, self.weather_ms) = (0, 0, 0);
        self.restart_ms.fill(0);
        for machine in machines.iter_mut() {
            if let Some(life) = &machine.life {
                life.fate.doom_after(u64::MAX);
            }
        }
        self.recover(now_ms, machines);
    }

    /// A millisecond of the time after that.
    pub(crate) fn step_healed(&mut self, now_ms: u64, machines: &mut [Machine]) {
        self.flush_stores(machines);
        self.recover(now_ms, machines);
    }

    /// A machine that stopped by itself is crashed for good, and started again later.
    pub(crate) fn bury(&mut self, machine: &mut Machine) {
        machine.crash(self.disorder);
    }
}
