//! The flags of `troupe bench`, and the help that teaches them.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

const EXAMPLES: &str = "\
Examples:
  What one node does, and three on NATS:
    troupe bench
    troupe bench --nodes 3 --direct

  Waits at a rate that users come at, whether or not the last one was answered. They count from the moment
  at which a request was due, so that a stall is seen in every request that it held up:
    troupe bench adds --nodes 1 --clients 256 --rate 5000

  What a lost node costs, twenty times over, with a picture of it; the same for a node that hangs, for one
  that is cut off (as root on Linux: nodes and bus then run in network namespaces), for a bus that is gone,
  and for a node that is drained:
    troupe bench failover --nodes 3 --kills 20 --picture failover.svg
    troupe bench failover --nodes 3 --kills 20 --fault both
    troupe bench failover --nodes 3 --kills 6 --fault partition
    troupe bench failover --nodes 3 --kills 6 --fault bus
    troupe bench failover --nodes 3 --kills 6 --planned

  What adds wait for while backups are read, and beside values of 8 MiB:
    troupe bench backup large --nodes 3 --workers 20000

  Whether cost stays flat as work grows:
    troupe bench workers messages shards --nodes 1

  What a change did:
    troupe bench adds ring --nodes 1 --save before.json
    troupe bench adds ring --nodes 1 --compare before.json

Every run reads back what it did: counters have to hold exactly what was acknowledged, workflows have to
return their sum, tokens have to have made their hops. A run in which that does not hold fails.

CPU, flushes and bytes are per operation and of all nodes (and of NATS); the load generator shares the machine,
and what it takes is shown beside them. OTHER is how many cores something else kept busy meanwhile: above
0.3, believe CPU per operation rather than rates.";

/// `troupe bench`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct BenchArguments {
    /// What to measure, one after the other
    #[arg(value_enum, default_values_t = [Work::Adds, Work::Ring], hide_default_value = true)]
    pub work: Vec<Work>,

    /// Nodes of the cluster; more than one use a real NATS server from PATH or --nats
    #[arg(long, value_name = "N", default_values_t = [1], value_delimiter = ',', help_heading = "Cluster")]
    pub nodes: Vec<u32>,
    /// Shards of the cluster
    #[arg(long, value_name = "N", default_value_t = 16, help_heading = "Cluster")]
    pub shards: u32,
    /// Let the nodes of a cluster connect to each other directly
    #[arg(long, help_heading = "Cluster")]
    pub direct: bool,
    /// The NATS server's binary
    #[arg(long, value_name = "FILE", env = "TROUPE_TEST_NATS_SERVER", value_hint = ValueHint::FilePath, help_heading = "Cluster")]
    pub nats: Option<PathBuf>,
    /// Where nodes keep their data while they are measured: the disk that is measured [default: the
    /// system's temporary folder]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Cluster")]
    pub data: Option<PathBuf>,

    /// Concurrent clients, each with one connection and one request at a time [default: 1,64,256 for adds, 64
    /// for other work]
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        help_heading = "Load",
        hide_default_value = true
    )]
    pub clients: Vec<u32>,
    /// Requests a second, sent when they are due and not when the last one was answered; without it each client
    /// sends its next request when it has an answer
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub rate: Option<u64>,
    /// Workers that the load is spread over
    #[arg(long, value_name = "N", default_value_t = 1000, help_heading = "Load")]
    pub workers: u64,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 5, value_name = "N", help_heading = "Load")]
    pub seconds: u64,
    /// Repetitions; the median is printed
    #[arg(long, default_value_t = 3, value_name = "N", help_heading = "Load")]
    pub rounds: u32,
    /// Where `workers`, `messages` and `shards` end [default: 100000, 100000, 64]
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub up_to: Option<u64>,

    /// Nodes lost one after the other by `failover`
    #[arg(long, default_value_t = 6, value_name = "N", help_heading = "Failover")]
    pub kills: u32,
    /// What is lost, and how
    #[arg(long, value_enum, default_value_t = Fault::Kill, help_heading = "Failover")]
    pub fault: Fault,
    /// Drain nodes instead, as before an upgrade
    #[arg(long, conflicts_with = "fault", help_heading = "Failover")]
    pub planned: bool,
    /// Seconds that the cluster is watched after a loss, and again after the return
    #[arg(long, default_value_t = 3, value_name = "N", help_heading = "Failover")]
    pub watch: u64,
    /// Draw waits over time, with what happened, as SVG
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Failover")]
    pub picture: Option<PathBuf>,

    /// How to print results
    #[arg(long, short, value_enum, default_value_t = Form::Table, help_heading = "Results")]
    pub output: Form,
    /// Keep the results, as JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Results")]
    pub save: Option<PathBuf>,
    /// Print how results compare to those that --save kept: above 1 is more than there
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Results")]
    pub compare: Option<PathBuf>,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people
    Table,
    /// For programs: what --save keeps
    Json,
    /// For documents
    Markdown,
}

/// What `failover` loses, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// Its process is killed (SIGKILL), and started again
    Kill,
    /// Its process hangs (SIGSTOP), and goes on
    Pause,
    /// One and the other in turn
    Both,
    /// The network between it and all else but the clients is cut, in both directions, and mended
    Partition,
    /// The same, but only what it sends is lost
    Mute,
    /// The same, but only what is sent to it is lost
    Deaf,
    /// No node is lost but the bus: its process is killed, and started again a second later
    Bus,
    /// Each of them in turn
    All,
}

/// A kind of work to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Work {
    /// Durable adds to one of 1000 counters over HTTP
    Adds,
    /// Hops of tokens around a ring of workers; with --shards 1 inside one shard
    Ring,
    /// Messages to 1000 workers that each pass them on to one
    FanIn,
    /// Workflows of five durable steps, each a call to a worker of the same key group, until the client has
    /// the result
    Workflow,
    /// The same with each step by a worker in any shard
    WorkflowAcross,
    /// Timers that become due at a rate: how late they are
    Timers,
    /// Seven adds, two reads and a workflow in ten
    Mixed,
    /// From the start of the processes to the first durable add
    Start,
    /// A node killed and started again: until it serves
    Restart,
    /// Memory and CPU of nodes that do nothing
    Idle,
    /// Nodes lost under load: the longest wait of any request
    Failover,
    /// Twice as much as the cluster can do: what is done, what is refused
    Overload,
    /// Adds at a rate, and the same while backups are read
    Backup,
    /// Adds at a rate, and the same while values of 8 MiB are committed
    Large,
    /// Ever more workers: first messages, adds to any of them, memory, files, a restart
    Workers,
    /// Ever more adds to one worker: rate and cost
    Messages,
    /// Adds and hops over ever more shards
    Shards,
}
