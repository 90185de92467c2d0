//! Which tensors of a file are the four of a model: those with PyTorch's names for `encoder` and `decoder`, or those of
//! another program where names and shapes leave one reading. Whatever does not is refused with the line of Python that
//! makes the four tensors.

use safetensors::tensor::TensorInfo;

use crate::data::COLUMN_TENSORS;
use crate::data::formats::safetensors::Tensors;
use crate::math::params::Shape;

/// The names that this program writes, in the order W1, b1, D, b2.
pub const OWN: [&str; 4] = ["encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"];

/// Names of other programs whose weights lie as PyTorch's do, `[outputs, inputs]`.
const LINEAR: [[&str; 4]; 7] = [
    OWN,
    ["encoder.0.weight", "encoder.0.bias", "decoder.0.weight", "decoder.0.bias"],
    ["0.weight", "0.bias", "2.weight", "2.bias"],
    ["0.weight", "0.bias", "1.weight", "1.bias"],
    ["enc.weight", "enc.bias", "dec.weight", "dec.bias"],
    ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"],
    ["linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"],
];
/// Names of matrices that programs lay out either way, so that their shapes have to decide.
const FREE: [[&str; 4]; 2] = [["W_enc", "b_enc", "W_dec", "b_dec"], ["W1", "b1", "W2", "b2"]];

/// Names that an error repeats at most.
const LISTED: usize = 12;

/// The four tensors of a model in a file.
#[derive(Debug)]
pub struct Found {
    /// Their names in the order W1, b1, D, b2.
    pub names: [String; 4],
    /// n and h.
    pub shape: Shape,
    /// Whether W1 lies as `[n, h]` and D as `[h, n]`.
    pub transposed: [bool; 2],
    /// The reading of other names and layouts, in words.
    pub told: Option<String>,
    /// The tensors that are none of the four, with their shapes.
    pub others: Vec<String>,
}

/// Finds them by name, then by shape.
///
/// # Errors
/// In words: what is missing or does not fit, what was found, and the way out.
pub fn find(file: &Tensors) -> Result<Found, String> {
    let names = file.names();
    if OWN.iter().all(|own| file.info(own).is_some()) {
        let shape = linear_shape(file, &OWN.map(str::to_owned))?;
        return Ok(Found::new(file, OWN.map(str::to_owned), shape, [false; 2], None));
    }
    let mut readings = LINEAR.iter().chain(&FREE).flat_map(|scheme| named(&names, scheme));
    match (readings.next(), readings.next()) {
        (Some(four), None) => foreign(file, four),
        (Some(one), Some(other)) => Err(format!(
            "two sets of four tensors could be the model, {} and {}; {}",
            one.join(", "),
            other.join(", "),
            rename()
        )),
        (None, _) => Err(missing(file, &names)),
    }
}

impl Found {
    fn new(
        file: &Tensors,
        names: [String; 4],
        shape: Shape,
        transposed: [bool; 2],
        told: Option<String>,
    ) -> Self {
        let is_other = |name: &String| !names.contains(name) && !is_of_columns(name);
        let others = file.names().into_iter().filter(is_other).map(|name| with_shape(file, &name)).collect();
        Self { names, shape, transposed, told, others }
    }
}

/// Whether a tensor is one of a preprocessing.
fn is_of_columns(name: &str) -> bool {
    COLUMN_TENSORS.contains(&name)
}

/// The sets of four names that are those of a scheme, each behind the same prefix of whole words: `module.`, `_orig_mod.`.
fn named(names: &[String], scheme: &[&str; 4]) -> Vec<[String; 4]> {
    let prefixes = names.iter().filter_map(|name| name.strip_suffix(scheme[0]));
    let prefixes = prefixes.filter(|prefix| prefix.is_empty() || prefix.ends_with('.'));
    // Layers of an encoder or a decoder of several are no autoencoder by themselves.
    let prefixes = prefixes.filter(|prefix| {
        !scheme[0].starts_with('0') || !prefix.split('.').any(|part| matches!(part, "encoder" | "decoder"))
    });
    let four = prefixes.map(|prefix| scheme.map(|name| format!("{prefix}{name}")));
    four.filter(|four| four.iter().all(|name| names.contains(name))).collect()
}

/// Tensors of other names, if their shapes fit together in one way.
fn foreign(file: &Tensors, four: [String; 4]) -> Result<Found, String> {
    let others = file.names().into_iter().filter(|name| !four.contains(name) && !is_of_columns(name));
    let deeper: Vec<_> =
        others.filter(|name| file.info(name).is_some_and(|info| info.shape.len() > 1)).collect();
    if let Some(other) = deeper.first() {
        let fact = format!("{} look like a model, but there is {}", four.join(", "), with_shape(file, other));
        return Err(format!("{fact}, so that it may be a deeper network; {}", rename()));
    }
    let is_free = FREE.iter().any(|scheme| four[0].ends_with(scheme[0]));
    let (shape, transposed) =
        if is_free { free_shape(file, &four)? } else { (linear_shape(file, &four)?, [false; 2]) };
    let own = OWN.iter().zip(&four).map(|(own, name)| format!("{name} as {own}"));
    let mut told = format!("taken {}", own.collect::<Vec<_>>().join(", "));
    let sides = [("encoder", transposed[0]), ("decoder", transposed[1])];
    let turned: Vec<_> = sides.iter().filter(|(_, turned)| *turned).map(|(side, _)| *side).collect();
    if !turned.is_empty() {
        told += &format!(", by their shapes the weights of {} transposed", turned.join(" and "));
    }
    if is_free {
        let [w1, b1, d, b2] = &four;
        told += &format!(
            ", for A3 = g(f(X·{w1} + {b1})·{d} + {b2}); if {b2} is taken from X first, save {b1} less what {w1} makes of it"
        );
    }
    Ok(Found::new(file, four, shape, transposed, Some(told)))
}

/// n and h of weights that lie as PyTorch's do, from those of the encoder, to which the others must fit.
fn linear_shape(file: &Tensors, names: &[String; 4]) -> Result<Shape, String> {
    let [encoder, _, decoder, _] = names;
    let (hidden, visible) = match tensor(file, encoder)?.shape[..] {
        [hidden, visible] if hidden > 0 && visible > 0 => (hidden, visible),
        ref other => {
            return Err(format!("{encoder} has shape {other:?}, but [hidden, visible] is needed"));
        }
    };
    let wanted: [&[usize]; 4] = [&[hidden, visible], &[hidden], &[visible, hidden], &[visible]];
    for (name, wanted) in names.iter().zip(wanted) {
        let found = &tensor(file, name)?.shape;
        if found != wanted {
            let reference = format!("{encoder} of {hidden} hidden and {visible} visible units");
            let fact = format!("{name} has shape {found:?}, but {reference} asks for {wanted:?}");
            let is_turned = name == decoder && found[..] == [hidden, visible];
            let turn = format!(
                "; it is transposed, {}",
                python(&format!("t['{name}'] = t['{name}'].T.contiguous()"))
            );
            return Err(if is_turned { fact + &turn } else { fact });
        }
    }
    Ok(Shape { visible, hidden })
}

/// n and h from the biases, and which of the matrices lie transposed; refused where a square leaves two readings.
fn free_shape(file: &Tensors, names: &[String; 4]) -> Result<(Shape, [bool; 2]), String> {
    let length = |name: &String| match tensor(file, name)?.shape[..] {
        [length] if length > 0 => Ok(length),
        ref other => Err(format!("{name} has shape {other:?}, but a bias has one dimension")),
    };
    let (hidden, visible) = (length(&names[1])?, length(&names[3])?);
    if hidden == visible {
        let four = names.join(", ");
        let fact =
            format!("{four}: as many hidden as visible units, {hidden}, do not tell how the weights lie");
        return Err(format!("{fact}; {}", rename()));
    }
    let turned = |name: &String, straight: [usize; 2]| {
        let found = &tensor(file, name)?.shape;
        match found[..] {
            [rows, cols] if [rows, cols] == straight => Ok(false),
            [rows, cols] if [cols, rows] == straight => Ok(true),
            _ => Err(format!(
                "{name} has shape {found:?}, but {hidden} hidden and {visible} visible units ask for {straight:?} or its transpose"
            )),
        }
    };
    let transposed = [turned(&names[0], [hidden, visible])?, turned(&names[2], [visible, hidden])?];
    Ok((Shape { visible, hidden }, transposed))
}

/// The refusal where no reading has all four.
fn missing(file: &Tensors, names: &[String]) -> String {
    let lacks = |name: &str| file.info(name).is_none();
    let first = OWN.iter().find(|own| lacks(own)).copied().unwrap_or(OWN[0]);
    let listed = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    let more =
        if names.len() > LISTED { format!(" and {} more", names.len() - LISTED) } else { String::new() };
    let found = if names.is_empty() { "none".to_owned() } else { listed + &more };
    let fact = format!("no tensor {first} (found: {found})");
    if OWN.iter().filter(|own| lacks(own)).count() > 1 {
        return format!("{fact}; {}", rename());
    }
    let (why, line) = match first {
        "decoder.weight" => {
            ("where weights are tied, save both", "t['decoder.weight'] = t['encoder.weight'].T.contiguous()")
        }
        "decoder.bias" if !lacks("bias") => {
            ("if bias is the decoder's, and is not taken from the input", "t['decoder.bias'] = t.pop('bias')")
        }
        "decoder.bias" => (
            "a layer without a bias has one of zeros",
            "t['decoder.bias'] = t['decoder.weight'].new_zeros(len(t['decoder.weight']))",
        ),
        "encoder.bias" => (
            "a layer without a bias has one of zeros",
            "t['encoder.bias'] = t['encoder.weight'].new_zeros(len(t['encoder.weight']))",
        ),
        _ => return format!("{fact}; {}", rename()),
    };
    format!("{fact}; {why}, {}", python(line))
}

/// The way out for other names.
fn rename() -> String {
    let line = "t = {'encoder.weight': t['A'], 'encoder.bias': t['B'], 'decoder.weight': t['C'], 'decoder.bias': t['D']}";
    let shapes = "[hidden, visible], [hidden], [visible, hidden] and [visible]";
    format!("a model has encoder and decoder, each weight and bias, of shapes {shapes}: {}", python(line))
}

/// A line of Python that does this to the tensors `t` of a file.
fn python(what: &str) -> String {
    format!(
        "in Python: from safetensors.torch import *; t = load_file('FILE'); {what}; save_file(t, 'model.safetensors')"
    )
}

fn tensor<'a>(file: &'a Tensors, name: &str) -> Result<&'a TensorInfo, String> {
    file.info(name).ok_or_else(|| format!("no tensor {name}"))
}

fn with_shape(file: &Tensors, name: &str) -> String {
    file.info(name).map_or_else(|| name.to_owned(), |info| format!("{name} {:?}", info.shape))
}
