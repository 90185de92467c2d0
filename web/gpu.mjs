// The engine on WebGPU: the module plans and says what is to be done, a host does it on the device. The module keeps a copy of the parameters
// for whatever is seldom asked for: features, an example, the model. That copy outlives the device.
import { Device } from './device.mjs';
import { Host } from './host.mjs';

/** Numbers of the examples that go to the device at a time. */
const AT_ONCE = 1 << 20;

export class GpuEngine {
  #wasm;
  #device;
  #host = null;
  #steps = 0;
  /** The step whose parameters the module has. */
  #copied = 0;
  /** Why the device has not done what it was told. */
  #failure = null;
  label;
  /** The adapter’s name, and whether it is a software one. */
  name;
  isSoftware;

  /** @param {import('./wasm.mjs').Rhohat} wasm a module that has taken its data @param {{software?: boolean}} options */
  static async open(wasm, options) {
    const engine = new GpuEngine();
    engine.#wasm = wasm;
    engine.#device = await Device.open(options);
    [engine.name, engine.isSoftware] = [engine.#device.description.name, engine.#device.description.software];
    engine.label = `WebGPU, ${engine.name}`;
    return engine;
  }

  async begin(settings) {
    const begun = this.#wasm.begin(settings);
    this.#wasm.gpuDescribe(this.#device.description);
    const { plan, kernels, actions } = this.#wasm.gpuBegin();
    this.#host = await Host.open(this.#device, plan, kernels);
    const { examples, visible } = begun;
    const rows = Math.max(1, Math.floor(AT_ONCE / visible));
    for (let first = 0; first < examples; first += rows) {
      await this.#host.writeRows('examples', first, this.#wasm.examples(first, Math.min(rows, examples - first)));
    }
    await this.#host.writeVector('', this.#wasm.parameters());
    await this.#host.perform(actions);
    return begun;
  }

  /** Steps that have been made when it returns, so that their time is known. */
  async advance(steps) {
    const taken = await this.#exchange((read) => this.#wasm.gpuAdvance(steps, read));
    this.#steps = taken.steps;
    await this.#host.idle();
    return taken;
  }

  async state() { return this.#exchange((read) => this.#wasm.gpuState(read)); }

  /** Calls the module and carries out its actions, until it waits for nothing more. What has failed in between leaves the device between two steps. */
  async #exchange(call) {
    if (this.#failure) throw this.#failure;
    let read;
    for (;;) {
      const { actions, ...value } = call(read);
      try {
        read = await this.#host.perform(actions);
      } catch (error) {
        this.#failure = error;
        throw error;
      }
      if (!read) return value;
    }
  }

  /** Brings the parameters into the module; those that it has remain where the device is gone. */
  async #copy() {
    if (this.#copied === this.#steps || this.#failure || this.#device.ended) return;
    await this.#host.perform(this.#wasm.gpuSettle().actions);
    this.#wasm.takeParameters(await this.#host.readVector(''));
    this.#copied = this.#steps;
  }

  async features(limit) {
    await this.#copy();
    return this.#wasm.features(limit);
  }

  async example(number) {
    await this.#copy();
    return this.#wasm.example(number);
  }

  /** The model, and how many steps it is behind: some, where the device has gone. */
  async model() {
    await this.#copy();
    return { bytes: this.#wasm.model(), behind: this.#steps - this.#copied };
  }

  async takeModel(bytes) {
    const words = this.#wasm.takeModel(bytes);
    await this.#host.writeVector('', this.#wasm.parameters());
    return words;
  }

  async close() {
    this.#host?.close();
    this.#device.close();
  }
}
