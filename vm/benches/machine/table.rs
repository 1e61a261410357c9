//! Tables for people to read: columns as wide as what stands in them, numbers on the right.

/// A table while it is filled.
pub(crate) struct Table {
    title: &'static str,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: &'static str, columns: &[&str]) -> Table {
        Table {
            title,
            rows: vec![columns.iter().map(ToString::to_string).collect()],
        }
    }

    pub(crate) fn row(&mut self, cells: &[String]) {
        self.rows.push(cells.to_vec());
    }

    /// Writes it as Markdown to standard output.
    pub(crate) fn print(&self) {
        let columns = 0..self.rows[0].len();
        let widths: Vec<usize> = columns
            .map(|at| {
                let cells = self.rows.iter().map(|row| row[at].chars().count());
                cells.max().unwrap_or(0)
            })
            .collect();
        println!("\n{}\n", self.title);
        for (at, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).enumerate();
            let cells: Vec<String> = cells
                .map(|(column, (cell, width))| match column {
                    0 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                })
                .collect();
            println!("| {} |", cells.join(" | "));
            if at == 0 {
                let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
                println!("| {} |", rules.join(" | "));
            }
        }
    }
}

/// A number with thousands set apart.
pub(crate) fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
