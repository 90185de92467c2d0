//! The line search and L-BFGS on functions with known minima, learning rates, and the order of the examples.

use rhohat::data::shuffle::{BatchSampler, Shuffle};
use rhohat::math::objective::Cost;
use rhohat::math::optim::lbfgs::{Iteration, Lbfgs};
use rhohat::math::optim::line_search::{C1, C2, SearchEnd, StepPoint, strong_wolfe};
use rhohat::math::optim::{LearningRate, Role, Schedule, SearchSpace, Trial};

/// Any function with its gradient as the space of a search.
struct Space<F> {
    function: F,
    point: Vec<f64>,
    trial: Vec<f64>,
    gradient: Vec<f64>,
    trial_gradient: Vec<f64>,
    direction: Vec<f64>,
    steps: Vec<Vec<f64>>,
    changes: Vec<Vec<f64>>,
}

impl<F: Fn(&[f64]) -> (f64, Vec<f64>)> Space<F> {
    fn new(function: F, point: &[f64]) -> Self {
        let empty = Vec::new;
        let point = point.to_vec();
        Self {
            function,
            trial: point.clone(),
            point,
            gradient: empty(),
            trial_gradient: empty(),
            direction: empty(),
            steps: Vec::new(),
            changes: Vec::new(),
        }
    }

    fn vector(&self, slot: Role) -> &[f64] {
        match slot {
            Role::Gradient => &self.gradient,
            Role::Direction => &self.direction,
            Role::Step(i) => &self.steps[i],
            Role::Change(i) => &self.changes[i],
            other => unreachable!("{other:?} is no vector of a search"),
        }
    }
}

fn as_cost(value: f64) -> Cost {
    let mut cost = Cost::default();
    cost.reconstruction = value;
    cost
}

fn inner(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn minus(x: &[f64], y: &[f64]) -> Vec<f64> {
    x.iter().zip(y).map(|(x, y)| x - y).collect()
}

impl<F: Fn(&[f64]) -> (f64, Vec<f64>)> SearchSpace for Space<F> {
    fn begin_search(&mut self, history: usize) -> rhohat::Result<Cost> {
        let (value, gradient) = (self.function)(&self.point);
        self.gradient = gradient;
        self.steps = vec![Vec::new(); history];
        self.changes = vec![Vec::new(); history];
        Ok(as_cost(value))
    }

    fn evaluate(&mut self, step: f64) -> rhohat::Result<Trial> {
        self.trial = self.point.iter().zip(&self.direction).map(|(x, d)| x + step * d).collect();
        let (value, gradient) = (self.function)(&self.trial);
        self.trial_gradient = gradient;
        Ok(Trial { cost: as_cost(value), slope: inner(&self.trial_gradient, &self.direction) })
    }

    fn accept(&mut self, slot: usize) -> rhohat::Result<()> {
        self.steps[slot] = minus(&self.trial, &self.point);
        self.changes[slot] = minus(&self.trial_gradient, &self.gradient);
        self.point.clone_from(&self.trial);
        self.gradient.clone_from(&self.trial_gradient);
        Ok(())
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> rhohat::Result<Vec<f64>> {
        Ok(pairs.iter().map(|&(x, y)| inner(self.vector(x), self.vector(y))).collect())
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> rhohat::Result<()> {
        let mut direction = vec![0.0; self.point.len()];
        for &(c, slot) in terms {
            direction.iter_mut().zip(self.vector(slot)).for_each(|(d, x)| *d += c * x);
        }
        self.direction = direction;
        Ok(())
    }
}

fn rosenbrock(x: &[f64]) -> (f64, Vec<f64>) {
    let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
    (a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b])
}

fn minimise<F: Fn(&[f64]) -> (f64, Vec<f64>)>(space: &mut Space<F>, iterations: usize) -> (Lbfgs, usize) {
    let mut lbfgs = Lbfgs::new(space).unwrap();
    for done in 0..iterations {
        if lbfgs.iterate(space).unwrap() == Iteration::Converged {
            return (lbfgs, done);
        }
    }
    (lbfgs, iterations)
}

#[test]
fn lbfgs_finds_the_minimum_of_rosenbrocks_valley() {
    let mut space = Space::new(rosenbrock, &[-1.2, 1.0]);
    let (lbfgs, iterations) = minimise(&mut space, 100);
    assert!((space.point[0] - 1.0).abs() < 1e-6 && (space.point[1] - 1.0).abs() < 1e-6, "{:?}", space.point);
    assert!(iterations < 60 && lbfgs.evaluations() < 90, "{iterations}, {}", lbfgs.evaluations());
}

#[test]
fn lbfgs_solves_a_quadratic_of_more_dimensions_than_its_history() {
    let curvature: Vec<f64> = (1..=40).map(f64::from).collect();
    let quadratic = |x: &[f64]| {
        let gradient: Vec<f64> = x.iter().zip(&curvature).map(|(x, c)| c * (x - 1.0)).collect();
        (0.5 * x.iter().zip(&gradient).map(|(x, g)| (x - 1.0) * g).sum::<f64>(), gradient)
    };
    let mut space = Space::new(quadratic, &[0.0; 40]);
    minimise(&mut space, 100);
    assert!(space.point.iter().all(|x| (x - 1.0).abs() < 1e-6), "{:?}", space.point);
}

#[test]
fn lbfgs_never_goes_uphill_and_reports_the_cost_of_where_it_stands() {
    let mut space = Space::new(rosenbrock, &[-1.2, 1.0]);
    let mut lbfgs = Lbfgs::new(&mut space).unwrap();
    let mut last = lbfgs.cost().total();
    while let Iteration::Accepted(_) = lbfgs.iterate(&mut space).unwrap() {
        assert_eq!(lbfgs.cost().total(), rosenbrock(&space.point).0);
        assert!(lbfgs.cost().total() < last);
        last = lbfgs.cost().total();
    }
}

#[test]
fn lbfgs_ends_as_converged_where_the_gradient_is_zero_and_where_rounding_hides_any_decrease() {
    let mut at_minimum = Space::new(rosenbrock, &[1.0, 1.0]);
    assert_eq!(minimise(&mut at_minimum, 10).1, 0);
    // 1 + x² cannot fall below 1 by less than a rounding.
    let mut rounded = Space::new(|x: &[f64]| (1.0 + x[0] * x[0], vec![2.0 * x[0]]), &[1e-9]);
    assert!(minimise(&mut rounded, 10).1 < 10);
}

#[test]
fn a_start_that_is_not_finite_is_a_divergence_that_names_it() {
    let mut space = Space::new(|_: &[f64]| (f64::NAN, vec![1.0]), &[0.0]);
    assert!(Lbfgs::new(&mut space).unwrap_err().to_string().contains("the cost"));
}

/// A search along a function of one variable; the steps it tried.
fn search(f: impl Fn(f64) -> (f64, f64), first: f64) -> (SearchEnd, Vec<f64>, StepPoint) {
    let at = |step: f64| {
        let (value, slope) = f(step);
        StepPoint { step, value, slope }
    };
    let mut tried = Vec::new();
    let found = strong_wolfe(at(0.0), first, &mut |step| {
        tried.push(step);
        Ok(at(step))
    });
    (found.unwrap(), tried, at(0.0))
}

#[test]
fn a_step_that_is_found_meets_both_wolfe_conditions_from_short_and_long_first_steps() {
    for first in [1e-6, 1e-3, 0.1, 1.0, 10.0, 1e3, 1e6] {
        let (found, tried, start) =
            search(|t| ((t - 3.0).powi(2) + (5.0 * t).cos(), 2.0 * (t - 3.0) - 5.0 * (5.0 * t).sin()), first);
        let SearchEnd::Wolfe(point) = found else { panic!("from {first}: {found:?}") };
        assert!(point.value <= start.value + C1 * point.step * start.slope, "from {first}");
        assert!(point.slope.abs() <= -C2 * start.slope, "from {first}");
        assert_eq!(tried.last(), Some(&point.step), "the step that was found is the last one tried");
    }
}

#[test]
fn a_trial_that_is_not_finite_shortens_the_step() {
    let barrier = |t: f64| {
        if t < 1.0 { (-t - (1.0 - t).ln() * 0.1, -1.0 + 0.1 / (1.0 - t)) } else { (f64::NAN, f64::NAN) }
    };
    let (found, tried, _) = search(barrier, 64.0);
    assert!(matches!(found, SearchEnd::Wolfe(point) if point.step < 1.0), "{found:?} after {tried:?}");
}

#[test]
fn nothing_is_found_where_no_step_goes_down() {
    // The slope promises a decrease that the values do not keep.
    let (found, ..) = search(|t| (t.abs(), -1.0), 1.0);
    assert_eq!(found, SearchEnd::Nothing);
}

#[test]
fn warm_up_rises_to_the_rate_and_the_cosine_falls_to_zero() {
    let rate = LearningRate { base: 0.8, schedule: Schedule::Cosine, warmup: 4, steps: 12 };
    let at: Vec<f64> = (1..=12).map(|step| rate.at(step)).collect();
    assert_eq!(at[..4], [0.2, 0.4, 0.6000000000000001, 0.8]);
    assert_eq!(at[4], 0.8);
    assert!(at[4..].windows(2).all(|pair| pair[1] < pair[0]));
    assert!((at[8] - 0.4).abs() < 1e-15, "half way: {}", at[8]);
    assert!(at[11] > 0.0 && at[11] < 0.05);
    assert_eq!(LearningRate::constant(0.3).at(1), 0.3);
    assert_eq!(LearningRate::constant(0.3).at(1_000_000), 0.3);
}

#[test]
fn every_example_comes_once_an_epoch_and_the_last_batch_holds_the_rest() {
    let mut order = BatchSampler::new(10, Shuffle::rows(7));
    for _ in 0..3 {
        let batches: Vec<Vec<usize>> = (0..3).map(|_| order.next(4).to_vec()).collect();
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
        let mut seen = batches.concat();
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<usize>>());
    }
}

#[test]
fn the_order_depends_on_the_seed_and_the_epoch_alone() {
    let epoch = |order: &mut BatchSampler, batch: usize| -> Vec<usize> {
        let mut rows = Vec::new();
        while rows.len() < 100 {
            rows.extend_from_slice(order.next(batch));
        }
        rows
    };
    let (mut by_seven, mut by_ten) =
        (BatchSampler::new(100, Shuffle::rows(1)), BatchSampler::new(100, Shuffle::rows(1)));
    let first = epoch(&mut by_seven, 7);
    assert_eq!(first, epoch(&mut by_ten, 10));
    let second = epoch(&mut by_seven, 7);
    assert_eq!(second, epoch(&mut by_ten, 10));
    assert_ne!(first, second);
    assert_ne!(first, epoch(&mut BatchSampler::new(100, Shuffle::rows(2)), 7));
}
