// The host of WebGPU without a device: how it parts dispatches, what it holds a submission to, how it notices one that did not run, and what the
// module makes of a call that is broken off. node host.mjs WEB_DIR
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { check, end } from './told.mjs';

const web = resolve(process.argv[2]);
const load = (name) => import(pathToFileURL(join(web, name)));

async function ranges() {
  const { ranges: cut, fold } = await load('ranges.mjs');
  let found = true;
  for (const groups of [1, 7, 128, 129, 4096, 65535, 65536, 1000003, 40000000, 2 ** 29 - 1]) {
    for (const count of [1, 2, 3, 50, 128, 1e6]) {
      const all = cut(groups, count);
      // A table of 128 entries for each grain, a power of two.
      const grain = 2 ** Math.ceil(Math.log2(Math.max(1, Math.ceil(groups / 128))));
      found &&= all.length <= Math.min(count, 128) && all[0][0] === 0 && all.at(-1)[1] === groups;
      found &&= all.every(([first, end], at) => first % grain === 0 && first / grain < 128 && end > first && (at === 0 || all[at - 1][1] === first));
      for (const range of all) {
        const [across, down] = fold(range, groups);
        const excess = across * down - (range[1] - range[0]);
        found &&= across <= 65535 && down <= 65535 && excess >= 0 && (range[1] === groups ? excess < down : excess === 0);
      }
    }
  }
  check(found, 'ranges cover every workgroup once, begin where the table has an entry, and only the last has a remainder');
}

async function budget() {
  const { Budget } = await load('budget.mjs');
  // Work a millisecond of a device, and how long its submissions come to last.
  for (const speed of [1e5, 2e6, 5e9]) {
    const budget = new Budget();
    let clock = 0;
    let took = 0;
    for (let at = 0; at < 200; at += 1) {
      const work = budget.most;
      took = work / speed;
      budget.add(work, Promise.resolve(), () => clock);
      clock += took;
      await budget.idle();
    }
    check(Math.abs(took - 40) < 1, `a device of ${speed} multiply-adds a millisecond gets submissions of ${took.toFixed(1)} ms`);
  }
  const full = new Budget();
  const ends = [];
  for (let at = 0; at < 4; at += 1) full.add(1, new Promise((end) => { ends.push(end); }), () => 0);
  let isFree = false;
  const waits = full.room().then(() => { isFree = true; });
  await new Promise((done) => { setImmediate(done); });
  const before = isFree;
  ends[0]();
  await waits;
  check(full.isFull === false && !before, 'four submissions are under way at most');
}

async function sentinel() {
  globalThis.GPUBufferUsage = { COPY_SRC: 4, COPY_DST: 8 };
  const { Sentinel } = await load('sentinel.mjs');
  const gpu = { createBuffer: ({ size }) => ({ words: new Uint32Array(size / 4), destroy() {} }), queue: { writeBuffer(buffer, at, words) { buffer.words.set(words, at / 4); } } };
  const encoder = { copyBufferToBuffer(from, first, to, offset) { to.words[offset / 4] = from.words[first / 4]; } };
  const killed = { copyBufferToBuffer() {} };
  const words = [];
  for (const [before, after] of [[0, 0], [5, 3], [4093, 0]]) {
    const ring = new Sentinel(gpu);
    const submit = (on) => {
      if (ring.isDue) words.push(ring.missing(ring.ring.words));
      ring.append(on, null);
    };
    for (let at = 0; at < before; at += 1) submit(encoder);
    submit(killed);
    for (let at = 0; at < after; at += 1) submit(encoder);
    words.push(ring.missing(ring.ring.words));
    // What was told once is not told again.
    for (let at = 0; at < 10000; at += 1) submit(encoder);
    check(ring.missing(ring.ring.words) === null, `ten thousand submissions behind ${before + 1 + after} are all there`);
  }
  const told = words.filter((word) => word).map((word) => /submission (\d+) of/.exec(word)[1]);
  check(told.join() === '1,6,4094', `a submission that did not run is noticed, wherever it is: ${told}`);
}

async function brokenOff() {
  const { Rhohat, Refusal } = await load('wasm.mjs');
  const module = new WebAssembly.Module(gunzipSync(readFileSync(join(web, 'rhohat-gpu.wasm.gz'))));
  const limits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27, minUniformBufferOffsetAlignment: 256, maxComputeWorkgroupStorageSize: 16384, maxComputeInvocationsPerWorkgroup: 256 };
  const begun = async (settings, more = {}) => {
    const rhohat = await Rhohat.open(module);
    rhohat.takeBuiltIn();
    rhohat.begin({ hidden: 5, samples: 60, steps: 9, ...settings });
    rhohat.gpuDescribe({ name: 'none', software: false, limits: { ...limits, ...more } });
    return [rhohat, rhohat.gpuBegin()];
  };
  const refuses = (call) => {
    try { call(); } catch (error) { return error instanceof Refusal && /a step of this run has failed/.test(error.message); }
    return false;
  };
  for (const settings of [{}, { optimizer: 'adam', batch: 20, steps: 1 }]) {
    const [rhohat] = await begun(settings);
    const { actions, steps } = rhohat.gpuAdvance(1);
    const waits = steps === undefined && 'read' in actions.at(-1);
    check(waits && refuses(() => rhohat.gpuAdvance(1)) && refuses(() => rhohat.gpuState()) && refuses(() => rhohat.gpuSettle()), `${settings.optimizer ?? 'L-BFGS'}: a call that was broken off is not gone on with`);
  }
  const [rhohat] = await begun({ optimizer: 'sgd', batch: 25 });
  const { actions, steps } = rhohat.gpuAdvance(3);
  const runs = actions.filter((action) => action.run).map((action) => action.run);
  check(steps === 3 && runs.join() === 'sgd batch,sgd batch,sgd rest', `steps without a report wait for nothing, and an epoch ends in a rest: ${runs}`);
  for (const most of [2 ** 32, 2 ** 32 + 4096, 2 ** 53 - 1]) {
    const [, { plan }] = await begun({}, { maxBufferSize: most, maxStorageBufferBindingSize: most });
    check(plan.blocks.length === 1 && plan.tensors.history.length === 1, `an adapter that binds ${most} bytes cuts nothing small`);
  }
}

await ranges();
await budget();
await sentinel();
await brokenOff();
end();
