// The page in Firefox, over WebDriver BiDi: node firefox.mjs FIREFOX FOLDER WEB_DIR. From opening to its features, paused and gone on with,
// in a hidden tab, own data, files that are refused, a model saved and opened; nothing on the console. Pictures at two widths go to
// FOLDER. FIXTURES names tests/fixtures where it is not beside WEB_DIR.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
// A WebSocket, which Node has by itself from version 22.
import bundle from 'playwright-core/lib/utilsBundle';
import { serve } from './server.mjs';
import { check, end } from './told.mjs';

const [firefox, folder, web] = process.argv.slice(2);
const fixtures = process.env.FIXTURES ?? join(resolve(web), '../tests/fixtures');
const PATIENCE = Number(process.env.PATIENCE ?? 600_000);

mkdirSync(folder, { recursive: true });
const profile = mkdtempSync(join(tmpdir(), 'rhohat-firefox-'));
const saved = join(profile, 'rhohat-64-25.safetensors');
writeFileSync(join(profile, 'user.js'), Object.entries({
  'browser.download.dir': profile, 'browser.download.folderList': 2, 'browser.download.useDownloadDir': true, 'browser.download.alwaysOpenPanel': false,
  'app.update.enabled': false, 'datareporting.policy.dataSubmissionEnabled': false, 'browser.aboutConfig.showWarning': false,
}).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(''));
const child = spawn(firefox, ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
const ended = new Promise((resolve) => { child.once('exit', resolve); });
const address = await new Promise((resolve, reject) => {
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
    const [, found] = /BiDi listening on (ws:\S+)/.exec(said) ?? [];
    if (found) resolve(found);
  });
  ended.then(() => reject(new Error(`Firefox has ended: ${said}`)));
});
const socket = new bundle.ws(`${address}/session`, { perMessageDeflate: false });
await new Promise((resolve) => { socket.once('open', resolve); });
const waiting = new Map();
const said = [];
socket.on('message', (text) => {
  const { id, type, method, params, result, message } = JSON.parse(text);
  if (method === 'log.entryAdded' && ['error', 'warn'].includes(params.level)) said.push(params.text);
  const { resolve, reject } = waiting.get(id) ?? {};
  waiting.delete(id);
  if (type === 'error') reject?.(new Error(message));
  else resolve?.(result);
});
let number = 0;
const send = (method, params = {}) => new Promise((resolve, reject) => {
  number += 1;
  waiting.set(number, { resolve, reject });
  socket.send(JSON.stringify({ id: number, method, params }));
});

const { capabilities } = await send('session.new', { capabilities: {} });
await send('session.subscribe', { events: ['log.entryAdded'] });
const { context } = await send('browsingContext.create', { type: 'tab' });
const ask = async (expression) => {
  const { type, result, exceptionDetails } = await send('script.evaluate', { expression: `(async () => JSON.stringify(await (${expression}) ?? null))()`, target: { context }, awaitPromise: true });
  if (type === 'exception') throw new Error(`${expression}: ${exceptionDetails.text}`);
  return JSON.parse(result.value);
};
const text = (id) => ask(`document.getElementById(${JSON.stringify(id)}).textContent`);
async function until(expression) {
  const start = performance.now();
  while (!await ask(expression)) {
    if (performance.now() - start > PATIENCE) throw new Error(`waited in vain for ${expression}; ${await text('state')}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}
const says = (id, words) => until(`${words}.test(document.getElementById(${JSON.stringify(id)}).textContent)`);
const click = (id) => ask(`document.getElementById(${JSON.stringify(id)}).click()`);
const drop = (...files) => ask(`(() => {
  const transfer = new DataTransfer();
  for (const [name, base64] of ${JSON.stringify(files.map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]))}) transfer.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name));
  document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
})()`);
const fixture = (name) => [name, readFileSync(join(fixtures, name))];
async function picture(name, width) {
  await send('browsingContext.setViewport', { context, viewport: { width, height: 900 } });
  await ask('new Promise((drawn) => { requestAnimationFrame(() => requestAnimationFrame(drawn)); })');
  const [wide, window] = await ask('[document.documentElement.scrollWidth, document.documentElement.clientWidth]');
  check(wide <= window, `${wide} pixels wide in a window of ${window}`);
  const { data } = await send('browsingContext.captureScreenshot', { context, origin: 'document' });
  writeFileSync(join(folder, name), Buffer.from(data, 'base64'));
}

const server = await serve(resolve(web));
async function learns() {
  await send('browsingContext.setViewport', { context, viewport: { width: 1400, height: 900 } });
  await send('browsingContext.navigate', { context, url: server.address, wait: 'complete' });
  await until('document.getElementById("progress").value > 0');
  check(true, `${capabilities.browserName} ${capabilities.browserVersion} trains; navigator.gpu is ${await ask('typeof navigator.gpu')}`);
  await click('toggle');
  await says('state', /^Paused/);
  await click('toggle');
  await says('state', /^(Finished|Converged)/);
  check(await ask('document.querySelectorAll(".tile").length') === 25 && await ask('document.getElementById("progress").value') === 400, `${await text('state')}, J ${await text('value-j')}`);
  for (const id of ['curve', 'bars', 'example-code', 'example-input', 'example-output']) {
    const colors = await ask(`(({ width, height }, context) => new Set(new Uint32Array(context.getImageData(0, 0, width, height).data.buffer)).size)(document.getElementById('${id}'), document.getElementById('${id}').getContext('2d'))`);
    check(colors > 2, `#${id} is drawn in ${colors} colours`);
  }
  await picture('firefox-390.png', 390);
  await picture('firefox-1400.png', 1400);
  await click('save');
  await says('model-note', /after step 400/);
  for (const start = performance.now(); !existsSync(saved) && performance.now() - start < PATIENCE;) await new Promise((resolve) => { setTimeout(resolve, 50); });
  const j = Number(await text('value-j'));
  await drop(['model.safetensors', readFileSync(saved)]);
  await says('model-note', /was opened/);
  await says('state', /^(Finished|Converged)/);
  check(Number(await text('value-j')) <= j, `a model that was saved is opened and goes on: J ${j}, then ${await text('value-j')}`);
}

async function takes() {
  await drop(fixture('rows_lf8.npy'));
  await says('data-words', /6 examples of 4 numbers/);
  await says('state', /^(Finished|Converged)/);
  await drop(fixture('color.png'), fixture('grey.jpg'));
  await says('data-words', /^2 pictures.* in grey/);
  await click('color');
  await says('data-words', /in colour: .* of 192 numbers/);
  await drop(fixture('images-idx3-ubyte.gz'));
  await says('data-words', /2 examples of 12 numbers/);
  check(true, 'rows, pictures with and without colours, and IDX in gzip are learned from');
  for (const [name, bytes, words] of [['notes.txt', 'hello', /no picture/], ['half.gz', fixture('images-idx3-ubyte.gz')[1].subarray(0, 30), /truncated or damaged/]]) {
    await drop([name, bytes]);
    await says('data-refusal', words);
    check(true, await text('data-refusal'));
  }
}

async function goesOnHidden() {
  await send('browsingContext.navigate', { context, url: `${server.address}?optimizer=adam&steps=10000000&lr=0.001`, wait: 'complete' });
  await until('document.getElementById("progress").value > 0');
  const other = await send('browsingContext.create', { type: 'tab' });
  await send('browsingContext.activate', { context: other.context });
  await until('document.visibilityState === "hidden"');
  await ask('(() => { globalThis.ticks = 0; const tick = () => { ticks += 1; setTimeout(tick, 1); }; tick(); })()');
  const seconds = async () => Number(/([\d.]+) s/.exec(await text('state'))[1]);
  const [start, before] = [await ask('performance.now()'), await seconds()];
  await until('ticks > 5');
  const [wall, computed] = [(await ask('performance.now()') - start) / 1000, await seconds() - before];
  check(wall > 2 && computed > 0.5 * wall, `hidden it computes ${computed.toFixed(1)} of ${wall.toFixed(1)} s, while a timer of the page ticks ${await ask('ticks')} times`);
  await send('browsingContext.activate', { context });
  const value = await ask('document.getElementById("progress").value');
  await until(`Number(document.getElementById("curve-at").textContent.replace(/\\D/g, "")) >= ${value}`);
  check(true, `seen again it shows the present: ${await text('curve-at')}`);
}

for (const part of [learns, takes, goesOnHidden]) {
  try {
    await part();
  } catch (error) {
    check(false, `${part.name}: ${error.stack}`);
  }
  check(said.length === 0, `${part.name}: nothing on the console ${said.splice(0).join('; ')}`);
}
await send('browser.close');
await ended;
server.close();
rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
end();
