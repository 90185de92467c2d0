// The Worker: holds the data and the engine, answers the page's calls one after another, and posts what a run has come to.
import { CpuEngine } from './cpu.mjs';
import { Gone, look } from './device.mjs';
import { readFiles } from './files.mjs';
import { Loop } from './loop.mjs';
import { Rhohat, Trap } from './wasm.mjs';

let module;
/** The same with what plans for WebGPU. */
let planner;
/** What a new module has to take before it can begin: the built-in pictures, rows, or pictures. */
let data = { kind: 'built-in' };
/** Data that the next run is to begin with. */
let staged = null;
let engineName = 'processor';
let engineOptions = {};
/** The engine of the present run. */
let engine = null;
const loop = new Loop((event) => postMessage(event), enqueue);

const calls = {
  /** Loads the module and says its version. */
  async open(name, options = {}) {
    module ??= await Rhohat.compile(new URL('rhohat.wasm.gz', import.meta.url));
    if (name === 'webgpu') await gpuModule();
    [engineName, engineOptions] = [name, options];
    const rhohat = await Rhohat.open(module);
    return { version: rhohat.version() };
  },
  /** Reads data without touching the run that there is: the next `begin` takes them, or drops them where it fails. */
  async data(kind, payload) {
    const taken = kind === 'built-in' ? { kind } : await readFiles(payload.files, payload.color);
    const { words } = await prepared(taken);
    staged = taken;
    const { rows, pixels, ...told } = taken;
    return { ...told, words };
  },
  async begin(settings) { return begin(settings); },
  async run() { loop.start(); },
  async pause() { await loop.pause(); },
  async step(count) {
    await loop.pause();
    await loop.advance(count);
  },
  async example(number) { return present().example(number); },
  async features(limit) { return present().features(limit); },
  /** The model, and the steps that it has come, which the last post need not know. */
  async saveModel() {
    const { bytes, behind } = await present().model();
    return { bytes, steps: loop.steps - behind };
  },
  /** A run under the settings of a model, over others that the page has, from its parameters. */
  async takeModel(bytes, settings) {
    const model = (await Rhohat.open(module)).settingsOfModel(bytes);
    const taken = settingsFor(model, (staged ?? data).kind);
    const begun = await begin({ ...settings, ...taken }, bytes);
    return { begun, settings: taken };
  },
  /** Goes on for more steps from the parameters that there are. */
  async extend(settings) {
    const { bytes, behind } = await present().model();
    return begin(settings, bytes, loop.steps - behind);
  },
  async gpuInfo() { return gpuInfo(); },
  async check(options) { return (await import('./checks.mjs')).check({ module: await gpuModule(), options, tell }); },
  async bench(options) { return (await import('./bench.mjs')).bench({ module: await gpuModule(), options, tell }); },
};
const tell = (line, at, of) => postMessage({ event: 'line', line, at, of });

function present() {
  if (!engine) throw new Error('no run has begun; reset begins one');
  return engine;
}

/** The module that plans for WebGPU, which is loaded where it was asked for. */
async function gpuModule() { return planner ??= await Rhohat.compile(new URL('rhohat-gpu.wasm.gz', import.meta.url)); }

/** A new module with its data; the run that there is keeps its own until another has begun. */
async function prepared(taken, of = module) {
  const rhohat = await Rhohat.open(of);
  if (taken.kind === 'rows') return { rhohat, words: rhohat.takeRows(taken.rows, taken.width) };
  if (taken.kind === 'pictures') return { rhohat, words: rhohat.takePictures(taken.heads, taken.pixels) };
  return { rhohat, words: rhohat.takeBuiltIn() };
}

/** @param {Uint8Array} [model] parameters to go on from @param {number} [before] steps that they have come already */
async function begin(settings, model, before = 0) {
  const source = staged ?? data;
  staged = null;
  const onGpu = engineName === 'webgpu';
  const { rhohat } = await prepared(source, onGpu ? await gpuModule() : module);
  const form = { ...(source.form && { shape: source.form }), ...(source.heads?.[0].channels === 3 && { color: true }) };
  const Engine = onGpu ? (await import('./gpu.mjs')).GpuEngine : CpuEngine;
  const next = await Engine.open(rhohat, engineOptions);
  let begun, note;
  try {
    begun = await next.begin({ ...settings, ...form });
    if (model) note = await next.takeModel(model);
  } catch (error) {
    await next.close();
    throw error;
  }
  await engine?.close();
  [engine, data] = [next, source];
  loop.take(engine, begun, before);
  return { ...begun, engine: engine.label, note, telling: telling(rhohat, begun) };
}

/** The example with the most to see among the first hundred: the one of the largest variance. */
function telling(rhohat, { examples, visible }) {
  const count = Math.min(examples, 100);
  const rows = rhohat.examples(0, count);
  const variances = Array.from({ length: count }, (_, row) => {
    const numbers = rows.subarray(row * visible, (row + 1) * visible);
    const mean = numbers.reduce((sum, number) => sum + number, 0) / visible;
    return numbers.reduce((sum, number) => sum + (number - mean) ** 2, 0);
  });
  return variances.indexOf(Math.max(...variances));
}

/** What of a model's file has to hold in a run that goes on from it. */
function settingsFor({ hidden, objective, metadata }, kind) {
  const { activation, output, rho, beta, lambda } = objective;
  const { patch, normalize, whiten } = metadata?.preprocess ?? {};
  const ofPictures = kind === 'rows' ? {} : { ...(patch && { patch }), ...(whiten !== undefined && { whiten }) };
  return { hidden, activation, output, rho, beta, lambda, ...(normalize && { normalize }), ...ofPictures };
}

/** What the page says of WebGPU. */
async function gpuInfo() {
  const { adapter, ...told } = await look();
  return told;
}

/** All that is done, in its order: a call never falls between the halves of another, nor of a slice of the run. */
let queue = Promise.resolve();
function enqueue(work) {
  queue = queue.then(work).catch((error) => {
    loop.stop();
    postMessage({ event: 'failed', message: error.message, trap: error instanceof Trap, gone: error instanceof Gone });
  });
}

addEventListener('message', ({ data: { seen, id, call, args } }) => {
  if (seen) return loop.seen();
  enqueue(async () => {
    try {
      const value = await calls[call](...args);
      postMessage({ id, value });
    } catch (error) {
      postMessage({ id, error: { message: error.message, trap: error instanceof Trap, gone: error instanceof Gone } });
    }
    // Behind the answer, so that the page knows of which run it is told.
    await loop.first();
  });
});
