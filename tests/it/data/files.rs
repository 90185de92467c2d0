//! Files are read as the programs that wrote them meant them.

use std::fs;

use proptest::prelude::*;
use rhohat::data::{Source, npy};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::{all, distance, fixture, npy_with, pictures, rows};

/// The numbers in most of the fixtures: see `GRID` in make.py.
fn grid() -> Vec<f64> {
    (0..24).map(|i| f64::from(i - 7) / 8.0).collect()
}

#[test]
fn npy_rows_of_every_kind_order_and_version_are_the_same_numbers() {
    let kinds = ["lf2", "lf4", "lf8", "bf2", "bf4", "bf8", "fortran", "v2", "v3"];
    for kind in kinds {
        let table = rows(&format!("rows_{kind}.npy"));
        assert_eq!((table.rows, table.cols), (6, 4), "{kind}");
        assert_eq!(table.values, grid(), "{kind}");
    }
}

/// The numbers of the files in `kinds`.
fn of_kind(kind: &str) -> Vec<f64> {
    let numbers = (0..24).map(|i| i * 11 % 97);
    match kind.as_bytes()[0] {
        b'b' => numbers.map(|i| f64::from(u8::from(i % 3 == 0))).collect(),
        b'u' => numbers.map(f64::from).collect(),
        _ => numbers.map(|i| f64::from(i - 40)).collect(),
    }
}

#[test]
fn npy_rows_of_every_type_of_number_and_order_are_what_numpy_has_saved() {
    for kind in ["b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"] {
        for name in [format!("l{kind}"), format!("b{kind}_fortran"), format!("b{kind}")] {
            let file = format!("kinds/{name}.npy");
            if !fixture(&file).exists() {
                assert!(kind.ends_with('1') && name == format!("b{kind}"), "{file} is gone");
                continue;
            }
            let table = rows(&file);
            assert_eq!((table.rows, table.cols), (6, 4), "{file}");
            assert_eq!(table.values, of_kind(kind), "{file}");
            let Source::Stored(store) = Source::open_for_training(&fixture(&file), None).unwrap() else {
                panic!("{file} is read at once")
            };
            assert_eq!(store.table().unwrap().values, of_kind(kind), "{file}");
        }
        assert_eq!(rows(&format!("kinds/kinds.safetensors:{kind}")).values, of_kind(kind), "{kind}");
    }
}

#[test]
fn idx_of_every_type_of_number_is_rows_highest_byte_first() {
    for kind in ["i1", "i2", "i4", "f4", "f8"] {
        let file = format!("kinds/{kind}.idx");
        assert_eq!(rows(&file).values, of_kind(kind), "{kind}");
        let stored = Source::open_for_training(&fixture(&file), None).unwrap();
        let Source::Stored(store) = stored else { panic!("{kind} is read at once") };
        assert_eq!(store.table().unwrap().values, of_kind(kind), "{kind}");
    }
}

#[test]
fn records_of_one_field_are_read_as_the_field() {
    for name in ["field", "field_of_rows"] {
        let table = rows(&format!("kinds/{name}.npy"));
        assert_eq!((table.rows, table.cols), (6, 4), "{name}");
        assert_eq!(table.values, grid(), "{name}");
    }
}

#[test]
fn headers_of_every_writer_name_the_type_that_numpy_takes_them_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let values = |bytes: &[u8], header: &str| {
        fs::write(&path, npy_with(header, bytes)).unwrap();
        match Source::open(&path) {
            Ok(Source::Rows(table)) => table.values,
            other => panic!("{header}: {other:?}"),
        }
    };
    let whole = |bytes: &[u8], descr: &str| {
        values(bytes, &format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1, 2), }}"))
    };
    for descr in ["'|b1'", "'?'", "'b1'", "'=b1'", "u'|b1'", "'bool'"] {
        assert_eq!(whole(&[0, 1], descr), [0.0, 1.0], "{descr}");
    }
    for descr in ["'<i4'", "'=i4'", "'i'", "'int32'", "\"|i4\"", "[('x', '<i4')]", "[(('t', 'x'), '<i4')]"] {
        assert_eq!(whole(&[7, 0, 0, 0, 255, 255, 255, 255], descr), [7.0, -1.0], "{descr}");
    }
    assert_eq!(whole(&[1, 0, 0, 2], "'>u2'"), [256.0, 2.0]);
    assert_eq!(whole(&[1, 128], "'b'"), [1.0, -128.0]);
    assert_eq!(whole(&[1, 128], "'B'"), [1.0, 128.0]);
    let commented = "{'descr': '|u1', # bytes, }\n 'fortran_order': False, 'shape': (0x1, 2L), } # by hand";
    assert_eq!(values(&[3, 4], commented), [3.0, 4.0]);
    let inner = "{'descr': [('größe', '|u1', 2)], 'fortran_order': False, 'shape': (1,), }";
    assert_eq!(values(&[3, 4], inner), [3.0, 4.0]);
}

#[test]
fn numbers_that_are_none_are_refused_with_the_line_that_converts_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    for (descr, words) in [
        ("'<f16'", "astype('float32')"),
        ("'<c8'", "numpy.abs("),
        ("'<U3'", "that is text"),
        ("'|O'", "numpy.stack("),
        ("'|V2'", "bytes without a meaning"),
        ("'<M8[s]'", "astype('int64')"),
        ("[('a', '<f4'), ('b', '<f4')]", "structured_to_unstructured("),
        ("[('a', [('b', '<f4')])]", "structured_to_unstructured("),
    ] {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1, 1), }}");
        fs::write(&path, npy_with(&header, &[0; 16])).unwrap();
        let text = Source::open(&path).unwrap_err().to_string();
        assert!(text.contains(words), "{descr}: {text}");
    }
}

#[test]
fn half_precision_of_every_size_is_what_numpy_widens_it_to() {
    assert_eq!(rows("halves.npy").values, rows("halves_f8.npy").values);
}

#[test]
fn npy_bytes_of_rows_are_as_they_are() {
    let expected: Vec<f64> = (0..24).map(|i| f64::from(i * 10)).collect();
    assert_eq!(rows("rows_u1.npy").values, expected);
}

#[test]
fn npy_of_three_dimensions_is_a_stack_of_grey_pictures() {
    let stack = pictures("stack_grey.npy");
    assert_eq!(stack.len(), 2);
    assert_eq!((stack[1].height, stack[1].width, stack[1].channels), (3, 4, 1));
    let expected: Vec<f32> = (12..24).map(|i| (i * 3) as f32 / 255.0).collect();
    assert_eq!(stack[1].pixels, expected);
}

#[test]
fn npy_of_four_dimensions_has_its_channels_last() {
    let stack = pictures("stack_color_fortran.npy");
    assert_eq!((stack[1].height, stack[1].width, stack[1].channels), (3, 4, 3));
    let expected: Vec<f32> = (36..72).map(|i| i as f32 / 255.0).collect();
    assert_eq!(stack[1].pixels, expected);
}

#[test]
fn idx_images_are_rows_plain_and_packed() {
    let expected: Vec<f64> = (0..24).map(f64::from).collect();
    for name in ["images-idx3-ubyte", "images-idx3-ubyte.gz"] {
        let table = rows(name);
        assert_eq!((table.rows, table.cols), (2, 12), "{name}");
        assert_eq!(table.values, expected, "{name}");
    }
}

#[test]
fn arrays_of_an_archive_are_read_packed_and_not_by_name_where_there_is_a_choice() {
    for name in ["one.npz", "one.npz:rows", "one.npz:rows.npy", "several.npz:rows"] {
        let table = rows(name);
        assert_eq!((table.rows, table.cols), (6, 4), "{name}");
        assert_eq!(table.values, grid(), "{name}");
    }
    let stack = pictures("several.npz:stack");
    assert_eq!((stack.len(), stack[1].height, stack[1].width, stack[1].pixels[11]), (2, 3, 4, 23.0 / 255.0));
}

#[test]
fn a_safetensors_file_needs_a_name_only_where_there_is_a_choice() {
    for name in ["one.safetensors", "several.safetensors:codes", "several.safetensors:halves"] {
        let table = rows(name);
        assert_eq!((table.rows, table.cols), (6, 4), "{name}");
        assert_eq!(table.values, grid(), "{name}");
    }
}

#[test]
fn a_tensor_of_bfloat16_is_the_upper_half_of_f32() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain.safetensors");
    let bytes = [0x3fc0u16, 0xc000, 0x3d80, 0x0000].map(u16::to_le_bytes).concat();
    let tensor = TensorView::new(Dtype::BF16, vec![2, 2], &bytes).unwrap();
    safetensors::serialize_to_file([("codes", tensor)], None, &path).unwrap();
    let Source::Rows(table) = Source::open(&path).unwrap() else { panic!("rows") };
    assert_eq!(table.values, [1.5, -2.0, 0.0625, 0.0]);
}

/// make.py's test picture, colour by colour.
fn color(x: usize, y: usize) -> [f32; 3] {
    [16 * x, 20 * y, 7 * x * y % 256].map(|byte| byte as f32 / 255.0)
}

fn every_pixel() -> impl Iterator<Item = (usize, usize)> {
    (0..12).flat_map(|y| (0..16).map(move |x| (x, y)))
}

#[test]
fn png_keeps_the_channels_it_has() {
    let read = &pictures("color.png")[0];
    assert_eq!((read.width, read.height, read.channels), (16, 12, 3));
    assert_eq!(read.pixels, every_pixel().flat_map(|(x, y)| color(x, y)).collect::<Vec<f32>>());
    let read = &pictures("grey.png")[0];
    assert_eq!((read.width, read.height, read.channels), (16, 12, 1));
    assert_eq!(read.pixels, every_pixel().map(|(x, y)| color(x, y)[0]).collect::<Vec<f32>>());
}

#[test]
fn png_transparency_is_ignored() {
    assert_eq!(pictures("grey_alpha.png")[0].pixels, pictures("grey.png")[0].pixels);
}

#[test]
fn png_with_a_palette_is_colour() {
    assert_eq!(pictures("palette.png")[0].pixels.len(), 16 * 12 * 3);
    let expected: Vec<f32> = rows_as_f32("palette.npy");
    assert_eq!(pictures("palette.png")[0].pixels, expected);
}

#[test]
fn png_of_sixteen_bits_is_divided_by_65535() {
    let expected: Vec<f32> = every_pixel().map(|(x, y)| (4000 * x + 7 * y) as f32 / 65535.0).collect();
    assert_eq!(pictures("deep.png")[0].pixels, expected);
}

#[test]
fn jpeg_agrees_with_pillow_to_a_step_of_the_inverse_transform() {
    let read: Vec<f64> = pictures("grey.jpg")[0].pixels.iter().map(|&x| x.into()).collect();
    let decoded: Vec<f64> = rows("grey_jpg.npy").values.iter().map(|x| x / 255.0).collect();
    assert!(distance(&read, &decoded) <= 1.01 / 255.0);
}

/// The values of an array of one picture or of rows.
fn rows_as_f32(name: &str) -> Vec<f32> {
    match Source::open(&fixture(name)).unwrap() {
        Source::Stored(_) => panic!("held whole unless asked otherwise"),
        Source::Rows(table) => table.values.iter().map(|&x| x as f32).collect(),
        Source::Images(pictures) => all(&pictures).into_iter().flat_map(|picture| picture.pixels).collect(),
    }
}

#[test]
fn a_folder_is_its_images_by_name_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let put = |from: &str, to: &str| fs::copy(fixture(from), folder.path().join(to)).unwrap();
    put("grey.jpg", "b.jpg");
    put("color.png", "a.PNG");
    put("grey.png", "c_without_an_extension");
    put("grey.png", ".hidden.png");
    put("make.py", "notes.txt");
    fs::create_dir(folder.path().join("d.png")).unwrap();
    let Source::Images(read) = Source::open(folder.path()).unwrap() else { panic!("images") };
    let names: Vec<_> = read.list().iter().map(|p| p.name.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["a.PNG", "b.jpg", "c_without_an_extension"]);
}

#[test]
fn content_counts_more_than_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let misnamed = folder.path().join("rows.png");
    fs::copy(fixture("rows_lf4.npy"), &misnamed).unwrap();
    let Source::Rows(table) = Source::open(&misnamed).unwrap() else { panic!("rows") };
    assert_eq!(table.values, grid());
}

#[test]
fn npy_is_written_byte_for_byte_as_numpy_writes_it() {
    let mut written = Vec::new();
    let values: Vec<f32> = grid().iter().map(|&x| x as f32).collect();
    npy::write_to(&mut written, 6, 4, &values).unwrap();
    assert_eq!(written, fs::read(fixture("rows_lf4.npy")).unwrap());
}

proptest! {
    #[test]
    fn npy_that_was_written_reads_the_same(
        rows in 1usize..20,
        cols in 1usize..20,
        seed in prop::collection::vec(-1e30f32..1e30, 400),
    ) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let values = &seed[..rows * cols];
        npy::write(file.path(), rows, cols, values).unwrap();
        let Source::Rows(table) = Source::open(file.path()).unwrap() else { panic!("rows") };
        prop_assert_eq!((table.rows, table.cols), (rows, cols));
        prop_assert!(table.values.iter().zip(values).all(|(&read, &written)| read == f64::from(written)));
    }
}
