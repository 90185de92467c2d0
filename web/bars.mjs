// ρ̂ of each unit as a bar, with ρ as a line across; the unit under the pointer is told, the chosen one marked.
import { FONT, colors, prepared, redrawn, short } from './paint.mjs';

const [LEFT, RIGHT, TOP, BOTTOM] = [44, 10, 8, 20];

export class Bars {
  #canvas;
  #note;
  #rhoHat = [];
  #rho = 0;
  #chosen = null;
  #over = null;
  #draw;

  /** @param {HTMLCanvasElement} canvas @param {HTMLElement} note @param {(unit: number) => void} choose */
  constructor(canvas, note, choose) {
    [this.#canvas, this.#note] = [canvas, note];
    this.#draw = redrawn(canvas, () => this.#paint());
    const unitAt = (x) => {
      const unit = Math.floor((x - LEFT) / (canvas.clientWidth - LEFT - RIGHT) * this.#rhoHat.length);
      return unit >= 0 && unit < this.#rhoHat.length ? unit : null;
    };
    const over = (unit) => {
      this.#over = unit;
      this.#draw();
    };
    canvas.addEventListener('pointermove', ({ offsetX }) => over(unitAt(offsetX)));
    canvas.addEventListener('pointerleave', () => over(null));
    canvas.addEventListener('click', ({ offsetX }) => { if (unitAt(offsetX) !== null) choose(unitAt(offsetX)); });
  }

  update(rhoHat, rho) {
    [this.#rhoHat, this.#rho] = [rhoHat, rho];
    this.#draw();
  }

  mark(unit) {
    this.#chosen = unit;
    this.#draw();
  }

  /** Least, mean and largest ρ̂ in words. */
  words() {
    const all = this.#rhoHat;
    const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
    return `ρ̂ from ${short(Math.min(...all))} to ${short(Math.max(...all))}, mean ${short(mean)}; ρ is ${short(this.#rho)}`;
  }

  #paint() {
    const { context, width, height } = prepared(this.#canvas);
    const all = this.#rhoHat;
    if (all.length === 0) return;
    const color = colors(this.#canvas);
    const top = ceiling(Math.max(...all, 1.5 * this.#rho));
    const y = (value) => TOP + (1 - value / top) * (height - TOP - BOTTOM);
    const each = (width - LEFT - RIGHT) / all.length;
    Object.assign(context, { font: FONT, fillStyle: color('soft'), strokeStyle: color('line'), lineWidth: 1, textAlign: 'right', textBaseline: 'middle' });
    for (const value of [0, top / 2, top]) {
      const at = Math.round(y(value)) + 0.5;
      context.beginPath();
      context.moveTo(LEFT, at);
      context.lineTo(width - RIGHT, at);
      context.stroke();
      context.fillText(short(value), LEFT - 6, at);
    }
    all.forEach((value, unit) => {
      context.fillStyle = color(unit === this.#chosen ? 'penalty' : unit === this.#over ? 'ink' : 'bar');
      const gap = each > 3 ? 1 : 0;
      context.fillRect(LEFT + unit * each + gap / 2, y(value), Math.max(each - gap, 0.5), y(0) - y(value));
    });
    const level = Math.round(y(this.#rho)) + 0.5;
    Object.assign(context, { strokeStyle: color('target'), lineWidth: 1.5 });
    context.setLineDash([5, 3]);
    context.beginPath();
    context.moveTo(LEFT, level);
    context.lineTo(width - RIGHT, level);
    context.stroke();
    context.setLineDash([]);
    Object.assign(context, { fillStyle: color('soft'), textAlign: 'left', textBaseline: 'alphabetic' });
    context.fillText('unit 0', LEFT, height - 5);
    context.textAlign = 'right';
    context.fillText(String(all.length - 1), width - RIGHT, height - 5);
    const unit = this.#over ?? this.#chosen;
    this.#note.textContent = unit === null || unit >= all.length ? this.words() : `unit ${unit}: ρ̂ ${short(all[unit])}; ρ is ${short(this.#rho)}`;
  }
}

/** The next of 1, 2, 5 × 10ᵏ, so that the axis stays where it is for a while. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}
