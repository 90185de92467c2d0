// What all canvases share: sharp pixels on every screen, colours of the style sheet, numbers in words.

/** Makes a canvas as large as its box on this screen; its context counts in CSS pixels. */
export function prepared(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = devicePixelRatio || 1;
  const [across, down] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  const context = canvas.getContext('2d');
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Colours by their names in style.css. */
export function colors(element) {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

export const FONT = '12px system-ui, sans-serif';

/** Four significant digits, without an exponent where that can be read. */
export function short(value) {
  if (value === null || !Number.isFinite(value)) return '—';
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e6 ? Number(value.toPrecision(4)).toString() : value.toExponential(2);
}

/** Whole numbers in groups of three. */
export const grouped = (value) => Math.round(value).toLocaleString('en').replaceAll(',', '\u202f');

/** The least and the greatest of the numbers of several lists, of any length. */
export function extremes(lists) {
  let [least, most] = [Infinity, -Infinity];
  for (const list of lists) {
    for (const number of list) {
      if (number < least) least = number;
      if (number > most) most = number;
    }
  }
  return [least, most];
}

/** Draws once a frame at most, whatever asks for it and how often; again when the box or the colours change. */
export function redrawn(canvas, draw) {
  let asked = false;
  const ask = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      if (canvas.clientWidth > 0) draw();
    });
  };
  new ResizeObserver(ask).observe(canvas);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', ask);
  return ask;
}

/** The pixels of each canvas, which are drawn ten times a second and made once. */
const images = new WeakMap();

/** Pixels of 0 to 1, or of [low, high], on a canvas of just as many; the style sheet enlarges it. */
export function putPixels(canvas, width, height, channels, at) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext('2d');
  let image = images.get(canvas);
  if (image?.width !== width || image.height !== height) {
    image = context.createImageData(width, height);
    images.set(canvas, image);
  }
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) image.data[4 * pixel + channel] = at(pixel, channels === 3 ? channel : 0);
    image.data[4 * pixel + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
