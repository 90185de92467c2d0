//! Whole passes of the CPU and the GPU engine against the reference, over shapes, chunks and blocks.

use std::sync::Arc;

use proptest::prelude::*;
use rhohat::engine::cpu::Cpu;
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::gpu::engine::GpuEngine;
use rhohat::engine::reference::Reference;
use rhohat::engine::{Chunking, Engine, Rows, Step, Update};
use rhohat::error::Error;
use rhohat::math::objective::Activation;
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::verify::steps::{CUTS, Problem, Rule, check_pass, check_updates};

use crate::support;

/// The engines in f32.
pub(super) fn engines(test: &str) -> Vec<(&'static str, Choice)> {
    let software = support::software(test).map(|gpu| ("software", Choice::Gpu(Arc::new(gpu))));
    std::iter::once(("cpu", Choice::Cpu)).chain(software).collect()
}

#[test]
fn the_gradient_over_ten_thousand_rows_does_not_depend_on_the_chunk() {
    let shape = Shape { visible: 64, hidden: 25 };
    let problem = Problem::of_shape((Activation::Sigmoid, Activation::Sigmoid), shape, 10_000, 1);
    for (name, engine) in engines("chunks") {
        for chunk in [97, 1_000, 10_000] {
            let cut = Chunking { chunk: Some(chunk), block: None, ..Chunking::default() };
            let closeness =
                check_pass(&engine, &problem, cut).unwrap_or_else(|f| panic!("{name}, {chunk}: {f}"));
            println!("{name}, chunk {chunk}: {:.3} of the bound", closeness.share);
        }
    }
}

#[test]
fn any_shape_chunk_and_block_gives_the_pass_of_the_reference() {
    for (name, engine) in engines("shapes") {
        let sizes = (1..40usize, 1..40usize, 1..80usize, 0..6usize, any::<u64>());
        let cuts = (proptest::option::of(1..90usize), proptest::option::of(1..45usize));
        let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
        proptest!(config, |((visible, hidden, rows, pair, seed) in sizes, (chunk, block) in cuts)| {
            let problem = Problem::of_shape(Activation::pairs()[pair], Shape { visible, hidden }, rows, seed);
            let passed = check_pass(&engine, &problem, Chunking { chunk, block, ..Chunking::default() });
            prop_assert!(passed.is_ok(), "{name}: {}", passed.unwrap_err());
        });
    }
}

#[test]
fn outputs_of_tanh_that_nearly_saturate_stay_within_their_bound() {
    // 2·sigmoid(2z) − 1 is rounded once where z is far below 0; tanh of the CPU engine may be 4 ulp off there too.
    let pair = (Activation::Sigmoid, Activation::Tanh);
    let problem = Problem::of_shape(pair, Shape { visible: 29, hidden: 1 }, 20, 1594982870300671773);
    for (name, engine) in engines("tanh near saturation") {
        check_pass(&engine, &problem, Chunking::default()).unwrap_or_else(|f| panic!("{name}: {f}"));
    }
}

#[test]
fn more_rows_than_a_dimension_has_workgroups_and_wide_layers_give_the_pass_of_the_reference() {
    let pair = (Activation::Tanh, Activation::Linear);
    for (name, engine) in engines("large shapes") {
        for (visible, hidden, rows) in [(3, 2, 70_001), (257, 131, 65), (5, 1_031, 17)] {
            let problem = Problem::of_shape(pair, Shape { visible, hidden }, rows, 2);
            if let Err(failure) = check_pass(&engine, &problem, Chunking::default()) {
                panic!("{name}, {visible}→{hidden}, {rows} rows: {failure}");
            }
        }
    }
}

pub(super) fn small() -> (Params<f32>, Matrix<f32>) {
    let problem = Problem::new((Activation::Sigmoid, Activation::Sigmoid), 3);
    (problem.params, problem.data)
}

#[test]
fn given_parameters_come_back_and_replacing_them_forgets_the_momentum() {
    for (name, choice) in engines("parameters") {
        let (params, data) = small();
        let mut engine = choice.open(&Setup::default(), &(params.clone(), data)).unwrap();
        assert_eq!(engine.params().unwrap(), params, "{name}");
        let update = Update::Sgd { lr: 0.1, momentum: 0.9 };
        let mut step = || {
            engine.set_params(&params).unwrap();
            assert!(
                engine.step(&Step { rows: Rows::All, update, beta: 3.0, report: false }).unwrap().is_none()
            );
            engine.params().unwrap()
        };
        let first = step();
        assert_ne!(first, params, "{name}");
        assert_eq!(step(), first, "{name}");
    }
}

#[test]
fn steps_while_beta_warms_up_and_their_cost_have_its_share_of_beta_on_every_engine() {
    for (name, choice) in engines("warm-up").into_iter().chain([("reference", Choice::Reference)]) {
        for pair in [Activation::pairs()[0], Activation::pairs()[5]] {
            for (cut, (rule, steps)) in CUTS.iter().flat_map(|cut| Rule::all().map(|rule| (cut, rule))) {
                let steps = Rule { warms_up: true, ..steps };
                let checked = check_updates(&choice, &Problem::new(pair, 6), steps, *cut);
                checked.unwrap_or_else(|failure| panic!("{name}, {rule}, {cut:?}: {failure}"));
            }
        }
    }
}

#[test]
fn steps_after_units_were_replaced_begin_without_their_momentum_on_every_engine() {
    for (name, choice) in engines("replaced units").into_iter().chain([("reference", Choice::Reference)]) {
        for pair in [Activation::pairs()[0], Activation::pairs()[5]] {
            for (cut, (rule, steps)) in CUTS.iter().flat_map(|cut| Rule::all().map(|rule| (cut, rule))) {
                let steps = Rule { replaces: true, ..steps };
                let checked = check_updates(&choice, &Problem::new(pair, 7), steps, *cut);
                checked.unwrap_or_else(|failure| panic!("{name}, {rule}, {cut:?}: {failure}"));
            }
        }
    }
}

/// Both layers of handed rows.
fn layers(engine: &mut dyn Engine, rows: &[f32]) -> [Vec<f32>; 2] {
    let codes = engine.encode_rows(rows).unwrap();
    let outputs = engine.decode_rows(&codes).unwrap();
    [codes, outputs]
}

#[test]
fn handed_rows_have_the_codes_and_outputs_of_examples() {
    const CHUNK: usize = 16;
    let (pair, shape) = ((Activation::Sigmoid, Activation::Tanh), Shape { visible: 13, hidden: 21 });
    let all = engines("handed rows").into_iter().chain([("reference", Choice::Reference)]);
    for (name, choice) in all {
        for block in [None, Some(8)] {
            let cut = Chunking { chunk: Some(CHUNK), block, ..Chunking::default() };
            for count in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3] {
                let Problem { objective, params, data } = Problem::of_shape(pair, shape, count, 5);
                let setup = Setup { objective, cut, ..Setup::default() };
                let open = |data: &Matrix<f32>| choice.open(&setup, &(params.clone(), data.clone())).unwrap();
                let mut holding = open(&data);
                let [codes, outputs] = layers(&mut *holding, &data.values);
                assert_eq!(codes.len(), count * shape.hidden, "{name}, {count} rows");
                assert!(codes == holding.encode(0, count).unwrap(), "{name}, {count} rows");
                let expected = holding.reconstruct(0, count).unwrap();
                assert_eq!(outputs.len(), expected.len(), "{name}, {count} rows");
                if let Choice::Reference = choice {
                    // Its codes were rounded to f32 on their way.
                    let close = |(x, y): (&f32, &f32)| (x - y).abs() <= 1e-6;
                    assert!(outputs.iter().zip(&expected).all(close), "{count} rows");
                } else {
                    assert!(outputs == expected, "{name}, {count} rows");
                }
                let mut without = open(&Matrix::new(0, shape.visible, Vec::new()));
                let again = [(); 2].map(|()| layers(&mut *without, &data.values));
                assert!(
                    again.iter().all(|again| *again == [codes.clone(), outputs.clone()]),
                    "{name}, {count} rows"
                );
            }
        }
    }
}

#[test]
fn handed_rows_are_whole_and_leave_training_alone() {
    for (name, choice) in engines("training beside handed rows") {
        let problem = Problem::new((Activation::Tanh, Activation::Linear), 4);
        let setup = Setup { objective: problem.objective, cut: CUTS[2], ..Setup::default() };
        let run = |between: bool| {
            let mut engine = choice.open(&setup, &(problem.params.clone(), problem.data.clone())).unwrap();
            for step in 1..4 {
                if between {
                    layers(&mut *engine, &problem.data.values[..5 * 13]);
                }
                let (rows, update) = (Rows::Listed(&[7, 1, 30]), Update::Adam { lr: 0.01, step });
                engine.step(&Step { rows, update, beta: 0.5, report: false }).unwrap();
            }
            for rows in [engine.encode_rows(&[0.5; 12]), engine.decode_rows(&[0.5; 11])] {
                assert!(matches!(rows, Err(Error::Usage(_))), "{name}");
            }
            engine.params().unwrap()
        };
        assert_eq!(run(true), run(false), "{name}");
    }
}

#[test]
fn devices_and_engines_go_from_thread_to_thread() {
    fn is_send<T: Send>() {}
    is_send::<Gpu>();
    is_send::<GpuEngine>();
    is_send::<Cpu>();
    is_send::<Reference>();
    is_send::<Choice>();
    is_send::<Box<dyn Engine>>();
}
