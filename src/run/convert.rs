//! A model in the files of other programs: safetensors under PyTorch's names or those of `nn.Sequential`, NumPy's `.npz`, UFLDL's θ
//! in a `.mat`.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Deserialize;

use crate::data::write::{ArrayValues, NamedArray, RowsKind, arrays_refusal, write_arrays};
use crate::data::{COLUMN_TENSORS, Preprocess};
use crate::math::params::{Params, Shape};
use crate::run::meta::{KEY, Meta};
use crate::run::model_file::write_to;
use crate::run::tensors_file::{self, Saved, Values, transposed};

/// The names of tensors in a safetensors file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Names {
    /// `encoder.weight`, `encoder.bias`, `decoder.weight`, `decoder.bias`.
    #[default]
    Own,
    /// `0.weight`, `0.bias`, `2.weight`, `2.bias`: `nn.Sequential` of linear layers, with an activation behind each.
    Sequential,
}

impl Names {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Own, Self::Sequential];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Sequential => "sequential",
        }
    }
}

/// A model on its way into a file.
#[derive(Debug)]
pub struct Converted<'a> {
    /// Its parameters.
    pub params: Cow<'a, Params<f32>>,
    /// The meaning of its numbers; `None` where another program wrote it.
    pub meta: Option<Cow<'a, Meta>>,
}

impl Converted<'_> {
    /// Why a kind of file cannot hold it, with the way out.
    pub fn refusal(&self, kind: RowsKind) -> Option<String> {
        arrays_refusal(kind, self.params.shape.parameters())
    }

    /// Writes it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, kind: RowsKind, names: Names, out: &mut dyn Write) -> io::Result<()> {
        match (kind, names, &self.meta) {
            (RowsKind::Safetensors, Names::Own, Some(meta)) => write_to(out, &self.params, meta),
            (RowsKind::Safetensors, names, _) => self.write_tensors(names, out),
            _ => self.write_arrays(kind, out),
        }
    }

    /// Tensors alone: a module of PyTorch takes no others beside its own. Columns are left out of the metadata therefore.
    fn write_tensors(&self, names: Names, out: &mut dyn Write) -> io::Result<()> {
        let Params { shape: Shape { visible, hidden }, w1, b1, d, b2 } = &*self.params;
        let (visible, hidden) = (*visible, *hidden);
        let [of_w1, of_b1, of_d, of_b2] = match names {
            Names::Own => ["encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"],
            Names::Sequential => ["0.weight", "0.bias", "2.weight", "2.bias"],
        };
        let single = |name: &'static str, shape, values| Saved {
            name: name.into(),
            shape,
            values: Values::Single(values),
        };
        let w2 = Values::Transposed { values: d, cols: visible };
        let tensors = [
            single(of_b1, vec![hidden], b1),
            single(of_w1, vec![hidden, visible], w1),
            single(of_b2, vec![visible], b2),
            Saved { name: of_d.into(), shape: vec![visible, hidden], values: w2 },
        ];
        let meta = self.meta.as_deref().map(|meta| {
            let preprocess =
                if meta.preprocess.has_columns() { Preprocess::AS_IS } else { meta.preprocess.clone() };
            (KEY, Meta { preprocess, ..meta.clone() }.to_json())
        });
        tensors_file::write(out, &tensors, meta)
    }

    /// Arrays as UFLDL names them, W1 `[h, n]` and W2 `[n, h]`.
    fn write_arrays(&self, kind: RowsKind, out: &mut dyn Write) -> io::Result<()> {
        let Params { shape: Shape { visible, hidden }, w1, b1, d, b2 } = &*self.params;
        let (visible, hidden) = (*visible, *hidden);
        let of = |name, shape, values| NamedArray { name, shape, values };
        let single = |name, shape, values| of(name, shape, ArrayValues::Single(values));
        let w2 = transposed(d, visible);
        let (sizes, json) = ([visible as f64, hidden as f64], self.meta.as_deref().map(Meta::to_json));
        let (theta, objective) = if kind == RowsKind::Mat {
            // Columns of W1 and of W2, which are rows of its transpose and of D.
            let theta = [&transposed(w1, visible)[..], d, b1, b2].concat();
            (theta, self.meta.as_deref().map(|meta| meta.objective))
        } else {
            (Vec::new(), None)
        };
        let numbers = objective.map(|it| [it.penalty.rho, it.lambda, it.beta]);
        let mut arrays = vec![
            single("W1", vec![hidden, visible], &w1[..]),
            single("b1", vec![hidden], &b1[..]),
            single("W2", vec![visible, hidden], &w2[..]),
            single("b2", vec![visible], &b2[..]),
        ];
        if kind == RowsKind::Mat {
            let number =
                |name, number| of(name, Vec::new(), ArrayValues::Double(std::slice::from_ref(number)));
            arrays.push(single("theta", vec![theta.len()], &theta));
            arrays.extend([number("visibleSize", &sizes[0]), number("hiddenSize", &sizes[1])]);
            let names = ["rho", "lambda", "beta"];
            arrays.extend(
                numbers.iter().flat_map(|numbers| names.into_iter().zip(numbers)).map(|(a, b)| number(a, b)),
            );
        }
        if let Some(objective) = &objective {
            let text = |name, text| of(name, Vec::new(), ArrayValues::Text(text));
            arrays.push(text("activation", objective.activation.name()));
            arrays.push(text("output", objective.output.name()));
        }
        if let Some(json) = &json {
            arrays.push(of(KEY, vec![json.len()], ArrayValues::Bytes(json.as_bytes())));
        }
        let transform = self.meta.as_deref().and_then(|meta| meta.preprocess.transform());
        for tensor in transform.iter().flat_map(|transform| transform.tensors()) {
            debug_assert!(COLUMN_TENSORS.contains(&tensor.name));
            arrays.push(of(tensor.name, tensor.shape, ArrayValues::Double(tensor.values)));
        }
        write_arrays(kind, out, &arrays)
    }
}
