//! `metrics.csv`: the lines of `metrics.jsonl` as a table, a column a name, for programs that read tables.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use serde_json::{Map, Value};

use crate::error::Result;
use crate::run::condition::flattened;
use crate::run::{METRICS, RunDir, TABLE};

/// Longest line that is read, bytes.
const LONGEST: u64 = 1 << 16;
/// Most columns: a file that came from anybody may have as many names as lines.
const COLUMNS: usize = 1_000;

impl RunDir {
    /// Writes the table of the metrics, as they are now. Whoever only wants the run is not kept from it: what goes wrong is
    /// warned of.
    pub(in crate::run) fn keep_table(&self) {
        if let Err(error) = self.write_table() {
            tracing::warn!("{error}; {METRICS} has the same numbers");
        }
    }

    fn write_table(&self) -> Result<()> {
        let folder = self.folder();
        let Some((mut file, _)) = folder.open(METRICS)? else { return Ok(()) };
        folder.write(TABLE, |to| write_to(to, &mut file))
    }
}

/// Reads the lines twice: for their names, and for their values.
fn write_to(to: &mut dyn io::Write, file: &mut File) -> io::Result<()> {
    let mut columns: Vec<String> = Vec::new();
    each_line(file, |line| {
        for name in line.keys() {
            if columns.len() < COLUMNS && !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        Ok(())
    })?;
    // Members of an object come in the order of their names, but a table of steps begins with these.
    columns.sort_by_key(|name| name != "step");
    file.seek(SeekFrom::Start(0))?;
    let mut table = csv::Writer::from_writer(to);
    table.write_record(&columns)?;
    each_line(file, |line| {
        let cell = |name: &String| line.get(name).map_or_else(String::new, text);
        Ok(table.write_record(columns.iter().map(cell))?)
    })?;
    table.flush()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Hands out the whole lines, members of objects under names with dots; what is no such line is left out.
fn each_line(file: &File, mut each: impl FnMut(&Map<String, Value>) -> io::Result<()>) -> io::Result<()> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut reader).take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let Ok(value @ Value::Object(_)) = serde_json::from_slice::<Value>(&line) else { continue };
        each(&flattened(value))?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn table(lines: &str) -> String {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        file.rewind().unwrap();
        let mut out = Vec::new();
        write_to(&mut out, &mut file).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_are_those_of_all_lines_and_what_a_line_lacks_is_empty() {
        let lines =
            "{\"step\":1,\"j\":0.1}\nhalf a li\n{\"step\":2,\"j\":null,\"held\":{\"mse\":1e-7}}\n{\"step\":";
        assert_eq!(table(lines), "step,j,held.mse\n1,0.1,\n2,,1e-7\n");
    }

    #[test]
    fn a_file_with_too_many_names_has_the_first_of_them() {
        let lines: String = (0..2 * COLUMNS).map(|i| format!("{{\"n{i}\":1}}\n")).collect();
        let table = table(&lines);
        assert_eq!(table.lines().next().unwrap().split(',').count(), COLUMNS);
        assert_eq!(table.lines().count(), 2 * COLUMNS + 1);
    }
}
