//! The devices against each other: the rate of whole steps over the shapes, with a column a shape that goes on below the axis
//! as a table of times and of who is faster.

use super::svg::{Anchor, Scale, Svg};
use super::{CHARACTER, COLORS, FAINT, INK, LINE, range, shortened};
use crate::bench::ladder::Size;
use crate::bench::report::{count, figure};
use crate::bench::results::Results;
use crate::bench::row::{Row, What};
use crate::bench::verdict::duels;
use crate::io::text::rounded;

/// Of the plot, without what stands around it.
const HEIGHT: f64 = 260.0;
/// Above the plot.
const HEAD: f64 = 52.0;
/// Room for a column: few share what there is.
const COLUMNS: f64 = 830.0;
const NARROW: f64 = 116.0;
const WIDE: f64 = 200.0;
/// Left and right of the columns.
const LEFT: f64 = 150.0;
const RIGHT: f64 = 20.0;
/// Characters of the name of a device.
const NAME: usize = 17;

/// Draws it at the top of a picture; its width and height. Nothing where no step was timed.
pub fn draw(svg: &mut Svg, results: &Results) -> Option<(f64, f64)> {
    let mut sizes: Vec<Size> = Vec::new();
    for size in results.rows_of(What::Step).filter_map(|row| row.shape) {
        if !sizes.contains(&size) {
            sizes.push(size);
        }
    }
    sizes.sort_by(|a, b| a.flops().total_cmp(&b.flops()));
    if sizes.is_empty() {
        return None;
    }
    let wide = (COLUMNS / sizes.len() as f64).clamp(NARROW, WIDE);
    let rates = || results.rows_of(What::Step).filter_map(|row| row.gflops);
    let (low, high) = range(rates());
    let below = HEAD + HEIGHT;
    let (y, x) = (Scale::new(low, high, below, HEAD), |column: usize| LEFT + wide * (column as f64 + 0.5));
    let right = LEFT + wide * sizes.len() as f64;
    svg.text((8.0, 22.0), Anchor::Start, INK, "Whole training steps");
    svg.text((8.0, 22.0 + LINE), Anchor::Start, INK, "GFLOP/s, more is better");
    for tick in y.ticks() {
        svg.line((LEFT, y.at(tick)), (right, y.at(tick)), FAINT, 1.0);
        svg.text((LEFT - 8.0, y.at(tick) + 4.0), Anchor::End, INK, &rounded(tick));
    }
    svg.line((LEFT, below), (right, below), INK, 1.2);

    // The table: shapes, work, a line a device, a line a comparison.
    let line = |row: usize| below + 20.0 + LINE * row as f64;
    for (column, size) in sizes.iter().enumerate() {
        svg.text((x(column), line(0)), Anchor::Middle, INK, &size.to_string());
        svg.text((x(column), line(1)), Anchor::Middle, INK, &format!("{}FLOP", count(size.flops())));
    }
    svg.text((8.0, line(0)), Anchor::Start, INK, "inputs:hidden:rows");
    svg.text((8.0, line(1)), Anchor::Start, INK, "work a step");
    for (at, who) in results.devices.iter().enumerate() {
        let color = COLORS[at % COLORS.len()];
        let steps: Vec<(f64, &Row)> = sizes
            .iter()
            .enumerate()
            .filter_map(|(column, size)| {
                let mut rows = results.rows_on(What::Step, &who.device);
                rows.find(|row| row.shape == Some(*size)).map(|row| (x(column), row))
            })
            .collect();
        svg.dot((12.0, line(2 + at) - 4.0), 4.0, color);
        svg.text((22.0, line(2 + at)), Anchor::Start, color, &shortened(&who.device, NAME));
        let points: Vec<(f64, f64)> =
            steps.iter().filter_map(|(x, row)| Some((*x, y.at(row.gflops?)))).collect();
        points.windows(2).for_each(|pair| svg.line(pair[0], pair[1], color, 1.5));
        for (x, row) in steps {
            let Some((rate, times)) = row.gflops.zip(row.times()) else { continue };
            // The quartiles of the times are those of the rates, turned about.
            let quartile = |seconds: f64| y.at((rate * times.median / seconds).clamp(low, high));
            svg.line((x, quartile(times.q1)), (x, quartile(times.q3)), color, 3.0);
            svg.dot((x, y.at(rate)), 4.0, color);
            svg.text((x, line(2 + at)), Anchor::Middle, color, &format!("{} ms", figure(times.median * 1e3)));
        }
    }
    let mut rows = 2 + results.devices.len();
    for duel in duels(results) {
        svg.text((8.0, line(rows)), Anchor::Start, INK, "faster");
        for lead in &duel.shapes {
            let column = sizes.iter().position(|size| *size == lead.size).map_or(0.0, x);
            let fast = if lead.ratio.value > 1.0 { duel.second } else { duel.first };
            let ratio = format!(" {}×", figure(lead.ratio.of_the_faster().value));
            let room = ((NARROW - 8.0) / CHARACTER) as usize - ratio.chars().count();
            let text = if lead.ratio.is_clear() { shortened(fast, room) + &ratio } else { "–".to_owned() };
            svg.text((column, line(rows)), Anchor::Middle, INK, &text);
        }
        rows += 1;
    }
    Some((right + RIGHT, line(rows) + LINE))
}
