//! Engines of several devices of one process: the first rank leads, the others follow its calls.

use std::thread;

use rhohat::engine::collective::threads::Threads;
use rhohat::engine::collective::{Alone, Ranks, Vote};
use rhohat::engine::crew::Crew;
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::leader::{Channel, Followers, follow};
use rhohat::engine::{Engine, Layer, NewUnit, ReusedBuffers, Rows, Step, Update};
use rhohat::math::optim::Role;

use super::{ENGINES, PATIENCE, open, problem};

/// Makes every call of an engine, and takes note of all that comes back.
fn all_calls(engine: &mut dyn Engine) -> Vec<String> {
    let problem = problem(3);
    let rows: Vec<usize> = (0..50).step_by(3).collect();
    let mut told = Vec::new();
    let mut note = |what: &dyn std::fmt::Debug| told.push(format!("{what:?}"));
    note(&engine.shape());
    note(&engine.units());
    note(&engine.cost());
    note(&engine.sampled_cost(10));
    note(&engine.gradient());
    let step = |rows, update, report| Step { rows, update, beta: 0.3, report };
    let sgd = Update::Sgd { lr: 0.1, momentum: 0.9 };
    note(&engine.step(&step(Rows::All, sgd, true)));
    note(&engine.step(&step(Rows::Listed(&rows), Update::Adam { lr: 0.01, step: 1 }, false)));
    note(&engine.step(&step(Rows::Listed(&rows), Update::Adam { lr: 0.01, step: 2 }, true)));
    note(&engine.finish());
    note(&engine.encode(4, 7));
    note(&engine.activations(Layer::Input, &rows));
    note(&engine.activations(Layer::Hidden, &rows));
    note(&engine.activations(Layer::Output, &rows));
    note(&engine.reconstruct(4, 7));
    engine.compute_at_once(5);
    note(&engine.encode_rows(&problem.data.values[..13 * 9]));
    let codes = engine.encode(0, 3).unwrap();
    note(&engine.decode_rows(&codes));
    let state = engine.state(None, &mut ReusedBuffers::default()).unwrap();
    note(&state);
    let new = |unit| NewUnit { unit, w1: vec![0.5; 13], b1: -1.0, d: vec![0.25; 13] };
    note(&engine.replace_units(&[new(2), new(20)]));
    note(&engine.params());
    note(&engine.set_state(&state));
    note(&engine.params());
    note(&engine.set_params(&problem.params));
    note(&engine.begin_search(4));
    engine.prepare(0, &[(Role::Gradient, Role::Gradient)]);
    note(&engine.set_direction(&[(-0.5, Role::Gradient)]));
    note(&engine.evaluate(0.125));
    note(&engine.accept(0));
    note(&engine.dots(&[(Role::Gradient, Role::Direction), (Role::Step(0), Role::Change(0))]));
    note(&engine.state(Some(&[0]), &mut ReusedBuffers::default()));
    note(&engine.first_not_finite());
    told
}

fn crew(choice: &Choice, ranks: usize, shards: usize) -> Box<dyn Engine> {
    let problem = problem(3);
    let setup = Setup { objective: problem.objective, threads: 2, ..Setup::default() };
    let crew = Crew::new(vec![choice.clone(); ranks], shards).unwrap();
    crew.open(&setup, &(problem.params.clone(), problem.data.clone())).unwrap()
}

#[test]
fn every_call_of_an_engine_of_several_devices_answers_for_all_units_with_the_bits_of_one_rank() {
    for (name, choice) in ENGINES {
        let mut alone = open(&choice, &problem(3), Setup::default(), Box::new(Alone), 4);
        let expected = all_calls(&mut *alone);
        for ranks in [2, 4] {
            let found = all_calls(&mut *crew(&choice, ranks, 4));
            for (call, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!(found == expected, "{name}, {ranks} ranks, call {call}:\n{found}\n{expected}");
            }
            assert_eq!(found.len(), expected.len());
        }
    }
}

#[test]
fn engines_share_their_followers_and_these_end_with_the_last_of_them() {
    let problem = problem(3);
    let start = (problem.params.clone(), problem.data.clone());
    let crew = Crew::new(vec![Choice::Cpu; 2], 2).unwrap();
    let setup = Setup { objective: problem.objective, threads: 2, ..Setup::default() };
    let mut one = crew.open(&setup, &start).unwrap();
    let mut other = crew.open(&setup, &start).unwrap();
    drop(crew);
    let before = one.cost().unwrap();
    let step =
        Step { rows: Rows::All, update: Update::Sgd { lr: 0.1, momentum: 0.0 }, beta: 0.1, report: false };
    other.step(&step).unwrap();
    assert_eq!(one.cost().unwrap(), before, "its parameters are its own");
    drop(one);
    assert!(other.cost().unwrap().total() < before.total());
}

#[test]
fn a_number_that_is_not_finite_is_found_on_whichever_rank_it_is() {
    let mut engine = crew(&Choice::Cpu, 2, 2);
    let mut params = problem(3).params;
    params.b1[20] = f32::NAN;
    engine.set_params(&params).unwrap();
    let found = engine.first_not_finite().unwrap();
    assert_eq!(found.as_deref(), Some("encoder.bias of rank 1"));
}

#[test]
fn a_rank_that_opens_nothing_ends_the_first_with_its_reason_and_every_later_call_with_it() {
    let mut group = Threads::group(2, Some(PATIENCE)).into_iter().map(|rank| Channel::new(Box::new(rank)));
    let followers = Followers::new(group.next().unwrap(), Box::new(|| {}));
    let mut channel = group.next().unwrap();
    thread::scope(|scope| {
        let other = scope.spawn(move || {
            let mut open = || Err(rhohat::Error::device("out of memory"));
            follow(&mut channel, &mut open, &mut || None)
        });
        let opens = || Ok(open(&Choice::Cpu, &problem(3), Setup::default(), Box::new(Alone), 1));
        let refused = followers.open(opens).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains("rank 1: out of memory"), "{refused}");
        let again = followers.open(opens).map(|_| ()).unwrap_err().to_string();
        assert!(again.contains("rank 1: out of memory"), "{again}");
        assert_eq!(other.join().unwrap().unwrap_err().to_string(), "out of memory");
    });
}

#[test]
fn what_another_rank_is_asked_for_is_known_on_the_first_after_the_next_step() {
    let [calls, sums] = [(), ()].map(|()| Threads::group(2, Some(PATIENCE)));
    let [[calls, other_calls], [sums, other_sums]] = [calls, sums].map(|ranks| ranks.try_into().unwrap());
    let opened = |sums: Threads| Ok(open(&Choice::Cpu, &problem(3), Setup::default(), Box::new(sums), 2));
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut sums = Some(other_sums);
            let mut channel = Channel::new(Box::new(other_calls));
            follow(&mut channel, &mut || opened(sums.take().unwrap()), &mut || Some(Vote::Stop)).unwrap();
        });
        let followers = Followers::new(Channel::new(Box::new(calls)), Box::new(|| {}));
        let mut engine = followers.open(|| opened(sums)).unwrap();
        let tally =
            |engine: &mut dyn Engine| engine.ranks().map(|ranks: &mut Ranks| ranks.tally().of(Vote::Stop));
        assert_eq!(tally(&mut engine), Some(0));
        engine.cost().unwrap();
        assert_eq!(tally(&mut engine), Some(1));
        drop((engine, followers));
    });
}
