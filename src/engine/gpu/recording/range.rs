//! Ranges of workgroups: where a dispatch can be cut, and the table that tells a range where it begins.
//!
//! Invocations number themselves through the whole dispatch (`_index.wgsl`), so that the cut changes nothing of what
//! they compute. Where a range begins comes from a table of all possible begins, one dynamic offset away: recordings
//! are cut anew in every run without a buffer being written.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use wgpu::{BufferUsages, ShaderStages};

/// Most ranges of a dispatch.
const RANGES: u32 = 128;
/// Sizes of a grain, as powers of two: dispatches have less than 2³² invocations, and workgroups at least eight.
const GRAINS: u32 = 23;
/// Most workgroups in one dimension of a dispatch.
pub(crate) const MAX_GROUPS: u32 = 65_535;

/// The uniform of `_index.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub struct RangeUniform {
    /// Workgroups before the range.
    pub first: u32,
}

/// The layout of bind group 1 of every pipeline.
pub(crate) fn layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let ty = wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: true,
        min_binding_size: None,
    };
    let entry = wgpu::BindGroupLayoutEntry { binding: 0, visibility: ShaderStages::COMPUTE, ty, count: None };
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("range"),
        entries: &[entry],
    })
}

/// Where ranges may begin.
#[derive(Debug)]
pub(crate) struct RangeTable {
    group: wgpu::BindGroup,
    /// Bytes from one entry to the next.
    stride: u32,
}

impl RangeTable {
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let stride = device.limits().min_uniform_buffer_offset_alignment;
        let words = stride as usize / 4;
        let mut table = vec![0_u32; (GRAINS * RANGES) as usize * words];
        for (entry, words) in (0..).zip(table.chunks_exact_mut(words)) {
            words[0] = (entry % RANGES) << (entry / RANGES);
        }
        let size = 4 * table.len() as u64;
        let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let descriptor =
            wgpu::BufferDescriptor { label: Some("ranges"), size, usage, mapped_at_creation: false };
        let buffer = device.create_buffer(&descriptor);
        queue.write_buffer(&buffer, 0, bytemuck::cast_slice(&table));
        let size = std::num::NonZeroU64::new(16);
        let resource =
            wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer: &buffer, offset: 0, size });
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("range"),
            layout: &layout(device),
            entries: &[wgpu::BindGroupEntry { binding: 0, resource }],
        });
        Self { group, stride }
    }

    /// Binds the begin of `range`, one of [`ranges`] of a dispatch of `groups` workgroups.
    pub fn bind(&self, pass: &mut wgpu::ComputePass<'_>, range: &Range<u32>, groups: u32) {
        let exponent = exponent(groups);
        let entry = exponent * RANGES + (range.start >> exponent);
        pass.set_bind_group(1, &self.group, &[entry * self.stride]);
    }
}

/// The size of a grain, the smallest that a dispatch has at most [`RANGES`] of, as a power of two.
fn exponent(groups: u32) -> u32 {
    groups.div_ceil(RANGES).next_power_of_two().trailing_zeros()
}

/// Cuts a dispatch into `count` ranges of whole grains or as many as there are, as long as each other but for the last.
pub(crate) fn ranges(groups: u32, count: u32) -> impl Iterator<Item = Range<u32>> {
    let grain = 1 << exponent(groups);
    let length = groups.div_ceil(grain).div_ceil(count.max(1)).max(1) * grain;
    (0..groups).step_by(length as usize).map(move |first| first..groups.min(first.saturating_add(length)))
}

/// A range of a dispatch of `groups` workgroups in two dimensions. A range before the last is folded without a
/// remainder, since what it had too much the next would compute again; the last ends in workgroups with nothing to do.
pub(crate) fn fold(range: &Range<u32>, groups: u32) -> [u32; 2] {
    let length = range.end - range.start;
    if length <= MAX_GROUPS {
        return [length, 1];
    }
    if range.end < groups {
        let across = (1 << exponent(groups)).min(1 << 15);
        return [across, length / across];
    }
    let down = length.div_ceil(MAX_GROUPS);
    [length.div_ceil(down), down]
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: [u32; 10] = [1, 7, 128, 129, 4_096, 65_535, 65_536, 1_000_003, 40_000_000, (1 << 29) - 1];

    #[test]
    fn ranges_cover_every_workgroup_once_and_begin_where_the_table_has_an_entry() {
        for groups in GROUPS {
            for count in [1, 2, 3, 50, 128, 1_000_000] {
                let all: Vec<_> = ranges(groups, count).collect();
                assert!(all.len() as u32 <= count.min(RANGES), "{groups} in {count}");
                assert_eq!((all[0].start, all[all.len() - 1].end), (0, groups));
                assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start), "{groups} in {count}");
                let exponent = exponent(groups);
                assert!(exponent < GRAINS);
                for range in all {
                    let entry = range.start >> exponent;
                    assert!(
                        entry < RANGES && entry << exponent == range.start,
                        "{groups} in {count}: {range:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn only_the_last_range_is_folded_with_a_remainder() {
        for groups in GROUPS {
            for count in [1, 2, 3, 128] {
                for range in ranges(groups, count) {
                    let [across, down] = fold(&range, groups);
                    assert!(across <= MAX_GROUPS && down <= MAX_GROUPS);
                    let excess = across * down - (range.end - range.start);
                    assert!(
                        excess < down && (range.end == groups || excess == 0),
                        "{groups} in {count}: {range:?}"
                    );
                }
            }
        }
    }
}
