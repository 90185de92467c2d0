//! The built-in pictures: dead leaves (Lee, Mumford & Huang 2001), opaque ellipses and rectangles that occlude one
//! another, with as many small ones as natural scenes have. Arithmetic is + − × ÷ √ and the libm crate alone, so
//! that every platform draws the same bits.

use std::path::PathBuf;

use crate::math::random::Stream;

/// How many pictures there are.
pub const PICTURES: u64 = 10;
/// Side of a finished picture, pixels.
pub const SIDE: usize = 512;
/// Side of the canvas that the leaves fall on; the halving smooths their edges.
const CANVAS: usize = 2 * SIDE;
/// Smallest and largest radius of a leaf, canvas pixels.
const RADII: (f64, f64) = (16.0, 400.0);
/// Fraction of rectangles.
const RECTANGLES: f64 = 0.5;
/// The shorter half axis is at least this fraction of the radius. Slender leaves have long straight edges: with 0.4 and a
/// quarter of rectangles 22.7 of 25 features came out oriented in the mean of ten seeds, with these numbers 23.5.
const THINNEST: f64 = 0.1;
/// Range of the grey in the middle of a leaf.
const GREYS: (f64, f64) = (0.2, 0.8);
/// Largest change of the grey from the middle of a leaf to its rim, along each axis.
const SHADING: f64 = 0.3;

/// Bytes of a finished picture.
pub const BYTES: u64 = (SIDE * SIDE * size_of::<f32>()) as u64;
/// Most bytes that drawing it takes: the canvas, half of it while it is filtered, and a few lines.
pub const BYTES_OF_DRAWING: u64 =
    ((CANVAS * CANVAS + SIDE * CANVAS + SIDE * SIDE) * size_of::<f32>()) as u64 + (1 << 17);

/// The name of a picture.
pub fn name(number: u64) -> PathBuf {
    PathBuf::from(format!("built-in picture {number}"))
}

/// Draws the picture of a number from its own stream, `[SIDE, SIDE]`.
pub fn draw(seed: u64, number: u64) -> Vec<f32> {
    let mut stream = Stream::numbered(seed, "dead leaves", number);
    let mut canvas = LeafCanvas::new();
    while canvas.bare > 0 {
        canvas.lay_below(&Leaf::random(&mut stream));
    }
    canvas.halved()
}

/// The outline of a leaf from above.
enum Outline {
    Ellipse,
    Rectangle,
}

/// One leaf. Its own coordinates (u, v) run from −1 to 1 along the two axes.
struct Leaf {
    outline: Outline,
    /// Centre, canvas pixels.
    centre: (f64, f64),
    /// Direction of the first axis, a unit vector.
    direction: (f64, f64),
    /// Half lengths of the axes, canvas pixels.
    half: (f64, f64),
    /// Grey in the middle.
    grey: f64,
    /// Change of the grey per unit of u and of v.
    slope: (f64, f64),
}

impl Leaf {
    fn random(stream: &mut Stream) -> Self {
        let outline = if stream.unit() < RECTANGLES { Outline::Rectangle } else { Outline::Ellipse };
        let radius = radius(stream.unit());
        // Centres reach so far out that the canvas's border sees as many leaves as its middle.
        let (low, high) = (-RADII.1, CANVAS as f64 + RADII.1);
        Self {
            outline,
            centre: (between(stream, low, high), between(stream, low, high)),
            direction: direction(stream),
            half: (radius, radius * between(stream, THINNEST, 1.0)),
            grey: between(stream, GREYS.0, GREYS.1),
            slope: (between(stream, -SHADING, SHADING), between(stream, -SHADING, SHADING)),
        }
    }

    /// u and v at row `dy` below the centre, each as (factor of dx, constant).
    fn axes(&self, dy: f64) -> [(f64, f64); 2] {
        let ((cos, sin), (a, b)) = (self.direction, self.half);
        [(cos / a, dy * sin / a), (-sin / b, dy * cos / b)]
    }

    /// The dx between which the row lies inside the leaf; empty if the first exceeds the second or is NaN.
    fn span(&self, [u, v]: [(f64, f64); 2]) -> (f64, f64) {
        match self.outline {
            // u² + v² ≤ 1 is a quadratic in dx.
            Outline::Ellipse => {
                let square = u.0 * u.0 + v.0 * v.0;
                let half_linear = u.0 * u.1 + v.0 * v.1;
                let root = (half_linear * half_linear - square * (u.1 * u.1 + v.1 * v.1 - 1.0)).sqrt();
                ((-half_linear - root) / square, (-half_linear + root) / square)
            }
            // |u| ≤ 1 and |v| ≤ 1; an axis along the row divides by 0 and leaves the other axis to decide.
            Outline::Rectangle => {
                let [first, second] = [u, v].map(|(factor, constant)| {
                    let ends = ((-1.0 - constant) / factor, (1.0 - constant) / factor);
                    if ends.0 < ends.1 { ends } else { (ends.1, ends.0) }
                });
                (first.0.max(second.0), first.1.min(second.1))
            }
        }
    }
}

/// Inverts the distribution of density ∝ r⁻³ over [`RADII`].
fn radius(unit: f64) -> f64 {
    let (small, large) = (1.0 / (RADII.0 * RADII.0), 1.0 / (RADII.1 * RADII.1));
    1.0 / (small - unit * (small - large)).sqrt()
}

/// A unit vector of any direction, by rejection from the disc: no sine, no cosine.
fn direction(stream: &mut Stream) -> (f64, f64) {
    loop {
        let (x, y) = (between(stream, -1.0, 1.0), between(stream, -1.0, 1.0));
        let square = x * x + y * y;
        if square > 0.01 && square <= 1.0 {
            let length = square.sqrt();
            return (x / length, y / length);
        }
    }
}

fn between(stream: &mut Stream, low: f64, high: f64) -> f64 {
    low + (high - low) * stream.unit()
}

/// The canvas while leaves are laid on it from the top one down.
struct LeafCanvas {
    /// `[CANVAS, CANVAS]`, NaN where nothing lies yet.
    greys: Vec<f32>,
    /// Pixels on which nothing lies yet.
    bare: usize,
}

impl LeafCanvas {
    fn new() -> Self {
        Self { greys: vec![f32::NAN; CANVAS * CANVAS], bare: CANVAS * CANVAS }
    }

    /// Lays a leaf under all that lie there already.
    fn lay_below(&mut self, leaf: &Leaf) {
        let reach = (leaf.half.0 * leaf.half.0 + leaf.half.1 * leaf.half.1).sqrt();
        for y in pixels(leaf.centre.1 - reach, leaf.centre.1 + reach) {
            let axes = leaf.axes(y as f64 - leaf.centre.1);
            let (first, last) = leaf.span(axes);
            for x in pixels(leaf.centre.0 + first, leaf.centre.0 + last) {
                let grey = &mut self.greys[y * CANVAS + x];
                if grey.is_nan() {
                    let [u, v] =
                        axes.map(|(factor, constant)| factor * (x as f64 - leaf.centre.0) + constant);
                    *grey = (leaf.grey + leaf.slope.0 * u + leaf.slope.1 * v).clamp(0.0, 1.0) as f32;
                    self.bare -= 1;
                }
            }
        }
    }

    /// `[SIDE, SIDE]` in [0, 1]: filtered across, then down.
    fn halved(&self) -> Vec<f32> {
        let taps = lanczos();
        let mut across = Vec::with_capacity(SIDE * CANVAS);
        self.greys.chunks_exact(CANVAS).for_each(|row| across.extend(halve(row, &taps)));
        let column = |x: usize| across.iter().skip(x).step_by(SIDE).copied().collect::<Vec<f32>>();
        let mut picture = vec![0.0; SIDE * SIDE];
        for x in 0..SIDE {
            for (y, grey) in halve(&column(x), &taps).into_iter().enumerate() {
                // The filter's negative lobes overshoot at strong edges.
                picture[y * SIDE + x] = grey.clamp(0.0, 1.0);
            }
        }
        picture
    }
}

/// The pixels from `low` to `high` that lie on the canvas; none if either is NaN.
fn pixels(low: f64, high: f64) -> std::ops::Range<usize> {
    // A negative number, and NaN, becomes 0 in the conversion; an empty span stays empty.
    let first = low.ceil().max(0.0) as usize;
    let end = (high.floor() + 1.0).min(CANVAS as f64) as usize;
    if low <= high { first..end } else { 0..0 }
}

/// Taps before and behind the middle of an output pixel.
const REACH: usize = 6;

/// Lanczos's windowed sinc of three lobes, stretched by 2, at the twelve input pixels around an output pixel.
fn lanczos() -> [f64; 2 * REACH] {
    let sinc = |x: f64| libm::sin(std::f64::consts::PI * x) / (std::f64::consts::PI * x);
    let mut taps = [0.0; 2 * REACH];
    for (k, tap) in taps.iter_mut().enumerate() {
        let distance = (k as f64 - (REACH as f64 - 0.5)) / 2.0;
        *tap = sinc(distance) * sinc(distance / 3.0);
    }
    let sum: f64 = taps.iter().sum();
    taps.map(|tap| tap / sum)
}

/// Half of a line; its end pixels are taken to go on for ever.
fn halve(line: &[f32], taps: &[f64; 2 * REACH]) -> Vec<f32> {
    let mut padded = vec![f64::from(line[0]); REACH - 1];
    padded.extend(line.iter().copied().map(f64::from));
    padded.extend([f64::from(line[line.len() - 1]); REACH - 1]);
    let dot = |window: &[f64]| window.iter().zip(taps).map(|(grey, tap)| grey * tap).sum::<f64>();
    padded.windows(taps.len()).step_by(2).map(|window| dot(window) as f32).collect()
}
