//! Fetched rows that are computed in parts: the bits of all rows of a chunk at once.

use rhohat::data::batches::ExampleSet;
use rhohat::engine::cpu::Cpu;
use rhohat::engine::device::Setup;
use rhohat::engine::{Chunking, Engine};
use rhohat::math::params::{Matrix, Params, Shape};

fn engine(shape: Shape, rows: usize, chunk: Option<usize>, streamed: bool) -> Cpu {
    let values = (0..rows * shape.visible).map(|i| (i * 7919 % 1009) as f32 / 1009.0).collect();
    let matrix = Matrix::new(rows, shape.visible, values);
    let setup = Setup { cut: Chunking { chunk, ..Chunking::default() }, threads: 2, ..Setup::default() };
    let examples = if streamed { ExampleSet::Streamed(Box::new(matrix)) } else { matrix.into() };
    Cpu::new(&setup, Params::random(shape, 3), examples).unwrap()
}

#[test]
fn no_bit_of_j_of_codes_or_of_outputs_depends_on_the_rows_at_once() {
    for (visible, hidden) in [(20, 7), (36, 25), (300, 180)] {
        let shape = Shape { visible, hidden };
        for (rows, chunk) in [(1, None), (71, None), (4_000, None), (4_000, Some(1_234)), (2_305, Some(720))]
        {
            let mut whole = engine(shape, rows, chunk, false);
            let wanted = whole.cost().unwrap();
            let (codes, outputs) = (whole.encode(0, rows).unwrap(), whole.reconstruct(0, rows).unwrap());
            for at_once in [1, 73, 500, 1_000, usize::MAX] {
                let mut parts = engine(shape, rows, chunk, true);
                parts.compute_at_once(at_once);
                assert_eq!(parts.cost().unwrap(), wanted, "{shape:?}, {rows} of {chunk:?}, {at_once}");
                assert!(parts.encode(0, rows).unwrap() == codes, "{shape:?}, {rows}, {at_once}");
                assert!(parts.reconstruct(0, rows).unwrap() == outputs, "{shape:?}, {rows}, {at_once}");
            }
        }
    }
}
