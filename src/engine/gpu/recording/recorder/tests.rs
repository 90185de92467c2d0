//! Tests of textures that tensors share.

use super::*;
use crate::engine::gpu::device::adapter::{adapters, select};
use crate::engine::gpu::memory::storage::SharedTexture;
use crate::engine::selector::Selector;

const SIDE: usize = 8;

/// The software adapter, unless its tests are skipped.
fn software() -> Option<Gpu> {
    if std::env::var("RHOHAT_SKIP_GPU_TESTS").is_ok_and(|value| value == "1") {
        eprintln!("SKIPPED because of RHOHAT_SKIP_GPU_TESTS: shared textures");
        return None;
    }
    Some(Gpu::open(select(&Selector::Software, &adapters()).unwrap().unwrap()).unwrap())
}

/// A matrix of numbers that count on from `first`.
fn matrix(gpu: &Gpu, first: usize) -> Tensor {
    let matrix = Tensor::zeros(gpu, "matrix", SIDE, SIDE).unwrap();
    let values: Vec<f32> = (first..first + SIDE * SIDE).map(|x| x as f32).collect();
    matrix.write(gpu, &values);
    matrix
}

#[test]
fn tensors_that_share_a_texture_are_copied_whenever_it_holds_another() {
    let Some(gpu) = software() else { return };
    let shared = SharedTexture::new(SIDE * SIDE);
    let x = matrix(&gpu, 0);
    let [first, second] = [1, 100].map(|from| matrix(&gpu, from).copied_into(&shared));
    let products = [&first, &second, &second, &first].map(|w| (w, matrix(&gpu, 0)));
    let mut recorder = Recorder::new(&gpu);
    for (w, product) in &products {
        recorder.matmul_nt(&x, w, product, false).unwrap();
    }
    let recording = recorder.finish().unwrap();
    let fills = recording.commands.iter().filter(|command| !command.is_dispatch()).count();
    assert_eq!(fills, 4, "x once, and three of the four factors");
    recording.run(&gpu).unwrap();
    let [of_first, of_second, again, last] = products.map(|(_, product)| product.read(&gpu).unwrap());
    assert!(of_first == last && of_second == again && of_first != of_second);
    // The sums over x of its first row, 0 to 7, with the first row of each.
    assert_eq!([of_first[0], of_second[0]], [(0..8).map(|k| k * (k + 1)).sum::<i32>() as f32, 2_940.0]);
}

#[test]
#[should_panic(expected = "reads two tensors that share a texture")]
fn a_dispatch_that_reads_two_tensors_of_one_texture_is_refused() {
    let Some(gpu) = software() else { panic!("it reads two tensors that share a texture") };
    let shared = SharedTexture::new(SIDE * SIDE);
    let [a, b] = [1, 100].map(|from| matrix(&gpu, from).copied_into(&shared));
    let _ = Recorder::new(&gpu).matmul_nt(&a, &b, &matrix(&gpu, 0), false);
}
