// A group's table: click a header to sort, type to filter.
const COSTS = [['train_seconds', 'Train s'], ['peak_memory_gb', 'Peak GB']];

function groupTable(group) {
  const state = { column: null, down: true, text: '' };
  const body = make('tbody');
  const heads = [];
  const columns = [
    { label: 'Method', of: (row) => row.name, down: false },
    ...group.columns.map((column) => ({
      label: column.label, of: (row) => sortValue(row.metrics[column.name], column),
      down: column.direction === 'higher', column,
    })),
    ...COSTS.map(([name, label]) => ({ label, of: (row) => row.cost[name], down: false, cost: name })),
  ];
  for (const [index, column] of columns.entries()) {
    const button = make('button', {
      type: 'button',
      onclick: () => {
        state.down = state.column === index ? !state.down : column.down;
        state.column = index;
        draw();
      },
    }, column.label);
    heads.push(make('th', { scope: 'col' }, button));
  }

  function draw() {
    for (const [index, head] of heads.entries()) {
      if (index === state.column) {
        head.setAttribute('aria-sort', state.down ? 'descending' : 'ascending');
      } else {
        head.removeAttribute('aria-sort');
      }
    }
    const wanted = state.text.toLowerCase();
    let rows = group.rows.filter((row) =>
      [row.name, row.chosen, ...row.details].join(' ').toLowerCase().includes(wanted));
    if (state.column !== null) {
      const { of } = columns[state.column];
      const sign = state.down ? -1 : 1;
      rows = [...rows].sort((a, b) => compared(of(a), of(b), sign));
    }
    body.replaceChildren(...rows.map((row) => tableRow(row, columns)));
  }

  draw();
  const filter = make('input', {
    type: 'search', placeholder: 'filter methods', 'aria-label': 'filter methods',
    oninput: (event) => { state.text = event.target.value; draw(); },
  });
  return [
    make('div', { class: 'tools' }, filter),
    make('div', { class: 'scroll' }, make('table', {}, make('thead', {}, make('tr', {}, heads)), body)),
  ];
}

// What should match the retrained row is sorted by its distance to it.
function sortValue(metric, column) {
  return column.direction === 'match_reference' ? metric.distance : metric.value;
}

// What has no value comes last, whatever the direction.
function compared(a, b, sign) {
  const none = (value) => value === null || value === undefined;
  if (none(a) || none(b)) return none(a) - none(b);
  return sign * (typeof a === 'string' ? a.localeCompare(b) : a - b);
}

function tableRow(row, columns) {
  const name = row.runs.length ? make('a', { href: `#run=${row.runs[0]}` }, row.name) : row.name;
  const mark = row.warnings.length
    ? make('span', { class: 'warning', title: row.warnings.join('\n') }, ' ⚠') : null;
  const details = row.details.length
    ? make('span', { class: 'details' }, row.details.join(', ')) : null;
  const cells = columns.slice(1).map((column) => {
    if (column.cost) return make('td', {}, shown(row.cost[column.cost]));
    const metric = row.metrics[column.column.name];
    const { unit } = column.column;
    return make('td', { class: metric.best ? 'best' : null },
      shown(metric.value, unit),
      metric.low === null ? null
        : make('span', { class: 'interval' }, `${shown(metric.low, unit)} – ${shown(metric.high, unit)}`),
      metric.change === null ? null
        : make('span', { class: 'change' }, `${metric.change > 0 ? '+' : ''}${shown(metric.change, unit)}`));
  });
  return make('tr', { class: row.reference ? 'reference' : null },
    make('td', {}, name, mark, details), cells);
}
