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

/// The chart as SVG that needs nothing else.
pub fn roofline(bench: &Bench) -> String {
    let mut svg = Svg::default();
    let mut top = 0.0;
    for who in &bench.contenders {
        let points: Vec<Point> =
            bench.rows.iter().filter(|row| row.device == who.device).filter_map(point).collect();
        top += panel(&mut svg, top, who, points);
    }
    svg.document(WIDTH, top)
}

/// Products and steps by the least that a product has to move, kernels by what they do move.
fn point(row: &Row) -> Option<Point> {
    let (color, name) = match row.what {
        What::Step => ("#c0392b", "step".to_owned()),
        What::Product => ("#1f618d", row.variant.clone()?),
        What::Kernel => ("#7d6608", row.variant.clone()?),
        What::Ceiling | What::Profile | What::TimeToCost => return None,
    };
    let (rate, shape) = (row.gflops?, row.shape?);
    let intensity = row.gbytes_per_second.map_or_else(|| shape.intensity(), |moved| rate / moved);
    let label = if row.what == What::Kernel { name } else { format!("{name} {shape}") };
    let label = format!("{label}: {} GFLOP/s", super::report::figure(rate));
    Some(Point { intensity, rate, label, color })
}

/// Draws one contender's panel below `top`; its height.
fn panel(svg: &mut Svg, top: f64, who: &Contender, mut points: Vec<Point>) -> f64 {
    let height = (points.len() as f64 * LINE).max(LEAST_HEIGHT);
    let (above, below) = (top + HEAD, top + HEAD + height);
    let (peak, bandwidth) = (who.peak.map(|peak| peak / 1e9), who.bandwidth.map(|bytes| bytes / 1e9));
    let ridge = peak.zip(bandwidth).map(|(peak, bandwidth)| peak / bandwidth);

    let intensities = points.iter().map(|point| point.intensity).chain(ridge);
    let (low, high) = range(intensities);
    let x = Scale::new(low, high, LEFT, RIGHT);
    let (low, high) = range(points.iter().map(|point| point.rate).chain(peak));
    let y = Scale::new(low, high, below, above);

    svg.text((LEFT, top + 24.0), Anchor::Start, INK, &format!("{}: {}", who.device, who.adapter));
    axes(svg, &x, &y, above, below);
    if let (Some(peak), Some(bandwidth), Some(ridge)) = (peak, bandwidth, ridge) {
        roofs(svg, &x, &y, (peak, bandwidth, ridge), below);
    }
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

/// Copying up to the ridge, multiply-adds beyond it.
fn roofs(svg: &mut Svg, x: &Scale, y: &Scale, (peak, bandwidth, ridge): (f64, f64, f64), below: f64) {
    let ridge_at = (x.at(ridge), y.at(peak));
    svg.line(ridge_at, (RIGHT, y.at(peak)), ROOF, 2.0);
    // Down along the slope to the left edge or to the bottom, whichever comes first.
    let slope = (ridge_at.1 - y.at(peak / 10.0)) / (ridge_at.0 - x.at(ridge / 10.0));
    let at_left = ridge_at.1 + slope * (LEFT - ridge_at.0);
    let end =
        if at_left <= below { (LEFT, at_left) } else { (ridge_at.0 + (below - ridge_at.1) / slope, below) };
    svg.line(ridge_at, end, ROOF, 2.0);
    let figure = super::report::figure;
    let multiply = format!("multiply-adds {} GFLOP/s", figure(peak));
    svg.text((RIGHT - 4.0, y.at(peak) - 7.0), Anchor::End, ROOF, &multiply);
    let copy = format!("copying {} GB/s", figure(bandwidth));
    svg.text((end.0 + 6.0, end.1 - 12.0), Anchor::Start, ROOF, &copy);
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
