// One example: what goes in, its code, what comes out; as pictures where it is one, as lines where it is a row of numbers.
import { FONT, colors, extremes, prepared, putPixels, redrawn, short } from './paint.mjs';

export class Example {
  #places;
  #shown = null;
  #form = null;
  #chosen = null;
  #draw;

  /** @param {{input: HTMLCanvasElement, code: HTMLCanvasElement, output: HTMLCanvasElement, lines: HTMLCanvasElement, note: HTMLElement}} places */
  constructor(places) {
    this.#places = places;
    const draws = [redrawn(places.code, () => this.#paintCode()), redrawn(places.lines, () => this.#paintLines())];
    this.#draw = () => draws.forEach((draw) => draw());
  }

  /** @param {{input: number[], code: number[], reconstruction: number[]}} example @param {[number, number, number] | null} form */
  update(example, form, isTanh) {
    const { input, code, reconstruction } = example;
    const { input: left, output: right, lines, note } = this.#places;
    [this.#shown, this.#form] = [{ ...example, isTanh }, form];
    const isPicture = form !== null && form[0] * form[1] * form[2] === input.length;
    for (const canvas of [left, right]) canvas.parentElement.hidden = !isPicture;
    lines.parentElement.hidden = isPicture;
    if (isPicture) this.#pictures();
    const error = input.reduce((sum, value, index) => sum + (value - reconstruction[index]) ** 2, 0) / 2;
    const active = code.filter((value) => (isTanh ? (value + 1) / 2 : value) > 0.1).length;
    note.textContent = `½‖x̂ − x‖² ${short(error)}; ${active} of ${code.length} units above a tenth`;
    this.#draw();
  }

  mark(unit) {
    this.#chosen = unit;
    this.#draw();
  }

  #pictures() {
    const { input, reconstruction } = this.#shown;
    const [height, width, channels] = this.#form;
    const [least, most] = extremes([input]);
    // Both by the range of the input where it is not that of pixels, so that they can be compared.
    const [low, high] = least >= 0 && most <= 1 ? [0, 1] : [least, most];
    const put = (canvas, numbers) => putPixels(canvas, width, height, channels, (pixel, channel) => 255 * (numbers[pixel * channels + channel] - low) / (high - low || 1));
    for (const canvas of [this.#places.input, this.#places.output]) canvas.style.aspectRatio = `${width} / ${height}`;
    put(this.#places.input, input);
    put(this.#places.output, reconstruction);
  }

  #paintCode() {
    if (!this.#shown) return;
    const { code, isTanh } = this.#shown;
    const { context, width, height } = prepared(this.#places.code);
    const color = colors(this.#places.code);
    const [low, high] = isTanh ? [-1, 1] : [0, 1];
    const each = width / code.length;
    const y = (value) => 2 + (high - value) / (high - low) * (height - 4);
    code.forEach((value, unit) => {
      context.fillStyle = color(unit === this.#chosen ? 'penalty' : 'bar');
      const gap = each > 3 ? 1 : 0;
      context.fillRect(unit * each + gap / 2, y(value), Math.max(each - gap, 0.5), y(low) - y(value) + 1);
    });
    context.fillStyle = color('line');
    context.fillRect(0, height - 1, width, 1);
  }

  #paintLines() {
    if (!this.#shown) return;
    const { input, reconstruction } = this.#shown;
    const { context, width, height } = prepared(this.#places.lines);
    const color = colors(this.#places.lines);
    const [low, high] = extremes([input, reconstruction]);
    const x = (index) => 4 + index / Math.max(input.length - 1, 1) * (width - 8);
    const y = (value) => 6 + (high - value) / (high - low || 1) * (height - 26);
    for (const [numbers, name, dash] of [[input, 'soft', []], [reconstruction, 'reconstruction', [6, 3]]]) {
      context.beginPath();
      numbers.forEach((value, index) => context.lineTo(x(index), y(value)));
      context.setLineDash(dash);
      Object.assign(context, { strokeStyle: color(name), lineWidth: 1.75 });
      context.stroke();
    }
    Object.assign(context, { font: FONT, fillStyle: color('soft'), textAlign: 'left', textBaseline: 'alphabetic' });
    context.fillText(`${short(low)} to ${short(high)}; input solid, reconstruction dashed`, 4, height - 4);
  }
}
