//! The cases of the kernels, which `verify` runs on the software adapter.

use rhohat::engine::gpu::kernel::ALL;
use rhohat::verify::kernels::cases;

#[test]
fn every_kernel_has_a_case() {
    let cases = cases(1);
    for kernel in ALL {
        assert!(cases.iter().any(|case| case.kernel.name == kernel.name), "{} has no case", kernel.name);
    }
}
