'use strict';
// Values under the pointer, features in another order, and the examples of a unit. All else stands without it.
(() => {
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const number = (x) => (x === null || x === undefined ? '–' : String(+x.toPrecision(4)));
  document.documentElement.classList.add('has-script');

  for (const figure of document.querySelectorAll('figure[data-series]')) {
    const { x, left, right, series } = JSON.parse(figure.dataset.series);
    const svg = figure.querySelector('svg');
    const [tip, cursor] = [make('div', { className: 'tip', hidden: true }), make('div', { className: 'cursor', hidden: true })];
    figure.append(tip, cursor);
    const [first, last] = [x[0], x[x.length - 1]];
    svg.addEventListener('pointermove', (event) => {
      const box = svg.getBoundingClientRect();
      const share = ((event.clientX - box.left) / box.width - left) / (right - left);
      const step = first + share * (last - first);
      let place = x.findIndex((at) => at >= step);
      if (place < 0) place = x.length - 1;
      if (place > 0 && step - x[place - 1] < x[place] - step) place -= 1;
      tip.textContent = [`step ${x[place]}`, ...series.map(({ name, y }) => `${name}: ${number(y[place])}`)].join('\n');
      const at = (left + ((x[place] - first) / (last - first || 1)) * (right - left)) * box.width;
      cursor.style.left = `${at}px`;
      tip.hidden = cursor.hidden = false;
      tip.style.left = `${Math.max(0, Math.min(at + 8, box.width - tip.offsetWidth))}px`;
    });
    svg.addEventListener('pointerleave', () => { tip.hidden = cursor.hidden = true; });
  }

  const data = document.getElementById('data');
  if (!data) return;
  const { units, examples, columns } = JSON.parse(data.textContent);
  const [grid, panel] = [document.getElementById('grid'), document.getElementById('unit')];
  const tiles = [...grid.children];
  const place = new Map(tiles.map((tile, i) => [tile, units[i]]));
  const tileOf = new Map(tiles.map((tile, i) => [units[i].n, tile]));

  document.getElementById('sort').addEventListener('change', (event) => {
    const key = event.target.value;
    const value = (tile) => place.get(tile)[key] ?? Infinity;
    grid.append(...tiles.slice().sort((a, b) => value(a) - value(b) || place.get(a).n - place.get(b).n));
  });
  document.getElementById('zoom').addEventListener('input', (event) => { grid.style.setProperty('--z', event.target.value); });

  const example = ([at, activation]) => {
    const tile = make('span', { className: 'tile se' });
    tile.setAttribute('role', 'img');
    tile.setAttribute('aria-label', `example ${examples[at]}`);
    tile.style.cssText = `--x:${at % columns};--y:${Math.floor(at / columns)}`;
    return make('figure', {}, tile, make('figcaption', { textContent: number(activation), title: `example ${examples[at]}` }));
  };
  const set = (title, list) => {
    const inner = list.length ? make('div', { className: 'set' }, ...list.map(example)) : make('p', { textContent: 'none' });
    return make('div', {}, make('h4', { textContent: title }), inner);
  };
  let pressed = null;
  grid.addEventListener('click', (event) => {
    const tile = event.target.closest('button.tile');
    if (!tile) return;
    pressed?.removeAttribute('aria-pressed');
    tile.setAttribute('aria-pressed', 'true');
    pressed = tile;
    const unit = place.get(tile);
    const large = make('span', { className: 'tile sf' });
    large.style.cssText = `${tile.style.cssText};--z:${4 * grid.style.getPropertyValue('--z')}`;
    const facts = [
      ['ρ̂', number(unit.rho)], ['active in', `${number(100 * unit.density)} % of examples`], ['largest activation', number(unit.most)],
      ['norm of weights', number(unit.norm)], ['direction', unit.angle === null ? 'none' : `${unit.angle}°`],
      ['like', unit.like === null ? 'no earlier unit' : `unit ${unit.like}`],
    ];
    const list = make('dl', {}, ...facts.map(([name, text]) => make('div', {}, make('dt', { textContent: name }), make('dd', { textContent: text }))));
    const first = make('div', {}, make('h3', { textContent: `Unit ${unit.n}` }), large);
    panel.replaceChildren(first, list, set('Examples that excite it most', unit.top), set('Others that make it active, at random', unit.random));
    if (tileOf.has(unit.like)) {
      const other = make('button', { type: 'button', textContent: `show unit ${unit.like}` });
      other.addEventListener('click', () => { const found = tileOf.get(unit.like); found.scrollIntoView({ block: 'nearest' }); found.click(); });
      panel.append(other);
    }
    panel.style.setProperty('--z', grid.style.getPropertyValue('--z'));
    panel.hidden = false;
  });
})();
