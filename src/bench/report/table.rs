//! A table as aligned text or as Markdown, and how its numbers are written.

use std::slice;

use crate::bench::row::Row;

/// Rows of cells under a header.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// A line above it.
    pub title: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// So many columns from the left hold words and begin on the left; the others hold numbers.
    pub words: usize,
    /// The cells, as many a row as the header has.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty one.
    pub fn new(title: impl Into<String>, words: usize, header: &[&str]) -> Self {
        let header = header.iter().map(|&name| name.to_owned()).collect();
        Self { title: title.into(), header, words, ..Self::default() }
    }

    /// As text for a terminal.
    pub fn text(&self) -> String {
        let mut lines = vec![self.title.clone()];
        lines.extend(self.aligned(&[slice::from_ref(&self.header), &self.rows[..]].concat()));
        lines.join("\n")
    }

    /// The rows alone as text.
    pub fn lines(&self) -> Vec<String> {
        self.aligned(&self.rows)
    }

    fn aligned(&self, rows: &[Vec<String>]) -> Vec<String> {
        let widths: Vec<usize> = (0..self.header.len()).map(|column| self.width(column)).collect();
        let line = |cells: &Vec<String>| {
            let padded = cells.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
                if column < self.words { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            format!("  {}", padded.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
        };
        rows.iter().map(line).collect()
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
        let rule = (0..self.header.len()).map(|column| if column < self.words { "---" } else { "---:" });
        let mut lines = vec![format!("**{}**", self.title), String::new(), line(&self.header)];
        lines.push(format!("|{}|", rule.collect::<Vec<_>>().join("|")));
        lines.extend(self.rows.iter().map(|row| line(row)));
        lines.join("\n")
    }

    fn width(&self, column: usize) -> usize {
        let cells = std::iter::once(&self.header).chain(&self.rows).map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    }
}

/// Three digits that mean something.
pub fn figure(x: f64) -> String {
    match x.abs() {
        size if size >= 99.95 || size == 0.0 => format!("{x:.0}"),
        size if size >= 9.995 => format!("{x:.1}"),
        size if size >= 0.9995 => format!("{x:.2}"),
        size if size >= 0.001 => format!("{x:.3}"),
        _ => format!("{x:.1e}"),
    }
}

/// A count with k, M or G.
pub fn count(x: f64) -> String {
    match x {
        x if x >= 999.5e6 => format!("{} G", figure(x / 1e9)),
        x if x >= 999.5e3 => format!("{} M", figure(x / 1e6)),
        x if x >= 999.5 => format!("{} k", figure(x / 1e3)),
        x => figure(x),
    }
}

/// A share in per cent.
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent >= 9.95 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

/// The median of a row's times in milliseconds, with half the width of its interval.
pub fn within(row: &Row) -> String {
    match (row.median_ms, row.times()) {
        (Some(ms), Some(times)) => with_uncertainty(ms, times.uncertainty() * 1e3),
        (ms, _) => cell(ms, figure),
    }
}

/// A number with half the width of its interval, which has no more digits than it.
pub fn with_uncertainty(value: f64, uncertainty: f64) -> String {
    let value = figure(value);
    let digits = value.split_once('.').map_or(0, |(_, digits)| digits.len());
    format!("{value} ± {uncertainty:.digits$}")
}

/// A number that there may not be.
pub fn cell(x: Option<f64>, write: fn(f64) -> String) -> String {
    x.map_or_else(|| "–".to_owned(), write)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let rows = vec![vec!["a".to_owned(), "1".to_owned()], vec!["bcd".to_owned(), "234".to_owned()]];
        Table { rows, ..Table::new("t", 1, &["x", "y"]) }
    }

    #[test]
    fn words_begin_on_the_left_and_numbers_end_on_the_right() {
        assert_eq!(table().text(), "t\n  x      y\n  a      1\n  bcd  234");
        assert_eq!(table().markdown(), "**t**\n\n| x | y |\n|---|---:|\n| a | 1 |\n| bcd | 234 |");
        assert_eq!(table().lines(), ["  a      1", "  bcd  234"]);
    }

    #[test]
    fn numbers_have_three_digits() {
        let written: Vec<String> = [1234.6, 99.96, 12.34, 9.999, 0.1234, 0.00001, 0.0].map(figure).to_vec();
        assert_eq!(written, ["1235", "100", "12.3", "10.0", "0.123", "1.0e-5", "0"]);
        assert_eq!([2.5e9, 1.5e6, 1234.0, 12.0].map(count), ["2.50 G", "1.50 M", "1.23 k", "12.0"]);
        assert_eq!([0.5, 0.0123, 1.2].map(percent), ["50 %", "1.2 %", "120 %"]);
        assert_eq!(cell(None, figure), "–");
    }
}
