//! Running error analysis (Higham, section 3.3): the pass of the reference over numbers that carry a bound of what f32
//! may make of them. Every rounding adds half an ulp, every activation its 4 ulp, and errors grow as the formulas make
//! them grow. Nothing here is fitted to what an engine returns.

use rhohat::math::objective::{Activation, Objective};
use rhohat::math::params::{Matrix, Params};
use rhohat::verify::compare::{Expected, UNIT, gamma};

/// Largest relative error of an activation: 4 ulp, an ulp being at most 2 units.
const ACTIVATION: f64 = 8.0 * UNIT;

/// An exact value, and how far the f32 result may lie from it.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    pub value: f64,
    pub error: f64,
}

impl Number {
    pub fn exact(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    /// The largest magnitude that the result may have.
    fn reach(self) -> f64 {
        self.value.abs() + self.error
    }

    /// One more rounding.
    pub fn rounded(self) -> Self {
        Self { error: self.error + UNIT * self.reach(), ..self }
    }

    pub fn plus(self, other: Self) -> Self {
        Self { value: self.value + other.value, error: self.error + other.error }.rounded()
    }

    pub fn minus(self, other: Self) -> Self {
        self.plus(Self { value: -other.value, ..other })
    }

    pub fn times(self, other: Self) -> Self {
        let error = self.reach() * other.reach() - (self.value * other.value).abs();
        Self { value: self.value * other.value, error }.rounded()
    }

    /// f, a function that rises (or falls) throughout, so that its ends tell how far it may go astray.
    fn monotone(self, f: impl Fn(f64) -> f64) -> Self {
        let value = f(self.value);
        let ends = [f(self.value - self.error), f(self.value + self.error)];
        Self { value, error: ends.map(|end| (end - value).abs()).into_iter().fold(0.0, f64::max) }
    }

    fn activated(self, f: Activation) -> Self {
        let a = self.monotone(|z| f.apply(z));
        match f {
            Activation::Linear => a,
            _ => Self { error: a.error + ACTIVATION * a.reach(), ..a },
        }
    }

    fn slope(self, f: Activation) -> Self {
        let one = Self::exact(1.0);
        match f {
            Activation::Sigmoid => self.times(one.minus(self)),
            Activation::Tanh => one.minus(self.times(self)),
            Activation::Linear => one,
            other => panic!("{other:?} has no bound here"),
        }
    }
}

/// Numbers without error.
pub fn exact(values: &[f32]) -> Vec<Number> {
    values.iter().map(|&x| Number::exact(f64::from(x))).collect()
}

/// Σ a·b of `terms` products and one more summand, in any order.
fn sum(terms: impl Iterator<Item = (Number, Number)>, more: Number) -> Number {
    let (mut value, mut reach, mut size, mut count) = (more.value, more.reach(), more.value.abs(), 1);
    for (a, b) in terms {
        value += a.value * b.value;
        reach += a.reach() * b.reach();
        size += (a.value * b.value).abs();
        count += 1;
    }
    Number { value, error: (reach - size) + gamma(count) * reach }
}

/// C `[rows, cols]`, each a [`sum`] over k of what `term(row, col, k)` names.
pub fn product(
    (rows, cols, depth): (usize, usize, usize),
    term: impl Fn(usize, usize, usize) -> (Number, Number),
    more: impl Fn(usize) -> Number,
) -> Vec<Number> {
    let element = |i: usize| sum((0..depth).map(|k| term(i / cols, i % cols, k)), more(i % cols));
    (0..rows * cols).map(element).collect()
}

/// Column means: the sums are taken in f64, whose errors are far below a unit, and rounded at the end.
fn column_means(a: &[Number], cols: usize) -> Vec<Number> {
    let rows = (a.len() / cols) as f64;
    let mean = |col: usize| {
        let column = a.iter().skip(col).step_by(cols);
        let (value, error) = column.fold((0.0, 0.0), |(v, e), x| (v + x.value, e + x.error));
        Number { value: value / rows, error: error / rows }.rounded()
    };
    (0..cols).map(mean).collect()
}

/// What an engine may return for the layers and for the gradient.
#[derive(Debug)]
pub struct Bounds {
    pub a2: Expected,
    pub a3: Expected,
    pub rho_hat: Expected,
    /// W1, b1, D, b2.
    pub gradient: [Expected; 4],
}

/// The pass at f32 parameters over f32 examples, with the exact ρ̂.
pub fn bounds(objective: &Objective, params: &Params<f32>, data: &Matrix<f32>) -> Bounds {
    let (n, h, m) = (params.shape.visible, params.shape.hidden, data.rows);
    let (w1, b1, d, b2) = (exact(&params.w1), exact(&params.b1), exact(&params.d), exact(&params.b2));
    let x = exact(&data.values);
    let (f, g) = (objective.activation, objective.output);
    let none = |_: usize| Number::exact(0.0);

    let z2 = product((m, h, n), |i, j, k| (x[i * n + k], w1[j * n + k]), |j| b1[j]);
    let a2: Vec<Number> = z2.iter().map(|z| z.activated(f)).collect();
    let z3 = product((m, n, h), |i, j, k| (a2[i * h + k], d[k * n + j]), |j| b2[j]);
    let a3: Vec<Number> = z3.iter().map(|z| z.activated(g)).collect();

    let active = |mean: &Number| mean.monotone(|mean| f.active_fraction().at(mean));
    let rho_hat: Vec<Number> = column_means(&a2, h).iter().map(active).collect();
    let penalty_grad = |rho_hat: &Number| rho_hat.monotone(|r| objective.penalty_grad(r)).rounded();
    let slope: Vec<Number> = rho_hat.iter().map(penalty_grad).collect();

    let delta3: Vec<Number> = a3.iter().zip(&x).map(|(a3, x)| a3.minus(*x).times(a3.slope(g))).collect();
    let error = product((m, h, n), |i, j, k| (delta3[i * n + k], d[j * n + k]), none);
    let delta2: Vec<Number> = (0..m * h).map(|i| error[i].plus(slope[i % h]).times(a2[i].slope(f))).collect();

    let decayed = |sums: Vec<Number>, w: &[Number]| -> Vec<Number> {
        let (scale, lambda) =
            (Number::exact(1.0 / m as f64).rounded(), Number::exact(objective.lambda).rounded());
        sums.iter().zip(w).map(|(sum, w)| sum.times(scale).plus(lambda.times(*w))).collect()
    };
    let d_gradient = decayed(product((h, n, m), |i, j, k| (a2[k * h + i], delta3[k * n + j]), none), &d);
    let w1_gradient = decayed(product((h, n, m), |i, j, k| (delta2[k * h + i], x[k * n + j]), none), &w1);
    let gradient = [w1_gradient, column_means(&delta2, h), d_gradient, column_means(&delta3, n)];
    Bounds {
        a2: expected(&a2),
        a3: expected(&a3),
        rho_hat: expected(&rho_hat),
        gradient: gradient.map(|g| expected(&g)),
    }
}

/// For the comparer.
pub fn expected(numbers: &[Number]) -> Expected {
    Expected::within(numbers.iter().map(|x| x.value).collect(), |i| numbers[i].error)
}
