//! The weights of a classifier as the products read them.

use crate::engine::cpu::buffer::{
    Buffer, LINE, Line, Panels, PanelsMut, lines, spread, spread_transposed, width,
};
use crate::math::network::Network;

/// A layer in panels, made once for all rows of a pass.
pub struct LayerPanels {
    /// n, what it reads.
    pub inputs: usize,
    /// h, what it gives.
    pub outputs: usize,
    /// Wᵀ `[n, h]`, for the way forward.
    forward: Buffer,
    /// W `[h, n]`, for the way back.
    back: Buffer,
    bias: Buffer,
}

impl LayerPanels {
    /// All layers of a network, from below.
    pub fn of(network: &Network<f32>) -> Vec<Self> {
        let layers = network.shape.layers().zip(&network.layers);
        layers
            .map(|((inputs, outputs), layer)| {
                let mut forward = Buffer::zeros(inputs * width(outputs));
                spread_transposed(&layer.weight, inputs, PanelsMut::new(&mut forward, inputs));
                let mut back = Buffer::zeros(outputs * width(inputs));
                spread(&layer.weight, inputs, PanelsMut::new(&mut back, outputs));
                let mut bias = Buffer::zeros(outputs.next_multiple_of(LINE));
                bias[..outputs].copy_from_slice(&layer.bias);
                Self { inputs, outputs, forward, back, bias }
            })
            .collect()
    }

    /// Wᵀ.
    pub fn forward(&self) -> Panels<'_> {
        Panels::new(&self.forward, self.inputs)
    }

    /// W.
    pub fn back(&self) -> Panels<'_> {
        Panels::new(&self.back, self.outputs)
    }

    /// b.
    pub fn bias(&self) -> &[Line] {
        lines(&self.bias)
    }
}
