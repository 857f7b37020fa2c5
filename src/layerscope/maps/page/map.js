// One map: its place on the screen, what is drawn over the marks, what is under the pointer.
const frames = []; // milliseconds of the last frames
const screenX = (view, x) => (x - view.x) * view.scale + view.width / 2;
const screenY = (view, y) => view.height / 2 - (y - view.y) * view.scale;

function fit(view) {
  view.whole = Math.min(view.width / 2 / facts.reach[0], view.height / 2 / facts.reach[1]) / 1.06;
  Object.assign(view, {x: 0, y: 0, scale: view.whole, moved: false});
}

function resize(view) {
  const box = view.canvas.getBoundingClientRect();
  if (!box.width) return;
  view.ratio = Math.min(devicePixelRatio || 1, 2);
  Object.assign(view, {width: box.width, height: box.height});
  view.canvas.width = Math.round(box.width * view.ratio);
  view.canvas.height = Math.round(box.height * view.ratio);
  view.image = view.context.createImageData(view.canvas.width, view.canvas.height);
  view.words = new Uint32Array(view.image.data.buffer);
  if (!view.moved) fit(view);
}

function zoom(view, by, x = view.width / 2, y = view.height / 2) {
  const scale = clamp(view.scale * by, view.whole / 2, view.whole * 60), dx = x - view.width / 2, dy = view.height / 2 - y;
  view.x += dx / view.scale - dx / scale;
  view.y += dy / view.scale - dy / scale;
  Object.assign(view, {scale, moved: true});
}

function draw(view) {
  if (!view.image) return;
  const begun = performance.now(), {context, ratio} = view;
  positions(view);
  paint(view);
  if (state.pictures && sprite) drawPictures(view);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (state.colour === "class" && !state.pictures) drawNames(view);
  if (state.pinned >= 0) drawPath(view, state.pinned);
  for (const i of [state.pinned, state.hover]) if (i >= 0) ring(view, i, i === state.pinned ? 3 : 2);
  if (view.drag?.box) {
    const [x, y, x2, y2] = view.drag.box;
    context.setLineDash([5, 4]);
    context.strokeRect(x, y, x2 - x, y2 - y);
    context.setLineDash([]);
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
  frames.push(performance.now() - begun);
  if (frames.length > 120) frames.shift();
}

// Pictures where there is room for them, over the marks of all.
function drawPictures(view) {
  const {context, ratio} = view, {tile, columns: across} = facts.sprite, size = clamp(view.scale / view.whole * 26, 20, 72);
  const first = state.region.length ? state.region : Array.from({length: facts.samples}, (_, i) => i);
  view.shown = {size, cells: new Map()}; // which sample is where, so that a press finds the picture
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.lineWidth = 1.5;
  for (const i of first) {
    const x = screenX(view, view.xy[2 * i]), y = screenY(view, view.xy[2 * i + 1]), cell = `${Math.round(x / size)} ${Math.round(y / size)}`;
    if (view.strength[i] < 100 || view.shown.cells.has(cell) || x < 0 || y < 0 || x > view.width || y > view.height) continue;
    view.shown.cells.set(cell, i);
    const left = Math.round(x / size) * size - size / 2 + 1, top = Math.round(y / size) * size - size / 2 + 1;
    context.drawImage(sprite, i % across * tile, Math.floor(i / across) * tile, tile, tile, left, top, size - 2, size - 2);
    context.strokeStyle = palette()[view.look[i] >> 3];
    context.strokeRect(left, top, size - 2, size - 2);
  }
}

// The name of each class at its middle, the clearer the closer its marks stand together.
function drawNames(view) {
  const {context} = view, k = facts.classes.length, sums = view.sums.fill(0);
  if (k > 20) return;
  for (let i = 0; i < facts.samples; i++) {
    const at = 4 * columns.targets[i], x = view.xy[2 * i], y = view.xy[2 * i + 1];
    sums[at]++; sums[at + 1] += x; sums[at + 2] += y; sums[at + 3] += x * x + y * y;
  }
  context.textAlign = "center";
  context.font = "600 13px Inter, system-ui, sans-serif";
  context.lineWidth = 4;
  context.lineJoin = "round";
  for (let c = 0; c < k; c++) {
    const [count, x, y, square] = sums.subarray(4 * c, 4 * c + 4), spread = Math.sqrt(square / count - (x * x + y * y) / count ** 2);
    const clear = clamp(1.5 - 3.4 * spread / facts.spread, 0, 1);
    if (!count || clear < 0.05) continue;
    context.globalAlpha = clear;
    context.strokeStyle = view.panel;
    context.fillStyle = view.ink;
    const at = [facts.classes[c].slice(0, 24), screenX(view, x / count), screenY(view, y / count) + 5];
    context.strokeText(...at);
    context.fillText(...at);
  }
  context.globalAlpha = 1;
}

// Through the layers at this moment, over the map that is shown.
function drawPath(view, i) {
  const {context} = view, {xy} = columns, row = network(view).slices[moment(view)];
  context.strokeStyle = context.fillStyle = view.ink;
  context.lineWidth = 1.5;
  context.beginPath();
  const points = row.map(slice => [0, 1].map(axis => xy[(slice * facts.samples + i) * 2 + axis] / 32000));
  points.forEach(([x, y]) => context.lineTo(screenX(view, x), screenY(view, y)));
  context.stroke();
  context.font = "11px Inter, system-ui, sans-serif";
  context.textAlign = "center";
  points.forEach(([x, y], s) => {
    context.beginPath();
    context.arc(screenX(view, x), screenY(view, y), s === stage(view) ? 5 : 3, 0, 7);
    context.fill();
  });
}

function ring(view, i, width) {
  const {context} = view;
  context.beginPath();
  context.arc(screenX(view, view.xy[2 * i]), screenY(view, view.xy[2 * i + 1]), markRadius(view) + 6, 0, 7);
  for (const [colour, wide] of [[view.panel, width + 3], [view.ink, width]]) {
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.stroke();
  }
}

function pick(view, x, y, near = 14) {
  if (state.pictures && sprite) {
    const {size, cells} = view.shown, found = cells.get(`${Math.round(x / size)} ${Math.round(y / size)}`);
    if (found !== undefined) return found;
  }
  let best = -1, least = near * near;
  for (let i = 0; i < facts.samples; i++) {
    const far = (screenX(view, view.xy[2 * i]) - x) ** 2 + (screenY(view, view.xy[2 * i + 1]) - y) ** 2;
    if (far < least) { least = far; best = i; }
  }
  return best;
}

// The nearest mark in a direction: an arrow key's step.
function step(view, from, dx, dy) {
  let best = from, least = Infinity;
  for (let i = 0; i < facts.samples; i++) {
    const x = view.xy[2 * i] - view.xy[2 * from], y = view.xy[2 * i + 1] - view.xy[2 * from + 1];
    const along = x * dx + y * dy, across = Math.abs(x * dy) + Math.abs(y * dx);
    if (along <= 0 || across > along) continue;
    const far = along + 2 * across;
    if (far < least) { least = far; best = i; }
  }
  return best;
}

function within(view, [x, y, x2, y2]) {
  const found = [];
  for (let i = 0; i < facts.samples; i++) {
    const a = screenX(view, view.xy[2 * i]), b = screenY(view, view.xy[2 * i + 1]);
    if (a >= Math.min(x, x2) && a <= Math.max(x, x2) && b >= Math.min(y, y2) && b <= Math.max(y, y2)) found.push(i);
  }
  return found;
}
