//! The model bus: loses, repeats, delays and so reorders.
//!
//! Before it: doors and leaders. After it: leaders and doors. Guarantees: nothing, which is the
//! point; after healing it only delays. Leaves to others: exactly once.

use cluster::Command;
use cluster::outcome::Outcome;

use crate::random::Random;

/// Where an answer goes.
#[derive(Clone, Debug)]
pub(crate) enum ReplyTo {
    /// A client's request, by its number at this attempt.
    Door {
        client: usize,
        request: transport::MessageId,
    },
    /// A channel's pump.
    Channel {
        source: u32,
        node: usize,
        target: u32,
    },
    /// Nobody waits.
    Nobody,
}

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Packet {
    /// Commands for whoever leads the shard, in this order; this node is asked. The last one's outcome is the answer.
    Ask {
        shard: u32,
        node: usize,
        commands: Vec<Command>,
        reply_to: ReplyTo,
    },
    /// The answer; none where the node does not lead.
    Answer {
        to: ReplyTo,
        outcome: Option<Outcome>,
    },
}

/// How bad the bus is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) lost_percent: u64,
    pub(crate) repeated_percent: u64,
    pub(crate) delay_ms_max: u64,
}

#[derive(Debug)]
pub(crate) struct Bus {
    pub(crate) weather: Weather,
    in_flight: Vec<(u64, u64, Packet)>,
    sent: u64,
}

impl Bus {
    pub(crate) fn new(weather: Weather) -> Bus {
        Bus {
            weather,
            in_flight: Vec::new(),
            sent: 0,
        }
    }

    pub(crate) fn send(&mut self, random: &mut Random, now_ms: u64, packet: &Packet) {
        if random.percent(self.weather.lost_percent) {
            return;
        }
        let copies = 1 + u64::from(random.percent(self.weather.repeated_percent));
        for _ in 0..copies {
            let at_ms = now_ms + random.below(self.weather.delay_ms_max.max(1));
            self.sent += 1;
            self.in_flight.push((at_ms, self.sent, packet.clone()));
        }
    }

    /// The next packet that is due.
    pub(crate) fn receive(&mut self, now_ms: u64) -> Option<Packet> {
        let due = self.in_flight.iter().enumerate();
        let (at, _) = due
            .filter(|(_, (at_ms, _, _))| *at_ms <= now_ms)
            .min_by_key(|(_, (at_ms, sent, _))| (*at_ms, *sent))?;
        Some(self.in_flight.swap_remove(at).2)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }
}
