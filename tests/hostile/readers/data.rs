//! All that reads data, by every word of a user that decides how.

use std::fs;
use std::path::{Path, PathBuf};

use rhohat::data::formats::SparseRows;
use rhohat::data::stream::Store;
use rhohat::data::{DataFormat, DataLook, Meaning, Opened, Reading, Source};
use rhohat::{Error, Result};

use super::{Seen, any_of};

/// Opens it as data, in memory and for training, and reads all of it.
pub fn read_data(path: &Path) -> Result<Seen> {
    if let Source::Stored(store) = Source::open_for_training(path, None)? {
        store.table()?;
    }
    let bytes = match Source::open(path)? {
        Source::Images(pictures) => {
            let read = |number| Ok(size_of_val(&pictures.read(number)?.pixels[..]));
            (0..pictures.list().len()).map(read).sum::<Result<usize>>()?
        }
        Source::Rows(table) => size_of_val(&table.values[..]),
        Source::Stored(_) => unreachable!("data are opened whole"),
    };
    Ok(Seen { bytes: bytes as u64 })
}

/// Orders of dimensions: of two, three and four, of rows and pictures.
const AXES: [&str; 6] =
    ["length,count", "count,length,length", "length,length,count", "h,w,count", "count,c,h,w", "w,c,h"];

/// Opens it as an array whose dimensions mean this and that. Rows are the same bytes in any order in which they are asked for, and
/// the same numbers whether they are held or stay on disk.
pub fn read_array(path: &Path) -> Result<Seen> {
    let by_axes = AXES.map(|axes| Reading { axes: Some(axes.parse().expect("axes")), ..Reading::default() });
    let by_meaning =
        [Meaning::Rows, Meaning::Pictures].map(|it| Reading { meaning: Some(it), ..Reading::default() });
    let seen = read_by(path, &[&[Reading::default()], &by_meaning[..], &by_axes].concat())?;
    if let Ok(Source::Stored(store)) = Source::open_for_training(path, None)
        && let (Ok(streamed), Ok(Source::Rows(held))) = (store.table(), Source::open(path))
    {
        let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!((streamed.rows, bits(&streamed.values)), (held.rows, bits(&held.values)));
    }
    Ok(seen)
}

/// Opens it as a table of text, all columns and some of them, with labels where it has those of the fixtures.
pub fn read_table(path: &Path) -> Result<Seen> {
    let labels = |column: &str| Reading { label_column: Some(column.to_owned()), ..Reading::default() };
    let columns = |columns: &str| Reading {
        use_columns: Some(columns.parse().expect("columns")),
        ..Reading::default()
    };
    let both = Reading { label_column: Some("0".to_owned()), ..columns("2-3,1") };
    read_by(path, &[labels("kind"), Reading::default(), labels("3"), columns("2,first"), both])
}

/// Opens it as records of CIFAR, as its name has it and as is said.
pub fn read_records(path: &Path) -> Result<Seen> {
    let said = DataFormat::ALL.map(|format| Reading { format: Some(format), ..Reading::default() });
    read_by(path, &[&[Reading::default()], &said[..]].concat())
}

/// Reads what each of these words of a user makes of it.
fn read_by(path: &Path, readings: &[Reading]) -> Result<Seen> {
    any_of(readings.iter().map(|reading| Opened::new(path, reading).and_then(|opened| all_of(&opened))))
}

/// Bytes of all that was opened, decoded.
fn all_of(opened: &Opened) -> Result<u64> {
    match &opened.source {
        Source::Images(pictures) => {
            let read = |number| Ok(size_of_val(&pictures.read(number)?.pixels[..]) as u64);
            (0..pictures.list().len()).map(read).sum()
        }
        Source::Rows(table) => Ok(size_of_val(&table.values[..]) as u64),
        Source::Stored(store) => {
            let (mut forwards, order) = (Vec::new(), (0..store.rows).rev().collect::<Vec<_>>());
            store.read(0, store.rows, &mut forwards)?;
            let mut backwards = vec![0; forwards.len()];
            store.read_listed(&order, &mut backwards)?;
            let row = store.row_bytes();
            assert!(
                backwards.chunks(row).rev().eq(forwards.chunks(row)),
                "rows differ by the order of reading"
            );
            DataLook::of(opened, &mut |_| {})?;
            Ok(size_of_val(&store.table()?.values[..]) as u64)
        }
    }
}

/// Opens it as one of the tensors of a folder, before and behind a good one, and by several meanings of their dimensions.
pub fn read_shards(path: &Path) -> Result<Seen> {
    let folder = path.with_file_name("shards");
    let _ = fs::create_dir_all(&folder);
    let header = r#"{"codes":{"dtype":"F32","shape":[3,4],"data_offsets":[0,48]},"acts":{"dtype":"F16","shape":[3,2,2],"data_offsets":[48,72]}}"#;
    let good = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 72]].concat();
    let bytes = fs::read(path).map_err(|error| Error::io("read", path, error))?;
    for (name, bytes) in [("a", &good), ("b", &bytes), ("c", &good)] {
        let to = folder.join(name).with_extension("safetensors");
        fs::write(&to, bytes).map_err(|error| Error::io("write", &to, error))?;
    }
    let at = |part: &str| PathBuf::from(format!("{}{part}", folder.display()));
    let mut bytes = 0;
    let mut refused = None;
    for (part, axes) in
        [("", None), (":acts", Some("count,count,length")), (":acts", Some("count,length,length"))]
    {
        let axes = axes.map(|axes| axes.parse().expect("axes"));
        match Opened::new(&at(part), &Reading { axes, ..Reading::default() }) {
            Ok(Opened { source: Source::Stored(store), .. }) => match store.table() {
                Ok(table) => bytes += size_of_val(&table.values[..]) as u64,
                Err(why) => refused = Some(why),
            },
            Ok(_) => {}
            Err(why) => refused = Some(why),
        }
    }
    // By the name that the file has here.
    let here = |why: Error| match why {
        Error::Input { reason, .. } => Error::input(path, reason),
        other => other,
    };
    refused.map_or(Ok(Seen { bytes }), |why| Err(here(why)))
}

/// Opens it as sparse codes, and makes some rows dense.
pub fn read_sparse(path: &Path) -> Result<Seen> {
    let sparse = SparseRows::open(path)?.ok_or_else(|| Error::input(path, "no sparse matrix"))?;
    // No model has so many units.
    if sparse.cols <= 1 << 16 {
        for rows in [0..sparse.rows.min(16), sparse.rows.saturating_sub(3)..sparse.rows] {
            assert_eq!(sparse.dense(path, rows.clone())?.len(), rows.len() * sparse.cols);
        }
    }
    Ok(Seen { bytes: sparse.bytes() })
}

/// Takes it as bare numbers, of several types.
pub fn read_raw(path: &Path) -> Result<Seen> {
    for kind in ["bool:1", "i8:2", "u16be:5", "bf16:3", "i64be:1", "f64:2"] {
        let _ = Store::open_raw(path, kind.parse().expect("rows")).and_then(|store| store.table());
    }
    let table = Store::open_raw(path, "f32:3".parse().unwrap())?.table()?;
    Ok(Seen { bytes: size_of_val(&table.values[..]) as u64 })
}
