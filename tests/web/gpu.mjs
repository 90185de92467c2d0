// The engine on WebGPU in Chromium, by SwiftShader: node gpu.mjs CHROMIUM FOLDER WEB_DIR [all]
// Its steps beside those of the processor, the page's way to it, the loss of the device, “Check this device” and the comparison of both. With
// `all` every check of `rhohat verify` runs, which takes minutes on a software adapter.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';
import { serve } from './server.mjs';
import { check, end } from './told.mjs';

const [executablePath, folder, web, all] = process.argv.slice(2);
const PATIENCE = Number(process.env.PATIENCE ?? 600_000);
mkdirSync(folder, { recursive: true });
const server = await serve(resolve(web));
const software = ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
const launched = (args) => chromium.launch({ executablePath, args, timeout: PATIENCE });

async function opened(browser, query = '') {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.said = [];
  page.on('console', (message) => { if (message.type() === 'error') page.said.push(message.text()); });
  page.on('pageerror', (error) => page.said.push(String(error)));
  await page.goto(`${server.address}${query}`);
  await says(page, 'gpu-words', /^(?!Looking)/);
  return page;
}
/** Waits for a condition; Playwright's own way evaluates text, which the page's policy forbids. */
async function until(page, condition, argument) {
  const start = performance.now();
  while (!await page.evaluate(condition, argument)) {
    if (performance.now() - start > PATIENCE) throw new Error(`waited in vain for ${condition} with ${argument}; ${await page.textContent('#state')}`);
    await new Promise((done) => { setTimeout(done, 50); });
  }
}
const says = (page, id, words) => until(page, ([at, text]) => new RegExp(text).test(document.getElementById(at).textContent), [id, words.source]);

async function withoutAdapter() {
  const browser = await launched(['--no-sandbox', '--disable-gpu', '--disable-features=WebGPU']);
  const page = await opened(browser);
  const words = await page.textContent('#gpu-words');
  check(/^No WebGPU: this browser/.test(words) && await page.isHidden('#gpu-choice'), `without it the page says why: ${words}`);
  await browser.close();
}

/** Steps of both engines from the same start, in the page itself. */
async function besideTheProcessor(page) {
  const cases = [
    ['L-BFGS', { hidden: 9, samples: 700, steps: 12 }, 12],
    ['SGD over all examples', { hidden: 9, samples: 700, optimizer: 'sgd', lr: 0.3, batch: 'full', steps: 9 }, 9],
    ['Adam in mini-batches with a rest, tanh', { hidden: 20, samples: 700, optimizer: 'adam', batch: 300, activation: 'tanh', steps: 8 }, 8],
    ['Adam in chunks and blocks', { hidden: 20, samples: 700, optimizer: 'adam', batch: 'full', chunk: 256, block: 8, steps: 4 }, 4],
    ['L-BFGS in chunks and blocks', { hidden: 20, samples: 700, chunk: 256, block: 8, steps: 4 }, 4],
    ['SGD, moving average of ρ̂', { hidden: 9, samples: 700, optimizer: 'sgd', lr: 0.1, batch: 100, rho_hat: 'ema', steps: 10 }, 10],
  ];
  for (const [what, settings, steps] of cases) {
    const [cpu, gpu] = await page.evaluate(async ({ settings, steps }) => {
      const load = (name) => import(new URL(name, location));
      const [{ CpuEngine }, { GpuEngine }, { Rhohat }] = [await load('cpu.mjs'), await load('gpu.mjs'), await load('wasm.mjs')];
      const module = await Rhohat.compile(new URL('rhohat-gpu.wasm.gz', location));
      const found = [];
      for (const Engine of [CpuEngine, GpuEngine]) {
        const rhohat = await Rhohat.open(module);
        rhohat.takeBuiltIn();
        const engine = await Engine.open(rhohat, { software: true });
        // The processor cuts in its own way.
        const { chunk, block, ...rest } = settings;
        await engine.begin(Engine === CpuEngine ? rest : settings);
        // In two parts, with a look between them that brings the parameters back.
        const parts = [await engine.advance(Math.floor(steps / 2))];
        await engine.features(4);
        parts.push(await engine.advance(steps));
        const { j, rho_hat: rhoHat, steps: seen } = await engine.state();
        await engine.features(4);
        found.push({ parts, j, rhoHat, seen, parameters: [...rhohat.parameters()], code: (await engine.example(3)).code });
        await engine.close();
      }
      return found;
    }, { settings, steps });
    const worst = (a, b) => Math.max(...a.map((x, at) => Math.abs(x - b[at])));
    const [j, parameters] = [Math.abs(cpu.j - gpu.j) / cpu.j, worst(cpu.parameters, gpu.parameters)];
    const isSame = JSON.stringify(cpu.parts) === JSON.stringify(gpu.parts) && cpu.seen === steps && gpu.seen === steps;
    // Written so that NaN fails.
    const isClose = j <= 1e-5 && parameters <= 1e-3 && worst(cpu.rhoHat, gpu.rhoHat) <= 1e-4 && worst(cpu.code, gpu.code) <= 1e-3;
    check(isSame && isClose, `${what}: J ${j.toExponential(1)} and parameters ${parameters.toExponential(1)} from the processor’s after ${steps} steps`);
  }
}

/** Submissions of little work, for which dispatches are parted, leave the bits of whole ones. */
async function inParts(page) {
  for (const settings of [{ hidden: 20, samples: 700, optimizer: 'adam', batch: 300, steps: 4 }, { hidden: 20, samples: 700, steps: 3 }]) {
    const [whole, parts, submissions] = await page.evaluate(async (settings) => {
      const load = (name) => import(new URL(name, location));
      const [{ Budget }, { GpuEngine }, { Rhohat }] = [await load('budget.mjs'), await load('gpu.mjs'), await load('wasm.mjs')];
      const module = await Rhohat.compile(new URL('rhohat-gpu.wasm.gz', location));
      const usual = Object.getOwnPropertyDescriptor(Budget.prototype, 'most');
      const { add } = Budget.prototype;
      const found = [];
      let count = 0;
      Budget.prototype.add = function counted(...args) { count += 1; return add.apply(this, args); };
      try {
        for (const most of [null, 20000]) {
          if (most) Object.defineProperty(Budget.prototype, 'most', { get: () => most, configurable: true });
          const rhohat = await Rhohat.open(module);
          rhohat.takeBuiltIn();
          const engine = await GpuEngine.open(rhohat, { software: true });
          count = 0;
          await engine.begin(settings);
          await engine.advance(settings.steps);
          await engine.features(1);
          found.push([...rhohat.parameters()]);
          await engine.close();
        }
      } finally {
        Object.defineProperty(Budget.prototype, 'most', usual);
        Budget.prototype.add = add;
      }
      return [...found, count];
    }, settings);
    const same = whole.length === parts.length && whole.every((value, at) => Object.is(value, parts[at]));
    check(same && submissions > 50, `${settings.optimizer ?? 'L-BFGS'} in ${submissions} submissions has the same bits`);
  }
}

async function ofThePage(browser) {
  const page = await opened(browser, '?samples=500&hidden=9');
  const radio = 'input[name=engine][value=webgpu]';
  check(/^No WebGPU: .*software/.test(await page.textContent('#gpu-words')) && await page.isDisabled(radio), 'a software adapter is not taken unless it is asked for');
  await page.check('#software');
  check(await page.isEnabled(radio), 'and is once it was asked for');
  await page.click('#gpu-choice');
  await says(page, 'state', /step \d+ of .*WebGPU/);
  if ((await page.textContent('#toggle')) === 'Start') await page.click('#toggle');
  await until(page, () => document.getElementById('progress').value >= 3);
  check(/WebGPU, .*swiftshader/i.test(await page.textContent('#state')), `the state names it: ${await page.textContent('#state')}`);
  await page.screenshot({ path: join(folder, 'webgpu.png'), fullPage: true });

  await page.evaluate(() => { document.getElementById('check-part').open = true; });
  await page.click('#check');
  await until(page, () => document.getElementById('check-lines').value.includes('passed'));
  check(/^Checking the device … \(Reset ends it\)/.test(await page.textContent('#state')), `while the device is checked the page says so: ${await page.textContent('#state')}`);
  await page.click('#reset');
  await says(page, 'check-verdict', /It was ended/);
  await until(page, () => !document.getElementById('toggle').disabled && document.getElementById('progress').value === 0);
  check(/WebGPU, /.test(await page.textContent('#state')), 'reset ends the check and begins anew on the same engine');
  await page.click('#toggle');
  await until(page, () => document.getElementById('progress').value >= 2);

  // The browser's GPU process ends, as it does when a driver is started anew.
  const session = await browser.newBrowserCDPSession();
  await session.send('Browser.crashGpuProcess').catch(() => {});
  await says(page, 'trouble', /graphics device was lost/);
  const words = await page.textContent('#trouble');
  check(/can be saved; Reset/.test(words), `a lost device is told: ${words}`);
  const download = page.waitForEvent('download');
  await page.click('#save');
  check((await download).suggestedFilename().endsWith('.safetensors'), 'what was learned before can be saved');
  await page.click('#reset');
  await until(page, () => !document.getElementById('toggle').disabled && document.getElementById('progress').value === 0);
  await page.click('#toggle');
  await until(page, () => document.getElementById('progress').value >= 1 && document.getElementById('trouble').hidden);
  check(true, 'and reset begins anew on it');
  await page.close();
}

async function checks(page) {
  const { results, passed, lines } = await page.evaluate(async (all) => {
    const load = (name) => import(new URL(name, location));
    const [{ check }, { Rhohat }] = [await load('checks.mjs'), await load('wasm.mjs')];
    const module = await Rhohat.compile(new URL('rhohat-gpu.wasm.gz', location));
    const some = ['axpy', 'penalty_grad', 'layer_nt', 'gradient_sgd', 'cost and gradient, sigmoid → sigmoid, kl'];
    return check({ module, options: { software: true }, tell() {}, only: ({ name }) => all || some.includes(name) });
  }, Boolean(all));
  writeFileSync(join(folder, 'device.txt'), `${lines.join('\n')}\n`);
  const cases = results.reduce((sum, result) => sum + result.cases, 0);
  const worst = Math.max(...results.map((result) => result.worst));
  check(passed && results.length >= (all ? 90 : 5), `${results.length} checks with ${cases} comparisons pass, the worst ${worst.toPrecision(2)} of its bound`);

  const planted = await page.evaluate(async () => {
    const load = (name) => import(new URL(name, location));
    const [{ check }, { Rhohat }, { Device }] = [await load('checks.mjs'), await load('wasm.mjs'), await load('device.mjs')];
    const module = await Rhohat.compile(new URL('rhohat-gpu.wasm.gz', location));
    const { pipeline } = Device.prototype;
    Device.prototype.pipeline = function planted(described) {
      const code = described.label === 'axpy' ? described.code.replace('p.alpha', '1.0001 * p.alpha') : described.code;
      return pipeline.call(this, { ...described, code });
    };
    try {
      return await check({ module, options: { software: true }, tell() {}, only: ({ name }) => name === 'axpy' });
    } finally {
      Device.prototype.pipeline = pipeline;
    }
  });
  check(!planted.passed && /FAILED {2}axpy: /.test(planted.lines.join('\n')), `a kernel that is off by a ten-thousandth fails: ${planted.lines.at(-2).trim()}`);
}

async function comparison(page) {
  const { result, lines } = await page.evaluate(async () => {
    const load = (name) => import(new URL(name, location));
    const [{ bench }, { Rhohat }] = [await load('bench.mjs'), await load('wasm.mjs')];
    const module = await Rhohat.compile(new URL('rhohat-gpu.wasm.gz', location));
    return bench({ module, options: { software: true }, tell() {}, shapes: [[16, 8, 100], [24, 40, 60]] });
  });
  writeFileSync(join(folder, 'bench.json'), lines.slice(2).join('\n'));
  check(result.rows.length === 4 && result.rows.every(({ median_ms: ms }) => ms > 0), `processor and GPU are compared: ${result.verdict}`);
}

await withoutAdapter();
const browser = await launched(software);
const page = await opened(browser);
if ((await page.textContent('#toggle')) === 'Pause') await page.click('#toggle');
await besideTheProcessor(page);
await inParts(page);
await checks(page);
await comparison(page);
check(page.said.length === 0, `nothing on the console ${page.said.join('; ')}`);
await page.close();
await ofThePage(browser);
await browser.close();
server.close();
end();
