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

    /// The powers of ten inside, those at the ends included.
    pub fn decades(&self) -> impl Iterator<Item = f64> {
        // Logarithms of powers of ten are not exact.
        const SLACK: f64 = 1e-9;
        let ten = std::f64::consts::LN_10;
        let (first, last) =
            ((self.low / ten - SLACK).ceil() as i32, (self.high / ten + SLACK).floor() as i32);
        (first..=last).map(|power| 10f64.powi(power))
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
        let (x, y) = at;
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" fill="{fill}">{text}</text>"#
        ));
    }

    /// A text that runs upwards.
    pub fn upward(&mut self, at: (f64, f64), fill: &str, text: &str) {
        let ((x, y), text) = (at, escaped(text));
        self.add(format_args!(
            r#"<text transform="translate({x:.1} {y:.1}) rotate(-90)" text-anchor="middle" fill="{fill}">{text}</text>"#
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
        assert_eq!(
            scale.decades().map(|d| d.log10().round()).collect::<Vec<_>>(),
            [-1.0, 0.0, 1.0, 2.0, 3.0]
        );
        assert_eq!(Scale::new(2.0, 9.0, 0.0, 1.0).decades().count(), 0);
    }

    #[test]
    fn text_cannot_break_the_document() {
        let mut svg = Svg::default();
        svg.text((0.0, 0.0), Anchor::Start, "#000", "a<b & c>");
        assert!(svg.document(1.0, 1.0).contains("a&lt;b &amp; c&gt;"));
    }
}
