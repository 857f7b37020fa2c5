// What is shown: where each map stands in depth and time, and what the facts say there.
let facts, columns, sprite;
const state = {
  views: [], comparing: false, colour: "class", measure: "probe", pictures: false, selecting: false,
  hover: -1, pinned: -1, region: [], found: null,
};
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const dark = matchMedia("(prefers-color-scheme: dark)");

const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const $ = id => document.getElementById(id);
const seen = () => state.comparing ? state.views : state.views.slice(0, 1);
const network = view => facts.networks[view.network];
const moment = view => Math.round(view.time);
const stage = view => Math.round(view.depth);
const sliceAt = view => network(view).slices[moment(view)][stage(view)];
const placeName = view => {
  const {stages, moments} = network(view);
  return stages[stage(view)] + (moments.length > 1 ? `, ${moments[moment(view)]}` : "");
};

const targetOf = i => facts.classes[columns.targets[i]];
const guessOf = (i, slice) => columns.guess[slice * facts.samples + i];
const saidRow = view => network(view).said[moment(view)] ?? -1;
const saidOf = (i, view) => saidRow(view) < 0 ? -1 : columns.said[saidRow(view) * facts.samples + i];
const sureOf = (i, view) => saidRow(view) < 0 ? 0 : columns.sure[saidRow(view) * facts.samples + i] / 255;
const measureNow = () => facts.measures.find(m => m.key === state.measure);
const reading = (slice, key = state.measure) => facts.slices[slice].readings[key] ?? [null, null, null];

function neighbours(i, slice) {
  const k = columns.near.shape[2], from = (slice * facts.samples + i) * k;
  return columns.near.subarray(from, from + k);
}

function written(value, kind) {
  if (value == null) return "–";
  if (kind === "share") return `${(100 * value).toFixed(1).replace("100.0", "100")} %`;
  return kind === "bits" ? `${value.toFixed(2)} bits` : value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function interval([, low, high], kind) {
  return low == null ? "no interval can be had" : `95 % interval ${written(low, kind)} to ${written(high, kind)}`;
}

// Between four slices, in depth and in time, into the view's own array: nothing is made anew for a frame.
function positions(view) {
  const {slices} = network(view), {xy} = columns, size = 2 * facts.samples;
  const t = Math.floor(view.time), d = Math.floor(view.depth), ft = view.time - t, fd = view.depth - d;
  const t2 = Math.min(t + 1, slices.length - 1), d2 = Math.min(d + 1, slices[0].length - 1);
  const a = slices[t][d] * size, b = slices[t][d2] * size, c = slices[t2][d] * size, e = slices[t2][d2] * size;
  const wa = (1 - ft) * (1 - fd) / 32000, wb = (1 - ft) * fd / 32000, wc = ft * (1 - fd) / 32000, we = ft * fd / 32000;
  for (let i = 0; i < size; i++) view.xy[i] = wa * xy[a + i] + wb * xy[b + i] + wc * xy[c + i] + we * xy[e + i];
}

// How far from the middle marks lie, to the side and upward, over all slices: what a map must show.
function reach() {
  const {xy} = columns, far = [0, 0];
  for (let i = 0; i < xy.length; i++) far[i & 1] = Math.max(far[i & 1], Math.abs(xy[i]));
  return far.map(most => most / 32000);
}
