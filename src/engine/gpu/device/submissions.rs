//! The part of a device that changes from submission to submission, behind one lock: one thread at a time submits or reads.

use super::sentinel::Sentinel;
use super::throttle::Throttle;

/// The submissions of a device so far.
#[derive(Debug)]
pub(crate) struct Submissions {
    pub throttle: Throttle,
    pub sentinel: Sentinel,
    /// How often the host has waited for the device.
    pub waits: usize,
    /// Steps that share one, where that is forced.
    pub steps: Option<usize>,
}

impl Submissions {
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        Self { throttle: Throttle::default(), sentinel: Sentinel::new(device, queue), waits: 0, steps: None }
    }
}
