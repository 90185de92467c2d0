//! Written files, read back by this crate's own readers; `tests/interop/check.py` reads them with those of others.

use std::fs;
use std::path::Path;

use super::*;
use crate::data::{Opened, Reading, Source};

/// Values that text must not round, with one row more than columns.
fn values() -> Vec<f32> {
    vec![0.1, -1.0 / 3.0, 1e-30, 3e30, f32::MIN_POSITIVE, 16_777_216.0, -0.0, 1.0, 0.5, 7.0, 8.0, 9.0]
}

fn labels() -> Labels {
    Labels { names: ["1, 2", "say \"ü\"", "x"].map(String::from).into(), of: vec![2, 0, 1, 2] }
}

fn written(kind: RowsKind, labels: Option<&Labels>) -> Vec<u8> {
    let header = RowsHeader { name: "codes", column: "unit", rows: 4, cols: 3, labels, shape: None };
    let mut out = Vec::new();
    // In pieces that are no rows.
    let mut fill = |sink: &mut Sink<'_>| values().chunks(5).try_for_each(&mut *sink);
    write(kind, &mut out, &header, &mut fill).unwrap();
    out
}

fn read(
    folder: &Path,
    kind: RowsKind,
    bytes: &[u8],
    part: &str,
    label: Option<&str>,
) -> (Vec<f64>, Option<Labels>) {
    let path = folder.join(format!("a.{}", kind.ending()));
    fs::write(&path, bytes).unwrap();
    let reading = Reading { label_column: label.map(String::from), ..Reading::default() };
    let opened = Opened::new(Path::new(&format!("{}{part}", path.display())), &reading).unwrap();
    let table = match opened.source {
        Source::Rows(table) => table,
        Source::Stored(store) => store.table().unwrap(),
        Source::Images(_) => panic!("no rows"),
    };
    assert_eq!((table.rows, table.cols), (4, 3));
    (table.values, opened.description.labels.map(|labels| (*labels).clone()))
}

#[test]
fn rows_of_every_kind_are_read_back_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    for kind in RowsKind::ALL {
        let bytes = written(kind, None);
        assert!(kind.begins(&bytes[..bytes.len().min(512)]), "{kind:?}");
        let (read, _) = read(folder.path(), kind, &bytes, "", None);
        let read: Vec<u32> = read.iter().map(|&x: &f64| (x as f32).to_bits()).collect();
        assert_eq!(read, values().iter().map(|x| x.to_bits()).collect::<Vec<_>>(), "{kind:?}");
    }
}

#[test]
fn labels_lie_beside_rows_where_there_is_a_place_for_them() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [RowsKind::Csv, RowsKind::Tsv] {
        let (_, found) = read(folder.path(), kind, &written(kind, Some(&labels())), "", Some("label"));
        assert_eq!(found, Some(labels()), "{kind:?}");
    }
    for (kind, part) in
        [(RowsKind::Npz, ":codes"), (RowsKind::Mat, ":codes"), (RowsKind::Safetensors, ":codes")]
    {
        let bytes = written(kind, Some(&labels()));
        let (found, _) = read(folder.path(), kind, &bytes, part, None);
        assert_eq!(found[..2], [f64::from(0.1_f32), f64::from(-1.0_f32 / 3.0)], "{kind:?}");
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("label_names") && text.contains("labels"), "{kind:?}");
    }
}

#[test]
fn rows_that_a_file_of_matlab_cannot_hold_are_refused_before_any_is_made() {
    let header =
        |rows| RowsHeader { name: "codes", column: "unit", rows, cols: 1 << 10, labels: None, shape: None };
    assert!(refusal(RowsKind::Mat, &header(1 << 19)).unwrap().contains("less than 2 GiB; write .npy"));
    assert_eq!(refusal(RowsKind::Mat, &header(1 << 10)), None);
    assert_eq!(refusal(RowsKind::Npz, &header(1 << 30)), None);
}
