//! What the variables of a launcher tell a process about itself: how many were started, and which one it is.
//!
//! That is read without MPI, and never turns MPI on: a program that is started inside an MPI job inherits the variables
//! without being one of its processes.

use std::fmt;

/// A process among those that one launcher has started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// How many processes there are.
    pub size: usize,
    /// Which of them this is, from 0 on.
    pub rank: usize,
    /// Which of those on the same machine, where the launcher tells.
    pub local_rank: Option<usize>,
    /// Who has started them.
    pub by: Launcher,
}

/// The kinds of launchers, by the variables that they set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// `mpirun` of Open MPI.
    OpenMpi,
    /// `mpiexec` of MPICH, of Intel MPI and of others that speak PMI; `srun --mpi=pmi2`.
    Pmi,
    /// `srun`, which starts processes of any kind.
    Slurm,
}

impl fmt::Display for Launcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenMpi => "mpirun of Open MPI",
            Self::Pmi => "mpiexec of MPICH",
            Self::Slurm => "srun",
        })
    }
}

/// The variables of a launcher: number of processes, own number, and those among which the own number on the machine may be.
struct Variables {
    by: Launcher,
    size: &'static str,
    rank: &'static str,
    local_rank: &'static [&'static str],
}

/// The innermost launcher first: `mpirun` inside a job of Slurm has the variables of both.
const LAUNCHERS: [Variables; 3] = [
    Variables {
        by: Launcher::OpenMpi,
        size: "OMPI_COMM_WORLD_SIZE",
        rank: "OMPI_COMM_WORLD_RANK",
        local_rank: &["OMPI_COMM_WORLD_LOCAL_RANK"],
    },
    Variables {
        by: Launcher::Pmi,
        size: "PMI_SIZE",
        rank: "PMI_RANK",
        local_rank: &["MPI_LOCALRANKID", "PALS_LOCAL_RANKID", "SLURM_LOCALID"],
    },
    Variables {
        by: Launcher::Slurm,
        size: "SLURM_STEP_NUM_TASKS",
        rank: "SLURM_PROCID",
        local_rank: &["SLURM_LOCALID"],
    },
];

/// What the launcher of this process says; `None` where there is none. `variable` is the environment, such as
/// `|name| std::env::var(name).ok()`.
pub fn launched(variable: impl Fn(&str) -> Option<String>) -> Option<Launch> {
    let number = |name: &str| variable(name)?.trim().parse::<usize>().ok();
    LAUNCHERS.iter().find_map(|of| {
        let (size, rank) = (number(of.size)?, number(of.rank)?);
        let local_rank = of.local_rank.iter().find_map(|name| number(name));
        (rank < size).then_some(Launch { size, rank, local_rank, by: of.by })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(variables: &[(&str, &str)]) -> Option<Launch> {
        launched(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn each_launcher_tells_size_rank_and_local_rank() {
        let open = [
            ("OMPI_COMM_WORLD_SIZE", "8"),
            ("OMPI_COMM_WORLD_RANK", "5"),
            ("OMPI_COMM_WORLD_LOCAL_RANK", "1"),
        ];
        let wanted = Launch { size: 8, rank: 5, local_rank: Some(1), by: Launcher::OpenMpi };
        assert_eq!(among(&open), Some(wanted));
        let pmi = [("PMI_SIZE", "3"), ("PMI_RANK", "2"), ("MPI_LOCALRANKID", "0")];
        let wanted = Launch { size: 3, rank: 2, local_rank: Some(0), by: Launcher::Pmi };
        assert_eq!(among(&pmi), Some(wanted));
        let slurm = [("SLURM_STEP_NUM_TASKS", "2"), ("SLURM_PROCID", "1")];
        assert_eq!(among(&slurm), Some(Launch { size: 2, rank: 1, local_rank: None, by: Launcher::Slurm }));
    }

    #[test]
    fn the_innermost_launcher_counts_and_what_is_no_number_does_not() {
        let slurm = [("SLURM_STEP_NUM_TASKS", "1"), ("SLURM_PROCID", "0"), ("SLURM_LOCALID", "0")];
        let open = [("OMPI_COMM_WORLD_SIZE", "4"), ("OMPI_COMM_WORLD_RANK", "3")];
        let both = among(&[&slurm[..], &open].concat()).unwrap();
        assert_eq!((both.size, both.rank, both.by), (4, 3, Launcher::OpenMpi));
        let of_slurm = Launch { size: 1, rank: 0, local_rank: Some(0), by: Launcher::Slurm };
        for bad in ["", "four", "-1"] {
            let odd = [&[("OMPI_COMM_WORLD_SIZE", bad), ("OMPI_COMM_WORLD_RANK", "3")], &slurm[..]].concat();
            assert_eq!(among(&odd), Some(of_slurm), "{bad:?}");
        }
        assert_eq!(among(&[("PMI_SIZE", "2"), ("PMI_RANK", "2")]), None, "a rank beyond the last");
        assert_eq!(
            among(&[("SLURM_NTASKS", "4"), ("SLURM_PROCID", "0")]),
            None,
            "a batch script is one process"
        );
        assert_eq!(among(&[]), None);
    }
}
