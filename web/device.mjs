// A device of WebGPU: which adapter is taken and which is not, its pipelines, and in words why it is gone.

import { RangeTable } from './ranges.mjs';

/** The limits that kernels and tensors meet; a device gets what its adapter has. */
const LIMITS = [
  'maxBufferSize', 'maxStorageBufferBindingSize', 'minUniformBufferOffsetAlignment', 'maxComputeWorkgroupStorageSize', 'maxComputeInvocationsPerWorkgroup',
];

/** Milliseconds that the loss of a device may be told after what it has broken. */
const LATE = 200;

const why = {
  browser: 'this browser has no WebGPU (no navigator.gpu): Chrome and Edge have it from 113, Safari from 26, Firefox from 141 on Windows and 145 on Macs, all of them on pages served by https or from localhost alone',
  adapter: 'this browser has WebGPU, but found no graphics adapter: a driver is missing or on the browser’s list of faulty ones (chrome://gpu or about:support says which)',
  software: 'the only adapter is a software one, which is slower than the processor itself; it is taken if you ask for it',
};

/** What there is: `{available, name, software, why}`, and the adapter where there is one. */
export async function look(gpu = navigator.gpu) {
  if (!gpu) return { available: false, why: why.browser };
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  if (!adapter) return { available: false, why: why.adapter };
  const { vendor = '', architecture = '', description = '', isFallbackAdapter = adapter.isFallbackAdapter } = adapter.info ?? {};
  const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'an adapter without a name';
  const software = Boolean(isFallbackAdapter) || /swiftshader|llvmpipe|lavapipe|basic render/i.test(name);
  return { available: true, software, name, why: software ? why.software : null, adapter };
}

/** The device has ended, or does not take what it is told. */
export class Gone extends Error {}

export class Device {
  /** The browser's device. */
  gpu;
  /** What the module is told of it. */
  description;
  /** Why it is of no use any more, once it is not: it was lost or closed, or does not do what it is told. */
  ended = null;
  /** Those who wait for the device, and are told when it ends. */
  #waiting = new Set();
  #pipelines = new Map();
  #ranges;

  /** @param {{software?: boolean}} options whether a software adapter is taken */
  static async open({ software = false } = {}, gpu = navigator.gpu) {
    const { available, adapter, name, software: isSoftware, why: reason } = await look(gpu);
    if (!available || (isSoftware && !software)) throw new Error(reason);
    const wanted = LIMITS.filter((limit) => limit !== 'minUniformBufferOffsetAlignment');
    const requiredLimits = Object.fromEntries(wanted.map((limit) => [limit, adapter.limits[limit]]));
    const device = new Device();
    device.gpu = await adapter.requestDevice({ requiredLimits });
    const limits = Object.fromEntries(LIMITS.map((limit) => [limit, device.gpu.limits[limit]]));
    device.description = { name, software: isSoftware, limits };
    device.gpu.lost.then(({ message }) => {
      device.end(`the graphics device was lost (${message.trim().replace(/\.$/, '') || 'the browser says no more'}): its driver was started anew, or the browser has taken it away`);
    });
    device.gpu.addEventListener('uncapturederror', ({ error }) => {
      device.end(`the browser refused a command (${error.message}); please report it, with the name of the device`);
    });
    return device;
  }

  /** Tells all who wait why it is of no use any more. */
  end(words) {
    this.ended ??= words;
    for (const reject of this.#waiting) reject(new Gone(this.ended));
    this.#waiting.clear();
  }

  /** Where dispatches can be parted, the same for all runs. */
  get ranges() { return this.#ranges ??= new RangeTable(this.gpu); }

  /** What comes of a promise of the browser's, or the end of the device, which promises may outlive. */
  async of(promise) {
    this.check();
    let told;
    try {
      return await new Promise((resolve, reject) => {
        told = reject;
        this.#waiting.add(reject);
        promise.then(resolve, reject);
      });
    } catch (error) {
      // A read may fail a moment before the loss is told.
      if (!this.ended) await Promise.race([this.gpu.lost, new Promise((done) => { setTimeout(done, LATE); })]);
      this.check();
      throw error;
    } finally {
      this.#waiting.delete(told);
    }
  }

  /** Throws once the device is of no use any more. */
  check() { if (this.ended) throw new Gone(this.ended); }

  /** Makes something that takes memory on the device, or says that there is none. */
  async allocated(what, make) {
    this.gpu.pushErrorScope('out-of-memory');
    this.gpu.pushErrorScope('validation');
    let made, thrown;
    try { made = make(); } catch (error) { thrown = error; }
    const errors = [await this.gpu.popErrorScope(), await this.gpu.popErrorScope()];
    const failed = errors.find((error) => error) ?? thrown;
    this.check();
    if (failed) throw new Error(`the device has no room for ${what} (${failed.message}); choose fewer hidden units or examples, another optimiser, or the processor; what the run before takes is free once the page is loaded anew`);
    return made;
  }

  /** A pipeline by its kernel's text, compiled once. @param {{label: string, code: string, layouts: GPUBindGroupLayout[], constants: object}} described */
  pipeline({ label, code, layouts, constants }) {
    const key = JSON.stringify([label, constants]);
    if (!this.#pipelines.has(key)) {
      const module = this.gpu.createShaderModule({ label, code });
      const layout = this.gpu.createPipelineLayout({ bindGroupLayouts: layouts });
      this.#pipelines.set(key, this.of(this.gpu.createComputePipelineAsync({ label, layout, compute: { module, entryPoint: 'main', constants } })));
    }
    return this.#pipelines.get(key);
  }

  close() {
    this.end('the device was closed');
    this.gpu.destroy();
  }
}
