// Data and models that somebody brings: dropped anywhere on the page, or chosen by a button.
import { isModel } from './files.mjs';
import { by, say } from './words.mjs';

/**
 * @param {import('./run.mjs').Run} run
 * @param {{begin: () => Promise<boolean>, takeModel: (bytes: Uint8Array, name: string) => Promise<object>}} page
 */
export function wireSources(run, { begin, takeModel }) {
  /** The files of the present data, to be read again with or without their colours. */
  let last = [];
  /** In turn: data that are still read must not replace the run of a model that came later. */
  const take = (files) => run.inTurn(() => taken(files));
  const taken = async (files) => {
    for (const place of ['data-refusal', 'model-refusal']) say(place, null);
    by('model-note').textContent = '';
    if (files.length === 0) return;
    const model = files.find(isModel);
    if (model && files.length > 1) return say('model-refusal', `${model.name} is a model, and others came with it: drop it alone, and data before or after it.`);
    if (model) return openModel(model, run, takeModel);
    const place = by('data-words');
    const before = place.textContent;
    const reading = `Reading ${files.length === 1 ? files[0].name : `${files.length} files`} …`;
    place.textContent = reading;
    try {
      await takeData('files', { files, color: by('color').checked });
      last = files;
    } catch (error) {
      say('data-refusal', `${error.message.replaceAll('`', '')}. ${run.rest}`);
    }
    if (place.textContent === reading) place.textContent = before;
  };

  const takeData = async (kind, payload) => {
    const { data, keep } = await run.take(kind, payload);
    const before = run.data;
    run.data = data;
    if (await begin()) {
      keep();
      if (kind === 'built-in' && document.activeElement === by('built-in')) by('files').focus();
      by('built-in').hidden = kind === 'built-in';
    } else run.data = before;
  };

  for (const id of ['files', 'model-file']) {
    by(id).addEventListener('change', async ({ target }) => {
      await take([...target.files]);
      // The same file may be chosen again.
      target.value = '';
    });
  }
  // In its turn, too: the present pictures may be told of before they are the last ones.
  by('color').addEventListener('change', () => run.inTurn(async () => { if (run.data.kind === 'pictures') await taken(last); }));
  by('built-in').addEventListener('click', () => run.inTurn(() => takeData('built-in')).catch((error) => say('data-refusal', error.message)));

  const hasFiles = (event) => [...event.dataTransfer?.types ?? []].includes('Files');
  addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  addEventListener('dragleave', (event) => { if (!event.relatedTarget) document.body.classList.remove('dropping'); });
  addEventListener('drop', (event) => {
    document.body.classList.remove('dropping');
    if (!hasFiles(event)) return;
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
}

async function openModel(file, run, takeModel) {
  try {
    await takeModel(new Uint8Array(await file.arrayBuffer()), file.name);
  } catch (error) {
    say('model-refusal', `${file.name}: ${error.message.replaceAll('`', '').replace('the bytes of a model: ', '')}. ${run.rest}`);
    by('model-refusal').scrollIntoView({ block: 'nearest' });
  }
}

/** What to do where outputs cannot reach the numbers of rows. */
export function hint({ kind, low, high }, { output, normalize }) {
  const [least, most] = { sigmoid: [0, 1], tanh: [-1, 1], linear: [-Infinity, Infinity] }[output];
  if (kind !== 'rows' || normalize !== 'none' || (low >= least && high <= most)) return null;
  return `The numbers go from ${Number(low.toPrecision(4))} to ${Number(high.toPrecision(4))}, but a ${output} output reaches only ${least} to ${most}: choose normalise “minmax” or output “linear” under “How data are taken”.`;
}
