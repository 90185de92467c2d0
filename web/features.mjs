// The grid of features: for each hidden unit a button with the input that excites it most, its number and its ρ̂. One of them is in
// the order of tabs; arrow keys go on from it.
import { MOST_FEATURES } from './loop.mjs';
import { putPixels, short } from './paint.mjs';

/** Milliseconds between two texts for screen readers. */
const CALM = 2000;
/** Pixels of a tile at least, and between two. */
const [LEAST, GAP] = [24, 3];

export class Features {
  #grid;
  #note;
  #tiles = [];
  #chosen;
  #said = 0;
  #rhoHat = [];
  #focus = 0;

  /** @param {HTMLElement} grid @param {HTMLElement} note the line below it @param {(unit: number | null) => void} chosen */
  constructor(grid, note, chosen) {
    [this.#grid, this.#note, this.#chosen] = [grid, note, chosen];
    grid.addEventListener('keydown', (event) => this.#key(event));
    const over = ({ target }) => this.#tell(this.#tiles.indexOf(target.closest?.('button')));
    grid.addEventListener('pointerover', over);
    grid.addEventListener('focusin', over);
    grid.addEventListener('pointerleave', () => this.#tell(-1));
    grid.addEventListener('focusout', () => this.#tell(-1));
  }

  /** @param {{width: number, height: number, channels: number, pixels: Uint8Array}} features tiles with a border of one pixel */
  update({ width, channels, pixels, height }, rhoHat, hidden, isEnd) {
    const count = Math.min(hidden, MOST_FEATURES);
    const columns = Math.ceil(Math.sqrt(count));
    const [across, down] = [(width - 1) / columns - 1, (height - 1) / Math.ceil(count / columns) - 1];
    if (this.#tiles.length !== count) this.#build(count, hidden);
    // A tile is never smaller than a finger can hit, though rows become more then.
    const room = Math.max(1, Math.floor((this.#grid.clientWidth + GAP) / (LEAST + GAP)));
    this.#grid.style.setProperty('--columns', Math.min(columns, room));
    const aspect = down > 1 ? `${across} / ${down}` : '1';
    this.#rhoHat = rhoHat;
    this.#tiles.forEach((tile, unit) => {
      const [left, top] = [unit % columns * (across + 1) + 1, Math.floor(unit / columns) * (down + 1) + 1];
      tile.style.aspectRatio = aspect;
      putPixels(tile.firstChild, across, down, channels, (pixel, channel) => {
        const [x, y] = [left + pixel % across, top + Math.floor(pixel / across)];
        return pixels[(y * width + x) * channels + channel];
      });
    });
    const now = performance.now();
    if (isEnd || now - this.#said > CALM) {
      this.#said = now;
      this.#tiles.forEach((tile, unit) => tile.setAttribute('aria-label', this.#words(unit)));
    }
  }

  #words(unit) { return `unit ${unit}, ρ̂ ${short(this.#rhoHat[unit] ?? null)}`; }

  #build(count, hidden) {
    this.#tiles = Array.from({ length: count }, (_, unit) => {
      const tile = document.createElement('button');
      Object.assign(tile, { type: 'button', className: 'tile', tabIndex: unit === 0 ? 0 : -1 });
      tile.setAttribute('aria-pressed', 'false');
      const canvas = document.createElement('canvas');
      canvas.setAttribute('aria-hidden', 'true');
      tile.append(canvas);
      tile.addEventListener('click', () => this.choose(tile.getAttribute('aria-pressed') === 'true' ? null : unit));
      return tile;
    });
    [this.#focus, this.#said] = [0, 0];
    this.#grid.replaceChildren(...this.#tiles);
    this.usual = `The input that excites each unit most${count < hidden ? `; the first ${count} of ${hidden}` : ''}. Mid-grey is a weight of 0.`;
    this.#note.textContent = this.usual;
  }

  /** Marks a unit here and wherever it is drawn. */
  choose(unit) {
    this.#tiles.forEach((tile, index) => tile.setAttribute('aria-pressed', String(index === unit)));
    this.#chosen(unit);
  }

  #tell(unit) { this.#note.textContent = unit >= 0 ? `Unit ${unit}: ρ̂ ${short(this.#rhoHat[unit] ?? null)}. A click marks it in the other drawings.` : this.usual; }

  #key(event) {
    const columns = getComputedStyle(this.#grid).gridTemplateColumns.split(' ').length;
    const from = this.#tiles.indexOf(document.activeElement);
    const to = { ArrowRight: from + 1, ArrowLeft: from - 1, ArrowDown: from + columns, ArrowUp: from - columns, Home: 0, End: this.#tiles.length - 1 }[event.key];
    if (!(to >= 0 && to < this.#tiles.length)) return;
    event.preventDefault();
    this.#tiles[this.#focus].tabIndex = -1;
    this.#focus = to;
    this.#tiles[to].tabIndex = 0;
    this.#tiles[to].focus();
  }
}
