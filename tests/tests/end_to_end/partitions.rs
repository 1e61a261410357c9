//! Three nodes and a bus, each in a machine of its own, while the network between them is cut in one direction or in
//! both, with processes killed, paused and started again meanwhile, under load from the client oracle: every
//! acknowledged add is there once, the cluster works while one node is cut off, and the replicas are equal in the
//! end. `TROUPE_CHAOS_SECONDS=N` goes on for so long with faults that the seed draws.

use std::time::{Duration, Instant};

use tests::cluster::{Cluster, Options};
use tests::oracle::{FILE, Load, Oracle, WORKER};
use tests::random::{Random, seed};

use crate::turn;

/// Adds that show that the cluster works.
const PROGRESS: u64 = 50;
/// How long they may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a client waits for a node before it tries another: one that is cut off answers late or never.
const ATTEMPT: Duration = Duration::from_millis(400);
/// The machine of the bus; the nodes' follow.
const BUS: u8 = 0;

/// What is cut between two machines, as the first of them sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Both,
    Out,
    Back,
}

const CUTS: [Cut; 3] = [Cut::Both, Cut::Out, Cut::Back];

/// What happens while something is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    BusRestarts,
    TheCutOffIsKilled,
    AnotherIsPaused,
}

const MEANWHILE: [Meanwhile; 4] = [
    Meanwhile::Nothing,
    Meanwhile::BusRestarts,
    Meanwhile::TheCutOffIsKilled,
    Meanwhile::AnotherIsPaused,
];

struct Chaos {
    cluster: Cluster,
    oracle: Oracle,
}

#[test]
fn leaders_that_are_cut_off_lose_nothing_that_was_acknowledged() {
    let _turn = turn();
    let Some(mut chaos) = Chaos::start(false) else {
        return;
    };
    for (cut, meanwhile) in [
        (Cut::Both, Meanwhile::Nothing),
        (Cut::Out, Meanwhile::BusRestarts),
        (Cut::Back, Meanwhile::TheCutOffIsKilled),
        (Cut::Both, Meanwhile::AnotherIsPaused),
    ] {
        let leader = chaos.cluster.leader_of("Tally", "c0");
        chaos.cut_off(leader, cut, meanwhile);
    }
    chaos.go_on();
    chaos.finish();
}

#[test]
fn direct_connections_that_are_cut_lose_nothing_that_was_acknowledged() {
    let _turn = turn();
    let Some(mut chaos) = Chaos::start(true) else {
        return;
    };
    for cut in [Cut::Both, Cut::Back] {
        // The bus still reaches both of them, so that their messages go the longer way.
        let leader = chaos.cluster.leader_of("Tally", "c0");
        chaos.cut_between(leader, (leader + 1) % 3, cut);
    }
    let leader = chaos.cluster.leader_of("Tally", "c0");
    chaos.cut_off(leader, Cut::Out, Meanwhile::Nothing);
    chaos.finish();
}

impl Chaos {
    fn start(direct: bool) -> Option<Self> {
        let options = Options {
            apart: true,
            direct,
            // As many as there is something to see of; each has elections of its own.
            settings: "shards = 4\n".to_owned(),
            ..Options::default()
        };
        let cluster = Cluster::start(3, &options)?;
        cluster.deploy(&[(FILE, WORKER)]);
        let load = Load {
            attempt: ATTEMPT,
            ..Load::seeded()
        };
        let oracle = Oracle::start(&cluster.urls(), load);
        oracle.await_progress(2 * PROGRESS, PATIENCE);
        Some(Self { cluster, oracle })
    }

    /// A node, without the others and the bus for a while.
    fn cut_off(&mut self, node: usize, cut: Cut, meanwhile: Meanwhile) {
        let own = machine(node);
        let others: Vec<u8> = (BUS..=machine(2)).filter(|one| *one != own).collect();
        let name = self.cluster.nodes[node].name.clone();
        self.oracle
            .mark(&format!("{name} is cut off ({cut:?}); {meanwhile:?}"));
        others.iter().for_each(|other| self.cut(own, *other, cut));
        // Two of three go on.
        self.progress();
        match meanwhile {
            Meanwhile::Nothing => return self.mend_all(node, &others, cut),
            Meanwhile::BusRestarts => self.cluster.bus().restart(),
            Meanwhile::TheCutOffIsKilled => {
                self.cluster.nodes[node].kill();
                self.cluster.nodes[node].start();
            }
            Meanwhile::AnotherIsPaused => {
                let other = (node + 1) % 3;
                self.cluster.nodes[other].pause();
                // Nobody has a quorum; longer than a lease.
                std::thread::sleep(Duration::from_secs(1));
                self.cluster.nodes[other].resume();
            }
        }
        self.progress();
        self.mend_all(node, &others, cut);
    }

    fn mend_all(&mut self, node: usize, others: &[u8], cut: Cut) {
        let name = &self.cluster.nodes[node].name;
        self.oracle.mark(&format!("{name} is back"));
        let own = machine(node);
        others.iter().for_each(|other| self.mend(own, *other, cut));
        self.cluster.nodes[node].await_ready();
        self.progress();
    }

    /// Two nodes without each other.
    fn cut_between(&mut self, node: usize, other: usize, cut: Cut) {
        let names = [node, other].map(|one| self.cluster.nodes[one].name.clone());
        let [one, two] = &names;
        self.oracle.mark(&format!(
            "{one} and {two} without each other directly ({cut:?})"
        ));
        self.cut(machine(node), machine(other), cut);
        self.progress();
        self.oracle
            .mark(&format!("{one} and {two} have each other again"));
        self.mend(machine(node), machine(other), cut);
        self.progress();
    }

    fn cut(&self, own: u8, other: u8, cut: Cut) {
        let network = self.cluster.network.as_ref().unwrap();
        ways(own, other, cut).for_each(|(from, to)| network.cut(from, to).unwrap());
    }

    fn mend(&self, own: u8, other: u8, cut: Cut) {
        let network = self.cluster.network.as_ref().unwrap();
        ways(own, other, cut).for_each(|(from, to)| network.mend(from, to).unwrap());
    }

    fn progress(&self) {
        self.oracle.await_progress(PROGRESS, PATIENCE);
    }

    /// Further faults, for whoever has the time.
    fn go_on(&mut self) {
        let asked = std::env::var("TROUPE_CHAOS_SECONDS").ok();
        let seconds: u64 = asked.map_or(0, |text| text.parse().unwrap());
        let (began, mut random) = (Instant::now(), Random::new(seed()));
        while began.elapsed() < Duration::from_secs(seconds) {
            let node = random.below(3);
            let cut = CUTS[random.below(CUTS.len())];
            let meanwhile = MEANWHILE[random.below(MEANWHILE.len())];
            self.cut_off(node, cut, meanwhile);
        }
    }

    fn finish(mut self) {
        self.oracle.mark("no fault, after all of them");
        self.progress();
        let verdict = self.oracle.finish();
        let compared = self.cluster.await_equal_replicas(PATIENCE);
        println!("{compared} replicas compared, all equal");
        for node in &self.cluster.nodes {
            let output = node.output();
            assert!(!output.contains("panicked"), "{}:\n{output}", node.name);
        }
        verdict.assert_holds();
    }
}

fn machine(node: usize) -> u8 {
    BUS + 1 + node as u8
}

/// From where to where nothing arrives.
fn ways(own: u8, other: u8, cut: Cut) -> impl Iterator<Item = (u8, u8)> {
    let ways = [
        (cut != Cut::Back, (own, other)),
        (cut != Cut::Out, (other, own)),
    ];
    ways.into_iter()
        .filter_map(|(is_cut, way)| is_cut.then_some(way))
}
