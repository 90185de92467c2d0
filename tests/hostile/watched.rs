//! A process that reads one bad file after the other, and its parent that judges how it went. The child tells memory and
//! time of each case; what it leaves behind when it dies is the file that killed it.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::formats::ALL;
use crate::readers::Seen;
use crate::{CASES, headers, mutate};

/// Names the format to a child, and the folder that it works in.
const FORMAT: &str = "RHOHAT_HOSTILE_FORMAT";
const FOLDER: &str = "RHOHAT_HOSTILE_FOLDER";
/// What a reader may take besides twice what it decodes, MiB.
const ROOM: u64 = 64;
/// Longest that a case may take.
const LONGEST: Duration = Duration::from_secs(1);
/// Longest that all of them may take, seconds.
const PATIENCE: u64 = 300;

/// How a child fared.
pub struct Report {
    pub cases: usize,
    /// Those that could be read.
    pub read: usize,
    /// Milliseconds.
    pub slowest: u128,
    /// Resident memory, MiB.
    pub peak: u64,
}

/// Runs a child for a format and waits for it; where it fails, the file that it had before it is kept and named.
pub fn watch(name: &str) -> Report {
    // In memory where there is such a folder: disks are slow at thousands of files.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FORMAT, name)
        .env(FOLDER, folder.path())
        // What is freed is given back, so that a case does not pay for those before it.
        .env("MALLOC_ARENA_MAX", "1")
        .env("MALLOC_MMAP_THRESHOLD_", "131072")
        .env("MALLOC_TRIM_THRESHOLD_", "131072")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status.to_string(),
            None if started.elapsed().as_secs() > PATIENCE => {
                child.kill().unwrap();
                child.wait().unwrap();
                break "a hang".to_owned();
            }
            None => thread::sleep(Duration::from_millis(20)),
        }
    };
    let report = fs::read_to_string(folder.path().join("report")).unwrap_or_else(|_| {
        let folder = folder.keep();
        panic!("{name}: ended by {status}; the file that did it is in {}", folder.display())
    });
    let numbers: Vec<u64> = report.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let [cases, read, slowest, peak] = numbers[..] else { panic!("no report: {report}") };
    Report { cases: cases as usize, read: read as usize, slowest: slowest.into(), peak }
}

/// Reads all cases of the format that the environment names.
pub fn child() {
    let (Ok(name), Some(folder)) = (std::env::var(FORMAT), std::env::var_os(FOLDER)) else { return };
    let folder = Path::new(&folder);
    let mut judge = Judge::default();
    if name == headers::NAME {
        let cases = headers::ALL.iter().flat_map(|group| group());
        let wrong: Vec<String> = cases.filter_map(|case| case.run(folder, &mut judge)).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    } else {
        let format = ALL.iter().find(|format| format.name == name).expect("a format that there is");
        let seeds = (format.seeds)();
        for seed in &seeds {
            fs::write(folder.join(format.file), &seed.whole).unwrap();
            assert!((format.read)(&folder.join(format.file)).is_ok(), "{name}: a seed cannot be read");
        }
        for number in 0..CASES {
            let bytes = mutate::mutated(&seeds, number as u64);
            judge.case(&folder.join(format.file), bytes, format.read);
        }
    }
    let Judge { cases, read, slowest, peak } = judge;
    fs::write(folder.join("report"), format!("{cases} {read} {} {}", slowest.as_millis(), peak >> 20))
        .unwrap();
}

/// Counts and checks.
#[derive(Default)]
pub struct Judge {
    cases: usize,
    read: usize,
    slowest: Duration,
    peak: u64,
}

impl Judge {
    /// Reads a file of these bytes; the text of its error, if it has one.
    pub fn case(
        &mut self,
        path: &Path,
        bytes: Vec<u8>,
        read: fn(&Path) -> rhohat::Result<Seen>,
    ) -> Option<String> {
        fs::write(path, &bytes).unwrap();
        drop(bytes);
        let (outcome, seconds, peak) = measured(path, read);
        let decoded = outcome.as_ref().map_or(0, |seen| seen.bytes);
        let most = (ROOM << 20) + 2 * decoded;
        assert!(peak <= most, "{} MiB for {decoded} bytes decoded: {outcome:?}", peak >> 20);
        // A neighbour may have had the processor: once more.
        let seconds = if seconds < LONGEST { seconds } else { measured(path, read).1 };
        assert!(seconds < LONGEST, "{seconds:?} for {outcome:?}");
        self.cases += 1;
        self.read += usize::from(outcome.is_ok());
        self.slowest = self.slowest.max(seconds);
        self.peak = self.peak.max(peak);
        let error = outcome.err()?;
        check_text(path, &error);
        Some(error.to_string())
    }
}

/// One line that names the file and can be printed, and the code of bad input.
fn check_text(path: &Path, error: &rhohat::Error) {
    let text = error.to_string();
    // A configuration that can be read may still ask for what contradicts itself.
    let names_file = text.contains(path.to_str().unwrap()) || matches!(error, rhohat::Error::Usage(_));
    assert!(names_file && !text.contains(char::is_control) && text.len() < 6_000, "{text:?}");
    let is_config = path.extension().is_some_and(|extension| extension == "toml");
    assert!(error.exit_code() == 3 || (is_config && error.exit_code() == 2), "{}: {text}", error.exit_code());
}

/// What came of a file, in what time, and the most memory that was resident meanwhile (0 where the system does not tell).
fn measured(path: &Path, read: fn(&Path) -> rhohat::Result<Seen>) -> (rhohat::Result<Seen>, Duration, u64) {
    // Has Linux forget the peak so far.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let started = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| read(path)));
    let seconds = started.elapsed();
    (outcome.expect("no panic"), seconds, peak_memory().unwrap_or_default())
}

fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}
