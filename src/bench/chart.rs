//! The roofline of every contender: operations a byte against operations a second, with what memory and multiply-adds
//! allow at best as roofs, and a dot for every step, product and kernel. Labels stand beside the panel, so that dots
//! which lie together stay readable.

mod svg;

use super::contender::Contender;
use super::row::{Row, What};
use super::tasks::Bench;
use svg::{Anchor, Scale, Svg};

const WIDTH: f64 = 1000.0;
/// Left and right edge of the plot.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 620.0;
/// Above and below the plot of a panel.
const HEAD: f64 = 46.0;
const FOOT: f64 = 52.0;
const LEAST_HEIGHT: f64 = 320.0;
/// From one label to the next.
const LINE: f64 = 15.0;

const INK: &str = "#222222";
const FAINT: &str = "#dddddd";
const ROOF: &str = "#444444";

/// A step, product or kernel in the plot.
struct Point {
    /// Operations a byte.
    intensity: f64,
    /// 10⁹ operations a second.
    rate: f64,
    label: String,
    color: &'static str,
}

/// The chart as SVG that needs nothing else. All panels have the same axes.
pub fn roofline(bench: &Bench) -> String {
    let of = |who: &Contender| {
        bench.rows.iter().filter(|row| row.device == who.device).filter_map(point).collect()
    };
    let panels: Vec<(Roofs, Vec<Point>)> =
        bench.contenders.iter().map(|who| (Roofs::of(who), of(who))).collect();
    let all = || panels.iter().flat_map(|(_, points)| points);
    let roofs = || panels.iter().map(|(roofs, _)| roofs);
    let across = range(all().map(|point| point.intensity).chain(roofs().filter_map(|roofs| roofs.ridge)));
    let up = range(all().map(|point| point.rate).chain(roofs().filter_map(|roofs| roofs.peak)));

    let mut svg = Svg::default();
    let mut top = 0.0;
    for (who, (roofs, points)) in bench.contenders.iter().zip(panels) {
        svg.text((LEFT, top + 24.0), Anchor::Start, INK, &format!("{}: {}", who.device, who.adapter));
        top += panel(&mut svg, top, (across, up), &roofs, points);
    }
    svg.document(WIDTH, top)
}

/// What bounds a contender.
struct Roofs {
    /// 10⁹ operations a second.
    peak: Option<f64>,
    /// 10⁹ bytes a second.
    bandwidth: Option<f64>,
    /// Operations a byte where one bound takes over from the other.
    ridge: Option<f64>,
}

impl Roofs {
    fn of(who: &Contender) -> Self {
        let (peak, bandwidth) = (who.peak.map(|peak| peak / 1e9), who.bandwidth.map(|bytes| bytes / 1e9));
        Self { peak, bandwidth, ridge: peak.zip(bandwidth).map(|(peak, bandwidth)| peak / bandwidth) }
    }
}

/// Products and steps by the least that a product has to move, kernels by what they do move.
fn point(row: &Row) -> Option<Point> {
    let (color, name) = match row.what {
        What::Step => ("#c0392b", "step".to_owned()),
        What::Product => ("#1f618d", row.variant.clone()?),
        What::Kernel => ("#7d6608", row.variant.clone()?),
        What::StepWithJ | What::Ceiling | What::Profile | What::TimeToCost => return None,
    };
    let (rate, shape) = (row.gflops?, row.shape?);
    let intensity = row.gbytes_per_second.map_or_else(|| shape.intensity(), |moved| rate / moved);
    let label = if row.what == What::Kernel { name } else { format!("{name} {shape}") };
    let label = format!("{label}: {} GFLOP/s", super::report::figure(rate));
    Some(Point { intensity, rate, label, color })
}

/// Draws one contender's panel below `top`, over the ranges of both axes; its height.
fn panel(
    svg: &mut Svg,
    top: f64,
    (across, up): ((f64, f64), (f64, f64)),
    roofs: &Roofs,
    mut points: Vec<Point>,
) -> f64 {
    let height = (points.len() as f64 * LINE).max(LEAST_HEIGHT);
    let (above, below) = (top + HEAD, top + HEAD + height);
    let x = Scale::new(across.0, across.1, LEFT, RIGHT);
    let y = Scale::new(up.0, up.1, below, above);
    axes(svg, &x, &y, above, below);
    roofs.draw(svg, &x, &y, below);
    points.sort_by(|a, b| b.rate.total_cmp(&a.rate));
    let wanted: Vec<f64> = points.iter().map(|point| y.at(point.rate)).collect();
    for (point, label) in points.iter().zip(spread(&wanted, above + 6.0, below, LINE)) {
        let at = (x.at(point.intensity), y.at(point.rate));
        svg.line(at, (RIGHT + 12.0, label), FAINT, 0.8);
        svg.dot(at, 4.0, point.color);
        svg.text((RIGHT + 16.0, label + 4.0), Anchor::Start, point.color, &point.label);
    }
    HEAD + height + FOOT
}

/// A factor of two around all of them.
fn range(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let usable = numbers.filter(|x| x.is_finite() && *x > 0.0);
    let (low, high) = usable.fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    if high > 0.0 { (low / 2.0, high * 2.0) } else { (0.5, 2.0) }
}

fn axes(svg: &mut Svg, x: &Scale, y: &Scale, above: f64, below: f64) {
    for decade in x.decades() {
        svg.line((x.at(decade), above), (x.at(decade), below), FAINT, 1.0);
        svg.text((x.at(decade), below + 18.0), Anchor::Middle, INK, &decade.to_string());
    }
    for decade in y.decades() {
        svg.line((LEFT, y.at(decade)), (RIGHT, y.at(decade)), FAINT, 1.0);
        svg.text((LEFT - 8.0, y.at(decade) + 4.0), Anchor::End, INK, &decade.to_string());
    }
    svg.line((LEFT, below), (RIGHT, below), INK, 1.2);
    svg.line((LEFT, above), (LEFT, below), INK, 1.2);
    svg.text(((LEFT + RIGHT) / 2.0, below + 38.0), Anchor::Middle, INK, "operations a byte moved");
    svg.upward((18.0, (above + below) / 2.0), INK, "GFLOP/s");
}

impl Roofs {
    /// Copying up to the ridge, multiply-adds beyond it.
    fn draw(&self, svg: &mut Svg, x: &Scale, y: &Scale, below: f64) {
        let (Some(peak), Some(bandwidth), Some(ridge)) = (self.peak, self.bandwidth, self.ridge) else {
            return;
        };
        let at = (x.at(ridge), y.at(peak));
        svg.line(at, (RIGHT, at.1), ROOF, 2.0);
        // Down along the slope to the left edge or to the bottom, whichever comes first.
        let slope = (at.1 - y.at(peak / 10.0)) / (at.0 - x.at(ridge / 10.0));
        let at_left = at.1 + slope * (LEFT - at.0);
        let end = if at_left <= below { (LEFT, at_left) } else { (at.0 + (below - at.1) / slope, below) };
        svg.line(at, end, ROOF, 2.0);

        let figure = super::report::figure;
        let multiply = format!("multiply-adds {} GFLOP/s", figure(peak));
        svg.text((RIGHT - 4.0, at.1 - 7.0), Anchor::End, ROOF, &multiply);
        // Beside the upper half of the slope, on the side where its end is higher.
        let beside = (at.0 + 0.4 * (end.0 - at.0) - 8.0, at.1 + 0.4 * (end.1 - at.1));
        svg.text(beside, Anchor::End, ROOF, &format!("copying {} GB/s", figure(bandwidth)));
    }
}

/// Moves labels, wanted from the top down, apart by `line` while they stay between `above` and `below`.
fn spread(wanted: &[f64], above: f64, below: f64, line: f64) -> Vec<f64> {
    let mut placed: Vec<f64> = Vec::with_capacity(wanted.len());
    for &want in wanted {
        let least = placed.last().map_or(above, |last| last + line);
        placed.push(want.max(least));
    }
    let mut most = below;
    for place in placed.iter_mut().rev() {
        *place = place.min(most);
        most = *place - line;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_distance_and_their_order() {
        assert_eq!(spread(&[10.0, 50.0], 0.0, 100.0, 15.0), [10.0, 50.0]);
        assert_eq!(spread(&[10.0, 12.0, 14.0], 0.0, 100.0, 15.0), [10.0, 25.0, 40.0]);
        assert_eq!(spread(&[95.0, 96.0, 97.0], 0.0, 100.0, 15.0), [70.0, 85.0, 100.0]);
        assert!(spread(&[], 0.0, 100.0, 15.0).is_empty());
    }

    #[test]
    fn ranges_leave_room_and_stand_without_numbers() {
        assert_eq!(range([1.0, 8.0, f64::NAN, 0.0].into_iter()), (0.5, 16.0));
        assert_eq!(range(std::iter::empty()), (0.5, 2.0));
    }
}
