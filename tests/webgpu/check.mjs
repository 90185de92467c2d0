// Compiles every text of `rhohat devices --shaders FOLDER` with Tint, the WGSL compiler of Dawn: as a module and as
// pipelines. Any message fails, warnings too.
//
//     node check.mjs FOLDER null         every combination of the constants' values; ends behind Tint, needs no driver
//     node check.mjs FOLDER vulkan       one pipeline a kernel, down to the code of a software adapter's driver
//     node check.mjs FOLDER vulkan all   every combination so
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, globals } from 'webgpu';

const [folder, backend, extent = backend === 'null' ? 'all' : 'one'] = process.argv.slice(2);
Object.assign(globalThis, globals);
// Once this object is collected its adapters are gone, and node with them.
const gpu = globalThis.entry = create([`backend=${backend}`]);
const adapter = await gpu.requestAdapter();
if (!adapter) throw new Error(`no ${backend} adapter that Dawn takes`);
const kernels = JSON.parse(readFileSync(join(folder, 'kernels.json')));
const features = [...new Set(kernels.map((kernel) => kernel.feature).filter(Boolean))];
const device = await adapter.requestDevice({ requiredFeatures: features });

let faults = 0;
const fault = (where, message) => {
  faults += 1;
  console.error(`${where}: ${message}`);
};

// Every combination of the values of a list of constants.
const combinations = (constants) => constants.reduce(
  (found, { name, values }) => found.flatMap((chosen) => values.map((value) => ({ ...chosen, [name]: value }))),
  [{}],
);

async function scoped(where, make) {
  device.pushErrorScope('internal');
  device.pushErrorScope('validation');
  const made = await make();
  for (const error of [await device.popErrorScope(), await device.popErrorScope()]) {
    if (error) fault(where, error.message);
  }
  return made;
}

async function compiled(file, label) {
  const code = readFileSync(join(folder, file), 'utf8');
  const before = faults;
  const module = await scoped(file, async () => {
    const made = device.createShaderModule({ code, label });
    for (const { lineNum, linePos, type, message } of (await made.getCompilationInfo()).messages) {
      fault(`${file}:${lineNum}:${linePos}`, `${type}: ${message}`);
    }
    return made;
  });
  return faults > before ? undefined : module;
}

let modules = 0;
let pipelines = 0;
for (const { name, constants, texts } of kernels) {
  // naga's texts lack the directive without which Tint knows no subgroups.
  const specified = texts.filter((text) => text.for !== 'naga');
  // The last is that of a software adapter, where there is one.
  const reached = extent === 'all' ? specified : specified.slice(-1);
  for (const text of specified) {
    const module = await compiled(text.file, name);
    modules += 1;
    if (!module || !reached.includes(text)) continue;
    const chosen = combinations(constants);
    for (const values of extent === 'all' ? chosen : chosen.slice(-1)) {
      const compute = { module, entryPoint: 'main', constants: values };
      const where = `${text.file} ${JSON.stringify(values)}`;
      await scoped(where, () => device.createComputePipeline({ layout: 'auto', compute }));
      pipelines += 1;
    }
  }
}
console.log(`Tint on ${adapter.info.description || backend}: ${kernels.length} kernels, ${modules} texts, `
  + `${pipelines} pipelines, ${faults} errors and warnings`);
if (!faults && pipelines < kernels.length) fault(folder, 'kernels without a pipeline');
process.exit(faults ? 1 : 0);
