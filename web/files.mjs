// Files that were dropped, read in the Worker: pictures by the browser's decoders, .npy, IDX, and gzip around them. Nothing leaves
// the tab. Each refusal begins with the name of the file.
import { asRows, readIdx, readNpy } from './npy.mjs';

const starts = (bytes, ...values) => values.every((value, index) => bytes[index] === value);
const isNpy = (bytes) => starts(bytes, 0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);
const isIdx = (bytes) => starts(bytes, 0, 0) && bytes[2] >= 8 && bytes[2] <= 14 && bytes[3] >= 1 && bytes[3] <= 4;
const isGzip = (bytes) => starts(bytes, 0x1f, 0x8b);
const isZip = (bytes) => starts(bytes, 0x50, 0x4b, 3, 4);
/** Numbers of all pictures together at most: a gigabyte of f32. */
const MOST_PIXELS = 2 ** 26;

/** Whether a file is a model rather than data. */
export const isModel = (file) => file.name.toLowerCase().endsWith('.safetensors');

/**
 * @typedef {{kind: 'rows', name: string, rows: Float32Array, count: number, width: number, form: string | null, low: number, high: number}} Rows
 * @typedef {{kind: 'pictures', heads: {name: string, width: number, height: number, channels: number}[], pixels: Float32Array}} Pictures
 */

/**
 * The data that files hold: rows of one file, or any number of pictures.
 * @param {File[]} files @param {boolean} color
 * @returns {Promise<Rows | Pictures>}
 */
export async function readFiles(files, color) {
  if (files.length === 0) throw new Error('no file was given');
  const heads = await Promise.all(files.map(async (file) => new Uint8Array(await file.slice(0, 8).arrayBuffer())));
  const array = heads.findIndex((bytes) => isNpy(bytes) || isIdx(bytes) || isGzip(bytes));
  if (array < 0) return readPictures(files, color);
  if (files.length > 1) throw new Error(`${files[array].name} holds rows, of which one file is learned from at a time; drop it alone`);
  return named(files[0], () => readRows(files[0]));
}

async function named(file, read) {
  try {
    return await read();
  } catch (error) {
    throw new Error(`${file.name} ${error.message}`);
  }
}

async function readRows(file) {
  if (file.size === 0) throw new Error('is empty');
  let bytes = new Uint8Array(await file.arrayBuffer());
  if (isGzip(bytes)) bytes = await unpacked(bytes);
  const idx = isIdx(bytes);
  if (!idx && !isNpy(bytes)) throw new Error('is gzip around something else than .npy or IDX');
  const read = asRows(idx ? readIdx(bytes) : readNpy(bytes), idx);
  let [low, high] = [Infinity, -Infinity];
  for (const number of read.rows) {
    if (number < low) low = number;
    if (number > high) high = number;
  }
  return { kind: 'rows', name: file.name, ...read, low, high };
}

async function unpacked(bytes) {
  const parts = [];
  try {
    // Read by hand: of a stream that fails within a Response, Firefox complains on the console, too.
    const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')).getReader();
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) parts.push(value);
  } catch {
    throw new Error('is truncated or damaged: its gzip stream does not end');
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function readPictures(files, color) {
  const channels = color ? 3 : 1;
  const [heads, parts] = [[], []];
  let total = 0;
  for (const file of files) {
    const picture = await named(file, () => decoded(file, channels));
    total += picture.pixels.length;
    if (total > MOST_PIXELS) throw new Error(`${file.name} is one picture too many: ${total} numbers fit no tab; drop fewer pictures, or use the program`);
    heads.push({ name: file.name, width: picture.width, height: picture.height, channels });
    parts.push(picture.pixels);
  }
  const pixels = new Float32Array(total);
  let at = 0;
  for (const part of parts) {
    pixels.set(part, at);
    at += part.length;
  }
  return { kind: 'pictures', heads, pixels };
}

async function decoded(file, channels) {
  if (file.size === 0) throw new Error('is empty');
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { premultiplyAlpha: 'none', colorSpaceConversion: 'none' });
  } catch {
    const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
    const more = isZip(head) ? ': an .npz or .zip; unpack it first' : '';
    throw new Error(`is no picture that this browser decodes, no .npy and no IDX, or it is damaged${more}`);
  }
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  canvas.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = canvas.getImageData(0, 0, width, height);
  const pixels = new Float32Array(width * height * channels);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const [red, green, blue] = [data[4 * pixel], data[4 * pixel + 1], data[4 * pixel + 2]];
    if (channels === 3) pixels.set([red / 255, green / 255, blue / 255], 3 * pixel);
    // Luma of ITU-R BT.601; the same for grey pictures as their one value.
    else pixels[pixel] = (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
  }
  return { width, height, pixels };
}
