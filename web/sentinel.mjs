// Sentinels: the proof that submissions ran to their end. Each ends by copying the number of its turn into a ring, which is compared
// whenever results are read. Some systems report success for commands that they have ended, and results are silently what was there before.

const SLOTS = 4096;
const TURNS = 1024;

export class Sentinel {
  #turns;
  #behind;
  #submitted = 0;
  #checked = 0;
  /** What is read back, in bytes. */
  static size = 4 * SLOTS;
  ring;

  constructor(gpu) {
    const { COPY_SRC, COPY_DST } = GPUBufferUsage;
    const make = (label, words, usage) => gpu.createBuffer({ label, size: 4 * words, usage });
    this.#turns = make('turns', TURNS, COPY_SRC | COPY_DST);
    this.#behind = make('behind', 1, COPY_DST);
    this.ring = make('sentinels', SLOTS, COPY_SRC | COPY_DST);
    gpu.queue.writeBuffer(this.#turns, 0, Uint32Array.from({ length: TURNS }, (_, turn) => turn + 1));
  }

  /** Ends a submission, behind the dispatch that has written into `written`: a copy from there waits for it. */
  append(encoder, written) {
    if (written) encoder.copyBufferToBuffer(written, 0, this.#behind, 0, 4);
    const [turn, slot] = [Math.floor(this.#submitted / SLOTS) % TURNS, this.#submitted % SLOTS];
    encoder.copyBufferToBuffer(this.#turns, 4 * turn, this.ring, 4 * slot, 4);
    this.#submitted += 1;
  }

  /** Whether the next two could overwrite one that has not been compared. */
  get isDue() { return this.#submitted - this.#checked >= SLOTS - 2; }

  /** In words the first submission that did not run. @param {Uint32Array} ring as it was read behind all submissions so far */
  missing(ring) {
    const first = this.#checked;
    this.#checked = this.#submitted;
    for (let number = first; number < this.#submitted; number += 1) {
      if (ring[number % SLOTS] !== (Math.floor(number / SLOTS) % TURNS) + 1) {
        return `submission ${number + 1} of ${this.#submitted} did not run to its end, although the device reported success: the system may have ended it for taking too long; choose fewer hidden units or the processor`;
      }
    }
    return null;
  }

  close() { [this.#turns, this.#behind, this.ring].forEach((buffer) => buffer.destroy()); }
}
