//! Softmax over numbers with error bounds.
//!
//! Two things move a result: the errors of Z, and the roundings on the way from the Z at hand. P of a class rises
//! with its own z and falls with every other, and −log P the other way round; so what the errors of Z do is bounded
//! by two ends, where a class is as far up as it can be and all others down, and the reverse. Roundings are relative
//! errors of the exponentials, of their sum and of the quotient.

use super::{Approx, DIVISION, LOG, LOG_NEAR_ONE, ROUNDING, exp_error, sum_error};

/// A row of Z: exponentials of the exact differences from its largest number, and what goes wrong with them.
struct Row {
    /// exp(z − largest).
    powers: Vec<f64>,
    total: f64,
    /// Of each z.
    errors: Vec<f64>,
    /// Σ exp(z − largest) with every z as far up, and as far down, as its error allows.
    ends: [f64; 2],
    /// largest − z at most, as computed.
    depths: Vec<f64>,
    /// Largest error of any z.
    widest: f64,
    /// Of numbers that may be flushed to 0.
    flushed: f64,
}

impl Row {
    fn new(z: &[Approx]) -> Self {
        let largest = z.iter().map(|z| z.value).fold(f64::NEG_INFINITY, f64::max);
        let widest = z.iter().map(|z| z.error).fold(0.0, f64::max);
        let powers: Vec<f64> = z.iter().map(|z| (z.value - largest).exp()).collect();
        let end = |sign: f64| powers.iter().zip(z).map(|(power, z)| power * (sign * z.error).exp()).sum();
        Self {
            total: powers.iter().sum(),
            ends: [end(1.0), end(-1.0)],
            errors: z.iter().map(|z| z.error).collect(),
            depths: z.iter().map(|z| largest - z.value + z.error + widest).collect(),
            widest,
            flushed: (z.len() + 2) as f64 * f64::from(f32::MIN_POSITIVE),
            powers,
        }
    }

    /// exp of class `i` over exp of all others: exactly, with the class up and the others down, and the reverse.
    fn odds(&self, i: usize) -> [f64; 3] {
        let (power, widening) = (self.powers[i], self.errors[i].exp());
        let [up, down] = self.ends;
        let others = |sum: f64, own: f64| (sum - own).max(0.0);
        [
            power / others(self.total, power),
            power * widening / others(down, power / widening),
            power / widening / others(up, power * widening),
        ]
    }

    /// P of class `i`, and how far errors of Z move it.
    fn probability(&self, i: usize) -> (f64, f64) {
        let probability = |odds: f64| if odds.is_finite() { odds / (1.0 + odds) } else { 1.0 };
        let [_, up, down] = self.odds(i).map(probability);
        let exact = self.powers[i] / self.total;
        (exact, (up - exact).abs().max((exact - down).abs()))
    }

    /// Relative error of the exponential of class `i` from the Z at hand.
    fn exponential(&self, i: usize) -> f64 {
        // Beyond 104 the exponential is 0, and is counted among what is flushed.
        let depth = self.depths[i].min(104.0);
        (1.0 + exp_error(depth)) * (ROUNDING * depth).exp() - 1.0
    }

    /// Relative error of the sum of the exponentials.
    fn sum(&self) -> f64 {
        let part = |i: usize| {
            let (probability, spread) = self.probability(i);
            (probability + spread) * self.exponential(i)
        };
        let terms: f64 = (0..self.powers.len()).map(part).sum();
        let error = (1.0 + terms) * (1.0 + sum_error(self.powers.len(), 0)) - 1.0 + self.flushed;
        assert!(error < 1.0, "no bound exists for a sum with an error of {error}");
        error
    }

    fn probabilities(&self) -> Vec<Approx> {
        let of_sum = self.sum();
        let class = |i: usize| {
            let (value, spread) = self.probability(i);
            let relative = (1.0 + self.exponential(i)) * (1.0 + DIVISION) / (1.0 - of_sum) - 1.0;
            Approx { value, error: spread + relative * (value + spread) + self.flushed }
        };
        (0..self.powers.len()).map(class).collect()
    }

    /// −log P of a label: log Σ exp(z − largest) − (z − largest).
    fn loss(&self, label: usize, depth: f64) -> Approx {
        let value = self.total.ln() + depth;
        // −log P = log(1 + 1/odds).
        let [_, least, most] = self.odds(label).map(|odds| (1.0 / odds).ln_1p());
        let spread = if most.is_finite() {
            (most - value).abs().max((value - least).abs())
        } else {
            // Odds that are 0 in f64: no difference moves by more than both errors.
            2.0 * self.widest
        };
        let of_sum = -(-self.sum()).ln_1p();
        let log = self.total.ln() + 2.0 * self.widest + of_sum;
        let of_log = of_sum + LOG_NEAR_ONE.max(LOG * log);
        let of_difference = ROUNDING * self.depths[label];
        let error = spread + of_log + of_difference;
        Approx { value, error: error + ROUNDING * (value + error) + self.flushed }
    }
}

/// P over each row of Z `[m, classes]`.
pub fn softmax(z: &[Approx], classes: usize) -> Vec<Approx> {
    z.chunks_exact(classes).flat_map(|row| Row::new(row).probabilities()).collect()
}

/// −log P of the label of each row, and P − Y.
pub fn softmax_losses(z: &[Approx], labels: &[usize], classes: usize) -> (Vec<Approx>, Vec<Approx>) {
    let (mut losses, mut delta) = (Vec::new(), Vec::new());
    for (z, &label) in z.chunks_exact(classes).zip(labels) {
        let row = Row::new(z);
        let largest = z.iter().map(|z| z.value).fold(f64::NEG_INFINITY, f64::max);
        losses.push(row.loss(label, largest - z[label].value));
        let mut probabilities = row.probabilities();
        probabilities[label] = probabilities[label] - Approx::exact(1.0);
        delta.extend(probabilities);
    }
    (losses, delta)
}
