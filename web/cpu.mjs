// The engine on the processor: the module's own, in the calls that every engine has.

export class CpuEngine {
  #wasm;
  label = 'processor, WebAssembly';

  /** @param {import('./wasm.mjs').Rhohat} wasm a module that has taken its data */
  static async open(wasm) {
    const engine = new CpuEngine();
    engine.#wasm = wasm;
    return engine;
  }

  async begin(settings) { return this.#wasm.begin(settings); }
  async advance(steps) { return this.#wasm.advance(steps); }
  async state() { return this.#wasm.state(); }
  async features(limit) { return this.#wasm.features(limit); }
  async example(number) { return this.#wasm.example(number); }
  /** The model, and how many steps it is behind. */
  async model() { return { bytes: this.#wasm.model(), behind: 0 }; }
  async takeModel(bytes) { return this.#wasm.takeModel(bytes); }
  async close() { this.#wasm = null; }
}
