//! Values of a layer for examples: of neighbours, chunk by chunk in their order, and of listed ones.

use std::ops::Range;

use crate::data::batches::RowSelection;
use crate::engine::Layer;
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::step::examples::{DeviceRows, ExamplePart, PassRows};
use crate::engine::gpu::step::fetch::Fetcher;
use crate::engine::gpu::step::list::BatchList;
use crate::engine::gpu::step::pass::PassRecorder;
use crate::engine::gpu::step::resident::Resident;
use crate::error::Result;

/// A layer of the examples `range`, `[rows, n]` or `[rows, h]`.
pub(crate) fn of_range(
    on: &Resident,
    mut fetcher: Option<&mut Fetcher>,
    layer: Layer,
    range: &Range<usize>,
) -> Result<Vec<f32>> {
    let mut out = Vec::new();
    for chunk in on.partition.chunks(on.count) {
        let wanted = range.start.max(chunk.start)..range.end.min(chunk.end);
        if wanted.is_empty() {
            continue;
        }
        if let (DeviceRows::Fetched(batch), Some(fetcher)) = (&on.rows, &mut fetcher) {
            fetcher.fetch(&on.gpu, &on.partition, batch, &RowSelection::Range(chunk.clone()))?;
        }
        let within = wanted.start - chunk.start..wanted.end - chunk.start;
        read_layer(on, on.all_rows(), layer, |pass| Ok(pass.in_place(&chunk)), |_| within, &mut out)?;
    }
    Ok(out)
}

/// A layer of listed examples, in the order of the list.
pub(crate) fn of_list(
    on: &Resident,
    fetcher: Option<&mut Fetcher>,
    layer: Layer,
    list: &[usize],
) -> Result<Vec<f32>> {
    match (&on.rows, fetcher) {
        (DeviceRows::Resident(parts), _) => gathered(on, parts, layer, list),
        (DeviceRows::Fetched(_), None) => unreachable!("rows that are not resident are fetched"),
        (DeviceRows::Fetched(_), Some(fetcher)) if layer == Layer::Input => {
            fetcher.numbers(list, on.partition.shape.visible)
        }
        (DeviceRows::Fetched(batch), Some(fetcher)) => {
            let mut out = Vec::new();
            let rows = PassRows::Fetched { batch, rows: list.len() };
            for chunk in list.chunks(on.partition.chunk) {
                let x = fetcher.fetch(&on.gpu, &on.partition, batch, &RowSelection::Listed(chunk))?;
                read_layer(on, rows, layer, |_| Ok(x), |count| 0..count, &mut out)?;
            }
            Ok(out)
        }
    }
}

fn gathered(on: &Resident, parts: &[ExamplePart], layer: Layer, list: &[usize]) -> Result<Vec<f32>> {
    let batch = BatchList::new(&on.gpu, &on.partition, list.len())?;
    batch.write(&on.gpu, &on.partition, list);
    let rows = batch.rows(parts, list.len());
    let mut out = Vec::new();
    for chunk in on.partition.chunks(list.len()) {
        let gather = |pass: &mut PassRecorder<'_, '_>| pass.chunk_of_examples(&chunk);
        read_layer(on, rows, layer, gather, |count| 0..count, &mut out)?;
    }
    Ok(out)
}

/// Computes a layer for the X that `x` brings, and reads those of its rows that `wanted` picks of so many.
fn read_layer(
    on: &Resident,
    rows: PassRows<'_>,
    layer: Layer,
    x: impl FnOnce(&mut PassRecorder<'_, '_>) -> Result<Tensor>,
    wanted: impl FnOnce(usize) -> Range<usize>,
    out: &mut Vec<f32>,
) -> Result<()> {
    let (mut tensors, mut count) = (Vec::new(), 0);
    let recording = on.record(rows, |pass| {
        let x = x(pass)?;
        count = x.rows;
        tensors = record_layer(layer, pass, x)?;
        Ok(())
    })?;
    recording.run(&on.gpu)?;
    on.read_rows(&tensors, wanted(count), out)
}

/// Records a layer for X; returns its tensors, side by side if they are several.
fn record_layer(layer: Layer, pass: &mut PassRecorder<'_, '_>, x: Tensor) -> Result<Vec<Tensor>> {
    if layer == Layer::Input {
        return Ok(vec![x]);
    }
    let blocks = 0..pass.subject.weights.len();
    let hidden = blocks.map(|k| pass.hidden(k, &x)).collect::<Result<_>>()?;
    if layer == Layer::Hidden { Ok(hidden) } else { Ok(vec![pass.output(&x)?]) }
}
