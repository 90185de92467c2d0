//! The calls of an engine as one rank tells them to the others: all that they take, so that every rank makes the same call
//! with the same bits.

use bytemuck::{Pod, cast_slice, pod_collect_to_vec};
use serde::{Deserialize, Serialize};

use super::channel::Message;
use crate::engine::{Arrangement, Layer, NewUnit, Rows, State, Step, Update, VectorData};
use crate::error::{Error, Result};
use crate::math::optim::Role;
use crate::math::params::{Params, Shape};

/// A number in f64 by its bits: text has no word for those that are not finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bits(u64);

impl From<f64> for Bits {
    fn from(number: f64) -> Self {
        Self(number.to_bits())
    }
}

impl From<Bits> for f64 {
    fn from(Bits(bits): Bits) -> Self {
        Self::from_bits(bits)
    }
}

/// A vector of a search; `None` is the direction, which no file names.
type VectorOf = Option<Role>;

/// The vector as it is told.
pub fn told(role: Role) -> VectorOf {
    Some(role).filter(|role| *role != Role::Direction)
}

/// The vector that was told.
pub fn meant(role: VectorOf) -> Role {
    role.unwrap_or(Role::Direction)
}

/// A call. Numbers that may be many are no part of it: they go behind it, see [`numbers`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Call {
    /// Open the next engine.
    Open,
    /// Close the engine: it is not called any more.
    Close,
    /// Follow no longer.
    End,
    BeginSearch(usize),
    Prepare(usize, Vec<(VectorOf, VectorOf)>),
    Evaluate(Bits),
    Accept(usize),
    Dots(Vec<(VectorOf, VectorOf)>),
    SetDirection(Vec<(Bits, VectorOf)>),
    ComputeAtOnce(usize),
    Cost,
    SampledCost(usize),
    Gradient,
    /// Indices of the rows, unless all are meant.
    Step(ToldStep),
    Finish,
    Encode(usize, usize),
    /// Indices of the rows.
    Activations(ToldLayer),
    Reconstruct(usize, usize),
    /// Rows.
    EncodeRows,
    /// Codes.
    DecodeRows,
    Params,
    /// All tensors.
    SetParams(Shape),
    /// The weights of these units, one after the other.
    ReplaceUnits(Vec<usize>),
    State(Option<Vec<usize>>),
    FirstNotFinite,
    /// The vectors in their order, and the moving average.
    SetState(ToldState),
}

/// [`Layer`] as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToldLayer {
    Input,
    Hidden,
    Output,
}

impl From<Layer> for ToldLayer {
    fn from(layer: Layer) -> Self {
        match layer {
            Layer::Input => Self::Input,
            Layer::Hidden => Self::Hidden,
            Layer::Output => Self::Output,
        }
    }
}

impl From<ToldLayer> for Layer {
    fn from(layer: ToldLayer) -> Self {
        match layer {
            ToldLayer::Input => Self::Input,
            ToldLayer::Hidden => Self::Hidden,
            ToldLayer::Output => Self::Output,
        }
    }
}

/// [`Step`] as it is told, but for its rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToldStep {
    are_listed: bool,
    lr: Bits,
    /// μ of SGD.
    momentum: Option<Bits>,
    /// The number of an update of Adam.
    number: u64,
    beta: Bits,
    report: bool,
}

impl From<&Step<'_>> for ToldStep {
    fn from(step: &Step<'_>) -> Self {
        let (lr, momentum, number) = match step.update {
            Update::Sgd { lr, momentum } => (lr, Some(momentum.into()), 0),
            Update::Adam { lr, step } => (lr, None, step),
        };
        let are_listed = matches!(step.rows, Rows::Listed(_));
        Self { are_listed, lr: lr.into(), momentum, number, beta: step.beta.into(), report: step.report }
    }
}

impl ToldStep {
    /// The step over these rows, if they are listed.
    pub fn over(self, listed: &[usize]) -> Step<'_> {
        let Self { are_listed, lr, momentum, number, beta, report } = self;
        let update = match momentum {
            Some(momentum) => Update::Sgd { lr: lr.into(), momentum: momentum.into() },
            None => Update::Adam { lr: lr.into(), step: number },
        };
        let rows = if are_listed { Rows::Listed(listed) } else { Rows::All };
        Step { rows, update, beta: beta.into(), report }
    }
}

/// [`State`] as it is told, but for its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToldState {
    shape: Shape,
    order: Arrangement,
    /// Each vector, and whether it is in f64.
    vectors: Vec<(Role, bool)>,
    has_average: bool,
}

impl ToldState {
    /// The state, and its numbers as bytes.
    pub fn of(state: &State) -> (Self, Vec<u8>) {
        let is_wide = |numbers: &VectorData| matches!(numbers, VectorData::Double(_));
        let vectors = state.vectors.iter().map(|(role, numbers)| (*role, is_wide(numbers))).collect();
        let mut bytes = Vec::new();
        for (_, numbers) in &state.vectors {
            match numbers {
                VectorData::Single(numbers) => bytes.extend_from_slice(cast_slice(numbers)),
                VectorData::Double(numbers) => bytes.extend_from_slice(cast_slice(numbers)),
            }
        }
        bytes.extend_from_slice(cast_slice(state.average.as_deref().unwrap_or_default()));
        let has_average = state.average.is_some();
        (Self { shape: state.shape, order: state.order, vectors, has_average }, bytes)
    }

    /// The state with these numbers.
    pub fn with(self, bytes: &[u8]) -> Result<State> {
        let Self { shape, order, vectors, has_average } = self;
        let len = crate::engine::StateShape::vector_len(&shape, order);
        let (len, mut rest) = (len.ok_or_else(damaged)?, bytes);
        let mut next = |size: usize| {
            let (part, others) = rest.split_at_checked(size).ok_or_else(damaged)?;
            rest = others;
            Ok::<_, Error>(part)
        };
        let mut taken = Vec::with_capacity(vectors.len());
        for (role, is_wide) in vectors {
            taken.push((
                role,
                match is_wide {
                    true => VectorData::Double(numbers(next(8 * len)?)),
                    false => VectorData::Single(numbers(next(4 * len)?)),
                },
            ));
        }
        let average = has_average.then(|| next(8 * shape.hidden).map(numbers)).transpose()?;
        Ok(State { shape, order, vectors: taken, average })
    }
}

/// New units, and their weights one after the other.
pub fn told_units(units: &[NewUnit]) -> (Vec<usize>, Vec<f32>) {
    let weights = units.iter().flat_map(|new| [&new.w1[..], &[new.b1], &new.d].concat());
    (units.iter().map(|new| new.unit).collect(), weights.collect())
}

/// The units that were told, each with n weights on either side.
pub fn meant_units(units: &[usize], weights: &[f32], visible: usize) -> Vec<NewUnit> {
    let of_unit = |(&unit, weights): (&usize, &[f32])| {
        let ((w1, rest), visible) = (weights.split_at(visible), visible);
        NewUnit { unit, w1: w1.to_vec(), b1: rest[0], d: rest[1..=visible].to_vec() }
    };
    units.iter().zip(weights.chunks_exact(2 * visible + 1)).map(of_unit).collect()
}

/// Tensors as they are told: see [`Params::to_flat`].
pub fn meant_params(shape: Shape, bytes: &[u8]) -> Result<Params<f32>> {
    let flat: Vec<f32> = numbers(bytes);
    if flat.len() == shape.parameters() { Ok(Params::from_flat(shape, &flat)) } else { Err(damaged()) }
}

/// Numbers from bytes, wherever these lie.
pub fn numbers<T: Pod>(bytes: &[u8]) -> Vec<T> {
    pod_collect_to_vec(&bytes[..bytes.len() - bytes.len() % size_of::<T>()])
}

/// Indices of examples as numbers that all machines write alike.
pub fn indices(rows: &[usize]) -> Vec<u64> {
    rows.iter().map(|&row| row as u64).collect()
}

/// The indices that were told.
pub fn meant_indices(bytes: &[u8]) -> Vec<usize> {
    numbers::<u64>(bytes).into_iter().map(|row| usize::try_from(row).unwrap_or(usize::MAX)).collect()
}

impl Call {
    /// The text of a message: which of the engines is called, and how.
    ///
    /// # Errors
    /// None, in truth: every call has a text.
    pub fn to_text(&self, engine: usize) -> Result<Vec<u8>> {
        serde_json::to_vec(&(engine, self)).map_err(|error| Error::device(error.to_string()))
    }

    /// The engine and the call of a message.
    ///
    /// # Errors
    /// [`Error::Device`] for what is no call: ranks of other versions.
    pub fn of_message(message: &Message) -> Result<(usize, Self)> {
        serde_json::from_slice(&message.head).map_err(|_| damaged())
    }
}

/// Said of a message that cannot be understood.
fn damaged() -> Error {
    Error::device(
        "the first rank's message is damaged, or of another version of rhohat; run the same program on all ranks",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_understood_with_the_bits_that_it_was_told_with() {
        let roles = [Role::Direction, Role::Gradient, Role::Step(3), Role::Change(9)];
        let pairs: Vec<_> = roles.iter().map(|&role| (told(role), told(Role::Direction))).collect();
        let terms = [f64::NAN, -0.0, 1e-310].map(|number| (Bits::from(number), told(roles[0])));
        let step = |update| Step { rows: Rows::Listed(&[1, 5]), update, beta: 0.1 + 0.2, report: true };
        let sgd = step(Update::Sgd { lr: 1.0 / 3.0, momentum: 0.9 });
        let calls = [
            Call::Dots(pairs),
            Call::SetDirection(terms.to_vec()),
            Call::Evaluate(f64::INFINITY.into()),
            Call::Step((&sgd).into()),
            Call::Step((&step(Update::Adam { lr: 1e-3, step: u64::MAX })).into()),
        ];
        for call in calls {
            let head = call.to_text(1).unwrap();
            let heard = Call::of_message(&Message { head, tail: Vec::new() }).unwrap();
            assert_eq!(heard, (1, call));
        }
        assert!(roles.iter().all(|&role| meant(told(role)) == role));
        let rows = meant_indices(cast_slice(&indices(&[1, 5])));
        let Step { rows: Rows::Listed(rows), update, beta, report: true } = ToldStep::from(&sgd).over(&rows)
        else {
            panic!("another step")
        };
        assert_eq!((rows, update, beta.to_bits()), (&[1, 5][..], sgd.update, sgd.beta.to_bits()));
    }

    #[test]
    fn a_state_and_new_units_are_understood_whole_and_a_broken_state_is_refused() {
        let shape = Shape { visible: 3, hidden: 2 };
        let single = VectorData::Single(Params::random(shape, 1).to_flat());
        let double = VectorData::Double(Params::random(shape, 2).cast::<f64>().to_flat());
        let vectors = vec![(Role::Params, single), (Role::Moment(1), double)];
        let state = State { shape, order: Arrangement::Rows, vectors, average: Some(vec![0.25, 0.5]) };
        for state in [State { average: None, ..state.clone() }, state] {
            let (told, bytes) = ToldState::of(&state);
            assert_eq!(told.clone().with(&bytes).unwrap(), state);
            assert!(told.with(&bytes[..bytes.len() - 1]).is_err());
        }
        let unit = |unit, x: f32| NewUnit { unit, w1: vec![x, 1.0, 2.0], b1: -x, d: vec![3.0, 4.0, x] };
        let units = [unit(7, 0.5), unit(0, -2.0)];
        let (numbers, weights) = told_units(&units);
        assert_eq!(meant_units(&numbers, &weights, 3), units);
    }
}
