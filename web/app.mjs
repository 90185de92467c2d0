// The page: wires controls and drawings to the Worker, and says in words what the run is at.
import { Bars } from './bars.mjs';
import { Client } from './client.mjs';
import { Controls } from './controls.mjs';
import { Curve } from './curve.mjs';
import { wireEngine } from './devices.mjs';
import { Example } from './example.mjs';
import { Features } from './features.mjs';
import { wireModels } from './models.mjs';
import { grouped, short } from './paint.mjs';
import { Run } from './run.mjs';
import { forEngine, fromQuery, toQuery } from './settings.mjs';
import { hint, wireSources } from './sources.mjs';
import { by, copied, say } from './words.mjs';

/** Milliseconds between two announcements to screen readers, and between two drawings of an example. */
const [CALM, EXAMPLE] = [10_000, 400];
/** Milliseconds between two drawings where motion is to be reduced. */
const STILL = 1000;

const client = new Client(told);
const run = new Run(client, { begun, changed: showState, failed });
const asked = fromQuery(location.search);
const reduced = matchMedia('(prefers-reduced-motion: reduce)');
/** The data that the example is one of. */
let source = run.data;
let [announced, exampled, drawn, example, version] = [0, 0, 0, null, ''];
/** The button that had the focus when it went out of reach. */
let left = null;

const controls = new Controls({ knobs: by('knobs'), ofData: by('data-knobs'), presets: by('presets') }, asked.settings, (change, name) => run.inTurn(() => begin(change(controls.settings), name)));
const features = new Features(by('features'), by('features-note'), mark);
const curve = new Curve(by('curve'), by('curve-read'), Object.fromEntries(['j', 'reconstruction', 'decay', 'penalty'].map((term) => [term, by(`value-${term}`)])), by('curve-at'));
const bars = new Bars(by('bars'), by('bars-note'), (unit) => features.choose(unit));
const shown = new Example({ input: by('example-input'), code: by('example-code'), output: by('example-output'), lines: by('example-lines'), note: by('example-note') });
const engine = wireEngine(client, run, () => run.inTurn(() => begin(controls.settings, null)));
wireSources(run, { begin: () => begin(controls.settings, null, 'data-refusal'), takeModel });
wireModels(run, (bytes, name) => run.inTurn(() => takeModel(bytes, name)));

function mark(unit) {
  bars.mark(unit);
  shown.mark(unit);
}

/** Begins anew, in its turn; a refusal stands beside the knob that it names, and the run goes on as it was. */
async function begin(settings, name, place = 'general-refusal', { paused = false } = {}) {
  say('general-refusal', null);
  try {
    await run.begin(forEngine(settings, run.data.kind), settings);
    if (!paused) await run.start();
    return true;
  } catch (error) {
    if (error.restarted) return false;
    const named = [...error.message.matchAll(/`(\w+)`/g)].map(([, word]) => word).find((word) => controls.has(word)) ?? name;
    // The first run of a page: there is none that could go on.
    const isInstead = !run.begun && Object.keys(settings).length > 0 && await begin({}, null);
    const rest = isInstead ? ' The lecture’s settings are taken instead.' : run.begun ? ` ${run.rest}` : '';
    const reason = `${error.message.replaceAll('`', '')}.${rest}`;
    if (place === 'general-refusal' && named) controls.refuse(named, reason);
    else say(place, reason);
    showState();
    return false;
  }
}

async function takeModel(bytes, name) {
  const settings = await run.takeModel(bytes, controls.settings);
  const note = run.begun.note ? ` Mind: ${run.begun.note}, so that J is not what it was.` : '';
  by('model-note').textContent = `${name} was opened; the run goes on from it.${note}`;
  await run.start();
  return settings;
}

/** A run has begun, under chosen settings. */
function begun(settings, description) {
  controls.show(settings, description.settings, description.planned, run.data.kind);
  history.replaceState(null, '', `${location.pathname}${toQuery(settings)}${location.hash}`);
  if (!run.goesOn) curve.clear();
  features.choose(null);
  say('trouble', null);
  say('data-hint', hint(run.data, description.settings));
  by('data-words').textContent = `${named(run.data, description)}: ${grouped(description.examples)} examples of ${description.visible} numbers.`;
  if (example === null || example >= description.examples || run.data !== source) example = description.telling;
  source = run.data;
  by('example-number').value = String(example);
  exampled = 0;
  showState();
}

/** What the examples are of. */
function named({ kind, name, heads }, { data }) {
  if (kind === 'rows') return name;
  if (kind === 'built-in') return data.charAt(0).toUpperCase() + data.slice(1);
  const names = heads.slice(0, 3).map((head) => head.name).join(', ');
  return `${heads.length === 1 ? 'One picture' : `${heads.length} pictures`} (${names}${heads.length > 3 ? ', …' : ''}), ${heads[0].channels === 3 ? 'in colour' : 'in grey'}`;
}

function told(event) {
  if (event.event === 'progress') progress(event);
  else if (event.event === 'line') engine.line(event);
  else failed(event);
}

function progress(event) {
  run.took(event);
  const now = performance.now();
  const isCalm = run.running && !event.ended && event.steps > 0;
  const isStill = isCalm && reduced.matches && now - drawn < STILL;
  curve.add([...event.history, event], isStill);
  if (!isStill) {
    drawn = now;
    const { hidden, settings } = run.begun;
    features.update(event.features, event.rho_hat, hidden, !isCalm);
    bars.update(event.rho_hat, settings.rho);
    showState();
  }
  if (!isCalm || now - exampled > (reduced.matches ? STILL : EXAMPLE)) showExample();
  if (!isCalm || now - announced > CALM) announce();
}

function announce() {
  announced = performance.now();
  const last = run.last;
  if (!last) return;
  const terms = `J ${short(last.j)}: reconstruction ${short(last.reconstruction)}, weight decay ${short(last.decay)}, sparsity penalty ${short(last.penalty)}`;
  by('calm').textContent = `${run.words()}. J ${short(last.j)}.`;
  by('curve').setAttribute('aria-label', `J and its terms over steps, logarithmic. Now, at step ${last.steps}, ${terms}.`);
  by('bars').setAttribute('aria-label', `Mean activation of ${last.rho_hat.length} units: ${bars.words()}.`);
}

function showState() {
  const { last, begun: description } = run;
  const toggle = by('toggle');
  toggle.textContent = run.running ? 'Pause' : last?.ended ? 'Go on' : 'Start';
  const activeElement = document.activeElement ?? document.body;
  for (const id of ['toggle', 'step']) by(id).disabled = !description || run.busy || run.atWork || run.broken || (id === 'step' && Boolean(last?.ended));
  if (activeElement.disabled && activeElement.closest('#bar')) left = activeElement;
  else if (activeElement !== document.body) left = null;
  else if (left && !left.disabled) left.focus({ preventScroll: true });
  by('reset').disabled = version === '' && !run.broken;
  by('save').disabled = !description || run.broken;
  if (last) Object.assign(by('progress'), { max: last.planned, value: last.steps });
  by('state').textContent = run.details();
}

async function showExample() {
  exampled = Infinity;
  try {
    const { input, code, reconstruction } = await client.call('example', example);
    if (run.begun) shown.update({ input, code, reconstruction }, run.begun.form, run.begun.settings.activation === 'tanh');
    by('example-input').setAttribute('aria-label', `example ${example} of ${run.begun.examples}`);
    by('example-code').setAttribute('aria-label', `its code: ${by('example-note').textContent}`);
    by('example-output').setAttribute('aria-label', `reconstruction of example ${example}: ${by('example-note').textContent}`);
    by('example-lines').setAttribute('aria-label', `example ${example} and its reconstruction: ${by('example-note').textContent}`);
  } catch (error) {
    if (error.trap) failed(error);
    else by('example-note').textContent = `It cannot be shown: ${error.message}.`;
  }
  exampled = performance.now();
}

function failed({ message, event, trap, gone }) {
  run.broke(trap || event === 'lost');
  const way = trap || event === 'lost' ? 'Reset begins a new run with the same settings'
    : gone ? 'What had been learned when it was last shown can be saved; Reset begins anew on it, and the processor takes the same settings'
      : 'Reset begins it anew; a smaller learning rate, another seed or other data may help';
  say('trouble', `${event === 'lost' ? 'The Worker has stopped' : trap ? 'The engine has stopped' : 'The run has stopped'}: ${message.replaceAll('`', '')}. ${way}.`);
  showState();
}

by('toggle').addEventListener('click', async () => {
  try {
    if (run.running) await run.pause();
    else if (run.last?.ended) await run.inTurn(() => run.extend(forEngine(controls.settings, run.data.kind), controls.settings));
    else await run.start();
  } catch (error) {
    if (!error.restarted) failed(error);
  }
  showState();
  announce();
});
by('step').addEventListener('click', async () => {
  await run.step().catch(failed);
  showState();
});
by('reset').addEventListener('click', async () => {
  // A Worker that is still at something long, or lost, is ended; otherwise it begins anew by itself.
  if (run.busy || run.atWork || run.broken) {
    run.dropWaiting();
    client.restart();
    try {
      await open();
    } catch (error) {
      // Files may have moved since they were dropped.
      say('trouble', `The data cannot be read again: ${error.message}. “Back to the built-in pictures” begins with those.`);
      return;
    }
  }
  await run.inTurn(() => begin(controls.settings, null, 'trouble', { paused: true }));
});
by('copy-link').addEventListener('click', () => copied(by('copy-link'), location.href, run.data.kind !== 'built-in' ? 'Copied, without data' : run.goesOn || run.isOfModel ? 'Copied, without what was learned' : 'Copied'));
by('another').addEventListener('click', () => run.begun && choose(Math.floor(Math.random() * run.begun.examples)));
by('example-number').addEventListener('change', ({ target }) => {
  if (!run.begun) return;
  const [number, most] = [Number(target.value), run.begun.examples - 1];
  const isThere = target.value.trim() !== '' && Number.isInteger(number) && number >= 0 && number <= most;
  say('example-refusal', isThere ? null : `Examples are numbered from 0 to ${most}; this one stays.`);
  if (isThere) choose(number);
});

function choose(number) {
  say('example-refusal', null);
  example = number;
  by('example-number').value = String(number);
  showExample();
}

async function open() {
  ({ version } = await client.call('open', 'processor'));
  by('version').textContent = version;
  await run.restore();
}

try {
  showState();
  await open();
  await run.inTurn(() => begin(asked.settings, null));
  for (const { name, reason } of asked.refused) controls.refuse(name, reason);
  engine.look();
} catch (error) {
  say('trouble', `The page could not begin: ${error.message}.`);
  by('state').textContent = 'Not running.';
}
