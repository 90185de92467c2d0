// Runs the steps of `rhohat devices --shaders FOLDER --witness` on Dawn and compares what comes out with the f64 reference, within
// the bounds that the file has. A second implementation of WebGPU: what wgpu and its compiler get wrong, it need not.
//
//     node witness.mjs FOLDER [planted]     planted: every plan loses a dispatch, and every case has to fail
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, globals } from 'webgpu';
import { Asked } from './asked.mjs';
import { Lbfgs } from './lbfgs.mjs';
import { Device } from './web/device.mjs';
import { Host } from './web/host.mjs';

const [folder, planted] = process.argv.slice(2);
Object.assign(globalThis, globals);
// Once this object is collected its adapters are gone, and node with them.
const gpu = globalThis.entry = create(['backend=vulkan']);
const device = await Device.open({ software: true }, gpu);
const text = (file) => readFileSync(join(folder, file), 'utf8');
const forWebGpu = ({ name, texts }) => [name, text(texts.find((text) => text.for === 'WebGPU').file)];
const kernels = Object.fromEntries(JSON.parse(text('kernels.json')).map(forWebGpu));

/** The largest error as a share of its bound; throws where it is beyond. Written so that NaN fails. */
function compare(what, got, { values, bounds }) {
  if (got.length !== values.length) throw new Error(`${what}: ${got.length} numbers instead of ${values.length}`);
  let worst = 0;
  values.forEach((value, at) => {
    const error = Math.abs(got[at] - value);
    if (!(error <= bounds[at])) throw new Error(`${what}: number ${at} is ${got[at]}, expected ${value} ± ${bounds[at]}`);
    if (error > 0) worst = Math.max(worst, error / bounds[at]);
  });
  return worst;
}

async function begin({ plan, objective, parameters, examples, updates }) {
  // What is not run need not be compiled.
  const used = updates ? updates.map(({ recording }) => recording) : ['lbfgs first trial', 'lbfgs trial'];
  plan.recordings = Object.fromEntries(Object.entries(plan.recordings).filter(([name]) => used.includes(name)));
  if (planted) Object.values(plan.recordings).forEach((recording) => recording.splice(Math.floor(recording.length / 2), 1));
  const host = await Host.open(device, plan, kernels);
  await host.writeVector('', new Float32Array(parameters));
  await host.writeRows('examples', 0, new Float32Array(examples));
  const asked = new Asked(host, plan);
  asked.write('objective penalty', [objective.beta, 0]);
  return [host, asked];
}

async function updates(host, { shape, objective, examples, updates }) {
  const shares = [];
  for (const { recording, list, penalty, rates, terms, rho_hat: rhoHat, parameters } of updates) {
    host.write('penalty', penalty);
    host.write('rates', rates);
    if (list) host.writeList(list);
    host.run(recording);
    const rows = list ? list.length : examples.length / shape.visible;
    const cost = await host.cost(objective, rows, list ? 'squared errors batch' : 'squared errors');
    // Without J nobody sums up the weights.
    const known = recording.endsWith('with J') ? [0, 1, 2] : [0, 2];
    const of = (numbers) => known.map((term) => numbers[term]);
    shares.push(
      compare('cost', of(cost.terms), { values: of(terms.values), bounds: of(terms.bounds) }),
      compare('rho_hat', cost.rhoHat, rhoHat),
      compare('parameters', await host.readVector(''), parameters),
    );
  }
  return Math.max(...shares);
}

async function search(host, { shape, objective, examples, iterations, terms, gradient, j }) {
  const lbfgs = new Lbfgs(host, objective, examples.length / shape.visible);
  await lbfgs.begin();
  const shares = [
    compare('cost', lbfgs.cost.terms, terms),
    compare('gradient', await host.readVector('trial gradient '), gradient),
  ];
  let done = 0;
  while (done < iterations && await lbfgs.iterate()) {
    done += 1;
    shares.push(await products(host, lbfgs));
  }
  return Math.max(...shares, compare(`J after ${done} iterations`, [lbfgs.j], j));
}

/** Inner products of the history against f64: a sum of n products has an error of at most γ(n) times that of their sizes. */
async function products(host, lbfgs) {
  const kept = await host.read('history');
  const { length } = lbfgs;
  const unit = length * 2 ** -24;
  const gamma = unit / (1 - unit);
  const found = lbfgs.products.map(([x, y]) => {
    let [sum, size] = [0, 0];
    for (let at = 0; at < length; at += 1) {
      const product = kept[x * length + at] * kept[y * length + at];
      sum += product;
      size += Math.abs(product);
    }
    return { got: lbfgs.dot(x, y), value: sum, bound: gamma * size + 1e-37 };
  });
  const of = (name) => found.map((product) => product[name]);
  return compare('inner products', of('got'), { values: of('value'), bounds: of('bound') });
}

const cases = JSON.parse(text('witness.json'));
const started = performance.now();
let [run, failed, closest] = [0, 0, 0];
for (const [kind, check] of [[cases.updates, updates], [cases.searches, search]]) {
  for (const one of kind) {
    const [host, asked] = await begin(one);
    run += 1;
    try {
      closest = Math.max(closest, await check(asked, one));
      if (planted) console.error(`${one.name}: a dispatch is missing, and nothing was found`);
    } catch (error) {
      failed += 1;
      if (!planted) console.error(`${one.name}: ${error.message}`);
    }
    host.close();
  }
}
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`Dawn on ${device.description.name}: ${run - failed} of ${run} cases within their bounds, `
  + `largest error ${closest.toFixed(3)} of its bound, ${seconds} s`);
process.exit(run > 0 && failed === (planted ? run : 0) ? 0 : 1);
