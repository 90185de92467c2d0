//! Which MPI library is opened: the one that is named, else one that belongs to the launcher, else any.

use super::calls::Library;
use super::launch::{Launch, Launcher};
use crate::error::{Error, Result};

/// Libraries by name and version of their interface, MPI-5's before MPICH's.
const MPICH: [(&str, u8); 4] = [("mpi_abi", 1), ("mpi_abi", 0), ("mpich", 12), ("mpi", 12)];
const OPEN_MPI: [(&str, u8); 1] = [("mpi", 40)];

/// The file of a library.
fn file((name, version): (&str, u8)) -> String {
    if cfg!(target_os = "macos") {
        format!("lib{name}.{version}.dylib")
    } else {
        format!("lib{name}.so.{version}")
    }
}

/// Files to try, in order.
fn candidates(launch: Option<Launch>, variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let is_open = match launch.map(|launch| launch.by) {
        Some(Launcher::OpenMpi) => true,
        Some(Launcher::Pmi) => false,
        // What srun's PMIx starts is Open MPI as a rule.
        Some(Launcher::Slurm) | None => variable("PMIX_RANK").is_some(),
    };
    let names = if is_open { [&OPEN_MPI[..], &MPICH].concat() } else { [&MPICH[..], &OPEN_MPI].concat() };
    names.into_iter().map(file).collect()
}

/// Opens the library `named`, by its file or the name under which the system's loader finds it; else the first that is there.
///
/// # Errors
/// [`Error::Usage`] where there is none, or the file is none.
pub fn open(
    named: Option<&str>,
    launch: Option<Launch>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Library> {
    if let Some(named) = named {
        return Library::open(named).map_err(|why| {
            let names = candidates(launch, variable).join(", ");
            Error::usage(format!("`mpi`: {why}; name the file of an MPI library, or one of {names}"))
        });
    }
    let mut tried = Vec::new();
    for name in candidates(launch, variable) {
        match Library::open(&name) {
            Ok(library) => return Ok(library),
            Err(why) => tried.push(why),
        }
    }
    let tried = tried.join("; ");
    Err(Error::usage(format!(
        "no MPI library can be used ({tried}); install Open MPI or MPICH, let LD_LIBRARY_PATH lead to one, or give its file as `mpi`"
    )))
}

/// A library's file, the first line of what it says about itself, and its binary interface.
pub fn description(library: &Library) -> String {
    let version = library.version();
    let first = version.split(['\n', ',']).next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    format!("{} ({}, {})", library.name, words.join(" "), library.abi)
}

/// What is wrong where a launcher has started several processes and MPI knows of one alone.
pub fn other_launcher(launch: Launch, library: &str) -> Error {
    let Launch { size, by, .. } = launch;
    let fit = match by {
        Launcher::OpenMpi => file(OPEN_MPI[0]),
        Launcher::Pmi => format!("{} or {}", file(MPICH[0]), file(MPICH[2])),
        Launcher::Slurm => format!("{}, {} or {}", file(OPEN_MPI[0]), file(MPICH[0]), file(MPICH[2])),
    };
    Error::usage(format!(
        "{by} has started {size} processes, but {library} knows of this one alone: it belongs to another launcher; start them with \
         that library's own, or give one of {by} as `mpi`, such as {fit}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(by: Option<Launcher>, pmix: bool) -> String {
        let launch = by.map(|by| Launch { size: 2, rank: 0, local_rank: None, by });
        let all = candidates(launch, |name| (pmix && name == "PMIX_RANK").then(|| "0".to_owned()));
        assert_eq!(all.len(), 5);
        all[0].clone()
    }

    #[test]
    fn the_library_of_the_launcher_is_tried_first_and_all_others_behind_it() {
        let (open, mpich) = (file(OPEN_MPI[0]), file(MPICH[0]));
        assert_eq!(first(Some(Launcher::OpenMpi), false), open);
        assert_eq!(first(Some(Launcher::Slurm), true), open);
        assert_eq!(first(Some(Launcher::Slurm), false), mpich);
        assert_eq!(first(Some(Launcher::Pmi), true), mpich);
        assert_eq!(first(None, false), mpich);
    }

    #[test]
    fn a_library_that_is_not_there_or_is_none_of_mpi_is_refused_with_a_way_out() {
        let refused = |name| match open(Some(name), None, |_| None) {
            Err(Error::Usage(text)) => text,
            other => panic!("{other:?}"),
        };
        let text = refused("libnothing-of-this-name.so.1");
        assert!(
            text.starts_with("`mpi`: libnothing-of-this-name.so.1: ") && text.contains("one of libmpi"),
            "{text}"
        );
        #[cfg(target_os = "linux")]
        {
            let text = refused("libc.so.6");
            assert!(text.contains("it is no MPI library, since it has no MPI_Init_thread"), "{text}");
            let text = refused("/etc/passwd");
            assert!(text.contains("/etc/passwd: "), "{text}");
        }
    }

    #[test]
    fn another_launcher_is_named_beside_the_library_that_fits_it() {
        let launch = Launch { size: 4, rank: 1, local_rank: None, by: Launcher::OpenMpi };
        let text = other_launcher(launch, "libmpich.so.12 (MPICH 4.0.2)").to_string();
        assert!(
            text.starts_with("mpirun of Open MPI has started 4 processes, but libmpich.so.12 (MPICH"),
            "{text}"
        );
        assert!(text.ends_with(&format!("such as {}", file(OPEN_MPI[0]))), "{text}");
    }
}
