// Settings of a run: what each knob is and teaches, what it refuses, presets, and settings as a part of the page's address. A
// setting that nobody has chosen is absent, and the engine fills it in.

const number = (text) => (text.trim() === '' ? NaN : Number(text.trim().replace(/^(\d+),(\d+)$/, '$1.$2')));
const whole = (low, high, what) => (text) => {
  const value = number(text);
  if (!Number.isInteger(value) || value < low || value > high) throw new Error(`${what}: a whole number from ${low} to ${high}`);
  return value;
};
const real = (accepts, what) => (text) => {
  const value = number(text);
  if (!Number.isFinite(value) || !accepts(value)) throw new Error(what);
  return value;
};

/**
 * @typedef {object} Knob
 * @property {string} name as in config.toml
 * @property {string} label
 * @property {string} teaches one sentence
 * @property {string[]} [options] of a choice; other knobs take text
 * @property {(text: string) => any} [read] the value, or an Error with the reason in words
 * @property {any} [usual] the value where nobody has chosen; absent where it follows from others
 * @property {(settings: object, data: string) => string | null} [idle] why it does nothing now
 */

const ofFirstOrder = ({ optimizer }) => (optimizer && optimizer !== 'lbfgs' ? null : 'L-BFGS takes all examples at once and finds its own rate');
const ofPictures = (_, data) => (data === 'rows' ? 'the data are rows, not pictures' : null);

/** @type {Knob[]} */
export const KNOBS = [
  { name: 'hidden', label: 'hidden units h', usual: 25, read: whole(1, 8192, 'hidden units'), teaches: 'How many features there are to learn; with more than inputs the code is overcomplete, and sparsity alone keeps it honest.' },
  { name: 'rho', label: 'sparsity target ρ', usual: 0.01, read: real((x) => x > 0 && x < 1, 'ρ: a mean activation between 0 and 1, neither included'), teaches: 'How active each unit is to be on average: at 0.01 it may speak up for about one patch in a hundred.' },
  { name: 'beta', label: 'sparsity weight β', usual: 3, read: real((x) => x >= 0, 'β: a weight of 0 or more'), teaches: 'How dear it is to miss ρ; at 0 units may be active all the time.' },
  { name: 'lambda', label: 'weight decay λ', usual: 0.0001, read: real((x) => x >= 0, 'λ: a weight of 0 or more'), teaches: 'How dear large weights are; it smooths features, and too much of it wipes them out.' },
  { name: 'activation', label: 'activation f', usual: 'sigmoid', options: ['sigmoid', 'tanh'], teaches: 'What a unit makes of its input: sigmoid from 0 to 1, tanh from −1 to 1, where −1 counts as silent.' },
  { name: 'optimizer', label: 'optimiser', usual: 'lbfgs', options: ['lbfgs', 'adam', 'sgd'], teaches: 'Who chooses the steps: L-BFGS looks at all examples and the curvature, Adam and SGD at a few examples and the slope.' },
  { name: 'lr', label: 'learning rate', read: real((x) => x > 0, 'learning rate: a number above 0'), idle: ofFirstOrder, teaches: 'The length of a step of Adam or SGD: too small and J crawls, too large and it jumps.' },
  { name: 'batch', label: 'batch', idle: ofFirstOrder, read: (text) => (/^(all|full)$/i.test(text.trim()) ? 'full' : whole(1, 1e9, 'batch: “all”, or rows of a mini-batch')(text)), teaches: 'Examples that a step of Adam or SGD looks at: few make quick, noisy steps; “all” makes slow, sure ones.' },
  { name: 'steps', label: 'steps', read: whole(1, 1e7, 'steps'), teaches: 'How long the run is; features sharpen late, when J hardly falls any more.' },
  { name: 'start', label: 'start', options: ['lecture', 'data'], teaches: 'Where the weights begin: at random as in the lecture, or fitted to the data and to ρ; from the lecture’s start Adam finds no features.' },
  { name: 'seed', label: 'seed', usual: 0, read: whole(0, Number.MAX_SAFE_INTEGER, 'seed'), teaches: 'The number that all chance comes from: the same seed gives the same run, another gives other pictures and weights.' },
  { name: 'patch', label: 'patch side', usual: 8, group: 'data', idle: ofPictures, read: whole(1, 64, 'patch side'), teaches: 'Pixels across and down of the patches cut from pictures; inputs n grow with its square.' },
  { name: 'samples', label: 'patches', usual: 10000, group: 'data', idle: ofPictures, read: whole(1, 1e6, 'patches'), teaches: 'How many patches are drawn: more teach more and take longer.' },
  { name: 'whiten', label: 'whiten pictures', options: ['true', 'false'], group: 'data', idle: ofPictures, teaches: 'Olshausen’s filter evens out fine and coarse structure, so that edges are worth learning; the built-in pictures have it.' },
  { name: 'normalize', label: 'normalise', options: ['none', 'lecture', 'unit', 'minmax', 'standard', 'mean'], group: 'data', teaches: 'How numbers are brought into the range of the output: “lecture” and “unit” all alike, the others column by column.' },
  { name: 'output', label: 'output g', options: ['sigmoid', 'tanh', 'linear'], group: 'data', teaches: 'What reconstructions can reach: 0 to 1, −1 to 1, or any number.' },
];

const BY_NAME = new Map(KNOBS.map((knob) => [knob.name, knob]));

/** Runs worth seeing, each with what to look for. */
export const PRESETS = [
  { name: 'the lecture', settings: {}, look: 'Edges of every direction form out of noise, while ρ̂ of all units falls onto ρ.' },
  { name: 'no sparsity (β 0)', settings: { beta: 0 }, look: 'J is lower, ρ̂ floats far above ρ, and the features stay blurred mixtures: nothing asks a unit to stand for one thing.' },
  { name: 'no weight decay (λ 0)', settings: { lambda: 0 }, look: 'The decay term is gone and weights grow freely: J is lower, and the features stay specks and noise.' },
  { name: 'overcomplete (100 units)', settings: { hidden: 100 }, look: 'More units than pixels: narrower edges, each of which fewer patches need, and a lower reconstruction term.' },
  { name: 'tanh', settings: { activation: 'tanh' }, look: 'Units are silent at −1 instead of 0: edges again, some of them faint, at a lower J.' },
  { name: 'Adam in mini-batches', settings: { optimizer: 'adam', steps: 4000 }, look: 'Ten times the steps in a fraction of the time, as each sees 250 patches; the units begin from patches of the data, and J ends a little above that of L-BFGS.' },
];

/** The value of a knob's text. @throws with the reason in words */
export function valueOf(name, text) {
  const { options, read, label } = BY_NAME.get(name);
  if (!options) return read(text);
  if (!options.includes(text)) throw new Error(`${label}: ${options.slice(0, -1).join(', ')} or ${options.at(-1)}`);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}

/** Settings that are there and differ from the usual ones. */
export const onlyChosen = (settings) => Object.fromEntries(Object.entries(settings).filter(([name, value]) => value !== undefined && BY_NAME.has(name) && value !== BY_NAME.get(name).usual));

/** The settings of an address's query, and what in it was refused. */
export function fromQuery(query) {
  const settings = {};
  const refused = [];
  for (const [name, text] of new URLSearchParams(query)) {
    if (!BY_NAME.has(name)) continue;
    try {
      settings[name] = valueOf(name, text);
    } catch (error) {
      refused.push({ name, reason: `the address asks for “${text}”. ${error.message}` });
    }
  }
  return { settings: onlyChosen(settings), refused };
}

/** Settings as a query; nothing where all are the usual ones. */
export function toQuery(settings) {
  const query = new URLSearchParams(Object.entries(settings).map(([name, value]) => [name, String(value)])).toString();
  return query && `?${query}`;
}

/** What the engine is told: chosen settings, without those that do nothing now; and the lecture's 400 iterations. */
export function forEngine(settings, data) {
  const asked = Object.fromEntries(Object.entries(settings).filter(([name]) => !BY_NAME.get(name)?.idle?.(settings, data)));
  const isLbfgs = !asked.optimizer || asked.optimizer === 'lbfgs';
  return isLbfgs && data === 'built-in' ? { steps: 400, ...asked } : asked;
}

/** A setting's value as the page writes it. */
export const written = (value) => (value === 'full' ? 'all' : typeof value === 'number' && value > 0 && value < 1e-3 ? value.toExponential() : String(value ?? ''));
