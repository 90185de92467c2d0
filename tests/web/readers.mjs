// Readers of arrays against files that NumPy has written: every type, either order of bytes and of dimensions, every version.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// As tests/fixtures/make.py has them.
const GRID = Array.from({ length: 24 }, (_, index) => (index - 7) / 8);
const KINDS = Array.from({ length: 24 }, (_, index) => index * 11 % 97);

/** @param {string} web the page's folder @param {string} fixtures @param {(is: boolean, what: string) => void} check */
export async function checkReaders(web, fixtures, check) {
  const { asRows, readIdx, readNpy } = await import(pathToFileURL(join(web, 'npy.mjs')));
  const { fromQuery, toQuery, valueOf } = await import(pathToFileURL(join(web, 'settings.mjs')));
  const read = (name) => readFileSync(join(fixtures, name));
  const same = (name, { shape, numbers }, expected, sides) => {
    const off = numbers.findIndex((number, index) => number !== Math.fround(expected[index]));
    check(off < 0 && numbers.length === expected.length && String(shape) === String(sides), `${name}: ${shape} ${off < 0 ? '' : `${numbers[off]} at ${off}`}`);
  };
  for (const name of ['rows_lf4', 'rows_lf8', 'rows_bf4', 'rows_bf8', 'rows_lf2', 'rows_bf2', 'rows_fortran', 'rows_v2', 'rows_v3']) {
    same(name, readNpy(read(`${name}.npy`)), GRID, [6, 4]);
  }
  for (const file of readdirSync(join(fixtures, 'kinds')).filter((file) => /^[lb][a-z]\d(_fortran)?\.npy$/.test(file))) {
    const kind = file.slice(1, 3);
    const expected = kind === 'b1' ? KINDS.map((number) => Number(number % 3 === 0)) : KINDS.map((number) => number - (kind[0] === 'u' ? 0 : 40));
    same(file, readNpy(read(`kinds/${file}`)), expected, [6, 4]);
  }
  for (const kind of ['i1', 'i2', 'i4', 'f4', 'f8']) same(`${kind}.idx`, readIdx(read(`kinds/${kind}.idx`)), KINDS.map((number) => number - 40), [6, 4]);
  const pictures = asRows(readNpy(read('stack_color_fortran.npy')));
  check(pictures.count === 2 && pictures.form === '3x4x3' && pictures.rows[5] === Math.fround(5 / 255), `pictures in Fortran order are rows ${pictures.form}, bytes divided by 255`);
  check(asRows(readNpy(read('rows_u1.npy'))).rows[1] === 10, 'rows of bytes are taken as they are');
  const digits = asRows(readIdx(read('images-idx3-ubyte')), true);
  check(digits.form === '3x4' && digits.rows[23] === Math.fround(23 / 255), 'IDX bytes are divided by 255');

  const refuses = (what, run, words) => {
    let said = 'nothing';
    try { run(); } catch (error) { said = error.message; }
    check(words.test(said), `${what} is refused: ${said}`);
  };
  const grid = read('rows_lf4.npy');
  refuses('a broken-off array', () => readNpy(grid.subarray(0, grid.length - 3)), /truncated: an array of 6 × 4 .* takes 96, and 93 are there/);
  refuses('a broken-off header', () => readNpy(grid.subarray(0, 40)), /broken off within its header/);
  refuses('an array of objects', () => readNpy(read('rows_object.npy')), /type \|O/);
  refuses('an array of records', () => readNpy(read('rows_record.npy')), /records/);
  refuses('a line of numbers', () => asRows(readNpy(read('line.npy'))), /line of 4 numbers/);
  refuses('an array of nothing', () => asRows(readNpy(read('none.npy'))), /empty/);
  const hole = Buffer.from(grid);
  hole.writeFloatLE(NaN, hole.length - 4 * 6);
  refuses('an array with a hole', () => readNpy(hole), /NaN at \[4, 2\]/);

  const asked = fromQuery('?hidden=36&beta=3&rho=7&seed=5&batch=all&elsewhere=1');
  check(toQuery(asked.settings) === '?hidden=36&seed=5&batch=full' && asked.refused.length === 1, `settings of an address: ${toQuery(asked.settings)}, ${asked.refused.map(({ reason }) => reason)}`);
  check(toQuery(fromQuery(toQuery(asked.settings)).settings) === toQuery(asked.settings), 'an address says the settings that it was made of');
  check(valueOf('lambda', '1e-3') === 0.001 && valueOf('rho', '0,05') === 0.05, 'numbers with exponents and with decimal commas');
  refuses('half a unit', () => valueOf('hidden', '2.5'), /whole number/);
  refuses('an empty number', () => valueOf('rho', ''), /between 0 and 1/);

  const { thinned } = await import(pathToFileURL(join(web, 'curve.mjs')));
  const { extremes } = await import(pathToFileURL(join(web, 'paint.mjs')));
  const points = Array.from({ length: 2002 }, (_, steps) => ({ steps }));
  const kept = thinned(points);
  check(kept[0].steps === 0 && kept.at(-1).steps === 2001 && kept.length === 1002, 'a curve that is thinned out keeps its first and its last point');
  check(String(extremes([new Float32Array(300_000).fill(2), [1, 3]])) === '1,3', 'extremes of more numbers than a call takes');
}
