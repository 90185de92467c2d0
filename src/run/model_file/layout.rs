//! n and h, and how the weights of a model lie, from the shapes of what was found; a reading that shapes leave open is the
//! convention of the names, or none.

use super::names::rename;
use super::schemes::{Layout, Match, Shapes};
use crate::math::params::Shape;

/// How the weights of a model lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lie {
    /// n and h.
    pub shape: Shape,
    /// Whether W1 lies as `[n, h]` and the decoder's weights as `[h, n]`.
    pub transposed: [bool; 2],
    /// Whether shapes left it open, and the convention of the names decided.
    pub by_convention: bool,
}

/// Whether biases and decoder go with so many units.
fn fits(shapes: &Shapes, found: &Match, shape: Shape) -> bool {
    first_misfit(shapes, found, shape).is_none()
}

/// The first tensor that does not go with so many units, with the shape that would.
fn first_misfit<'a>(shapes: &Shapes, found: &'a Match, shape: Shape) -> Option<(&'a str, Vec<usize>)> {
    let Shape { visible, hidden } = shape;
    let [w1, b1, d, b2] = &found.names;
    let wrong = |name: &'a Option<String>, wanted: Vec<usize>, is_right: &dyn Fn(&[usize]) -> bool| {
        let name = name.as_deref()?;
        let is_wrong = shapes.get(name).is_none_or(|shape| !is_right(shape));
        is_wrong.then_some((name, wanted))
    };
    let is_bias = |length: usize| move |shape: &[usize]| bias_length(shape) == Some(length);
    let is_matrix =
        |one: usize, other: usize| move |shape: &[usize]| shape == [one, other] || shape == [other, one];
    wrong(w1, vec![hidden, visible], &is_matrix(hidden, visible))
        .or_else(|| wrong(b1, vec![hidden], &is_bias(hidden)))
        .or_else(|| wrong(d, vec![visible, hidden], &is_matrix(visible, hidden)))
        .or_else(|| wrong(b2, vec![visible], &is_bias(visible)))
}

/// The numbers of a bias: a vector, or in MATLAB a matrix of one row or column.
fn bias_length(shape: &[usize]) -> Option<usize> {
    let wide = shape.iter().filter(|&&length| length != 1).count();
    (wide <= 1 && !shape.is_empty()).then(|| shape.iter().product())
}

/// Finds it; `layout` decides where shapes do not.
///
/// # Errors
/// In words: what does not fit, and the way out.
pub fn find(shapes: &Shapes, found: &Match, layout: Layout) -> Result<Lie, String> {
    let [w1, b1, d, b2] = &found.names;
    let encoder = w1.as_deref().unwrap_or_default();
    let (rows, cols) = match shapes.get(encoder).map(Vec::as_slice) {
        Some(&[rows, cols]) if rows > 0 && cols > 0 => (rows, cols),
        other => {
            let other = other.unwrap_or_default();
            return Err(format!("{encoder} has shape {other:?}, but [hidden, visible] is needed"));
        }
    };
    let straight = Shape { hidden: rows, visible: cols };
    let turned = Shape { hidden: cols, visible: rows };
    let of = |shape: Shape, w1_is_turned, by_convention| {
        let decoder = d.as_deref().and_then(|name| shapes.get(name)).map(Vec::as_slice);
        let d_is_turned =
            if rows == cols { w1_is_turned } else { decoder == Some(&[shape.hidden, shape.visible]) };
        Lie { shape, transposed: [w1_is_turned, d.is_some() && d_is_turned], by_convention }
    };
    let (is_straight, is_turned) = (fits(shapes, found, straight), fits(shapes, found, turned));
    match (is_straight, is_turned, layout) {
        (true, true, Layout::Linear) => Ok(of(straight, false, true)),
        (true, true, Layout::Inputs) => Ok(of(turned, true, true)),
        (true, true, Layout::Open) => {
            let all = found.present().join(", ");
            let why = if rows == cols {
                format!("as many hidden as visible units, {rows}, do not tell how the weights lie")
            } else {
                "without a bias, shapes do not tell how the weights lie".to_owned()
            };
            Err(format!("{all}: {why}; {}", rename()))
        }
        (true, false, _) => Ok(of(straight, false, false)),
        (false, true, _) => Ok(of(turned, true, false)),
        (false, false, _) => {
            let length = |name: &Option<String>| bias_length(shapes.get(name.as_deref()?)?);
            let of_biases = length(b1).zip(length(b2)).map(|(hidden, visible)| Shape { hidden, visible });
            let shape = of_biases.filter(|_| layout != Layout::Linear).unwrap_or(straight);
            let reference = if shape == straight { encoder } else { "the biases" };
            let (name, wanted) = first_misfit(shapes, found, shape).unwrap_or((encoder, vec![rows, cols]));
            let shape_of = shapes.get(name).map(Vec::as_slice).unwrap_or_default();
            let Shape { hidden, visible } = shape;
            Err(format!(
                "{name} has shape {shape_of:?}, but {reference} of {hidden} hidden and {visible} visible units asks for {wanted:?}{}",
                if wanted.len() == 2 { " or its transpose" } else { "" }
            ))
        }
    }
}
