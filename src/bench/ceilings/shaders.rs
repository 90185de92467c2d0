//! The ceilings of a WebGPU adapter, by the kernels of `shaders/bench/`.

use bytemuck::{Pod, Zeroable};

use super::COPIED;
use crate::bench::stats::{Pace, Summary, alone};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel::{Kernel, Uniform};
use crate::engine::gpu::memory::buffer::{Tensor, buffer, bytes};
use crate::engine::gpu::recording::{DispatchOptions, Recorder, Recording};
use crate::error::Result;

/// The text of a kernel that only measures.
macro_rules! shader {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $name, ".wgsl"))
    };
}

/// A kernel that only measures.
macro_rules! measuring {
    ($name:literal, $uniform:ty) => {
        Kernel::simple($name, shader!($name), ["", ""], None, Uniform::of::<$uniform>())
    };
}

static MULTIPLY_ADD: Kernel = measuring!("bench/multiply_add", MultiplyAdd);
static COPY: Kernel = measuring!("bench/copy", Copy);
static EMPTY: Kernel = measuring!("bench/empty", Empty);

/// The kernels that measure ceilings. They have no reference.
pub static ALL: &[&Kernel] = &[&MULTIPLY_ADD, &COPY, &EMPTY];

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct MultiplyAdd {
    turns: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Copy {
    count: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Empty {
    value: f32,
}

/// Enough to keep every unit of a large GPU busy.
const INVOCATIONS: usize = 1 << 18;
/// Operations of an invocation in a turn: four multiply-adds of each of twelve sums.
const TURN_FLOPS: f64 = 96.0;
/// Most turns of an invocation.
const MOST_TURNS: u32 = 60_000;
/// A run shall take as long as this, in seconds: long beside a submission, short beside a watchdog.
const LONG: f64 = 0.02;
/// Dispatches over which the cost of one is taken.
const MANY: usize = 200;

/// Operations of a run, and its times. The number of turns grows until a run is long enough.
pub fn multiply_adds(gpu: &Gpu, pace: Pace) -> Result<(f64, Summary)> {
    let sums = Tensor::vector(gpu, "sums", INVOCATIONS)?;
    let mut turns = 16;
    loop {
        let uniform = MultiplyAdd { turns };
        let recording = record(gpu, |recorder| {
            recorder.dispatch(&MULTIPLY_ADD, DispatchOptions::default(), &uniform, &[&sums], INVOCATIONS)
        })?;
        let times = alone(|| run(gpu, &recording), Pace { turns: 1, seconds: 0.0 })?;
        if times.best >= LONG || turns == MOST_TURNS {
            let flops = INVOCATIONS as f64 * f64::from(turns) * TURN_FLOPS;
            return Ok((flops, alone(|| run(gpu, &recording), pace)?));
        }
        turns = (turns * 4).min(MOST_TURNS);
    }
}

/// Times of copying.
pub fn copy(gpu: &Gpu, pace: Pace) -> Result<Summary> {
    let (source, copied) = (Tensor::vector(gpu, "source", COPIED)?, Tensor::vector(gpu, "copy", COPIED)?);
    let uniform = Copy { count: (COPIED / 4) as u32 };
    let record = record(gpu, |recorder| {
        recorder.dispatch(&COPY, DispatchOptions::default(), &uniform, &[&source, &copied], COPIED / 16)
    })?;
    alone(|| run(gpu, &record), pace)
}

/// What calls cost.
pub struct Calls {
    /// A further dispatch in a pass.
    pub dispatch: Summary,
    /// A submission of one dispatch, and the wait for it.
    pub submission: Summary,
    /// Reading 256 bytes back.
    pub read_back: Summary,
}

/// Measures [`Calls`].
pub fn calls(gpu: &Gpu, pace: Pace) -> Result<Calls> {
    let word = Tensor::vector(gpu, "word", 64)?;
    let empties = |count: usize| {
        record(gpu, |recorder| {
            (0..count).try_for_each(|_| {
                recorder.dispatch(&EMPTY, DispatchOptions::default(), &Empty { value: 1.0 }, &[&word], 1)
            })
        })
    };
    let (one, many) = (empties(1)?, empties(1 + MANY)?);
    let submission = alone(|| run(gpu, &one), pace)?;
    let all = alone(|| run(gpu, &many), pace)?;
    let a_dispatch = |of_many: f64, of_one: f64| (of_many - of_one).max(0.0) / MANY as f64;
    let dispatch = Summary {
        count: all.count,
        best: a_dispatch(all.best, submission.best),
        q1: a_dispatch(all.q1, submission.median),
        median: a_dispatch(all.median, submission.median),
        q3: a_dispatch(all.q3, submission.median),
    };
    let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
    let staging = buffer(gpu, "staging", bytes(64), usage)?;
    let read_back = alone(
        || {
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(&word.buffer, 0, &staging, 0, bytes(64));
            gpu.submit(encoder)?;
            gpu.read(&staging, bytes(64)).map(|_| ())
        },
        pace,
    )?;
    Ok(Calls { dispatch, submission, read_back })
}

fn record(gpu: &Gpu, fill: impl FnOnce(&mut Recorder<'_>) -> Result<()>) -> Result<Recording> {
    let mut recorder = Recorder::new(gpu);
    fill(&mut recorder)?;
    recorder.finish()
}

fn run(gpu: &Gpu, recording: &Recording) -> Result<()> {
    recording.run(gpu)?;
    gpu.finish()
}
