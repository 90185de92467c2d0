// L-BFGS on the recordings of a plan: the two-loop recursion over inner products, and a line search for the strong Wolfe
// conditions (Nocedal & Wright, Algorithms 7.4, 3.5 and 3.6).

const HISTORY = 10;
const GRADIENT = 2 * HISTORY;
const SIZE = GRADIENT + 1;
const [C1, C2] = [1e-4, 0.9];
const total = (numbers) => numbers.reduce((sum, x) => sum + x, 0);
const bits = (x) => new Uint32Array(new Float32Array([x]).buffer)[0];

export class Lbfgs {
  constructor(host, objective, rows) {
    Object.assign(this, { host, objective, rows, pairs: [], gram: new Float64Array(SIZE * SIZE), products: [] });
    const { plan } = host;
    // One block in one piece: a vector of the history is the whole of the parameters.
    if (plan.blocks.length !== 1 || plan.tensors.history.length !== 1) throw new Error('a search in several pieces');
    [this.history] = plan.tensors.history;
    this.length = this.history.cols / SIZE;
    // Vec4s of an invocation in a block of 64 invocations: as many as leave 64 blocks, 1 to 16.
    this.turns = Math.min(16, Math.max(1, Math.ceil(this.length / 4 / (64 * 64))));
    this.blocks = Math.ceil(this.length / (4 * 64 * this.turns));
  }

  async begin() {
    this.prepare(0, [], [GRADIENT]);
    this.cost = await this.evaluate(0);
    await this.refresh();
    this.host.copy('lbfgs accept');
  }

  get j() {
    return total(this.cost.terms);
  }

  dot(x, y) {
    return this.gram[SIZE * x + y];
  }

  /** Lets the next trials keep (s, y) in a slot and take the inner products of `fresh` vectors with each other and those `kept`. */
  prepare(slot, kept, fresh = [slot, HISTORY + slot, GRADIENT]) {
    const listed = [...fresh, ...kept];
    const factors = [0, 1, 2].map((i) => fresh[i] ?? fresh[0]);
    this.upcoming = { slot, listed, factors };
    this.host.setUniform('places 0', [this.length / 4, slot, HISTORY + slot, GRADIENT]);
    const list = new Uint32Array(8 + 4 * 6).fill(factors[0]);
    list.set([this.length / 4, this.turns, this.blocks, listed.length, ...factors, 0]);
    list.set(listed, 8);
    this.host.setUniform('lists 0', list);
  }

  /** J, its terms and the slope at a step along the direction, which is made of new terms by the first trial. */
  async evaluate(step, recording = 'lbfgs trial') {
    this.host.setUniform('step 0', [this.length / 4, bits(step), bits(1)]);
    this.host.run(recording);
    const cost = await this.host.cost(this.objective, this.rows);
    return { ...cost, step, value: total(cost.terms), slope: total(await this.host.read('slopes')) };
  }

  /** Takes the inner products that the last trial has left into the Gram matrix. */
  async refresh() {
    const { listed, factors } = this.upcoming;
    const read = await this.host.read('inner products', [3 * listed.length * this.blocks]);
    this.products = [];
    listed.forEach((y, j) => factors.forEach((x, i) => {
      const product = total(read.subarray((3 * j + i) * this.blocks, (3 * j + i + 1) * this.blocks));
      this.gram[SIZE * x + y] = product;
      this.gram[SIZE * y + x] = product;
      this.products.push([x, y]);
    }));
  }

  direction() {
    const terms = [[-1, GRADIENT]];
    const along = (vector) => total(terms.map(([c, x]) => c * this.dot(x, vector)));
    const alphas = new Map();
    for (const i of [...this.pairs].reverse()) {
      const alpha = along(i) / this.dot(i, HISTORY + i);
      terms.push([-alpha, HISTORY + i]);
      alphas.set(i, alpha);
    }
    const newest = this.pairs.at(-1);
    if (newest !== undefined) {
      const scale = this.dot(newest, HISTORY + newest) / this.dot(HISTORY + newest, HISTORY + newest);
      terms.forEach((term) => { term[0] *= scale; });
    }
    for (const i of this.pairs) {
      const beta = along(HISTORY + i) / this.dot(i, HISTORY + i);
      terms.push([alphas.get(i) - beta, i]);
    }
    return terms;
  }

  /** One iteration; whether J was lowered. */
  async iterate() {
    for (;;) {
      const terms = this.direction();
      const merged = new Map();
      terms.forEach(([c, vector]) => merged.set(vector, (merged.get(vector) ?? 0) + c));
      const uniform = new Uint32Array(4 + 4 * 64);
      uniform.set([this.length / 4, merged.size]);
      [...merged].forEach(([vector, c], at) => uniform.set([vector, bits(c)], 4 + 4 * at));
      this.host.setUniform('terms 0', uniform);
      const slope = total(terms.map(([c, vector]) => c * this.dot(GRADIENT, vector)));
      const free = [...Array(HISTORY).keys()].find((slot) => !this.pairs.includes(slot)) ?? this.pairs[0];
      this.prepare(free, this.pairs.filter((other) => other !== free).flatMap((other) => [other, HISTORY + other]));
      if (slope < 0 && await this.search(slope)) {
        await this.accept(free);
        return true;
      }
      if (!this.pairs.length) return false;
      this.pairs = [];
      this.host.copy('lbfgs restore');
    }
  }

  async search(slope) {
    const before = { ...this.cost, step: 0, value: this.j, slope };
    const norm = Math.sqrt(this.dot(GRADIENT, GRADIENT));
    const finite = ({ value, slope }) => Number.isFinite(value) && Number.isFinite(slope);
    const falls = (trial) => finite(trial) && trial.value <= before.value + C1 * trial.step * slope;
    let [low, high, lowest] = [before, null, null];
    let step = this.pairs.length ? 1 : Math.min(1, 1 / norm);
    for (let evaluations = 0; evaluations < 25; evaluations += 1) {
      const trial = await this.evaluate(step, evaluations === 0 ? 'lbfgs first trial' : 'lbfgs trial');
      this.cost = trial;
      if (falls(trial) && Math.abs(trial.slope) <= -C2 * slope) return true;
      if (finite(trial) && trial.value < (lowest ?? before).value) lowest = trial;
      if (!falls(trial) || (trial.value >= low.value && trial.step !== low.step)) {
        high = trial;
      } else {
        const outward = high ? high.step - low.step : trial.step - low.step;
        if (trial.slope * outward >= 0) high = low;
        low = trial;
      }
      if (!high) {
        step *= 4;
        continue;
      }
      const width = high.step - low.step;
      if (!(Math.abs(width) > 1e-9 * Math.max(Math.abs(high.step), low.step))) break;
      const [a, b] = [low.step + 0.1 * width, low.step + 0.9 * width].sort((x, y) => x - y);
      step = Math.min(b, Math.max(a, finite(high) ? minimum(low, high) ?? low.step + width / 2 : low.step + width / 2));
    }
    this.cost = lowest ? await this.evaluate(lowest.step) : before;
    return lowest !== null;
  }

  async accept(slot) {
    await this.refresh();
    this.host.copy('lbfgs accept');
    this.pairs = this.pairs.filter((other) => other !== slot);
    const [s, y] = [slot, HISTORY + slot];
    if (this.dot(s, y) > 1e-8 * Math.sqrt(this.dot(s, s)) * Math.sqrt(this.dot(y, y))) this.pairs.push(slot);
  }
}

/** The minimum of the cubic through two points with their slopes. */
function minimum(a, b) {
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.step - b.step);
  const square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return null;
  const d2 = Math.sqrt(square) * Math.sign(b.step - a.step);
  const found = b.step - ((b.step - a.step) * (b.slope + d2 - d1)) / (b.slope - a.slope + 2 * d2);
  return Number.isFinite(found) ? found : null;
}
