//! The three matrix products of a training step, named as BLAS names them: which factor is transposed.

/// Which factor of a product is transposed. C is `[m, n]` and k is summed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transpose {
    /// A `[m, k]` · Bᵀ, B `[n, k]`.
    Nt,
    /// A `[m, k]` · B `[k, n]`.
    Nn,
    /// Aᵀ · B, A `[k, m]`, B `[k, n]`.
    Tn,
}

impl Transpose {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Nt, Self::Nn, Self::Tn];

    /// As users are told of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nt => "NT",
            Self::Nn => "NN",
            Self::Tn => "TN",
        }
    }

    /// Rows and columns of A and of B for C `[m, n]`.
    pub fn operands(self, m: usize, n: usize, k: usize) -> [(usize, usize); 2] {
        match self {
            Self::Nt => [(m, k), (n, k)],
            Self::Nn => [(m, k), (k, n)],
            Self::Tn => [(k, m), (k, n)],
        }
    }
}
