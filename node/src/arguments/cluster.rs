//! Arguments of `troupe cluster …`: one kind for each command of `commands/cluster`.

use clap::{Args, Subcommand};

use super::ClientArguments;

/// `troupe cluster …`
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Nodes and shards: who leads what, who holds what, what moves and why
    Status {
        #[command(flatten)]
        #[allow(missing_docs)]
        client: ClientArguments,
    },
    /// Hand the lead of a shard to a node that holds it
    Transfer(TransferArguments),
    /// Spread leads and replicas evenly, by number and by load
    Rebalance(RebalanceArguments),
    /// Let a node hand its leads and replicas over, and wait until it has
    Drain(DrainArguments),
    /// Let a node that drains take work again
    Undrain(NodeNameArguments),
    /// Forget a node that is gone for good
    Remove(NodeNameArguments),
    /// Show which version of what scripts mean is in force, or raise it once all nodes support it
    Semantics(SemanticsArguments),
    /// Go on from one node where most replicas are gone for good, or all differ
    Recover(RecoverArguments),
}

/// Commands that concern one node.
#[derive(Debug, Args)]
pub struct NodeNameArguments {
    /// Its name or id, as `cluster status` shows them
    pub node: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// `troupe cluster semantics`
#[derive(Debug, Args)]
pub struct SemanticsArguments {
    /// Put this version in force; it does not go back
    #[arg(long, value_name = "VERSION")]
    pub raise: Option<u32>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// `troupe cluster drain`
#[derive(Debug, Args)]
pub struct DrainArguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub node: NodeNameArguments,
    /// Only ask for it
    #[arg(long)]
    pub no_wait: bool,
}

/// `troupe cluster recover`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["shard", "all", "system"]))]
#[command(after_help = "\
A last resort: what only the lost nodes had is lost. A shard goes on in a new life from the replica of one
node; all that this node's log has is kept. Without --yes it only shows what would be lost. Lost nodes that
come back later are no danger: what they hold of the old life is set aside.

After the loss of two nodes of three, with node-1 left:

  troupe cluster recover --system --from node-1 --yes --url http://node-1:7070
  troupe cluster recover --all --from node-1
  troupe cluster recover --all --from node-1 --yes
  troupe cluster remove node-2

A node that was started again meanwhile waits for the others: start it once with
`troupe node --recover-system` in place of the first command.")]
pub struct RecoverArguments {
    /// One shard, as `cluster status` shows it
    #[arg(long, value_name = "N")]
    pub shard: Option<u32>,
    /// Every shard that the node holds and that has no quorum
    #[arg(long)]
    pub all: bool,
    /// The system group: members, programs, places of shards
    #[arg(long)]
    pub system: bool,
    /// The node to go on from: name or id
    #[arg(long, value_name = "NODE")]
    pub from: String,
    /// Do it
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// `troupe cluster transfer`
#[derive(Debug, Args)]
#[command(after_help = "\
The other node goes on where this one stopped; requests wait for some milliseconds meanwhile. The lead
stays there, also where that makes leads uneven, until the next transfer or `troupe cluster rebalance`,
and comes back to that node after an outage.

  troupe cluster status
  troupe cluster transfer --shard 3 --to node-2")]
pub struct TransferArguments {
    /// The shard, as `cluster status` shows it
    #[arg(long, value_name = "N")]
    pub shard: u32,
    /// The node that is to lead it: name or id
    #[arg(long, value_name = "NODE")]
    pub to: String,
    /// Only ask for it
    #[arg(long)]
    pub no_wait: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}

/// `troupe cluster rebalance`
#[derive(Debug, Args)]
#[command(after_help = "\
The cluster keeps numbers even by itself. A rebalance looks at what each shard does, too: it exchanges
leads and replicas between nodes until none has much more to do than another, and forgets what
`transfer` asked for. It moves two shards at a time at most, and goes on by itself when it is interrupted:
`troupe cluster status` shows what is left.

  troupe cluster rebalance --dry-run
  troupe cluster rebalance")]
pub struct RebalanceArguments {
    /// Only show what would move
    #[arg(long)]
    pub dry_run: bool,
    /// Only ask for it
    #[arg(long)]
    pub no_wait: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub client: ClientArguments,
}
