//! The little of SVG that a chart needs: a logarithmic scale and marks as text.

use std::fmt::Write;

/// Maps numbers to pixels by their logarithm.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// `low` at pixel `from`, `high` at pixel `to`; `low` < `high`, both above 0.
    pub fn new(low: f64, high: f64, from: f64, to: f64) -> Self {
        Self { low: low.ln(), high: high.ln(), from, to }
    }

    /// The pixel of a number.
    pub fn at(&self, x: f64) -> f64 {
        self.from + (x.ln() - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Round numbers inside, those at the ends included: powers of ten, where these are few 2 and 5 of each, too.
    pub fn ticks(&self) -> Vec<f64> {
        // Logarithms are not exact.
        const SLACK: f64 = 1e-9;
        let ten = std::f64::consts::LN_10;
        let decades = (self.low / ten).floor() as i32..=(self.high / ten).ceil() as i32;
        let is_inside = |x: &f64| (self.low - SLACK..=self.high + SLACK).contains(&x.ln());
        let of = |parts: &[f64]| -> Vec<f64> {
            let all =
                decades.clone().flat_map(|power| parts.iter().map(move |part| part * 10f64.powi(power)));
            all.filter(is_inside).collect()
        };
        let powers = of(&[1.0]);
        if powers.len() > 2 { powers } else { of(&[1.0, 2.0, 5.0]) }
    }
}

/// Where a text stands at its point.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// The form of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A circle.
    Circle,
    /// A square.
    Square,
    /// A square on one of its corners.
    Diamond,
    /// A triangle that points up.
    Up,
    /// A triangle that points down.
    Down,
}

/// A picture as it grows.
#[derive(Debug, Default)]
pub struct Svg(String);

impl Svg {
    /// A line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str, width: f64) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.add(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{stroke}" stroke-width="{width}"/>"#
        ));
    }

    /// A dot.
    pub fn dot(&mut self, at: (f64, f64), radius: f64, fill: &str) {
        let (x, y) = at;
        self.add(format_args!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" fill="{fill}"/>"#));
    }

    /// A text.
    pub fn text(&mut self, at: (f64, f64), anchor: Anchor, fill: &str, text: &str) {
        let ((x, y), anchor, text) = (at, anchor.name(), escaped(text));
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" fill="{fill}">{text}</text>"#
        ));
    }

    /// A mark that tells its name to a pointer on it.
    pub fn mark(&mut self, mark: Mark, at: (f64, f64), radius: f64, fill: &str, name: &str) {
        let ((x, y), r, name) = (at, radius, escaped(name));
        let corners: &[(f64, f64)] = match mark {
            Mark::Circle => {
                let circle = format_args!(
                    r#"<circle cx="{x:.1}" cy="{y:.1}" r="{r}" fill="{fill}"><title>{name}</title></circle>"#
                );
                return self.add(circle);
            }
            Mark::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            Mark::Diamond => &[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)],
            Mark::Up => &[(0.0, -1.1), (1.1, 0.9), (-1.1, 0.9)],
            Mark::Down => &[(0.0, 1.1), (1.1, -0.9), (-1.1, -0.9)],
        };
        let corner = |(dx, dy): &(f64, f64)| format!("{:.1},{:.1}", x + r * dx, y + r * dy);
        let points = corners.iter().map(corner).collect::<Vec<_>>().join(" ");
        self.add(format_args!(r#"<polygon points="{points}" fill="{fill}"><title>{name}</title></polygon>"#));
    }

    /// A text that runs upwards.
    pub fn upward(&mut self, at: (f64, f64), anchor: Anchor, fill: &str, text: &str) {
        let ((x, y), anchor, text) = (at, anchor.name(), escaped(text));
        self.add(format_args!(
            r#"<text transform="translate({x:.1} {y:.1}) rotate(-90)" text-anchor="{anchor}" fill="{fill}">{text}</text>"#
        ));
    }

    /// The whole document, of a size in pixels.
    pub fn document(self, width: f64, height: f64) -> String {
        let frame = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" font-family="sans-serif" font-size="12">"#
        );
        let ground = r##"<rect width="100%" height="100%" fill="#ffffff"/>"##;
        format!("{frame}\n{ground}\n{}</svg>\n", self.0)
    }

    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{element}").expect("a string takes everything");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_logarithmic_either_way() {
        let scale = Scale::new(0.1, 1000.0, 400.0, 0.0);
        assert!((scale.at(0.1) - 400.0).abs() < 1e-9);
        assert!((scale.at(10.0) - 200.0).abs() < 1e-9);
        assert_eq!(scale.ticks(), [0.1, 1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(Scale::new(2.0, 30.0, 0.0, 1.0).ticks(), [2.0, 5.0, 10.0, 20.0]);
    }

    #[test]
    fn text_cannot_break_the_document() {
        let mut svg = Svg::default();
        svg.text((0.0, 0.0), Anchor::Start, "#000", "a<b & c>");
        assert!(svg.document(1.0, 1.0).contains("a&lt;b &amp; c&gt;"));
    }
}
