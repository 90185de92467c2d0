// What the page takes while it trains: node memory.mjs CHROMIUM WEB_DIR MINUTES [QUERY] [hidden]
// A line a minute: the process of the tab as it is and after a collection of garbage, the module's memory, what scripts of the page and
// of its Worker hold, nodes and listeners. It fails where one of them is more at the end than after the second minute (or the first
// collection, where there are few). EVERY: minutes between two collections (1), so that what gathers without them can be seen, too.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { launched } from './protocol.mjs';
import { serve } from './server.mjs';

const [chromium, web, minutes, query = '?optimizer=adam&steps=10000000', seen = 'seen'] = process.argv.slice(2);
const every = Number(process.env.EVERY ?? 1);
const MIB = 2 ** 20;
// The module's memory is private to its class: a class is served that lets it be seen, and keeps nothing alive.
const source = String(readFileSync(join(web, 'wasm.mjs')));
const planted = source.replace('rhohat.#exports.start();', '$& (globalThis.memories ??= []).push(new WeakRef(rhohat.#exports.memory));');
if (planted === source) throw new Error('wasm.mjs has another start than this script knows');
const server = await serve(resolve(web), new Map([['/wasm.mjs', Buffer.from(planted)]]));
const browser = await launched(chromium);
const page = await browser.tab(`${server.address}${query}`);

/**
 * MiB of each process of a type, the largest first: what is its own (Anonymous), or all that lies in memory, the browser's libraries in
 * each anew (Rss). Shares (Pss) would change with every other browser on the machine.
 */
async function processes(type, kind = 'Anonymous') {
  const { processInfo } = await browser.send('SystemInfo.getProcessInfo');
  return processInfo.filter((process) => process.type === type).map(({ id }) => {
    const [, kib] = new RegExp(`^${kind}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${id}/smaps_rollup`, 'utf8'));
    return kib / 1024;
  }).sort((a, b) => b - a);
}

/** Bytes of each module that is still held. */
async function moduleMemory(worker) {
  return JSON.parse(await page.askOf(worker, 'JSON.stringify(memories.map((memory) => memory.deref()?.buffer.byteLength).filter(Boolean))'));
}

async function heap(session) {
  await browser.send('HeapProfiler.collectGarbage', {}, session);
  const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await browser.send('Runtime.getHeapUsage', {}, session);
  return { scripts: usedSize / MIB, embedder: embedderHeapUsedSize / MIB, buffers: backingStorageSize / MIB };
}

async function measured(isCollected) {
  const [before] = await processes('renderer');
  const drawing = (await processes('GPU'))[0] ?? 0;
  const rss = (await processes('renderer', 'Rss')).reduce((sum, one) => sum + one, 0);
  const row = { tab: before, rss, drawing, step: await page.ask('document.getElementById("progress").value') };
  if (!isCollected) return row;
  const [worker] = page.workers;
  const [ofPage, ofWorker] = [await heap(page.session), await heap(worker)];
  const modules = await moduleMemory(worker);
  const { nodes, jsEventListeners } = await page.call('Memory.getDOMCounters');
  const [collected] = await processes('renderer');
  return {
    ...row, collected, modules: modules.length, module: modules.reduce((sum, bytes) => sum + bytes, 0) / MIB,
    page: ofPage.scripts + ofPage.embedder, pageBuffers: ofPage.buffers, worker: ofWorker.scripts + ofWorker.embedder, workerBuffers: ofWorker.buffers,
    nodes, listeners: jsEventListeners,
  };
}

const NAMES = { step: 'step', tab: 'tab', collected: 'collected', rss: 'all tabs, Rss', drawing: 'GPU process', module: 'module', modules: 'modules', page: 'page', pageBuffers: 'its buffers', worker: 'Worker', workerBuffers: 'its buffers', nodes: 'nodes', listeners: 'listeners' };
const WHOLE = ['step', 'nodes', 'listeners', 'modules'];
console.log(`| minute | ${Object.values(NAMES).join(' | ')} |\n|${'---|'.repeat(Object.keys(NAMES).length + 1)}`);
const show = (minute, row) => console.log(`| ${minute} | ${Object.keys(NAMES).map((name) => (row[name] === undefined ? '' : row[name].toFixed(WHOLE.includes(name) ? 0 : 2))).join(' | ')} |`);

while (!(await page.ask('document.getElementById("progress")?.value > 0'))) await new Promise((resolve) => { setTimeout(resolve, 100); });
if (seen === 'hidden') {
  await (await browser.tab('about:blank')).show();
  if (await page.ask('document.visibilityState') !== 'hidden') throw new Error('the tab is seen');
}
const rows = [];
for (let minute = 0; minute <= Number(minutes); minute += 1) {
  if (minute > 0) await new Promise((resolve) => { setTimeout(resolve, 60_000); });
  const row = await measured(minute === Number(minutes) || minute % every === 0);
  rows.push(row);
  show(minute, row);
}
await page.ask('document.getElementById("toggle").click()');
await new Promise((resolve) => { setTimeout(resolve, 5000); });
show('paused', await measured(true));
await browser.close();
server.close();

const full = rows.filter(({ collected }) => collected !== undefined);
const last = full.pop();
const base = full.find((row) => rows.indexOf(row) >= 2) ?? full[0];
if (!base) throw new Error('one collection is compared with nothing: give more minutes');
// A curve of J holds up to 2 000 points, which take some hundred kilobytes; a process keeps pages that it has had; texts come and go.
const allowed = { collected: 1.1 * base.collected, module: base.module, page: base.page + 2, pageBuffers: base.pageBuffers + 2, worker: base.worker + 1, workerBuffers: base.workerBuffers + 2, nodes: base.nodes + 25, listeners: base.listeners };
const more = Object.keys(allowed).filter((name) => !(last[name] <= allowed[name]));
console.log(more.length ? `FAILED  more at the end than after minute ${rows.indexOf(base)}: ${more.join(', ')}` : `ok      no more at the end than after minute ${rows.indexOf(base)}`);
process.exit(more.length ? 1 : 0);
