//! The generated source parts of products: tiles in named registers. Sums in registers need names or constant indices, and
//! no compiler of a software adapter unrolls a loop of this size; hence text from here.
//!
//! `broadcast`: eight invocations share a tile of 32×32, each holding four neighbouring columns of its 32 rows. `tiled`: 128
//! share one of 128×64 through workgroup memory (`shaders/_tiled.wgsl`), each holding 8×8, two times four neighbours
//! each way.

use std::fmt::Write;

/// Rows and columns of a tile of `broadcast`.
pub const SIDE: usize = 32;
/// Rows and columns of a tile of `tiled`.
pub const SHARED: (usize, usize) = (128, 64);
/// Invocations that share a tile of `tiled`.
pub const SHARERS: usize = 128;

/// How many k of a piece of `tiled` are written out one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrolled {
    /// All sixteen: products were a tenth faster on an H100 than with four.
    All,
    /// Four in each turn of a loop: for the compilers of software adapters, which take several times as long for all.
    Four,
}

impl Unrolled {
    fn count(self) -> usize {
        match self {
            Self::All => 16,
            Self::Four => 4,
        }
    }
}

/// What is generated for a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
    /// The tile of `broadcast`.
    Broadcast(Left),
    /// The tile of `tiled`.
    Shared,
}

impl Generated {
    /// The source part.
    pub fn text(self, unrolled: Unrolled) -> String {
        match self {
            Self::Broadcast(left) => broadcast(left),
            Self::Shared => shared(unrolled.count()),
        }
    }

    /// Invocations that share a tile: a workgroup.
    pub fn sharers(self) -> u32 {
        match self {
            Self::Broadcast(_) => 8,
            Self::Shared => SHARERS as u32,
        }
    }
}

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
fn broadcast(left: Left) -> String {
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

/// The struct of sums; `multiply`, which adds some k of a piece; and `store_tile`.
fn shared(unrolled: usize) -> String {
    let mut text = String::from("// Generated: 8×8 of a tile of 128×64 an invocation.\nstruct Tile {\n");
    (0..8).for_each(|row| text += &format!("    c{row}l: vec4<f32>, c{row}h: vec4<f32>,\n"));
    let _ = writeln!(text, "}}\n\nconst UNROLLED: u32 = {unrolled}u;\n");
    text += "fn multiply(t: ptr<function, Tile>, at_a: u32, at_b: u32) {\n";
    (0..unrolled).for_each(|k| text += &add_one_k(k));
    text += "}\n\nfn store_tile(t: ptr<function, Tile>, row: u32, column: u32) {\n";
    for row in 0..8 {
        let below = if row < 4 { row } else { SHARED.0 / 2 + row - 4 };
        let beside = SHARED.1 / 8;
        let put = |column: &str, part: char| format!("put(row + {below}u, {column}, (*t).c{row}{part});");
        let _ = writeln!(text, "    {} {}", put("column", 'l'), put(&format!("column + {beside}u"), 'h'));
    }
    text += "}\n";
    text
}

/// One k of the piece: the outer product of eight rows and eight columns.
fn add_one_k(k: usize) -> String {
    let load = |name: &str, factor: char, lane: &str, beside: usize| {
        format!(
            "let {name}{k} = piece_{factor}[{k}u * LINE_{} + {lane} + {beside}u];",
            factor.to_ascii_uppercase()
        )
    };
    let mut lines = format!(
        "    {} {}\n    {} {}\n",
        load("al", 'a', "at_a", 0),
        load("ah", 'a', "at_a", SHARED.0 / 8),
        load("bl", 'b', "at_b", 0),
        load("bh", 'b', "at_b", SHARED.1 / 8)
    );
    for row in 0..8 {
        let x =
            format!("vec4<f32>(a{}{k}.{})", if row < 4 { 'l' } else { 'h' }, ["x", "y", "z", "w"][row % 4]);
        let add = |part: char| format!("(*t).c{row}{part} = fma({x}, b{part}{k}, (*t).c{row}{part});");
        let _ = writeln!(lines, "    {} {}", add('l'), add('h'));
    }
    lines
}
