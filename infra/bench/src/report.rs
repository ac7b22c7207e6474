//! What is printed: tables, and the goals at the end.

/// A table whose columns are as wide as their widest cell.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column titles.
    #[must_use]
    pub fn new(titles: &[&str]) -> Self {
        Self {
            rows: vec![titles.iter().map(ToString::to_string).collect()],
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Prints it under a heading: the first column to the left, the others, numbers, to the right.
    pub fn print(&self, heading: &str) {
        println!("\n{heading}\n{}", self.render());
    }

    /// Prints it in Markdown, as the documentation has it.
    pub fn print_markdown(&self) {
        let line = |cells: &[String]| println!("| {} |", cells.join(" | "));
        println!();
        for (number, row) in self.rows.iter().enumerate() {
            line(row);
            if number == 0 {
                line(&vec!["---".to_owned(); row.len()]);
            }
        }
    }

    fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
        };
        let widths: Vec<_> = (0..columns)
            .map(|column| width(column).unwrap_or_default())
            .collect();
        let line = |row: &Vec<String>| {
            let cells = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| match column {
                    0 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                });
            format!("  {}", cells.collect::<Vec<_>>().join("  "))
                .trim_end()
                .to_owned()
        };
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// The goals, each with what was measured.
#[derive(Debug, Default)]
pub struct Goals(Vec<(String, String, String, bool)>);

impl Goals {
    /// Notes that `name` was measured to be `value`, in `unit`, and must be at most `limit`.
    pub fn at_most(&mut self, name: &str, value: f64, limit: f64, unit: &str) {
        let text = |number: f64| format!("{number:.2} {unit}").trim_end().to_owned();
        self.0
            .push((name.to_owned(), text(value), text(limit), value <= limit));
    }

    /// Prints them.
    pub fn print(&self) {
        self.table().print("Goals");
    }

    /// Prints them in Markdown.
    pub fn print_markdown(&self) {
        self.table().print_markdown();
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&["goal", "measured", "at most", ""]);
        for (name, value, limit, met) in &self.0 {
            let verdict = if *met { "met" } else { "MISSED" };
            table.row([
                name.clone(),
                value.clone(),
                limit.clone(),
                verdict.to_owned(),
            ]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["what", "ms"]);
        table.row(["health".to_owned(), "0.25".to_owned()]);
        assert_eq!(table.render(), "  what      ms\n  health  0.25");
    }

    #[test]
    fn a_goal_without_a_number_is_missed() {
        let mut goals = Goals::default();
        goals.at_most("a", f64::NAN, 1.0, "ms");
        goals.at_most("b", 1.0, 1.0, "ms");
        assert_eq!(
            goals.0.iter().map(|goal| goal.3).collect::<Vec<_>>(),
            [false, true]
        );
    }
}
