//! Autoencoders to test with: every weight of the objective large enough that a term left out is far outside a bound.

use rhohat::engine::cpu::Cpu;
use rhohat::engine::device::Setup;
use rhohat::engine::reference::Reference;
use rhohat::engine::{Chunking, RhoHat};
use rhohat::math::objective::{Activation, Objective, Penalty, RhoHatMode};
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::math::random::Stream;

pub use Activation::{Linear, Sigmoid, Tanh};

/// All pairs of hidden and output activation.
pub const PAIRS: [(Activation, Activation); 6] =
    [(Sigmoid, Sigmoid), (Sigmoid, Tanh), (Sigmoid, Linear), (Tanh, Sigmoid), (Tanh, Tanh), (Tanh, Linear)];

/// n, h and m.
pub type Size = (usize, usize, usize);

/// One autoencoder with its examples.
#[derive(Clone, Debug)]
pub struct Case {
    pub setup: Setup,
    pub params: Params<f32>,
    pub data: Matrix<f32>,
}

/// The case of a size and a pair of activations, with random parameters (biases too) and examples.
pub fn case((n, h, m): Size, (activation, output): (Activation, Activation)) -> Case {
    let objective = Objective { activation, output, penalty: Penalty::kl(0.2), beta: 3.0, lambda: 0.1 };
    let setup = Setup { objective, cut: Chunking::default(), rho_hat: RhoHat::default(), threads: 2 };
    let mut stream = Stream::new((n * 1_000_003 + h * 1009 + m) as u64, "case");
    let mut draw = |len: usize, from: f64, to: f64| -> Vec<f32> {
        (0..len).map(|_| (from + (to - from) * stream.unit()) as f32).collect()
    };
    let reach = (6.0 / (n + h + 1) as f64).sqrt();
    let params = Params {
        shape: Shape { visible: n, hidden: h },
        w1: draw(n * h, -reach, reach),
        b1: draw(h, -0.5, 0.5),
        d: draw(n * h, -reach, reach),
        b2: draw(n, -0.5, 0.5),
    };
    Case { setup, params, data: Matrix::new(m, n, draw(m * n, -0.9, 0.9)) }
}

impl Case {
    /// Rows and hidden units computed at a time; 0 leaves a size to the engine.
    pub fn cut(mut self, chunk: usize, block: usize) -> Self {
        let given = |size: usize| (size > 0).then_some(size);
        self.setup.cut = Chunking { chunk: given(chunk), block: given(block), ..Chunking::default() };
        self
    }

    pub fn threads(mut self, threads: usize) -> Self {
        self.setup.threads = threads;
        self
    }

    pub fn rho_hat(mut self, mode: RhoHatMode, decay: f64) -> Self {
        self.setup.rho_hat = RhoHat { mode, decay };
        self
    }

    /// The engine under test.
    pub fn cpu(&self) -> Cpu {
        Cpu::new(&self.setup, self.params.clone(), self.data.clone()).expect("the threads start")
    }

    /// The truth.
    pub fn reference(&self) -> Reference {
        Reference::new(&self.setup, self.params.cast(), self.data.cast())
    }
}
