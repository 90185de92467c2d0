// Compiles every text of `rhohat devices --shaders FOLDER` with Tint, the WGSL compiler of Dawn: as a module and as
// pipelines. Any message fails, warnings too.
//
//     node check.mjs FOLDER null     every combination of the constants' values; ends behind Tint, needs no driver
//     node check.mjs FOLDER vulkan   every value of every constant, down to the code of a driver
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, globals } from 'webgpu';

const [folder, backend] = process.argv.slice(2);
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

// Every value of a list of constants, in as few choices as that takes.
const values = (constants) => {
  const most = Math.max(...constants.map((constant) => constant.values.length));
  const choice = (i) => constants.map(({ name, values: of }) => [name, of[i % of.length]]);
  return Array.from({ length: most }, (_, i) => Object.fromEntries(choice(i)));
};
const choices = backend === 'null' ? combinations : values;

async function compiled(file, label) {
  const code = readFileSync(join(folder, file), 'utf8');
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code, label });
  const { messages } = await module.getCompilationInfo();
  const error = await device.popErrorScope();
  messages.forEach(({ lineNum, linePos, type, message }) => fault(`${file}:${lineNum}:${linePos}`, `${type}: ${message}`));
  if (error && !messages.length) fault(file, error.message);
  return messages.length || error ? undefined : module;
}

let modules = 0;
let pipelines = 0;
for (const { name, constants, texts } of kernels) {
  // naga's texts lack the directive without which Tint knows no subgroups.
  for (const { file } of texts.filter((text) => text.for !== 'naga')) {
    const module = await compiled(file, name);
    modules += 1;
    if (!module) continue;
    await Promise.all(choices(constants).map(async (chosen) => {
      const compute = { module, entryPoint: 'main', constants: chosen };
      await device.createComputePipelineAsync({ layout: 'auto', compute })
        .catch((error) => fault(`${file} ${JSON.stringify(chosen)}`, error.message));
      pipelines += 1;
    }));
  }
}
console.log(`Tint on ${adapter.info.description || backend}: ${kernels.length} kernels, ${modules} texts, `
  + `${pipelines} pipelines, ${faults} errors and warnings`);
if (!faults && pipelines < modules) fault(folder, 'texts without a pipeline');
if (modules < kernels.length) fault(folder, 'kernels without a text');
process.exit(faults ? 1 : 0);
