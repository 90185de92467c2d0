// The processor against the GPU: steps of SGD over all examples at three shapes on both engines, which have to agree before they are timed.
// The result has the form of `rhohat bench --json`, so that `rhohat bench --compare` reads it.
import { CpuEngine } from './cpu.mjs';
import { GpuEngine } from './gpu.mjs';
import { Rhohat } from './wasm.mjs';

/** n:h:m as in the README: the lecture, MNIST-sized, and a wide layer. */
const SHAPES = [[64, 25, 10000], [784, 196, 1000], [784, 1024, 512]];
/** Steps that both take from the same start before they are compared. */
const COMPARED = 3;
/** Milliseconds of an engine at a shape, and measurements at least. */
const [ENOUGH, LEAST] = [1500, 5];
/** Milliseconds of a measurement at least: the clock of a page is coarse. */
const LONG = 30;

/** Rows between 0.1 and 0.9, the same in every browser. */
function rowsOf(visible, examples) {
  let state = 1;
  return Float32Array.from({ length: visible * examples }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 0.1 + 0.8 * state / 2 ** 32;
  });
}

const settings = (hidden, visible) => ({ hidden, optimizer: 'sgd', lr: 0.01, batch: 'full', steps: 1e9, normalize: 'none', start: 'lecture', seed: visible });

/** @param {{module: WebAssembly.Module, options: object, tell: (line: string) => void, shapes?: number[][]}} to @returns {Promise<{lines: string[], passed: boolean, result: object}>} */
export async function bench({ module, options, tell, shapes = SHAPES }) {
  const started = new Date();
  const begun = performance.now();
  const rows = [];
  const speeds = [];
  let adapter, software, version;
  for (const [visible, hidden, examples] of shapes) {
    const shape = `${visible}:${hidden}:${examples}`;
    const engines = [];
    try {
      for (const Engine of [CpuEngine, GpuEngine]) {
        const rhohat = await Rhohat.open(module);
        version = rhohat.version();
        rhohat.takeRows(rowsOf(visible, examples), visible);
        const engine = await Engine.open(rhohat, options);
        engines.push(engine);
        await engine.begin(settings(hidden, visible));
      }
      [adapter, software] = [engines[1].name, engines[1].isSoftware];
      await agree(shape, engines);
      const medians = [];
      for (const [at, device] of ['cpu', 'gpu'].entries()) {
        const times = await timed(engines[at]);
        rows.push(row(device, [visible, hidden, examples], times));
        medians.push(rows.at(-1).median_ms);
      }
      speeds.push(medians[0] / medians[1]);
      tell(`${shape}: processor ${medians[0].toPrecision(3)} ms a step, GPU ${medians[1].toPrecision(3)} ms`);
    } finally {
      for (const engine of engines) await engine.close();
    }
  }
  const result = {
    rhohat: version,
    started: `${started.toISOString().slice(0, 19)}Z`,
    seconds: (performance.now() - begun) / 1000,
    host: { processor: 'wasm32', architecture: 'wasm32', threads: 1, memory: null, system: navigator.userAgent, kernel: null, load: null },
    settings: { activation: 'sigmoid', output: 'sigmoid' },
    verdict: verdict(speeds),
    devices: [
      { device: 'cpu', engine: 'cpu', adapter: 'WebAssembly, 1 thread', software: false },
      { device: 'gpu', engine: 'gpu', adapter: `${adapter} (WebGPU)`, software },
    ],
    rows,
  };
  return { lines: [result.verdict, '', ...JSON.stringify(result, null, 2).split('\n')], passed: undefined, result };
}

/** Throws where both engines are not at the same point after the same steps. */
async function agree(shape, engines) {
  const found = [];
  for (const engine of engines) {
    await engine.advance(COMPARED);
    const { j, rho_hat: rhoHat } = await engine.state();
    found.push([j, ...rhoHat]);
  }
  const [cpu, gpu] = found;
  const worst = Math.max(...cpu.map((value, at) => Math.abs(value - gpu[at]) / Math.abs(value)));
  // Sums of some thousand terms in f32, in two orders, over three steps. Written so that NaN fails.
  if (!(worst <= 1e-4)) throw new Error(`at ${shape} the GPU is off by ${worst.toExponential(1)} of J or ρ̂ after ${COMPARED} steps, so that it is not timed; “Check this device” says which kernel is wrong`);
}

/** Milliseconds of a step, measured several times. */
async function timed(engine) {
  const once = async (steps) => {
    const start = performance.now();
    await engine.advance(steps);
    return performance.now() - start;
  };
  let steps = 1;
  while (steps < 1e5 && await once(steps) < LONG) steps *= 2;
  const times = [];
  const start = performance.now();
  while (times.length < LEAST || performance.now() - start < ENOUGH) times.push(await once(steps) / steps);
  return times.sort((a, b) => a - b);
}

function row(device, [n, h, m], times) {
  const at = (share) => {
    const place = share * (times.length - 1);
    const [low, high] = [times[Math.floor(place)], times[Math.ceil(place)]];
    return low + (high - low) * (place - Math.floor(place));
  };
  const seconds = at(0.5) / 1000;
  return {
    what: 'step', device, shape: { n, h, m }, variant: null, median_ms: at(0.5), best_ms: times[0], q1_ms: at(0.25), q3_ms: at(0.75), runs: times.length,
    gflops: 10 * n * h * m / seconds / 1e9, share_of_ceiling: null, gbytes_per_second: null, samples_per_second: m / seconds, share_of_step: null, target: null,
  };
}

function verdict(speeds) {
  const middle = Math.exp(speeds.reduce((sum, speed) => sum + Math.log(speed), 0) / speeds.length);
  const faster = middle >= 1;
  const of = (speed) => (faster ? speed : 1 / speed).toPrecision(2);
  const [least, most] = [Math.min(...speeds), Math.max(...speeds)].sort((a, b) => of(a) - of(b));
  const [fast, slow] = faster ? ['WebGPU', 'WebAssembly on one thread'] : ['WebAssembly on one thread', 'WebGPU'];
  return `${fast} is ${of(middle)} times as fast as ${slow} in the middle of ${speeds.length} steps (${of(least)} to ${of(most)} times)`;
}
