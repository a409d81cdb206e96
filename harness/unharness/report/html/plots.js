// Plots as SVG: the trade-off with fronts and intervals, cost against success, loss curves.
const BOX = { width: 460, height: 320, left: 48, right: 12, top: 14, bottom: 40 };

function scale(low, high, from, to, log) {
  const of = log ? Math.log10 : (value) => value;
  const [a, b] = [of(low), of(high)];
  return (value) => from + ((of(value) - a) / ((b - a) || 1)) * (to - from);
}

function ticks(low, high, log) {
  if (log) {
    const found = [];
    for (let power = Math.ceil(Math.log10(low)); power <= Math.floor(Math.log10(high)); power += 1) {
      found.push(10 ** power);
    }
    return found.length > 1 ? found : [low, high];
  }
  const step = 10 ** Math.floor(Math.log10((high - low) || 1));
  const size = [1, 2, 5, 10].map((n) => (n * step) / 5).find((n) => (high - low) / n <= 6) || step;
  const found = [];
  for (let at = Math.ceil(low / size) * size; at <= high + size / 1e6; at += size) found.push(at);
  return found;
}

// Axes with grid and labels; returns the drawing and both scales.
function frame(x, y, label) {
  const { width, height, left, right, top, bottom } = BOX;
  const sx = scale(x.low, x.high, left, width - right, x.log);
  const sy = scale(y.low, y.high, height - bottom, top, false);
  const svg = make('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label });
  for (const at of ticks(x.low, x.high, x.log)) {
    svg.append(make('line', { class: 'grid', x1: sx(at), x2: sx(at), y1: top, y2: height - bottom }),
      make('text', { x: sx(at), y: height - bottom + 14, 'text-anchor': 'middle' }, shown(at).replace(/\.0+$/, '')));
  }
  for (const at of ticks(y.low, y.high, false)) {
    svg.append(make('line', { class: 'grid', x1: left, x2: width - right, y1: sy(at), y2: sy(at) }),
      make('text', { x: left - 6, y: sy(at) + 4, 'text-anchor': 'end' }, shown(at).replace(/\.0+$/, '')));
  }
  svg.append(
    make('line', { class: 'axis', x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }),
    make('line', { class: 'axis', x1: left, x2: left, y1: top, y2: height - bottom }),
    make('text', { x: (left + width - right) / 2, y: height - 8, 'text-anchor': 'middle' }, x.label),
    make('text', { x: 12, y: height / 2, 'text-anchor': 'middle', transform: `rotate(-90 12 ${height / 2})` }, y.label));
  return { svg, sx, sy };
}

// A point with its intervals and a title to hover; returns what its name needs.
function point(plot, index, row, x, y) {
  const [px, py] = [plot.sx(x.value), plot.sy(y.value)];
  const ink = colour(index);
  const node = make('g', { class: 'point' }, make('title', {}, `${row.name}\n${x.text}\n${y.text}`));
  const whisker = (x1, y1, x2, y2) =>
    node.append(make('line', { class: 'whisker', stroke: ink, x1, y1, x2, y2 }));
  if (x.low !== null && x.low !== undefined) whisker(plot.sx(x.low), py, plot.sx(x.high), py);
  if (y.low !== null && y.low !== undefined) whisker(px, plot.sy(y.low), px, plot.sy(y.high));
  node.append(make(row.reference ? 'rect' : 'circle', row.reference
    ? { x: px - 4, y: py - 4, width: 8, height: 8, fill: ink }
    : { cx: px, cy: py, r: 4.5, fill: ink }));
  plot.svg.append(node);
  return { px, py, name: row.name, first: row.reference };
}

const LETTER = 6;
const LINE = 12;

// Names beside their points, those that come first first; one that would cover another name or a
// point is left to hovering. Returns how many were.
function names(plot, points) {
  const taken = points.map(({ px, py }) => ({ left: px - 5, right: px + 5, top: py - 5, bottom: py + 5 }));
  const free = (box) => box.left >= BOX.left && box.right <= BOX.width - 2 && box.top >= 0
    && box.bottom <= BOX.height - BOX.bottom && !taken.some((other) => box.left < other.right
      && other.left < box.right && box.top < other.bottom && other.top < box.bottom);
  let hidden = 0;
  for (const { px, py, name } of [...points].sort((a, b) => Boolean(b.first) - Boolean(a.first))) {
    const wide = name.length * LETTER;
    const places = [4, -4, 12, -9, 17].flatMap((down) => [1, -1].map((side) => {
      const left = side > 0 ? px + 7 : px - 7 - wide;
      return { side, base: py + down, left, right: left + wide, top: py + down - LINE + 3, bottom: py + down + 3 };
    }));
    const box = places.find(free);
    if (!box) {
      hidden += 1;
      continue;
    }
    taken.push(box);
    plot.svg.append(make('text', { class: 'name', x: box.side > 0 ? box.left : box.right, y: box.base,
      'text-anchor': box.side > 0 ? 'start' : 'end' }, name));
  }
  return hidden;
}

// What a caption says of names that found no place.
function unnamed(hidden) {
  return hidden ? ` Names without room, shown by hovering: ${hidden}.` : '';
}

function described(metric, column) {
  const interval = metric.low === null ? '' : ` [${shown(metric.low, column.unit)}, ${shown(metric.high, column.unit)}]`;
  return { ...metric, text: `${column.label}: ${shown(metric.value, column.unit)}${interval}` };
}

// A value in % where it stands on an axis from 0, the worst, to 100, the best.
function placed(metric, column) {
  if (column.direction === 'higher') return metric;
  if (column.direction === 'match_reference') {
    return { value: metric.distance === null ? null : 100 - metric.distance, low: null, high: null };
  }
  const turned = (value) => (value === null ? null : 100 - value);
  return { value: turned(metric.value), low: turned(metric.high), high: turned(metric.low) };
}

function axisLabel(column) {
  if (column.direction === 'higher') return `${column.label} %`;
  const away = column.direction === 'match_reference' ? 'distance to retrained, ' : '';
  return `100 − ${away}${column.label} %`;
}

function tradeOff(group, found) {
  const column = (name) => group.columns.find((one) => one.name === name);
  const [across, up] = [column(found.across), column(found.against)];
  const plot = frame({ low: 0, high: 100, label: axisLabel(across) },
    { low: 0, high: 100, label: axisLabel(up) }, `${across.label} against ${up.label}`);
  const places = found.front.map((index) => group.rows[index].metrics)
    .map((metrics) => [placed(metrics[across.name], across).value, placed(metrics[up.name], up).value])
    .sort((a, b) => a[0] - b[0]);
  if (places.length) {
    const steps = [[0, places[0][1]], ...places, [places[places.length - 1][0], 0]];
    const path = steps.map(([x, y], at) => {
      const before = steps[at - 1];
      const corner = before && y < before[1] ? `L${plot.sx(before[0])} ${plot.sy(y)}` : '';
      return `${at ? corner + 'L' : 'M'}${plot.sx(x)} ${plot.sy(y)}`;
    }).join('');
    plot.svg.append(make('path', { class: 'front', d: path }));
  }
  const points = [];
  for (const [index, row] of group.rows.entries()) {
    const [x, y] = [placed(row.metrics[across.name], across), placed(row.metrics[up.name], up)];
    if (x.value === null || y.value === null) continue;
    const made = point(plot, index, row, { ...x, text: described(row.metrics[across.name], across).text },
      { ...y, text: described(row.metrics[up.name], up).text });
    points.push({ ...made, first: made.first || found.front.includes(index) });
  }
  const hidden = names(plot, points);
  const front = found.front.map((index) => group.rows[index].name).join(', ');
  return make('figure', {}, plot.svg, make('figcaption', {},
    `Dashed: the Pareto front (${front}). It dominates ${shown(found.hypervolume, '%')}% of ${found.square}.${unnamed(hidden)}`));
}

function costPlot(group) {
  const column = group.columns.find((one) => one.name === group.headline);
  const rows = [...group.rows.entries()].filter(([, row]) =>
    column && row.cost.train_seconds > 0 && row.metrics[column.name].value !== null);
  if (!rows.length) return null;
  const seconds = rows.map(([, row]) => row.cost.train_seconds);
  const values = rows.map(([, row]) => row.metrics[column.name].value);
  const margin = 5;
  const plot = frame(
    { low: Math.min(...seconds) / 1.5, high: Math.max(...seconds) * 1.5, log: true, label: 'training, seconds' },
    { low: Math.max(0, Math.min(...values) - margin), high: Math.max(...values) + margin, label: column.label },
    `seconds of training against ${column.label}`);
  const points = rows.map(([index, row]) => {
    const cost = { value: row.cost.train_seconds, text: `${shown(row.cost.train_seconds)} s` };
    return point(plot, index, row, cost, described(row.metrics[column.name], column));
  });
  const hidden = names(plot, points);
  return make('figure', {}, plot.svg, make('figcaption', {}, `Training time against ${column.label}.${unnamed(hidden)}`));
}

// The best value so far by trial of every tuned method.
function studyPlot(group) {
  const lines = group.studies.filter((study) => study.best_so_far.some((value) => value !== null));
  if (!lines.length) return null;
  const all = lines.flatMap((study) => study.best_so_far).filter((value) => value !== null);
  const longest = Math.max(...lines.map((study) => study.best_so_far.length));
  const objective = lines[0].objective;
  const plot = frame({ low: 1, high: Math.max(2, longest), label: 'trial' },
    { low: Math.min(...all), high: Math.max(...all), label: `best ${objective} so far` }, 'tuning by trial');
  const index = (study) => Math.max(0, group.rows.findIndex((row) => row.name.split(' ')[0] === study.method));
  for (const study of lines) {
    const points = study.best_so_far.map((value, at) => (value === null ? null
      : `${plot.sx(at + 1).toFixed(1)},${plot.sy(value).toFixed(1)}`)).filter(Boolean);
    plot.svg.append(make('polyline', { class: 'curve', stroke: colour(index(study)), points: points.join(' ') },
      make('title', {}, `${study.method}: validation ${shown(study.validation, '%')}, evaluation ${shown(study.evaluation, '%')}`)));
  }
  const names = lines.map((study) => make('span', {}, swatch(index(study)),
    ` ${study.method} (${shown(study.validation, '%')} → ${shown(study.evaluation, '%')})  `));
  return make('figure', {}, plot.svg, make('figcaption', {},
    'Tuning: the best trial so far; in brackets what was chosen, on the validation part → on the evaluated splits. ', names));
}

function lossPlot(curves) {
  const lines = curves.filter((curve) => curve.losses.filter((loss) => loss !== null).length > 1);
  if (!lines.length) return null;
  const all = lines.flatMap((curve) => curve.losses).filter((loss) => loss !== null);
  const longest = Math.max(...lines.map((curve) => (curve.losses.length - 1) * curve.every));
  const plot = frame({ low: 0, high: longest, label: 'optimizer step' },
    { low: Math.min(...all), high: Math.max(...all) || 1, label: 'loss' }, 'loss by step');
  for (const curve of lines) {
    const points = curve.losses.map((loss, at) => (loss === null ? null
      : `${plot.sx(at * curve.every).toFixed(1)},${plot.sy(loss).toFixed(1)}`)).filter(Boolean);
    plot.svg.append(make('polyline', { class: 'curve', stroke: colour(curve.index), points: points.join(' ') },
      make('title', {}, curve.name)));
  }
  const names = lines.map((curve) => make('span', {}, swatch(curve.index), ` ${curve.name}  `));
  return make('figure', {}, plot.svg, make('figcaption', {}, 'Loss of every optimizer step: ', names));
}

function swatch(index) {
  return make('svg', { width: 10, height: 10, class: 'swatch', viewBox: '0 0 10 10' },
    make('rect', { width: 10, height: 10, fill: colour(index) }));
}
