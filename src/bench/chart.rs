//! Results as one picture: the devices against each other over the shapes, and the roofline of each device.

mod roofline;
mod sizes;
mod svg;

use super::results::Results;
use svg::Svg;

const INK: &str = "#222222";
const FAINT: &str = "#dddddd";
/// Colours of the devices, told apart by eyes that see no red, too (Okabe & Ito).
const COLORS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];
/// Room that a character takes at most, on average, in the font of the picture.
const CHARACTER: f64 = 7.6;
/// From one line of text to the next.
const LINE: f64 = 16.0;

/// The picture as SVG that needs nothing else.
pub fn draw(results: &Results) -> String {
    let mut svg = Svg::default();
    let mut width = roofline::WIDTH;
    let mut top = 0.0;
    if let Some(size) = sizes::draw(&mut svg, results) {
        width = f64::max(width, size.0);
        top += size.1;
    }
    top += roofline::draw(&mut svg, top, results);
    svg.document(width, top)
}

/// Moves texts, wanted at rising places, apart by `room` while they stay between `first` and `last`.
fn spread(wanted: &[f64], first: f64, last: f64, room: f64) -> Vec<f64> {
    let mut placed: Vec<f64> = Vec::with_capacity(wanted.len());
    for &want in wanted {
        let least = placed.last().map_or(first, |last| last + room);
        placed.push(want.max(least));
    }
    let mut most = last;
    for place in placed.iter_mut().rev() {
        *place = place.min(most);
        most = *place - room;
    }
    placed
}

/// A factor of two around all of them.
fn range(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let usable = numbers.filter(|x| x.is_finite() && *x > 0.0);
    let (low, high) = usable.fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    if high > 0.0 { (low / 2.0, high * 2.0) } else { (0.5, 2.0) }
}

/// At most so many characters, the last of which tells that there were more.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::made_up::{results, times};
    use crate::bench::row::{COPY, MULTIPLY_ADD, Row, What};

    #[test]
    fn texts_keep_their_distance_and_their_order() {
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

    #[test]
    fn long_names_are_cut_and_say_so() {
        assert_eq!((shortened("abc", 3), shortened("abcd", 3)), ("abc".into(), "ab…".into()));
    }

    /// Where a text stands: left, top, right, bottom, and what it says.
    type Placed = (f64, f64, f64, f64, String);

    /// The attribute of an element.
    fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
        element.split_once(&format!("{name}=\""))?.1.split('"').next()
    }

    /// All texts of a picture, as wide as their characters are at most.
    fn texts(picture: &str) -> Vec<Placed> {
        let of = |line: &str| {
            let (start, rest) = line.strip_prefix("<text ")?.split_once('>')?;
            let text =
                rest.split_once("</text>")?.0.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
            let length = text.chars().count() as f64 * CHARACTER;
            let (begin, end) = match attribute(start, "text-anchor")? {
                "start" => (0.0, length),
                "middle" => (-length / 2.0, length / 2.0),
                _ => (-length, 0.0),
            };
            let number = |text: &str| text.parse::<f64>().unwrap();
            Some(match attribute(start, "transform") {
                Some(turned) => {
                    let at = turned.strip_prefix("translate(")?.split(')').next()?.split_once(' ')?;
                    let (x, y) = (number(at.0), number(at.1));
                    (x - 10.0, y - end, x + 3.0, y - begin, text)
                }
                None => {
                    let (x, y) = (number(attribute(start, "x")?), number(attribute(start, "y")?));
                    (x + begin, y - 10.0, x + end, y + 3.0, text)
                }
            })
        };
        picture.lines().filter_map(of).collect()
    }

    /// Fails where two texts overlap, or one leaves the picture.
    fn readable(picture: &str) {
        let number = |name| attribute(picture, name).unwrap().parse::<f64>().unwrap();
        let (width, height) = (number("width"), number("height"));
        let placed = texts(picture);
        assert!(placed.len() > 5, "{picture}");
        for (i, (left, top, right, bottom, text)) in placed.iter().enumerate() {
            assert!(
                *left >= 0.0 && *top >= 0.0 && *right <= width && *bottom <= height,
                "{text:?} leaves it"
            );
            for (l, t, r, b, other) in &placed[i + 1..] {
                let apart = right <= l || r <= left || bottom <= t || b <= top;
                assert!(apart, "{text:?} and {other:?} overlap");
            }
        }
        assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
    }

    /// Steps, products in several variants, kernels and ceilings of two devices.
    fn everything(shapes: &str) -> Results {
        let count = crate::bench::ladder::ladder(shapes).unwrap().len();
        let cpu: Vec<f64> = (0..count).map(|i| 0.3 * 3f64.powi(i as i32)).collect();
        let gpu: Vec<f64> = cpu.iter().map(|ms| 0.2 + ms / 2.0).collect();
        let mut all = results(shapes, &[("cpu", &cpu), ("software", &gpu)]);
        let steps = all.rows.clone();
        for step in steps.iter().filter(|row| row.device == "software") {
            for product in ["NT", "NN", "TN"] {
                for (i, variant) in ["tiled", "tiled64x64", "direct"].iter().enumerate() {
                    let row = Row { shape: step.shape, ..Row::of(What::Product, "software") };
                    let row = row.of_variant(format!("{product} {variant}/buffers"));
                    let took = times(step.median_ms.unwrap() * (0.2 + i as f64), 0.1);
                    all.rows.push(row.timed(took).operations(step.shape.unwrap().flops() / 5.0));
                }
            }
        }
        for (i, kernel) in ["column_mean", "dot", "max_exponent", "axpy", "sgd", "adam"].iter().enumerate() {
            let row = Row { shape: steps[0].shape, ..Row::of(What::Kernel, "software").of_variant(*kernel) };
            all.rows.push(row.timed(times(2.0, 0.0)).operations(1e7).moved(1e8 + 1e6 * i as f64));
        }
        for device in ["cpu", "software"] {
            let roof = Row::of(What::Ceiling, device).timed(times(1.0, 0.0));
            all.rows.push(Row { gflops: Some(230.0), ..roof.clone() }.of_variant(MULTIPLY_ADD));
            all.rows.push(Row { gbytes_per_second: Some(12.0), ..roof }.of_variant(COPY));
        }
        all
    }

    #[test]
    fn no_text_overlaps_another_however_much_was_measured() {
        let long =
            (1..=14).map(|i| format!("{}:{}:{}", 64 * i, 25 + 3 * i, 1000)).collect::<Vec<_>>().join(",");
        for shapes in ["64:25:1000", "usual", "small", "large", &long] {
            let mut all = everything(shapes);
            readable(&draw(&all));
            all.devices[1].device = "a device that somebody gave a very long name".into();
            all.devices[1].adapter = "an adapter with a description & a driver <of some length>, ".repeat(4);
            for row in &mut all.rows {
                if row.device == "software" {
                    row.device = all.devices[1].device.clone();
                }
            }
            readable(&draw(&all));
        }
    }

    #[test]
    fn one_device_with_one_step_and_nothing_else_is_drawn() {
        let picture = draw(&results("64:25:1000", &[("cpu", &[1.0])]));
        readable(&picture);
        assert!(picture.contains(">64:25:1000</text>"), "{picture}");
    }
}
