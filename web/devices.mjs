// The choice of the engine, why WebGPU is missing where it is, and the two sections that look at this device.
import { by, copied, say } from './words.mjs';

/** Checks between two words about them. */
const TOLD = 10;

/**
 * @param {import('./client.mjs').Client} client @param {import('./run.mjs').Run} run @param {() => Promise<boolean>} begin
 * @returns {{look: () => Promise<void>, line: (told: {line: string, at?: number, of?: number}) => void}}
 */
export function wireEngine(client, run, begin) {
  const radio = (name) => document.querySelector(`input[name=engine][value=${name}]`);
  let info = { available: false };
  /** The section that the Worker is at. */
  let atWork = null;
  const OUT_OF_REACH = 'This needs WebGPU, which is out of reach for the reason above.';

  const allow = () => {
    const { available, software, name, why } = info;
    radio('webgpu').disabled = !available || (software && !by('software').checked);
    if (!available) by('gpu-words').textContent = `No WebGPU: ${why}.`;
    else if (!software) by('gpu-words').textContent = `WebGPU on ${name}.`;
    else by('gpu-words').textContent = by('software').checked ? `WebGPU on ${name}, a software adapter, which is slower than the processor.` : `No WebGPU: ${name}: ${why}.`;
    for (const section of ['check', 'bench']) {
      // A button that is at work keeps the focus, and does nothing.
      by(section).disabled = radio('webgpu').disabled && atWork === null;
      by(section).setAttribute('aria-disabled', String(atWork !== null));
      const verdict = by(`${section}-verdict`);
      if (by(section).disabled && verdict.textContent === '') verdict.textContent = OUT_OF_REACH;
      else if (!by(section).disabled && verdict.textContent === OUT_OF_REACH) verdict.textContent = '';
    }
  };

  const choose = async (name) => {
    say('engine-refusal', null);
    try {
      await run.choose(name, { software: by('software').checked });
      if (!await begin()) throw new Error(by('general-refusal').textContent || 'the run could not begin on it');
    } catch (error) {
      const reason = error.message.replace(run.rest, '').trim();
      say('engine-refusal', `${reason}${reason.endsWith('.') ? '' : '.'}${name === 'webgpu' ? ' The processor goes on.' : ''}`);
      say('general-refusal', null);
      radio('processor').checked = true;
      if (name === 'webgpu') await run.choose('processor', {});
    }
  };
  for (const name of ['processor', 'webgpu']) radio(name).addEventListener('change', () => choose(name));
  by('software').addEventListener('change', allow);

  const SECTIONS = { check: 'Checking the device', bench: 'Comparing processor and GPU' };
  for (const [section, words] of Object.entries(SECTIONS)) {
    const area = by(`${section}-lines`);
    const verdict = by(`${section}-verdict`);
    by(section).addEventListener('click', async () => {
      if (atWork !== null) return;
      atWork = section;
      allow();
      area.value = '';
      verdict.textContent = `${words}: the run waits, Reset ends it.`;
      try {
        const { lines, passed } = await run.meanwhile(words, () => client.call(section, { software: by('software').checked }));
        area.value = lines.join('\n');
        verdict.textContent = passed === undefined ? `${lines[0]}.` : passed ? 'Passed: this device computes what it has to.' : 'Not passed; the lines below say where.';
      } catch (error) {
        verdict.textContent = error.restarted ? 'It was ended.' : `It could not be done: ${error.message}.`;
      }
      atWork = null;
      by(`${section}-copy`).disabled = area.value === '';
      allow();
    });
    by(`${section}-copy`).addEventListener('click', () => copied(by(`${section}-copy`), area.value));
  }

  return {
    async look() {
      info = await client.call('gpuInfo');
      const { available, software } = info;
      by('software-line').hidden = !software;
      for (const id of ['gpu-choice', 'check-part', 'bench-part']) by(id).hidden = !available;
      allow();
    },
    /** A line of what is at work, and where it stands: told now and then, since it is read out. */
    line({ line, at, of }) {
      if (atWork === null) return;
      const area = by(`${atWork}-lines`);
      area.value += `${area.value ? '\n' : ''}${line}`;
      area.scrollTop = area.scrollHeight;
      if (of && at % TOLD === 0) by(`${atWork}-verdict`).textContent = `${SECTIONS[atWork]}: ${at} of ${of}. The run waits, Reset ends it.`;
    },
  };
}
