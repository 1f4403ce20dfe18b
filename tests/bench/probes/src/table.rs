//! Rows of text, as Markdown that is aligned, so that it reads as well on a terminal.

use std::fmt;

/// A table with a heading per column.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these headings.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(ToString::to_string).collect()] }
    }

    /// Adds a row with a cell per heading.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.rows[0].len(), "a cell per heading");
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows[0].len();
        let width = |column: usize| {
            self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        for (number, row) in self.rows.iter().enumerate() {
            write!(f, "|")?;
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                // The first column names, the others count.
                match column {
                    0 => write!(f, " {cell:<width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            writeln!(f)?;
            if number == 0 {
                write!(f, "|")?;
                for (column, &width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(width);
                    match column {
                        0 => write!(f, " {dashes} |")?,
                        _ => write!(f, " {}: |", &dashes[1..])?,
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["a", "µs"]);
        table.row(vec!["long".to_owned(), "1.25".to_owned()]);
        let text = "| a    |   µs |\n| ---- | ---: |\n| long | 1.25 |\n";
        assert_eq!(table.to_string(), text);
    }
}
