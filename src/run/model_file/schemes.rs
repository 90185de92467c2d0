//! The names that programs give the four tensors of a model, and which of them are there.

use std::collections::BTreeMap;

/// Names and shapes of a file's arrays.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// The names that this program writes, in the order W1, b1, D, b2.
pub const OWN: [&str; 4] = ["encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"];

/// Where squares, or matrices without biases, leave open how weights lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[outputs, inputs]`, as PyTorch keeps the weights of a linear layer.
    Linear,
    /// `[inputs, outputs]`, the convention of sparse autoencoders for language models.
    Inputs,
    /// Programs lay them out either way.
    Open,
}

/// The names of one program.
#[derive(Debug)]
pub struct Scheme {
    /// In the order W1, b1, D, b2; without D where weights are always tied.
    pub names: [Option<&'static str>; 4],
    /// How weights lie where shapes do not tell.
    pub layout: Layout,
    /// Whether D may be left out, and is W1 then.
    pub may_be_tied: bool,
    /// Whether b2 is also taken from the input.
    pub is_shifted: bool,
}

const fn scheme(names: [&'static str; 4], layout: Layout) -> Scheme {
    let [w1, b1, d, b2] = names;
    Scheme { names: [Some(w1), Some(b1), Some(d), Some(b2)], layout, may_be_tied: false, is_shifted: false }
}

const fn tied(w1: &'static str, b1: &'static str, b2: &'static str, layout: Layout) -> Scheme {
    let names = [Some(w1), Some(b1), None, Some(b2)];
    Scheme { names, layout, may_be_tied: true, is_shifted: false }
}

/// All of them.
const ALL: [Scheme; 16] = [
    Scheme { may_be_tied: true, ..scheme(OWN, Layout::Linear) },
    Scheme {
        is_shifted: true,
        ..scheme(["encoder.weight", "encoder.bias", "decoder.weight", "bias"], Layout::Linear)
    },
    scheme(["encoder.0.weight", "encoder.0.bias", "decoder.0.weight", "decoder.0.bias"], Layout::Linear),
    scheme(["0.weight", "0.bias", "2.weight", "2.bias"], Layout::Linear),
    scheme(["0.weight", "0.bias", "1.weight", "1.bias"], Layout::Linear),
    Scheme {
        may_be_tied: true,
        ..scheme(["enc.weight", "enc.bias", "dec.weight", "dec.bias"], Layout::Linear)
    },
    scheme(["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"], Layout::Linear),
    scheme(["linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"], Layout::Linear),
    Scheme { may_be_tied: true, ..scheme(["W_enc", "b_enc", "W_dec", "b_dec"], Layout::Inputs) },
    scheme(["W1", "b1", "W2", "b2"], Layout::Open),
    Scheme {
        may_be_tied: true,
        ..scheme(["encoder.weight", "encoder.bias", "decoder.weight", "decoder_bias"], Layout::Linear)
    },
    tied("W", "b_enc", "b_dec", Layout::Open),
    tied("W", "b1", "b2", Layout::Open),
    tied("W", "b", "b_prime", Layout::Open),
    tied("W", "hbias", "vbias", Layout::Open),
    tied("W", "h_bias", "v_bias", Layout::Open),
];

/// A scheme as a file has it: W1, and as much of the rest as makes a model.
#[derive(Clone, Debug)]
pub struct Match {
    /// Those that are there.
    pub names: [Option<String>; 4],
    /// Whose names they are.
    pub scheme: &'static Scheme,
}

impl Match {
    /// The names that are there.
    pub fn present(&self) -> Vec<&str> {
        self.names.iter().flatten().map(String::as_str).collect()
    }
}

/// The fullest readings of a file: of two that share all names of the one, that with more of them; of two with the same names, that of
/// the scheme that stands first.
pub fn matches(shapes: &Shapes) -> Vec<Match> {
    let mut all: Vec<Match> = Vec::new();
    for found in ALL.iter().flat_map(|scheme| of_scheme(shapes, scheme)) {
        if all.iter().all(|other| other.names != found.names) {
            all.push(found);
        }
    }
    let covers = |one: &Match, other: &Match| {
        let (one, other) = (one.present(), other.present());
        one.len() > other.len() && other.iter().all(|name| one.contains(name))
    };
    all.iter().filter(|one| !all.iter().any(|other| covers(other, one))).cloned().collect()
}

/// The readings by one scheme, each behind the same prefix of whole words: `module.`, `_orig_mod.`.
fn of_scheme(shapes: &Shapes, scheme: &'static Scheme) -> Vec<Match> {
    let [Some(first), ..] = scheme.names else { return Vec::new() };
    let prefixes = shapes.keys().filter_map(|name| name.strip_suffix(first));
    let prefixes = prefixes.filter(|prefix| prefix.is_empty() || prefix.ends_with('.'));
    // Layers of an encoder or a decoder of several are no autoencoder by themselves.
    let prefixes = prefixes.filter(|prefix| {
        !first.starts_with('0') || !prefix.split('.').any(|part| matches!(part, "encoder" | "decoder"))
    });
    let names = prefixes.map(|prefix| {
        scheme
            .names
            .map(|name| name.map(|name| format!("{prefix}{name}")).filter(|name| shapes.contains_key(name)))
    });
    // A decoder's bias alone makes a decoder of the encoder's weights, unless it is also taken from the input.
    let is_model =
        |names: &[Option<String>; 4]| names[2].is_some() || (scheme.may_be_tied && names[3].is_some());
    // The bias by which a scheme differs from the one before has to be there.
    let is_its_own = |names: &[Option<String>; 4]| !scheme.is_shifted || names[3].is_some();
    names.filter(|names| is_model(names) && is_its_own(names)).map(|names| Match { names, scheme }).collect()
}
