// The loop of a run in the Worker: slices of steps of some 50 ms, and between them the page's calls. It yields by a MessageChannel,
// whose messages a hidden tab delivers at full speed, unlike timers.

/** Milliseconds of a slice. */
const SLICE = 50;
/** Milliseconds between two posts at least: ten a second. */
const CALM = 100;
/** A post may take this share of the time at most. */
const SHARE = 0.2;
/** Seconds that the speed is taken over. */
const WINDOW = 2;
/** Features that are drawn at most. */
export const MOST_FEATURES = 400;

export class Loop {
  #post;
  #channel = new MessageChannel();
  #engine = null;
  #begun = null;
  #before = 0;
  #running = false;
  #waiting = false;
  #slice = 1;
  #seconds = 0;
  #next = 0;
  #posted = 0;
  /** Whether the page is done with the last post: one that is slower than the Worker must not be left with a queue of them. */
  #isSeen = true;
  /** [seconds, steps] of the last slices. */
  #recent = [];
  #ended = null;
  /** J at the slices since the last post. */
  #history = [];
  #isNew = false;
  steps = 0;

  /** @param {(event: object) => void} post @param {(work: () => Promise<void>) => void} enqueue */
  constructor(post, enqueue) {
    this.#post = post;
    this.#channel.port1.onmessage = () => {
      this.#waiting = false;
      enqueue(() => this.#go());
    };
  }

  /** A run that has begun, after so many steps of one before it. */
  take(engine, begun, before) {
    this.steps = before;
    [this.#engine, this.#begun, this.#before] = [engine, begun, before];
    [this.#slice, this.#seconds, this.#recent, this.#ended, this.#running] = [1, 0, [], null, false];
    [this.#history, this.#isNew] = [[], true];
  }

  /** Posts where a run begins, once. */
  async first() {
    if (this.#isNew) await this.#tell();
  }

  start() {
    if (this.#ended || !this.#engine) return;
    this.#running = true;
    this.#yield();
  }

  /** The page is done with a post; the next leaves it as much time for other things as that one took, up to a second. */
  seen() {
    const now = performance.now();
    this.#isSeen = true;
    this.#next = Math.max(this.#next, now + Math.min(now - this.#posted, 1000));
  }

  /** Stops where the engine can say no more. */
  stop() { this.#running = false; }

  /** Stops, and posts what the last post does not know yet. */
  async pause() {
    if (!this.#running) return;
    this.#running = false;
    await this.#tell();
  }

  #yield() {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#channel.port2.postMessage(null);
  }

  async #go() {
    if (!this.#running) return;
    const taken = await this.#advance(this.#slice);
    // At most doubled: a first step that was quick by chance must not make the next slice long.
    this.#slice = Math.max(1, Math.min(2 * this.#slice, Math.round(this.#slice * SLICE / Math.max(taken, 1))));
    if (this.#ended) this.#running = false;
    if (this.#ended || (this.#isSeen && performance.now() >= this.#next)) await this.#tell();
    else if (this.#begun.optimizer === 'lbfgs') await this.#note();
    if (this.#running) this.#yield();
  }

  /** Steps that the page asks for by number. */
  async advance(count) {
    if (!this.#engine || this.#ended) return;
    await this.#advance(count);
    await this.#tell();
  }

  async #advance(count) {
    const start = performance.now();
    const from = this.steps;
    const { steps, ended } = await this.#engine.advance(count);
    const taken = performance.now() - start;
    this.steps = this.#before + steps;
    this.#ended = ended ?? (steps >= this.#begun.planned ? 'steps' : null);
    this.#seconds += taken / 1000;
    this.#recent.push([taken / 1000, this.steps - from]);
    while (this.#recent.length > 1 && this.#recent.reduce((sum, [seconds]) => sum + seconds, 0) > WINDOW) this.#recent.shift();
    return taken;
  }

  /** J between two posts, where the optimiser knows it without another pass over the examples. */
  async #note() {
    const { j, reconstruction, decay, penalty } = await this.#engine.state();
    this.#history.push({ steps: this.steps, j, reconstruction, decay, penalty });
  }

  async #tell() {
    this.#isNew = false;
    const start = performance.now();
    const { j, reconstruction, decay, penalty, rho_hat } = await this.#engine.state();
    const features = await this.#engine.features(Math.min(this.#begun.hidden, MOST_FEATURES));
    const [seconds, steps] = this.#recent.reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
    const rows = this.#begun.batch ?? this.#begun.examples;
    this.#post({
      event: 'progress', steps: this.steps, planned: this.#before + this.#begun.planned, j, reconstruction, decay, penalty, rho_hat, features, history: this.#history,
      rowsPerSecond: seconds > 0 ? steps * rows / seconds : null, seconds: this.#seconds, ended: this.#ended,
    });
    this.#history = [];
    const now = performance.now();
    [this.#posted, this.#isSeen] = [now, false];
    this.#next = now + Math.max(CALM, (now - start) / SHARE);
  }
}
