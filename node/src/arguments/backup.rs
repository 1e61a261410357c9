//! Arguments of `troupe backup` and `troupe restore`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ClientArguments, Output};

/// `troupe backup`
#[derive(Debug, Args)]
#[command(after_help = "\
All shards are cut at one consistent moment, so no message is lost or doubled by a restore. The cluster goes
on working meanwhile. What was acknowledged before the backup began is in it.

  troupe backup
  troupe backup --to /backups/
  troupe backup --to bank.backup --url http://node-2:7070
  troupe restore --check bank.backup")]
pub struct BackupArguments {
    /// The file to write, which must not exist, or a folder for a file named after cluster and time
    #[arg(long, value_name = "FILE|DIR", default_value = ".", value_hint = ValueHint::AnyPath)]
    pub to: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// `troupe restore`
#[derive(Debug, Args)]
#[command(after_help = "\
Makes a new cluster of one node, with an id of its own. Start it as any node, on the same folder; others
join it with empty folders, and get their replicas. Nothing that still runs of the old cluster is heard by
the new one, but on one bus only one of them can have the name: stop the old one, or give --cluster.

  troupe restore --check bank.backup
  troupe restore bank.backup --data ./node-1
  troupe node --data ./node-1 --cluster bank --bus nats://127.0.0.1:4222")]
pub struct RestoreArguments {
    /// The backup
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Only check that the backup is whole, and say what it holds
    #[arg(long)]
    pub check: bool,
    /// Where the node is to keep its data; must not exist, or be empty
    #[arg(long, env = "TROUPE_DATA", value_name = "DIR", default_value = "troupe-data", value_hint = ValueHint::DirPath)]
    pub data: PathBuf,
    /// The name of the new cluster [default: that of the old one]
    #[arg(long, env = "TROUPE_CLUSTER", value_name = "NAME")]
    pub cluster: Option<String>,
    /// How to print what was done
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}
