//! Tables of text: columns as wide as their widest cell.

/// Between columns.
const GAP: &str = "  ";

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Cells(Vec<String>),
    /// A line of its own, below the row that it is about.
    Note(String),
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        let headings = headings.map(str::to_owned).into();
        Self {
            rows: vec![Row::Cells(headings)],
        }
    }

    /// Adds a row. What is not known is shown as `-`.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        let shown = |cell: String| if cell.is_empty() { "-".to_owned() } else { cell };
        self.rows.push(Row::Cells(cells.map(shown).into()));
    }

    /// Adds a line about the last row.
    pub(crate) fn note(&mut self, note: &str) {
        self.rows.push(Row::Note(format!("    {note}")));
    }

    /// The text, each line with its end.
    pub(crate) fn render(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for row in &self.rows {
            match row {
                Row::Note(note) => text.push_str(note),
                Row::Cells(cells) => {
                    let padded: Vec<String> = cells
                        .iter()
                        .zip(&widths)
                        .map(|(cell, width)| format!("{cell:width$}"))
                        .collect();
                    text.push_str(padded.join(GAP).trim_end());
                }
            }
            text.push('\n');
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for row in &self.rows {
            let Row::Cells(cells) = row else { continue };
            widths.resize(widths.len().max(cells.len()), 0);
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["NODE", "SINCE", "WAITS FOR"]);
        table.row(["a".into(), "2m10s".into(), "pods".into()]);
        table.note("a line of its own, however long it is");
        table.row(["größer".into(), String::new(), String::new()]);
        assert_eq!(
            table.render(),
            "NODE    SINCE  WAITS FOR\n\
             a       2m10s  pods\n    \
                 a line of its own, however long it is\n\
             größer  -      -\n"
        );
    }
}
