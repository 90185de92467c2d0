//! The training step in burn.

use anyhow::{Result, anyhow};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};

use crate::problem::{BETA, DECAY, MOMENTUM, RHO, Shape, Start};

/// Parameters and velocities on a device, and the examples.
pub struct Training {
    /// Examples `[m,n]`.
    x: Tensor<2>,
    /// Encoder `[n,h]`, decoder `[h,n]`, hidden bias `[1,h]`, output bias `[1,n]`.
    parameters: [Tensor<2>; 4],
    velocities: [Tensor<2>; 4],
    linear: bool,
    rate: f64,
}

impl Training {
    /// At its start.
    pub fn new(shape: Shape, rate: f64, device: &Device) -> Self {
        let Shape { n, h, m, linear } = shape;
        let start = Start::new(shape);
        let tensor = |numbers, size: [usize; 2]| Tensor::from_data(TensorData::new(numbers, size), device);
        let [encoder, decoder] = start.weights;
        let parameters = [
            tensor(encoder, [n, h]),
            tensor(decoder, [h, n]),
            Tensor::zeros([1, h], device),
            Tensor::zeros([1, n], device),
        ];
        let velocities = parameters.each_ref().map(Tensor::zeros_like);
        Self { x: tensor(start.x, [m, n]), parameters, velocities, linear, rate }
    }

    /// One step; J before its update. The gradient is written out, as burn's autodiff keeps more and does more.
    pub fn step(&mut self) -> Result<f64> {
        let [w1, w2, b1, b2] = self.parameters.clone();
        let x = self.x.clone();
        let m = x.dims()[0] as f64;
        let a2 = sigmoid(x.clone().matmul(w1.clone()) + b1);
        let z3 = a2.clone().matmul(w2.clone()) + b2;
        let a3 = if self.linear { z3 } else { sigmoid(z3) };
        let rho_hat = a2.clone().mean_dim(0);
        let error = a3.clone() - x.clone();

        let others = -rho_hat.clone() + 1.0;
        let kl = rho_hat.clone().log() * -RHO - others.clone().log() * (1.0 - RHO);
        let entropy = RHO * RHO.ln() + (1.0 - RHO) * (1.0 - RHO).ln();
        let square = |t: &Tensor<2>| (t.clone() * t.clone()).sum();
        let cost = square(&error) / (2.0 * m)
            + (square(&w1) + square(&w2)) * (DECAY / 2.0)
            + (kl + entropy).sum() * BETA;

        let error = error / m;
        let d3 = if self.linear { error } else { error * a3.clone() * (-a3 + 1.0) };
        let pull = (others.recip() * (1.0 - RHO) - rho_hat.recip() * RHO) * (BETA / m);
        let d2 = (d3.clone().matmul(w2.clone().transpose()) + pull) * a2.clone() * (-a2.clone() + 1.0);
        let gradients = [
            x.transpose().matmul(d2.clone()) + w1 * DECAY,
            a2.transpose().matmul(d3.clone()) + w2 * DECAY,
            d2.sum_dim(0),
            d3.sum_dim(0),
        ];
        for ((parameter, velocity), gradient) in
            self.parameters.iter_mut().zip(&mut self.velocities).zip(gradients)
        {
            velocity.inplace(|v| v * MOMENTUM + gradient);
            parameter.inplace(|p| p - velocity.clone() * self.rate);
        }
        // Read back last, so that it waits for the whole step.
        Ok(cost.try_into_scalar::<f32>().map_err(|error| anyhow!("burn: {error:?}"))?.into())
    }
}
