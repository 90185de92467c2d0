// Rows of numbers in NumPy's .npy (versions 1 to 3) and in IDX, as f32. What is refused is told without the file's name, which who
// reads the file puts before it.

const KINDS = {
  f4: [4, 'getFloat32'], f8: [8, 'getFloat64'], u1: [1, 'getUint8'], i1: [1, 'getInt8'], u2: [2, 'getUint16'], i2: [2, 'getInt16'],
  u4: [4, 'getUint32'], i4: [4, 'getInt32'], u8: [8, 'getBigUint64'], i8: [8, 'getBigInt64'], b1: [1, 'getUint8'], f2: [2, half],
};
const IDX = { 0x08: 'u1', 0x09: 'i1', 0x0b: 'i2', 0x0c: 'i4', 0x0d: 'f4', 0x0e: 'f8' };
/** Numbers that a tab can hold as f32 and that the module can take. */
const MOST = 2 ** 26;

function half(at, little) {
  const bits = this.getUint16(at, little);
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, bits >> 10 & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * fraction / 1024);
}

/**
 * An array of numbers in memory, row-major.
 * @param {Uint8Array} bytes
 * @returns {{shape: number[], kind: string, numbers: Float32Array}}
 */
export function readNpy(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 10) throw new Error('is broken off within its header');
  const version = bytes[6];
  if (version < 1 || version > 3) throw new Error(`has .npy version ${version}; versions 1 to 3 can be read`);
  const [length, start] = version === 1 ? [view.getUint16(8, true), 10] : [bytes.length < 12 ? Infinity : view.getUint32(8, true), 12];
  if (start + length > bytes.length) throw new Error('is broken off within its header');
  const header = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(bytes.subarray(start, start + length));
  const described = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1].split(',').map((side) => side.trim()).filter(Boolean).map((side) => Number(side.replace(/L$/, '')));
  const fortran = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  if (!shape || !fortran || shape.some((side) => !Number.isSafeInteger(side) || side < 0)) throw new Error('has a header that is not NumPy’s');
  const [, order, kind] = /^([<>|=])(\w+)$/.exec(described ?? '') ?? [];
  if (!KINDS[kind]) throw new Error(`holds ${described ? `numbers of type ${described}` : 'records'}; float, integer or bool arrays can be read: array.astype("f4")`);
  return numbersOf({ view, at: start + length, kind, little: order !== '>', shape, fortran: fortran === 'True' });
}

/** @param {Uint8Array} bytes */
export function readIdx(bytes) {
  const kind = IDX[bytes[2]];
  const dimensions = bytes[3];
  if (!kind) throw new Error(`has the IDX type ${bytes[2]}, which there is not`);
  if (bytes.length < 4 + 4 * dimensions) throw new Error('is broken off within its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const shape = Array.from({ length: dimensions }, (_, index) => view.getUint32(4 + 4 * index));
  return numbersOf({ view, at: 4 + 4 * dimensions, kind, little: false, shape, fortran: false });
}

function numbersOf({ view, at, kind, little, shape, fortran }) {
  const count = shape.reduce((product, side) => product * side, 1);
  if (count > MOST) throw new Error(`holds ${count} numbers; a tab takes up to ${MOST}: learn from fewer rows, or use the program`);
  const [size, read] = KINDS[kind];
  const there = view.byteLength - at;
  if (there < count * size) throw new Error(`is truncated: an array of ${shape.join(' × ')} numbers of ${size} bytes takes ${count * size}, and ${there} are there`);
  const get = typeof read === 'string' ? view[read] : read;
  const numbers = new Float32Array(count);
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, side) => product * side, 1));
  for (let index = 0; index < count; index += 1) {
    let from = index;
    if (fortran) {
      from = 0;
      for (let axis = shape.length - 1, rest = index; axis >= 0; axis -= 1) {
        from += rest % shape[axis] * strides[axis];
        rest = Math.floor(rest / shape[axis]);
      }
    }
    const number = Number(get.call(view, at + from * size, little));
    numbers[index] = kind === 'b1' ? Number(number !== 0) : number;
    if (!Number.isFinite(numbers[index])) throw new Error(`holds ${number} at [${place(index, shape)}] (counted from 0); every number has to be finite in 32 bits`);
  }
  return { shape, kind, numbers };
}

const place = (index, shape) => shape.reduceRight(({ rest, at }, side) => ({ rest: Math.floor(rest / side), at: [rest % side, ...at] }), { rest: index, at: [] }).at.join(', ');

/**
 * An array as rows to learn from: of three and four dimensions as rows of pictures, whose bytes become 0 to 1.
 * @returns {{rows: Float32Array, count: number, width: number, form: string | null}} `form` as the setting `shape` has it
 */
export function asRows({ shape, kind, numbers }, isIdx = false) {
  const [count, ...rest] = shape;
  const channels = rest.length === 3 ? rest[2] : 1;
  if (shape.length < 2) throw new Error(`is a line of ${numbers.length} numbers; rows of numbers are needed, [rows, numbers of each]`);
  if (shape.length > 4) throw new Error(`has ${shape.length} dimensions; [rows, numbers] or pictures [count, height, width] can be learned from`);
  if (![1, 3].includes(channels)) throw new Error(`has ${channels} channels at its end; pictures [count, height, width, 1 or 3] can be learned from`);
  if (numbers.length === 0) throw new Error(`is empty: an array of ${shape.join(' × ')}`);
  const areBytes = kind === 'u1' && (isIdx || rest.length > 1);
  const rows = areBytes ? numbers.map((number) => number / 255) : numbers;
  const form = rest.length === 1 ? null : `${rest[0]}x${rest[1]}${channels === 3 ? 'x3' : ''}`;
  return { rows, count, width: numbers.length / count, form };
}
