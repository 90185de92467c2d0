//! The table of shaders, for each its source, its bindings and its uniform, and the pipelines compiled from them.
//! `tests/shaders.rs` checks every row against the WGSL without a GPU.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;

use bytemuck::Pod;

use self::Access::{Read, Write};
use super::device::Gpu;
use super::uniform;
use crate::error::Result;
use crate::objective::Activation;

/// Invocations of a workgroup.
pub const WORKGROUP: u32 = 64;

/// How a shader uses a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    Write,
}

/// One row of the table.
#[derive(Debug)]
pub struct Kernel {
    /// File name without `.wgsl`, and the name of its twin in [`crate::reference::kernels`].
    pub name: &'static str,
    /// The shader's own text.
    pub source: &'static str,
    /// Whether the activation part is joined to it; which activation is chosen when the pipeline is made.
    pub activates: bool,
    /// The storage buffers, from binding 1 on.
    pub bindings: &'static [Access],
    /// The uniform struct at binding 0.
    pub uniform: Uniform,
}

/// The Rust twin of a uniform struct.
#[derive(Debug)]
pub struct Uniform {
    /// Size in bytes.
    pub size: usize,
    /// Its `Debug` form, from which a test takes the names of the fields in order.
    pub debug: fn() -> String,
}

impl Uniform {
    const fn of<T: Pod + Debug>() -> Self {
        Self { size: size_of::<T>(), debug: || format!("{:?}", T::zeroed()) }
    }
}

const INDEX_PART: &str = include_str!("../../shaders/_index.wgsl");
const ACTIVATION_PART: &str = include_str!("../../shaders/_activation.wgsl");

impl Kernel {
    /// The text that is compiled: the kernel first, so that line numbers in errors are its own.
    pub fn text(&self) -> String {
        let activation = if self.activates { ACTIVATION_PART } else { "" };
        [self.source, INDEX_PART, activation].join("\n")
    }
}

/// `shaders/matmul_nt.wgsl`.
pub static MATMUL_NT: Kernel = Kernel {
    name: "matmul_nt",
    source: include_str!("../../shaders/matmul_nt.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::Product>(),
};

/// `shaders/matmul_nn.wgsl`.
pub static MATMUL_NN: Kernel = Kernel {
    name: "matmul_nn",
    source: include_str!("../../shaders/matmul_nn.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::Product>(),
};

/// `shaders/matmul_tn.wgsl`.
pub static MATMUL_TN: Kernel = Kernel {
    name: "matmul_tn",
    source: include_str!("../../shaders/matmul_tn.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::SlicedProduct>(),
};

/// `shaders/bias_activation.wgsl`.
pub static BIAS_ACTIVATION: Kernel = Kernel {
    name: "bias_activation",
    source: include_str!("../../shaders/bias_activation.wgsl"),
    activates: true,
    bindings: &[Read, Write],
    uniform: Uniform::of::<uniform::Layer>(),
};

/// `shaders/column_sums.wgsl`.
pub static COLUMN_SUMS: Kernel = Kernel {
    name: "column_sums",
    source: include_str!("../../shaders/column_sums.wgsl"),
    activates: false,
    bindings: &[Read, Write],
    uniform: Uniform::of::<uniform::ColumnSums>(),
};

/// `shaders/column_mean.wgsl`.
pub static COLUMN_MEAN: Kernel = Kernel {
    name: "column_mean",
    source: include_str!("../../shaders/column_mean.wgsl"),
    activates: false,
    bindings: &[Read, Write],
    uniform: Uniform::of::<uniform::ColumnMean>(),
};

/// `shaders/kl_slope.wgsl`.
pub static KL_SLOPE: Kernel = Kernel {
    name: "kl_slope",
    source: include_str!("../../shaders/kl_slope.wgsl"),
    activates: false,
    bindings: &[Read, Write, Write],
    uniform: Uniform::of::<uniform::Penalty>(),
};

/// `shaders/output_delta.wgsl`.
pub static OUTPUT_DELTA: Kernel = Kernel {
    name: "output_delta",
    source: include_str!("../../shaders/output_delta.wgsl"),
    activates: true,
    bindings: &[Read, Write],
    uniform: Uniform::of::<uniform::Elements>(),
};

/// `shaders/hidden_delta.wgsl`.
pub static HIDDEN_DELTA: Kernel = Kernel {
    name: "hidden_delta",
    source: include_str!("../../shaders/hidden_delta.wgsl"),
    activates: true,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::HiddenDelta>(),
};

/// `shaders/weight_gradient.wgsl`.
pub static WEIGHT_GRADIENT: Kernel = Kernel {
    name: "weight_gradient",
    source: include_str!("../../shaders/weight_gradient.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::WeightGradient>(),
};

/// `shaders/squared_error.wgsl`.
pub static SQUARED_ERROR: Kernel = Kernel {
    name: "squared_error",
    source: include_str!("../../shaders/squared_error.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::BlockSums>(),
};

/// `shaders/dot.wgsl`.
pub static DOT: Kernel = Kernel {
    name: "dot",
    source: include_str!("../../shaders/dot.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::Dots>(),
};

/// `shaders/axpy.wgsl`.
pub static AXPY: Kernel = Kernel {
    name: "axpy",
    source: include_str!("../../shaders/axpy.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::Axpy>(),
};

/// `shaders/combine.wgsl`.
pub static COMBINE: Kernel = Kernel {
    name: "combine",
    source: include_str!("../../shaders/combine.wgsl"),
    activates: false,
    bindings: &[Read, Write],
    uniform: Uniform::of::<uniform::Combination>(),
};

/// `shaders/sgd.wgsl`.
pub static SGD: Kernel = Kernel {
    name: "sgd",
    source: include_str!("../../shaders/sgd.wgsl"),
    activates: false,
    bindings: &[Read, Write, Write],
    uniform: Uniform::of::<uniform::Sgd>(),
};

/// `shaders/adam.wgsl`.
pub static ADAM: Kernel = Kernel {
    name: "adam",
    source: include_str!("../../shaders/adam.wgsl"),
    activates: false,
    bindings: &[Read, Write, Write, Write],
    uniform: Uniform::of::<uniform::Adam>(),
};

/// `shaders/gather.wgsl`.
pub static GATHER: Kernel = Kernel {
    name: "gather",
    source: include_str!("../../shaders/gather.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::Gather>(),
};

/// Every kernel, in the order of a training step.
pub static ALL: &[&Kernel] = &[
    &MATMUL_NT,
    &MATMUL_NN,
    &MATMUL_TN,
    &BIAS_ACTIVATION,
    &COLUMN_SUMS,
    &COLUMN_MEAN,
    &KL_SLOPE,
    &OUTPUT_DELTA,
    &HIDDEN_DELTA,
    &WEIGHT_GRADIENT,
    &SQUARED_ERROR,
    &DOT,
    &AXPY,
    &COMBINE,
    &SGD,
    &ADAM,
    &GATHER,
];

/// A compiled kernel.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// wgpu's pipeline.
    pub compute: wgpu::ComputePipeline,
    /// The layout of its only bind group.
    pub layout: wgpu::BindGroupLayout,
}

/// The pipelines made so far, by kernel and activation.
#[derive(Default)]
pub(super) struct Pipelines(RefCell<HashMap<(&'static str, Option<Activation>), Pipeline>>);

impl Gpu {
    /// The pipeline of a kernel, compiled at its first use. `activation` is given exactly for kernels that activate.
    pub fn pipeline(&self, kernel: &'static Kernel, activation: Option<Activation>) -> Result<Pipeline> {
        assert_eq!(kernel.activates, activation.is_some(), "{}: activation", kernel.name);
        let key = (kernel.name, activation);
        if let Some(pipeline) = self.pipelines.0.borrow().get(&key) {
            return Ok(pipeline.clone());
        }
        let what = format!("shader {}", kernel.name);
        let pipeline = self.scoped(&what, || compile(&self.device, kernel, activation))?;
        self.pipelines.0.borrow_mut().insert(key, pipeline.clone());
        Ok(pipeline)
    }
}

fn compile(device: &wgpu::Device, kernel: &Kernel, activation: Option<Activation>) -> Pipeline {
    let label = Some(kernel.name);
    let source = wgpu::ShaderSource::Wgsl(kernel.text().into());
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
    let entries = layout_entries(kernel);
    let layout =
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let mut constants = vec![("WORKGROUP", f64::from(WORKGROUP))];
    constants.extend(activation.map(|activation| ("ACTIVATION", activation_number(activation))));
    let compute = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() },
        cache: None,
    });
    Pipeline { compute, layout }
}

/// The value of `ACTIVATION` in `_activation.wgsl`.
fn activation_number(activation: Activation) -> f64 {
    match activation {
        Activation::Sigmoid => 0.0,
        Activation::Tanh => 1.0,
        Activation::Linear => 2.0,
    }
}

fn layout_entries(kernel: &Kernel) -> Vec<wgpu::BindGroupLayoutEntry> {
    let uniform = wgpu::BufferBindingType::Uniform;
    let storage =
        kernel.bindings.iter().map(|access| wgpu::BufferBindingType::Storage { read_only: *access == Read });
    let types = std::iter::once(uniform).chain(storage);
    let entry = |(binding, ty)| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    };
    (0..).zip(types).map(entry).collect()
}
