//! What is computed: sizes, data and constants, and the same steps in f64 by plain loops.

use std::fmt;

/// Target activation ρ.
pub const RHO: f64 = 0.05;
/// Weight β of the KL penalty.
pub const BETA: f64 = 3.0;
/// Weight decay λ.
pub const DECAY: f64 = 1e-4;
/// Momentum.
pub const MOMENTUM: f64 = 0.9;

/// A problem: `m` examples of `n` numbers, `h` hidden units.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Visible units.
    pub n: usize,
    /// Hidden units.
    pub h: usize,
    /// Examples.
    pub m: usize,
    /// Linear outputs instead of sigmoid ones.
    pub linear: bool,
}

impl Shape {
    const fn sigmoid(n: usize, h: usize, m: usize) -> Self {
        Self { n, h, m, linear: false }
    }

    /// The activation of its outputs, as rhohat calls it.
    pub fn output(&self) -> &'static str {
        if self.linear { "linear" } else { "sigmoid" }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}:{}", self.n, self.h, self.m)
    }
}

/// Those of `peers.py` but F, for which a software adapter takes many seconds a step.
pub const SHAPES: [(char, Shape); 6] = [
    ('A', Shape::sigmoid(64, 25, 10_000)),
    ('B', Shape::sigmoid(64, 256, 1_000)),
    ('C', Shape::sigmoid(784, 196, 1_000)),
    ('D', Shape::sigmoid(784, 1_024, 512)),
    ('E', Shape::sigmoid(784, 4_096, 512)),
    ('G', Shape { n: 192, h: 400, m: 2_000, linear: true }),
];

/// The shape of a letter.
pub fn shape(letter: char) -> Option<Shape> {
    SHAPES.iter().find(|shape| shape.0 == letter).map(|shape| shape.1)
}

/// Where training starts: examples `[m,n]` and the weights of both layers, `[n,h]` and `[h,n]`. The biases are 0.
pub struct Start {
    /// Examples, row by row.
    pub x: Vec<f32>,
    /// Weights of encoder and decoder, transposed as burn keeps those of a linear layer.
    pub weights: [Vec<f32>; 2],
}

impl Start {
    /// The same numbers for a shape every time.
    pub fn new(shape: Shape) -> Self {
        let Shape { n, h, m, .. } = shape;
        let mut state = 0;
        let mut draw = |count, low: f64, high: f64| -> Vec<f32> {
            (0..count).map(|_| (low + (high - low) * uniform(&mut state)) as f32).collect()
        };
        let reach = (6.0 / (n + h + 1) as f64).sqrt();
        Self { x: draw(m * n, 0.1, 0.9), weights: [draw(n * h, -reach, reach), draw(h * n, -reach, reach)] }
    }
}

/// The next number in [0, 1) of SplitMix64 (Steele, Lea & Flood 2014).
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// J before each of `steps` updates.
pub fn costs(shape: Shape, rate: f64, steps: usize) -> Vec<f64> {
    let Shape { n, h, m, linear } = shape;
    let start = Start::new(shape);
    let wide = |numbers: &[f32]| -> Vec<f64> { numbers.iter().map(|&number| number.into()).collect() };
    let sigmoid = |z: &mut f64| *z = 1.0 / (1.0 + (-*z).exp());
    let x = wide(&start.x);
    let xt = transposed(&x, n);
    // Encoder, decoder, hidden bias, output bias.
    let mut parameters = [wide(&start.weights[0]), wide(&start.weights[1]), vec![0.0; h], vec![0.0; n]];
    let mut velocities = parameters.each_ref().map(|parameter| vec![0.0; parameter.len()]);
    let mut costs = Vec::new();
    for _ in 0..steps {
        let [w1, w2, b1, b2] = &parameters;
        let mut a2 = product(&x, w1, n, b1);
        a2.iter_mut().for_each(sigmoid);
        let mut a3 = product(&a2, w2, h, b2);
        if !linear {
            a3.iter_mut().for_each(sigmoid);
        }
        let rho_hat: Vec<f64> = sums(&a2, h).iter().map(|sum| sum / m as f64).collect();
        let squares: f64 = a3.iter().zip(&x).map(|(a, x)| (a - x).powi(2)).sum();
        let decay: f64 = w1.iter().chain(w2).map(|w| w * w).sum();
        let kl: f64 =
            rho_hat.iter().map(|q| RHO * (RHO / q).ln() + (1.0 - RHO) * ((1.0 - RHO) / (1.0 - q)).ln()).sum();
        costs.push(squares / (2 * m) as f64 + DECAY / 2.0 * decay + BETA * kl);

        let slope = |a: f64| a * (1.0 - a);
        let delta3 = |(a, x): (&f64, &f64)| (a - x) * if linear { 1.0 } else { slope(*a) } / m as f64;
        let d3: Vec<f64> = a3.iter().zip(&x).map(delta3).collect();
        let pull: Vec<f64> =
            rho_hat.iter().map(|q| BETA / m as f64 * ((1.0 - RHO) / (1.0 - q) - RHO / q)).collect();
        let mut d2 = product(&d3, &transposed(w2, n), n, &pull);
        d2.iter_mut().zip(&a2).for_each(|(d, &a)| *d *= slope(a));
        let gradients = [
            product(&xt, &d2, m, &vec![0.0; h]),
            product(&transposed(&a2, h), &d3, m, &vec![0.0; n]),
            sums(&d2, h),
            sums(&d3, n),
        ];
        let decays = [DECAY, DECAY, 0.0, 0.0];
        for (k, gradient) in gradients.iter().enumerate() {
            for ((p, v), g) in parameters[k].iter_mut().zip(&mut velocities[k]).zip(gradient) {
                *v = MOMENTUM * *v + g + decays[k] * *p;
                *p -= rate * *v;
            }
        }
    }
    costs
}

/// `bias` + the product of `a`, whose rows are `inner` long, and `b`, whose rows are as long as `bias`.
fn product(a: &[f64], b: &[f64], inner: usize, bias: &[f64]) -> Vec<f64> {
    let columns = bias.len();
    let mut c = bias.repeat(a.len() / inner);
    // Rows by the dozen, so that a row of `b` serves more than once while it is in the cache.
    for (a, c) in a.chunks(12 * inner).zip(c.chunks_mut(12 * columns)) {
        for (k, b) in b.chunks_exact(columns).enumerate() {
            for (a, c) in a.chunks_exact(inner).zip(c.chunks_exact_mut(columns)) {
                c.iter_mut().zip(b).for_each(|(c, b)| *c += a[k] * b);
            }
        }
    }
    c
}

fn transposed(a: &[f64], columns: usize) -> Vec<f64> {
    (0..columns).flat_map(|column| a[column..].iter().step_by(columns).copied()).collect()
}

/// Sums over the rows.
fn sums(a: &[f64], columns: usize) -> Vec<f64> {
    let mut sums = vec![0.0; columns];
    for row in a.chunks_exact(columns) {
        sums.iter_mut().zip(row).for_each(|(sum, a)| *sum += a);
    }
    sums
}
