//! The roofline of every device: operations a byte against operations a second, with what memory and multiply-adds allow at
//! best as roofs, and a mark for every step, product and kernel. All that belongs to a shape lies on one vertical line, which has the shape's
//! name above it once; what each mark stands for is told by its form.

use super::svg::{Anchor, Mark, Scale, Svg};
use super::{CHARACTER, FAINT, INK, LINE, range, shortened, spread};
use crate::bench::report::figure;
use crate::bench::results::Results;
use crate::bench::row::{Ceilings, Row, What};
use crate::io::text::rounded;
use crate::math::transpose::Transpose;

/// Of the picture.
pub const WIDTH: f64 = 1000.0;
/// Left edge of a plot, and what is kept free at its right: more where kernels have their names there.
const LEFT: f64 = 70.0;
const MARGIN: f64 = 24.0;
const NAMES: f64 = 240.0;
/// Of a plot.
const HEIGHT: f64 = 320.0;
/// Above the names of the shapes, and below the plot.
const HEAD: f64 = 62.0;
const FOOT: f64 = 56.0;
/// From the names of the shapes to the plot.
const LEADERS: f64 = 26.0;

const ROOF: &str = "#444444";
/// Forms and colours of steps, kernels and products.
const STEP: (Mark, &str) = (Mark::Circle, "#c0392b");
const KERNEL: (Mark, &str) = (Mark::Square, "#7d6608");
const PRODUCTS: [(Transpose, &str, Mark, &str); 3] = [
    (Transpose::Nt, "A·Bᵀ", Mark::Up, "#1f618d"),
    (Transpose::Nn, "A·B", Mark::Diamond, "#148f77"),
    (Transpose::Tn, "Aᵀ·B", Mark::Down, "#6c3483"),
];

/// A step, product or kernel in the plot.
struct Point<'a> {
    row: &'a Row,
    /// Operations a byte.
    intensity: f64,
    /// 10⁹ operations a second.
    rate: f64,
    mark: Mark,
    color: &'static str,
}

/// Draws all below `top`; the height that they take. All plots have the same axes.
pub fn draw(svg: &mut Svg, top: f64, results: &Results) -> f64 {
    let panels: Vec<(Roofs, Vec<Point<'_>>)> = results
        .devices
        .iter()
        .map(|who| {
            let rows = results.rows.iter().filter(|row| row.device == who.device);
            (Roofs::of(results.ceilings(&who.device)), rows.filter_map(point).collect())
        })
        .collect();
    let all = || panels.iter().flat_map(|(_, points)| points);
    let roofs = || panels.iter().map(|(roofs, _)| roofs);
    let across = range(all().map(|point| point.intensity).chain(roofs().filter_map(|roofs| roofs.ridge)));
    let up = range(all().map(|point| point.rate).chain(roofs().filter_map(|roofs| roofs.peak)));
    let mut height = 0.0;
    for (who, (roofs, points)) in results.devices.iter().zip(panels) {
        let title = format!("{}: {}", shortened(&who.device, 30), who.adapter);
        let title = shortened(&title, ((WIDTH - 16.0) / CHARACTER) as usize);
        svg.text((8.0, top + height + 22.0), Anchor::Start, INK, &title);
        height += panel(svg, top + height, (across, up), &roofs, &points);
    }
    height
}

/// What bounds a device.
struct Roofs {
    /// 10⁹ operations a second.
    peak: Option<f64>,
    /// 10⁹ bytes a second.
    bandwidth: Option<f64>,
    /// Operations a byte where one bound takes over from the other.
    ridge: Option<f64>,
}

impl Roofs {
    fn of(Ceilings { gflops, gbytes }: Ceilings) -> Self {
        let ridge = gflops.zip(gbytes).map(|(peak, bandwidth)| peak / bandwidth);
        Self { peak: gflops, bandwidth: gbytes, ridge }
    }
}

/// Products and steps by the least that a product has to move, kernels by what they do move.
fn point(row: &Row) -> Option<Point<'_>> {
    let (mark, color) = match row.what {
        What::Step => STEP,
        What::Kernel => KERNEL,
        What::Product => {
            let (product, _) = row.variant.as_deref()?.split_once(' ')?;
            let &(.., mark, color) = PRODUCTS.iter().find(|(transpose, ..)| transpose.name() == product)?;
            (mark, color)
        }
        What::StepWithJ | What::Ceiling | What::Profile | What::TimeToCost => return None,
    };
    let (rate, shape) = (row.gflops?, row.shape?);
    let intensity = row.gbytes_per_second.map_or_else(|| shape.intensity(), |moved| rate / moved);
    Some(Point { row, intensity, rate, mark, color })
}

/// Draws one device's panel below `top`, over the ranges of both axes; its height.
fn panel(
    svg: &mut Svg,
    top: f64,
    (across, up): ((f64, f64), (f64, f64)),
    roofs: &Roofs,
    points: &[Point<'_>],
) -> f64 {
    let has_kernels = points.iter().any(|point| point.row.what == What::Kernel);
    let right = WIDTH - if has_kernels { NAMES } else { MARGIN };
    let x = Scale::new(across.0, across.1, LEFT, right);
    legend(svg, top + 22.0 + LINE, roofs, points);
    let names = shape_names(points);
    let room = names.iter().map(|(name, _)| name.len()).max().unwrap_or(0) as f64 * CHARACTER + 12.0;
    let is_level = room * names.len() as f64 <= right - LEFT;
    let band = if is_level { LINE } else { room };
    let above = top + HEAD + band + LEADERS;
    let below = above + HEIGHT;
    let y = Scale::new(up.0, up.1, below, above);
    axes(svg, (&x, &y), right, (above, below));

    let wanted: Vec<f64> = names.iter().map(|(_, intensity)| x.at(*intensity)).collect();
    let (half, apart) = if is_level { (room / 2.0, room) } else { (LINE / 2.0, LINE) };
    let places = spread(&wanted, LEFT + half, right - half, apart);
    for (((name, _), at), place) in names.iter().zip(&wanted).zip(places) {
        svg.line((place, above - LEADERS + 4.0), (*at, above), FAINT, 1.0);
        svg.line((*at, above), (*at, below), FAINT, 1.0);
        if is_level {
            svg.text((place, above - LEADERS), Anchor::Middle, INK, name);
        } else {
            svg.upward((place + 4.0, above - LEADERS), Anchor::Start, INK, name);
        }
    }
    roofs.draw(svg, (&x, &y), right, below);
    for point in points {
        let at = (x.at(point.intensity), y.at(point.rate));
        // Of the variants of a product the fastest counts.
        let is_best = !points.iter().any(|other| is_rival(point, other) && other.rate > point.rate);
        let name = format!("{}: {} GFLOP/s", point.row.name(), figure(point.rate));
        svg.mark(point.mark, at, if is_best { 5.0 } else { 2.5 }, point.color, &name);
    }
    let mut kernels: Vec<&Point<'_>> = points.iter().filter(|point| point.row.what == What::Kernel).collect();
    kernels.sort_by(|a, b| b.rate.total_cmp(&a.rate));
    let wanted: Vec<f64> = kernels.iter().map(|point| y.at(point.rate)).collect();
    for (point, place) in kernels.iter().zip(spread(&wanted, above + 6.0, below, LINE)) {
        svg.line((x.at(point.intensity), y.at(point.rate)), (right + 12.0, place), FAINT, 0.8);
        let moved = point.row.gbytes_per_second.map_or_else(String::new, figure);
        let name = point.row.variant.as_deref().unwrap_or_default();
        svg.text((right + 16.0, place + 4.0), Anchor::Start, KERNEL.1, &format!("{name}: {moved} GB/s"));
    }
    HEAD + band + LEADERS + HEIGHT + FOOT
}

/// Whether both are the same product of the same shape.
fn is_rival(one: &Point<'_>, other: &Point<'_>) -> bool {
    one.row.what == What::Product && one.mark == other.mark && one.row.shape == other.row.shape
}

/// The shapes of steps and products, by their intensity.
fn shape_names(points: &[Point<'_>]) -> Vec<(String, f64)> {
    let mut names: Vec<(String, f64)> = Vec::new();
    for point in points.iter().filter(|point| point.row.what != What::Kernel) {
        let name = point.row.shape.map(|shape| shape.to_string()).unwrap_or_default();
        if !names.iter().any(|(known, _)| *known == name) {
            names.push((name, point.intensity));
        }
    }
    names.sort_by(|a, b| a.1.total_cmp(&b.1));
    names
}

/// What marks and lines stand for, in a line.
fn legend(svg: &mut Svg, y: f64, roofs: &Roofs, points: &[Point<'_>]) {
    let mut left = LEFT;
    let mut say = |mark: Option<(Mark, &'static str)>, text: &str| {
        match mark {
            Some((mark, color)) => svg.mark(mark, (left, y - 4.0), 5.0, color, text),
            None => svg.line((left - 6.0, y - 4.0), (left + 6.0, y - 4.0), ROOF, 2.0),
        }
        svg.text((left + 12.0, y), Anchor::Start, INK, text);
        left += 12.0 + text.chars().count() as f64 * CHARACTER + 20.0;
    };
    if let (Some(peak), Some(bandwidth)) = (roofs.peak, roofs.bandwidth) {
        say(None, &format!("at best {} GFLOP/s, {} GB/s", figure(peak), figure(bandwidth)));
    }
    let has = |what| points.iter().any(|point| point.row.what == what);
    if has(What::Step) {
        say(Some(STEP), "step");
    }
    if has(What::Product) {
        for (_, name, mark, color) in PRODUCTS {
            say(Some((mark, color)), name);
        }
    }
    if has(What::Kernel) {
        say(Some(KERNEL), "kernel");
    }
}

fn axes(svg: &mut Svg, (x, y): (&Scale, &Scale), right: f64, (above, below): (f64, f64)) {
    for tick in x.ticks() {
        svg.line((x.at(tick), below), (x.at(tick), below + 5.0), INK, 1.0);
        svg.text((x.at(tick), below + 18.0), Anchor::Middle, INK, &rounded(tick));
    }
    for tick in y.ticks() {
        svg.line((LEFT, y.at(tick)), (right, y.at(tick)), FAINT, 1.0);
        svg.text((LEFT - 8.0, y.at(tick) + 4.0), Anchor::End, INK, &rounded(tick));
    }
    svg.line((LEFT, below), (right, below), INK, 1.2);
    svg.line((LEFT, above), (LEFT, below), INK, 1.2);
    let middle = (LEFT + right) / 2.0;
    svg.text((middle, below + 38.0), Anchor::Middle, INK, "operations a byte moved at least");
    svg.upward((18.0, (above + below) / 2.0), Anchor::Middle, INK, "GFLOP/s");
}

impl Roofs {
    /// Copying up to the ridge, multiply-adds beyond it.
    fn draw(&self, svg: &mut Svg, (x, y): (&Scale, &Scale), right: f64, below: f64) {
        let (Some(peak), Some(ridge)) = (self.peak, self.ridge) else { return };
        let at = (x.at(ridge), y.at(peak));
        svg.line(at, (right, at.1), ROOF, 2.0);
        // Down along the slope to the left edge or to the bottom, whichever comes first.
        let slope = (at.1 - y.at(peak / 10.0)) / (at.0 - x.at(ridge / 10.0));
        let at_left = at.1 + slope * (LEFT - at.0);
        let end = if at_left <= below { (LEFT, at_left) } else { (at.0 + (below - at.1) / slope, below) };
        svg.line(at, end, ROOF, 2.0);
    }
}
