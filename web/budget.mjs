// The submission budget: as much work as the device is measured to do in well under 50 milliseconds. Systems end command buffers that
// run for seconds and draw nothing while one runs. Work is counted in multiply-adds, as the plan does.

/** Longest submission that is aimed at, milliseconds. */
const TARGET = 50;
/** Share of it that is planned: times vary. */
const MARGIN = 0.8;
/** Submissions under way at most. */
const IN_FLIGHT = 4;
/** Work a millisecond that is taken for granted at first, a slow software adapter's. */
const FIRST_RATE = 2e6;
/** Work below which nothing is cut: the measured time is the cost of submitting. */
const LEAST = 4e6;
/** Largest rise of the rate after one submission: the next may hold work of a kind that takes longer. */
const LARGEST_RISE = 1.3;
/** Largest fall: the first use of a pipeline may compile it. */
const LARGEST_FALL = 4;

export class Budget {
  #rate = FIRST_RATE;
  #underWay = [];
  #ended = 0;

  /** Work of a submission. */
  get most() { return Math.max(LEAST, this.#rate * MARGIN * TARGET); }

  /** Counts a submission until `done`. */
  add(work, done, now = () => performance.now()) {
    const begun = now();
    const submission = done.then(() => {
      const at = now();
      this.#learn(work, at - Math.max(begun, this.#ended));
      this.#ended = at;
      this.#underWay.splice(this.#underWay.indexOf(submission), 1);
    });
    // Whoever waits is told.
    submission.catch(() => {});
    this.#underWay.push(submission);
  }

  /** Whether as many submissions are under way as may be. */
  get isFull() { return this.#underWay.length >= IN_FLIGHT; }

  /** Waits until there is room for another submission. */
  async room() { while (this.isFull) await this.#underWay[0]; }

  /** Waits until all have ended. */
  async idle() { while (this.#underWay.length) await this.#underWay[0]; }

  /** Short submissions are more than their work, so that they prove a device fast, but never slow. */
  #learn(work, took) {
    if (work < LEAST || !(took > 0)) return;
    const measured = work / took;
    if (measured > this.#rate) this.#rate = Math.min(measured, LARGEST_RISE * this.#rate);
    else if (took > TARGET / 5) this.#rate = Math.max(measured, this.#rate / LARGEST_FALL);
  }
}
