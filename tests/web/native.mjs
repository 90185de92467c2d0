// rhohat.wasm beside a native program: node native.mjs PROGRAM rhohat.wasm.gz [strict]
// 20 steps of each optimiser. `strict`: both round multiply-adds alike, and the models have to be the same bytes; else J has to lie
// within 0.01 % of the program's, which rounds once where the module rounds twice.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const [program, wasm, strict] = process.argv.slice(2);
const { Rhohat } = await import(new URL('../../web/wasm.mjs', import.meta.url));
const runs = [
  { optimizer: 'lbfgs' },
  { optimizer: 'lbfgs', activation: 'tanh', output: 'linear', rho: 0.1, normalize: 'none' },
  { optimizer: 'adam', lr: 0.01 },
  { optimizer: 'adam', batch: 100, rho_hat: 'ema' },
  { optimizer: 'sgd', lr: 0.5, momentum: 0.9, batch: 200 },
  { optimizer: 'lbfgs', start: 'data', hidden: 100 },
];
const folder = mkdtempSync(join(tmpdir(), 'rhohat-web-'));
const module = await WebAssembly.compile(gunzipSync(readFileSync(wasm)));
if (WebAssembly.Module.imports(module).length) throw new Error('the module wants imports');
let failed = 0;
for (const [number, run] of runs.entries()) {
  const settings = { samples: 500, steps: 20, seed: number, ...run };
  const rhohat = await Rhohat.open(module);
  rhohat.takeBuiltIn();
  rhohat.begin(settings);
  while (rhohat.advance(7).ended === null);
  const { j } = rhohat.state();
  const model = rhohat.model();
  const out = join(folder, String(number));
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name.replaceAll('_', '-')}`, String(value)]);
  const told = execFileSync(program, ['train', '--device', 'cpu', '--quiet', '--json', '--no-report', '--out', out, ...flags], { encoding: 'utf8' });
  const native = JSON.parse(told.trim().split('\n').at(-1)).j;
  const same = Buffer.compare(model, readFileSync(join(out, 'model.safetensors'))) === 0;
  const off = Math.abs(j - native) / native;
  const ok = strict ? same : off <= 1e-4;
  failed += ok ? 0 : 1;
  console.log(`${ok ? 'ok    ' : 'FAILED'}  ${JSON.stringify(settings)}: J ${j}, native ${native}, ${same ? 'the same bytes' : `${off.toExponential(1)} apart`}`);
}
rmSync(folder, { recursive: true });
process.exit(failed ? 1 : 0);
