//! The cases of the kernels, which `verify` runs on the software adapter, and what tiles have in common.

use rhohat::engine::gpu::kernel::ALL;
use rhohat::engine::gpu::memory::buffer::{Tensor, read};
use rhohat::engine::gpu::memory::segment::SegmentLayout;
use rhohat::engine::gpu::ops::{GradientFactors, SplitK};
use rhohat::engine::gpu::recording::Recorder;
use rhohat::engine::variant::{Memory, Product, Variant};
use rhohat::math::random::Stream;
use rhohat::math::transpose::Transpose;
use rhohat::verify::kernels::cases;

use crate::support;

#[test]
fn every_kernel_has_a_case() {
    let cases = cases(1);
    for kernel in ALL.iter() {
        assert!(cases.iter().any(|case| case.kernel.name == kernel.name), "{} has no case", kernel.name);
    }
}

#[test]
fn the_tile_changes_no_bit_of_a_product_whose_sum_is_not_split() {
    let Some(gpu) = support::software("the_tile_changes_no_bit_of_a_product") else { return };
    // Several tiles each way, pieces of k whole and not, none whole.
    for (transpose, (m, n, k)) in Transpose::ALL
        .into_iter()
        .flat_map(|form| [(131, 70, 40), (40, 131, 64), (9, 7, 5)].map(|size| (form, size)))
    {
        let mut stream = Stream::new(7, "tiles");
        let [a, b] = transpose.operands(m, n, k).map(|(rows, cols)| {
            let tensor = Tensor::zeros(&gpu, "operand", rows, cols).unwrap();
            let values: Vec<f32> = (0..rows * cols).map(|_| stream.unit() as f32 - 0.5).collect();
            tensor.write(&gpu, &values);
            tensor
        });
        let product = |product| {
            let layout = SegmentLayout::new(n, &(0..m));
            let c = match transpose {
                Transpose::Tn => Tensor::vector(&gpu, "gradient", layout.len).unwrap(),
                _ => Tensor::zeros(&gpu, "product", m, n).unwrap(),
            };
            let mut recorder = Recorder::of(&gpu, Variant::of(product, Memory::Buffers));
            match transpose {
                Transpose::Nt => recorder.matmul_nt(&a, &b, &c, false),
                Transpose::Nn => recorder.matmul_nn(&a, &b, &c, false),
                Transpose::Tn => {
                    let factors = GradientFactors { a2: &a, delta3: &b, delta2: &a, x: &b };
                    recorder.gradient_slices(factors, layout, SplitK::whole(k.next_multiple_of(8)), &c)
                }
            }
            .unwrap();
            recorder.finish().unwrap().run(&gpu).unwrap();
            let values = read(&gpu, &c.buffer, 0, c.bound).unwrap();
            values.into_iter().map(f32::to_bits).collect::<Vec<u32>>()
        };
        let [first, others @ ..] = Product::TILED.map(product);
        assert!(first.iter().any(|bits| *bits != 0));
        assert!(others.iter().all(|bits| *bits == first), "{transpose:?} {m}×{n}, k = {k}");
    }
}
