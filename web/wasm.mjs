// rhohat.wasm behind a class: numbers and bytes in, values out, and an Error for each refusal. One instance holds one set of data and
// one run; after a trap it is of no use any more.

/** What the module refused, in its own words. */
export class Refusal extends Error {}

/** The end of an instance: a panic of the module, or no memory left. */
export class Trap extends Error {}

const text = new TextDecoder();
const bytesOf = (value) => new TextEncoder().encode(value);
const asBytes = (array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

export class Rhohat {
  #exports;
  #broken = false;

  /** Fetches and compiles a module once, for as many instances as are needed. @param {URL} address */
  static async compile(address) {
    const response = await fetch(address);
    const name = address.pathname.split('/').at(-1);
    if (!response.ok) throw new Error(`${name} is not beside this page (the server says ${response.status}); web/build makes it`);
    const packed = await response.blob();
    // Some servers say of a .gz that it is packed on the way, and the browser has unpacked it already.
    const [first, second] = new Uint8Array(await packed.slice(0, 2).arrayBuffer());
    const isPacked = first === 0x1f && second === 0x8b;
    try {
      const bytes = isPacked ? new Response(packed.stream().pipeThrough(new DecompressionStream('gzip'))) : packed;
      return await WebAssembly.compile(await bytes.arrayBuffer());
    } catch (error) {
      throw new Error(`this browser cannot run ${name} (${error.message}); it needs WebAssembly with 128-bit vectors and the unpacking of gzip: Chrome 91, Firefox 113, Safari 16.4 or newer`);
    }
  }

  static async open(module) {
    const rhohat = new Rhohat();
    rhohat.#exports = (await WebAssembly.instantiate(module, {})).exports;
    rhohat.#exports.start();
    return rhohat;
  }

  #result() {
    const { memory, result, result_length: length } = this.#exports;
    // A copy: the memory may move with the next call.
    return new Uint8Array(memory.buffer, result() >>> 0, length() >>> 0).slice();
  }

  /** @returns {Uint8Array} the bytes that the call left. */
  #call(name, argument, ...numbers) {
    if (this.#broken) throw new Trap('the engine has stopped; reset begins a new run');
    let failed;
    try {
      if (argument) {
        const at = this.#exports.argument(argument.length) >>> 0;
        new Uint8Array(this.#exports.memory.buffer, at, argument.length).set(argument);
      }
      failed = this.#exports[name](...numbers);
    } catch (error) {
      this.#broken = true;
      let said = '';
      // A module that has run out of memory may have no words left.
      try { said = text.decode(this.#result()); } catch { /* the browser's own words remain */ }
      throw new Trap(said.startsWith('panicked') ? said : error.message);
    }
    const bytes = this.#result();
    if (failed) throw new Refusal(text.decode(bytes));
    return bytes;
  }

  #json(name, argument, ...numbers) { return JSON.parse(text.decode(this.#call(name, argument, ...numbers))); }
  #words(name, argument, ...numbers) { return text.decode(this.#call(name, argument, ...numbers)); }
  #floats(name, ...numbers) { return new Float32Array(this.#call(name, null, ...numbers).buffer); }

  version() { return this.#words('version'); }
  takeBuiltIn() { return this.#words('take_built_in'); }
  /** @param {Float32Array} rows row by row */
  takeRows(rows, width) { return this.#words('take_rows', asBytes(rows), width); }
  /** @param {{name: string, width: number, height: number, channels: number}[]} heads @param {Float32Array} pixels of all, 0 to 1 */
  takePictures(heads, pixels) {
    const line = bytesOf(`${JSON.stringify(heads)}\n`);
    const argument = new Uint8Array(line.length + pixels.byteLength);
    argument.set(line);
    argument.set(asBytes(pixels), line.length);
    return this.#words('take_pictures', argument);
  }
  begin(settings) { return this.#json('begin', bytesOf(JSON.stringify(settings))); }
  advance(steps) { return this.#json('advance', null, steps); }
  state() { return this.#json('state'); }
  example(number) { return this.#json('example', null, number); }
  /** @returns {Float32Array} */
  examples(first, count) { return this.#floats('examples', first, count); }
  /** W1 [h, n], b1 [h], D [h, n], b2 [n]. @returns {Float32Array} */
  parameters() { return this.#floats('parameters'); }
  takeParameters(parameters) { this.#call('take_parameters', asBytes(parameters)); }
  model() { return this.#call('model'); }
  settingsOfModel(bytes) { return this.#json('settings_of_model', bytes); }
  /** @returns {string} what is to be said of it, if anything */
  takeModel(bytes) { return this.#words('take_model', bytes); }
  /** @param {{name: string, software: boolean, limits: object}} device */
  gpuDescribe(device) { this.#call('gpu_describe', bytesOf(JSON.stringify(device))); }
  /** @returns {{plan: object, kernels: Record<string, string>, actions: object[]}} of the run that has begun */
  gpuBegin() { return this.#json('gpu_begin'); }
  /** @param {Float32Array} [read] what the last action of the call before has read */
  gpuAdvance(steps, read) { return this.#json('gpu_advance', read && asBytes(read), steps, read ? 1 : 0); }
  gpuState(read) { return this.#json('gpu_state', read && asBytes(read), read ? 1 : 0); }
  gpuSettle() { return this.#json('gpu_settle'); }
  /** @returns {{group: string, name: string, cases: number}[]} */
  gpuChecks(seed) { return this.#json('gpu_checks', null, seed); }
  /** A case of a check, @param {Uint8Array[]} [read] or its way on. @returns {{answer: object, bytes: Uint8Array}} */
  gpuCheck(number, case_, read) {
    const pieces = read ?? [];
    const argument = new Uint8Array(pieces.reduce((sum, piece) => sum + 4 + piece.length, 0));
    argument.set(asBytes(Uint32Array.from(pieces, (piece) => piece.length)));
    pieces.reduce((at, piece) => { argument.set(piece, at); return at + piece.length; }, 4 * pieces.length);
    const bytes = this.#call('gpu_check', argument.length ? argument : null, number, case_, pieces.length);
    const end = bytes.indexOf(10);
    return { answer: JSON.parse(text.decode(bytes.subarray(0, end))), bytes: bytes.subarray(end + 1) };
  }
  /** A grid of tiles with a border of one pixel. */
  features(limit) {
    const bytes = this.#call('features', null, limit);
    const [width, height, channels] = new Uint32Array(bytes.buffer, 0, 3);
    return { width, height, channels, pixels: bytes.subarray(12) };
  }
}
