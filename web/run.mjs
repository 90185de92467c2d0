// The run as the page sees it: what it has begun as, how far it is, and whether it runs.
import { grouped } from './paint.mjs';
import { onlyChosen } from './settings.mjs';

export class Run {
  #client;
  #told;
  /** What the engine said of the run. */
  begun = null;
  /** The last progress. */
  last = null;
  running = false;
  /** A run is being begun. */
  busy = false;
  /** What else the Worker is at, in words. */
  atWork = null;
  /** Whether it has stopped by a failure. */
  hasFailed = false;
  broken = false;
  /** Whether the run goes on from the one before it. */
  goesOn = false;
  /** Whether it began from the parameters of a model. */
  isOfModel = false;
  data = { kind: 'built-in' };
  /** The end of what has been asked for, and how often what waits for it has been dropped. */
  #turn = Promise.resolve();
  #drops = 0;
  /** What the data were read from, for another Worker. */
  #source = ['built-in'];
  #engine = ['processor', {}];

  /** @param {import('./client.mjs').Client} client @param {{begun: Function, changed: Function}} told */
  constructor(client, told) { [this.#client, this.#told] = [client, told]; }

  /**
   * One after the other: whatever begins a run starts from the settings and the data that the one before it has left.
   * @template T @param {() => Promise<T>} work @returns {Promise<T | false>} false where it was dropped
   */
  inTurn(work) {
    const drops = this.#drops;
    const done = this.#turn.then(() => drops === this.#drops && work());
    this.#turn = done.catch(() => { /* told to who has asked for it */ });
    return done;
  }

  /** What waits for its turn never comes. */
  dropWaiting() { this.#drops += 1; }

  async begin(settings, chosen) { return this.#begun('begin', [settings], chosen); }

  async extend(settings, chosen) {
    await this.#begun('extend', [settings], chosen, true);
    await this.start();
  }

  /** Begins under a model's settings, over the chosen ones, from its parameters. */
  async takeModel(bytes, chosen) {
    const { seed, optimizer, lr, batch, steps } = chosen;
    const kept = Object.fromEntries(Object.entries({ seed, optimizer, lr, batch, steps }).filter(([, value]) => value !== undefined));
    return this.#begun('takeModel', [bytes, this.data.kind === 'built-in' && !optimizer ? { steps: 400, ...kept } : kept], kept);
  }

  async #begun(call, args, chosen, goesOn = false) {
    const was = this.running;
    this.busy = true;
    this.#told.changed();
    try {
      await this.#client.call('pause');
      const answer = await this.#client.call(call, ...args);
      const { begun, settings } = call === 'takeModel' ? answer : { begun: answer, settings: {} };
      this.begun = begun;
      [this.running, this.broken, this.hasFailed, this.goesOn] = [false, false, false, goesOn];
      this.isOfModel = call === 'takeModel';
      this.#told.begun(onlyChosen({ ...chosen, ...settings }), this.begun);
    } catch (error) {
      // Whatever has failed is the new run's; the old one is as it was.
      if (was) await this.#client.call('run').catch(() => { this.running = false; });
      throw error;
    } finally {
      this.busy = false;
      this.#told.changed();
    }
  }

  async start() {
    this.running = true;
    await this.#client.call('run');
    this.#told.changed();
  }

  async pause() {
    await this.#client.call('pause');
    this.running = false;
  }

  async step() {
    this.running = false;
    await this.#client.call('step', 1);
  }

  /** Reads data; the next `begin` takes them. */
  async take(kind, payload) {
    const data = await this.#client.call('data', kind, payload);
    return { data, keep: () => { [this.data, this.#source] = [data, [kind, payload]]; } };
  }

  async choose(engine, options) {
    await this.#client.call('open', engine, options);
    this.#engine = [engine, options];
  }

  /** Tells a new Worker what the last one held. */
  async restore() {
    if (this.#engine[0] !== 'processor') await this.#client.call('open', ...this.#engine);
    if (this.#source[0] !== 'built-in') await this.#client.call('data', ...this.#source);
  }

  async save() { return this.#client.call('saveModel'); }

  took(progress) {
    this.last = progress;
    if (progress.ended) this.running = false;
  }

  broke(isBroken) { [this.running, this.broken, this.hasFailed] = [false, isBroken, true]; }

  /** What becomes of the run where another is refused. */
  get rest() { return this.hasFailed ? 'The run that had stopped is as it was.' : 'The run goes on as it was.'; }

  /** Lets the Worker do something else, the run waiting. */
  async meanwhile(words, work) {
    const was = this.running;
    await this.pause();
    this.atWork = words;
    this.#told.changed();
    let isLost = false;
    try {
      return await work();
    } catch (error) {
      isLost = error.restarted;
      throw error;
    } finally {
      this.atWork = null;
      if (was && !isLost) await this.start().catch(() => { this.running = false; });
      this.#told.changed();
    }
  }

  /** In a few words what the run is at. */
  words() {
    const { last } = this;
    if (this.broken) return 'Stopped';
    if (this.busy) return 'Beginning … (Reset ends whatever is computed)';
    if (this.atWork) return `${this.atWork} … (Reset ends it)`;
    if (!last) return 'Loading …';
    const steps = `step ${grouped(last.steps)} of ${grouped(last.planned)}`;
    if (last.ended === 'converged') return `Converged at ${steps}: no lower J is to be found in this precision`;
    if (last.ended) return `Finished at ${steps}`;
    return this.running ? `Training, ${steps}` : `Paused at ${steps}`;
  }

  /** The same with time, speed and engine. */
  details() {
    const { last, begun } = this;
    const more = [];
    if (last && last.seconds > 0) more.push(`${last.seconds.toFixed(1)} s`);
    if (last?.rowsPerSecond) more.push(`${grouped(Number(last.rowsPerSecond.toPrecision(3)))} rows/s`);
    if (begun) more.push(begun.engine);
    return [this.words(), ...more].join(' · ');
  }
}
