// What somebody does while the page is at something: node meanwhile.mjs CHROMIUM WEB_DIR. Calls to the Worker are held back here and let
// go again, so that what meets on a slow machine by chance meets on every machine.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { launched } from './protocol.mjs';
import { serve } from './server.mjs';
import { check, end } from './told.mjs';

const [chromium, web] = process.argv.slice(2);
const PATIENCE = Number(process.env.PATIENCE ?? 600_000);

/** Holds the calls back that are named in `hold`, and counts what the Worker posts. */
const HOLDS = `
  globalThis.hold = null;
  globalThis.held = [];
  globalThis.posts = 0;
  globalThis.thrown = [];
  addEventListener('error', ({ message }) => thrown.push(message));
  addEventListener('unhandledrejection', ({ reason }) => thrown.push(String(reason)));
  globalThis.Worker = class extends Worker {
    constructor(...all) {
      super(...all);
      this.addEventListener('message', ({ data }) => { posts += data.event === 'progress'; });
    }
    postMessage(message, ...all) {
      if (hold !== null && message.call === hold) held.push(() => super.postMessage(message, ...all));
      else super.postMessage(message, ...all);
    }
  };
  globalThis.release = () => { hold = null; for (const send of held.splice(0)) send(); };
  globalThis.at = (id) => document.getElementById(id);
  globalThis.put = (id, text) => { at(id).value = text; at(id).dispatchEvent(new Event('input', { bubbles: true })); };
  globalThis.enter = (id, text) => { put(id, text); at(id).dispatchEvent(new Event('change', { bubbles: true })); };
  globalThis.drop = (name, text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], name));
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
  };
`;

const loop = String(readFileSync(join(web, 'loop.mjs')));
const rare = loop.replace('const CALM = 100;', 'const CALM = 1e9;');
check(rare !== loop, 'posts can be made rare');
const extra = new Map();
const server = await serve(resolve(web), extra);
const browser = await launched(chromium);

async function opened(query) {
  const page = await browser.tab(`${server.address}${query}`, HOLDS);
  page.until = async (expression) => {
    const start = performance.now();
    while (!await page.ask(expression)) {
      if (performance.now() - start > PATIENCE) throw new Error(`waited in vain for ${expression}; ${await page.ask('at("state").textContent')}`);
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  };
  await page.until('globalThis.posts > 0');
  return page;
}
const QUIET = '!/^(Beginning|Loading)/.test(at("state").textContent)';

/** Two knobs, the second while the first is still begun with. */
async function keepsBoth() {
  const page = await opened('?steps=5');
  await page.ask('hold = "begin"; enter("knob-hidden", "9")');
  await page.until('held.length === 1');
  await page.ask('enter("knob-rho", "0.05"); new Promise((done) => { setTimeout(done, 200); })');
  await page.ask('release()');
  await page.until(`location.search.includes("rho=0.05") && ${QUIET}`);
  const search = await page.ask('location.search');
  check(search === '?steps=5&hidden=9&rho=0.05', `a second knob keeps what the first one is about to set: ${search}`);
  await page.until('document.querySelectorAll(".tile").length === 9');
  await page.close();
}

/** A field that is being written into when a run begins. */
async function keepsTyping() {
  const page = await opened('?steps=5');
  await page.ask('hold = "begin"; enter("knob-hidden", "9")');
  await page.until('held.length === 1');
  await page.ask('at("knob-beta").focus(); put("knob-beta", "0.")');
  await page.ask('release()');
  await page.until(`location.search.includes("hidden=9") && ${QUIET}`);
  check(await page.ask('at("knob-beta").value') === '0.', `what is being typed stays: ${await page.ask('at("knob-beta").value')}`);
  await page.ask('at("knob-beta").blur()');
  await page.ask('enter("knob-lambda", "0,001")');
  await page.until(`location.search.includes("lambda=0.001") && ${QUIET}`);
  check(await page.ask('at("knob-lambda").value') === '0.001', 'what has been typed is written as it was taken');
  await page.close();
}

/** Three rows of two numbers as .npy. */
const ROWS = [...Buffer.concat([
  Buffer.from([0x93]), Buffer.from('NUMPY'), Buffer.from([1, 0, 118, 0]), Buffer.from("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }".padEnd(118)),
  Buffer.from(Float32Array.from([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).buffer),
])];

/** Data that are read, and a knob that is changed to what the engine refuses before they are learned from. */
async function keepsData() {
  const page = await opened('?optimizer=adam&steps=5');
  await page.ask(`drop("rows.npy", Uint8Array.from([${ROWS}])); enter("knob-batch", "1000"); 0`);
  await page.until(`/^rows.npy:/.test(at("data-words").textContent) && ${QUIET}`);
  const words = await page.ask('at("data-words").textContent');
  check(/^rows\.npy: 3 examples of 2 numbers/.test(words), `the data that are told are those of the run: ${words}`);
  await page.until('/there are 3 examples/.test(at("knob-batch-refusal").textContent)');
  check(true, `the knob is refused for them: ${await page.ask('at("knob-batch-refusal").textContent')}`);
  await page.close();
}

/** Colours that are asked for as soon as pictures are told. */
async function keepsPictures() {
  const page = await opened('?steps=5');
  await page.ask(`drop("rows.npy", Uint8Array.from([${ROWS}])); 0`);
  await page.until(`/^rows.npy:/.test(at("data-words").textContent) && ${QUIET} && at("progress").value > 0`);
  await page.ask(`(async () => {
    const canvas = new OffscreenCanvas(64, 64);
    const context = canvas.getContext('2d');
    for (let side = 0; side < 64; side += 4) { context.fillStyle = 'hsl(' + 40 * side + ' 80% 50%)'; context.fillRect(side, 0, 4, 64 - side); }
    const picture = await canvas.convertToBlob();
    hold = "run";
    drop("picture.png", picture);
  })()`);
  await page.until('/^One picture .* in grey/.test(at("data-words").textContent)');
  await page.ask('at("color").click(); release()');
  await page.until(`/in colour/.test(at("data-words").textContent)`);
  check(true, `colours are those of the pictures that are shown: ${await page.ask('at("data-words").textContent')}`);
  await page.close();
}

/** A model that is saved between two posts, which are a long time apart here. */
async function saysWhatIsSaved() {
  extra.set('/loop.mjs', Buffer.from(rare));
  const page = await opened('?optimizer=adam&steps=10000000&lr=0.0001');
  await page.ask('HTMLAnchorElement.prototype.click = () => {}; 0');
  const note = '(at("save").click(), Number(at("model-note").textContent.split("step ").at(-1).replace(/\\D/g, "")))';
  let saved = 0;
  for (const start = performance.now(); !(saved > 0) && performance.now() - start < Math.min(PATIENCE, 30_000);) saved = await page.ask(`new Promise((done) => { setTimeout(done, 100); }).then(() => ${note})`);
  await page.ask('at("toggle").click()');
  await page.until('/^Paused/.test(at("state").textContent)');
  const steps = await page.ask('at("progress").value');
  check(saved > 0 && saved <= steps, `what is told of a saved model is its step, not that of the last post: ${saved}, paused at ${steps}`);
  extra.clear();
  await page.close();
}

/** A unit that is marked, when another run begins; and the keys in the grid of features. */
async function marksOnce() {
  const page = await opened('?steps=5');
  await page.ask('document.querySelectorAll(".tile")[7].click(); document.querySelectorAll(".tile")[7].focus()');
  check(/^unit 7:/.test(await page.ask('new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(() => done(at("bars-note").textContent))); })')), 'a unit is marked in the bars');
  const press = (key) => page.ask(`document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: '${key}', bubbles: true, cancelable: true })); [...document.querySelectorAll('.tile')].indexOf(document.activeElement)`);
  check(await press('Home') === 0 && await press('End') === 24, 'Home and End go to the first and the last feature from one that was clicked');
  await page.ask('document.querySelectorAll(".tile")[7].focus()');
  check(await press('End') === 24, 'End goes to the last feature from wherever the focus is');
  await page.ask('enter("knob-seed", "4")');
  await page.until(`location.search.includes("seed=4") && ${QUIET}`);
  const pressed = await page.ask('document.querySelectorAll(".tile[aria-pressed=true]").length');
  check(pressed === 0, `a new run has no marked unit: ${pressed} in the grid`);
  await page.close();
}

/** Buttons that go out of reach under the keyboard's focus. */
async function keepsFocus() {
  const page = await opened('?steps=5');
  const focused = () => page.ask('new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(() => done(document.activeElement.id))); })');
  await page.until('/^Finished at step 5 of 5/.test(at("state").textContent)');
  await page.ask('hold = "extend"; at("toggle").focus(); at("toggle").click()');
  await page.until('held.length === 1');
  check(await page.ask('at("toggle").disabled'), `a run that begins cannot be paused; the focus is at “${await focused()}”`);
  await page.ask('release()');
  await page.until('/^Finished at step 10 of 10/.test(at("state").textContent)');
  check(await focused() === 'toggle', `the focus is where it was: “${await focused()}”`);
  await page.ask('hold = "extend"; at("toggle").click()');
  await page.until('held.length === 1');
  await focused();
  await page.ask('at("save").focus(); release()');
  await page.until('/^Finished at step 15 of 15/.test(at("state").textContent)');
  check(await focused() === 'save', 'a focus that has gone elsewhere stays there');
  await page.ask(`drop("rows.npy", Uint8Array.from([${ROWS}])); 0`);
  await page.until('!at("built-in").hidden');
  await page.ask('at("built-in").focus(); at("built-in").click()');
  await page.until('at("built-in").hidden');
  check(await focused() === 'files', `after the way back the focus is beside it: “${await focused()}”`);
  await page.close();
}

/** A page that is slower than the Worker: posts must not queue before it. */
async function isNotOverrun() {
  const page = await opened('?optimizer=adam&steps=10000000&lr=0.0001');
  await page.until('posts > 3');
  // Messages that came while the page was at something are there at once afterwards, before a new timer's turn.
  const queued = await page.ask('new Promise((done) => { const end = performance.now() + 4000; while (performance.now() < end); const before = posts; setTimeout(() => setTimeout(() => done(posts - before), 50), 0); })');
  check(queued <= 3, `after four seconds at something else ${queued} posts wait for the page`);
  const seen = await page.ask('posts');
  await page.until(`posts > ${seen + 3}`);
  check(true, 'then posts go on');
  await page.close();
}

for (const part of [keepsBoth, keepsTyping, keepsData, keepsPictures, saysWhatIsSaved, marksOnce, keepsFocus, isNotOverrun]) {
  try {
    await part();
  } catch (error) {
    check(false, `${part.name}: ${error.stack}`);
  }
}
await browser.close();
server.close();
end();
