//! Everything that `rhohat verify` checks, as one list.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rayon::prelude::*;
use serde::Serialize;

use super::compare::Closeness;
use super::cpu_kernels::{check_activation, check_product};
use super::gradients;
use super::kernels::{Case, ProductCase, cases};
use super::networks::{
    self, NetworkProblem, NetworkRule, check_network_pass, check_network_repeatable, check_network_updates,
};
use super::rig::Failure;
use super::steps::{CUTS, Problem, Rule, check_pass, check_repeatable, check_updates};
use super::training;
use crate::engine::device::Choice;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel::{ALL, Kernel};
use crate::engine::reference::gradient_check::GradientError;
use crate::io::lock::locked;
use crate::io::threads::joined;
use crate::math::objective::{Activation, PenaltyKind};
use crate::math::optim::Optimizer;
use crate::math::transpose::Transpose;

/// The kinds of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// The reference's gradient against finite differences.
    Gradients,
    /// Each kernel against the reference, within a derived bound.
    Kernels,
    /// Whole passes and updates against the reference, within a derived bound.
    Steps,
    /// Short training runs against the reference.
    Training,
}

impl Group {
    /// Its name in reports for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gradients => "gradients",
            Self::Kernels => "kernels",
            Self::Steps => "steps",
            Self::Training => "training",
        }
    }

    /// A headline that says what the figures mean.
    pub fn title(self) -> &'static str {
        match self {
            Self::Gradients => "gradients of the f64 reference: relative error against finite differences",
            Self::Kernels => "kernels against the reference: largest error as a share of its derived bound",
            Self::Steps => "whole steps against the reference: largest error as a share of its derived bound",
            Self::Training => "short training runs: difference to the reference as a share of 0.01 % of J",
        }
    }
}

/// The figures of a check that passed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Comparisons made.
    pub cases: usize,
    /// The largest error, in the unit of its group.
    pub worst: f64,
    /// Its bound.
    pub bound: f64,
}

impl Finding {
    /// Of one comparison, whose error is a share of its bound.
    fn of(closeness: Closeness) -> Self {
        Self { cases: 1, worst: closeness.share, bound: 1.0 }
    }

    /// Of the comparisons of both.
    fn with(self, other: Self) -> Self {
        Self { cases: self.cases + other.cases, worst: self.worst.max(other.worst), bound: self.bound }
    }
}

type CheckedCase = Box<dyn Fn(&Choice) -> Result<Finding, Failure> + Send + Sync>;

/// One line of the report.
pub struct Check {
    /// Its group.
    pub group: Group,
    /// The kernel, the activations or the rule that it checks.
    pub name: String,
    cases: Vec<CheckedCase>,
}

impl Check {
    fn new(
        group: Group,
        name: impl Into<String>,
        run: impl Fn(&Choice) -> Result<Finding, Failure> + Send + Sync + 'static,
    ) -> Self {
        let mut check = Self::without_cases(group, name);
        check.cases.push(Box::new(run));
        check
    }

    fn without_cases(group: Group, name: impl Into<String>) -> Self {
        Self { group, name: name.into(), cases: Vec::new() }
    }

    /// Another comparison of it.
    fn case(&mut self, run: impl Fn(&Choice) -> Result<Closeness, Failure> + Send + Sync + 'static) {
        self.cases.push(Box::new(move |choice| run(choice).map(Finding::of)));
    }

    /// How many comparisons [`Check::run_case`] has.
    pub fn cases(&self) -> usize {
        self.cases.len()
    }

    /// One of its comparisons, on the engine that it is listed for.
    ///
    /// # Errors
    /// Where results are wrong; those of the engine.
    ///
    /// # Panics
    /// For a case that there is not.
    pub fn run_case(&self, case: usize, choice: &Choice) -> Result<Finding, Failure> {
        self.cases[case](choice)
    }

    /// Carries it out on the engine that it is listed for, up to the first comparison that fails.
    ///
    /// # Errors
    /// As [`Check::run_case`].
    pub fn run(&self, choice: &Choice) -> Result<Finding, Failure> {
        let mut findings = self.cases.iter().map(|case| case(choice));
        let first = findings.next().expect("a check compares something")?;
        findings.try_fold(first, |sum, finding| Ok(sum.with(finding?)))
    }
}

/// The checks for an engine, in the order in which a fault is best understood: a wrong kernel fails the steps too.
pub fn checks(choice: &Choice, seed: u64) -> Vec<Check> {
    let mut checks = gradient_checks(seed);
    checks.extend(kernel_checks(choice, seed));
    checks.extend(step_checks(seed));
    checks.extend(network_checks(seed));
    checks.extend(training_checks(seed));
    checks
}

/// Most devices that are open at once.
const DEVICES: usize = 4;

/// Calls `each` for every check and the engine that it runs on; the results lie in the order of the list. A software adapter
/// compiles on one core, and so does the reference compute: there several threads share the checks, each with a device of its
/// own. They take them from both ends, since those of kernels and those of steps compile the same.
///
/// # Errors
/// When a device cannot be opened once more.
pub fn for_each<T: Send>(
    checks: &[Check],
    choice: &Choice,
    each: impl Fn(&Check, &Choice) -> T + Sync,
) -> crate::Result<Vec<T>> {
    let left = Mutex::new(0..checks.len());
    let share = |(number, choice): (usize, Choice)| -> Vec<(usize, T)> {
        let next = || {
            let left = &mut *locked(&left);
            if number % 2 == 0 { left.next() } else { left.next_back() }
        };
        std::iter::from_fn(next).map(|at| (at, each(&checks[at], &choice))).collect()
    };
    let devices = devices(choice)?.into_par_iter().enumerate().with_max_len(1);
    let mut results: Vec<_> = joined(|| devices.flat_map_iter(share).collect());
    results.sort_by_key(|&(at, _)| at);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// The engine, as often as threads share the checks.
fn devices(choice: &Choice) -> crate::Result<Vec<Choice>> {
    let mut devices = vec![choice.clone()];
    if let Choice::Gpu(gpu) = choice
        && gpu.adapter.is_software()
    {
        for _ in 1..joined(rayon::current_num_threads).min(DEVICES) {
            devices.push(Choice::Gpu(Arc::new(gpu.another()?)));
        }
    }
    Ok(devices)
}

fn gradient_checks(seed: u64) -> Vec<Check> {
    let quadratic = Check::new(Group::Gradients, "the checker itself, on a quadratic", |_| {
        differences(gradients::quadratic())
    });
    let of_model = |(pair, kind)| {
        let run = move |_: &Choice| differences(gradients::of_model(pair, kind, seed));
        Check::new(Group::Gradients, name_of((pair, kind)), run)
    };
    std::iter::once(quadratic).chain(models().map(of_model)).collect()
}

/// The activations of both layers, and the penalty.
type Model = ((Activation, Activation), PenaltyKind);

/// Every pair of activations under every penalty.
fn models() -> impl Iterator<Item = Model> {
    PenaltyKind::ALL
        .into_iter()
        .flat_map(|kind| Activation::pairs().into_iter().map(move |pair| (pair, kind)))
}

fn name_of(((f, g), kind): Model) -> String {
    format!("{} → {}, {}", f.name(), g.name(), kind.name())
}

/// The extrapolated differences decide: the plain ones carry an error of their own of the order ε².
fn differences(error: GradientError) -> Result<Finding, Failure> {
    let worst = error.central.min(error.extrapolated);
    if worst < gradients::BOUND {
        return Ok(Finding { cases: 1, worst, bound: gradients::BOUND });
    }
    Err(Failure::Wrong(format!(
        "relative error {:.1e}, extrapolated {:.1e}, allowed {:.0e}",
        error.central,
        error.extrapolated,
        gradients::BOUND
    )))
}

fn kernel_checks(choice: &Choice, seed: u64) -> Vec<Check> {
    match choice {
        Choice::Reference => Vec::new(),
        Choice::Cpu => cpu_kernel_checks(seed),
        Choice::Gpu(gpu) => shader_checks(gpu, seed),
    }
}

/// The products and the activations.
fn cpu_kernel_checks(seed: u64) -> Vec<Check> {
    let products = [("matmul_nt", Transpose::Nt), ("matmul_nn", Transpose::Nn), ("matmul_tn", Transpose::Tn)];
    let products = products.map(|(name, transpose)| {
        let mut check = Check::without_cases(Group::Kernels, name);
        for case in ProductCase::all(transpose, seed) {
            check.case(move |_| {
                let named = |failure| Failure::Wrong(format!("{}: {failure}", case.name()));
                check_product(&case).map_err(named)
            });
        }
        check
    });
    let activations = Activation::ALL
        .map(|f| Check::new(Group::Kernels, f.name(), move |_| check_activation(f, seed).map(Finding::of)));
    products.into_iter().chain(activations).collect()
}

/// One check a kernel that the adapter can run, in the order of the table.
fn shader_checks(gpu: &Gpu, seed: u64) -> Vec<Check> {
    let mut by_name = BTreeMap::<&str, Vec<Case>>::new();
    for case in cases(seed) {
        by_name.entry(case.kernel.name).or_default().push(case);
    }
    let check = |kernel: &&Kernel| {
        let cases = by_name.remove(kernel.name).expect("every kernel has cases");
        let mut check = Check::without_cases(Group::Kernels, kernel.name);
        for case in cases {
            check.case(move |choice| {
                let Choice::Gpu(gpu) = choice else { unreachable!("shaders are listed for adapters") };
                case.check(gpu).map_err(|failure| Failure::Wrong(format!("{}: {failure}", case.what)))
            });
        }
        check
    };
    ALL.iter().filter(|kernel| kernel.runs_on(gpu)).map(check).collect()
}

fn step_checks(seed: u64) -> Vec<Check> {
    let mut checks = Vec::new();
    let problem_of = move |(pair, kind)| Problem::new(pair, seed).under(kind);
    for model in models() {
        let problem = Arc::new(problem_of(model));
        let mut check = Check::without_cases(Group::Steps, format!("cost and gradient, {}", name_of(model)));
        for cut in CUTS {
            let problem = problem.clone();
            check.case(move |choice| check_pass(choice, &problem, cut));
        }
        checks.push(check);
    }
    let problems: Vec<_> = models().map(problem_of).map(Arc::new).collect();
    for (name, rule) in Rule::all() {
        let mut check = Check::without_cases(Group::Steps, name);
        for (problem, cut) in problems.iter().flat_map(|problem| CUTS.map(|cut| (problem.clone(), cut))) {
            check.case(move |choice| check_updates(choice, &problem, rule, cut));
        }
        checks.push(check);
    }
    let problem = Arc::new(Problem::new(Activation::pairs()[0], seed));
    let mut check = Check::without_cases(Group::Steps, "the same bits again");
    for cut in CUTS {
        let problem = problem.clone();
        check.case(move |choice| check_repeatable(choice, &problem, cut));
    }
    checks.push(check);
    checks
}

/// The steps of classifiers.
fn network_checks(seed: u64) -> Vec<Check> {
    let problems: Vec<_> = NetworkProblem::all(seed).into_iter().map(Arc::new).collect();
    let mut checks = Vec::new();
    for problem in &problems {
        let mut check = Check::without_cases(Group::Steps, format!("classifier {}", problem.name()));
        for cut in networks::CUTS {
            let problem = problem.clone();
            check.case(move |choice| check_network_pass(choice, &problem, cut));
        }
        checks.push(check);
    }
    let cut = || problems.iter().flat_map(|problem| networks::CUTS.map(|cut| (problem.clone(), cut)));
    for (name, rule) in NetworkRule::all() {
        let mut check = Check::without_cases(Group::Steps, format!("classifiers, {name}"));
        for (problem, cut) in cut() {
            check.case(move |choice| check_network_updates(choice, &problem, rule, cut));
        }
        checks.push(check);
    }
    let mut check = Check::without_cases(Group::Steps, "classifiers, the same bits again");
    for (problem, cut) in cut() {
        check.case(move |choice| check_network_repeatable(choice, &problem, cut));
    }
    checks.push(check);
    checks
}

fn training_checks(seed: u64) -> Vec<Check> {
    let check = |optimizer: Optimizer| {
        Check::new(Group::Training, optimizer.name(), move |choice| {
            training::check(choice, optimizer, training::CUT, seed).map(Finding::of)
        })
    };
    Optimizer::ALL.map(check).into()
}
