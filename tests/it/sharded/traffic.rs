//! The cost model: what ranks exchange, counted and calculated.

use rhohat::engine::collective::VOTES;
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::{Chunking, Engine, Rows, Step, Update};
use rhohat::math::optim::lbfgs::{Iteration, Lbfgs};

use super::collectives::{Call, Traced, calls, summed_bytes};
use super::{on_all, open, problem, ranks};

/// Rows of the problem.
const ROWS: usize = 50;
/// Its visible units, and the numbers that a row of them takes on the CPU engine, in whole panels.
const VISIBLE: usize = 13;
const PANELS: usize = 16;

/// Runs a sharded engine on four ranks; what each has called.
fn traced(choice: &Choice, chunk: Option<usize>, work: impl Fn(&mut dyn Engine) + Sync) -> Vec<Call> {
    let (group, logs) = Traced::group(ranks(4));
    let setup = Setup { cut: Chunking { chunk, ..Chunking::default() }, ..Setup::default() };
    on_all(group, |rank| work(&mut *open(choice, &problem(3), setup, rank, 8)));
    calls(&logs)
}

/// Bytes that a rank brings to the sums of one pass over `rows` rows in `chunks` chunks: m·n outputs, and votes with each chunk.
fn outputs(choice: &Choice, rows: usize, chunks: usize) -> usize {
    match choice {
        Choice::Reference => 8 * (rows * VISIBLE + VOTES),
        _ => 4 * (rows * PANELS + chunks * VOTES),
    }
}

#[test]
fn an_update_sums_its_outputs_and_with_a_report_two_numbers_more() {
    let batch = [4, 8, 15, 16, 23, 42];
    for choice in [Choice::Reference, Choice::Cpu] {
        for (update, report) in [
            (Update::Sgd { lr: 0.1, momentum: 0.9 }, false),
            (Update::Adam { lr: 0.01, step: 1 }, false),
            (Update::Adam { lr: 0.01, step: 1 }, true),
        ] {
            for (rows, count) in [(Rows::All, ROWS), (Rows::Listed(&batch), batch.len())] {
                let found = traced(&choice, None, |engine| {
                    for _ in 0..3 {
                        engine.step(&Step { rows, update, beta: 0.5, report }).unwrap();
                    }
                });
                let scalars = if report { 2 * 8 } else { 0 };
                assert_eq!(summed_bytes(&found), 3 * (outputs(&choice, count, 1) + scalars), "{choice:?}");
                assert_eq!(found.len(), if report { 6 } else { 3 });
            }
        }
    }
}

#[test]
fn chunks_add_votes_alone_and_what_ends_at_the_hidden_layer_sums_nothing() {
    let step =
        Step { rows: Rows::All, update: Update::Sgd { lr: 0.1, momentum: 0.0 }, beta: 0.5, report: false };
    let found = traced(&Choice::Cpu, Some(16), |engine| {
        engine.step(&step).unwrap();
    });
    assert_eq!(summed_bytes(&found), outputs(&Choice::Cpu, ROWS, ROWS.div_ceil(16)));
    for choice in [Choice::Reference, Choice::Cpu] {
        let found = traced(&choice, Some(16), |engine| {
            engine.encode(0, ROWS).unwrap();
        });
        assert_eq!(found, [Call::ToFirst, Call::Broadcast(4 * ROWS * 21)], "{choice:?}");
    }
}

#[test]
fn a_trial_of_a_search_sums_three_numbers_more_and_an_iteration_its_inner_products() {
    const ITERATIONS: usize = 5;
    for choice in [Choice::Reference, Choice::Cpu] {
        let evaluations = std::sync::Mutex::new(0);
        let found = traced(&choice, None, |engine| {
            let mut lbfgs = Lbfgs::new(engine).unwrap();
            for kept in 0..ITERATIONS {
                assert_eq!(lbfgs.pairs().len(), kept, "every pair is kept here");
                assert!(matches!(lbfgs.iterate(engine).unwrap(), Iteration::Accepted(_)));
            }
            *evaluations.lock().unwrap() = lbfgs.evaluations();
        });
        let evaluations = evaluations.into_inner().unwrap();
        // Of s, y and the gradient with each other, and with the s and y that are kept; of the first gradient with itself.
        let products: usize = 1 + (0..ITERATIONS).map(|kept| 6 + 3 * 2 * kept).sum::<usize>();
        // Penalty and decay of each, and the slope of all but the first, which has no direction.
        let scalars = 3 * evaluations - 1;
        let formula = evaluations * outputs(&choice, ROWS, 1) + 8 * (scalars + products);
        assert_eq!(summed_bytes(&found), formula, "{choice:?}, {evaluations} evaluations");
        assert_eq!(found.len(), 2 * evaluations + 1 + ITERATIONS);
    }
}

#[test]
fn each_rank_looks_for_numbers_that_are_not_finite_among_its_own_and_asks_nobody() {
    for choice in [Choice::Reference, Choice::Cpu] {
        let found = traced(&choice, None, |engine| {
            let mut params = problem(3).params;
            params.b1[20] = f32::NAN;
            assert_eq!(engine.first_not_finite().unwrap(), None);
            engine.set_params(&params).unwrap();
            let wanted = engine.units().contains(&20).then(|| "encoder.bias".to_owned());
            assert_eq!(engine.first_not_finite().unwrap(), wanted, "{choice:?}");
        });
        assert_eq!(found, [], "{choice:?}");
    }
}
