//! Sparse rows as SciPy saves them (`scipy.sparse.save_npz`, compressed by rows), of as many numbers each, so that the places of
//! rows are known beforehand. Their numbers come with their columns, but lie behind them: they wait in another file.

use std::cmp::Ordering;
use std::io::{self, Read, Seek, SeekFrom, Write};

use rawzip::ZipArchiveWriter;

use super::npz::{array, labels};
use crate::data::formats::npy;
use crate::data::labels::Labels;

/// Sparse rows that are to be written.
#[derive(Clone, Copy, Debug)]
pub struct SparseHeader<'a> {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Numbers that each row keeps.
    pub kept: usize,
    /// The labels of the rows, one each.
    pub labels: Option<&'a Labels>,
}

/// A file that holds numbers for a while.
pub trait Scratch: Read + Write + Seek {}

impl<T: Read + Write + Seek> Scratch for T {}

/// Takes dense rows, whole ones.
pub type RowSink<'a> = dyn FnMut(&[f32]) -> io::Result<()> + 'a;

/// Writes the largest numbers of each of the dense rows that `fill` hands over, the first of equals first, less `rest`, which the
/// numbers that are left out count as.
///
/// # Errors
/// Those of `out`, `scratch` and `fill`.
pub fn write_sparse(
    out: &mut dyn Write,
    scratch: &mut dyn Scratch,
    (header, rest): (&SparseHeader<'_>, f32),
    fill: &mut dyn FnMut(&mut RowSink<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let SparseHeader { rows, cols, kept, .. } = *header;
    let count = rows as u64 * kept as u64;
    // The kind that SciPy chooses: the narrower one, if it holds every place and every column.
    let is_wide = count.max(cols as u64) > i32::MAX as u64;
    let (kind, vector) = (if is_wide { "<i8" } else { "<i4" }, |length: u64| format!("({length},)"));
    let put = |file: &mut dyn Write, number: u64| match is_wide {
        true => file.write_all(&number.to_le_bytes()),
        false => file.write_all(&(number as u32).to_le_bytes()),
    };
    let mut archive = ZipArchiveWriter::new(out);
    array(&mut archive, "indices", |mut file| {
        npy::write_header_of(&mut file, kind, &vector(count))?;
        let mut waiting = io::BufWriter::new(&mut *scratch);
        let mut order = Vec::new();
        fill(&mut |dense| {
            for row in dense.chunks_exact(cols.max(1)) {
                largest(row, kept, &mut order);
                for &column in &order {
                    put(file, column as u64)?;
                    waiting.write_all(&(row[column] - rest).to_le_bytes())?;
                }
            }
            Ok(())
        })?;
        waiting.flush()
    })?;
    array(&mut archive, "indptr", |mut file| {
        npy::write_header_of(&mut file, kind, &vector(rows as u64 + 1))?;
        (0..=rows as u64).try_for_each(|row| put(file, row * kept as u64))
    })?;
    array(&mut archive, "format", |mut file| {
        npy::write_header_of(&mut file, "|S3", "()")?;
        file.write_all(b"csr")
    })?;
    array(&mut archive, "shape", |mut file| {
        npy::write_header_of(&mut file, "<i8", "(2,)")?;
        [rows, cols].iter().try_for_each(|&length| file.write_all(&(length as u64).to_le_bytes()))
    })?;
    array(&mut archive, "data", |mut file| {
        npy::write_header_of(&mut file, "<f4", &vector(count))?;
        scratch.seek(SeekFrom::Start(0))?;
        io::copy(&mut io::BufReader::new(&mut *scratch), &mut file).map(|_| ())
    })?;
    if let Some(of_rows) = header.labels {
        labels(&mut archive, of_rows)?;
    }
    archive.finish().map_err(io::Error::other)?;
    Ok(())
}

/// The columns of the `kept` largest numbers of a row, in their order; of equal ones the first.
fn largest(row: &[f32], kept: usize, order: &mut Vec<usize>) {
    order.clear();
    order.extend(0..row.len());
    let falling = |&a: &usize, &b: &usize| {
        row[b].partial_cmp(&row[a]).unwrap_or(Ordering::Equal).then_with(|| a.cmp(&b))
    };
    if kept < order.len() {
        order.select_nth_unstable_by(kept, falling);
        order.truncate(kept);
        order.sort_unstable();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Cursor;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::data::formats::SparseRows;

    fn written(dense: &[f32], cols: usize, kept: usize, piece: usize) -> Vec<u8> {
        let header = SparseHeader { rows: dense.len() / cols, cols, kept, labels: None };
        let (mut out, mut scratch) = (Vec::new(), Cursor::new(Vec::new()));
        let mut fill = |sink: &mut RowSink<'_>| dense.chunks(piece * cols).try_for_each(&mut *sink);
        write_sparse(&mut out, &mut scratch, (&header, 0.0), &mut fill).unwrap();
        out
    }

    fn read(bytes: &[u8]) -> SparseRows {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("codes.npz");
        fs::write(&path, bytes).unwrap();
        SparseRows::open(&path).unwrap().unwrap()
    }

    proptest! {
        #[test]
        fn the_largest_of_each_row_come_back_and_all_else_is_zero(
            cols in 1_usize..9, rows in 1_usize..7, kept in 1_usize..9, piece in 1_usize..4,
            numbers in proptest::collection::vec(0.0_f32..1.0, 64),
        ) {
            let (kept, dense) = (kept.min(cols), &numbers[..rows * cols]);
            let found = read(&written(dense, cols, kept, piece));
            prop_assert_eq!((found.rows, found.cols, found.stored()), (rows, cols, rows * kept));
            let back = found.dense(Path::new("codes.npz"), 0..rows).unwrap();
            for (row, back) in dense.chunks(cols).zip(back.chunks(cols)) {
                let mut sorted = row.to_vec();
                sorted.sort_by(|a, b| b.total_cmp(a));
                let wanted: Vec<f32> =
                    row.iter().map(|&x| if x >= sorted[kept - 1] { x } else { 0.0 }).collect();
                prop_assert_eq!(back, &wanted[..]);
            }
            // Some of the rows are those rows of all.
            prop_assert_eq!(found.dense(Path::new("codes.npz"), rows - 1..rows).unwrap(), &back[(rows - 1) * cols..]);
        }
    }

    #[test]
    fn of_equal_numbers_the_first_are_kept_and_columns_rise() {
        let mut order = Vec::new();
        largest(&[0.5, 0.9, 0.5, 0.1, 0.5], 3, &mut order);
        assert_eq!(order, [0, 1, 2]);
        largest(&[0.5, 0.9], 7, &mut order);
        assert_eq!(order, [0, 1]);
    }

    #[test]
    fn what_is_left_out_counts_as_rest() {
        let (mut out, mut scratch) = (Vec::new(), Cursor::new(Vec::new()));
        let header = SparseHeader { rows: 1, cols: 3, kept: 1, labels: None };
        let mut fill = |sink: &mut RowSink<'_>| sink(&[-1.0, 0.25, -0.5]);
        write_sparse(&mut out, &mut scratch, (&header, -1.0), &mut fill).unwrap();
        assert_eq!(read(&out).dense(Path::new("codes.npz"), 0..1).unwrap(), [0.0, 1.25, 0.0]);
    }
}
