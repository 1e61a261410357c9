//! How a run compares to one that was kept. Rows belong together that have the same work, nodes, clients and
//! rate; what stands alone gets no ratio.

use super::report::{Figure, Ratio, Report, Row};

/// Gives each row and figure of `report` its ratio to the one of `other` that belongs to it.
pub(super) fn compare(report: &mut Report, other: &Report) {
    for row in &mut report.rows {
        let twin = twin(row, &other.rows);
        row.ratio = twin.map(|twin| ratio(row, twin));
    }
    for figure in &mut report.figures {
        let same = |twin: &&Figure| twin.what == figure.what && twin.nodes == figure.nodes;
        let twin = other.figures.iter().find(same);
        figure.ratio = twin.and_then(|twin| quotient(figure.value, twin.value));
    }
}

fn twin<'a>(row: &Row, others: &'a [Row]) -> Option<&'a Row> {
    let same = |other: &&Row| {
        (&other.work, other.nodes, other.clients, other.rate)
            == (&row.work, row.nodes, row.clients, row.rate)
    };
    // The closest kind of cluster, where there are several.
    let alike = |other: &&Row| {
        (u32::from(other.direct == row.direct) * 2) + u32::from(other.shards == row.shards)
    };
    others.iter().filter(same).max_by_key(alike)
}

fn ratio(row: &Row, other: &Row) -> Ratio {
    let waits = row.waits_ms.zip(other.waits_ms);
    let costs = row.costs.zip(other.costs);
    Ratio {
        per_second: quotient(row.per_second, other.per_second),
        p50: waits.and_then(|(now, then)| quotient(now.p50, then.p50)),
        p99: waits.and_then(|(now, then)| quotient(now.p99, then.p99)),
        node_cpu: costs.and_then(|(now, then)| quotient(now.node_cpu_us, then.node_cpu_us)),
    }
}

/// None where there is nothing to divide by.
fn quotient(now: f64, then: f64) -> Option<f64> {
    (then > 0.0 && now.is_finite()).then(|| now / then)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::{OperationCosts, Waits};

    fn row(work: &str, per_second: f64, p99: f64) -> Row {
        Row {
            work: work.to_owned(),
            nodes: 1,
            clients: 64,
            per_second,
            waits_ms: Some(Waits {
                p99,
                ..Waits::default()
            }),
            costs: Some(OperationCosts {
                node_cpu_us: 30.0,
                ..OperationCosts::default()
            }),
            ..Row::default()
        }
    }

    #[test]
    fn a_row_is_divided_by_its_twin() {
        let of = |rows: Vec<Row>| Report {
            rows,
            ..Report::default()
        };
        let mut report = of(vec![row("add", 200.0, 3.0), row("hop", 5.0, 1.0)]);
        let other = of(vec![row("add", 100.0, 12.0)]);
        compare(&mut report, &other);
        let ratio = report.rows[0].ratio.unwrap();
        assert_eq!(ratio.per_second, Some(2.0));
        assert_eq!(ratio.p99, Some(0.25));
        assert_eq!(ratio.node_cpu, Some(1.0));
        // Nothing is divided by nothing.
        assert_eq!(ratio.p50, None);
        assert_eq!(report.rows[1].ratio, None);
    }

    #[test]
    fn another_load_is_no_twin_and_the_same_kind_of_cluster_is_the_closest() {
        let mut others = vec![row("add", 1.0, 1.0), row("add", 2.0, 1.0)];
        others[1].direct = true;
        let mut mine = row("add", 10.0, 1.0);
        mine.direct = true;
        assert_eq!(twin(&mine, &others).unwrap().per_second, 2.0);
        mine.rate = Some(5);
        assert!(twin(&mine, &others).is_none());
    }

    #[test]
    fn figures_are_divided_by_name_and_nodes() {
        let of = |value: f64| Report {
            figures: vec![Figure::of("start", 3, "ms", &[value]).unwrap()],
            ..Report::default()
        };
        let mut report = of(50.0);
        compare(&mut report, &of(100.0));
        assert_eq!(report.figures[0].ratio, Some(0.5));
    }
}
