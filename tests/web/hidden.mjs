// A run in a hidden tab: node hidden.mjs CHROMIUM WEB_DIR. Another tab is brought before the page, as somebody does who goes on reading;
// nothing is said to the browser that would turn its throttling off. What has to hold is told by shares of time, not by speed.
import { resolve } from 'node:path';
import { launched } from './protocol.mjs';
import { serve } from './server.mjs';
import { check, end } from './told.mjs';

const [chromium, web] = process.argv.slice(2);
const PATIENCE = Number(process.env.PATIENCE ?? 600_000);

/** Keeps what the Worker posts, and counts frames and a timer that asks for the next millisecond each time. */
const WITNESS = `
  globalThis.posts = [];
  globalThis.frames = 0;
  globalThis.ticks = [];
  globalThis.Worker = class extends Worker {
    constructor(...all) {
      super(...all);
      this.addEventListener('message', ({ data: { event, steps, seconds } }) => {
        if (event === 'progress') posts.push({ steps, seconds, at: performance.now(), seen: document.visibilityState });
      });
    }
  };
  const frame = () => { frames += 1; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  const tick = () => { ticks.push(performance.now()); setTimeout(tick, 1); };
  tick();
`;

const server = await serve(resolve(web));
const browser = await launched(chromium);
const page = await browser.tab(`${server.address}?optimizer=adam&steps=10000000&lr=0.001`, WITNESS);

async function until(expression, what) {
  const start = performance.now();
  while (!await page.ask(expression)) {
    if (performance.now() - start > PATIENCE) throw new Error(`waited in vain for ${what}; ${await page.ask('document.getElementById("state").textContent')}`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

try {
  await until('globalThis.posts?.length > 3', 'training in a tab that is seen');
  const other = await browser.tab('about:blank');
  await other.show();
  await until('document.visibilityState === "hidden"', 'a hidden tab');
  // Ten seconds after it has been hidden the browser lets a timer of the page run once a second.
  await until('ticks.length > 3 && ticks.at(-1) - ticks.at(-4) > 2500', 'timers that are throttled');
  const shown = JSON.parse(await page.ask('JSON.stringify({ posts: posts.length, frames, ticks: ticks.length, at: document.getElementById("curve-at").textContent })'));
  // A loop that stands still is not waited for.
  await until(`ticks.length >= ${shown.ticks + 5} && posts.length >= ${shown.posts + 5} || ticks.length >= ${shown.ticks + 20}`, 'five more ticks of a timer');
  const found = JSON.parse(await page.ask('JSON.stringify({ posts, frames, ticks, seen: document.visibilityState, at: document.getElementById("curve-at").textContent, value: document.getElementById("progress").value })'));
  const hidden = found.posts.slice(shown.posts);
  if (hidden.length < 2) throw new Error(`the run stands still: ${hidden.length} posts in ${found.ticks.length - shown.ticks} seconds`);
  const [first, last] = [hidden[0], hidden.at(-1)];
  check(found.seen === 'hidden' && hidden.every(({ seen }) => seen === 'hidden') && found.frames === shown.frames, `the tab is hidden: ${hidden.length} posts, no frame`);
  const [wall, computed] = [(last.at - first.at) / 1000, last.seconds - first.seconds];
  check(wall > 2 && computed > 0.5 * wall, `it computes ${computed.toFixed(2)} of ${wall.toFixed(2)} s, ${last.steps - first.steps} steps, while a timer of the page ticks ${found.ticks.length - shown.ticks} times`);
  check(found.value >= last.steps, `the page follows: step ${found.value}`);
  check(found.at === shown.at, `nothing is drawn: the curve is at ${found.at}`);

  await page.show();
  await until('document.visibilityState === "visible"', 'a tab that is seen again');
  const back = await page.ask('posts.at(-1).steps');
  await until(`Number(document.getElementById("curve-at").textContent.replace(/\\D/g, "")) >= ${back}`, `a curve up to step ${back}`);
  check(/^Training, step /.test(await page.ask('document.getElementById("state").textContent')), `seen again it shows the present: ${await page.ask('document.getElementById("curve-at").textContent')}`);
} catch (error) {
  check(false, error.stack);
}
await browser.close();
server.close();
end();
