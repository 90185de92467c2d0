//! The vectors of a run that have the parameters' shape, whoever holds them.

use serde::{Deserialize, Serialize};

use super::lbfgs::HISTORY;

/// The role of a vector of the parameters' shape in a run, and its name in checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The parameters.
    Params,
    /// v of SGD (0); first (0) and second (1) moment of Adam.
    Moment(usize),
    /// The gradient at the parameters, of L-BFGS.
    Gradient,
    /// s_i, the i-th kept difference of parameters of L-BFGS.
    Step(usize),
    /// y_i, the i-th kept difference of gradients of L-BFGS.
    Change(usize),
    /// The parameters with the lowest J over held-out examples.
    Best,
    /// The search direction of L-BFGS, which every iteration makes anew: no checkpoint has it.
    #[serde(skip)]
    Direction,
}

/// Most moments of an optimiser.
pub const MOMENTS: usize = 2;

impl Role {
    /// Those of a state that is gone on from: parameters and moments, and with the history slots `pairs` in use what
    /// L-BFGS searches from.
    pub fn of_state(pairs: Option<&[usize]>) -> impl Iterator<Item = Self> {
        let search = pairs.into_iter().flat_map(|pairs| Self::of_search(pairs.iter().copied()));
        [Self::Params].into_iter().chain((0..MOMENTS).map(Self::Moment)).chain(search)
    }

    /// The gradient, and s and y of history slots.
    pub fn of_search(slots: impl IntoIterator<Item = usize>) -> impl Iterator<Item = Self> {
        let pairs = slots.into_iter().flat_map(|slot| [Self::Step(slot), Self::Change(slot)]);
        [Self::Gradient].into_iter().chain(pairs)
    }

    /// All that a state may hold.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::of_state(None).chain(Self::of_search(0..HISTORY)).chain([Self::Best])
    }

    /// The words before the name of a tensor, for people; nothing for the parameters themselves.
    pub fn prefix(self) -> String {
        match self {
            Self::Params => String::new(),
            Self::Moment(0) => "the momentum of ".to_owned(),
            Self::Moment(_) => "the second moment of ".to_owned(),
            Self::Gradient => "the gradient of ".to_owned(),
            Self::Step(slot) | Self::Change(slot) => format!("the search history ({slot}) of "),
            Self::Direction => "the search direction of ".to_owned(),
            Self::Best => "the best ".to_owned(),
        }
    }
}
