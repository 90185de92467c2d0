//! Two benchmarks side by side: what both have measured, and how many times as fast the second was.

use serde::Serialize;

use super::host::Host;
use super::ladder::Size;
use super::report::{Table, figure, with_uncertainty, within};
use super::results::{DeviceRecord, Results, StepSettings};
use super::row::{Row, What};
use super::stats::Ratio;
use crate::error::{Error, Result};
use crate::io::text::counted;

/// What is compared, in the order in which it is shown, with its heading.
const KINDS: [(What, &str); 6] = [
    (What::Step, "Whole training steps"),
    (What::StepWithJ, "Steps with J"),
    (What::TimeToCost, "The lecture's experiment"),
    (What::Ceiling, "What the machine can do at best"),
    (What::Product, "Products of a step"),
    (What::Kernel, "Element-wise kernels and reductions"),
];

/// Two benchmarks, and the measurements of both.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// What the second is beside the first, in one sentence.
    pub verdict: String,
    /// The two.
    pub benchmarks: [Benchmark; 2],
    /// How many times as fast the steps of the second are in the middle, on a logarithmic scale.
    pub speed_of_steps: Option<f64>,
    /// What both have measured.
    pub pairs: Vec<Pair>,
}

/// One of the two.
#[derive(Debug, Serialize)]
pub struct Benchmark {
    /// What it is called: its file.
    pub name: String,
    /// Version of the program.
    pub rhohat: String,
    /// When it began, UTC.
    pub started: String,
    /// The machine.
    pub host: Host,
    /// Who took part.
    pub devices: Vec<DeviceRecord>,
}

/// A measurement of both.
#[derive(Debug, Serialize)]
pub struct Pair {
    /// What was measured.
    pub what: What,
    /// The shape of the step that it belongs to.
    pub shape: Option<Size>,
    /// The device of each.
    pub devices: [String; 2],
    /// Which of several, of each; steps are compared whatever kernels they ran.
    pub variants: [Option<String>; 2],
    /// The medians.
    pub median_ms: [f64; 2],
    /// How many times as fast the second is.
    pub speed: f64,
    /// Half the width of the 95 % interval of `speed`.
    pub uncertainty: f64,
    /// Whether the two differ by more than the noise.
    pub clear: bool,
    /// The medians with their intervals, or the rates, for people.
    #[serde(skip)]
    shown: [String; 2],
}

impl Comparison {
    /// Compares two benchmarks by the names of their files.
    ///
    /// # Errors
    /// [`Error::Usage`] where they have no measurement in common, or their steps minimise different things.
    pub fn of(names: [String; 2], both: [&Results; 2]) -> Result<Self> {
        if both[0].settings != both[1].settings {
            let of = |results: &Results| {
                let StepSettings { activation, output } = results.settings;
                format!("`activation` {} and `output` {}", activation.name(), output.name())
            };
            let (a, b) = (of(both[0]), of(both[1]));
            let fact = format!("{} has steps of {a}, {} of {b}", names[0], names[1]);
            return Err(Error::usage(format!("{fact}; measure one of them again")));
        }
        let pairs = pairs(both);
        if pairs.is_empty() {
            let of = |results: &Results| {
                let shapes = results
                    .rows_of(What::Step)
                    .filter_map(|row| Some(format!("{} on {}", row.shape?, row.device)));
                shapes.collect::<Vec<_>>().join(", ")
            };
            return Err(Error::usage(format!(
                "nothing to compare: no step of one shape on devices of one kind is in both; {} has {}, {} has {}; \
                 give one of them the shapes of the other: rhohat bench --ladder SHAPES",
                names[0],
                of(both[0]),
                names[1],
                of(both[1])
            )));
        }
        let speed_of_steps = middle(&pairs);
        let mut benchmarks = names.into_iter().zip(both).map(|(name, results)| Benchmark {
            name,
            rhohat: results.rhohat.clone(),
            started: results.started.clone(),
            host: results.host.clone(),
            devices: results.devices.clone(),
        });
        let benchmarks = [(); 2].map(|()| benchmarks.next().expect("there are two"));
        let verdict = verdict([&benchmarks[0].name, &benchmarks[1].name], speed_of_steps, &pairs);
        Ok(Self { verdict, benchmarks, speed_of_steps, pairs })
    }

    /// The tables, as text or as Markdown.
    pub fn text(&self, markdown: bool) -> String {
        let mut parts =
            vec![if markdown { format!("# {}", self.verdict) } else { format!("{}.", self.verdict) }];
        parts.push(self.benchmarks.iter().map(|one| one.line(markdown)).collect::<Vec<_>>().join("\n"));
        for (what, title) in KINDS {
            let names = self.benchmarks.each_ref().map(|one| one.name.as_str());
            let header = ["n:h:m", "device", "", names[0], names[1], "speed of the second"];
            let mut table = Table::new(title, 3, &header);
            table.rows = self.pairs.iter().filter(|pair| pair.what == what).map(Pair::cells).collect();
            if !table.rows.is_empty() {
                parts.push(if markdown { table.markdown() } else { table.text() });
            }
        }
        parts.join("\n\n")
    }
}

impl Benchmark {
    fn line(&self, markdown: bool) -> String {
        let Self { name, rhohat, started, host, .. } = self;
        let point = if markdown { "* " } else { "" };
        format!("{point}{name}: {}; rhohat {rhohat}, {started}", host.words())
    }
}

impl Pair {
    fn of(ours: &Row, theirs: &Row) -> Option<Self> {
        let (a, b) = (ours.times()?, theirs.times()?);
        let of_times = Ratio::of_speeds(&b, &a);
        // How much a ceiling computes depends on the machine: only rates say which is higher.
        let rates = rate_of_ceiling(ours).zip(rate_of_ceiling(theirs));
        let (ratio, shown) = match rates {
            None => (of_times, [ours, theirs].map(|row| format!("{} ms", within(row)))),
            Some(((ours, unit), (theirs, _))) => {
                let value = theirs / ours;
                let uncertainty = value * of_times.uncertainty / of_times.value;
                (Ratio { value, uncertainty }, [ours, theirs].map(|rate| format!("{} {unit}", figure(rate))))
            }
        };
        Some(Self {
            what: ours.what,
            shape: ours.shape,
            devices: [ours, theirs].map(|row| row.device.clone()),
            variants: [ours, theirs].map(|row| row.variant.clone()),
            median_ms: [a, b].map(|times| times.median * 1e3),
            speed: ratio.value,
            uncertainty: ratio.uncertainty,
            clear: ratio.is_clear(),
            shown,
        })
    }

    fn cells(&self) -> Vec<String> {
        let both = |a: &str, b: &str| if a == b { a.to_owned() } else { format!("{a} → {b}") };
        let variants = self.variants.each_ref().map(|variant| variant.as_deref().unwrap_or_default());
        let speed = if self.clear {
            format!("{} times", with_uncertainty(self.speed, self.uncertainty))
        } else {
            "the same within the noise".to_owned()
        };
        vec![
            self.shape.map(|shape| shape.to_string()).unwrap_or_default(),
            both(&self.devices[0], &self.devices[1]),
            both(variants[0], variants[1]),
            self.shown[0].clone(),
            self.shown[1].clone(),
            speed,
        ]
    }
}

/// The rate of a ceiling that has one, with its unit.
fn rate_of_ceiling(row: &Row) -> Option<(f64, &'static str)> {
    let is_usable = |rate: &f64| row.what == What::Ceiling && rate.is_finite() && *rate > 0.0;
    let moved = row.gbytes_per_second.filter(is_usable).map(|rate| (rate, "GB/s"));
    moved.or(row.gflops.filter(is_usable).map(|rate| (rate, "GFLOP/s")))
}

/// The measurements of both, in the order of [`KINDS`] and of the first.
fn pairs(both: [&Results; 2]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (what, _) in KINDS {
        for ours in both[0].rows_of(what) {
            let Some(device) = counterpart(both, &ours.device) else { continue };
            // Whatever kernels a step ran: which are chosen is part of what is compared.
            let any_variant = matches!(what, What::Step | What::StepWithJ);
            let is_same =
                |row: &&Row| row.shape == ours.shape && (any_variant || row.variant == ours.variant);
            let theirs = both[1].rows_on(what, device).find(is_same);
            pairs.extend(theirs.and_then(|theirs| Pair::of(ours, theirs)));
        }
    }
    pairs
}

/// The device of the second benchmark that stands for one of the first: of the same name, or else the only one left of the
/// same engine.
fn counterpart<'a>(both: [&'a Results; 2], device: &str) -> Option<&'a str> {
    if let Some(same) = both[1].devices.iter().find(|who| who.device == device) {
        return Some(&same.device);
    }
    let engine = &both[0].devices.iter().find(|who| who.device == device)?.engine;
    let is_left = |who: &&DeviceRecord, others: &Results| {
        who.engine == *engine && !others.devices.iter().any(|other| other.device == who.device)
    };
    let left = |of: usize| both[of].devices.iter().filter(move |who| is_left(who, both[1 - of]));
    match (left(0).count(), left(1).collect::<Vec<_>>().as_slice()) {
        (1, [only]) => Some(&only.device),
        _ => None,
    }
}

/// The geometric mean of the speeds of all steps.
fn middle(pairs: &[Pair]) -> Option<f64> {
    let logarithms: Vec<f64> =
        pairs.iter().filter(|pair| pair.what == What::Step).map(|pair| pair.speed.ln()).collect();
    let count = logarithms.len() as f64;
    (!logarithms.is_empty()).then(|| (logarithms.iter().sum::<f64>() / count).exp())
}

fn verdict(names: [&str; 2], middle: Option<f64>, pairs: &[Pair]) -> String {
    let [ours, theirs] = names;
    let Some(middle) = middle else {
        return format!(
            "{ours} and {theirs} have no step of one shape in common; rhohat bench --ladder SHAPES gives them one"
        );
    };
    let steps: Vec<&Pair> = pairs.iter().filter(|pair| pair.what == What::Step).collect();
    let (fast, slow, middle) =
        if middle >= 1.0 { (theirs, ours, middle) } else { (ours, theirs, 1.0 / middle) };
    let of = |pair: &&Pair| if fast == theirs { pair.speed } else { 1.0 / pair.speed };
    let (least, most) = steps.iter().map(of).fold((f64::INFINITY, 0.0f64), |(a, b), x| (a.min(x), b.max(x)));
    let number = counted(steps.len(), "step");
    match (steps.iter().any(|pair| pair.clear), steps.len()) {
        (false, _) => format!("{theirs} is as fast as {ours} within the noise, in {number}"),
        (true, 1) => format!("{fast} is {} times as fast as {slow}, in 1 step", figure(middle)),
        (true, _) => format!(
            "{fast} is {} times as fast as {slow} in the middle of {number} ({} to {} times)",
            figure(middle),
            figure(least),
            figure(most)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::made_up::{results, times};
    use crate::math::objective::Activation;

    const SHAPES: &str = "64:25:1000,64:256:500";

    fn compared(a: &Results, b: &Results) -> Comparison {
        Comparison::of(["a.json".into(), "b.json".into()], [a, b]).unwrap()
    }

    #[test]
    fn the_verdict_is_the_geometric_mean_of_the_steps_with_their_range() {
        let a = results(SHAPES, &[("cpu", &[1.0, 4.0])]);
        let b = results(SHAPES, &[("cpu", &[0.5, 0.5])]);
        let found = compared(&a, &b);
        assert_eq!(
            found.verdict,
            "b.json is 4.00 times as fast as a.json in the middle of 2 steps (2.00 to 8.00 times)"
        );
        assert!((found.speed_of_steps.unwrap() - 4.0).abs() < 1e-12);
        let turned = compared(&b, &a).verdict;
        assert!(turned.starts_with("a.json is 4.00 times as fast as b.json"), "{turned}");
        let text = found.text(false);
        assert!(text.contains("64:256:500  cpu") && text.contains("8.00 ± "), "{text}");
        assert!(found.text(true).contains("| 64:256:500 | cpu |"));
    }

    #[test]
    fn differences_within_the_noise_are_no_differences() {
        let a = results(SHAPES, &[("cpu", &[1.0, 1.0])]);
        let b = results(SHAPES, &[("cpu", &[1.001, 1.0])]);
        let found = compared(&a, &b);
        assert_eq!(found.verdict, "b.json is as fast as a.json within the noise, in 2 steps");
        assert!(found.text(false).contains("the same within the noise"));
    }

    #[test]
    fn devices_are_matched_by_name_and_else_by_engine_where_there_is_one_choice() {
        let mine = results(SHAPES, &[("cpu", &[1.0, 1.0]), ("software", &[2.0, 2.0])]);
        let theirs = results(SHAPES, &[("cpu", &[1.0, 1.0]), ("gpu:0", &[0.1, 0.1])]);
        let devices: Vec<[String; 2]> =
            compared(&mine, &theirs).pairs.into_iter().map(|pair| pair.devices).collect();
        let pair = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        assert_eq!(devices[..2], [pair("cpu", "cpu"), pair("software", "gpu:0")]);
        let two = results(SHAPES, &[("gpu:0", &[1.0, 1.0]), ("gpu:1", &[1.0, 1.0])]);
        let one = results(SHAPES, &[("software", &[1.0, 1.0])]);
        assert!(Comparison::of(["a".into(), "b".into()], [&one, &two]).is_err());
    }

    #[test]
    fn ceilings_are_compared_by_their_rates() {
        let mut a = results("64:25:1000", &[("cpu", &[1.0])]);
        let mut b = a.clone();
        // Half the time for a quarter of the work.
        for (results, ms, gflops) in [(&mut a, 2.0, 100.0), (&mut b, 1.0, 50.0)] {
            let row = Row::of(What::Ceiling, "cpu").of_variant("multiply-add").timed(times(ms, 0.01));
            results.rows.push(Row { gflops: Some(gflops), ..row });
        }
        let found = compared(&a, &b);
        assert_eq!((found.pairs[1].what, found.pairs[1].speed), (What::Ceiling, 0.5));
        let text = found.text(false);
        assert!(text.contains("100 GFLOP/s  50.0 GFLOP/s"), "{text}");
    }

    #[test]
    fn products_are_compared_by_kernel_and_steps_whatever_kernels_they_ran() {
        let mut a = results("64:25:1000", &[("gpu:0", &[1.0])]);
        let mut b = a.clone();
        for (results, variant) in [(&mut a, "tiled"), (&mut b, "direct")] {
            let product = Row { shape: results.rows[0].shape, ..Row::of(What::Product, "gpu:0") };
            results.rows[0].variant = Some(variant.into());
            for name in ["NT both", variant] {
                results.rows.push(product.clone().of_variant(name).timed(times(1.0, 0.0)));
            }
        }
        let found = compared(&a, &b);
        let whats: Vec<What> = found.pairs.iter().map(|pair| pair.what).collect();
        assert_eq!(whats, [What::Step, What::Product]);
        assert!(found.text(false).contains("tiled → direct"), "{}", found.text(false));
    }

    #[test]
    fn what_cannot_be_compared_is_refused_with_what_both_have() {
        let a = results("64:25:1000", &[("cpu", &[1.0])]);
        let b = results("64:256:500", &[("cpu", &[1.0])]);
        let error = Comparison::of(["a".into(), "b".into()], [&a, &b]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("a has 64:25:1000 on cpu, b has 64:256:500 on cpu") && error.exit_code() == 2,
            "{text}"
        );
        let mut other = a.clone();
        other.settings.output = Activation::Linear;
        let text = Comparison::of(["a".into(), "b".into()], [&a, &other]).unwrap_err().to_string();
        assert!(text.contains("`output` linear") && text.contains("again"), "{text}");
    }
}
