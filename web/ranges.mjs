// Ranges of workgroups: where a dispatch can be parted, and the table that tells a range where it begins. Kernels number their
// invocations through the whole dispatch, so that no bit depends on the cut. The numbers are those of src/engine/gpu/recording/range.rs.

const RANGES = 128;
const GRAINS = 23;
const MAX_GROUPS = 65535;

/** The size of a grain, the smallest that a dispatch has at most 128 of, as a power of two. */
function exponent(groups) {
  let size = 0;
  while (2 ** size < Math.ceil(groups / RANGES)) size += 1;
  return size;
}

/** Cuts a dispatch into `count` ranges of whole grains, or as many as there are: `[first, end]` of each. */
export function ranges(groups, count) {
  const grain = 2 ** exponent(groups);
  const length = Math.max(1, Math.ceil(Math.ceil(groups / grain) / Math.max(1, count))) * grain;
  return Array.from({ length: Math.ceil(groups / length) }, (_, i) => [i * length, Math.min(groups, (i + 1) * length)]);
}

/** Workgroups in x and y of a range; only the last of a dispatch has a remainder, whose workgroups find nothing to do. */
export function fold([first, end], groups) {
  const length = end - first;
  if (length <= MAX_GROUPS) return [length, 1];
  if (end < groups) {
    const across = Math.min(2 ** exponent(groups), 2 ** 15);
    return [across, length / across];
  }
  const down = Math.ceil(length / MAX_GROUPS);
  return [Math.ceil(length / down), down];
}

/** The table on a device: bind group 1 of every pipeline. */
export class RangeTable {
  layout;
  #group;
  #stride;

  constructor(gpu) {
    this.#stride = gpu.limits.minUniformBufferOffsetAlignment;
    const words = this.#stride / 4;
    const table = new Uint32Array(GRAINS * RANGES * words);
    for (let entry = 0; entry < GRAINS * RANGES; entry += 1) table[entry * words] = (entry % RANGES) * 2 ** Math.floor(entry / RANGES);
    const buffer = gpu.createBuffer({ label: 'ranges', size: table.byteLength, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    gpu.queue.writeBuffer(buffer, 0, table);
    this.layout = gpu.createBindGroupLayout({
      label: 'range', entries: [{ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform', hasDynamicOffset: true } }],
    });
    this.#group = gpu.createBindGroup({ label: 'range', layout: this.layout, entries: [{ binding: 0, resource: { buffer, size: 16 } }] });
  }

  bind(pass, [first], groups) {
    const size = exponent(groups);
    pass.setBindGroup(1, this.#group, [(size * RANGES + first / 2 ** size) * this.#stride]);
  }
}
