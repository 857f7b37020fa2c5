// Marks: a colour and a shape for each class, written straight into the pixels of a map. So thousands move at sixty
// frames a second, with or without a graphics card.
const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#b8558f", "#3d9bd6", "#b07d00", "#6b7680", "#1b1f24"];
const DARK = ["#4aa8ea", "#ff8a3c", "#30c795", "#e79bc5", "#9bd7f7", "#f0bd3c", "#a9b4bf", "#e9edf1"];
const SURE = ["#c65100", "#d9903d", "#8a939c", "#4a93c4", "#0072b2", "#0072b2", "#8a939c"]; // from unsure to sure; then what is not known
const WRONG = 8 + 6, ON_TOP = 255; // mistakes are drawn last
const UNSAID = 6 * 8; // a grey disc: the network's outputs are other classes
const masks = new Map();

const palette = () => state.colour === "sure" ? SURE : dark.matches ? DARK : LIGHT;

// The look of a sample as one number: eight times the colour, and the shape.
function look(i, view) {
  const target = columns.targets[i];
  if (state.colour === "class") return lookOfClass(target);
  if (state.colour === "group") return (columns.group[i] % 8) * 8 + (columns.group[i] >> 3) % 8;
  if (saidRow(view) < 0 && (state.colour === "sure" || state.colour === "error")) return UNSAID;
  if (state.colour === "sure") return Math.min(4, Math.floor(sureOf(i, view) * 5)) * 8;
  return (state.colour === "probe" ? guessOf(i, sliceAt(view)) : saidOf(i, view)) === target ? 0 : WRONG;
}
const lookOfClass = k => (k % 8) * 8 + (k + (k >> 3)) % 8;

function outline(context, shape, middle, r) {
  const corners = [0, 4, 3, -4, 5, 6, -3, 8][shape]; // 0: a disc; minus: turned; 8: a star of four points
  context.beginPath();
  if (!corners) context.arc(middle, middle, r * 0.86, 0, 7);
  for (let i = 0, n = Math.abs(corners); i < n; i++) {
    const turn = corners === 4 ? Math.PI / 4 : corners === -3 ? Math.PI : 0;
    const angle = 2 * Math.PI * i / n - Math.PI / 2 + turn, far = shape === 7 && i % 2 ? r * 0.42 : r;
    context.lineTo(middle + far * Math.cos(angle), middle + far * Math.sin(angle));
  }
  context.closePath();
}

// How much of each pixel a shape covers, 0 to 255.
function mask(shape, size) {
  const key = shape * 1000 + size;
  if (!masks.has(key)) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = size;
    const context = canvas.getContext("2d", {willReadFrequently: true});
    outline(context, shape, size / 2, size / 2 - 0.5);
    context.fill();
    const rgba = context.getImageData(0, 0, size, size).data, alpha = new Uint8Array(size * size);
    for (let i = 0; i < alpha.length; i++) alpha[i] = rgba[4 * i + 3];
    masks.set(key, alpha);
  }
  return masks.get(key);
}

const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));

// The looks and strengths of all samples; made anew only when colours or what is found change.
function dress(view) {
  const n = facts.samples;
  for (let i = 0; i < n; i++) {
    view.look[i] = look(i, view);
    const faint = (state.found && !state.found.has(i)) || (state.region.length && !state.regionSet.has(i));
    const wrong = view.look[i] === WRONG && (state.colour === "probe" || state.colour === "error");
    view.strength[i] = faint ? 40 : wrong ? ON_TOP : state.colour === "error" || state.colour === "probe" ? 130 : 235;
  }
}

function paint(view) {
  const {image, ratio} = view, {width, height, data} = image, colours = palette().map(rgb);
  view.words.fill(view.ground);
  const size = 2 * Math.round(markRadius(view) * ratio) + 1, half = size >> 1, n = facts.samples;
  const shapes = [0, 1, 2, 3, 4, 5, 6, 7].map(shape => mask(shape, size));
  const cx = width / 2 - view.x * view.scale * ratio, cy = height / 2 + view.y * view.scale * ratio, scale = view.scale * ratio;
  for (const last of [false, true]) for (let i = 0; i < n; i++) {
    if ((view.strength[i] === ON_TOP) !== last) continue;
    const left = Math.round(cx + view.xy[2 * i] * scale) - half, top = Math.round(cy - view.xy[2 * i + 1] * scale) - half;
    if (left < 0 || top < 0 || left + size > width || top + size > height) continue;
    const alpha = shapes[view.look[i] & 7], [r, g, b] = colours[view.look[i] >> 3], strength = view.strength[i];
    for (let y = 0, m = 0; y < size; y++) {
      for (let x = 0, at = 4 * ((top + y) * width + left); x < size; x++, m++, at += 4) {
        if (!alpha[m]) continue;
        const a = alpha[m] * strength >> 8;
        data[at] += (r - data[at]) * a >> 8;
        data[at + 1] += (g - data[at + 1]) * a >> 8;
        data[at + 2] += (b - data[at + 2]) * a >> 8;
      }
    }
  }
  view.context.putImageData(image, 0, 0);
}

const markRadius = view => clamp(110 / Math.sqrt(facts.samples), 2, 5) * clamp(Math.sqrt(view.scale / view.whole), 0.9, 2.2);

function swatch(number) {
  const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
  canvas.width = canvas.height = 28;
  context.fillStyle = palette()[number >> 3];
  outline(context, number & 7, 14, 12);
  context.fill();
  return canvas;
}
