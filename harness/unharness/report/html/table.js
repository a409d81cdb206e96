// A group's table: click a header to sort, type to filter.
function groupTable(group) {
  const state = { column: null, down: true, text: '', details: false };
  const body = make('tbody');
  const heads = [];
  const tops = make('tr', { class: 'axes' });
  const columns = [
    { label: 'Method', of: (row) => row.name, down: false },
    ...(group.rows.some((row) => row.rank)
      ? [{ label: 'Rank', of: (row) => (row.rank ? parseInt(row.rank, 10) : null), down: false, rank: true }] : []),
    ...group.columns.map((column) => ({
      label: column.label, of: (row) => sortValue(row.metrics[column.name], column),
      down: column.direction === 'higher', column, span: spanOf(group, column),
      heading: column.heading,
    })),
    ...group.costs.map(({ name, label }) => ({
      label, of: (row) => row.cost[name], down: false, cost: name, heading: 'Cost',
    })),
  ];
  const hidden = (column) => Boolean(column.column?.detail) && !state.details;
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
      head.hidden = hidden(columns[index]);
      if (index === state.column) {
        head.setAttribute('aria-sort', state.down ? 'descending' : 'ascending');
      } else {
        head.removeAttribute('aria-sort');
      }
    }
    const visible = columns.filter((column) => !hidden(column));
    tops.replaceChildren(...runsOf(visible).map(([heading, count]) =>
      make('th', { scope: 'colgroup', colspan: count }, heading)));
    const wanted = state.text.toLowerCase();
    let rows = group.rows.filter((row) =>
      [row.name, row.chosen, ...row.details].join(' ').toLowerCase().includes(wanted));
    if (state.column !== null) {
      const { of } = columns[state.column];
      const sign = state.down ? -1 : 1;
      rows = [...rows].sort((a, b) => compared(of(a), of(b), sign));
    }
    const published = group.published.filter((row) =>
      [row.name, row.mark].join(' ').toLowerCase().includes(wanted));
    body.replaceChildren(...rows.map((row) => tableRow(row, visible)),
      ...published.map((row) => publishedRow(row, visible)));
  }

  draw();
  const filter = make('input', {
    type: 'search', placeholder: 'filter methods', 'aria-label': 'filter methods',
    oninput: (event) => { state.text = event.target.value; draw(); },
  });
  const details = group.columns.some((column) => column.detail)
    ? make('label', {}, make('input', {
      type: 'checkbox', onchange: (event) => { state.details = event.target.checked; draw(); },
    }), ' all columns') : null;
  return [
    make('div', { class: 'tools' }, filter, details),
    make('div', { class: 'scroll' }, make('table', {}, make('thead', {}, tops, make('tr', {}, heads)), body)),
  ];
}

// Neighbours under one heading, as [heading, how many]; the method's column stands alone.
function runsOf(columns) {
  const found = [];
  for (const [index, column] of columns.entries()) {
    const heading = column.heading || '';
    const last = found[found.length - 1];
    if (index > 1 && last[0] === heading) last[1] += 1;
    else found.push([heading, 1]);
  }
  return found;
}

// The lowest and the highest value of any run in a column.
function spanOf(group, column) {
  const all = group.rows.flatMap((row) => row.metrics[column.name].runs).filter((one) => one !== null);
  return [Math.min(...all), Math.max(...all)];
}

// A dot for every run, on one scale for the whole column.
function dots(runs, [low, high], unit) {
  const known = runs.filter((one) => one !== null);
  const place = (value) => 3 + (54 * (value - low)) / ((high - low) || 1);
  return make('svg', { class: 'dots', viewBox: '0 0 60 6', role: 'img',
    'aria-label': `runs: ${known.map((one) => shown(one, unit)).join(', ')}` },
  make('title', {}, known.map((one) => shown(one, unit)).join(', ')),
  known.map((one) => make('circle', { cx: place(one), cy: 3, r: 2 })));
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

// A row of a publication: always below ours, whatever sorts them.
function publishedRow(row, columns) {
  const cells = columns.slice(1).map((column) =>
    make('td', {}, column.column ? row.cells[column.column.name] : ''));
  return make('tr', { class: 'published' },
    make('td', {}, row.name, make('span', { class: 'details' }, row.mark)), cells);
}

function signed(value, unit) {
  return `${value > 0 ? '+' : ''}${shown(value, unit)}`;
}

function tableRow(row, columns) {
  const name = row.runs.length ? make('a', { href: `#run=${row.runs[0]}` }, row.name) : row.name;
  const mark = row.warnings.length
    ? make('span', { class: 'warning', title: row.warnings.join('\n') }, ' ⚠') : null;
  const details = row.details.length
    ? make('span', { class: 'details' }, row.details.join(', ')) : null;
  const cells = columns.slice(1).map((column) => {
    if (column.cost) return make('td', {}, shown(row.cost[column.cost]));
    if (column.rank) return make('td', {}, row.rank);
    const metric = row.metrics[column.column.name];
    const { unit } = column.column;
    return make('td', { class: metric.best ? 'best' : null },
      shown(metric.value, unit),
      metric.low === null ? null
        : make('span', { class: 'interval' }, `${shown(metric.low, unit)} – ${shown(metric.high, unit)}`),
      metric.change === null ? null
        : make('span', { class: 'change' }, signed(metric.change, unit),
          metric.change_ends.length
            ? ` [${metric.change_ends.map((end) => signed(end, unit)).join(', ')}]` : null),
      metric.runs.length ? dots(metric.runs, column.span, unit) : null);
  });
  return make('tr', { class: row.reference ? 'reference' : null },
    make('td', {}, name, mark, details), cells);
}
