//! One run of one kernel, and the shapes that many kernels are run on.

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel::Kernel;
use crate::verify::compare::Closeness;
use crate::verify::rig::{Failure, Rig};

pub(super) type CaseRun = Box<dyn Fn(Rig<'_>) -> Result<Closeness, Failure> + Send + Sync>;

/// One run of one kernel on given numbers.
pub struct Case {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// Shape and kind of numbers.
    pub what: String,
    run: CaseRun,
}

impl Case {
    pub(super) fn new(
        kernel: &'static Kernel,
        what: impl Into<String>,
        run: impl Fn(Rig<'_>) -> Result<Closeness, Failure> + Send + Sync + 'static,
    ) -> Self {
        Self { kernel, what: what.into(), run: Box::new(run) }
    }

    /// The same run of each of two kernels.
    pub(super) fn of_both(
        kernels: &'static [Kernel; 2],
        what: &str,
        run: impl Fn(Rig<'_>) -> Result<Closeness, Failure> + Copy + Send + Sync + 'static,
    ) -> [Self; 2] {
        kernels.each_ref().map(|kernel| Self::new(kernel, what, run))
    }

    /// Runs the kernel, and others where it needs them, in the memory that it reads, and compares.
    pub fn check(&self, gpu: &Gpu) -> Result<Closeness, Failure> {
        (self.run)(Rig { gpu, memory: self.kernel.memory() })
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kernel.name, self.what)
    }
}

/// Rows and columns of element-wise cases: 1, around the tile of 8 and the workgroup of 64, primes, more rows than a
/// dimension of a dispatch has workgroups.
pub(super) const SHAPES: &[(usize, usize)] =
    &[(1, 1), (1, 9), (7, 8), (8, 7), (9, 13), (63, 65), (65, 63), (131, 257), (65_537, 3)];
