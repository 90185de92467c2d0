//! Tables in a terminal: columns as wide as what stands in them, numbers to the right, and no more columns than a line has room for.

use console::measure_text_width;
use console::{Alignment, pad_str};

/// Spaces between columns.
const GAP: &str = "  ";

/// A table whose first row are names.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these names of columns.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { rows: vec![names.into_iter().map(str::to_owned).collect()] }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// The lines, of at most `width` columns of a terminal, and the names of the columns that had no room.
    pub fn lines(&self, width: usize) -> (Vec<String>, Vec<&str>) {
        let names = &self.rows[0];
        let widest =
            |column: usize| self.rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or(0);
        let widths: Vec<usize> = (0..names.len()).map(widest).collect();
        let mut used = 0;
        let shown = widths.iter().take_while(|&&columns| {
            used += columns + GAP.len();
            used <= width + GAP.len()
        });
        let shown = shown.count().max(1);
        let is_number = |text: &str| text == "–" || text.parse::<f64>().is_ok();
        let aligned = |column: usize| {
            let all = self.rows[1..].iter().all(|row| is_number(&row[column]));
            if all { Alignment::Right } else { Alignment::Left }
        };
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate().take(shown);
            let cells = cells.map(|(column, (text, &width))| pad_str(text, width, aligned(column), None));
            cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
        };
        (self.rows.iter().map(line).collect(), names[shown..].iter().map(String::as_str).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_those_without_room_are_named() {
        let mut table = Table::new(["run", "beta", "normalize", "ρ̂"]);
        table.push(["a".into(), "3".into(), "unit".into(), "0.5".into()].into());
        table.push(["long".into(), "–".into(), "none".into(), "10".into()].into());
        let (lines, left) = table.lines(80);
        assert_eq!(
            lines,
            ["run   beta  normalize    ρ̂", "a        3  unit       0.5", "long     –  none        10"]
        );
        assert!(left.is_empty());
        let (lines, left) = table.lines(12);
        assert_eq!((lines[1].as_str(), left), ("a        3", vec!["normalize", "ρ̂"]));
        assert_eq!(table.lines(1).0[2], "long");
    }
}
