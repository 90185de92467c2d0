//! What a benchmark found, on what machine, when, of which version: the form of `--json` and `--export`, from which all tables
//! and pictures are made, and which `--compare` reads back.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::host::Host;
use super::ladder::Size;
use super::row::{Ceilings, Row, What};
use crate::error::{Error, Result, plain};
use crate::io::safe_open;
use crate::math::objective::Activation;

/// Most bytes of a file of results: a row has some 500, the largest benchmark a few hundred rows.
const MOST: u64 = 16 << 20;

/// A benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Version of the program.
    pub rhohat: String,
    /// When it began, UTC, `YYYY-MM-DDThh:mm:ssZ`.
    pub started: String,
    /// Seconds that it took.
    pub seconds: f64,
    /// The machine.
    pub host: Host,
    /// What the steps minimise.
    pub settings: StepSettings,
    /// Who is faster, in one sentence.
    pub verdict: String,
    /// Who took part, the one that others are compared with first.
    pub devices: Vec<DeviceRecord>,
    /// All measurements.
    pub rows: Vec<Row>,
}

/// What the steps of a benchmark minimise, in so far as it can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSettings {
    /// Hidden activation.
    pub activation: Activation,
    /// Output activation.
    pub output: Activation,
}

/// A device that took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// The selector that opens it.
    pub device: String,
    /// `cpu` or `gpu`: which engine.
    pub engine: String,
    /// The hardware with its driver.
    pub adapter: String,
    /// Whether its kernels run on the processor, by a software adapter.
    pub software: bool,
}

impl Results {
    /// Reads what `--export FILE.json` wrote.
    ///
    /// # Errors
    /// [`Error::Input`] for what is no such file.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = safe_open::small(path, "results of a benchmark", MOST)?;
        let way = "rhohat bench --export FILE.json writes one";
        let results: Self = serde_json::from_slice(&bytes)
            .map_err(|error| Error::input(path, format!("no results of a benchmark: {error}; {way}")))?;
        let is_shape = |row: &Row| row.shape.is_none_or(|Size { n, h, m }| n > 0 && h > 0 && m > 0);
        if results.devices.is_empty() || results.rows.is_empty() || !results.rows.iter().all(is_shape) {
            return Err(Error::input(path, format!("results of a benchmark without a measurement; {way}")));
        }
        Ok(results.printable())
    }

    /// With texts that are safe to print, whoever wrote them.
    fn printable(mut self) -> Self {
        let Self { rhohat, started, host, verdict, devices, rows, .. } = &mut self;
        let mut texts =
            vec![rhohat, started, verdict, &mut host.processor, &mut host.architecture, &mut host.system];
        texts.extend(&mut host.kernel);
        texts.extend(devices.iter_mut().flat_map(|who| [&mut who.device, &mut who.engine, &mut who.adapter]));
        texts.extend(
            rows.iter_mut()
                .flat_map(|row| [Some(&mut row.device), row.variant.as_mut()].into_iter().flatten()),
        );
        for text in texts {
            *text = plain(text).into_owned();
        }
        self
    }

    /// The rows of a kind.
    pub fn rows_of(&self, what: What) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.what == what)
    }

    /// The rows of a kind on a device.
    pub fn rows_on(&self, what: What, device: &str) -> impl Iterator<Item = &Row> {
        self.rows_of(what).filter(move |row| row.device == device)
    }

    /// Whether a device computes on the processor by a software adapter.
    pub fn is_software(&self, device: &str) -> bool {
        self.devices.iter().any(|record| record.device == device && record.software)
    }

    /// The best that was seen of a device in multiply-adds, 10⁹ operations a second, and in copying, 10⁹ bytes a second.
    pub fn ceilings(&self, device: &str) -> Ceilings {
        let best = |value: fn(&Row) -> Option<f64>| {
            self.rows_on(What::Ceiling, device).filter(|row| row.is_roof()).filter_map(value).reduce(f64::max)
        };
        Ceilings { gflops: best(|row| row.gflops), gbytes: best(|row| row.gbytes_per_second) }
    }

    /// Fills in shares of ceilings, once all ceilings are known.
    pub(super) fn settle_shares(&mut self) {
        let ceilings: Vec<(String, Ceilings)> =
            self.devices.iter().map(|who| (who.device.clone(), self.ceilings(&who.device))).collect();
        for row in &mut self.rows {
            if let Some((_, ceilings)) = ceilings.iter().find(|(device, _)| *device == row.device) {
                row.share_of_ceiling = row.part_of(*ceilings).filter(|share| *share <= 1.0);
            }
        }
    }
}

#[cfg(test)]
pub(in crate::bench) mod made_up {
    //! Results that nobody measured, for tests of what is made of them.

    use super::*;
    use crate::bench::ladder::Size;
    use crate::bench::stats::Summary;

    /// Times of a device: its name, and a step's milliseconds a shape.
    pub type Steps<'a> = (&'a str, &'a [f64]);

    /// Exact times of 100, scattered by `spread` of the median between their quartiles.
    pub fn times(ms: f64, spread: f64) -> Summary {
        let median = ms / 1e3;
        let half = median * spread / 2.0;
        Summary { count: 100, best: median - half, q1: median - half, median, q3: median + half }
    }

    /// Steps of these devices over the first shapes of a ladder, whose times scatter little.
    pub fn results(shapes: &str, steps: &[Steps<'_>]) -> Results {
        let sizes: Vec<Size> = crate::bench::ladder::ladder(shapes).unwrap();
        let mut rows = Vec::new();
        for (at, &size) in sizes.iter().enumerate() {
            for (device, ms) in steps {
                let row = Row { shape: Some(size), ..Row::of(What::Step, device) };
                rows.push(row.timed(times(ms[at], 0.02)).operations(size.flops()));
            }
        }
        let devices = steps.iter().map(|(device, _)| DeviceRecord {
            device: (*device).to_owned(),
            engine: if *device == "cpu" { "cpu" } else { "gpu" }.to_owned(),
            adapter: format!("the {device} of tests"),
            software: *device == "software",
        });
        Results {
            rhohat: "0.0.0".into(),
            started: "2026-01-02T03:04:05Z".into(),
            seconds: 1.0,
            host: Host::here(),
            settings: StepSettings { activation: Activation::Sigmoid, output: Activation::Sigmoid },
            verdict: String::new(),
            devices: devices.collect(),
            rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::made_up::{results, times};
    use super::*;

    fn ceiling(gflops: f64) -> Row {
        let row = Row::of(What::Ceiling, "cpu").of_variant("multiply-add").timed(times(1.0, 0.0));
        Row { gflops: Some(gflops), ..row }
    }

    #[test]
    fn results_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let mut results =
            results("64:25:1000,64:256:500", &[("cpu", &[0.3, 1.0]), ("software", &[2.0, 0.7])]);
        results.rows.push(ceiling(100.0));
        results.settle_shares();
        std::fs::write(&path, serde_json::to_vec(&results).unwrap()).unwrap();
        assert_eq!(Results::open(&path).unwrap(), results);
    }

    #[test]
    fn what_holds_no_results_is_refused_with_a_way_to_make_some() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let none = Results { rows: Vec::new(), ..results("small", &[("cpu", &[1.0, 1.0, 1.0])]) };
        let mut zero = results("64:25:1000", &[("cpu", &[1.0])]);
        zero.rows[0].shape = Some(Size { n: 0, h: 1, m: 1 });
        let [none, zero] = [none, zero].map(|results| serde_json::to_string(&results).unwrap());
        for text in ["[]", "{}", "", "\u{0}", &none, &zero] {
            std::fs::write(&path, text).unwrap();
            let error = Results::open(&path).unwrap_err();
            assert_eq!(error.exit_code(), 3);
            assert!(error.to_string().contains("rhohat bench --export "), "{error}");
        }
    }

    #[test]
    fn texts_of_a_file_move_no_cursor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let mut forged = results("64:25:1000", &[("cpu", &[1.0])]);
        for text in [&mut forged.rows[0].device, &mut forged.devices[0].adapter, &mut forged.host.system] {
            *text = "a\u{1b}[2J\nb".to_owned();
        }
        forged.rows[0].variant = Some("\r".to_owned());
        std::fs::write(&path, serde_json::to_vec(&forged).unwrap()).unwrap();
        let opened = serde_json::to_value(Results::open(&path).unwrap()).unwrap();
        let texts = crate::run::condition::flattened(opened).into_iter().map(|(_, value)| value.to_string());
        let escapes = texts.filter(|text| {
            [r"\u00", r"\n", r"\r"].iter().any(|escape| text.replace(r"\\", "").contains(escape))
        });
        assert_eq!(escapes.collect::<Vec<_>>(), Vec::<String>::new());
    }

    #[test]
    fn a_rate_above_the_ceiling_that_was_measured_has_no_share_of_it() {
        let mut results = results("64:25:1000", &[("cpu", &[1.0])]);
        // 16 million operations in a millisecond are 16 GFLOP/s.
        for (ceilings, share) in
            [(&[32.0][..], Some(0.5)), (&[10.0], None), (&[10.0, 64.0, 32.0], Some(0.25))]
        {
            results.rows.truncate(1);
            results.rows.extend(ceilings.iter().map(|&gflops| ceiling(gflops)));
            results.settle_shares();
            assert_eq!(results.rows[0].share_of_ceiling, share, "{ceilings:?}");
        }
    }
}
