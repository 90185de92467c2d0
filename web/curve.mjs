// J and its three terms over steps, on a logarithmic axis; values at any step by pointer or by the slider below.
import { FONT, colors, grouped, prepared, redrawn, short } from './paint.mjs';

export const TERMS = ['j', 'reconstruction', 'decay', 'penalty'];
const DASHES = { j: [], reconstruction: [7, 3], decay: [2, 3], penalty: [9, 3, 2, 3] };
/** Points that a curve holds at most; then every other goes. */
const MOST = 2000;
/** Decades below the highest value that are drawn at most. */
const DECADES = 5;
const [LEFT, RIGHT, TOP, BOTTOM] = [44, 10, 8, 22];

/** Every other point, the first and the last among them. */
export const thinned = (points) => points.filter((_, index) => index % 2 === 0 || index === points.length - 1);

export class Curve {
  #canvas;
  #slider;
  #values;
  #at;
  #points = [];
  /** The point that is read; the last one where nobody has chosen. */
  #read = null;
  #draw;

  /** @param {HTMLCanvasElement} canvas @param {HTMLInputElement} slider @param {Record<string, HTMLElement>} values of each term @param {HTMLElement} at the step that they are of */
  constructor(canvas, slider, values, at) {
    [this.#canvas, this.#slider, this.#values, this.#at] = [canvas, slider, values, at];
    this.#draw = redrawn(canvas, () => this.#paint());
    slider.addEventListener('input', () => this.#choose(Number(slider.value)));
    canvas.addEventListener('pointermove', ({ offsetX }) => this.#choose(Math.round(this.#pointAt(offsetX))));
    canvas.addEventListener('pointerleave', () => this.#choose(this.#points.length - 1));
  }

  clear() {
    [this.#points, this.#read] = [[], null];
    this.#draw();
  }

  /** @param {{steps: number, j: number, reconstruction: number, decay: number, penalty: number}[]} points in the order of their steps @param {boolean} [isStill] to be drawn with the next ones */
  add(points, isStill = false) {
    for (const point of points) {
      if (this.#points.at(-1)?.steps === point.steps) this.#points.pop();
      this.#points.push(Object.fromEntries(['steps', ...TERMS].map((name) => [name, point[name]])));
    }
    if (this.#points.length > MOST) {
      this.#points = thinned(this.#points);
      if (this.#read !== null) this.#read = Math.round(this.#read / 2);
    }
    if (!isStill) this.#draw();
  }

  #choose(index) {
    this.#read = index >= this.#points.length - 1 ? null : Math.max(0, index);
    this.#draw();
  }

  #pointAt(x) {
    const [first, last] = [this.#points[0]?.steps ?? 0, this.#points.at(-1)?.steps ?? 0];
    const step = first + (x - LEFT) / (this.#canvas.clientWidth - LEFT - RIGHT) * (last - first);
    const after = this.#points.findIndex(({ steps }) => steps >= step);
    if (after <= 0) return after < 0 ? this.#points.length - 1 : 0;
    return this.#points[after].steps - step < step - this.#points[after - 1].steps ? after : after - 1;
  }

  #paint() {
    const { context, width, height } = prepared(this.#canvas);
    const points = this.#points;
    if (points.length === 0) return;
    const color = colors(this.#canvas);
    const all = points.flatMap((point) => TERMS.map((term) => point[term])).filter((value) => value > 0);
    const high = Math.ceil(Math.log10(Math.max(...all)) * 10) / 10;
    const low = Math.max(high - DECADES, Math.floor(Math.log10(Math.min(...all)) * 10) / 10, -12);
    const [first, last] = [points[0].steps, Math.max(points.at(-1).steps, points[0].steps + 1)];
    const x = (steps) => LEFT + (steps - first) / (last - first) * (width - LEFT - RIGHT);
    const y = (value) => TOP + (high - Math.log10(value)) / (high - low || 1) * (height - TOP - BOTTOM);
    Object.assign(context, { font: FONT, fillStyle: color('soft'), strokeStyle: color('line'), lineWidth: 1, textAlign: 'right', textBaseline: 'middle' });
    for (const tick of ticks(low, high)) {
      const at = Math.round(y(tick)) + 0.5;
      context.beginPath();
      context.moveTo(LEFT, at);
      context.lineTo(width - RIGHT, at);
      context.stroke();
      context.fillText(tick < 1e-3 ? tick.toExponential() : String(tick), LEFT - 6, at);
    }
    Object.assign(context, { textBaseline: 'alphabetic', textAlign: 'left' });
    context.fillText(`step ${grouped(first)}`, LEFT, height - 6);
    context.textAlign = 'right';
    context.fillText(grouped(last), width - RIGHT, height - 6);
    for (const term of TERMS.toReversed()) this.#line(context, term, x, y, color(term), low);
    const read = this.#read ?? points.length - 1;
    const point = points[read];
    context.setLineDash([]);
    if (this.#read !== null) {
      context.strokeStyle = color('soft');
      context.beginPath();
      context.moveTo(x(point.steps), TOP);
      context.lineTo(x(point.steps), height - BOTTOM);
      context.stroke();
    }
    for (const term of TERMS) Object.assign(this.#values[term], { textContent: short(point[term]), title: String(point[term]) });
    this.#at.textContent = `step ${grouped(point.steps)}`;
    Object.assign(this.#slider, { max: String(points.length - 1), value: String(read) });
    this.#slider.setAttribute('aria-valuetext', `step ${point.steps}: ${TERMS.map((term) => `${term === 'j' ? 'J' : term} ${short(point[term])}`).join(', ')}`);
  }

  #line(context, term, x, y, color, low) {
    context.beginPath();
    let isDown = false;
    for (const point of this.#points) {
      const value = point[term];
      if (!(value > 0)) { isDown = false; continue; }
      const at = [x(point.steps), y(Math.max(value, 10 ** low))];
      if (isDown) context.lineTo(...at);
      else context.moveTo(...at);
      isDown = true;
    }
    context.setLineDash(DASHES[term]);
    Object.assign(context, { strokeStyle: color, lineWidth: term === 'j' ? 2.25 : 1.5, lineJoin: 'round' });
    context.stroke();
  }
}

/** Values to write at the axis: 1, 2 and 5 of each decade where they are few, powers of ten where they are many. */
function ticks(low, high) {
  const steps = high - low > 3 ? [1] : high - low > 1.5 ? [1, 3] : [1, 2, 5];
  const decades = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, index) => Math.floor(low) + index);
  return decades.flatMap((decade) => steps.map((step) => Number(`${step}e${decade}`))).filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
}
