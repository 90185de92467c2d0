// The page's side of the Worker: a promise for each call, and events while it runs.

export class Client {
  #worker;
  #waiting = new Map();
  #number = 0;
  #told;

  /** @param {(event: object) => void} told takes events: progress, line, failed, lost */
  constructor(told) {
    this.#told = told;
    this.#start();
  }

  #start() {
    this.#worker = new Worker(new URL('worker.mjs', import.meta.url), { type: 'module' });
    this.#worker.onmessage = ({ data }) => {
      if (data.event) {
        try {
          this.#told(data);
        } finally {
          if (data.event === 'progress') this.#worker.postMessage({ seen: true });
        }
        return;
      }
      const { resolve, reject } = this.#waiting.get(data.id) ?? {};
      this.#waiting.delete(data.id);
      if (data.error) reject?.(Object.assign(new Error(data.error.message), { trap: data.error.trap, gone: data.error.gone }));
      else resolve?.(data.value);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#told({ event: 'lost', message: event.message || 'its file could not be loaded' });
    };
  }

  call(call, ...args) {
    this.#number += 1;
    const id = this.#number;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call, args });
    });
  }

  /** Ends the Worker with whatever it is at, and starts another. */
  restart() {
    this.#worker.terminate();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(Object.assign(new Error('the Worker was started anew'), { restarted: true }));
    this.#start();
  }
}
