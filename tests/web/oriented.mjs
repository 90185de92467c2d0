// Features with a direction, by the criterion of tests/interop/check.py: the power spectrum gathers around one direction.

const SIZE = 16;

/** Of a picture of `side` × `side` pixels, its spectrum on a grid of 16 × 16 frequencies. */
export function oriented(pixels, side) {
  const mean = pixels.reduce((sum, pixel) => sum + pixel, 0) / pixels.length;
  let [real, imaginary, total] = [0, 0, 0];
  for (let v = -SIZE / 2; v < SIZE / 2; v += 1) {
    for (let u = -SIZE / 2; u < SIZE / 2; u += 1) {
      let [re, im] = [0, 0];
      pixels.forEach((pixel, at) => {
        const phase = -2 * Math.PI * (v * Math.floor(at / side) + u * (at % side)) / SIZE;
        re += (pixel - mean) * Math.cos(phase);
        im += (pixel - mean) * Math.sin(phase);
      });
      const power = re * re + im * im;
      const twice = 2 * Math.atan2(v, u);
      real += power * Math.cos(twice);
      imaginary += power * Math.sin(twice);
      total += power;
    }
  }
  return Math.hypot(real, imaginary) / total > 0.5;
}

/** How many rows of `encoder.weight` [h, side²] of a safetensors file have a direction. */
export function orientedFeatures(bytes, side) {
  const length = Number(bytes.readBigUInt64LE(0));
  const { 'encoder.weight': { shape: [hidden, visible], data_offsets: [start] } } = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  const weights = Array.from({ length: hidden * visible }, (_, at) => bytes.readFloatLE(8 + length + start + 4 * at));
  return Array.from({ length: hidden }, (_, unit) => weights.slice(unit * visible, (unit + 1) * visible)).filter((row) => oriented(row, side)).length;
}
