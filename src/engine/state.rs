//! The state of an engine, from which the same steps follow again: a copy of its vectors, as they lie there.
//!
//! Vectors are copied without being rearranged, since training waits for it. Whoever reads them asks for tensors.

use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::engine::panels::PanelLayout;
use crate::math::network::{Network, NetworkShape};
use crate::math::optim::role::Role;
use crate::math::params::{Params, Real, Shape, cast};

/// Numbers in the precision of the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum VectorData {
    /// Of the CPU and of WebGPU devices.
    Single(Vec<f32>),
    /// Of the reference.
    Double(Vec<f64>),
}

impl VectorData {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Single(values) => values.len(),
            Self::Double(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same in f64.
    pub fn wide(&self) -> Vec<f64> {
        match self {
            Self::Single(values) => cast(values),
            Self::Double(values) => values.clone(),
        }
    }

    /// Whether all of them are finite, judged on their bits: all bits of the exponent are set in what is not.
    pub fn are_finite(&self) -> bool {
        match self {
            Self::Single(values) => are_finite(values),
            Self::Double(values) => {
                const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
                !values.iter().fold(false, |bad, x| bad | (x.to_bits() & EXPONENT == EXPONENT))
            }
        }
    }
}

/// Whether numbers in f32 are all finite, judged on their bits.
pub fn are_finite(values: &[f32]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    !values.iter().fold(false, |bad, x| bad | (x.to_bits() & EXPONENT == EXPONENT))
}

/// Memory of a state that nobody needs any more, for the next one: to have new pages cleared takes several times as
/// long as to copy numbers into old ones.
#[derive(Debug, Default)]
pub struct ReusedBuffers(Vec<Vec<f32>>);

impl ReusedBuffers {
    /// `len` numbers, whichever they are.
    pub fn take(&mut self, len: usize) -> Vec<f32> {
        let fitting = self.0.iter().position(|vector| vector.len() == len);
        fitting.map_or_else(|| vec![0.0; len], |at| self.0.swap_remove(at))
    }
}

impl<S> From<State<S>> for ReusedBuffers {
    fn from(state: State<S>) -> Self {
        let single = |(_, numbers)| match numbers {
            VectorData::Single(values) => Some(values),
            VectorData::Double(_) => None,
        };
        Self(state.vectors.into_iter().filter_map(single).collect())
    }
}

/// In which order the numbers of a vector lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrangement {
    /// That of [`Params::to_flat`].
    Rows,
    /// That of the CPU engine: matrices in panels of sixteen columns, W1 transposed, padding zero.
    Panels,
}

/// The widths of what an engine learns, which say how many numbers its vectors have, and whose they are.
pub trait StateShape:
    Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Numbers of a vector that lies in this order; `None` where no memory holds so many, or none lies so.
    fn vector_len(&self, order: Arrangement) -> Option<usize>;

    /// Units whose ρ̂ a cost tells of.
    fn units(&self) -> usize;

    /// The first tensor of a vector that holds NaN or infinity, if one does.
    fn first_not_finite(&self, order: Arrangement, numbers: &VectorData) -> Option<String>;
}

impl StateShape for Shape {
    fn vector_len(&self, order: Arrangement) -> Option<usize> {
        // A bound on either order, padding included, before anything is multiplied without care.
        let most = self.visible.checked_add(16)?.checked_mul(self.hidden.checked_add(16)?)?;
        most.checked_mul(16)?;
        Some(match order {
            Arrangement::Rows => self.parameters(),
            Arrangement::Panels => PanelLayout::new(*self).len(),
        })
    }

    fn units(&self) -> usize {
        self.hidden
    }

    fn first_not_finite(&self, order: Arrangement, numbers: &VectorData) -> Option<String> {
        tensors::<f64>(*self, order, numbers).first_not_finite().map(str::to_owned)
    }
}

impl StateShape for NetworkShape {
    fn vector_len(&self, order: Arrangement) -> Option<usize> {
        let numbers = |(inputs, outputs): (usize, usize)| outputs.checked_mul(inputs.checked_add(1)?);
        let sum = |sum: usize, layer| sum.checked_add(numbers(layer)?);
        let length = self.layers().try_fold(0, sum)?;
        length.checked_mul(16)?;
        (order == Arrangement::Rows).then_some(length)
    }

    fn units(&self) -> usize {
        0
    }

    fn first_not_finite(&self, _: Arrangement, numbers: &VectorData) -> Option<String> {
        Network::from_flat(self.clone(), &numbers.wide()).first_not_finite()
    }
}

/// The tensors of an autoencoder's vector.
fn tensors<T: Real>(shape: Shape, order: Arrangement, numbers: &VectorData) -> Params<T> {
    match (order, numbers) {
        (Arrangement::Rows, VectorData::Single(flat)) => Params::from_flat(shape, flat).cast(),
        (Arrangement::Rows, VectorData::Double(flat)) => Params::from_flat(shape, flat).cast(),
        (Arrangement::Panels, VectorData::Single(flat)) => PanelLayout::new(shape).tensors(flat).cast(),
        (Arrangement::Panels, VectorData::Double(flat)) => {
            PanelLayout::new(shape).tensors(&cast(flat)).cast()
        }
    }
}

/// A copy of all that decides an engine's next steps, besides its examples and its set-up.
#[derive(Clone, Debug, PartialEq)]
pub struct State<S = Shape> {
    /// The widths: n and h of an autoencoder, those of all layers of a classifier.
    pub shape: S,
    /// How the vectors lie.
    pub order: Arrangement,
    /// The vectors; the parameters are always there, the others where the optimiser has made them.
    pub vectors: Vec<(Role, VectorData)>,
    /// The moving average of ρ̂ `[h]`, once a batch has started it.
    pub average: Option<Vec<f64>>,
}

impl State {
    /// The tensors of a vector, if it is there.
    pub fn get<T: Real>(&self, role: Role) -> Option<Params<T>> {
        self.numbers(role).map(|numbers| tensors(self.shape, self.order, numbers))
    }

    /// The parameters alone.
    pub fn only_params(mut self) -> Self {
        self.vectors.retain(|(role, _)| *role == Role::Params);
        Self { average: None, ..self }
    }

    /// Adds the parameters of `best`, which lie in the same order, as the best so far; the copy goes into `spare`.
    pub fn add_best(&mut self, best: &Self, spare: &mut ReusedBuffers) {
        assert_eq!((best.shape, best.order), (self.shape, self.order), "the best of the same engine");
        let params = best.vectors.iter().filter(|(role, _)| *role == Role::Params);
        let mut copied = |numbers: &VectorData| match numbers {
            VectorData::Single(values) => {
                let mut copy = spare.take(values.len());
                copy.copy_from_slice(values);
                VectorData::Single(copy)
            }
            VectorData::Double(_) => numbers.clone(),
        };
        self.vectors.extend(params.map(|(_, numbers)| (Role::Best, copied(numbers))));
    }

    /// Takes the best parameters out, as the parameters of a state of their own.
    pub fn take_best(&mut self) -> Option<Self> {
        let at = self.vectors.iter().position(|(role, _)| *role == Role::Best)?;
        let (_, numbers) = self.vectors.remove(at);
        Some(Self { vectors: vec![(Role::Params, numbers)], average: None, ..*self })
    }
}

impl<S: StateShape> State<S> {
    /// Whether an engine can go on from it.
    ///
    /// # Errors
    /// Says what is missing, superfluous or of another length.
    pub fn check(&self) -> Result<(), String> {
        let len = self.shape.vector_len(self.order).ok_or("no memory holds such a shape")?;
        let roles: Vec<Role> = self.vectors.iter().map(|(role, _)| *role).collect();
        if !roles.contains(&Role::Params) {
            return Err("the parameters are missing".to_owned());
        }
        for (i, (role, numbers)) in self.vectors.iter().enumerate() {
            if !Role::all().any(|known| known == *role) || roles[..i].contains(role) {
                return Err(format!("{role:?} is unknown or there twice"));
            }
            if numbers.len() != len {
                return Err(format!("{role:?} has {} numbers, but the shape asks for {len}", numbers.len()));
            }
        }
        let units = self.shape.units();
        match &self.average {
            Some(average) if average.len() != units => {
                Err(format!("the moving average is that of {} units, but there are {units}", average.len()))
            }
            _ => Ok(()),
        }
    }

    /// The first tensor that holds NaN or infinity, judged on bits.
    pub fn first_not_finite(&self) -> Option<String> {
        let (role, numbers) = self.vectors.iter().find(|(_, numbers)| !numbers.are_finite())?;
        let tensor = self.shape.first_not_finite(self.order, numbers);
        Some(role.prefix() + tensor.as_deref().unwrap_or("its padding"))
    }
}

impl<S> State<S> {
    /// The numbers of a vector, as they lie, if it is there.
    pub fn numbers(&self, role: Role) -> Option<&VectorData> {
        self.vectors.iter().find(|(known, _)| *known == role).map(|(_, numbers)| numbers)
    }

    /// Whether a vector is there.
    pub fn holds(&self, role: Role) -> bool {
        self.numbers(role).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::optim::lbfgs::HISTORY;

    fn state(order: Arrangement, bad: usize, number: f32) -> State {
        let shape = Shape { visible: 3, hidden: 2 };
        let mut numbers = vec![1.0; shape.vector_len(order).unwrap()];
        numbers[bad] = number;
        let fine = VectorData::Single(vec![f32::MAX; numbers.len()]);
        State {
            shape,
            order,
            vectors: vec![(Role::Params, fine), (Role::Moment(0), VectorData::Single(numbers))],
            average: None,
        }
    }

    #[test]
    fn every_number_that_is_not_finite_is_seen_by_its_bits_and_its_tensor_named() {
        let bits = [0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc0_0001, 0x7f80_0001, 0xffff_ffff];
        for bits in bits {
            let number = f32::from_bits(bits);
            for (at, name) in [(0, "encoder.weight"), (6, "encoder.bias"), (8, "decoder.weight")] {
                let found = state(Arrangement::Rows, at, number).first_not_finite();
                assert_eq!(found, Some(format!("the momentum of {name}")), "{bits:x}");
            }
            // Behind W1ᵀ of 3 lines and b1 of one.
            let found = state(Arrangement::Panels, 64, number).first_not_finite().unwrap();
            assert_eq!(found, "the momentum of decoder.weight", "{bits:x}");
            let wide = VectorData::Double(vec![0.0, f64::from(number)]);
            assert!(!wide.are_finite(), "{bits:x}");
        }
        for bits in [0, 0x8000_0000, 1, 0x7f7f_ffff, 0xff7f_ffff, 0x007f_ffff] {
            assert_eq!(
                state(Arrangement::Rows, 3, f32::from_bits(bits)).first_not_finite(),
                None,
                "{bits:x}"
            );
        }
        assert!(VectorData::Double(vec![f64::MAX, f64::MIN_POSITIVE, -0.0]).are_finite());
    }

    #[test]
    fn a_state_that_does_not_fit_its_shape_is_refused() {
        let good = state(Arrangement::Rows, 0, 1.0);
        assert_eq!(good.check(), Ok(()));
        let mut twice = good.clone();
        twice.vectors.push(twice.vectors[1].clone());
        let mut short = good.clone();
        short.vectors[1].1 = VectorData::Double(vec![0.0; 3]);
        let mut unknown = good.clone();
        unknown.vectors[1].0 = Role::Step(HISTORY);
        let bare = State { vectors: good.vectors[1..].to_vec(), ..good.clone() };
        let averaged = State { average: Some(vec![0.5; 3]), ..good.clone() };
        let huge = State { shape: Shape { visible: usize::MAX / 2, hidden: 9 }, ..good };
        for bad in [twice, short, unknown, bare, averaged, huge] {
            assert!(bad.check().is_err(), "{:?}", bad.shape);
        }
    }
}
