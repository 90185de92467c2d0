// The choice of the engine, why WebGPU is missing where it is, and the two sections that look at this device.
import { by, copied, say } from './words.mjs';

/**
 * @param {import('./client.mjs').Client} client @param {import('./run.mjs').Run} run @param {() => Promise<boolean>} begin
 * @returns {{look: () => Promise<void>, line: (line: string) => void}}
 */
export function wireEngine(client, run, begin) {
  const radio = (name) => document.querySelector(`input[name=engine][value=${name}]`);
  let info = { available: false };
  /** The text area that lines of the Worker go to. */
  let lines = null;

  const allow = () => {
    radio('webgpu').disabled = !info.available || (info.software && !by('software').checked);
    for (const section of ['check', 'bench']) {
      by(section).disabled = radio('webgpu').disabled;
      if (by(section).disabled) by(`${section}-verdict`).textContent = 'This needs WebGPU, which is out of reach for the reason above.';
    }
  };

  const choose = async (name) => {
    say('engine-refusal', null);
    try {
      await run.choose(name, { software: by('software').checked });
      if (!await begin()) throw new Error(by('general-refusal').textContent || 'the run could not begin on it');
    } catch (error) {
      say('engine-refusal', `${error.message}${error.message.endsWith('.') ? '' : '.'}${name === 'webgpu' ? ' The processor goes on.' : ''}`);
      say('general-refusal', null);
      radio('processor').checked = true;
      if (name === 'webgpu') await run.choose('processor', {});
    }
  };
  for (const name of ['processor', 'webgpu']) radio(name).addEventListener('change', () => choose(name));
  by('software').addEventListener('change', allow);

  for (const section of ['check', 'bench']) {
    const area = by(`${section}-lines`);
    by(section).addEventListener('click', async () => {
      by(section).disabled = true;
      area.value = '';
      lines = area;
      by(`${section}-verdict`).textContent = 'At it …';
      try {
        const result = await client.call(section);
        area.value = result.lines.join('\n');
        by(`${section}-verdict`).textContent = result.passed === undefined ? 'Done.' : result.passed ? 'Passed: this device computes what it has to.' : 'Not passed; the lines below say where.';
      } catch (error) {
        by(`${section}-verdict`).textContent = `It could not be done: ${error.message}.`;
      }
      lines = null;
      by(`${section}-copy`).disabled = area.value === '';
      allow();
    });
    by(`${section}-copy`).addEventListener('click', () => copied(by(`${section}-copy`), area.value));
  }

  return {
    async look() {
      info = await client.call('gpuInfo');
      const { available, software, name, why } = info;
      by('gpu-words').textContent = available && !software ? `WebGPU on ${name}.` : `No WebGPU: ${software ? `${name}: ` : ''}${why}.`;
      by('software-line').hidden = !software;
      for (const id of ['gpu-choice', 'check-part', 'bench-part']) by(id).hidden = !available;
      allow();
    },
    line(line) {
      if (lines) lines.value += `${lines.value ? '\n' : ''}${line}`;
    },
  };
}
