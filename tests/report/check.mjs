// Opens pages and drawings in Chromium: node check.mjs CHROMIUM FOLDER FILE…
// Each at three widths, in light and dark: nothing on the console, nothing fetched, nothing wider than the window, no serious
// finding of axe-core, and what is clicked shows. Of a drawing (.svg) no text may lie on another or leave it. Pictures of all go to
// FOLDER.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import puppeteer from 'puppeteer-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const [chromium, folder, ...files] = process.argv.slice(2);
const isDrawing = (path) => path.endsWith('.svg');
const pages = files.filter((path) => !isDrawing(path));
const widths = [360, 820, 1400];
// A busy machine takes long, and is not wrong.
const PATIENCE = 600_000;
let failed = 0;
const check = (is, what) => {
  if (!is) failed += 1;
  console.log(`${is ? 'ok    ' : 'FAILED'}  ${what}`);
};

const browser = await puppeteer.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'], protocolTimeout: PATIENCE });
for (const path of pages) {
  const name = join(folder, `${basename(dirname(resolve(path)))}-${basename(path, '.html')}`);
  for (const scheme of ['light', 'dark']) {
    for (const width of widths) {
      const page = await browser.newPage();
      page.setDefaultTimeout(PATIENCE);
      const said = [];
      page.on('console', (message) => said.push(message.text()));
      page.on('pageerror', (error) => said.push(String(error)));
      page.on('dialog', (dialog) => { said.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
      page.on('request', (request) => { if (!/^(file|data):/.test(request.url())) said.push(`fetched ${request.url()}`); });
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      await page.setViewport({ width, height: 900 });
      await page.goto(pathToFileURL(resolve(path)), { waitUntil: 'load' });
      const tile = await page.$('button.tile');
      if (tile) {
        await tile.click();
        const shown = await page.$eval('#unit', (panel) => !panel.hidden && panel.querySelectorAll('.tile').length > 1);
        check(shown, `${path}: a feature that is clicked shows its examples, ${width} ${scheme}`);
        await page.select('#sort', 'rho');
        const sorted = await page.$$eval('#grid button', (tiles) => tiles.length);
        check(sorted > 0, `${path}: features are sorted, ${width} ${scheme}`);
      }
      const chart = await page.$('figure[data-series] svg');
      if (chart) {
        await chart.hover();
        check(await page.$eval('.tip', (tip) => !tip.hidden && tip.textContent.startsWith('step ')), `${path}: values under the pointer, ${width} ${scheme}`);
      }
      const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      check(wide <= window, `${path}: ${wide} pixels wide in a window of ${window}, ${scheme}`);
      await page.screenshot({ path: `${name}-${width}-${scheme}.png`, fullPage: true });
      // Scripts of the page's policy, not of the checker's own.
      await page.setBypassCSP(true);
      await page.reload();
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => axe.run());
      const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
      const told = serious.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)}`).join('; ');
      check(serious.length === 0, `${path}: no serious finding of axe-core, ${width} ${scheme} ${told}`);
      check(said.length === 0, `${path}: nothing on the console, ${width} ${scheme} ${said.join('; ')}`);
      await page.close();
    }
  }
  const plain = await browser.newPage();
  plain.setDefaultTimeout(PATIENCE);
  await plain.setJavaScriptEnabled(false);
  await plain.goto(pathToFileURL(resolve(path)), { waitUntil: 'load' });
  const text = await plain.$eval('main', (main) => main.innerText);
  check(/\bJ\b/.test(text) && text.length > 500, `${path}: ${text.length} characters without a script`);
  await plain.pdf({ path: `${name}.pdf` });
  await plain.close();
}
for (const path of files.filter(isDrawing)) {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.setViewport({ width: 1400, height: 900 });
  await page.goto(pathToFileURL(resolve(path)), { waitUntil: 'load' });
  const [count, faults] = await page.evaluate(() => {
    const boxes = [...document.querySelectorAll('text')].map((text) => [text.textContent, text.getBoundingClientRect()]);
    const { width, height } = document.documentElement.getBBox();
    const outside = boxes.filter(([, box]) => box.left < 0 || box.top < 0 || box.right > width || box.bottom > height);
    const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    // Lines that stand close below one another share a pixel of their boxes, not of their letters.
    const inner = (box) => ({ left: box.left, right: box.right, top: box.top + 2, bottom: box.bottom - 2 });
    const pairs = boxes.flatMap(([a, one], i) => boxes.slice(i + 1).filter(([, other]) => overlap(inner(one), inner(other))).map(([b]) => `${a} and ${b}`));
    return [boxes.length, [...outside.map(([text]) => `${text} is outside`), ...pairs]];
  });
  check(count > 10 && faults.length === 0, `${path}: ${count} texts, none on another ${faults.join('; ')}`);
  await page.screenshot({ path: join(folder, `${basename(path, '.svg')}-drawing.png`), fullPage: true });
  await page.close();
}
await browser.close();
process.exit(failed ? 1 : 0);
