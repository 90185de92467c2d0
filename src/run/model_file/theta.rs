//! UFLDL's θ in a file of MATLAB: all parameters in one vector, `[W1(:); W2(:); b1(:); b2(:)]`, which says nothing of its sizes.

use super::schemes::Shapes;
use crate::math::params::{Params, Real, Shape, check_shape};
use crate::run::tensors_file::transposed;

/// Names of the vector.
const NAMES: [&str; 4] = ["theta", "opttheta", "optTheta", "opt_theta"];
/// Names of the number of visible units.
const VISIBLE: [&str; 2] = ["visibleSize", "inputSize"];
/// The name of the number of hidden units.
const HIDDEN: &str = "hiddenSize";

/// Whether a file tells sizes as UFLDL's exercises do, so that its matrices lie as theirs.
pub fn sizes(shapes: &Shapes) -> bool {
    shapes.contains_key(HIDDEN) && VISIBLE.iter().any(|name| shapes.contains_key(*name))
}

/// The vector and its sizes, of which one follows from the other; `None` where there is no vector.
///
/// # Errors
/// In words: where the sizes are missing, or are not those of the vector.
pub fn find(
    shapes: &Shapes,
    mut number: impl FnMut(&str) -> Option<f64>,
) -> Result<Option<(String, Shape)>, String> {
    let Some(name) = NAMES.iter().find(|name| shapes.contains_key(**name)) else { return Ok(None) };
    let length = shapes[*name].iter().try_fold(1_usize, |all, &one| all.checked_mul(one)).unwrap_or(0);
    let mut size = |name: &str| {
        let is_one = shapes.get(name).is_some_and(|shape| shape.iter().all(|&length| length == 1));
        let size = is_one.then(|| number(name)).flatten();
        size.filter(|size| *size >= 1.0 && *size <= 1e9 && size.fract() == 0.0).map(|size| size as usize)
    };
    let visible = VISIBLE.iter().find_map(|name| size(name));
    let hidden = size(HIDDEN);
    // 2nh + n + h numbers, so that 2·numbers + 1 = (2n + 1)(2h + 1).
    let other = |one: usize| {
        let (all, factor) = (length.checked_mul(2)?.checked_add(1)?, 2 * one + 1);
        (all.is_multiple_of(factor) && all / factor > 1).then(|| (all / factor - 1) / 2)
    };
    let fact = format!("{name} has {length} numbers");
    let (visible, hidden) = match (visible, hidden) {
        (Some(visible), Some(hidden)) => (visible, hidden),
        (Some(visible), None) => {
            let hidden = other(visible);
            (
                visible,
                hidden
                    .ok_or_else(|| format!("{fact}, which no hidden units make of {visible} visible ones"))?,
            )
        }
        (None, Some(hidden)) => {
            let visible = other(hidden);
            (
                visible
                    .ok_or_else(|| format!("{fact}, which no visible units make of {hidden} hidden ones"))?,
                hidden,
            )
        }
        (None, None) => {
            return Err(format!(
                "{fact}, but no visibleSize or hiddenSize that say what they are; save them beside it, in MATLAB: \
                 save('model.mat', '{name}', 'visibleSize', 'hiddenSize')"
            ));
        }
    };
    let shape = Shape { visible, hidden };
    let is_possible = check_shape(shape).is_ok() && shape.parameters() == length;
    if is_possible {
        return Ok(Some(((*name).to_owned(), shape)));
    }
    Err(format!("{fact}, but visibleSize {visible} and hiddenSize {hidden} ask for 2·n·h + h + n"))
}

/// The parameters in a vector.
pub fn params<T: Real>(shape: Shape, theta: &[T]) -> Params<T> {
    let Shape { visible, hidden } = shape;
    let (w1, rest) = theta.split_at(visible * hidden);
    let (w2, rest) = rest.split_at(visible * hidden);
    let (b1, b2) = rest.split_at(hidden);
    // W1 `[h, n]` column by column is its transpose row by row; W2 `[n, h]` column by column is D `[h, n]`.
    Params { shape, w1: transposed(w1, hidden), b1: b1.to_vec(), d: w2.to_vec(), b2: b2.to_vec() }
}
