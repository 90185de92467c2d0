//! The products alone: exact on small integers, whose sums f32 holds, and within the bound of a dot product else.

use rhohat::engine::cpu::products::{nn, nt, tn};
use rhohat::engine::reference::kernels::{matmul_nn, matmul_nt, matmul_tn};
use rhohat::math::random::Stream;
use rhohat::verify::compare::{Expected, gamma};

type Product = fn(&[f32], &[f32], usize, usize, usize) -> Vec<f32>;
type Truth = fn(&[f64], &[f64], usize, usize, usize) -> Vec<f64>;

const PRODUCTS: [(&str, Product, Truth); 3] =
    [("nt", nt, matmul_nt), ("nn", nn, matmul_nn), ("tn", tn, matmul_tn)];

/// m, n and k around tiles of 6 and 8 rows, panels of 16 columns and strips of three of them, the eight lines that are
/// taken together, and pieces of 256.
const SIZES: [(usize, usize, usize); 18] = [
    (1, 1, 1),
    (1, 17, 5),
    (7, 15, 16),
    (8, 16, 15),
    (9, 31, 17),
    (16, 32, 3),
    (5, 33, 64),
    (13, 47, 7),
    (8, 48, 8),
    (63, 49, 65),
    (3, 97, 511),
    (2, 64, 512),
    (4, 100, 513),
    (17, 5, 1031),
    (6, 127, 255),
    (13, 128, 256),
    (72, 129, 257),
    (73, 144, 31),
];

fn check(draw: impl Fn(&mut Stream) -> f32, bound: impl Fn(usize, f64) -> f64) {
    let mut stream = Stream::new(1, "products");
    for (m, n, k) in SIZES {
        let a: Vec<f32> = (0..m * k).map(|_| draw(&mut stream)).collect();
        let b: Vec<f32> = (0..k * n).map(|_| draw(&mut stream)).collect();
        let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&x| f64::from(x)).collect() };
        let size = |values: &[f32]| -> Vec<f64> { values.iter().map(|&x| f64::from(x.abs())).collect() };
        for (name, product, truth) in PRODUCTS {
            let sizes = truth(&size(&a), &size(&b), m, n, k);
            let expected = Expected::within(truth(&wide(&a), &wide(&b), m, n, k), |i| bound(k, sizes[i]));
            let got = product(&a, &b, m, n, k);
            expected.compare(&got).unwrap_or_else(|d| panic!("{name} {m}x{n}x{k}: {d}"));
        }
    }
}

#[test]
fn products_of_small_integers_are_exact() {
    // Sums of 1031 products of at most 8 · 8 stay below 2²⁴.
    check(|stream| stream.below(17) as f32 - 8.0, |_, _| 0.0);
}

#[test]
fn products_of_reals_lie_within_the_bound_of_a_dot_product() {
    check(|stream| (2.0 * stream.unit() - 1.0) as f32, |k, size| gamma(k) * size);
}

#[test]
fn nan_in_a_factor_spoils_its_row_or_column_and_nothing_else() {
    let (m, n, k) = (9, 20, 10);
    let mut a = vec![1.0; m * k];
    a[3 * k + 5] = f32::NAN;
    let c = nn(&a, &vec![1.0; k * n], m, n, k);
    for (i, c) in c.iter().enumerate() {
        assert_eq!(c.is_nan(), i / n == 3, "element {i} is {c}");
    }
}
