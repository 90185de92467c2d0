// The page in Chromium, as somebody who has installed nothing sees it: node check.mjs CHROMIUM FOLDER WEB_DIR_OR_URL [EXPECTED_J]
// Training from opening to 25 features, every button, settings in the address, data that are dropped, files that are refused, a model
// saved and opened; nothing on the console, nothing fetched from elsewhere, nothing wider than the window, no serious finding of
// axe-core. Pictures and the model (model.safetensors) go to FOLDER. FIXTURES names tests/fixtures where it is not beside WEB_DIR.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';
import { oriented, orientedFeatures } from './oriented.mjs';
import { checkReaders } from './readers.mjs';
import { serve } from './server.mjs';
import { check, end } from './told.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const [executablePath, folder, web, expected] = process.argv.slice(2);
const isAddress = /^https?:/.test(web);
const fixtures = process.env.FIXTURES ?? resolve(isAddress ? '../fixtures' : join(web, '../tests/fixtures'));
// A busy machine takes long, and is not wrong.
const PATIENCE = Number(process.env.PATIENCE ?? 600_000);
mkdirSync(folder, { recursive: true });

if (!isAddress) await checkReaders(resolve(web), fixtures, check);
const saved = join(folder, 'model.safetensors');
const extra = new Map();
const server = isAddress ? { address: web, close() {} } : await serve(resolve(web), extra);
const origin = new URL(server.address).origin;
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], timeout: PATIENCE });

/** A page that keeps what its console says and what it fetches from elsewhere. */
async function opened(query = '', options = {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.said = [];
  page.on('console', (message) => { if (message.type() === 'error') page.said.push(message.text()); });
  page.on('pageerror', (error) => page.said.push(String(error)));
  page.on('request', (request) => { if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).origin !== origin) page.said.push(`fetched ${request.url()}`); });
  await page.goto(`${server.address}${query}`);
  return page;
}
const closed = async (page, what) => {
  check(page.said.length === 0, `${what}: nothing on the console, nothing fetched from elsewhere ${page.said.join('; ')}`);
  await page.context().close();
};
const state = (page) => page.textContent('#state');
/** Waits for a condition in the page; Playwright's own way is forbidden by the page's policy, as it evaluates text. */
async function until(page, condition, argument) {
  const start = performance.now();
  while (!await page.evaluate(condition, argument)) {
    if (performance.now() - start > PATIENCE) throw new Error(`waited in vain for ${condition} with ${argument}; ${await state(page)} ${(await page.$$eval('#trouble, .refusal, #data-words', (all) => all.map((place) => place.textContent))).filter(Boolean).join(' | ')}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}
const says = (page, id, words) => until(page, ([at, text]) => new RegExp(text).test(document.getElementById(at).textContent), [id, words.source]);
const steps = async (page) => Number(/step ([\d\u202f]+) of/.exec(await state(page))?.[1].replaceAll('\u202f', '') ?? NaN);
const atLeast = (page, count) => until(page, (least) => document.getElementById('progress').value >= least, count);
const valueOfJ = async (page) => Number(await page.textContent('#value-j'));
const drop = (page, files) => page.evaluate((all) => {
  const transfer = new DataTransfer();
  for (const { name, base64, type } of all) transfer.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name, { type }));
  document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
}, files);
const file = (name, bytes = readFileSync(join(fixtures, name)), type = '') => ({ name: name.split('/').at(-1), base64: Buffer.from(bytes).toString('base64'), type });

async function save(page, path) {
  const download = page.waitForEvent('download');
  await page.click('#save');
  await (await download).saveAs(path);
}

async function trains() {
  const page = await opened();
  const start = performance.now();
  await atLeast(page, 1);
  check(true, `trains without a click ${((performance.now() - start) / 1000).toFixed(1)} s after opening`);
  await page.click('#toggle');
  await says(page, 'state', /^Paused/);
  const before = await steps(page);
  await page.click('#step');
  await says(page, 'state', new RegExp(`step ${before + 1} `));
  check(await page.textContent('#toggle') === 'Start', `paused at step ${before}, one step by its button`);
  await page.click('#toggle');
  await says(page, 'state', /^(Finished|Converged)/);
  const j = await valueOfJ(page);
  const off = Math.abs(j - Number(expected)) / Number(expected);
  check(expected === undefined ? j > 0 : off <= 0.01, `J ${j} after ${await steps(page)} steps${expected === undefined ? '' : `, expected ${expected}`}; ${await state(page)}`);
  const tiles = await page.$$eval('.tile', (all) => all.map((tile) => tile.getAttribute('aria-label')));
  check(tiles.length === 25 && tiles.every((label, unit) => new RegExp(`^unit ${unit}, ρ̂ 0\\.0\\d+$`).test(label)), `25 features, each with its ρ̂: ${tiles[0]}`);
  const terms = await page.$$eval('.legend dd', (all) => all.map((value) => Number(value.textContent)));
  check(Math.abs(terms[1] + terms[2] + terms[3] - terms[0]) < 1e-3, `J is the sum of its terms: ${terms.join(', ')}`);
  for (const id of ['curve', 'bars', 'example-code', 'example-input', 'example-output']) {
    const colors = await page.$eval(`#${id}`, (canvas) => new Set(new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size);
    check(colors > 2, `#${id} is drawn in ${colors} colours: ${await page.getAttribute(`#${id}`, 'aria-label')}`);
  }
  await page.focus('.tile');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  check(/^Unit 6:/.test(await page.textContent('#features-note')), 'arrow keys go from feature to feature');
  await page.keyboard.press('Enter');
  check(await page.$eval('.tile:nth-child(7)', (tile) => tile.getAttribute('aria-pressed')) === 'true', 'a feature is marked by the keyboard');
  await page.$eval('#curve-read', (slider) => { slider.value = '0'; slider.dispatchEvent(new Event('input', { bubbles: true })); });
  await says(page, 'curve-at', /^step 0$/);
  check(await valueOfJ(page) > j, `J can be read at any step: ${await valueOfJ(page)} at the first`);
  await page.fill('#example-number', '99999999');
  await page.press('#example-number', 'Enter');
  check(/0 to 9999/.test(await page.textContent('#example-refusal')), 'an example that there is not is refused');
  const note = await page.textContent('#example-note');
  await page.fill('#example-number', '17');
  await page.press('#example-number', 'Enter');
  await until(page, (was) => document.getElementById('example-note').textContent !== was, note);
  check(true, `example 17: ${await page.textContent('#example-note')}`);
  await save(page, saved);
  check(existsSync(saved), `the model is saved: ${await page.textContent('#model-note')}`);
  const stripes = Array.from({ length: 64 }, (_, at) => at % 2);
  const noise = Array.from({ length: 64 }, (_, at) => (at * 7919 + at * at * 104729) % 97);
  check(oriented(stripes, 8) && !oriented(noise, 8), 'stripes have a direction, noise has none');
  const edges = orientedFeatures(readFileSync(saved), 8);
  check(edges >= 22, `${edges} of 25 features have a direction`);
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(folder, 'trained-1400-light.png'), fullPage: true });

  // A model goes on where it was; the objective of a start would be far higher.
  await page.click('#reset');
  await says(page, 'state', /^Paused at step 0 /);
  await drop(page, [file('model.safetensors', readFileSync(saved))]);
  await says(page, 'model-note', /was opened/);
  await page.click('#toggle');
  await says(page, 'state', /^(Paused|Finished|Converged)/);
  await page.$eval('#curve-read', (slider) => { slider.value = '0'; slider.dispatchEvent(new Event('input', { bubbles: true })); });
  await says(page, 'curve-at', /^step 0$/);
  check(Math.abs(await valueOfJ(page) - j) < 1e-3 * j, `a model that is opened begins at its J: ${await valueOfJ(page)}`);
  await closed(page, 'the lecture');
}

/** A model whose data were prepared as the page cannot prepare them (MODEL_OF_OTHERS). */
async function refusesOthers() {
  const page = await opened('?steps=3');
  await says(page, 'state', /^Finished/);
  await drop(page, [file('others.safetensors', readFileSync(process.env.MODEL_OF_OTHERS))]);
  await says(page, 'model-refusal', /prepared otherwise \(.*whitening/);
  check(/^Finished at step 3 /.test(await state(page)), `a model of other preprocessing: ${await page.textContent('#model-refusal')}`);
  await closed(page, 'a model of others');
}

async function obeys() {
  const page = await opened('?hidden=9&steps=30&seed=3&rho=2');
  await says(page, 'state', /^Finished at step 30 of 30/);
  const first = await valueOfJ(page);
  check(await page.$$eval('.tile', (all) => all.length) === 9, 'an address gives 9 features and 30 steps');
  check(/between 0 and 1/.test(await page.textContent('#knob-rho-refusal')), `a wrong value in an address is told: ${await page.textContent('#knob-rho-refusal')}`);
  await page.click('#reset');
  await says(page, 'state', /^Paused at step 0/);
  await page.click('#toggle');
  await says(page, 'state', /^Finished/);
  check(await valueOfJ(page) === first, `the same address is the same run: J ${first}`);
  check(await page.textContent('#toggle') === 'Go on', 'a run that has ended can go on');
  await page.click('#toggle');
  await says(page, 'state', /^Finished at step 60 of 60/);
  check(await valueOfJ(page) < first, `30 steps more from there: J ${await valueOfJ(page)}`);
  await page.fill('#knob-hidden', 'many');
  await page.press('#knob-hidden', 'Enter');
  check(/whole number/.test(await page.textContent('#knob-hidden-refusal')) && /^Finished/.test(await state(page)), 'a wrong value is refused beside its knob, and the run stays');
  await page.fill('#knob-hidden', '4');
  await page.press('#knob-hidden', 'Enter');
  await until(page, () => document.querySelectorAll('.tile').length === 4);
  check(new URL(page.url()).search === '?hidden=4&steps=30&seed=3', `the address follows the knobs: ${new URL(page.url()).search}`);
  await page.click('#presets button:text("Adam")');
  await until(page, () => document.getElementById('knob-optimizer').value === 'adam');
  check(await page.isEnabled('#knob-lr') && new URL(page.url()).search === '?optimizer=adam&steps=4000&seed=3', `a preset sets the knobs and keeps the seed: ${new URL(page.url()).search}`);
  await atLeast(page, 2);
  await page.click('#presets button:text("the lecture")');
  await until(page, () => document.getElementById('knob-optimizer').value === 'lbfgs');
  check(await page.isDisabled('#knob-lr'), 'what L-BFGS has no use for is out of reach');
  await closed(page, 'settings');
}

async function takesData() {
  const page = await opened('?steps=20');
  await atLeast(page, 1);
  const taken = async (name, words, ...files) => {
    await drop(page, files);
    await says(page, 'data-words', words);
    await until(page, () => !/^Beginning/.test(document.getElementById('state').textContent));
    check(await page.isHidden('#data-refusal'), `${name}: ${await page.textContent('#data-words')}`);
  };
  const refused = async (name, words, ...files) => {
    const data = await page.textContent('#data-words');
    await drop(page, files);
    await says(page, 'data-refusal', words);
    check(await page.textContent('#data-words') === data, `${name}: ${await page.textContent('#data-refusal')}`);
  };
  await taken('pictures', /^2 pictures/i, file('color.png', undefined, 'image/png'), file('grey.jpg', undefined, 'image/jpeg'));
  await page.click('#color');
  await says(page, 'data-words', /in colour: .* of 192 numbers/);
  check(true, `with their colours: ${await page.textContent('#data-words')}`);
  await taken('rows', /6 examples of 4 numbers/, file('rows_lf8.npy'));
  await says(page, 'state', /^(Finished|Converged)/);
  // For the program, which has to come to the same J of the same rows.
  await save(page, join(folder, 'rows.safetensors'));
  writeFileSync(join(folder, 'rows.json'), JSON.stringify({ j: Number(await page.getAttribute('#value-j', 'title')), rows: join(fixtures, 'rows_lf8.npy') }));
  check(/minmax/.test(await page.textContent('#data-hint')), `rows out of reach: ${await page.textContent('#data-hint')}`);
  await page.click('#data-part summary');
  check(await page.isVisible('#knob-patch') && await page.isDisabled('#knob-patch'), 'rows have no use for patches');
  await page.selectOption('#knob-normalize', 'minmax');
  await until(page, () => document.getElementById('data-hint').hidden);
  check(await page.isHidden('#data-hint'), 'rows that are normalised are within reach');
  await taken('IDX in gzip', /2 examples of 12 numbers/, file('images-idx3-ubyte.gz'));
  check(await page.isVisible('#example-input'), 'rows with a form are shown as pictures');
  const array = readFileSync(join(fixtures, 'rows_lf4.npy'));
  await refused('a truncated array', /short\.npy is truncated/, file('short.npy', array.subarray(0, 150)));
  await refused('no file of a known kind', /notes\.txt is no picture/, file('notes.txt', Buffer.from('hello')));
  await refused('an empty file', /empty\.npy is empty/, file('empty.npy', Buffer.alloc(0)));
  await refused('a damaged gzip', /half\.gz is truncated or damaged/, file('half.gz', readFileSync(join(fixtures, 'images-idx3-ubyte.gz')).subarray(0, 30)));
  await refused('objects', /rows_object\.npy holds/, file('rows_object.npy'));
  await drop(page, [file('bad.safetensors', Buffer.from('nonsense'))]);
  await says(page, 'model-refusal', /bad\.safetensors: /);
  check(true, `no model: ${await page.textContent('#model-refusal')}`);
  await drop(page, [file('model.safetensors', readFileSync(saved))]);
  await says(page, 'model-refusal', /64/);
  check(true, `a model of another width: ${await page.textContent('#model-refusal')}`);
  await page.click('#built-in');
  await says(page, 'data-words', /10.000 examples of 64/);
  check(await page.isHidden('#built-in'), 'back to the built-in pictures');
  await closed(page, 'data');
}

async function offersModels() {
  extra.set('/models.json', Buffer.from(JSON.stringify([{ name: 'first', address: '/served/model.safetensors', bytes: 1 }])));
  extra.set('/served/model.safetensors', readFileSync(saved));
  const page = await opened('?steps=5');
  await says(page, 'state', /^Finished/);
  await page.click('#models button');
  await says(page, 'model-note', /first was opened/);
  check(true, 'a model of the server is opened from the list');
  extra.clear();
  await closed(page, 'models');
}

async function survives() {
  // A panic of the module in its third slice, as it would come.
  const { readFile } = await import('node:fs/promises');
  const source = String(await readFile(join(resolve(web), 'wasm.mjs')));
  const planted = source.replace('advance(steps) {', "advance(steps) { if ((globalThis.slices = (globalThis.slices ?? 0) + 1) === 3) throw new Trap('panicked at a plant');");
  check(planted !== source, 'a panic is planted');
  extra.set('/wasm.mjs', Buffer.from(planted));
  const page = await opened();
  await says(page, 'trouble', /The engine has stopped: panicked at a plant\. Reset/);
  check(/^Stopped/.test(await state(page)) && await page.isDisabled('#toggle'), `a panic is told: ${await page.textContent('#trouble')}`);
  // The new Worker fetches its files anew.
  extra.clear();
  await page.click('#reset');
  await says(page, 'state', /^Paused at step 0/);
  await page.click('#toggle');
  await atLeast(page, 5);
  check(await page.isHidden('#trouble'), 'reset begins a run that trains');
  await page.fill('#knob-hidden', '8192');
  await page.press('#knob-hidden', 'Enter');
  await until(page, () => document.querySelectorAll('.tile').length === 400);
  await page.click('#data-part summary');
  await page.fill('#knob-samples', '1000000');
  await page.press('#knob-samples', 'Enter');
  await says(page, 'knob-samples-refusal', /The run goes on as it was/);
  check(true, `more than memory holds: ${await page.textContent('#knob-samples-refusal')}`);
  await page.goto(`${server.address}?hidden=8192&samples=1000000`);
  await says(page, 'knob-samples-refusal', /The lecture’s settings are taken instead/);
  await atLeast(page, 1);
  check(await page.$$eval('.tile', (all) => all.length) === 25, 'an address that no tab can follow gives the lecture');
  extra.set('/rhohat.wasm.gz', Buffer.from('nonsense'));
  await page.reload();
  await says(page, 'trouble', /cannot run rhohat\.wasm/);
  check(true, `no module: ${await page.textContent('#trouble')}`);
  extra.clear();
  await closed(page, 'faults');
}

async function looks() {
  for (const colorScheme of ['light', 'dark']) {
    const page = await opened('?steps=40', { colorScheme, bypassCSP: true, reducedMotion: colorScheme === 'dark' ? 'reduce' : 'no-preference' });
    await says(page, 'state', /^Finished/);
    for (const width of [360, 820, 1400]) {
      await page.setViewportSize({ width, height: 900 });
      const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      check(wide <= window, `${wide} pixels wide in a window of ${window}, ${colorScheme}`);
      await page.evaluate(() => new Promise((drawn) => { requestAnimationFrame(() => requestAnimationFrame(drawn)); }));
      await page.screenshot({ path: join(folder, `page-${width}-${colorScheme}.png`), fullPage: true });
      if (width === 820) continue;
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
      check(serious.length === 0, `no serious finding of axe-core, ${width} ${colorScheme} ${serious.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)}`).join('; ')}`);
    }
    await closed(page, `looks, ${colorScheme}`);
  }
}

/** The page as a server gives it, and the models that it tells of. */
async function visits() {
  const page = await opened('?steps=30');
  await says(page, 'state', /^Finished at step 30/);
  const models = await page.$$eval('#models button', (all) => all.map((button) => button.textContent));
  check(models.length > 0, `models of the server: ${models.join(', ')}`);
  await page.click('#models button');
  await says(page, 'model-note', /was opened/);
  check(await page.$eval('#model-refusal', (place) => place.hidden), `a model of the server is opened: ${await page.textContent('#model-note')}`);
  await closed(page, 'a server');
}

const parts = process.env.PARTS?.split(',');
for (const part of isAddress ? [visits] : [trains, ...(process.env.MODEL_OF_OTHERS ? [refusesOthers] : []), obeys, takesData, offersModels, survives, looks].filter(({ name }) => parts?.includes(name) ?? true)) {
  try {
    await part();
  } catch (error) {
    check(false, `${part.name}: ${error.stack}`);
  }
}
await browser.close();
server.close();
end();
