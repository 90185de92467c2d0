// The host of a plan: buffers, recordings and the actions of a run on a device of WebGPU. It knows no formula of a kernel, no order of a step
// and no search: plan and actions come from the module (`src/engine/gpu/plan.rs`, `remote.rs`). It cuts what it runs into submissions,
// and waits for the device where an action reads, and where four submissions are under way.
import { Budget } from './budget.mjs';
import { fold, ranges } from './ranges.mjs';
import { Sentinel } from './sentinel.mjs';

/** Bytes that a submission uploads at most before its commands; more are written by themselves. */
const UPLOAD = 1 << 20;
/** Numbers that are written at a time, so that the page does not hold all examples twice. */
const AT_ONCE = 1 << 20;
/** The tensors of a vector of the parameters’ shape, in the order in which the module has them. */
const PARAMETERS = ['encoder.weight', 'encoder.bias', 'decoder.weight', 'decoder.bias'];

export class Host {
  #device;
  #plan;
  #buffers = [];
  #uniforms;
  /** Uniforms that are written once. */
  #constants = [];
  #recordings = new Map();
  #sentinel;
  #budget = new Budget();
  #upload;
  #readback = null;
  // The submission that is being put together.
  #encoder = null;
  #pass = null;
  #work = 0;
  #words = new Uint32Array(UPLOAD / 4);
  #used = 0;
  #written = null;

  /** @param {import('./device.mjs').Device} device @param {object} plan @param {Record<string, string>} kernels their texts by name */
  static async open(device, plan, kernels) {
    const host = new Host();
    [host.#device, host.#plan] = [device, plan];
    const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const make = (label, size, usage) => device.gpu.createBuffer({ label, size, usage });
    await device.allocated('the run', () => {
      plan.buffers.forEach((numbers, number) => host.#buffers.push(make(`buffer ${number}`, 4 * numbers, STORAGE | COPY_SRC | COPY_DST)));
      host.#uniforms = Object.fromEntries(Object.entries(plan.uniforms).map(([name, bytes]) => [name, make(name, bytes, UNIFORM | COPY_DST)]));
      host.#upload = make('uploads', UPLOAD, COPY_SRC | COPY_DST);
    });
    host.#sentinel = new Sentinel(device.gpu);
    const named = Object.entries(plan.recordings);
    // The browser compiles side by side.
    await Promise.all(named.map(async ([name, dispatches]) => {
      host.#recordings.set(name, await Promise.all(dispatches.map((dispatch) => host.#ready(dispatch, kernels))));
    }));
    return host;
  }

  async #ready({ kernel: label, constants, uniform, bindings, workgroups, groups, work }, kernels) {
    const { gpu } = this.#device;
    const type = { read: 'read-only-storage', read_write: 'storage' };
    const layout = gpu.createBindGroupLayout({
      label,
      entries: [{ binding: 0, type: 'uniform' }, ...bindings.map(({ binding, access }) => ({ binding, type: type[access] }))]
        .map(({ binding, type }) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
    });
    const pipeline = await this.#device.pipeline({ label, code: kernels[label], layouts: [layout, this.#device.ranges.layout], constants });
    let buffer = this.#uniforms[uniform.live];
    if (uniform.words) {
      buffer = gpu.createBuffer({ label, size: Math.max(16, 4 * uniform.words.length), usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
      gpu.queue.writeBuffer(buffer, 0, new Uint32Array(uniform.words));
      this.#constants.push(buffer);
    }
    const bound = bindings.map(({ binding, buffer, offset, numbers }) => (
      { binding, resource: { buffer: this.#buffers[buffer], offset: 4 * offset, size: 4 * numbers } }
    ));
    const group = gpu.createBindGroup({ label, layout, entries: [{ binding: 0, resource: { buffer } }, ...bound] });
    const written = bindings.find(({ access }) => access === 'read_write');
    return { pipeline, group, workgroups, groups, work, written: written && this.#buffers[written.buffer] };
  }

  /** Carries out the module's actions. @returns {Promise<Float32Array | null>} what the last of them reads, if it does */
  async perform(actions) {
    this.#device.check();
    let read = null;
    for (const action of actions) {
      const [[kind, value]] = Object.entries(action);
      if (kind === 'write') await this.#write(...value);
      else if (kind === 'set') await this.#toBuffer(this.#uniforms[value[0]], 0, Uint32Array.from(value[1]));
      else if (kind === 'run') await this.#run(value);
      else if (kind === 'copy') this.#copy(value);
      else read = await this.#read(value);
    }
    return read;
  }

  /** Waits until all that was asked for is done. */
  async idle() {
    await this.#submit();
    await this.#device.of(this.#budget.idle());
  }

  /** Writes rows of a matrix whose tensors hold rows one behind another. */
  async writeRows(name, first, values) {
    let [before, done] = [0, 0];
    for (const { buffer, offset, rows, cols, stride } of this.#plan.tensors[name]) {
      const from = Math.max(first, before);
      const until = Math.min(first + values.length / cols, before + rows);
      for (let row = from; row < until;) {
        const count = Math.min(until - row, Math.max(1, Math.floor(AT_ONCE / stride)));
        const padded = stride === cols ? values.subarray(done, done + count * cols) : new Float32Array(count * stride);
        for (let i = 0; stride !== cols && i < count; i += 1) padded.set(values.subarray(done + i * cols, done + (i + 1) * cols), i * stride);
        this.#device.gpu.queue.writeBuffer(this.#buffers[buffer], 4 * (offset + (row - before) * stride), padded);
        done += count * cols;
        row += count;
      }
      before += rows;
    }
    if (done !== values.length) throw new Error(`${name}: ${values.length} numbers for ${done}`);
  }

  /** Writes a vector of the parameters’ shape. @param {string} prefix of its tensors’ names */
  async writeVector(prefix, values) {
    let first = 0;
    for (const name of PARAMETERS.map((name) => prefix + name)) {
      const length = this.#plan.tensors[name].reduce((sum, { rows, cols }) => sum + rows * cols, 0);
      // A bias is a single row of each block.
      const parts = this.#plan.tensors[name];
      if (parts[0].rows === 1) {
        for (const { buffer, offset, cols } of parts) {
          this.#device.gpu.queue.writeBuffer(this.#buffers[buffer], 4 * offset, values.subarray(first, first + cols));
          first += cols;
        }
      } else {
        await this.writeRows(name, 0, values.subarray(first, first + length));
        first += length;
      }
    }
    if (first !== values.length) throw new Error(`${values.length} numbers for ${first} parameters`);
  }

  /** @returns {Promise<Float32Array>} a vector of the parameters’ shape */
  async readVector(prefix) {
    const parts = PARAMETERS.flatMap((name) => this.#plan.tensors[prefix + name]);
    const padded = await this.#readRanges(parts.map(({ buffer, offset, rows, stride }) => ({ buffer, offset, numbers: rows * stride })));
    const dense = new Float32Array(parts.reduce((sum, { rows, cols }) => sum + rows * cols, 0));
    let [from, to] = [0, 0];
    for (const { rows, cols, stride } of parts) {
      for (let row = 0; row < rows; row += 1) dense.set(padded.subarray(from + row * stride, from + row * stride + cols), to + row * cols);
      from += rows * stride;
      to += rows * cols;
    }
    return dense;
  }

  close() {
    const buffers = [...this.#buffers, ...Object.values(this.#uniforms), ...this.#constants, this.#upload, this.#readback];
    buffers.forEach((buffer) => buffer?.destroy());
    this.#sentinel.close();
  }

  /** Words to the first places of the tensors of a name, one behind the other. */
  async #write(name, words) {
    let first = 0;
    for (const { buffer, offset, rows, cols } of this.#plan.tensors[name]) {
      if (rows !== 1) throw new Error(`${name} is no vector`);
      const part = Uint32Array.from(words.slice(first, first + cols));
      if (part.length) await this.#toBuffer(this.#buffers[buffer], 4 * offset, part);
      first += cols;
    }
    if (first < words.length) throw new Error(`${name}: ${words.length} words for ${first}`);
  }

  /** By way of a buffer that is written before the submission, so that several steps share one. */
  async #toBuffer(buffer, offset, words) {
    if (words.length > this.#words.length) {
      await this.#submit();
      this.#device.gpu.queue.writeBuffer(buffer, offset, words);
      return;
    }
    if (this.#used + words.length > this.#words.length) await this.#submit();
    this.#words.set(words, this.#used);
    this.#commands().copyBufferToBuffer(this.#upload, 4 * this.#used, buffer, offset, 4 * words.length);
    this.#used += words.length;
  }

  async #run(name) {
    for (const dispatch of this.#recordings.get(name)) {
      const { pipeline, group, groups, written, work } = dispatch;
      const parts = ranges(groups, Math.ceil(work / this.#budget.most));
      for (const part of parts) {
        const share = work * (part[1] - part[0]) / groups;
        if (this.#work > 0 && this.#work + share > this.#budget.most) await this.#submit();
        this.#encoder ??= this.#device.gpu.createCommandEncoder();
        this.#pass ??= this.#encoder.beginComputePass();
        this.#pass.setPipeline(pipeline);
        this.#pass.setBindGroup(0, group);
        this.#device.ranges.bind(this.#pass, part, groups);
        this.#pass.dispatchWorkgroups(...(parts.length === 1 ? dispatch.workgroups : fold(part, groups)));
        this.#work += share;
        this.#written = written ?? this.#written;
      }
    }
  }

  #copy(name) {
    const commands = this.#commands();
    for (const [from, to] of this.#plan.copies[name]) {
      commands.copyBufferToBuffer(this.#buffers[from.buffer], 4 * from.offset, this.#buffers[to.buffer], 4 * to.offset, 4 * to.rows * to.stride);
    }
  }

  /** An encoder outside a pass. */
  #commands() {
    this.#pass?.end();
    this.#pass = null;
    this.#encoder ??= this.#device.gpu.createCommandEncoder();
    return this.#encoder;
  }

  /** @param {boolean} [isOfRead] whether the sentinels are read behind it anyway */
  async #submit(isOfRead = false) {
    if (!this.#encoder) return;
    if (!isOfRead && this.#sentinel.isDue) {
      await this.#readRanges([]);
      return;
    }
    const encoder = this.#commands();
    this.#sentinel.append(encoder, this.#written);
    const { queue } = this.#device.gpu;
    if (this.#used) queue.writeBuffer(this.#upload, 0, this.#words, 0, this.#used);
    queue.submit([encoder.finish()]);
    this.#budget.add(this.#work, queue.onSubmittedWorkDone());
    [this.#encoder, this.#work, this.#used, this.#written] = [null, 0, 0, null];
    if (this.#budget.isFull) await this.#device.of(this.#budget.room());
  }

  async #read(parts) {
    return this.#readRanges(parts.flatMap(({ tensors, numbers }) => this.#plan.tensors[tensors].map(({ buffer, offset, rows, cols, stride }, at) => {
      if (rows !== 1 && stride !== cols) throw new Error(`${tensors} has gaps`);
      return { buffer, offset, numbers: numbers ? numbers[at] : rows * cols };
    })));
  }

  /** Numbers behind all that was asked for, and the proof that it has been done. */
  async #readRanges(parts) {
    const { gpu } = this.#device;
    const numbers = parts.reduce((sum, part) => sum + part.numbers, 0);
    const size = 4 * numbers + Sentinel.size;
    if (!this.#readback || this.#readback.size < size) {
      this.#readback?.destroy();
      this.#readback = null;
      const { MAP_READ, COPY_DST } = GPUBufferUsage;
      this.#readback = await this.#device.allocated('what is read', () => gpu.createBuffer({ label: 'read back', size, usage: MAP_READ | COPY_DST }));
    }
    let at = 0;
    for (const part of parts.filter((part) => part.numbers)) {
      this.#commands().copyBufferToBuffer(this.#buffers[part.buffer], 4 * part.offset, this.#readback, at, 4 * part.numbers);
      at += 4 * part.numbers;
    }
    await this.#submit(true);
    const encoder = gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(this.#sentinel.ring, 0, this.#readback, at, Sentinel.size);
    gpu.queue.submit([encoder.finish()]);
    await this.#device.of(this.#readback.mapAsync(GPUMapMode.READ, 0, size));
    const bytes = this.#readback.getMappedRange(0, size);
    const [read, ring] = [new Float32Array(bytes.slice(0, at)), new Uint32Array(bytes.slice(at))];
    this.#readback.unmap();
    const missing = this.#sentinel.missing(ring);
    if (missing) this.#device.end(missing);
    this.#device.check();
    return read;
  }
}
