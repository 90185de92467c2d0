// The tape of a check on a device of WebGPU: buffers, pipelines, bind groups, writes, copies, passes and reads, as the module has written
// them down (`wasm/wgpu`).

export class Tape {
  #device;
  /** What a number of the tape stands for. */
  #made = new Map();
  #buffers = [];
  #encoder = null;

  /** @param {import('./device.mjs').Device} device */
  constructor(device) { this.#device = device; }

  /** Carries out commands whose bytes begin with the one of this number. */
  async play(commands, bytes, first) {
    for (const command of commands) await this.#play(command, bytes, first);
  }

  async #play(command, bytes, first) {
    const { gpu } = this.#device;
    const made = (id) => this.#made.get(id);
    const { id } = command;
    switch (command.do) {
      case 'buffer':
        this.#made.set(id, gpu.createBuffer({ size: command.size, usage: command.usage }));
        this.#buffers.push(this.#made.get(id));
        break;
      case 'module':
        this.#made.set(id, command.text);
        break;
      case 'layout':
        this.#made.set(id, gpu.createBindGroupLayout({
          entries: command.entries.map(({ binding, type, dynamic }) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type, hasDynamicOffset: dynamic } })),
        }));
        break;
      case 'pipeline': {
        const { label, constants } = command;
        this.#made.set(id, await this.#device.pipeline({ label, code: made(command.module), layouts: command.layouts.map(made), constants }));
        break;
      }
      case 'group':
        this.#made.set(id, gpu.createBindGroup({
          layout: made(command.layout),
          entries: command.entries.map(({ binding, buffer, offset, size }) => ({ binding, resource: { buffer: made(buffer), offset, size: size ?? undefined } })),
        }));
        break;
      case 'write':
        gpu.queue.writeBuffer(made(command.buffer), command.offset, bytes, command.at - first, command.length);
        break;
      case 'copy':
        this.#commands().copyBufferToBuffer(made(command.from), command.first, made(command.to), command.offset, command.size);
        break;
      case 'pass': {
        const pass = this.#commands().beginComputePass();
        for (const { pipeline, groups, workgroups } of command.dispatches) {
          pass.setPipeline(made(pipeline));
          groups.forEach(([group, offsets], index) => pass.setBindGroup(index, made(group), offsets));
          pass.dispatchWorkgroups(...workgroups);
        }
        pass.end();
        break;
      }
      case 'submit':
        if (this.#encoder) gpu.queue.submit([this.#encoder.finish()]);
        this.#encoder = null;
        break;
      default:
        throw new Error(`this copy of the page does not know the command ${command.do}`);
    }
  }

  #commands() { return this.#encoder ??= this.#device.gpu.createCommandEncoder(); }

  /** @returns {Promise<Uint8Array>} the first bytes of a buffer that can be mapped */
  async read({ buffer, size }) {
    const mapped = this.#made.get(buffer);
    await this.#device.of(mapped.mapAsync(GPUMapMode.READ, 0, size));
    const bytes = new Uint8Array(mapped.getMappedRange(0, size).slice(0));
    mapped.unmap();
    return bytes;
  }

  close() { this.#buffers.forEach((buffer) => buffer.destroy()); }
}
