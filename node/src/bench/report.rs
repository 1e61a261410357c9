//! What a run found: rows of work, single figures, the machine. Kept as JSON by `--save`, printed by `print`,
//! compared by `compare`.

use std::path::Path;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::machine::Machine;

/// Everything that one run found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Where it was measured, and with which version.
    pub machine: Machine,
    /// Work under load.
    pub rows: Vec<Row>,
    /// What is one number.
    pub figures: Vec<Figure>,
}

/// A kind of work under one load: the median round.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// What one operation is.
    pub work: String,
    /// Nodes of the cluster.
    pub nodes: u32,
    /// Its shards.
    #[serde(default)]
    pub shards: u32,
    /// Whether its nodes were connected directly.
    #[serde(default)]
    pub direct: bool,
    /// Concurrent clients or tokens.
    pub clients: u32,
    /// Operations that were due each second; none where clients waited for their answers.
    #[serde(default)]
    pub rate: Option<u64>,
    /// Operations done each second.
    pub per_second: f64,
    /// How long they waited; none where operations have no wait of their own.
    #[serde(default)]
    pub waits_ms: Option<Waits>,
    /// What one cost; none where nodes were lost, whose costs are gone with them.
    #[serde(default)]
    pub costs: Option<OperationCosts>,
    /// Cores that something else kept busy meanwhile; none where nodes were lost.
    #[serde(default)]
    pub other_cores: Option<f64>,
    /// Operations that were refused because too much was waiting.
    #[serde(default)]
    pub refused: u64,
    /// Operations that failed.
    #[serde(default)]
    pub failed: u64,
    /// Operations that were due and that no client was free for.
    #[serde(default)]
    pub unsent: u64,
    /// How it compares to what `--compare` named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Ratio>,
}

/// Waits, milliseconds: so many in a hundred were at most so long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waits {
    /// The median.
    pub p50: f64,
    /// 95 in 100.
    pub p95: f64,
    /// 99 in 100.
    pub p99: f64,
    /// 999 in 1000.
    #[serde(default)]
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Waits {
    /// From microseconds.
    #[must_use]
    pub fn of(waits_us: &Histogram<u64>) -> Waits {
        let at = |quantile: f64| waits_us.value_at_quantile(quantile) as f64 / 1000.0;
        Waits {
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
        }
    }
}

/// What one operation cost.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct OperationCosts {
    /// CPU time of all nodes and the bus, microseconds.
    pub node_cpu_us: f64,
    /// CPU time of the load generator, microseconds.
    pub load_cpu_us: f64,
    /// Flushes of all nodes' logs.
    pub flushes: f64,
    /// Bytes that all nodes had written to their disks, in any file.
    #[serde(default)]
    pub written_bytes: f64,
}

/// This run divided by the other: above 1 is more than there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Of the rate.
    pub per_second: Option<f64>,
    /// Of the median wait.
    pub p50: Option<f64>,
    /// Of the wait at 99 in 100.
    pub p99: Option<f64>,
    /// Of the nodes' CPU time per operation.
    pub node_cpu: Option<f64>,
}

/// One number, the median of several runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figure {
    /// What it is.
    pub what: String,
    /// Nodes of the cluster.
    pub nodes: u32,
    /// The median.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// Of how many.
    pub runs: u32,
    /// The value divided by the one that `--compare` named has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
}

impl Figure {
    /// The median of values.
    ///
    /// # Errors
    /// There are none.
    pub(super) fn of(
        what: impl Into<String>,
        nodes: u32,
        unit: &str,
        values: &[f64],
    ) -> anyhow::Result<Figure> {
        let what = what.into();
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        let middle = values.get(values.len() / 2);
        let value = *middle.with_context(|| format!("{what}: there is nothing to measure"))?;
        Ok(Figure {
            what,
            nodes,
            value,
            unit: unit.to_owned(),
            low: values[0],
            high: values[values.len() - 1],
            runs: u32::try_from(values.len()).unwrap_or(u32::MAX),
            ratio: None,
        })
    }
}

/// The round with the median rate.
///
/// # Errors
/// There is none.
pub(super) fn median(mut rounds: Vec<Row>) -> anyhow::Result<Row> {
    rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    let middle = rounds.len() / 2;
    anyhow::ensure!(
        middle < rounds.len(),
        "--rounds is 0: there is nothing to measure"
    );
    Ok(rounds.swap_remove(middle))
}

impl Report {
    /// Reads what `--save` wrote.
    ///
    /// # Errors
    /// It cannot be read, or is something else.
    pub(super) fn read(path: &Path) -> anyhow::Result<Report> {
        let shown = path.display();
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
        serde_json::from_str(&text)
            .with_context(|| format!("`{shown}` is not what `troupe bench --save` writes"))
    }

    /// Keeps it in a file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn save(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// Takes what another run found behind its own.
    pub(super) fn extend(&mut self, rows: Vec<Row>, figures: Vec<Figure>) {
        self.rows.extend(rows);
        self.figures.extend(figures);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_round_is_the_one_in_the_middle() {
        let row = |per_second: f64| Row {
            per_second,
            ..Row::default()
        };
        let rounds = vec![row(5.0), row(1.0), row(3.0)];
        assert_eq!(median(rounds).unwrap().per_second, 3.0);
        assert!(median(Vec::new()).is_err());
    }

    #[test]
    fn a_figure_has_its_range() {
        let figure = Figure::of("x", 1, "ms", &[4.0, 2.0, 9.0]).unwrap();
        assert_eq!(
            (figure.value, figure.low, figure.high, figure.runs),
            (4.0, 2.0, 9.0, 3)
        );
        assert!(Figure::of("x", 1, "ms", &[]).is_err());
    }

    #[test]
    fn what_was_saved_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let mut report = Report::default();
        report.rows.push(Row {
            work: "add".to_owned(),
            waits_ms: Some(Waits {
                p99: 2.5,
                ..Waits::default()
            }),
            costs: Some(OperationCosts::default()),
            ..Row::default()
        });
        report.save(&path).unwrap();
        let read = Report::read(&path).unwrap();
        assert_eq!(read.rows[0].waits_ms, report.rows[0].waits_ms);
        std::fs::write(&path, "[]").unwrap();
        assert!(
            Report::read(&path)
                .unwrap_err()
                .to_string()
                .contains("--save")
        );
    }
}
