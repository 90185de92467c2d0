// A host for the kernels in JavaScript: it fills the buffers of a plan (`rhohat devices --shaders DIR --witness`), runs its
// recordings and reads tensors back. It knows no formula of a kernel and no order of a step: both stand in the plan.

const words = (numbers) => new Uint32Array(numbers).buffer;

/** An opened device with the pipelines compiled so far. */
export class Device {
  /** `kernels` is kernels.json, `text` gives the text of a file of it. */
  constructor(device, kernels, text) {
    this.device = device;
    this.kernels = new Map(kernels.map((kernel) => [kernel.name, kernel]));
    this.text = text;
    this.pipelines = new Map();
    const { COMPUTE } = GPUShaderStage;
    const buffer = { type: 'uniform', hasDynamicOffset: false };
    this.rangeLayout = device.createBindGroupLayout({ entries: [{ binding: 0, visibility: COMPUTE, buffer }] });
    const zero = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM });
    const entries = [{ binding: 0, resource: { buffer: zero } }];
    // Every dispatch is a whole one: its range of workgroups begins with the first.
    this.range = device.createBindGroup({ layout: this.rangeLayout, entries });
  }

  pipeline({ kernel: name, constants, bindings }) {
    const key = JSON.stringify([name, constants]);
    if (this.pipelines.has(key)) return this.pipelines.get(key);
    const kernel = this.kernels.get(name);
    const code = this.text(kernel.texts.find((text) => text.for === 'WebGPU').file);
    const type = { read: 'read-only-storage', read_write: 'storage' };
    const entries = [{ binding: 0, type: 'uniform' }, ...bindings.map(({ binding, access }) => ({ binding, type: type[access] }))]
      .map(({ binding, type }) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } }));
    const layout = this.device.createBindGroupLayout({ label: name, entries });
    const module = this.device.createShaderModule({ label: name, code });
    const compute = this.device.createComputePipeline({
      label: name,
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout, this.rangeLayout] }),
      compute: { module, entryPoint: 'main', constants },
    });
    const made = { compute, layout };
    this.pipelines.set(key, made);
    return made;
  }
}

/** The buffers of a plan on a device, and its recordings ready to run. */
export class Host {
  constructor(on, plan) {
    Object.assign(this, { on, plan, recordings: new Map() });
    const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const make = (size, usage) => on.device.createBuffer({ size, usage });
    this.buffers = plan.buffers.map((numbers) => make(4 * numbers, STORAGE | COPY_SRC | COPY_DST));
    this.uniforms = Object.fromEntries(
      Object.entries(plan.uniforms).map(([name, bytes]) => [name, make(bytes, UNIFORM | COPY_DST)]),
    );
  }

  destroy() {
    [...this.buffers, ...Object.values(this.uniforms)].forEach((buffer) => buffer.destroy());
  }

  setUniform(name, numbers) {
    this.on.device.queue.writeBuffer(this.uniforms[name], 0, words(numbers));
  }

  /** Uploads rows one behind the other to the tensors of a name; columns are cut for tensors that lie side by side. */
  write(name, values) {
    let first = 0;
    for (const { buffer, offset, rows, cols, stride } of this.plan.tensors[name]) {
      const padded = new Float32Array(rows * stride);
      for (let row = 0; row < rows; row += 1) {
        padded.set(values.subarray(first + row * cols, first + (row + 1) * cols), row * stride);
      }
      this.on.device.queue.writeBuffer(this.buffers[buffer], 4 * offset, padded);
      first += rows * cols;
    }
    if (first !== values.length) throw new Error(`${name}: ${values.length} numbers for ${first}`);
  }

  /** Uploads indices: each tensor of the list takes as many as it holds. */
  writeList(list) {
    let first = 0;
    for (const { buffer, offset, cols } of this.plan.tensors.list) {
      this.on.device.queue.writeBuffer(this.buffers[buffer], 4 * offset, words(list.slice(first, first + cols)));
      first += cols;
    }
  }

  async readTensor({ buffer, offset, rows, cols, stride }) {
    const { device } = this.on;
    const size = 4 * rows * stride;
    const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(this.buffers[buffer], 4 * offset, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const padded = new Float32Array(staging.getMappedRange().slice(0));
    staging.destroy();
    const dense = new Float32Array(rows * cols);
    for (let row = 0; row < rows; row += 1) {
      dense.set(padded.subarray(row * stride, row * stride + cols), row * cols);
    }
    return dense;
  }

  /** All numbers of the tensors of a name. */
  async read(name) {
    const parts = [];
    for (const tensor of this.plan.tensors[name]) parts.push(...await this.readTensor(tensor));
    return parts;
  }

  /** A vector of the parameters' shape, in the order of the files: W1, b1, D, b2. */
  async readVector(prefix) {
    const whole = [];
    for (const name of ['encoder.weight', 'encoder.bias', 'decoder.weight', 'decoder.bias']) {
      whole.push(...await this.read(prefix + name));
    }
    return whole;
  }

  writeVector(prefix, { visible, hidden }, values) {
    const sizes = { 'encoder.weight': visible * hidden, 'encoder.bias': hidden, 'decoder.weight': visible * hidden, 'decoder.bias': visible };
    let first = 0;
    for (const [name, size] of Object.entries(sizes)) {
      this.write(prefix + name, values.subarray(first, first + size));
      first += size;
    }
  }

  ready(name) {
    if (!this.recordings.has(name)) {
      const { device } = this.on;
      this.recordings.set(name, this.plan.recordings[name].map((dispatch) => {
        const { compute, layout } = this.on.pipeline(dispatch);
        const { uniform: { words: fixed, live }, bindings, workgroups } = dispatch;
        let buffer = this.uniforms[live];
        if (fixed) {
          const size = Math.max(16, 16 * Math.ceil(fixed.length / 4));
          buffer = device.createBuffer({ size, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
          device.queue.writeBuffer(buffer, 0, words(fixed));
        }
        const entries = [{ binding: 0, resource: { buffer } }, ...bindings.map(({ binding, buffer, offset, numbers }) => (
          { binding, resource: { buffer: this.buffers[buffer], offset: 4 * offset, size: 4 * numbers } }
        ))];
        return { compute, workgroups, group: device.createBindGroup({ label: dispatch.kernel, layout, entries }) };
      }));
    }
    return this.recordings.get(name);
  }

  run(name) {
    const recording = this.ready(name);
    const encoder = this.on.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setBindGroup(1, this.on.range);
    for (const { compute, group, workgroups } of recording) {
      pass.setPipeline(compute);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    this.on.device.queue.submit([encoder.finish()]);
  }

  copy(name) {
    const encoder = this.on.device.createCommandEncoder();
    for (const [from, to] of this.plan.copies[name]) {
      encoder.copyBufferToBuffer(this.buffers[from.buffer], 4 * from.offset, this.buffers[to.buffer], 4 * to.offset, 4 * to.rows * to.stride);
    }
    this.on.device.queue.submit([encoder.finish()]);
  }

  /** Reconstruction, decay and penalty of J, and ρ̂, from the sums that a recording has left. */
  async cost({ rho, beta, lambda, penalty }, rows, errors = 'squared errors') {
    if (penalty && penalty !== 'kl') throw new Error(`penalty ${penalty}`);
    const total = (numbers) => numbers.reduce((sum, x) => sum + x, 0);
    const rhoHat = await this.read('rho_hat');
    const kl = rhoHat.map((r) => rho * Math.log(rho / r) + (1 - rho) * Math.log((1 - rho) / (1 - r)));
    const terms = [
      total(await this.read(errors)) / (2 * rows),
      (lambda / 2) * total(await this.read('squared weights')),
      beta * total(kl),
    ];
    return { terms, rhoHat };
  }
}
