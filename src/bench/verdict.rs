//! Who is faster, by how much, and from which size on.

use super::ladder::Size;
use super::report::{count, figure, with_uncertainty};
use super::results::Results;
use super::row::{Row, What};
use super::stats::Ratio;

/// Two devices over the shapes that both were timed with.
pub struct Duel<'a> {
    /// The device that is compared with.
    pub first: &'a str,
    /// The other.
    pub second: &'a str,
    /// Shapes by their work, the least first.
    pub shapes: Vec<Lead<'a>>,
}

/// A shape of a [`Duel`].
pub struct Lead<'a> {
    /// The shape.
    pub size: Size,
    /// The step of the first device, and of the second.
    pub steps: [&'a Row; 2],
    /// How many times as fast the second is as the first.
    pub ratio: Ratio,
}

/// Where the second of two overtakes the first.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Crossover {
    /// The noise is larger than all differences.
    Nowhere,
    /// The first is faster at every size where one is.
    FirstEverywhere,
    /// The second is.
    SecondEverywhere,
    /// From this much work a step on, the second is.
    From(f64),
    /// The lead changes otherwise.
    Unclear,
}

/// The first device against each of the others that was timed with one of its shapes.
pub fn duels(results: &Results) -> Vec<Duel<'_>> {
    let Some((first, others)) = results.devices.split_first() else { return Vec::new() };
    let duel = |second: &'_ str| {
        let mut shapes: Vec<Lead<'_>> = Vec::new();
        for ours in results.rows_on(What::Step, &first.device) {
            let theirs = results.rows_on(What::Step, second).find(|row| row.shape == ours.shape);
            if let Some((size, theirs)) = ours.shape.zip(theirs)
                && let Some((a, b)) = ours.times().zip(theirs.times())
            {
                shapes.push(Lead { size, steps: [ours, theirs], ratio: Ratio::of_speeds(&b, &a) });
            }
        }
        shapes.sort_by(|a, b| a.size.flops().total_cmp(&b.size.flops()));
        shapes
    };
    let duels = others.iter().map(|other| Duel {
        first: &first.device,
        second: &other.device,
        shapes: duel(&other.device),
    });
    duels.filter(|duel| !duel.shapes.is_empty()).collect()
}

impl Lead<'_> {
    /// Whether the second leads; `None` where the difference is within the noise.
    fn leader(&self) -> Option<bool> {
        self.ratio.is_clear().then_some(self.ratio.value > 1.0)
    }
}

impl Duel<'_> {
    /// One sentence.
    pub fn sentence(&self) -> String {
        let Self { first, second, shapes } = self;
        let all = if let [only] = &shapes[..] {
            format!("with steps of {}", only.size)
        } else {
            format!("in steps of all {} shapes", shapes.len())
        };
        let faster = |fast: &str, slow: &str, of: &[&Lead<'_>]| {
            let range = range(of, fast == *second);
            let ties = of.iter().filter(|lead| lead.leader().is_none()).count();
            let ties = match ties {
                0 => String::new(),
                count => format!(", at {count} of them within the noise"),
            };
            (format!("{fast} is {range} as fast as {slow}"), ties)
        };
        let leads: Vec<&Lead<'_>> = shapes.iter().collect();
        match crossover(shapes) {
            Crossover::Nowhere => format!("{first} and {second} take the same time {all}, within the noise"),
            Crossover::FirstEverywhere => {
                let (fact, ties) = faster(first, second, &leads);
                format!("{fact}, {all}{ties}")
            }
            Crossover::SecondEverywhere => {
                let (fact, ties) = faster(second, first, &leads);
                format!("{fact}, {all}{ties}")
            }
            Crossover::From(work) => {
                let (below, above): (Vec<_>, Vec<_>) =
                    leads.iter().copied().partition(|lead| lead.size.flops() < work);
                let (fact, above_ties) = faster(second, first, &above);
                let before = range(&below, false);
                format!(
                    "{second} overtakes {first} at about {}FLOP a step: {fact} from {} on{above_ties}, and {first} \
                     {before} as fast below",
                    count(work),
                    above.first().map_or_else(String::new, |lead| lead.size.to_string())
                )
            }
            Crossover::Unclear => {
                format!("{first} and {second} are ahead in turns {all}, without an order by size")
            }
        }
    }

    /// A line a shape: who is how many times as fast, and both times.
    pub fn lines(&self) -> Vec<[String; 3]> {
        self.shapes.iter().map(|lead| self.line(lead)).collect()
    }

    fn line(&self, lead: &Lead<'_>) -> [String; 3] {
        let ms = lead.steps.map(|step| step.median_ms.map_or_else(String::new, figure));
        let times = format!("{} {} ms, {} {} ms", self.first, ms[0], self.second, ms[1]);
        let fast = if lead.ratio.value > 1.0 { self.second } else { self.first };
        let ratio = lead.ratio.of_the_faster();
        let fact = match lead.leader() {
            Some(_) => format!("{fast} {} times as fast", written(ratio)),
            None => "the same within the noise".to_owned(),
        };
        [lead.size.to_string(), fact, times]
    }
}

/// `2.10 ± 0.05 times`, or `1.20 to 3.40 times` of several, how fast the second is, or else the first.
fn range(leads: &[&Lead<'_>], second: bool) -> String {
    let ratios: Vec<Ratio> =
        leads.iter().map(|lead| if second { lead.ratio } else { lead.ratio.inverse() }).collect();
    match &ratios[..] {
        [only] => format!("{} times", written(*only)),
        several => {
            let values = || several.iter().map(|ratio| ratio.value);
            let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
            format!("{} to {} times", figure(least), figure(most))
        }
    }
}

/// A ratio with its uncertainty.
fn written(ratio: Ratio) -> String {
    with_uncertainty(ratio.value, ratio.uncertainty)
}

/// The crossover of shapes in the order of their work, those within the noise left aside. Between two shapes the ratio is a
/// power of the work.
fn crossover(shapes: &[Lead<'_>]) -> Crossover {
    let clear: Vec<(f64, f64)> = shapes
        .iter()
        .filter(|lead| lead.leader().is_some())
        .map(|lead| (lead.size.flops(), lead.ratio.value))
        .collect();
    let leads: Vec<bool> = clear.iter().map(|&(_, ratio)| ratio > 1.0).collect();
    let changes = leads.windows(2).filter(|pair| pair[0] != pair[1]).count();
    match (leads.first(), changes) {
        (None, _) => Crossover::Nowhere,
        (Some(true), 0) => Crossover::SecondEverywhere,
        (Some(false), 0) => Crossover::FirstEverywhere,
        (Some(false), 1) => {
            let after = leads.iter().position(|&lead| lead).expect("the lead changes once");
            let ((w0, r0), (w1, r1)) = (clear[after - 1], clear[after]);
            let part = -r0.ln() / (r1.ln() - r0.ln());
            Crossover::From((w0.ln() + part * (w1 / w0).ln()).exp())
        }
        _ => Crossover::Unclear,
    }
}

/// The answer of a benchmark in one sentence: who is faster, or, of one device alone, how fast it is.
pub fn verdict(results: &Results) -> String {
    let duels = duels(results);
    if !duels.is_empty() {
        return duels.iter().map(Duel::sentence).collect::<Vec<_>>().join("; ");
    }
    let alone = results.devices.first().map_or("", |who| who.device.as_str());
    let rates: Vec<&Row> = results.rows_on(What::Step, alone).collect();
    let best = |value: fn(&Row) -> Option<f64>| rates.iter().copied().filter_map(value).reduce(f64::max);
    match (best(|row| row.gflops), best(|row| row.share_of_ceiling)) {
        (Some(rate), Some(share)) => format!(
            "{alone} computes up to {} GFLOP/s in steps, {:.0} % of its multiply-adds in registers",
            figure(rate),
            100.0 * share
        ),
        (Some(rate), None) => format!("{alone} computes up to {} GFLOP/s in steps", figure(rate)),
        (None, _) => "no step was timed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::made_up::{results, times};

    /// Work of 10⁷, 10⁸, 10⁹ and 10¹⁰ operations.
    const SHAPES: &str = "10:10:10000,100:10:10000,100:100:10000,1000:100:10000";

    fn said(cpu: &[f64], gpu: &[f64]) -> String {
        verdict(&results(SHAPES, &[("cpu", cpu), ("gpu:0", gpu)]))
    }

    #[test]
    fn who_is_faster_everywhere_is_said_with_the_range() {
        assert_eq!(
            said(&[1.0, 2.0, 3.0, 4.0], &[2.0, 3.0, 12.0, 20.0]),
            "cpu is 1.50 to 5.00 times as fast as gpu:0, in steps of all 4 shapes"
        );
        assert_eq!(
            said(&[4.0, 4.0, 4.0, 4.0], &[2.0, 4.0, 1.0, 1.0]),
            "gpu:0 is 1.00 to 4.00 times as fast as cpu, in steps of all 4 shapes, at 1 of them within the noise"
        );
    }

    #[test]
    fn one_shape_has_its_uncertainty() {
        // 1.57 · 0.02 / √100 of each median.
        let one = results("64:25:1000", &[("cpu", &[1.0]), ("software", &[2.0])]);
        let text = "cpu is 2.00 ± 0.01 times as fast as software, with steps of 64:25:1000";
        assert_eq!(verdict(&one), text);
        assert_eq!(
            duels(&one)[0].lines(),
            [["64:25:1000", "cpu 2.00 ± 0.01 times as fast", "cpu 1.00 ms, software 2.00 ms"]]
        );
    }

    #[test]
    fn the_second_overtakes_where_the_ratio_is_one_on_the_logarithmic_scale() {
        // From ½ at 10⁸ to 2 at 10⁹: 1 is half way.
        let text = said(&[1.0, 1.0, 4.0, 9.0], &[4.0, 2.0, 2.0, 3.0]);
        assert_eq!(
            text,
            "gpu:0 overtakes cpu at about 316 MFLOP a step: gpu:0 is 2.00 to 3.00 times as fast as cpu from \
             100:100:10000 on, and cpu 2.00 to 4.00 times as fast below"
        );
    }

    #[test]
    fn what_has_no_order_or_lies_within_the_noise_is_said() {
        assert!(said(&[1.0; 4], &[2.0, 0.5, 2.0, 0.5]).contains("without an order"));
        assert!(said(&[1.0; 4], &[0.5, 0.5, 2.0, 2.0]).contains("without an order"));
        assert_eq!(
            said(&[1.0; 4], &[1.001, 0.999, 1.0, 1.0]),
            "cpu and gpu:0 take the same time in steps of all 4 shapes, within the noise"
        );
        let mut noisy = results("64:25:1000", &[("cpu", &[1.0]), ("gpu:0", &[1.2])]);
        noisy.rows[0] = noisy.rows[0].clone().timed(times(1.0, 1.9));
        assert!(verdict(&noisy).contains("within the noise"), "{}", verdict(&noisy));
        assert_eq!(duels(&noisy)[0].lines()[0][1], "the same within the noise");
    }

    #[test]
    fn every_other_device_has_a_sentence_and_one_alone_has_its_rate() {
        let three = results("64:25:1000", &[("cpu", &[1.0]), ("gpu:0", &[0.5]), ("software", &[2.0])]);
        let text = verdict(&three);
        assert!(text.contains("gpu:0 is 2.00") && text.contains("; cpu is 2.00"), "{text}");
        let mut alone = results("64:25:1000", &[("cpu", &[1.0])]);
        assert_eq!(verdict(&alone), "cpu computes up to 16.0 GFLOP/s in steps");
        alone.rows[0].share_of_ceiling = Some(0.25);
        assert!(verdict(&alone).ends_with("16.0 GFLOP/s in steps, 25 % of its multiply-adds in registers"));
        alone.rows.clear();
        assert_eq!(verdict(&alone), "no step was timed");
    }
}
