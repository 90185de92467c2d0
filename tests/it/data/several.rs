//! Several DATA as one, and folders of tensors, of archives, and of arrays that are a picture each.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rhohat::Result;
use rhohat::data::{DataContents, Meaning, Opened, Reading, Source};
use tempfile::tempdir;

use super::shapes::{axes, counting, meaning, pictures, put, refused};
use super::{fixture, npy, singles};

fn all(folder: &Path, names: &[&str], reading: &Reading) -> Result<Opened> {
    Opened::all(&names.iter().map(|name| folder.join(name)).collect::<Vec<PathBuf>>(), reading)
}

fn values(source: &Source) -> Vec<f64> {
    match source {
        Source::Rows(table) => table.values.clone(),
        Source::Stored(store) => store.table().unwrap().values,
        Source::Images(_) => panic!("rows"),
    }
}

fn grid() -> Vec<f64> {
    (0..24).map(|i| f64::from(i - 7) / 8.0).collect()
}

#[test]
fn rows_of_several_files_and_folders_go_on_from_one_to_the_next_and_stay_on_disk() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    put(folder, "a.npy", &counting(&[4, 3], true));
    fs::create_dir(folder.join("c")).unwrap();
    put(&folder.join("c"), "0.npy", &counting(&[2, 3], false));
    put(&folder.join("c"), "1.npy", &counting(&[1, 3], false));
    let opened = all(folder, &["c", "a.npy", "a.npy"], &Reading::default()).unwrap();
    assert!(matches!(opened.source, Source::Stored(_)));
    let wanted: Vec<f64> = (0..6).chain(0..3).chain(0..12).chain(0..12).map(f64::from).collect();
    assert_eq!(values(&opened.source), wanted);
    let taken = opened.description;
    assert_eq!((taken.files, &taken.contents), (4, &DataContents::Rows { rows: 11, cols: 3 }));
    let line = taken.line(taken.usual_scale());
    assert!(
        line.contains("c and 2 others: 4 files, 11 rows of 3 numbers (f32), taken as they are"),
        "{line}"
    );
    let json = taken.json(taken.usual_scale());
    assert_eq!(json["paths"].as_array().map(Vec::len), Some(3), "{json}");
}

#[test]
fn rows_of_several_types_are_joined_in_memory() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    put(folder, "a.npy", &counting(&[2, 3], false));
    put(folder, "b.npy", &npy("<i2", false, "(1, 3)", &[1, 0, 255, 255, 0, 1]));
    fs::write(folder.join("c.npz"), fs::read(fixture("one.npz")).unwrap()).unwrap();
    let opened = all(folder, &["a.npy", "b.npy"], &Reading::default()).unwrap();
    let Source::Rows(table) = &opened.source else { panic!("rows in memory") };
    assert_eq!(table.values, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 1.0, -1.0, 256.0]);
    refused(
        all(folder, &["a.npy", "c.npz"], &Reading::default()),
        &["c.npz:rows.npy: rows of 4", "a.npy have 3"],
    );
}

#[test]
fn data_that_do_not_go_together_are_refused_with_both() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    put(folder, "rows.npy", &counting(&[20, 9], false));
    put(folder, "narrow.npy", &counting(&[20, 8], false));
    put(folder, "bytes.npy", &npy("|u1", false, "(2, 9)", &[7; 18]));
    put(folder, "stack.npy", &counting(&[2, 9, 9], false));
    fs::copy(fixture("grey.png"), folder.join("grey.png")).unwrap();
    fs::copy(fixture("kinds/i1.idx"), folder.join("i1.idx")).unwrap();
    for (names, words) in [
        (["rows.npy", "narrow.npy"], ["narrow.npy: rows of 8 numbers", "rows.npy have 9"]),
        (["narrow.npy", "rows.npy"], ["rows.npy: rows of 9 numbers", "narrow.npy have 8"]),
        (["rows.npy", "grey.png"], ["grey.png: pictures", "rows.npy holds rows"]),
        (["grey.png", "rows.npy"], ["rows.npy: rows", "grey.png holds pictures"]),
        (["rows.npy", "bytes.npy"], ["bytes.npy: u8 numbers", "rows.npy are f32 numbers"]),
        (["grey.png", "stack.npy"], ["stack.npy: f32 numbers", "grey.png are pictures with black 0"]),
        (["rows.npy", "gone.npy"], ["gone.npy", "no such file"]),
    ] {
        refused(all(folder, &names, &Reading::default()), &words);
    }
    assert!(all(folder, &[], &Reading::default()).is_err());
}

#[test]
fn pictures_of_files_folders_and_arrays_of_bytes_are_taken_together() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::copy(fixture("grey.png"), folder.join("grey.png")).unwrap();
    fs::create_dir(folder.join("more")).unwrap();
    fs::copy(fixture("color.png"), folder.join("more/color.png")).unwrap();
    fs::write(folder.join("more/notes.txt"), "text").unwrap();
    put(folder, "stack.npy", &npy("<u2", false, "(2, 3, 4)", &[255; 48]));
    let opened = all(folder, &["grey.png", "more", "stack.npy"], &Reading::default()).unwrap();
    let found = pictures(&opened.source);
    let sizes: Vec<_> = found.iter().map(|p| (p.width, p.height, p.channels)).collect();
    assert_eq!(sizes, [(16, 12, 1), (16, 12, 3), (4, 3, 1), (4, 3, 1)]);
    assert_eq!(found[3].pixels, [1.0; 12]);
    let line = opened.description.line(opened.description.usual_scale());
    assert!(line.contains("grey.png and 2 others: 3 files, 4 pictures in grey and colour"), "{line}");
    assert!(line.contains("black 0 and white 1"), "{line}");
}

#[test]
fn shards_of_tensors_are_one_array_by_name_or_without_where_there_is_no_choice() {
    let shards = fixture("shards");
    for path in [shards.clone(), PathBuf::from(format!("{}:codes", shards.display()))] {
        let opened = Opened::new(&path, &Reading::default()).unwrap();
        assert!(matches!(opened.source, Source::Stored(_)));
        assert_eq!(values(&opened.source), grid());
        assert_eq!(opened.description.files, 3);
        let line = opened.description.line(opened.description.usual_scale());
        assert!(line.contains("1 other file (model.safetensors.index.json)"), "{line}");
    }
    let acts = PathBuf::from(format!("{}:acts", shards.display()));
    let opened = Opened::new(&acts, &axes("count,count,length")).unwrap();
    assert!(matches!(opened.source, Source::Stored(_)));
    assert_eq!(opened.description.contents, DataContents::Rows { rows: 12, cols: 2 });
    assert_eq!(values(&opened.source), grid());
    // Of three dimensions there is one tensor a file.
    assert_eq!(values(&Opened::new(&shards, &axes("count,length,length")).unwrap().source), grid());
    refused(Opened::new(&acts, &Reading::default()), &["model-00001-of-00003", "acts has shape [3, 2, 2]"]);
    let missing = PathBuf::from(format!("{}:nothing", shards.display()));
    refused(Opened::new(&missing, &Reading::default()), &["model-00001", "no tensor is called nothing"]);
}

#[test]
fn tensors_beside_pictures_or_arrays_are_left_out_unless_they_are_meant() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::copy(fixture("one.safetensors"), folder.join("model.safetensors")).unwrap();
    fs::copy(fixture("grey.png"), folder.join("grey.png")).unwrap();
    let contents = |reading: &Reading| Opened::new(folder, reading).unwrap().description.contents;
    assert!(matches!(contents(&Reading::default()), DataContents::Pictures { count: 1, .. }));
    assert_eq!(contents(&meaning(Meaning::Rows)), DataContents::Rows { rows: 6, cols: 4 });
    fs::remove_file(folder.join("grey.png")).unwrap();
    put(folder, "a.npy", &counting(&[5, 3], false));
    assert_eq!(contents(&Reading::default()), DataContents::Rows { rows: 5, cols: 3 });
}

#[test]
fn archives_of_a_folder_are_rows_or_a_picture_each() {
    let folder = tempdir().unwrap();
    for name in ["a.npz", "b.NPZ"] {
        fs::copy(fixture("one.npz"), folder.path().join(name)).unwrap();
    }
    let opened = Opened::new(folder.path(), &Reading::default()).unwrap();
    assert_eq!(values(&opened.source), [grid(), grid()].concat());
    let opened = Opened::new(folder.path(), &meaning(Meaning::Pictures)).unwrap();
    let sizes: Vec<_> = pictures(&opened.source).iter().map(|p| (p.width, p.height)).collect();
    assert_eq!(sizes, [(4, 6); 2]);
    fs::copy(fixture("several.npz"), folder.path().join("c.npz")).unwrap();
    refused(Opened::new(folder.path(), &Reading::default()), &["c.npz", "several arrays"]);
}

#[test]
fn arrays_of_a_folder_are_a_picture_each_in_grey_and_colour_on_the_scale_of_their_type() {
    for (descr, bytes, white) in [
        ("|u1", vec![255], 1.0),
        ("<u2", vec![255, 255], 1.0),
        (">u2", vec![255, 255], 1.0),
        ("|b1", vec![1], 1.0),
        ("<i2", vec![7, 0], 7.0),
        ("<f8", 0.25_f64.to_le_bytes().to_vec(), 0.25),
    ] {
        let folder = tempdir().unwrap();
        put(folder.path(), "grey.npy", &npy(descr, false, "(9, 8)", &bytes.repeat(72)));
        put(folder.path(), "color.npy", &npy(descr, true, "(9, 8, 3)", &bytes.repeat(216)));
        let opened = Opened::new(folder.path(), &meaning(Meaning::Pictures)).unwrap();
        let found = pictures(&opened.source);
        let sizes: Vec<_> = found.iter().map(|p| (p.width, p.height, p.channels)).collect();
        assert_eq!(sizes, [(8, 9, 3), (8, 9, 1)], "{descr}");
        assert!(found.iter().all(|picture| picture.pixels.iter().all(|&x| x == white)), "{descr}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn joined_rows_are_those_of_their_parts_in_order(
        parts in proptest::collection::vec((1_usize..9, any::<bool>(), any::<bool>()), 1..5),
    ) {
        let folder = tempdir().unwrap();
        let (mut names, mut wanted, mut types) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (rows, fortran, double)) in parts.into_iter().enumerate() {
            let name = format!("{number}.npy");
            let at = |i: usize| if fortran { i % rows * 3 + i / rows } else { i };
            let value = |i: usize| (100 * number + i) as f32;
            let bytes = if double {
                (0..3 * rows).flat_map(|i| f64::from(value(at(i))).to_le_bytes()).collect()
            } else {
                singles((0..3 * rows).map(|i| value(at(i))))
            };
            let descr = if double { "<f8" } else { "<f4" };
            put(folder.path(), &name, &npy(descr, fortran, &format!("({rows}, 3)"), &bytes));
            wanted.extend((0..3 * rows).map(|i| f64::from(value(i))));
            names.push(folder.path().join(name));
            types.push(double);
        }
        let source = Opened::all(&names, &Reading::default()).unwrap().source;
        types.dedup();
        prop_assert_eq!(matches!(source, Source::Stored(_)), types.len() == 1);
        prop_assert_eq!(values(&source), wanted);
    }
}
