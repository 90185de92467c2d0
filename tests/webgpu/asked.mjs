// What a witness asks of the page's host (`web/host.mjs`): its own order of steps and its own formulas, by the names of a plan. Actions are
// collected and carried out with the next read.

const bits = (numbers) => [...new Uint32Array(Float32Array.from(numbers).buffer)];
const total = (numbers) => numbers.reduce((sum, x) => sum + x, 0);

export class Asked {
  #host;
  #actions = [];

  /** @param {import('../../web/host.mjs').Host} host @param {object} plan */
  constructor(host, plan) { [this.#host, this.plan] = [host, plan]; }

  setUniform(name, words) { this.#actions.push({ set: [name, [...words]] }); }
  write(name, numbers) { this.#actions.push({ write: [name, bits(numbers)] }); }
  writeList(list) { this.#actions.push({ write: ['list', list] }); }
  run(name) { this.#actions.push({ run: name }); }
  copy(name) { this.#actions.push({ copy: name }); }

  async #flush(more = []) {
    const actions = [...this.#actions.splice(0), ...more];
    return this.#host.perform(actions);
  }

  /** All numbers of the tensors of a name, or the first of each. */
  async read(tensors, numbers = null) { return this.#flush([{ read: [{ tensors, numbers }] }]); }

  async readVector(prefix) {
    await this.#flush();
    return this.#host.readVector(prefix);
  }

  /** Reconstruction, decay and penalty of J, and ρ̂, from the sums that a recording has left. */
  async cost({ rho, beta, lambda, penalty }, rows, errors = 'squared errors') {
    if (penalty && penalty !== 'kl') throw new Error(`penalty ${penalty}`);
    const rhoHat = await this.read('rho_hat');
    const kl = rhoHat.map((r) => rho * Math.log(rho / r) + (1 - rho) * Math.log((1 - rho) / (1 - r)));
    const terms = [
      total(await this.read(errors)) / (2 * rows),
      (lambda / 2) * total(await this.read('squared weights')),
      beta * total(kl),
    ];
    return { terms, rhoHat };
  }
}
