//! The text of `tiled` that depends on its tile, or on how much a compiler takes: the tile's constants, the sums of an
//! invocation, its vectors of a piece, and whatever is written out for each of these. `shaders/_tiled.wgsl` has the rest and
//! says how they go together.

use std::fmt::Write;
use std::sync::OnceLock;

use super::Unrolled;
use crate::engine::variant::{Product, Tile};

/// k of a piece.
const DEPTH: usize = 16;
/// k of a piece that are written out where not all are.
const FEW: usize = 4;

/// That of a kernel, or none for one that is not of this family.
pub(super) fn text(product: Product, unrolled: Unrolled) -> Option<&'static str> {
    static TEXTS: [[OnceLock<String>; 2]; Product::TILED.len()] =
        [const { [const { OnceLock::new() }; 2] }; Product::TILED.len()];
    let number = Product::TILED.iter().position(|tiled| *tiled == product)?;
    Some(TEXTS[number][unrolled as usize].get_or_init(|| generated(product.tile(), unrolled)))
}

/// A tile with all that follows from it.
struct Plan {
    tile: Tile,
    /// Rows of an invocation, and columns.
    side: usize,
    /// Invocations one below the other.
    down: usize,
    /// Invocations side by side.
    across: usize,
    /// Vectors of a piece of A that an invocation fetches.
    of_a: usize,
    /// Vectors of a piece of B.
    of_b: usize,
}

impl Plan {
    fn new(tile: Tile) -> Self {
        let Tile { rows, cols, sharers } = tile;
        let side = (rows * cols / sharers).isqrt();
        let (down, across) = (rows / side, cols / side);
        assert_eq!((down * across, side % 4), (sharers, 0), "an invocation has a square of whole vectors");
        let vectors = |lines: usize| lines * DEPTH / 4 / sharers;
        let plan = Self { tile, side, down, across, of_a: vectors(rows), of_b: vectors(cols) };
        // An invocation goes on to its next vector by whole rows along k, and by whole lines across k.
        let is_whole = |lines: usize, count: usize| {
            count * sharers * 4 == lines * DEPTH && sharers.is_multiple_of(lines / 4)
        };
        assert!(is_whole(rows, plan.of_a) && is_whole(cols, plan.of_b) && sharers.is_multiple_of(4));
        plan
    }

    /// Vectors of the rows of an invocation, and of its columns.
    fn quads(&self) -> std::ops::Range<usize> {
        0..self.side / 4
    }
}

fn generated(tile: Tile, unrolled: Unrolled) -> String {
    let plan = Plan::new(tile);
    let Tile { rows, cols, sharers } = tile;
    let side = plan.side;
    let head = format!(
        "// Generated: tiles of {rows}×{cols} for {sharers} invocations, {side}×{side} sums each.\n\n"
    );
    [head, constants(&plan), fetching(&plan), adding(&plan, unrolled), storing(&plan)].concat()
}

fn constants(plan: &Plan) -> String {
    let Plan { tile: Tile { rows, cols, sharers }, across, .. } = plan;
    format!(
        "override WORKGROUP: u32 = {sharers}u;\n\n\
         const TILE_ROWS: u32 = {rows}u;\n\
         const TILE_COLS: u32 = {cols}u;\n\
         const SHARERS: u32 = {sharers}u;  // invocations of a tile\n\
         const ACROSS: u32 = {across}u;    // of these side by side\n\n"
    )
}

/// `Fetched` and all that goes through its vectors.
fn fetching(plan: &Plan) -> String {
    let of = |factor: char, count: usize| (0..count).map(move |number| (factor, number));
    let vectors: Vec<(char, usize)> = of('a', plan.of_a).chain(of('b', plan.of_b)).collect();
    let part = |number: usize| match number * plan.tile.sharers {
        0 => "local".to_owned(),
        more => format!("local + {more}u"),
    };
    let each = |line: &dyn Fn(char, usize) -> String| -> String {
        vectors.iter().map(|&(factor, number)| format!("    {}\n", line(factor, number))).collect()
    };
    let members = each(&|factor, number| format!("{factor}{number}: vec4<f32>,"));
    let loads = each(&|factor, number| match number {
        0 => format!("    load_{factor}(at_{factor}),"),
        more => format!("    load_{factor}(at_{factor} + {more}u * hop_{factor}),"),
    });
    let cuts = each(&|factor, number| {
        format!("    select(vec4<f32>(), x.{factor}{number}, k_of_{factor}({}) < left),", part(number))
    });
    let keeps = each(&|factor, number| format!("keep_{factor}({}, x.{factor}{number});", part(number)));
    format!(
        "struct Fetched {{\n{members}}}\n\n\
         fn fetch(at_a: u32, hop_a: u32, at_b: u32, hop_b: u32) -> Fetched {{\n    return Fetched(\n{loads}    );\n}}\n\n\
         // Leaves so many of the k of a piece; the others become 0.\n\
         fn cut(local: u32, x: Fetched, left: u32) -> Fetched {{\n    return Fetched(\n{cuts}    );\n}}\n\n\
         fn keep(local: u32, x: Fetched) {{\n{keeps}}}\n\n"
    )
}

/// `Tile`, and what adds a piece to it.
fn adding(plan: &Plan, unrolled: Unrolled) -> String {
    let Plan { side, down, across, .. } = plan;
    let mut text =
        "// Sums: those of a row in vectors, as far apart as store_tile has them.\nstruct Tile {\n"
            .to_owned();
    for row in 0..*side {
        let members: Vec<String> = plan.quads().map(|quad| format!("c{row}_{quad}: vec4<f32>,")).collect();
        let _ = writeln!(text, "    {}", members.join(" "));
    }
    let factors: Vec<String> = ['a', 'b']
        .iter()
        .flat_map(|factor| plan.quads().map(move |quad| format!("{factor}{quad}: vec4<f32>")))
        .collect();
    let _ = writeln!(
        text,
        "}}\n\n// One k: the outer product of {side} rows and {side} columns.\n\
         fn multiply(t: ptr<function, Tile>, {}) {{",
        factors.join(", ")
    );
    for row in 0..*side {
        let (quad, of_it) = (row / 4, ["x", "y", "z", "w"][row % 4]);
        let sum =
            |col| format!("(*t).c{row}_{col} = fma(vec4<f32>(a{quad}.{of_it}), b{col}, (*t).c{row}_{col});");
        let _ = writeln!(text, "    {}", plan.quads().map(sum).collect::<Vec<_>>().join(" "));
    }
    text += "}\n\nfn add_piece(t: ptr<function, Tile>, down: u32, across: u32) {\n";
    let one = |line: &str| {
        let load = |factor: char, lane: &str, apart: usize, quad: usize| match quad * apart {
            0 => format!("piece_{factor}[{line}][{lane}]"),
            beside => format!("piece_{factor}[{line}][{lane} + {beside}u]"),
        };
        let of_a = plan.quads().map(|quad| load('a', "down", *down, quad));
        let of_b = plan.quads().map(|quad| load('b', "across", *across, quad));
        format!("multiply(t, {});\n", of_a.chain(of_b).collect::<Vec<_>>().join(", "))
    };
    match unrolled {
        // Lines are constant, so that what guards an index is computed once for all of them.
        Unrolled::All => (0..DEPTH).for_each(|k| text += &format!("    {}", one(&format!("{k}u")))),
        Unrolled::Four => {
            let _ = writeln!(text, "    for (var line = 0u; line < {DEPTH}u; line += {FEW}u) {{");
            (0..FEW).for_each(|k| text += &format!("        {}", one(&format!("line + {k}u"))));
            text += "    }\n";
        }
    }
    text + "}\n\n"
}

/// What hands every sum to `put`: rows and columns of an invocation are neighbours by four, the next four lie as far off as
/// all invocations have four.
fn storing(plan: &Plan) -> String {
    let mut text = "fn store_tile(t: ptr<function, Tile>, row: u32, column: u32) {\n".to_owned();
    for row in 0..plan.side {
        let below = row / 4 * 4 * plan.down + row % 4;
        let put =
            |quad| format!("put(row + {below}u, column + {}u, (*t).c{row}_{quad});", quad * plan.across);
        let _ = writeln!(text, "    {}", plan.quads().map(put).collect::<Vec<_>>().join(" "));
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Unrolled; 2] = [Unrolled::All, Unrolled::Four];

    #[test]
    fn every_element_of_a_tile_is_the_sum_of_one_invocation_and_is_put_once() {
        for product in Product::TILED {
            let tile = product.tile();
            let plan = Plan::new(tile);
            let mut times = vec![0; tile.rows * tile.cols];
            let text = text(product, Unrolled::All).unwrap();
            let number = |line: &str, before: &str| -> usize {
                let rest = line.split_once(before).unwrap().1;
                rest[..rest.find('u').unwrap()].parse().unwrap()
            };
            let puts: Vec<&str> = text.split("put(").skip(1).collect();
            assert_eq!(puts.len(), plan.side * plan.side / 4);
            for (local, put) in (0..tile.sharers).flat_map(|local| puts.iter().map(move |put| (local, put))) {
                let row = 4 * (local / plan.across) + number(put, "row + ");
                let column = 4 * (local % plan.across + number(put, "column + "));
                times[row * tile.cols + column..][..4].iter_mut().for_each(|times| *times += 1);
            }
            assert!(times.iter().all(|times| *times == 1), "{product}");
        }
    }

    #[test]
    fn every_k_of_a_piece_is_added_once_and_in_order() {
        for (product, unrolled) in Product::TILED.into_iter().flat_map(|p| ALL.map(|u| (p, u))) {
            let text = text(product, unrolled).unwrap();
            let lines: Vec<&str> = text
                .split("multiply(t, piece_a[")
                .skip(1)
                .map(|rest| rest.split_once(']').unwrap().0)
                .collect();
            let wanted: Vec<String> = match unrolled {
                Unrolled::All => (0..DEPTH).map(|k| format!("{k}u")).collect(),
                Unrolled::Four => (0..FEW).map(|k| format!("line + {k}u")).collect(),
            };
            assert_eq!(lines, wanted, "{product}");
        }
    }

    #[test]
    fn other_kernels_have_no_such_text() {
        assert_eq!(
            [Product::Direct, Product::Broadcast].map(|product| text(product, Unrolled::All)),
            [None; 2]
        );
    }
}
