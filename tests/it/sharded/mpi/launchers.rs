//! The MPI launchers of this machine, and jobs under them.

use std::fs::{self, File};
use std::io::{Write, stderr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rhohat::run::checkpoint::fail_point;

use super::jobs::{FOLDER, JOB, LIBRARY};

/// A launcher to test with instead of those of the system, and the library that belongs to it.
const OTHER: [&str; 2] = ["RHOHAT_TEST_MPIRUN", "RHOHAT_TEST_LIBMPI"];
/// The test that a process of a job is started as.
const TEST: &str = "sharded::mpi::a_process_of_a_job_that_another_test_has_started";
/// A job that takes longer will not end.
const LONGEST: Duration = Duration::from_secs(900);
/// One job at a time: each has more processes than there are cores.
static TURN: Mutex<()> = Mutex::new(());

/// Families of launchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    OpenMpi,
    /// MPICH and Intel MPI.
    Mpich,
}

/// A launcher.
#[derive(Clone, Debug)]
pub struct Launcher {
    pub kind: Kind,
    program: String,
    /// The library, where it is not left to be found.
    pub library: Option<String>,
}

/// How a job has ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub text: String,
}

/// The launchers that are here. Each that is not is told of on standard error, past the harness, which hides what tests print
/// that pass.
///
/// # Panics
/// Where one is missing in CI: a test that did not run must not look like one that passed.
pub fn installed(test: &str) -> Vec<Launcher> {
    if let [Ok(program), library] = OTHER.map(std::env::var) {
        let kind = kind(&program).unwrap_or_else(|| panic!("{program} is no launcher of MPI"));
        return vec![Launcher { kind, program, library: library.ok() }];
    }
    let wanted = [
        (Kind::OpenMpi, ["mpirun.openmpi", "mpirun"], "openmpi-bin"),
        (Kind::Mpich, ["mpirun.mpich", "mpirun"], "mpich"),
    ];
    let mut found = Vec::new();
    for (wanted, programs, package) in wanted {
        match programs.into_iter().find(|program| kind(program) == Some(wanted)) {
            Some(program) => {
                found.push(Launcher { kind: wanted, program: program.to_owned(), library: None });
            }
            None => {
                let missing =
                    format!("{test}: not run under {wanted:?}, which is not installed (Debian: {package})");
                assert!(std::env::var_os("CI").is_none(), "{missing}");
                // Written at once, since the harness keeps what is printed.
                stderr().write_all(format!("NOT RUN: {missing}\n").as_bytes()).unwrap();
            }
        }
    }
    found
}

/// What a program says to be.
fn kind(program: &str) -> Option<Kind> {
    let told = Command::new(program).arg("--version").envs(AS_ROOT).output().ok()?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    if text.contains("Open MPI") || text.contains("OpenRTE") || text.contains("PRRTE") {
        Some(Kind::OpenMpi)
    } else {
        (text.contains("HYDRA") || text.contains("Intel(R) MPI")).then_some(Kind::Mpich)
    }
}

/// Containers run tests as root, which Open MPI wants to be told twice.
const AS_ROOT: [(&str, &str); 4] = [
    ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
    ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
    ("PRTE_ALLOW_RUN_AS_ROOT", "1"),
    ("PRTE_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
];

impl Launcher {
    /// The same with a library that is named.
    pub fn with_library(&self, library: &str) -> Self {
        Self { library: Some(library.to_owned()), ..self.clone() }
    }

    /// Runs a job in `size` processes, which find the folder of their results.
    pub fn run(&self, size: usize, job: &str, folder: &Path) -> Ended {
        let mut command = self.command(size);
        command.arg(std::env::current_exe().unwrap());
        command.args(["--exact", TEST, "--nocapture", "--test-threads=1"]);
        command.env(JOB, job).env(FOLDER, folder).env("RUST_BACKTRACE", "0");
        if let Some(library) = &self.library {
            command.env(LIBRARY, library);
        }
        self.wait(command, job, folder)
    }

    /// The launcher's own part of a command.
    fn command(&self, size: usize) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-n", &size.to_string()]);
        if self.kind == Kind::OpenMpi {
            command.args(["--oversubscribe", "--bind-to", "none"]).envs(AS_ROOT);
        }
        command
    }

    /// Runs the program `rhohat` in `size` processes and in a folder.
    pub fn rhohat(&self, size: usize, args: &[&str], folder: &Path) -> Ended {
        self.rhohat_to("", size, args, folder)
    }

    /// The same, to a named place of [`fail_point`].
    pub fn rhohat_to(&self, place: &str, size: usize, args: &[&str], folder: &Path) -> Ended {
        let mut command = self.command(size);
        command.env(fail_point::VARIABLE, place);
        command.arg(env!("CARGO_BIN_EXE_rhohat")).args(args).current_dir(folder);
        self.wait(command, &args.join(" "), folder)
    }

    /// Waits for the end of a job.
    fn wait(&self, mut command: Command, job: &str, folder: &Path) -> Ended {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let output = folder.join("output");
        let file = File::create(&output).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let mut launcher = command.spawn().unwrap();
        let since = Instant::now();
        let code = loop {
            if let Some(status) = launcher.try_wait().unwrap() {
                break status.code();
            }
            if since.elapsed() > LONGEST {
                launcher.kill().unwrap();
                panic!("{self:?}, {job}: no end\n{}", fs::read_to_string(&output).unwrap());
            }
            thread::sleep(Duration::from_millis(10));
        };
        let text = String::from_utf8_lossy(&fs::read(&output).unwrap()).into_owned();
        Ended { code, text }
    }
}

impl Ended {
    /// # Panics
    /// If it has failed.
    pub fn succeeded(&self) {
        assert_eq!(self.code, Some(0), "{}", self.text);
    }

    /// # Panics
    /// If it has not ended with this code and text.
    pub fn failed(&self, code: i32, words: &str) {
        assert_eq!(self.code, Some(code), "{}", self.text);
        assert!(self.text.contains(words), "{words:?} is not in {}", self.text);
    }
}
