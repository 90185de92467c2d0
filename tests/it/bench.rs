//! What `bench` validates with must be able to fail: engines and products that are wrong in one number.

use rhohat::bench::contender::Problem;
use rhohat::bench::ladder::Size;
use rhohat::bench::products::{ProductVariant, measure_variants, variants};
use rhohat::bench::stats::Pace;
use rhohat::bench::{contenders, sampled};
use rhohat::engine::variant::Variant;
use rhohat::engine::{ChunkPlan, Engine, Layer, NewUnit, ReusedBuffers, State, Step};
use rhohat::error::Result;
use rhohat::math::objective::{Activation, Cost, Objective, Penalty};
use rhohat::math::optim::{Role, SearchSpace, Trial};
use rhohat::math::params::{Params, Shape};
use rhohat::math::transpose::Transpose;

use crate::support;

/// Where an engine is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Code(f32),
    Output(f32),
    RhoHat,
    Encoder,
    Decoder,
    EncoderBias,
    OutputBias,
    NoUpdate,
}

/// An engine with a fault.
struct Faulty {
    inner: Box<dyn Engine>,
    fault: Fault,
    updated: bool,
}

impl Engine for Faulty {
    fn shape(&self) -> Shape {
        self.inner.shape()
    }

    fn examples(&self) -> usize {
        self.inner.examples()
    }

    fn adapter(&self) -> String {
        self.inner.adapter()
    }

    fn plan(&self) -> ChunkPlan {
        self.inner.plan()
    }

    fn objective(&self) -> &Objective {
        self.inner.objective()
    }

    fn cost(&mut self) -> Result<Cost> {
        self.inner.cost()
    }

    fn sampled_cost(&mut self, most: usize) -> Result<(Cost, usize)> {
        self.inner.sampled_cost(most)
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        self.inner.gradient()
    }

    fn step(&mut self, step: &Step<'_>) -> Result<Option<Cost>> {
        if self.fault == Fault::NoUpdate {
            return self.inner.cost().map(Some);
        }
        self.updated = true;
        let mut cost = self.inner.step(step)?;
        if let (Fault::RhoHat, Some(cost)) = (self.fault, &mut cost) {
            cost.rho_hat[0] *= 1.001;
        }
        Ok(cost)
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        let mut codes = self.inner.encode(first, count)?;
        if let (Fault::Code(factor), 0) = (self.fault, first) {
            codes[0] *= factor;
        }
        Ok(codes)
    }

    fn encode_rows(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        self.inner.encode_rows(rows)
    }

    fn decode_rows(&mut self, codes: &[f32]) -> Result<Vec<f32>> {
        self.inner.decode_rows(codes)
    }

    fn activations(&mut self, layer: Layer, rows: &[usize]) -> Result<Vec<f32>> {
        self.inner.activations(layer, rows)
    }

    fn replace_units(&mut self, units: &[NewUnit]) -> Result<()> {
        self.inner.replace_units(units)
    }

    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        let mut outputs = self.inner.reconstruct(first, count)?;
        if let (Fault::Output(factor), 0) = (self.fault, first) {
            outputs[0] *= factor;
        }
        Ok(outputs)
    }

    fn params(&mut self) -> Result<Params<f32>> {
        let mut params = self.inner.params()?;
        let tensor = match self.fault {
            Fault::Encoder => &mut params.w1,
            Fault::Decoder => &mut params.d,
            Fault::EncoderBias => &mut params.b1,
            Fault::OutputBias => &mut params.b2,
            _ => return Ok(params),
        };
        // A tenth of a per cent, and as much of 1 for numbers that happen to be near 0.
        let last = tensor.last_mut().unwrap();
        *last += 0.001 * (1.0 + last.abs());
        Ok(params)
    }

    fn set_params(&mut self, params: &Params<f32>) -> Result<()> {
        self.updated = false;
        self.inner.set_params(params)
    }

    fn state(&mut self, pairs: Option<&[usize]>, spare: &mut ReusedBuffers) -> Result<State> {
        self.inner.state(pairs, spare)
    }

    fn set_state(&mut self, state: &State) -> Result<()> {
        self.inner.set_state(state)
    }
}

impl SearchSpace for Faulty {
    fn begin_search(&mut self, history: usize) -> Result<Cost> {
        self.inner.begin_search(history)
    }

    fn evaluate(&mut self, step: f64) -> Result<Trial> {
        self.inner.evaluate(step)
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        self.inner.accept(slot)
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        self.inner.dots(pairs)
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> Result<()> {
        self.inner.set_direction(terms)
    }
}

fn problem(activation: Activation, output: Activation) -> Problem {
    let objective = Objective { activation, output, penalty: Penalty::kl(0.05), ..Objective::default() };
    Problem::new(Size { n: 37, h: 21, m: 90 }, objective, 0)
}

/// What the check says of the CPU engine with a fault.
fn checked(problem: &Problem, fault: Fault) -> std::result::Result<(), String> {
    let inner = contenders(&["cpu".to_owned()]).unwrap()[0].open(problem).unwrap();
    let mut engine = Faulty { inner, fault, updated: false };
    let result = sampled::check(&mut engine, problem, 0).map(|_| ()).map_err(|failure| failure.to_string());
    assert!(!engine.updated, "the engine is left as it was");
    result
}

#[test]
fn a_right_engine_passes_with_every_activation() {
    use Activation::{Linear, Sigmoid, Tanh};
    for activation in [Sigmoid, Tanh] {
        for output in [Sigmoid, Tanh, Linear] {
            assert_eq!(checked(&problem(activation, output), Fault::None), Ok(()));
        }
    }
}

#[test]
fn one_wrong_number_fails_and_is_named() {
    let problem = problem(Activation::Sigmoid, Activation::Sigmoid);
    for (fault, word) in [
        (Fault::Code(1.001), "codes"),
        (Fault::Code(f32::NAN), "codes"),
        (Fault::Output(1.001), "outputs"),
        (Fault::Output(f32::NAN), "outputs"),
        (Fault::RhoHat, "rho_hat"),
        (Fault::Encoder, "updated W1"),
        (Fault::Decoder, "updated D"),
        (Fault::EncoderBias, "updated b1"),
        (Fault::OutputBias, "updated b2"),
        (Fault::NoUpdate, "updated W1"),
    ] {
        let failure = checked(&problem, fault).expect_err(&format!("{fault:?} passes"));
        assert!(failure.contains(word), "{fault:?}: {failure}");
    }
}

/// A shape whose Aᵀ·B is cut into slices.
const SLICED: Size = Size { n: 20, h: 9, m: 1000 };
const ONCE: Pace = Pace { turns: 1, seconds: 0.0 };

#[test]
fn products_pass_and_have_a_row_each() {
    if support::software("products_pass_and_have_a_row_each").is_none() {
        return;
    }
    let who = &contenders(&["software".to_owned()]).unwrap()[0];
    let variants = variants(who.gpu().unwrap());
    let rows = measure_variants(who, SLICED, ONCE, &variants).unwrap();
    assert_eq!(rows.len(), variants.len());
}

#[test]
fn a_product_that_does_nothing_or_too_much_is_not_timed() {
    if support::software("a_product_that_does_nothing_or_too_much_is_not_timed").is_none() {
        return;
    }
    let who = &contenders(&["software".to_owned()]).unwrap()[0];
    for transpose in [Transpose::Nt, Transpose::Nn, Transpose::Tn] {
        // Behind the right one, whose result must not pass for its own.
        let mut all = variants(who.gpu().unwrap());
        all.push(ProductVariant { transpose, variant: Variant::PLAIN, record: |_, _| Ok(()) });
        let error = measure_variants(who, SLICED, ONCE, &all).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        let text = error.to_string();
        assert!(text.contains("direct/buffers") && text.contains("computed wrongly"), "{text}");
    }
    let twice = ProductVariant {
        transpose: Transpose::Nn,
        variant: Variant::PLAIN,
        record: |recorder, on| {
            recorder.matmul_nn(&on.a, &on.b, &on.c, false)?;
            recorder.matmul_nn(&on.a, &on.b, &on.c, true)
        },
    };
    assert!(measure_variants(who, SLICED, ONCE, &[twice]).is_err());
}
