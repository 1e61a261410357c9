//! The command line: every command, its flags and what `--help` says of them. Parsed in `main`, carried
//! out in `commands`, one file for each.

mod backup;
mod bench;
mod cluster;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

pub use backup::{BackupArguments, RestoreArguments};
pub use bench::{BenchArguments, Fault, Form, Work};

use crate::http::views::STATUSES;
pub use cluster::{
    ClusterCommand, DrainArguments, NodeNameArguments, RebalanceArguments, RecoverArguments,
    SemanticsArguments, TransferArguments,
};

/// A distributed runtime for scripted workers.
#[derive(Debug, Parser)]
#[command(name = "troupe", version, about, long_about = None, max_term_width = 100)]
#[command(after_help = "Try `troupe demo` first, then `troupe dev examples/*/*.js`.")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one node for development: no bus, data under .troupe/, redeploys files that change
    Dev(DevArguments),
    /// Show a three-node cluster at work: traffic, a node lost, nothing lost, everything checked
    Demo(DemoArguments),
    /// Make a folder with a worker, its test and types for editors
    New(NewArguments),
    /// Run a node of a cluster
    Node(NodeArguments),
    /// Compile scripts; print errors and lints
    Check(CheckArguments),
    /// Run one instance here, on a virtual clock
    Run(RunArguments),
    /// Run tests of workers: *.test.js and *.test.ts
    Test(TestArguments),
    /// Install scripts in the cluster
    Deploy(DeployArguments),
    /// Take a name away: what runs goes on, messages to the name wait
    Undeploy(UndeployArguments),
    /// Start a run
    Start(StartArguments),
    /// Send a message
    Send(SendArguments),
    /// Send a message, wait for the end of the run that takes it, print its result
    Call(CallArguments),
    /// End an instance
    Kill(InstanceArguments),
    /// Let an instance take nothing until `resume`: what comes waits
    Pause(InstanceArguments),
    /// Let an instance go on after `pause`
    Resume(InstanceArguments),
    /// List instances, or with --deployed the workers that serve names
    List(ListArguments),
    /// Show one instance: status and state
    Get(GetArguments),
    /// Print what a run completed with
    Result(ResultArguments),
    /// Print what an instance wrote with console.log, and its errors
    Logs(LogsArguments),
    /// Show what an instance received and did, step by step
    History(PageArguments),
    /// Show what a root instance put out
    Outbox(OutboxArguments),
    /// Follow what a reactive function comes to
    Watch(WatchArguments),
    /// Show the causal tree of a message: who sent what to whom, when, on which node
    Trace(TraceArguments),
    /// Look at messages that could not be handed over, send them again or discard them
    #[command(subcommand, name = "dead-letters")]
    DeadLetters(DeadLettersCommand),
    /// Look at the cluster, move what nodes lead and hold, drain and remove nodes
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Back up the whole cluster at one consistent moment, while it works
    Backup(BackupArguments),
    /// Make a new cluster of one node from a backup
    Restore(RestoreArguments),
    /// Check what a node needs here: disk, clock, bus, address, and the cluster where it runs
    Doctor(DoctorArguments),
    /// Measure: adds, hops, workflows, timers, failover, overload; waits, flushes and CPU of each
    Bench(BenchArguments),
    /// Print the types of the language, for editors: troupe types > troupe.d.ts
    Types {
        /// Those of tests instead, which stand beside them: troupe-testing.d.ts
        #[arg(long)]
        testing: bool,
    },
    /// Print a script that completes commands in a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// How to reach a cluster and how to print what it says.
#[derive(Debug, Args)]
pub struct ClientArguments {
    /// Any node of the cluster
    #[arg(
        long,
        env = "TROUPE_URL",
        default_value = "http://127.0.0.1:7070",
        value_name = "URL",
        value_parser = url,
        global = true
    )]
    pub url: String,
    /// How to print results
    #[arg(long, short, value_enum, default_value_t = Output::Table, global = true)]
    pub output: Output,
    /// The namespace
    #[arg(
        long,
        env = "TROUPE_NAMESPACE",
        default_value = "default",
        global = true
    )]
    pub namespace: String,
}

/// The address of a node; `HOST:PORT` is meant as it is.
fn url(text: &str) -> Result<String, String> {
    match text.split_once("://") {
        Some(("http", _)) => Ok(text.to_owned()),
        Some((other, _)) => Err(format!(
            "nodes speak http, not {other}: write http://127.0.0.1:7070"
        )),
        None => Ok(format!("http://{text}")),
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Table,
    /// For programs
    Json,
}

/// `troupe dev`
#[derive(Debug, Args)]
pub struct DevArguments {
    /// Scripts to deploy, now and whenever they change
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Where to serve HTTP
    #[arg(
        long,
        env = "TROUPE_HTTP",
        default_value = "127.0.0.1:7070",
        value_name = "ADDR"
    )]
    pub http: String,
    /// Where to keep data
    #[arg(long, env = "TROUPE_DATA", default_value = ".troupe", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data: PathBuf,
    /// Hosts that workers may send HTTP requests to, such as api.example.com or *.example.com:8443
    #[arg(
        long,
        env = "TROUPE_HTTP_ALLOW",
        value_name = "HOST,…",
        value_delimiter = ',',
        default_value = "*"
    )]
    pub http_allow: Vec<String>,
    /// Send traces to this OTLP endpoint (gRPC), such as http://127.0.0.1:4317
    #[arg(long, env = "TROUPE_OTLP", value_name = "URL")]
    pub otlp: Option<String>,
}

/// `troupe demo`
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Send only the first N transactions of the data file
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Send traces to this OTLP endpoint (gRPC)
    #[arg(long, env = "TROUPE_OTLP", value_name = "URL")]
    pub otlp: Option<String>,
    /// Keep the cluster's data in this folder instead of a temporary one
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data: Option<PathBuf>,
}

/// `troupe node`: each setting is a flag, an environment variable and a key of the file. A flag wins
/// over the environment, the environment over the file.
#[derive(Debug, Default, Args)]
pub struct NodeArguments {
    /// Read settings from this TOML file
    #[arg(long, value_name = "FILE", env = "TROUPE_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The cluster's name; nodes with the same name on the same bus find each other
    #[arg(long, env = "TROUPE_CLUSTER", value_name = "NAME")]
    pub cluster: Option<String>,
    /// This node's name, for people [default: the host's name]
    #[arg(long, env = "TROUPE_NAME", value_name = "NAME")]
    pub name: Option<String>,
    /// The bus: nats://HOST:PORT, or `embedded` for a single node
    #[arg(long, env = "TROUPE_BUS", value_name = "URL")]
    pub bus: Option<String>,
    /// Take direct connections of other nodes here: faster than the bus, and there while it is down
    #[arg(long, env = "TROUPE_DIRECT", value_name = "ADDR")]
    pub direct: Option<String>,
    /// What other nodes connect to, HOST or HOST:PORT [default: the address of --direct, or --name where that
    /// is every address]
    #[arg(long, env = "TROUPE_DIRECT_ADVERTISE", value_name = "ADDR")]
    pub direct_advertise: Option<String>,
    /// This node's certificate for direct connections, in PEM; needs the key and the authority
    #[arg(long, env = "TROUPE_DIRECT_CERTIFICATE", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub direct_certificate: Option<PathBuf>,
    /// The key of that certificate, in PEM
    #[arg(long, env = "TROUPE_DIRECT_KEY", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub direct_key: Option<PathBuf>,
    /// The authority that signed the certificates of all nodes, in PEM
    #[arg(long, env = "TROUPE_DIRECT_AUTHORITY", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub direct_authority: Option<PathBuf>,
    /// Where to keep data
    #[arg(long, env = "TROUPE_DATA", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data: Option<PathBuf>,
    /// Where to serve HTTP
    #[arg(long, env = "TROUPE_HTTP", value_name = "ADDR")]
    pub http: Option<String>,
    /// How many nodes a new cluster waits for before it begins
    #[arg(long, env = "TROUPE_EXPECT", value_name = "N")]
    pub expect: Option<u32>,
    /// How many shards a new cluster gets [default: 16]; two or three for each node that it may ever have, and it cannot
    /// be changed later
    #[arg(long, env = "TROUPE_SHARDS", value_name = "N")]
    pub shards: Option<u32>,
    /// Send traces to this OTLP endpoint (gRPC)
    #[arg(long, env = "TROUPE_OTLP", value_name = "URL")]
    pub otlp: Option<String>,
    /// Hosts that workers may send HTTP requests to, such as api.example.com, *.example.com:8443 or *
    #[arg(
        long,
        env = "TROUPE_HTTP_ALLOW",
        value_name = "HOST,…",
        value_delimiter = ','
    )]
    pub http_allow: Option<Vec<String>>,
    /// How to write the log
    #[arg(long, env = "TROUPE_LOG_FORMAT", value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Go on alone as the system group, after the loss of most of its voters: for one start only, see
    /// `troupe cluster recover --help`
    #[arg(long)]
    pub recover_system: bool,
    /// Print the effective settings as TOML and stop
    #[arg(long)]
    pub print_config: bool,
}

/// How the node writes its log to standard error.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// `troupe check`
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Scripts
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Print something of the compiled program
    #[arg(long, value_enum, value_name = "WHAT")]
    pub emit: Option<Emit>,
    /// Change the files as diagnostics and lints say
    #[arg(long)]
    pub fix: bool,
    /// With --fix: show what would change, and change nothing
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
    /// How to print what was found: json is for editors and other programs
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// What `check --emit` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// The instructions
    Ops,
}

/// `troupe new`
#[derive(Debug, Args)]
pub struct NewArguments {
    /// The folder; it must not exist, or be empty
    #[arg(value_name = "NAME", value_hint = ValueHint::DirPath)]
    pub name: PathBuf,
}

/// `troupe run`
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The script
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The worker, where the script has several
    #[arg(long, value_name = "NAME")]
    pub worker: Option<String>,
    /// The instance's key
    #[arg(long, value_name = "K")]
    pub key: Option<String>,
    /// The run's config
    #[arg(long, value_name = "JSON")]
    pub config: Option<String>,
    /// Messages, one JSON value a line; `-` is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub messages: Option<PathBuf>,
    /// Stop at this virtual time [default: an hour after the last message]
    #[arg(long, value_name = "MS")]
    pub until: Option<u64>,
    /// The virtual time of the start
    #[arg(long, value_name = "TIME", default_value = "2000-01-01T00:00:00.000Z")]
    pub now: String,
    /// Where chance comes from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

/// `troupe test`
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 0 where all tests passed, 1 where one failed, 2 where a file does not compile or \
    there is no test. How tests are written: docs/testing.md."
)]
pub struct TestArguments {
    /// Test files, and folders to look for them in [default: the current folder]
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub files: Vec<PathBuf>,
    /// Only tests with this in their name
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Run again what a change concerns, until interrupted
    #[arg(long)]
    pub watch: bool,
    /// Stop at the first failure
    #[arg(long)]
    pub bail: bool,
    /// How long a test may take
    #[arg(long, value_name = "MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(50..))]
    pub timeout: u64,
    /// Write the results to this file, as JUnit's XML
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub junit: Option<PathBuf>,
    /// How to print results
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// `troupe deploy`
#[derive(Debug, Args)]
pub struct DeployArguments {
    /// Scripts
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// `troupe undeploy`
#[derive(Debug, Args)]
pub struct UndeployArguments {
    /// The worker's name
    pub name: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// What a request may ask to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Wait {
    /// It is on the disks of a quorum
    #[default]
    Commit,
    /// The instance has dealt with it
    Turn,
    /// The run has ended
    Outcome,
}

impl Wait {
    /// As in `?wait=`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Wait::Commit => "commit",
            Wait::Turn => "turn",
            Wait::Outcome => "outcome",
        }
    }
}

/// What `start` and `send` share.
#[derive(Debug, Args)]
pub struct DeliveryArguments {
    /// Makes a retry safe: the same key never applies twice
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// When to return
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub wait: Wait,
}

/// `troupe start`
#[derive(Debug, Args)]
pub struct StartArguments {
    /// The worker
    pub name: String,
    /// The instance's key
    #[arg(long, value_name = "K")]
    pub key: Option<String>,
    /// The run's config
    #[arg(long, value_name = "JSON")]
    pub config: Option<String>,
    /// The run's first message
    #[arg(long, value_name = "JSON")]
    pub message: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub delivery: DeliveryArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// `troupe send`
#[derive(Debug, Args)]
pub struct SendArguments {
    /// `NAME` (routed by its key, or a run of its own) or `NAME/KEY`
    pub target: String,
    /// The message; `-` reads it from standard input
    pub message: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub delivery: DeliveryArguments,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// `troupe call`
#[derive(Debug, Args)]
pub struct CallArguments {
    /// `NAME` (routed by its key, or a run of its own) or `NAME/KEY`
    pub target: String,
    /// The message; `-` reads it from standard input
    pub message: String,
    /// Makes a retry safe: the same key never applies twice
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// `troupe doctor`
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 0 where nothing is wrong, 1 where something is. Settings are those of `troupe node`."
)]
pub struct DoctorArguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub node: NodeArguments,
    /// Check the cluster of this node, from anywhere, and nothing of this machine
    #[arg(long, value_name = "URL", value_parser = url)]
    pub url: Option<String>,
    /// How to print results
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// Commands that concern one instance.
#[derive(Debug, Args)]
pub struct InstanceArguments {
    /// `NAME/KEY`; `NAME` alone is `NAME/default`
    pub instance: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// `troupe get`
#[derive(Debug, Args)]
pub struct GetArguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub instance: InstanceArguments,
    /// Read what the answering node has, which may be a moment old
    #[arg(long)]
    pub local: bool,
}

/// `troupe list`
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Only instances of this worker
    pub name: Option<String>,
    /// Only instances with this status
    #[arg(long, value_name = "STATUS", value_parser = PossibleValuesParser::new(STATUSES))]
    pub status: Option<String>,
    /// The workers that serve names, instead of instances
    #[arg(long, conflicts_with_all = ["name", "status", "limit"])]
    pub deployed: bool,
    /// How many at most
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub limit: usize,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// `troupe result`
#[derive(Debug, Args)]
pub struct ResultArguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub instance: InstanceArguments,
    /// Wait until the run has ended
    #[arg(long)]
    pub wait: bool,
}

/// `troupe logs`
#[derive(Debug, Args)]
pub struct LogsArguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub instance: InstanceArguments,
    /// Go on printing what comes
    #[arg(long, short)]
    pub follow: bool,
}

/// `troupe history`
#[derive(Debug, Args)]
pub struct PageArguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub instance: InstanceArguments,
    /// How many at most
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub limit: usize,
}

/// `troupe outbox`
#[derive(Debug, Args)]
pub struct OutboxArguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub page: PageArguments,
    /// Go on printing what comes
    #[arg(long, short)]
    pub follow: bool,
}

/// `troupe watch`
#[derive(Debug, Args)]
pub struct WatchArguments {
    /// The reactive function
    pub name: String,
    /// Its arguments, a JSON array
    #[arg(default_value = "[]")]
    pub args: String,
    /// Print what it is now, and end
    #[arg(long)]
    pub once: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// `troupe trace`
#[derive(Debug, Args)]
pub struct TraceArguments {
    /// A message's id, as `send` prints it
    pub message: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// `troupe dead-letters …`
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// Messages that could not be handed over, with why
    List {
        /// From this number on, in each shard
        #[arg(long, default_value_t = 0, value_name = "N")]
        from: u64,
        /// How many at most
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: usize,
        #[command(flatten)]
        #[allow(missing_docs)]
        client: ClientArguments,
    },
    /// All of one: its message, and why it is there
    Show(DeadLetterArguments),
    /// Send one again
    Retry(DeadLetterArguments),
    /// Forget one
    Discard(DeadLetterArguments),
}

/// Commands that concern one dead letter.
#[derive(Debug, Args)]
pub struct DeadLetterArguments {
    /// `SHARD/NUMBER`, as `dead-letters list` shows it
    #[arg(value_name = "LETTER", value_parser = letter)]
    pub letter: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// A dead letter's name: two numbers with a slash between.
fn letter(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [shard, number] if shard.parse::<u32>().is_ok() && number.parse::<u64>().is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err("write the shard and the number, such as 3/17".to_owned()),
    }
}
