// “Check this device”: every kernel and whole steps on it against the f64 reference of the module, within derived bounds, as
// `rhohat verify` does. The checks are that program's own; a tape brings what they ask of a device to this one.
import { Device } from './device.mjs';
import { Tape } from './tape.mjs';
import { Rhohat } from './wasm.mjs';

/** Of the examples and weights that are checked. */
const SEED = 0;
const TITLES = {
  kernels: 'Kernels against f64, largest error as a share of its bound:',
  steps: 'Whole steps against f64, largest error as a share of its bound:',
  training: 'Short training runs against f64, difference of J as a share of 0.01 %:',
};

/**
 * @param {{module: WebAssembly.Module, options: object, tell: (line: string, at?: number, of?: number) => void, only?: (check: object) => boolean}} to
 * @returns {Promise<{lines: string[], passed: boolean, results: object[]}>}
 */
export async function check({ module, options, tell, only = () => true }) {
  const rhohat = await Rhohat.open(module);
  const device = await Device.open(options);
  const lines = [];
  const say = (line, at, of) => { lines.push(line); tell(line, at, of); };
  const started = performance.now();
  try {
    rhohat.gpuDescribe(device.description);
    const checks = rhohat.gpuChecks(SEED);
    say(`rhohat ${rhohat.version()} on ${device.description.name}`);
    say(navigator.userAgent);
    const results = [];
    let group = null;
    const chosen = [...checks.entries()].filter(([, check]) => only(check));
    for (const [number, check] of chosen) {
      if (check.group !== group) say(TITLES[check.group]);
      group = check.group;
      const result = await ofCheck(rhohat, device, number, check);
      results.push(result);
      say(result.failure ? `  FAILED  ${check.name}: ${result.failure}` : `  passed  ${check.name}: ${result.worst.toPrecision(3)} in ${result.cases} comparisons`, results.length, chosen.length);
    }
    if (!results.length) throw new Error('this copy of the page knows no check of the device');
    const failed = results.filter((result) => result.failure).length;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    say(failed ? `${failed} of ${results.length} checks failed, ${seconds} s. Please report it, with these lines.` : `All ${results.length} checks passed, ${seconds} s.`);
    return { lines, passed: failed === 0, results };
  } finally {
    device.close();
  }
}

/** All cases of a check, up to the first that fails. */
async function ofCheck(rhohat, device, number, { group, name, cases }) {
  const result = { group, name, cases: 0, worst: 0 };
  if (!cases) return { ...result, failure: 'it compares nothing' };
  for (let at = 0; at < cases; at += 1) {
    const { finding, failure } = await ofCase(rhohat, device, number, at);
    if (failure) return { ...result, failure };
    result.cases += finding.cases;
    result.worst = Math.max(result.worst, finding.worst);
  }
  return result;
}

async function ofCase(rhohat, device, number, at) {
  const tape = new Tape(device);
  try {
    let read;
    for (;;) {
      const { answer, bytes } = rhohat.gpuCheck(number, at, read);
      if (!answer.commands) return answer;
      await tape.play(answer.commands, bytes, answer.first);
      read = await Promise.all(answer.wanted.map((wanted) => tape.read(wanted)));
    }
  } finally {
    tape.close();
  }
}
