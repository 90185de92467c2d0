//! Charts as SVG within a page: curves over the steps of a run, and histograms. They need no script; one that reads
//! `data-series` shows the values under the pointer.

use std::borrow::Cow;

use maud::{Markup, html};
use serde_json::json;

/// The area of a chart with its margins, in units of its view box.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 30.0;
/// Ticks of an axis, about.
const TICKS: f64 = 5.0;

/// The scale of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AxisScale {
    /// Distances are differences.
    Linear,
    /// Distances are ratios; what is not above 0 has no place.
    Log,
}

/// A curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: Cow<'static, str>,
    /// The class that gives it its colour and dashes.
    pub class: &'static str,
    /// A value a step; none where it is not known.
    pub values: Vec<Option<f64>>,
}

/// A chart of curves over steps.
#[derive(Clone, Debug)]
pub struct Curves<'a> {
    /// Its heading.
    pub title: &'a str,
    /// The steps, rising.
    pub steps: &'a [f64],
    /// The scale of the values.
    pub scale: AxisScale,
    /// The curves.
    pub series: Vec<Series>,
    /// A value to be compared with, and its name.
    pub level: Option<(f64, &'a str)>,
}

impl Curves<'_> {
    /// The chart with its legend; nothing where no curve has two points.
    pub fn draw(&self) -> Option<Markup> {
        let is_placed = |value: f64| value.is_finite() && (self.scale == AxisScale::Linear || value > 0.0);
        let series: Vec<(&Series, Vec<(f64, f64)>)> = self
            .series
            .iter()
            .map(|series| {
                let values = self.steps.iter().zip(&series.values);
                let points = values.filter_map(|(&step, value)| value.map(|value| (step, value)));
                (series, points.filter(|&(_, value)| is_placed(value)).collect::<Vec<_>>())
            })
            .filter(|(_, points)| points.len() > 1)
            .collect();
        let values = series.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
        let (low, high) = range(values.chain(self.level.map(|level| level.0).filter(|&v| is_placed(v))))?;
        let y = Axis::new(self.scale, low, high, (HEIGHT - BOTTOM, TOP));
        let x =
            Axis::new(AxisScale::Linear, *self.steps.first()?, *self.steps.last()?, (LEFT, WIDTH - RIGHT));
        let data = json!({
            "x": self.steps,
            "left": LEFT / WIDTH,
            "right": (WIDTH - RIGHT) / WIDTH,
            "series": series.iter().map(|(series, _)| json!({ "name": series.name, "class": series.class, "y": series.values })).collect::<Vec<_>>(),
        });
        Some(html! {
            figure.chart data-series=(data) {
                figcaption { (self.title) }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label={ (self.title) " over steps" } {
                    (frame(&x, &y, "step"))
                    @if let Some((value, name)) = self.level.filter(|level| is_placed(level.0)) {
                        line.level x1=(LEFT) x2=(WIDTH - RIGHT) y1=(at(&y, value)) y2=(at(&y, value)) {}
                        text.level x=(WIDTH - RIGHT - 4.0) y=(place(y.at(value) - 4.0)) text-anchor="end" { (name) }
                    }
                    @for (series, points) in &series {
                        polyline.(series.class) points=(path(points, &x, &y)) {}
                    }
                }
                p.legend {
                    @for (series, points) in &series {
                        span.(series.class) { i {} " " (series.name) " " b { (number(points[points.len() - 1].1)) } } " "
                    }
                }
            }
        })
    }
}

/// How many of `values` lie in each of equal parts of a logarithmic axis, with a mark at `level`; those that are not above
/// 0 are told beside it.
pub fn histogram(title: &str, unit: &str, values: &[f64], level: Option<(f64, &str)>) -> Markup {
    const BARS: usize = 40;
    let placed: Vec<f64> = values.iter().copied().filter(|value| *value > 0.0).collect();
    let Some((low, high)) = range(placed.iter().copied().chain(level.map(|level| level.0))) else {
        return html! { figure.chart { figcaption { (title) } p { "no value above 0" } } };
    };
    // Bars of at least a fiftieth of a decade: what is all the same is one bar.
    let (low, high) = (low.log10(), high.log10().max(low.log10() + 0.02 * BARS as f64));
    let width = (high - low) / BARS as f64;
    let mut counts = [0_usize; BARS];
    for value in &placed {
        counts[(((value.log10() - low) / width) as usize).min(BARS - 1)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let x = Axis::new(AxisScale::Log, 10_f64.powf(low), 10_f64.powf(high), (LEFT, WIDTH - RIGHT));
    let y = Axis { scale: AxisScale::Linear, low: 0.0, high: most * 1.05, ends: (HEIGHT - BOTTOM, TOP) };
    let zeros = values.len() - placed.len();
    html! {
        figure.chart {
            figcaption { (title) }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(title) {
                (frame(&x, &y, unit))
                @for (bar, &count) in counts.iter().enumerate() {
                    @if count > 0 {
                        @let first = 10_f64.powf(low + width * bar as f64);
                        @let last = 10_f64.powf(low + width * (bar + 1) as f64);
                        rect.bar x=(at(&x, first)) y=(at(&y, count as f64))
                            width=(place((x.at(last) - x.at(first) - 1.0).max(1.0)))
                            height=(place(HEIGHT - BOTTOM - y.at(count as f64))) {
                            title { (count) " from " (number(first)) " to " (number(last)) }
                        }
                    }
                }
                @if let Some((value, name)) = level.filter(|level| level.0 > 0.0) {
                    line.level x1=(at(&x, value)) x2=(at(&x, value)) y1=(TOP) y2=(HEIGHT - BOTTOM) {}
                    @let is_right = x.at(value) > WIDTH / 2.0;
                    text.level x=(place(x.at(value) + if is_right { -4.0 } else { 4.0 })) y=(TOP + 10.0)
                        text-anchor=(if is_right { "end" } else { "start" }) { (name) }
                }
            }
            @if zeros > 0 {
                p.legend { (zeros) " of " (values.len()) " are 0 and have no place on this axis" }
            }
        }
    }
}

/// An axis that maps values to places.
struct Axis {
    scale: AxisScale,
    low: f64,
    high: f64,
    /// The places of `low` and `high`.
    ends: (f64, f64),
}

impl Axis {
    /// From at least `low` to at least `high`; what is all the same gets room around it.
    fn new(scale: AxisScale, low: f64, high: f64, ends: (f64, f64)) -> Self {
        let (low, high) = match scale {
            _ if high > low => (low, high),
            AxisScale::Linear => (low - 0.5, high + 0.5),
            AxisScale::Log => (low / 2.0, high * 2.0),
        };
        Self { scale, low, high, ends }
    }

    fn at(&self, value: f64) -> f64 {
        let share = match self.scale {
            AxisScale::Linear => (value - self.low) / (self.high - self.low),
            AxisScale::Log => (value / self.low).ln() / (self.high / self.low).ln(),
        };
        self.ends.0 + share * (self.ends.1 - self.ends.0)
    }

    /// Round values within the axis.
    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            AxisScale::Linear => {
                let step = round_step((self.high - self.low) / TICKS);
                let first = (self.low / step).ceil() as i64;
                let last = (self.high / step).floor() as i64;
                (first..=last).map(|i| i as f64 * step).collect()
            }
            AxisScale::Log => {
                let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
                let within = |&value: &f64| (self.low..=self.high).contains(&value);
                let of = |parts: &[f64]| -> Vec<f64> {
                    let decades = first..=last;
                    decades
                        .flat_map(|decade| parts.iter().map(move |part| part * 10_f64.powi(decade)))
                        .filter(within)
                        .collect()
                };
                let mut ticks = of(&[1.0]);
                if ticks.len() < 3 {
                    ticks = of(&[1.0, 2.0, 5.0]);
                }
                // A narrow range has no round ratios within it.
                if ticks.len() < 2 {
                    return Self { scale: AxisScale::Linear, ..*self }.ticks();
                }
                let every = ticks.len().div_ceil(TICKS as usize + 2);
                ticks.into_iter().step_by(every).collect()
            }
        }
    }
}

/// 1, 2 or 5 times a power of ten, about `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|part| part * power).into_iter().find(|&round| round >= step).unwrap_or(step)
}

/// Least and largest.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| {
        Some(range.map_or((value, value), |(low, high): (f64, f64)| (low.min(value), high.max(value))))
    })
}

/// Axes with ticks.
fn frame(x: &Axis, y: &Axis, unit: &str) -> Markup {
    html! {
        g.axis {
            @for tick in y.ticks() {
                line x1=(LEFT) x2=(WIDTH - RIGHT) y1=(at(y, tick)) y2=(at(y, tick)) {}
                text x=(LEFT - 6.0) y=(place(y.at(tick) + 4.0)) text-anchor="end" { (number(tick)) }
            }
            @for tick in x.ticks() {
                line x1=(at(x, tick)) x2=(at(x, tick)) y1=(HEIGHT - BOTTOM) y2=(HEIGHT - BOTTOM + 4.0) {}
                @if x.at(tick) < WIDTH - 90.0 {
                    text x=(at(x, tick)) y=(HEIGHT - BOTTOM + 18.0) text-anchor="middle" { (number(tick)) }
                }
            }
            text x=(WIDTH - RIGHT) y=(HEIGHT - BOTTOM + 18.0) text-anchor="end" { (unit) }
        }
    }
}

fn path(points: &[(f64, f64)], x: &Axis, y: &Axis) -> String {
    let points: Vec<String> =
        points.iter().map(|&(step, value)| format!("{},{}", at(x, step), at(y, value))).collect();
    points.join(" ")
}

fn at(axis: &Axis, value: f64) -> String {
    place(axis.at(value))
}

/// A place to a tenth of a unit.
fn place(value: f64) -> String {
    format!("{}", (value * 10.0).round() / 10.0)
}

/// A number in four digits.
pub fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-4..7).contains(&magnitude) {
        let text = format!("{value:.2e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{power}", plain(digits));
    }
    plain(&format!("{value:.*}", (3 - magnitude).max(0) as usize)).to_owned()
}

/// Digits without zeros behind the point.
fn plain(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves(values: Vec<Option<f64>>, scale: AxisScale) -> Option<String> {
        let steps: Vec<f64> = (0..values.len()).map(|i| i as f64).collect();
        let series = vec![Series { name: "J".into(), class: "j", values }];
        Curves { title: "J", steps: &steps, scale, series, level: None }.draw().map(Markup::into_string)
    }

    #[test]
    fn numbers_have_four_digits_and_no_zeros_behind_them() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (12.3456, "12.35"),
            (0.012345, "0.01235"),
            (123_456.0, "123456"),
            (1e-9, "1e-9"),
            (3.2e12, "3.2e12"),
            (-0.5, "-0.5"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_value_without_a_place_is_left_out_and_a_curve_needs_two() {
        let drawn = curves(vec![Some(1.0), Some(0.0), None, Some(100.0)], AxisScale::Log).unwrap();
        let points = drawn.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(points, "56,230 628,12");
        assert!(curves(vec![Some(1.0), None], AxisScale::Log).is_none());
        assert!(curves(vec![Some(-1.0), Some(f64::NAN)], AxisScale::Log).is_none());
        assert!(curves(vec![Some(2.0), Some(2.0)], AxisScale::Log).is_some());
    }

    #[test]
    fn ticks_are_round_and_within_the_axis() {
        let ticks = |scale, low, high| Axis::new(scale, low, high, (0.0, 1.0)).ticks();
        assert_eq!(ticks(AxisScale::Linear, 0.0, 10.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(AxisScale::Log, 0.5, 2000.0), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(ticks(AxisScale::Log, 0.9, 11.0), [1.0, 2.0, 5.0, 10.0]);
        for scale in [AxisScale::Linear, AxisScale::Log] {
            for (low, high) in [(1e-12, 1e12), (0.3, 0.31), (7.0, 7.0), (1.0, 1.0 + 1e-9)] {
                let ticks = ticks(scale, low, high);
                assert!(ticks.len() < 12, "{low} to {high}: {ticks:?}");
            }
        }
    }

    #[test]
    fn every_value_above_0_is_in_a_bar_of_a_histogram() {
        let values = [0.0, 1e-5, 0.01, 0.01, 0.02, 1.0];
        let drawn = histogram("density", "share", &values, Some((0.01, "rho"))).into_string();
        let counts = drawn
            .split("<title>")
            .skip(1)
            .map(|text| text.split(' ').next().unwrap().parse::<usize>().unwrap());
        assert_eq!(counts.sum::<usize>(), 5);
        assert!(drawn.contains("1 of 6 are 0"));
        assert!(histogram("density", "share", &[0.0], None).into_string().contains("no value"));
    }
}
