//! Which arrays of a file are the four tensors of a model: those with PyTorch's names for `encoder` and `decoder`, or those of
//! another program where names and shapes leave one reading, which is told. Whatever does not is refused with the line of Python
//! that makes the four tensors.

use super::foreign::MODEL_INSTEAD;
use super::layout::{self, Lie};
use super::schemes::{self, Layout, Match, OWN, Shapes};
use super::theta;
use crate::data::COLUMN_TENSORS;
use crate::data::formats::named::{NamedArrays, NamedKind};
use crate::math::params::Shape;
use crate::run::meta::KEY;

/// Names that an error repeats at most.
const LISTED: usize = 12;

/// A model in a file.
#[derive(Debug)]
pub struct Found {
    /// n and h.
    pub shape: Shape,
    /// Where its numbers are.
    pub place: Place,
    /// The reading of other names and layouts, in words.
    pub told: Option<String>,
    /// The arrays that are no part of it, with their shapes.
    pub others: Vec<String>,
}

/// The place of a model's numbers.
#[derive(Debug)]
pub enum Place {
    /// Arrays of their own.
    Tensors {
        /// In the order W1, b1, D, b2. A bias that is not there is zero, and decoder weights that are not there are the encoder's.
        names: [Option<String>; 4],
        /// Whether W1 lies as `[n, h]` and the decoder's weights as `[h, n]`.
        transposed: [bool; 2],
        /// Whether b2 is also taken from the input, and belongs into b1 therefore.
        is_shifted: bool,
    },
    /// One vector: W1 and W2 column by column, b1, b2.
    Theta(String),
}

/// Finds them by name, then by shape; `is_ours` where metadata of this program stand beside them. `number` reads a number.
///
/// # Errors
/// In words: what is missing or does not fit, what was found, and the way out.
pub fn find(
    file: &NamedArrays,
    is_ours: bool,
    number: impl FnMut(&str) -> Option<f64>,
) -> Result<Found, String> {
    let (shapes, is_mat) = (file.shapes(), file.kind() == NamedKind::Mat);
    if OWN.iter().all(|own| shapes.contains_key(*own)) {
        let own = schemes::matches(shapes).into_iter().find(|found| found.present() == OWN);
        return own.map_or_else(|| Err(missing(file)), |own| four(file, own, Layout::Linear));
    }
    match &schemes::matches(shapes)[..] {
        [] => {
            if let Some((name, shape)) = is_mat.then(|| theta::find(shapes, number)).transpose()?.flatten() {
                let told = format!(
                    "taken {name} as W1(:), W2(:), b1, b2 of {} hidden and {} visible units, each matrix column by column",
                    shape.hidden, shape.visible
                );
                let others = others(shapes, &[&name]);
                return Ok(Found { shape, place: Place::Theta(name), told: Some(told), others });
            }
            Err(missing(file))
        }
        [one] => {
            let is_linear = is_ours || (is_mat && theta::sizes(shapes));
            let layout = if is_linear { Layout::Linear } else { one.scheme.layout };
            check_depth(file, one)?;
            four(file, one.clone(), layout)
        }
        [one, other, ..] => Err(format!(
            "two sets of tensors could be the model, {} and {}; {}",
            one.present().join(", "),
            other.present().join(", "),
            rename()
        )),
    }
}

/// Refuses what may be a part of a deeper network: matrices beside those of the model, in files of arrays those called W.
fn check_depth(file: &NamedArrays, found: &Match) -> Result<(), String> {
    let is_layer = |name: &str, shape: &[usize]| {
        let is_matrix = shape.iter().filter(|&&length| length > 1).count() > 1;
        let is_named = file.kind() == NamedKind::Safetensors || name.starts_with('W');
        is_matrix && is_named && !found.present().contains(&name) && !is_beside(name)
    };
    match file.shapes().iter().find(|(name, shape)| is_layer(name, shape)) {
        None => Ok(()),
        Some((other, shape)) => {
            let fact =
                format!("{} look like a model, but there is {other} {shape:?}", found.present().join(", "));
            Err(format!("{fact}, so that it may be a deeper network; {}", rename()))
        }
    }
}

/// The model of tensors that were found.
fn four(file: &NamedArrays, found: Match, layout: Layout) -> Result<Found, String> {
    let Lie { shape, transposed, by_convention } = layout::find(file.shapes(), &found, layout)?;
    let told = told(&found, transposed, by_convention && layout == Layout::Inputs);
    let others = others(file.shapes(), &found.present());
    let is_shifted = found.scheme.is_shifted;
    Ok(Found { shape, place: Place::Tensors { names: found.names, transposed, is_shifted }, told, others })
}

/// The reading in words; `None` for PyTorch's names and layout.
fn told(found: &Match, transposed: [bool; 2], by_convention: bool) -> Option<String> {
    let [w1, b1, d, b2] = &found.names;
    let mut parts = Vec::new();
    if found.present() != OWN {
        let own = OWN.iter().zip(&found.names).filter_map(|(own, name)| Some((own, name.as_deref()?)));
        let renamed = own.filter(|(own, name)| *own != name).map(|(own, name)| format!("{name} as {own}"));
        let renamed = renamed.collect::<Vec<_>>().join(", ");
        if !renamed.is_empty() {
            parts.push(format!("taken {renamed}"));
        }
    }
    if let (None, Some(w1)) = (d, w1) {
        parts.push(format!("no decoder.weight, so tied: the transpose of {w1}"));
    }
    let absent = [(b1, OWN[1]), (b2, OWN[3])].into_iter().filter(|(name, _)| name.is_none());
    parts.extend(absent.map(|(_, own)| format!("no {own}, so zeros")));
    let sides = [("encoder", transposed[0]), ("decoder", transposed[1])];
    let turned: Vec<_> = sides.iter().filter(|(_, turned)| *turned).map(|(side, _)| *side).collect();
    if !turned.is_empty() {
        let why = if by_convention { "by the convention of their names" } else { "by their shapes" };
        parts.push(format!("{why} the weights of {} transposed", turned.join(" and ")));
    }
    if let (true, Some(b2), [w1, b1, ..]) = (found.scheme.is_shifted, b2, OWN) {
        parts.push(format!(
            "{b2} is also taken from the input, as dictionary_learning does: {b1} less {w1}·{b2}"
        ));
    }
    if let Some((b2, d)) = b2.as_ref().filter(|name| name.ends_with("b_dec")).zip(d.as_ref().or(w1.as_ref()))
    {
        let (w1, b1) = (w1.as_deref().unwrap_or_default(), b1.as_deref().unwrap_or("0"));
        parts.push(format!(
            "for A3 = g(f(X·{w1} + {b1})·{d} + {b2}); if {b2} is taken from X first, as SAELens does by default \
             (apply_b_dec_to_input), save {b1} less what {w1} makes of it; ReLU, which such models mostly have, is no activation here"
        ));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Whether an array stands beside a model by right: that of a preprocessing, or what `rhohat convert` writes.
fn is_beside(name: &str) -> bool {
    const BESIDE: [&str; 6] = ["theta", "visibleSize", "hiddenSize", "rho", "lambda", "beta"];
    let is_of_columns = |column: &&str| *column == name || column.replace('.', "_") == name;
    name == KEY || BESIDE.contains(&name) || COLUMN_TENSORS.iter().any(is_of_columns)
}

/// The arrays that are none of the model's, with their shapes.
fn others(shapes: &Shapes, own: &[&str]) -> Vec<String> {
    let others = shapes.iter().filter(|(name, _)| !own.contains(&name.as_str()) && !is_beside(name));
    others.map(|(name, shape)| format!("{name} {shape:?}")).collect()
}

/// The refusal where no reading has enough.
fn missing(file: &NamedArrays) -> String {
    let shapes = file.shapes();
    let first = OWN.iter().find(|own| !shapes.contains_key(**own)).copied().unwrap_or(OWN[0]);
    let listed = shapes.keys().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    let more =
        if shapes.len() > LISTED { format!(" and {} more", shapes.len() - LISTED) } else { String::new() };
    let found = if shapes.is_empty() { "none".to_owned() } else { listed + &more };
    let fact = format!("no tensor {first} (found: {found})");
    match file.kind() {
        NamedKind::Safetensors => format!("{fact}; {}", rename()),
        NamedKind::Npz | NamedKind::Mat => {
            let sizes =
                if file.kind() == NamedKind::Mat { ", or theta with visibleSize and hiddenSize" } else { "" };
            format!(
                "{fact}; a model has W1 [hidden, visible], b1, W2 [visible, hidden] and b2{sizes}; if it holds rows, it is DATA; \
                 {MODEL_INSTEAD}"
            )
        }
    }
}

/// The way out for other names.
pub fn rename() -> String {
    let line = "t = {'encoder.weight': t['A'], 'encoder.bias': t['B'], 'decoder.weight': t['C'], 'decoder.bias': t['D']}";
    let shapes = "[hidden, visible], [hidden], [visible, hidden] and [visible]";
    format!(
        "a model has encoder and decoder, each weight and bias, of shapes {shapes}: in Python: from safetensors.torch import *; \
         t = load_file('FILE'); {line}; save_file(t, 'model.safetensors')"
    )
}
