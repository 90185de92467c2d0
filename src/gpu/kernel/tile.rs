//! The generated source part of the `broadcast` products: a tile of 32×32 in named registers.
//!
//! Eight invocations share a tile, each holding four neighbouring columns of its 32 rows. Sums in registers need names
//! or constant indices, and no compiler of a software adapter unrolls a loop of this size; hence text from here.

use std::fmt::Write;

/// Rows and columns of a tile.
pub const SIDE: usize = 32;

/// How the left factor lies in the four vectors that each invocation has loaded of it for four summed k.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Vector q of invocation l is row 8q + l, its components are the four k.
    Rows,
    /// Vector k of invocation l is rows 4l to 4l + 3, one a component.
    Columns,
}

/// The struct of sums, `multiply`, which adds four k to them, and `store_tile`, which hands every row to the shader's
/// own `put`.
pub fn text(left: Left) -> String {
    let mut text =
        String::from("// Generated: a tile of 32 rows, four columns an invocation.\nstruct Tile {\n");
    each_row(&mut text, |row| format!("    c{row}: vec4<f32>,\n"));
    let vectors = |name: &str| (0..4).map(|i| format!(", {name}{i}: vec4<f32>")).collect::<String>();
    let _ = writeln!(text, "}}\n\nfn multiply(t: ptr<function, Tile>{}{}) {{", vectors("a"), vectors("b"));
    match left {
        Left::Rows => each_row(&mut text, add_row),
        Left::Columns => (0..SIDE / 4).for_each(|four| text += &add_four_rows(four)),
    }
    text += "}\n\nfn store_tile(t: ptr<function, Tile>, row: u32, column: u32) {\n";
    each_row(&mut text, |row| format!("    put(row + {row}u, column, (*t).c{row});\n"));
    text += "}\n";
    text
}

fn each_row(text: &mut String, line: impl Fn(usize) -> String) {
    (0..SIDE).for_each(|row| *text += &line(row));
}

/// Four k of one row: the invocation that has loaded the row gives it to all.
fn add_row(row: usize) -> String {
    let x = format!("x{row}");
    let mut line = format!("    let {x} = subgroupBroadcast(a{}, {}u);\n    ", row / 8, row % 8);
    for (k, component) in "xyzw".chars().enumerate() {
        let _ = write!(line, "(*t).c{row} += {x}.{component} * b{k}; ");
    }
    line.trim_end().to_owned() + "\n"
}

/// Four k of the four rows that one invocation has loaded.
fn add_four_rows(four: usize) -> String {
    let mut lines = String::new();
    for k in 0..4 {
        let _ = writeln!(lines, "    let x{four}_{k} = subgroupBroadcast(a{k}, {four}u);");
    }
    for (row, component) in (4 * four..).zip("xyzw".chars()) {
        let add = |k: usize| format!("(*t).c{row} += x{four}_{k}.{component} * b{k};");
        let _ = writeln!(lines, "    {}", (0..4).map(add).collect::<Vec<_>>().join(" "));
    }
    lines
}
