//! The kernels in f64, one plain function each: what the shader of the same name computes, written as the formula.
//!
//! Matrices are dense and row-major; `[r, c]` names rows and columns. No function here is ever made faster.
//! Index legend: i example, j hidden unit (or output row), p input (or output column), k summed index.

use crate::math::objective::{Activation, Objective};
use crate::math::optim::first_order::{self, adam_corrections};
use crate::math::transpose::Transpose;

/// C `[m, n]` = A `[m, k]` · Bᵀ, with B `[n, k]`.
pub fn matmul_nt(a: &[f64], b: &[f64], m: usize, n: usize, k: usize) -> Vec<f64> {
    let mut c = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            for l in 0..k {
                c[i * n + j] += a[i * k + l] * b[j * k + l];
            }
        }
    }
    c
}

/// C `[m, n]` = A `[m, k]` · B `[k, n]`.
pub fn matmul_nn(a: &[f64], b: &[f64], m: usize, n: usize, k: usize) -> Vec<f64> {
    let mut c = vec![0.0; m * n];
    for i in 0..m {
        for l in 0..k {
            for j in 0..n {
                c[i * n + j] += a[i * k + l] * b[l * n + j];
            }
        }
    }
    c
}

/// C `[m, n]` = Aᵀ · B, with A `[k, m]` and B `[k, n]`.
pub fn matmul_tn(a: &[f64], b: &[f64], m: usize, n: usize, k: usize) -> Vec<f64> {
    let mut c = vec![0.0; m * n];
    for l in 0..k {
        for i in 0..m {
            for j in 0..n {
                c[i * n + j] += a[l * m + i] * b[l * n + j];
            }
        }
    }
    c
}

/// The product of the three that `transpose` names.
pub fn matmul(transpose: Transpose, a: &[f64], b: &[f64], m: usize, n: usize, k: usize) -> Vec<f64> {
    match transpose {
        Transpose::Nt => matmul_nt(a, b, m, n, k),
        Transpose::Nn => matmul_nn(a, b, m, n, k),
        Transpose::Tn => matmul_tn(a, b, m, n, k),
    }
}

/// A = f(Z + b) for Z `[m, len(b)]`, in place.
pub fn bias_activation(z: &mut [f64], bias: &[f64], f: Activation) {
    for row in z.chunks_exact_mut(bias.len()) {
        for (z, b) in row.iter_mut().zip(bias) {
            *z = f.apply(*z + b);
        }
    }
}

/// f(A Bᵀ + b) `[m, len(b)]` for A `[m, k]`: the hidden layer.
pub fn layer_nt(a: &[f64], b: &[f64], bias: &[f64], m: usize, k: usize, f: Activation) -> Vec<f64> {
    let mut z = matmul_nt(a, b, m, bias.len(), k);
    bias_activation(&mut z, bias, f);
    z
}

/// f(A B + b) `[m, len(b)]` for A `[m, k]`: the output layer.
pub fn layer_nn(a: &[f64], b: &[f64], bias: &[f64], m: usize, k: usize, f: Activation) -> Vec<f64> {
    let mut z = matmul_nn(a, b, m, bias.len(), k);
    bias_activation(&mut z, bias, f);
    z
}

/// Sums down each column of A `[m, cols]`, a separate sum for every block of `block` rows: `[⌈m/block⌉, cols]`.
pub fn column_sums(a: &[f64], cols: usize, block: usize) -> Vec<f64> {
    let mut sums = Vec::new();
    for rows in a.chunks(block * cols) {
        let mut sum = vec![0.0; cols];
        for row in rows.chunks_exact(cols) {
            for (sum, x) in sum.iter_mut().zip(row) {
                *sum += x;
            }
        }
        sums.extend(sum);
    }
    sums
}

/// Column means `[cols]` from block sums `[blocks, cols]` over `rows` rows in all.
pub fn column_mean(sums: &[f64], cols: usize, rows: usize) -> Vec<f64> {
    column_sums(sums, cols, sums.len().max(1)).into_iter().map(|sum| sum / rows as f64).collect()
}

/// ρ̂ `[h]` and the gradient s of the penalty `[h]` from the mean activations `[h]`. With `average` = (ρ̂ so far, μ), ρ̂ is the
/// moving average and s is taken at it.
pub fn penalty_grad(
    objective: &Objective,
    mean: &[f64],
    average: Option<(&[f64], f64)>,
) -> (Vec<f64>, Vec<f64>) {
    let active = mean.iter().map(|&mean| objective.activation.active_fraction().at(mean));
    let rho_hat: Vec<f64> = match average {
        None => active.collect(),
        Some((before, mu)) => {
            active.zip(before).map(|(now, before)| mu * before + (1.0 - mu) * now).collect()
        }
    };
    let slope = rho_hat.iter().map(|&rho_hat| objective.penalty_grad(rho_hat)).collect();
    (rho_hat, slope)
}

/// δ3 = (A3 − X) ⊙ g′, `[m, n]`.
pub fn output_delta(a3: &[f64], x: &[f64], g: Activation) -> Vec<f64> {
    a3.iter().zip(x).map(|(&a3, &x)| (a3 - x) * g.slope(a3)).collect()
}

/// δ2 = (E + s) ⊙ f′ for the back-propagated error E = δ3 Dᵀ `[m, h]`, s `[h]` and A2 `[m, h]`.
pub fn hidden_delta(error: &[f64], slope: &[f64], a2: &[f64], f: Activation) -> Vec<f64> {
    let h = slope.len();
    error.iter().zip(a2).enumerate().map(|(i, (&e, &a2))| (e + slope[i % h]) * f.slope(a2)).collect()
}

/// P = exp(Z) / Σ exp(Z) over each row of Z `[m, classes]`. The largest number of a row is taken away first: P stays as it is,
/// and no exponential leaves the range of numbers.
pub fn softmax(z: &[f64], classes: usize) -> Vec<f64> {
    let of_row = |z: &[f64]| -> Vec<f64> {
        let most = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = z.iter().map(|z| (z - most).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.into_iter().map(|power| power / sum).collect()
    };
    z.chunks_exact(classes).flat_map(of_row).collect()
}

/// −log P of the label of each row `[m]`, and δ = P − Y `[m, classes]`, where Y is 1 for the label and 0 elsewhere, from Z
/// `[m, classes]`.
pub fn softmax_losses(z: &[f64], labels: &[usize], classes: usize) -> (Vec<f64>, Vec<f64>) {
    let mut delta = softmax(z, classes);
    let mut losses = Vec::with_capacity(labels.len());
    for ((z, delta), &label) in z.chunks_exact(classes).zip(delta.chunks_exact_mut(classes)).zip(labels) {
        let most = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = z.iter().map(|z| (z - most).exp()).sum();
        losses.push(sum.ln() - (z[label] - most));
        delta[label] -= 1.0;
    }
    (losses, delta)
}

/// δ3 `[m, len(bias)]` from A2 `[m, k]`, D `[k, n]` and b2: the output layer and what follows from it.
pub fn output_delta_nn(
    a2: &[f64],
    d: &[f64],
    bias: &[f64],
    x: &[f64],
    m: usize,
    k: usize,
    g: Activation,
) -> Vec<f64> {
    output_delta(&layer_nn(a2, d, bias, m, k, g), x, g)
}

/// δ2 `[m, len(slope)]` from δ3 `[m, k]`, D `[h, k]`, s and A2.
pub fn hidden_delta_nt(
    delta3: &[f64],
    d: &[f64],
    slope: &[f64],
    a2: &[f64],
    m: usize,
    k: usize,
    f: Activation,
) -> Vec<f64> {
    hidden_delta(&matmul_nt(delta3, d, m, slope.len(), k), slope, a2, f)
}

/// δ `[m, len(slope)]` from δ of the layer above `[m, k]`, its weights `[k, h]`, s and A2.
pub fn hidden_delta_nn(
    delta: &[f64],
    w: &[f64],
    slope: &[f64],
    a2: &[f64],
    m: usize,
    k: usize,
    f: Activation,
) -> Vec<f64> {
    hidden_delta(&matmul_nn(delta, w, m, slope.len(), k), slope, a2, f)
}

/// A weight's gradient: the sum of `parts` partial products over the examples, divided by m, plus λW.
/// `products` is `[parts, len(w)]`.
pub fn weight_gradient(products: &[f64], w: &[f64], examples: usize, lambda: f64) -> Vec<f64> {
    let mut gradient = vec![0.0; w.len()];
    for (i, product) in products.iter().enumerate() {
        gradient[i % w.len()] += product / examples as f64;
    }
    gradient.iter().zip(w).map(|(g, w)| g + lambda * w).collect()
}

/// Σ (A3 − X)² over each block of `block` numbers.
pub fn squared_error(a3: &[f64], x: &[f64], block: usize) -> Vec<f64> {
    let difference: Vec<f64> = a3.iter().zip(x).map(|(a3, x)| a3 - x).collect();
    dot(&difference, &difference, block)
}

/// Σ x·y over each block of `block` numbers.
pub fn dot(x: &[f64], y: &[f64], block: usize) -> Vec<f64> {
    let blocks = x.chunks(block).zip(y.chunks(block));
    blocks.map(|(x, y)| x.iter().zip(y).map(|(x, y)| x * y).sum()).collect()
}

/// Σ x_i·y_j over each block of `block` numbers, for vectors x and y that `of` and `with` list out of a stack of vectors of `len`
/// numbers: all of the first y, then those of the next.
pub fn inner_products(stack: &[f64], len: usize, of: &[usize], with: &[usize], block: usize) -> Vec<f64> {
    let vector = |i: usize| &stack[i * len..(i + 1) * len];
    let pairs = with.iter().flat_map(|&y| of.iter().map(move |&x| (x, y)));
    pairs.flat_map(|(x, y)| dot(vector(x), vector(y), block)).collect()
}

/// s = trial − parameters, y = trial gradient − gradient, and the trial gradient: what L-BFGS keeps.
pub fn keep(trial: &[f64], params: &[f64], trial_gradient: &[f64], gradient: &[f64]) -> [Vec<f64>; 3] {
    let difference = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x - y).collect();
    [difference(trial, params), difference(trial_gradient, gradient), trial_gradient.to_vec()]
}

/// The largest biased exponent in each block of `block` numbers as they lie in memory; 255 is that of infinity and NaN.
pub fn max_exponent(x: &[f32], block: usize) -> Vec<f64> {
    let exponent = |x: &f32| f64::from(x.to_bits() >> 23 & 0xff);
    x.chunks(block).map(|block| block.iter().map(exponent).fold(0.0, f64::max)).collect()
}

/// y ← αx + γy.
pub fn axpy(alpha: f64, x: &[f64], gamma: f64, y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = alpha * x + gamma * *y;
    }
}

/// Σ_t c_t v_t over the listed vectors of a stack of vectors of `len` numbers.
pub fn linear_combination(stack: &[f64], len: usize, terms: &[(f64, usize)]) -> Vec<f64> {
    let mut sum = vec![0.0; len];
    for &(coefficient, vector) in terms {
        axpy(coefficient, &stack[vector * len..(vector + 1) * len], 1.0, &mut sum);
    }
    sum
}

/// SGD, in place.
pub fn sgd(w: &mut [f64], velocity: &mut [f64], gradient: &[f64], lr: f64, momentum: f64) {
    for ((w, v), &g) in w.iter_mut().zip(velocity).zip(gradient) {
        [*w, *v] = first_order::sgd([*w, *v], g, lr, momentum);
    }
}

/// Adam, update number `step` (from 1), in place.
pub fn adam(w: &mut [f64], first: &mut [f64], second: &mut [f64], gradient: &[f64], lr: f64, step: u64) {
    let corrections = adam_corrections(step);
    for (((w, m), v), &g) in w.iter_mut().zip(first).zip(second).zip(gradient) {
        [*w, *m, *v] = first_order::adam([*w, *m, *v], g, lr, corrections);
    }
}

/// The listed rows of X `[_, cols]`.
pub fn gather(x: &[f64], cols: usize, rows: &[usize]) -> Vec<f64> {
    rows.iter().flat_map(|&row| &x[row * cols..(row + 1) * cols]).copied().collect()
}

/// What a table has for each code.
pub fn dequantize(codes: &[usize], table: &[f64]) -> Vec<f64> {
    codes.iter().map(|&code| table[code]).collect()
}
