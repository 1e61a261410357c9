//! How nodes are lost, and how they come back: a process that is killed or hangs, a network that is cut, a bus that
//! is gone, or a node that is drained. `failover` comes before it, the servers after it.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;

use crate::arguments::{BenchArguments, Fault};
use crate::bench::servers::Servers;

/// How long the bus is away: about as long as its own upgrade takes it.
const BUS_AWAY: Duration = Duration::from_secs(1);
/// How long leads may take to be handed over.
const LEADS_WITHIN: Duration = Duration::from_secs(20);
/// How often that is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How a node goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Kill,
    Pause,
    Drain,
    /// What it sends is lost, what is sent to it, or both.
    Cut {
        out: bool,
        back: bool,
    },
    /// The bus is gone instead.
    Bus,
}

const PARTITION: Way = Way::Cut {
    out: true,
    back: true,
};
const MUTE: Way = Way::Cut {
    out: true,
    back: false,
};
const DEAF: Way = Way::Cut {
    out: false,
    back: true,
};

/// The ways that come in turn, and what they are called together.
fn ways(arguments: &BenchArguments) -> (&'static [Way], &'static str) {
    match arguments.fault {
        _ if arguments.planned => (&[Way::Drain], "drain"),
        Fault::Kill => (&[Way::Kill], "kill -9"),
        Fault::Pause => (&[Way::Pause], "pause"),
        Fault::Both => (&[Way::Kill, Way::Pause], "kill -9 or pause"),
        Fault::Partition => (&[PARTITION], "partition"),
        Fault::Mute => (&[MUTE], "partition, only what it sends"),
        Fault::Deaf => (&[DEAF], "partition, only what is sent to it"),
        Fault::Bus => (&[Way::Bus], "bus away for 1 s"),
        Fault::All => (
            &[Way::Kill, Way::Pause, PARTITION, MUTE, DEAF, Way::Bus],
            "faults of all kinds",
        ),
    }
}

/// What the ways are called together.
pub(super) fn manner(arguments: &BenchArguments) -> &'static str {
    ways(arguments).1
}

/// Whether a network is cut.
pub(in crate::bench) fn cuts(arguments: &BenchArguments) -> bool {
    let (ways, _) = ways(arguments);
    ways.iter().any(|way| matches!(way, Way::Cut { .. }))
}

/// Whether there has to be more than one node.
pub(super) fn needs_others(arguments: &BenchArguments) -> bool {
    cuts(arguments) || ways(arguments).0.contains(&Way::Bus)
}

impl Way {
    /// How the node of that turn goes.
    pub(super) fn of(arguments: &BenchArguments, turn: u32) -> Way {
        let (ways, _) = ways(arguments);
        ways[turn as usize % ways.len()]
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Way::Kill => "kill",
            Way::Pause => "pause",
            Way::Drain => "drain",
            PARTITION => "partition",
            MUTE => "mute",
            Way::Cut { .. } => "deaf",
            Way::Bus => "bus",
        }
    }

    /// The name of what is lost.
    pub(super) fn of_whom(self, place: usize) -> String {
        match self {
            Way::Bus => "nats".to_owned(),
            _ => Servers::name(place),
        }
    }

    /// How long it is away, where that is not for the user to say.
    pub(super) fn lasts(self) -> Option<Duration> {
        (self == Way::Bus).then_some(BUS_AWAY)
    }

    /// The node at a place goes.
    pub(super) async fn lose(self, servers: &mut Servers, place: usize) -> anyhow::Result<()> {
        match self {
            Way::Kill => servers.kill(place),
            Way::Pause => servers.signal(place, libc::SIGSTOP),
            Way::Drain => drain(servers, place, true).await,
            Way::Cut { out, back } => servers.cut_off(place, (out, back), true),
            Way::Bus => servers.bus()?.kill(),
        }
    }

    /// The node at a place comes back.
    pub(super) async fn bring_back(
        self,
        servers: &mut Servers,
        place: usize,
    ) -> anyhow::Result<()> {
        match self {
            Way::Kill => servers.restart(place).await.map(drop),
            Way::Pause => servers.signal(place, libc::SIGCONT),
            Way::Drain => drain(servers, place, false).await,
            Way::Cut { out, back } => servers.cut_off(place, (out, back), false),
            Way::Bus => servers.bus()?.restart(),
        }
    }
}

/// Drains a node until it leads nothing, or lets it take leads again.
async fn drain(servers: &Servers, place: usize, away: bool) -> anyhow::Result<()> {
    let verb = if away { "drain" } else { "undrain" };
    let path = format!("/v1/cluster/nodes/{}/{verb}", Servers::name(place));
    let reply = servers
        .client(place + 1)
        .patient()
        .post(&path, None, &json!({}))
        .await?;
    ensure!(
        reply.status.is_success(),
        "{path}: {}: {}",
        reply.status,
        String::from_utf8_lossy(&reply.body)
    );
    let led = until_leads(servers, place, LEADS_WITHIN, |leads| (leads == 0) == away).await?;
    ensure!((led == 0) == away, "{path}: it still leads {led} shards");
    Ok(())
}

/// Waits until a node leads as many shards as wanted; gives up after a while. Returns how many it leads.
pub(super) async fn until_leads(
    servers: &Servers,
    place: usize,
    patience: Duration,
    wanted: impl Fn(u32) -> bool,
) -> anyhow::Result<u32> {
    let (name, deadline) = (Servers::name(place), Instant::now() + patience);
    loop {
        let view = servers.view().await?;
        let node = view.nodes.iter().find(|node| node.name == name);
        let leads = node.map_or(0, |node| node.leads);
        if wanted(leads) || Instant::now() > deadline {
            return Ok(leads);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
