//! `troupe node`: a node of a cluster. It finds the others on the bus, serves until it gets a signal, and
//! then hands its leads over.

use std::sync::Arc;

use anyhow::Context;
use cluster_raft::network::Buses;
use transport::Bus;
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
        let node = Node::start(&config, buses(&config).await?).await?;
        tracing::info!(
            name = %config.name, cluster = %config.cluster, http = %node.http,
            bus = %config.bus, "node started"
        );
        super::signal().await?;
        tracing::info!("leaving: handing leads over");
        node.stop().await;
        tracing::info!("left");
        Ok(())
    })
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
