//! Tables of pandas and NumPy (tests/fixtures/make_tables.py), and texts with what tables have besides numbers.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::data::{Labels, Opened, Reading, Source, Table};
use crate::error::Error;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/csv").join(name)
}

fn rows(opened: Opened) -> (Table, Option<Labels>) {
    let Source::Rows(table) = opened.source else { panic!("no rows") };
    (table, opened.description.labels.map(|labels| (*labels).clone()))
}

fn reading(use_columns: Option<&str>, label_column: Option<&str>) -> Reading {
    let use_columns = use_columns.map(|text| text.parse().unwrap());
    Reading { use_columns, label_column: label_column.map(String::from), ..Reading::default() }
}

/// Opens a text under a name.
fn opened(name: &str, text: &[u8], reading: &Reading) -> Result<(Table, Option<Labels>), Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    Opened::new(&path, reading).map(rows)
}

fn refused(text: &str, reading: &Reading) -> String {
    let error = opened("a.csv", text.as_bytes(), reading).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    error.to_string()
}

/// The six rows of four numbers that most fixtures hold.
fn grid() -> Vec<f64> {
    (0..24).map(|i| (f64::from(i) - 7.0) / 8.0).collect()
}

#[test]
fn tables_of_every_writer_hold_the_same_rows() {
    for name in [
        "rows.csv",
        "rows.tsv",
        "semicolons.csv",
        "packed.csv.gz",
        "numbered.csv",
        "indexed.csv",
        "spaces.txt",
    ] {
        let (table, labels) = rows(Opened::new(&fixture(name), &Reading::default()).unwrap());
        assert_eq!((table.rows, table.cols, labels), (6, 4, None), "{name}");
        assert_eq!(table.values, grid(), "{name}");
    }
}

#[test]
fn columns_are_chosen_and_labels_kept_by_name_and_by_number() {
    for (columns, label) in [(None, "kind"), (Some("first,second,third,fourth"), "4"), (Some("0-3"), "kind")]
    {
        let opened = Opened::new(&fixture("labelled.csv"), &reading(columns, Some(label))).unwrap();
        let (table, labels) = rows(opened);
        assert_eq!((table.cols, &table.values), (4, &grid()));
        let labels = labels.unwrap();
        assert_eq!(labels.names, ["a", "b", "c, d", "say \"e\""]);
        assert_eq!(labels.of, [1, 0, 1, 2, 3, 0]);
    }
    let (table, labels) = rows(Opened::new(&fixture("rows.csv"), &reading(Some("third,0"), None)).unwrap());
    assert_eq!((table.cols, &table.values[..4], labels), (2, &[-0.625, -0.875, -0.125, -0.375][..], None));
    let why = refused("a,b\n1,2\n", &reading(Some("a,c"), None));
    assert!(why.contains("no column is called c; there are: a, b"), "{why}");
    let why = refused("a,b\n1,2\n", &reading(Some("a,b"), Some("b")));
    assert!(why.contains("one of `use_columns`, too"), "{why}");
}

#[test]
fn what_stands_around_rows_is_left_out() {
    let text = b"\xef\xbb\xbf# a comment\r\n\r\n\"first\nname\";b\r\n# another\r\n1;2\r\n\r\n   \r\n 3 ; -4e2 \r\n# 5\r\n";
    let (table, _) = opened("a.csv", text, &Reading::default()).unwrap();
    assert_eq!((table.rows, table.values), (2, vec![1.0, 2.0, 3.0, -400.0]));
    // Spaces of any number, tabs among them, and what parts cells at the end of lines.
    let (table, _) = opened("a.txt", b"  1   2\t3 \n4 5 6\n", &Reading::default()).unwrap();
    assert_eq!((table.rows, table.cols), (2, 3));
    let (table, _) = opened("a.csv", b"1,2,\n3,4,\n", &Reading::default()).unwrap();
    assert_eq!((table.rows, table.cols), (2, 2));
    // A comment of as many words as columns, before the first row; names of rows as R writes them.
    let (table, _) = opened("a.txt", b"# a b\n1 2 3\n", &Reading::default()).unwrap();
    assert_eq!((table.rows, table.cols), (1, 3));
    let (table, _) =
        opened("a.csv", b"\"\",\"x\",\"y\"\n\"1\",5,6\n\"2\",7,8\n", &Reading::default()).unwrap();
    assert_eq!((table.rows, table.cols, table.values), (2, 2, vec![5.0, 6.0, 7.0, 8.0]));
    let (table, _) = opened("a.csv", b"\n# a,b\n# c,d\n1,2\n", &Reading::default()).unwrap();
    assert_eq!((table.rows, table.cols), (1, 2));
    // One column, and one row.
    let (table, _) = opened("a.csv", b"1\n2\n3\n", &Reading::default()).unwrap();
    assert_eq!((table.rows, table.cols), (3, 1));
    let (table, _) = opened("a.csv", b"1,2,3", &Reading::default()).unwrap();
    assert_eq!((table.rows, table.cols), (1, 3));
}

#[test]
fn a_first_line_of_numbers_and_labels_is_a_row_and_names_no_columns() {
    let (table, labels) = opened("iris.data", b"5.1,3.5,x\n4.9,3.0,y\n", &reading(None, Some("2"))).unwrap();
    assert_eq!((table.rows, table.cols, labels.unwrap().names.len()), (2, 2, 2));
    let (table, labels) =
        opened("a.csv", b"label,0,1\n7,1,2\n10,3,4\n", &reading(None, Some("label"))).unwrap();
    assert_eq!((table.rows, table.cols), (2, 2));
    assert_eq!(labels.unwrap(), Labels { names: vec!["7".into(), "10".into()], of: vec![0, 1] });
}

#[test]
fn cells_that_are_no_numbers_are_refused_with_their_line_and_column() {
    for (text, words) in [
        ("a,b\n1,2\n3,\n", "line 3, column b (1, counted from 0) is empty"),
        ("# no\n\n1,2\n3,NaN\n", "line 4, column 1 (counted from 0) holds NaN, a missing value"),
        ("a,b\n1,2\n3,x y\n", "line 3, column b (1, counted from 0) holds \"x y\", which is no number"),
        ("a;b\n1,5;2\n", "holds 1,5, a number with a decimal comma"),
        ("1,2\n3,1e39\n", "holds 1e39, which is no finite 32-bit number"),
        ("1,2\n3,inf\n", "no finite 32-bit number"),
        ("1,2\n#3,4\n", "line 2, column 0 (counted from 0) holds \"#3\", which is no number"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 cells, but the first row has 2"),
        ("a,b,c\n1,2,3,4\n", "names 3 columns, but the first row has 4 cells"),
        ("a,b\n", "no row"),
        ("a,\"b\n1,2\n", "no row"),
    ] {
        let why = refused(text, &Reading::default());
        assert!(why.contains(words), "{text:?}: {why}");
    }
    for parted in [",", " "] {
        let why =
            refused(&"1".repeat((1 << 20) + 1).replace('1', &format!("1{parted}")), &Reading::default());
        assert!(why.contains("but 1048576 at most are read"), "{why}");
    }
    let why = refused("a,b\n1,2\n", &Reading { axes: "h,w".parse().ok(), ..Reading::default() });
    assert!(why.contains("holds rows"), "{why}");
}

#[test]
fn texts_that_are_no_tables_stay_refused() {
    let refused =
        |name: &str, text: &str| opened(name, text.as_bytes(), &Reading::default()).unwrap_err().to_string();
    assert!(refused("a.txt", "hello, world\nand, others\n").contains("no table of numbers"));
    assert!(refused("a.csv", "<!doctype html>\n1,2\n").contains("web page"));
    assert!(refused("a.csv", "[[1, 2]]").contains("JSON"));
    assert!(refused("a.pgm", "P2\n3 2\n255\n").contains("P2") || !refused("a.pgm", "P2\n3 2\n").is_empty());
    let of_array =
        |setting: &Reading| Opened::new(&fixture("../rows_lf4.npy"), setting).unwrap_err().to_string();
    assert!(of_array(&reading(Some("0"), None)).contains("`use_columns` 0 is for tables of text"));
    assert!(of_array(&reading(None, Some("a"))).contains("`label_column` a is for tables of text"));
}

#[test]
fn examples_may_stand_in_columns() {
    let columns = Reading { axes: "length,count".parse().ok(), ..Reading::default() };
    let (table, _) = opened("a.csv", b"1,2,3\n4,5,6\n", &columns).unwrap();
    assert_eq!((table.rows, table.cols, table.values), (3, 2, vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
}

#[test]
fn tables_of_several_pieces_are_read_in_order_whatever_stands_in_quotes() {
    let mut text = String::from("number,\"text\n\",half\n");
    let count = 150_000;
    for i in 0..count {
        let label = if i % 7 == 0 { "\"one\nand, \"\"other\"\"\"" } else { "plain" };
        text += &format!("{i},{label},{}\n", f64::from(i) / 2.0);
    }
    assert!(text.len() > 2 * super::PIECE);
    let (table, labels) = opened("a.csv", text.as_bytes(), &reading(None, Some("1"))).unwrap();
    assert_eq!((table.rows, table.cols), (count as usize, 2));
    let wanted = (0..count).flat_map(|i| [f64::from(i), f64::from(i) / 2.0]);
    assert!(table.values.iter().copied().eq(wanted));
    let labels = labels.unwrap();
    assert_eq!(labels.names, ["one\nand, \"other\"", "plain"]);
    assert!(labels.of.iter().enumerate().all(|(i, &label)| label == u32::from(i % 7 != 0)));
    // The line of a cell in a later piece.
    let at = text.find("\n149999,").unwrap();
    text.replace_range(at + 1..at + 7, "x");
    let path = text.clone();
    let line = path[..at + 1].matches('\n').count() + 1;
    let why = opened("a.csv", text.as_bytes(), &reading(None, Some("1"))).unwrap_err().to_string();
    assert!(why.contains(&format!("line {line}, column number")), "{line}: {why}");
}

proptest! {
    #[test]
    fn numbers_of_any_size_come_back_from_text(
        values in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO, 1..40),
        cols in 1_usize..6,
        delimiter in 0_usize..4,
    ) {
        let values = &values[..values.len() / cols * cols];
        prop_assume!(!values.is_empty());
        let parted = [",", ";", "\t", " "][delimiter];
        let line = |row: &[f32]| row.iter().map(|x| format!("{x:?}")).collect::<Vec<_>>().join(parted);
        let text: Vec<String> = values.chunks(cols).map(line).collect();
        let (table, _) = opened("a.csv", (text.join("\n") + "\n").as_bytes(), &Reading::default()).unwrap();
        let read: Vec<f32> = table.values.iter().map(|&x| x as f32).collect();
        prop_assert_eq!(read, values);
    }

    // Texts without quotes are cut at every delimiter; those with one are read as the crate `csv` does.
    #[test]
    fn a_quote_at_the_end_changes_nothing_before_it(
        lines in prop::collection::vec((0_usize..9, 0_u8..100, 0_u8..100), 0..60),
        returns in prop::collection::vec(any::<bool>(), 60),
    ) {
        let mut text = String::from("1,2\n");
        for ((kind, a, b), is_windows) in lines.iter().zip(returns) {
            match kind {
                0 => {}
                1 => text += "# a comment",
                2 => text += "  ",
                3 if *a == 0 => text += "7,nothing",
                3 if *a == 1 => text += "7",
                4 => text += &format!(" {a} ,\t{b}"),
                _ => text += &format!("{a}.5,-{b}e-3"),
            }
            text += if is_windows { "\r\n" } else { "\n" };
        }
        let told = |last: &str| {
            let opened = opened("a.csv", (text.clone() + last).as_bytes(), &Reading::default());
            opened.map(|(table, _)| table.values).map_err(|error| {
                let text = error.to_string();
                text.split_once("a.csv").expect("the file").1.to_owned()
            })
        };
        prop_assert_eq!(told("3,4"), told("3,\"4\""));
    }
}
