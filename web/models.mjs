// Saving the model as a file, and the list of those that this page's server offers (`rhohat web FOLDER`; elsewhere it is empty).
import { grouped } from './paint.mjs';
import { by, say } from './words.mjs';

/** @param {import('./run.mjs').Run} run @param {(bytes: Uint8Array, name: string) => Promise<object>} takeModel */
export function wireModels(run, takeModel) {
  by('save').addEventListener('click', async () => {
    say('model-refusal', null);
    try {
      const { visible, hidden } = run.begun;
      const name = `rhohat-${visible}-${hidden}.safetensors`;
      const { bytes, steps } = await run.save();
      download(bytes, name);
      by('model-note').textContent = `${name}, ${grouped(bytes.length)} bytes, after step ${grouped(steps)}.`;
    } catch (error) {
      say('model-refusal', error.message);
    }
  });
  list(takeModel).catch(() => { /* a server without a list has no models to offer */ });
}

function download(bytes, name) {
  const address = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  const link = Object.assign(document.createElement('a'), { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The download has taken its own hold of the bytes by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

async function list(takeModel) {
  const response = await fetch('models.json');
  if (!response.ok) return;
  const models = await response.json();
  const entries = models.map(({ name, address, bytes }) => {
    const button = Object.assign(document.createElement('button'), { type: 'button', textContent: `Open ${name}` });
    button.addEventListener('click', async () => {
      say('model-refusal', null);
      try {
        const answer = await fetch(address);
        if (!answer.ok) throw new Error(`the server says ${answer.status}`);
        await takeModel(new Uint8Array(await answer.arrayBuffer()), name);
      } catch (error) {
        say('model-refusal', `${name}: ${error.message.replaceAll('`', '')}. ${run.rest}`);
      }
    });
    const entry = document.createElement('li');
    entry.append(button, ` ${grouped(bytes)} bytes`);
    return entry;
  });
  by('models-list').replaceChildren(...entries);
  by('models').hidden = entries.length === 0;
}
