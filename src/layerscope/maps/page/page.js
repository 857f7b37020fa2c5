// Wiring: what people do becomes state; one loop draws it.
let due = false, spoken = 0;

function redraw() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => { due = false; seen().forEach(draw); moveMarker(); });
}

// Told to screen readers when the page has come to rest, not on the way.
function say(text) { clearTimeout(spoken); spoken = setTimeout(() => { $("say").textContent = text; }, 500); }

// A map has come to another slice: words, numbers and lists.
function settle() {
  for (const view of seen()) { words(view); dress(view); }
  const [view, other] = state.views;
  drawCurve(goStage);
  describe(state.hover >= 0 ? state.hover : state.pinned, view);
  showFollowed(pin);
  showRegion(pin);
  showAlike(goStage);
  const {title, kind} = measureNow(), now = reading(sliceAt(view));
  say(`${network(view).name}, ${placeName(view)}: ${title} ${written(now[0], kind)}, ${interval(now, kind)}.` + (state.comparing ? ` Beside it ${network(other).name}, ${placeName(other)}.` : ""));
  redraw();
}

function words(view) {
  const at = sliceAt(view), {map, warning, features} = facts.slices[at], trust = view.part(".trust");
  view.part(".place").textContent = placeName(view);
  view.canvas.setAttribute("aria-label", `Map of ${facts.samples} ${facts.unit}s in ${network(view).name}, ${placeName(view)}. Arrow keys walk from mark to mark, Enter follows one, Escape lets go.`);
  for (const axis of ["depth", "time"]) view.part(`.${axis}`).setAttribute("aria-valuetext", placeName(view));
  view.part(".depth-row ol").childNodes.forEach((item, s) => item.classList.toggle("here", s === stage(view)));
  view.part(".time-row ol").childNodes.forEach((item, m) => item.classList.toggle("here", m === moment(view)));
  trust.classList.toggle("misleads", Boolean(warning));
  trust.querySelector("summary").textContent = warning ? "⚠ This map misleads" : `Trust this map: ${written(map.trust, "share")}`;
  const before = stage(view) > 0 ? network(view).slices[moment(view)][stage(view) - 1] : -1;
  const move = facts.moves.find(([a, b]) => Math.min(a, b) === Math.min(before, at) && Math.max(a, b) === Math.max(before, at));
  trust.querySelector("div").replaceChildren(
    ...(warning ? [element("p", {}, warning)] : []),
    element("p", {}, `Trustworthiness ${written(map.trust, "share")}: so far neighbours on the map are neighbours in the layer. Continuity ${written(map.continuity, "share")}: and the other way round. ${written(map.torn, "share")} of true neighbours are torn apart.`),
    element("p", {}, `Neighbours of other groups tell ${written(map.held, "share")} right in the layer (${features} features), ${written(map.seen, "share")} on the map.` + (move ? ` From the layer before, a mark moves by ${move[2].toFixed(2)} of the map's radius.` : "")));
}

function place(view, depth, time) {
  const before = sliceAt(view), {stages, moments} = network(view);
  view.depth = clamp(depth, 0, stages.length - 1);
  view.time = clamp(time, 0, moments.length - 1);
  view.part(".depth").value = view.depth;
  view.part(".time").value = view.time;
  if (sliceAt(view) !== before) settle(); else redraw();
}

function glide(view, depth, time, milliseconds = 700) {
  cancelAnimationFrame(view.gliding);
  view.goal = {depth, time};
  if (calm.matches) return place(view, depth, time);
  const {depth: d, time: t} = view, begun = performance.now();
  const frame = now => {
    const part = clamp((now - begun) / milliseconds, 0, 1), eased = part * part * (3 - 2 * part);
    place(view, d + (depth - d) * eased, t + (time - t) * eased);
    view.gliding = part < 1 ? requestAnimationFrame(frame) : 0;
  };
  view.gliding = requestAnimationFrame(frame);
}
const goStage = (which, depth) => { stop(state.views[which]); glide(state.views[which], depth, moment(state.views[which])); };

function play(view, axis, button) {
  if (view.playing) { stop(view); return glide(view, stage(view), moment(view), 250); }
  const last = (axis === "depth" ? network(view).stages : network(view).moments).length - 1;
  const to = at => axis === "depth" ? [at, view.time] : [view.depth, at];
  if (Math.round(view[axis]) === last) place(view, ...to(0));
  const forward = () => { const next = Math.round(view[axis]) + 1; if (next > last) stop(view); else glide(view, ...to(next), 900); };
  button.textContent = "⏸";
  button.setAttribute("aria-label", "Pause");
  view.playing = setInterval(forward, calm.matches ? 1600 : 1100);
  forward();
}

function stop(view) {
  clearInterval(view.playing);
  cancelAnimationFrame(view.gliding);
  view.playing = view.gliding = 0;
  for (const button of view.root.querySelectorAll(".play")) {
    button.textContent = "▶";
    button.setAttribute("aria-label", `Play ${button.dataset.axis === "depth" ? "through the layers" : "through training"}`);
  }
}

function pin(i) { state.pinned = i; settle(); }
function choose(rows) { state.region = rows; state.regionSet = new Set(rows); settle(); }

function setNetwork(view, number) {
  stop(view);
  view.network = number;
  const {stages, moments} = network(view);
  view.part(".network").value = number;
  view.depth = clamp(view.depth, 0, stages.length - 1);
  view.time = moments.length - 1;
  const label = (axis, names) => {
    view.part(`.${axis}`).max = names.length - 1;
    view.part(`.${axis}`).value = view[axis];
    const shown = name => names.length > 7 && name.length > 8 ? `…${name.slice(-7)}` : name;
    view.part(`.${axis}-row ol`).replaceChildren(...names.map(name => element("li", {}, shown(name))));
  };
  label("depth", stages);
  label("time", moments);
  view.part(".time-row").hidden = moments.length < 2;
}

function addView(where) {
  const root = $("view").content.cloneNode(true).firstElementChild, part = name => root.querySelector(name), n = facts.samples, canvas = part("canvas");
  const view = {
    root, part, canvas, context: canvas.getContext("2d", {alpha: false}), network: where.network, depth: where.stage, time: where.moment,
    xy: new Float32Array(2 * n), look: new Uint8Array(n), strength: new Uint8Array(n), sums: new Float64Array(4 * facts.classes.length),
  };
  part(".network").append(...facts.networks.map((net, i) => element("option", {value: i}, net.name)));
  part(".network").onchange = event => { setNetwork(view, +event.target.value); settle(); };
  for (const axis of ["depth", "time"]) {
    const to = at => axis === "depth" ? [at, view.time] : [view.depth, at];
    part(`.${axis}`).oninput = event => { stop(view); place(view, ...to(+event.target.value)); };
    part(`.${axis}`).onchange = event => { stop(view); glide(view, ...to(Math.round(+event.target.value)), 250); };
    part(`.${axis}`).onkeydown = event => {
      const by = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1}[event.key];
      if (!by) return;
      event.preventDefault();
      const from = view.gliding && view.goal ? view.goal[axis] : view[axis]; // quick presses add up
      stop(view);
      glide(view, ...to(clamp(Math.round(from) + by, 0, +part(`.${axis}`).max)));
    };
  }
  for (const button of root.querySelectorAll(".play")) button.onclick = () => play(view, button.dataset.axis, button);
  for (const button of root.querySelectorAll("[data-zoom]")) button.onclick = () => { if (+button.dataset.zoom) zoom(view, +button.dataset.zoom); else fit(view); redraw(); };
  $("views").append(root);
  state.views.push(view);
  const time = view.time;
  setNetwork(view, where.network);
  place(view, view.depth, time);
  listen(view);
  new ResizeObserver(() => { resize(view); redraw(); }).observe(canvas);
}

// Colours that a canvas cannot take from the style sheet by itself.
function ink() {
  const style = getComputedStyle(document.documentElement), [panel, colour] = ["--panel", "--ink"].map(name => style.getPropertyValue(name).trim());
  const [r, g, b] = rgb(panel);
  for (const view of state.views) Object.assign(view, {panel, ink: colour, ground: 255 << 24 | b << 16 | g << 8 | r});
}

// What colours and shapes mean; a press on a class finds its samples.
function showKey() {
  const other = state.colour !== "probe" && facts.networks.some(net => net.said.some(row => row == null)) ? ["outputs are other classes"] : [];
  const named = (names, numbers) => names.map((name, k) => element("span", {}, swatch(numbers[k]), name));
  if (state.colour === "group") { $("key").textContent = `Each group has a colour and a shape; they repeat. ${facts.grouping}`; return; }
  if (state.colour === "sure") { $("key").replaceChildren(...named([0, 1, 2, 3, 4].map(k => `${20 * k} to ${20 * k + 20} % sure`).concat(other), [0, 8, 16, 24, 32, UNSAID])); return; }
  if (state.colour !== "class") { $("key").replaceChildren(...named(["✓ right", "✗ wrong"].concat(other), [0, WRONG, UNSAID])); return; }
  $("key").replaceChildren(...facts.classes.map((name, k) => {
    const button = element("button", {"aria-pressed": "false"}, swatch(lookOfClass(k)), name);
    button.onclick = () => {
      const on = button.getAttribute("aria-pressed") === "false";
      for (const other of $("key").children) other.setAttribute("aria-pressed", other === button && on);
      $("search").value = "";
      find(on ? new Set(Array.from({length: facts.samples}, (_, i) => i).filter(i => columns.targets[i] === k)) : null);
    };
    return button;
  }));
}

function find(found) {
  state.found = found;
  state.views.forEach(dress);
  if (found) say(`${found.size} found.`);
  redraw();
}

function setColour(colour) { state.colour = colour; $("colour").value = colour; showKey(); state.views.forEach(dress); redraw(); }
function setComparing(on) { stop(state.views[1]); state.comparing = on; $("comparing").checked = on; state.views[1].root.hidden = !on; settle(); }

function showStop(stop_) {
  const [left, right] = state.views;
  Object.assign(state, {found: null, region: [], hover: -1, pinned: stop_.pin ?? -1, measure: facts.measures[0].key});
  $("search").value = "";
  $("measure").value = state.measure;
  setColour(stop_.colour);
  seen().forEach(fit);
  if (left.network !== stop_.network) setNetwork(left, stop_.network); else stop(left);
  if (stop_.beside) {
    setNetwork(right, stop_.beside.network);
    place(right, stop_.beside.stage, stop_.beside.moment);
  }
  setComparing(Boolean(stop_.beside));
  glide(left, stop_.stage, stop_.moment, 1400);
  if (left.canvas.getBoundingClientRect().bottom > innerHeight) left.canvas.scrollIntoView({block: "end", behavior: calm.matches ? "auto" : "smooth"});
}

function letGo() {
  Object.assign(state, {pinned: -1, hover: -1, region: [], found: null});
  $("search").value = "";
  showKey();
  settle();
}

function controls() {
  $("measure").append(...facts.measures.map(({key, title}) => element("option", {value: key}, title)));
  $("measure").onchange = event => { state.measure = event.target.value; settle(); };
  $("colour").onchange = event => setColour(event.target.value);
  $("selecting").onchange = event => {
    state.selecting = event.target.checked;
    for (const view of state.views) view.canvas.classList.toggle("selecting", state.selecting);
  };
  $("pictures").onchange = event => { state.pictures = event.target.checked; redraw(); };
  $("pictures").parentElement.hidden = !sprite;
  $("comparing").onchange = event => setComparing(event.target.checked);
  $("search").oninput = event => { showKey(); find(search(event.target.value)); };
  $("visible").onclick = () => { const view = state.views[0]; choose(within(view, [0, 0, view.width, view.height]).filter(i => !state.found || state.found.has(i))); };
  $("clear").onclick = letGo;
  $("search").onkeydown = event => { if (event.key === "Enter" && state.found?.size) pin([...state.found][0]); };
  $("readings").ontoggle = event => { if (event.target.open) event.target.querySelector(".scroll").replaceChildren(readingsTable()); };
  if (facts.networks.every(net => net.said.every(row => row == null)))
    for (const option of $("colour").querySelectorAll("[value=error], [value=sure]")) option.remove();
  document.addEventListener("keydown", event => {
    if (event.key === "/" && !/INPUT|SELECT/.test(event.target.tagName)) { event.preventDefault(); $("search").focus(); }
    if (event.key === "Escape") letGo();
  });
  dark.addEventListener("change", () => { ink(); showKey(); redraw(); });
}

async function start() {
  ({facts, columns, sprite} = await load());
  facts.reach = reach();
  facts.spread = Math.min(...facts.reach);
  $("title").textContent = facts.title;
  $("lead").textContent = facts.lead;
  $("grouping").textContent = facts.grouping;
  $("notes").append(...facts.notes.map(note => element("p", {class: "note", role: "note"}, note)));
  state.measure = facts.measures[0].key;
  $("main").hidden = false;
  $("message").hidden = true;
  addView(facts.start);
  addView(facts.start);
  ink();
  controls();
  setColour("class");
  setComparing(false);
  tour(showStop);
  const where = (i, which = 0) => {
    const view = state.views[which], box = view.canvas.getBoundingClientRect();
    positions(view);
    return [box.left + screenX(view, view.xy[2 * i]), box.top + screenY(view, view.xy[2 * i + 1])];
  };
  window.layerscope = {state, frames, facts, columns, where, glide, draw}; // for tests, and for the curious
  document.documentElement.dataset.ready = "";
}

start().catch(error => { $("message").textContent = error.message; });
