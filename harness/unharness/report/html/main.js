// What is shown follows the address: #run=ID is a run, everything else the board.
const board = JSON.parse(document.getElementById('data').textContent);

function show() {
  const id = new URLSearchParams(location.hash.slice(1)).get('run');
  const group = id && board.groups.find((one) => Object.hasOwn(one.runs, id));
  const content = group ? runPage(group, group.runs[id], id) : boardPage(id);
  document.getElementById('main').replaceChildren(...content.flat().filter(Boolean));
  document.title = group ? `${group.runs[id].method} · unharness` : 'unharness leaderboard';
  window.scrollTo(0, 0);
}

function boardPage(missing) {
  return [
    missing ? make('p', { class: 'warning' }, `There is no run ${missing} in this page.`) : null,
    board.groups.length ? null : make('p', {}, 'There is nothing to compare.'),
    ...board.groups.flatMap(groupSection),
    ...board.warnings.map((text) => make('p', { class: 'note warning' }, `⚠ ${text}`)),
    ...board.notes.map((note) => make('p', { class: 'note' }, note)),
    board.downloads.length ? downloads(board.downloads) : null,
  ];
}

function downloads(paths) {
  const links = paths.flatMap((path) => [' ', make('a', { href: path }, path.split('/').pop())]);
  return make('p', { class: 'note' }, 'Download:', ...links);
}

function groupSection(group) {
  const curves = group.rows.map((row, index) => ({ row, index })).filter(({ row }) => row.runs.length)
    .map(({ row, index }) => ({ index, name: row.name, ...group.runs[row.runs[0]] }));
  return [
    make('h2', {}, group.title),
    ...group.notes.map((note) => make('p', { class: 'note' }, note)),
    ...groupTable(group),
    make('div', { class: 'plots' }, group.tradeoffs.map((found) => tradeOff(group, found)),
      costPlot(group), studyPlot(group), lossPlot(curves)),
    ...group.warnings.map((text) => make('p', { class: 'note warning' }, `⚠ ${text}`)),
  ];
}

window.addEventListener('hashchange', show);
show();
