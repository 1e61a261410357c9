//! `troupe cluster drain` and `undrain`: a node hands its leads and replicas over, or takes work again. The
//! cluster does the moves, one bounded step at a time; the command shows them until the node holds nothing
//! more, and may be interrupted: the moves go on.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::names::find;
use crate::api::{ClusterView, NodeView};
use crate::arguments::{DrainArguments, NodeNameArguments, Output};
use crate::client::{Client, segment};
use crate::output;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(250);

/// Lets a node hand its work over, and waits for that.
///
/// # Errors
/// There is none of that name, or the cluster cannot be reached.
pub(super) fn run(arguments: &DrainArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.node.client);
    let path = format!("/cluster/nodes/{}/drain", segment(&arguments.node.node));
    let mut view: ClusterView = client.post(&path, &(), None)?;
    let name = &arguments.node.node;
    if !arguments.no_wait {
        let first = find(&view, name).map_or(0, work);
        let bar = progress(first);
        while let Some(node) = find(&view, name).filter(|node| !is_drained(&view, node)) {
            bar.set_position(first.saturating_sub(work(node)));
            bar.set_message(format!("{} leads, {} replicas", node.leads, node.replicas));
            std::thread::sleep(LOOK);
            view = client.get("/cluster")?;
        }
        bar.finish_and_clear();
    }
    if arguments.node.client.output == Output::Json {
        return output::json(&view);
    }
    output::line(&outcome(&view, name, arguments.no_wait));
    Ok(())
}

/// Lets a node take work again.
///
/// # Errors
/// As for [`run`].
pub(super) fn undo(arguments: &NodeNameArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.client);
    let path = format!("/cluster/nodes/{}/undrain", segment(&arguments.node));
    let view: ClusterView = client.post(&path, &(), None)?;
    if arguments.client.output == Output::Json {
        return output::json(&view);
    }
    output::line(&format!("{} takes work again", arguments.node));
    Ok(())
}

/// A bar for a number of things that are handed over.
pub(super) fn progress(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} handed over; left: {msg}")
        .expect("the template is valid");
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    bar.set_style(style);
    bar
}

fn work(node: &NodeView) -> u64 {
    u64::from(node.leads) + u64::from(node.replicas)
}

/// Whether nothing more can be handed over: everything was, or nobody is there to take it.
fn is_drained(view: &ClusterView, node: &NodeView) -> bool {
    (node.leads == 0 && node.replicas == 0) || others(view, node) == 0
}

/// Nodes that can take work.
fn others(view: &ClusterView, node: &NodeView) -> usize {
    let others = view.nodes.iter();
    let live = others.filter(|other| other.id != node.id && other.state == "live");
    live.count()
}

fn outcome(view: &ClusterView, name: &str, asked_only: bool) -> String {
    let Some(node) = find(view, name) else {
        return format!("{name} is no member any more");
    };
    if !is_drained(view, node) && asked_only {
        return format!(
            "{name} hands over {} leads and {} replicas; `troupe cluster status` shows how far it is",
            node.leads, node.replicas
        );
    }
    let left = others(view, node);
    if left == 0 {
        return format!("{name} keeps what it holds: no other node is live to take it");
    }
    let mut said =
        format!("{name} holds nothing: stop it, and `troupe cluster remove {name}` forgets it");
    if left < view.replicas as usize {
        let _ = write!(
            said,
            "\nshards have {left} of {} replicas until another node joins, or `troupe cluster \
             undrain {name}`",
            view.replicas
        );
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(live: usize, leads: u32, replicas: u32) -> ClusterView {
        let node = |id: u64, state: &str| NodeView {
            id,
            name: format!("node-{id}"),
            http: String::new(),
            state: state.to_owned(),
            semantics: [1, 1],
            clock_ahead_ms: None,
            wrong_clock: false,
            leads,
            replicas,
            load: 0,
        };
        let mut nodes = vec![node(1, "draining")];
        nodes.extend((0..live as u64).map(|at| node(at + 2, "live")));
        ClusterView {
            name: "c".to_owned(),
            id: String::new(),
            answered_by: 1,
            waits: None,
            semantics: 1,
            replicas: 3,
            nodes,
            shards: Vec::new(),
        }
    }

    #[test]
    fn what_was_handed_over_and_what_is_missing_then_is_told() {
        let said = |view: &ClusterView| outcome(view, "node-1", true);
        assert!(!said(&view(3, 0, 0)).contains("until another node joins"));
        assert!(said(&view(3, 0, 5)).contains("hands over"));
        assert!(said(&view(2, 1, 5)).contains("hands over"));
        assert!(said(&view(2, 0, 0)).contains("2 of 3 replicas"));
        assert!(said(&view(0, 4, 4)).contains("no other node"));
    }
}
