//! The kinds of whitening: one filters whole pictures, two decorrelate the numbers of examples.

use serde::{Deserialize, Serialize};

/// Whitening, as a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum WhiteningKind {
    /// Numbers are left as they are.
    None,
    /// Olshausen's filter |f|·exp(−(f/f₀)⁴), on whole pictures before patches are cut.
    Olshausen,
    /// Principal components of the examples, each of variance 1.
    Pca,
    /// Principal components of variance 1, rotated back: what is nearest to the examples of all whitened ones.
    Zca,
}

impl WhiteningKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::None, Self::Olshausen, Self::Pca, Self::Zca];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Olshausen => "olshausen",
            Self::Pca => "pca",
            Self::Zca => "zca",
        }
    }

    /// The rotation of those that decorrelate examples.
    pub fn rotation(self) -> Option<Rotation> {
        match self {
            Self::None | Self::Olshausen => None,
            Self::Pca => Some(Rotation::Pca),
            Self::Zca => Some(Rotation::Zca),
        }
    }
}

/// The axes in which decorrelated numbers stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rotation {
    /// Principal components, the one of the largest variance first.
    Pca,
    /// The columns of the examples.
    Zca,
}

impl Rotation {
    /// Its name in settings and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pca => "pca",
            Self::Zca => "zca",
        }
    }
}

/// How the numbers of examples are decorrelated (Krizhevsky 2009, UFLDL): the covariance Σ = Uᵀ diag(λ) U of the training
/// set, divided by its number of examples, gives U diag(1/√(λ + ε)), and for ZCA Uᵀ behind it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whitening {
    /// The axes.
    pub kind: Rotation,
    /// ε, added to every variance, so that noise is not raised to the height of all else.
    pub epsilon: f64,
    /// The share of all variance that the components kept have; `None` keeps all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variance: Option<f64>,
}

/// ε of pictures, whose numbers lie in [0, 1]: that of the lecture's linear decoder.
const EPSILON_OF_PICTURES: f64 = 0.1;
/// ε of rows: that of the lecture's exercise on principal components.
const EPSILON_OF_ROWS: f64 = 1e-5;

impl Whitening {
    /// The usual ε.
    pub fn usual_epsilon(is_of_pictures: bool) -> f64 {
        if is_of_pictures { EPSILON_OF_PICTURES } else { EPSILON_OF_ROWS }
    }
}
