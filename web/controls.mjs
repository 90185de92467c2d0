// The knobs as a form: a field for each setting with its sentence, the value that it has, and refusals beside it.
import { KNOBS, PRESETS, valueOf, written } from './settings.mjs';

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

export class Controls {
  #settings;
  #fields = new Map();
  #changed;
  /** The knob whose text is being written. */
  #typed = null;

  /**
   * @param {{knobs: HTMLElement, ofData: HTMLElement, presets: HTMLElement}} places
   * @param {object} settings chosen ones
   * @param {(change: (settings: object) => object, name: string | null) => void} changed takes what makes the new settings of the
   * present ones, which may be others by then
   */
  constructor({ knobs, ofData, presets }, settings, changed) {
    this.#settings = settings;
    this.#changed = changed;
    for (const knob of KNOBS) (knob.group === 'data' ? ofData : knobs).append(this.#field(knob));
    presets.append(...PRESETS.map((preset) => this.#preset(preset)));
  }

  get settings() { return { ...this.#settings }; }

  #field(knob) {
    const id = `knob-${knob.name}`;
    const about = element('p', { id: `${id}-about`, className: 'about', textContent: knob.teaches });
    const refusal = element('p', { id: `${id}-refusal`, className: 'refusal', hidden: true });
    refusal.setAttribute('role', 'alert');
    const input = knob.options
      ? element('select', { id }, ...(knob.usual === undefined ? [''] : []).concat(knob.options).map((option) => element('option', { value: option, textContent: option === '' ? 'usual' : said(option) })))
      : element('input', { id, type: 'text', inputMode: knob.name === 'batch' ? 'text' : 'decimal', autocomplete: 'off', spellcheck: false });
    input.setAttribute('aria-describedby', `${about.id} ${refusal.id}`);
    // The browser says that a text has changed when it is left; until then it is somebody's own.
    input.addEventListener('input', () => { if (!knob.options) this.#typed = knob.name; });
    input.addEventListener('blur', () => { this.#typed = null; });
    input.addEventListener('change', () => {
      this.#typed = null;
      this.#take(knob, input.value);
    });
    this.#fields.set(knob.name, { knob, input, about, refusal });
    const label = element('label', { htmlFor: id, textContent: knob.label });
    return element('div', { className: 'knob' }, element('div', { className: 'pair' }, label, input), about, refusal);
  }

  #preset({ name, settings, look }) {
    const button = element('button', { type: 'button', textContent: name });
    const about = element('span', { textContent: look });
    button.addEventListener('click', () => {
      for (const name of this.#fields.keys()) this.refuse(name, null);
      this.#changed(({ seed }) => ({ ...settings, ...(seed && { seed }) }), null);
    });
    return element('li', {}, button, about);
  }

  #take(knob, text) {
    let value;
    try {
      value = text.trim() === '' ? knob.usual : valueOf(knob.name, text);
    } catch (error) {
      this.refuse(knob.name, `${error.message}. The run goes on as it was.`);
      return;
    }
    this.refuse(knob.name, null);
    this.#changed((present) => {
      const settings = { ...present, [knob.name]: value };
      if (value === undefined || value === knob.usual) delete settings[knob.name];
      return settings;
    }, knob.name);
  }

  /** Says beside a knob why its value is not taken; nothing with `null`. */
  refuse(name, reason) {
    const { input, refusal } = this.#fields.get(name);
    refusal.textContent = reason ?? '';
    refusal.hidden = !reason;
    input.toggleAttribute('aria-invalid', Boolean(reason));
    if (reason) input.setAttribute('aria-invalid', 'true');
  }

  /** Whether there is a knob of this name. */
  has(name) { return this.#fields.has(name); }

  /** Shows what a run has begun under: chosen settings, and those that followed. @param {object} resolved all settings */
  show(settings, resolved, planned, data) {
    this.#settings = { ...settings };
    for (const { knob, input, about, refusal } of this.#fields.values()) {
      const idle = knob.idle?.(settings, data);
      input.disabled = Boolean(idle);
      about.textContent = idle ? `${knob.teaches} ${idle}` : knob.teaches;
      if (!refusal.hidden && input === document.activeElement) continue;
      if (this.#typed === knob.name) continue;
      this.refuse(knob.name, null);
      const value = settings[knob.name] ?? knob.usual;
      const follows = knob.name === 'steps' ? planned : resolved[knob.name];
      input.value = idle ? '' : written(value);
      if (!knob.options) input.placeholder = idle ? '—' : follows === undefined ? '' : `${written(rounded(follows))} (usual)`;
      else if (input.options[0].value === '') input.options[0].textContent = follows === undefined ? '—' : `${said(String(follows))} (usual)`;
    }
  }
}

const rounded = (value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value);
const said = (option) => ({ true: 'yes', false: 'no', lbfgs: 'L-BFGS', adam: 'Adam', sgd: 'SGD' })[option] ?? option;
