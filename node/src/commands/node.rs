//! `troupe node`: a node of a cluster. It finds the others on the bus, serves until it gets a signal, and
//! then hands its leads over.

use std::sync::Arc;

use anyhow::{Context, bail};
use cluster_raft::network::Buses;
use transport::{Bus, ClusterName, Subjects};
use transport_direct::{Direct, LaneKind};
use transport_nats::{NatsBus, NatsOptions};

use crate::arguments::NodeArguments;
use crate::composition::{Node, embedded_buses};
use crate::config::{Config, EMBEDDED};
use crate::{output, telemetry};

/// Runs the node until it is told to stop.
///
/// # Errors
/// The settings, the folder, the address or the bus cannot be used, or the log is damaged.
pub(super) fn run(arguments: &NodeArguments) -> anyhow::Result<()> {
    let config = Config::of_node(arguments)?;
    if arguments.print_config {
        output::line(toml::to_string_pretty(&config)?.trim_end());
        return Ok(());
    }
    telemetry::start_logs(config.log_format, None);
    super::runtime()?.block_on(async {
        let (buses, direct) = direct(&config, buses(&config).await?).await?;
        let node = Node::start(&config, buses).await?;
        tracing::info!(
            name = %config.name, cluster = %config.cluster, http = %node.http,
            bus = %config.bus, direct = direct.as_ref().map(Direct::address), "node started"
        );
        tokio::select! {
            signal = super::signal() => signal?,
            reason = node.failed() => {
                node.crash().await;
                bail!(reason);
            }
        }
        tracing::info!("leaving: handing leads over");
        node.stop().await;
        tracing::info!("left");
        Ok(())
    })
}

/// Lets other nodes connect to this one, where the settings say so. The connections end with what is returned
/// beside the buses.
async fn direct(config: &Config, below: Buses) -> anyhow::Result<(Buses, Option<Direct>)> {
    let Some(options) = config.direct_options() else {
        return Ok((below, None));
    };
    let subjects = Subjects::new(&ClusterName::new(&config.cluster)?);
    let direct = Direct::start(&options, subjects, Arc::clone(&below.control)).await?;
    let over = |kind, below| Arc::new(direct.bus(kind, below)) as Arc<dyn Bus>;
    let buses = Buses {
        control: over(LaneKind::Control, below.control),
        log: over(LaneKind::Log, below.log),
        traffic: over(LaneKind::Traffic, below.traffic),
    };
    Ok((buses, Some(direct)))
}

/// Connections to the bus: votes and heartbeats, log data and worker traffic do not wait for each other.
async fn buses(config: &Config) -> anyhow::Result<Buses> {
    if config.bus == EMBEDDED {
        return Ok(embedded_buses());
    }
    let connect = |purpose: &str| {
        let options = NatsOptions {
            client_name: format!("troupe {} {purpose}", config.name),
            ..NatsOptions::new(&config.bus)
        };
        async move {
            let bus = NatsBus::connect(&options).await;
            let bus = bus.with_context(|| format!("cannot use the bus at `{}`", config.bus))?;
            anyhow::Ok(Arc::new(bus) as Arc<dyn Bus>)
        }
    };
    Ok(Buses {
        control: connect("control").await?,
        log: connect("log").await?,
        traffic: connect("traffic").await?,
    })
}
