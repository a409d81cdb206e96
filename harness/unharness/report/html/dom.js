// Elements are made here, and every text is set as text.
function make(tag, attributes, ...children) {
  const space = make.svg.has(tag) ? 'http://www.w3.org/2000/svg' : null;
  const node = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === 'onclick' || name === 'oninput' || name === 'onchange') {
      node.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value);
    }
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === '') continue;
    node.append(child.nodeType ? child : String(child));
  }
  return node;
}
make.svg = new Set(['svg', 'g', 'line', 'circle', 'rect', 'path', 'polyline', 'text', 'title']);

const COLORS = ['#3778bf', '#d1495b', '#2e8b57', '#c77800', '#7d55c7', '#008891', '#a23b72',
  '#6b7a1e', '#b0572b', '#55606e'];

function colour(index) {
  return COLORS[index % COLORS.length];
}

// As many digits as can be compared at a glance; the terminal's table does the same.
function shown(value, unit) {
  if (value === null || value === undefined) return '–';
  const size = Math.abs(value);
  if (size >= 1e5) return value.toExponential(1);
  if (size >= 1000) return value.toFixed(0);
  if (unit === '%' || size >= 10) return value.toFixed(1);
  if (size >= 1 || value === 0) return value.toFixed(2);
  return String(Number(value.toPrecision(3)));
}
