// Opens pages in Chromium: node check.mjs CHROMIUM FOLDER PAGE…
// Each at three widths, in light and dark: nothing on the console, nothing fetched, nothing wider than the window, no serious
// finding of axe-core, and what is clicked shows. Pictures of them go to FOLDER.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import puppeteer from 'puppeteer-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const [chromium, folder, ...pages] = process.argv.slice(2);
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
await browser.close();
process.exit(failed ? 1 : 0);
