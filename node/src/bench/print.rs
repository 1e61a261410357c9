//! Results as tables: for people, and as Markdown for documents.

use super::report::{Figure, Report, Row};
use crate::arguments::Form;
use crate::output;

/// Prints a report in the form that was asked for.
///
/// # Errors
/// It has no JSON form.
pub(super) fn print(report: &Report, form: Form) -> anyhow::Result<()> {
    if form == Form::Json {
        return output::json(report);
    }
    if !report.rows.is_empty() {
        table(
            form,
            &heading(report),
            report.rows.iter().map(|row| cells(report, row)),
        );
    }
    if !report.rows.is_empty() && !report.figures.is_empty() {
        output::line("");
    }
    if !report.figures.is_empty() {
        let heading = ["", "nodes", "median", "unit", "lowest", "highest", "runs"];
        let mut heading = heading.to_vec();
        let compared = report.figures.iter().any(|figure| figure.ratio.is_some());
        if compared {
            heading.push("× then");
        }
        let figures = report.figures.iter();
        table(
            form,
            &heading,
            figures.map(|figure| figure_cells(figure, compared)),
        );
    }
    Ok(())
}

fn table(form: Form, heading: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    if form != Form::Markdown {
        output::table(heading, rows);
        return;
    }
    output::line(&markdown(heading));
    output::line(&markdown(&vec!["---"; heading.len()]));
    for row in rows {
        output::line(&markdown(&row));
    }
}

fn markdown<T: AsRef<str>>(cells: &[T]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| cell.as_ref().replace('|', "\\|"))
        .collect();
    format!("| {} |", cells.join(" | "))
}

/// Columns that have something to say in at least one row.
struct Shown {
    rate: bool,
    refused: bool,
    unsent: bool,
    ratio: bool,
}

fn shown(report: &Report) -> Shown {
    let any = |tells: fn(&Row) -> bool| report.rows.iter().any(tells);
    Shown {
        rate: any(|row| row.rate.is_some()),
        refused: any(|row| row.refused > 0),
        unsent: any(|row| row.unsent > 0),
        ratio: any(|row| row.ratio.is_some()),
    }
}

fn heading(report: &Report) -> Vec<&'static str> {
    let shown = shown(report);
    let mut heading = vec!["work", "nodes", "shards", "clients"];
    heading.extend(shown.rate.then_some("due a second"));
    heading.extend([
        "a second",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "max ms",
        "node CPU us",
        "load CPU us",
        "flushes",
        "bytes",
        "other",
        "failed",
    ]);
    heading.extend(shown.refused.then_some("refused"));
    heading.extend(shown.unsent.then_some("unsent"));
    if shown.ratio {
        heading.extend(["× rate", "× p50", "× p99", "× CPU"]);
    }
    heading
}

fn cells(report: &Report, row: &Row) -> Vec<String> {
    let shown = shown(report);
    let nodes = if row.direct {
        format!("{}, direct", row.nodes)
    } else {
        row.nodes.to_string()
    };
    let shards = some((row.shards > 0).then_some(row.shards), |shards| {
        shards.to_string()
    });
    let mut cells = vec![row.work.clone(), nodes, shards, row.clients.to_string()];
    if shown.rate {
        cells.push(some(row.rate, |rate| grouped(rate as f64)));
    }
    cells.push(grouped(row.per_second));
    let waits = row.waits_ms;
    let wait = |ms: Option<f64>| some(ms, |ms| format!("{ms:.2}"));
    cells.extend([
        wait(waits.map(|waits| waits.p50)),
        wait(waits.map(|waits| waits.p95)),
        wait(waits.map(|waits| waits.p99)),
        wait(waits.map(|waits| waits.max)),
        some(row.costs, |costs| grouped(costs.node_cpu_us)),
        some(row.costs, |costs| grouped(costs.load_cpu_us)),
        some(row.costs, |costs| format!("{:.3}", costs.flushes)),
        some(row.costs, |costs| grouped(costs.written_bytes)),
        some(row.other_cores, |cores| format!("{cores:.2}")),
        row.failed.to_string(),
    ]);
    if shown.refused {
        cells.push(grouped(row.refused as f64));
    }
    if shown.unsent {
        cells.push(grouped(row.unsent as f64));
    }
    if shown.ratio {
        let ratio = row.ratio.unwrap_or_default();
        let each = [ratio.per_second, ratio.p50, ratio.p99, ratio.node_cpu];
        cells.extend(each.map(|ratio| some(ratio, times)));
    }
    cells
}

fn figure_cells(figure: &Figure, compared: bool) -> Vec<String> {
    let value = |value: f64| {
        if value != 0.0 && value.abs() < 10.0 {
            format!("{value:.3}")
        } else {
            grouped(value)
        }
    };
    let mut cells = vec![
        figure.what.clone(),
        figure.nodes.to_string(),
        value(figure.value),
        figure.unit.clone(),
        value(figure.low),
        value(figure.high),
        figure.runs.to_string(),
    ];
    if compared {
        cells.push(some(figure.ratio, times));
    }
    cells
}

fn some<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

fn times(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.2}")
    } else {
        grouped(ratio)
    }
}

/// A whole number with a comma between thousands.
pub(super) fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if number <= -0.5 {
        text.insert(0, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::Ratio;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let shown = [0.0, 7.4, 999.6, 1_234.0, 1_234_567.0, -1_000.0].map(grouped);
        assert_eq!(shown, ["0", "7", "1,000", "1,234", "1,234,567", "-1,000"]);
    }

    #[test]
    fn every_row_has_a_cell_for_each_column() {
        let mut report = Report::default();
        let plain = Row {
            work: "add".to_owned(),
            ..Row::default()
        };
        report.rows.push(plain.clone());
        assert_eq!(cells(&report, &plain).len(), heading(&report).len());
        let full = Row {
            rate: Some(5),
            refused: 1,
            unsent: 1,
            ratio: Some(Ratio::default()),
            ..plain.clone()
        };
        report.rows.push(full.clone());
        for row in [plain, full] {
            assert_eq!(cells(&report, &row).len(), heading(&report).len());
        }
    }

    #[test]
    fn a_bar_in_a_cell_is_no_column() {
        assert_eq!(markdown(&["a|b", "c"]), "| a\\|b | c |");
    }
}
