// One run: numbers, spec, provenance, its loss, and what it answers.
const FIRST = 20;

function runPage(group, run, id) {
  const names = Object.keys(run.metrics);
  const questions = run.after ? answered(group, run) : null;
  return [
    make('p', {}, make('a', { href: '#' }, '← all runs')),
    make('h2', {}, `${run.method} · seed ${run.seed}`),
    make('p', { class: 'note' }, `run ${id} · ${group.title}`),
    run.warnings.map((text) => make('p', { class: 'warning' }, `⚠ ${text}`)),
    make('h3', {}, 'Numbers'),
    facts(names.map((name) => [name, interval(run.metrics[name])])),
    make('div', { class: 'plots' }, lossPlot([{ index: 0, name: run.method, losses: run.losses, every: run.every }])),
    make('h3', {}, 'Examples'),
    questions || make('p', { class: 'note' }, 'The examples of this run are not in this page.'),
    folded('Specification', flat(run.spec)),
    folded('Cost', flat(run.cost)),
    folded('Provenance', [['started', run.started], ['finished', run.finished], ...flat(run.provenance)]),
  ];
}

function folded(title, pairs) {
  return make('details', {}, make('summary', {}, title), facts(pairs));
}

function interval(metric) {
  const ends = metric.ci95 ? ` [${shown(metric.ci95[0])}, ${shown(metric.ci95[1])}]` : '';
  return shown(metric.value) + ends;
}

function flat(value, prefix = '') {
  return Object.entries(value || {}).flatMap(([key, item]) =>
    (item !== null && typeof item === 'object' && !Array.isArray(item)
      ? flat(item, `${prefix}${key}.`) : [[prefix + key, written(item)]]));
}

function written(item) {
  if (item === null || item === '') return '–';
  if (typeof item === 'number') return String(Number(item.toPrecision(6)));
  return typeof item === 'object' ? JSON.stringify(item) : String(item);
}

function facts(pairs) {
  return make('dl', {}, pairs.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value ?? '–')]));
}

function answered(group, run) {
  const splits = [...new Set(group.questions.map((question) => question.split))];
  const list = make('div');
  const state = { split: splits[0], most: FIRST };
  const choose = make('select', {
    'aria-label': 'split',
    onchange: (event) => { state.split = event.target.value; state.most = FIRST; draw(); },
  }, splits.map((split) => make('option', { value: split }, split)));

  function draw() {
    const found = group.questions.map((question, at) => [question, run.after[at]])
      .filter(([question, after]) => question.split === state.split && after);
    list.replaceChildren(...found.slice(0, state.most).map(([question, after]) => example(question, after, group.score)));
    if (found.length > state.most) {
      list.append(make('button', { type: 'button', onclick: () => { state.most = found.length; draw(); } },
        `all ${found.length}`));
    }
  }

  draw();
  return make('div', {}, make('div', { class: 'tools' }, choose), list);
}

function example(question, [text, score], { label, unit }) {
  const line = (who, ...words) => make('p', {}, make('span', { class: 'who' }, who), ' ', words);
  const marked = question.before === null ? [text || '–'] : changes(question.before, text || '');
  return make('div', { class: 'example' },
    line('question', question.prompt),
    line('expected', question.answer),
    question.before === null ? null : line('before', question.before),
    line('after', marked),
    score === null ? null : make('p', { class: 'note' }, `${label} ${shown(score, unit)}`));
}

// Words that are gone are struck out, new ones underlined (longest common subsequence).
function changes(before, after) {
  const [a, b] = [before, after].map((text) => text.split(/\s+/).filter(Boolean).slice(0, 200));
  const length = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      length[i][j] = a[i] === b[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
    }
  }
  const found = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.push(a[i]);
      i += 1; j += 1;
    } else if (i < a.length && (j >= b.length || length[i + 1][j] >= length[i][j + 1])) {
      found.push(make('del', {}, a[i]));
      i += 1;
    } else {
      found.push(make('ins', {}, b[j]));
      j += 1;
    }
    found.push(' ');
  }
  return found.length ? found : ['–'];
}
