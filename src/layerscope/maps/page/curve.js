// The chosen measure along the layers, beside its controls. A press on a layer goes there.
const LEFT = 44, RIGHT = 350, TOP = 10, BOTTOM = 168;

function svg(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const xOf = (view, depth) => LEFT + (RIGHT - LEFT) * depth / Math.max(1, network(view).stages.length - 1);
const yOf = value => BOTTOM - (BOTTOM - TOP) * (value - curve.low) / (curve.high - curve.low);
const curve = {low: 0, high: 1};

// The lines of the figure: of each map that is seen, of the untrained twin, and of what needs no layer at all.
function lines() {
  const view = state.views[0], own = network(view).slices[moment(view)], stages = network(view).stages.length;
  const found = [{name: network(view).name, colour: "var(--blue)", values: own.map(slice => reading(slice)), band: true}];
  if (state.comparing) {
    const other = state.views[1];
    if (other.network !== view.network || moment(other) !== moment(view))
      found.push({name: `right: ${network(other).name}${network(other).stages.length === stages ? "" : " (stretched to the same depth)"}`, colour: "var(--orange)", values: network(other).slices[moment(other)].map(slice => reading(slice))});
  }
  for (const control of facts.networks)
    if (control.control && facts.networks[control.of] === network(view) && !(state.comparing && control === network(state.views[1])))
      found.push({name: control.name, colour: "var(--orange)", dash: "6 4", values: control.slices.at(-1).map(slice => reading(slice))});
  const flat = value => Array(stages).fill([value, null, null]);
  if (["probe", "few", "neighbours", "equal", "shuffled"].includes(state.measure)) {
    found.push({name: "raw input", colour: "var(--ink)", dash: "2 4", values: flat(reading(own[0])[0])});
    if (state.measure !== "shuffled") found.push({name: "shuffled labels", colour: "var(--grey)", values: own.map(slice => reading(slice, "shuffled"))});
  }
  return found;
}

function drawCurve(go) {
  const figure = $("curve"), view = state.views[0], {kind, explain, title} = measureNow(), shown = lines(), {stages} = network(view);
  const values = shown.flatMap(line => line.values.flatMap(value => line.band ? value : value[0])).filter(value => value != null);
  if (!values.length) values.push(0, 1);
  const least = Math.min(...values), most = Math.max(...values);
  curve.low = kind === "share" && most > 0.3 ? 0 : Math.min(0, least);
  curve.high = kind === "share" && most > 0.3 ? 1 : most * 1.08 || 1;
  figure.replaceChildren();
  for (const tick of [curve.low, (curve.low + curve.high) / 2, curve.high]) {
    figure.append(svg("line", {x1: LEFT, x2: RIGHT, y1: yOf(tick), y2: yOf(tick), stroke: "var(--line)"}));
    figure.append(svg("text", {x: LEFT - 8, y: yOf(tick) + 4, "text-anchor": "end"}, kind === "share" ? `${Math.round(100 * tick)} %` : +tick.toPrecision(2)));
  }
  for (const line of [...shown].reverse()) drawLine(figure, view, line);
  const crowded = stages.length > 7, wide = Math.min(28, (RIGHT - LEFT) / Math.max(1, stages.length - 1));
  stages.forEach((name, s) => {
    const [value] = reading(network(view).slices[moment(view)][s]);
    if (!crowded || s === 0 || s === stages.length - 1)
      figure.append(svg("text", {x: xOf(view, s), y: 186, "text-anchor": s === 0 ? "start" : s === stages.length - 1 ? "end" : "middle"}, name.length > 9 ? `${name.slice(0, 8)}…` : name));
    if (value != null) figure.append(svg("circle", {class: s === stage(view) ? "dot here" : "dot", cx: xOf(view, s), cy: yOf(value), r: 4.5}));
    const hit = svg("rect", {class: "hit", x: xOf(view, s) - wide / 2, y: TOP, width: wide, height: BOTTOM - TOP, tabindex: 0, role: "button", "aria-label": `${name}: ${written(value, kind)}`, "data-stage": s});
    hit.onclick = () => go(0, s);
    hit.onkeydown = event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); go(0, s); } };
    figure.append(hit);
  });
  figure.append(svg("line", {id: "marker", y1: TOP - 4, y2: BOTTOM, stroke: "var(--ink)", "stroke-width": 1.5, "pointer-events": "none"}));
  moveMarker();
  $("curve-key").replaceChildren(...shown.map(({name, colour, dash}) => {
    const item = element("span", {class: dash === "6 4" ? "dashed" : dash ? "dotted" : ""}, element("i"), name);
    item.style.setProperty("--k", colour);
    return item;
  }));
  const now = reading(sliceAt(view));
  $("value").textContent = written(now[0], kind);
  $("between").textContent = interval(now, kind);
  $("explain").textContent = explain;
  figure.setAttribute("aria-label", `${title} along the layers of ${network(view).name}; the numbers stand in the table of readings`);
}

function drawLine(figure, view, {values, colour, dash, band}) {
  const at = values.map((value, s) => [LEFT + (RIGHT - LEFT) * s / Math.max(1, values.length - 1), ...value]);
  if (band) {
    const known = at.filter(point => point[2] != null);
    const points = [...known.map(([x, , low]) => `${x},${yOf(low)}`), ...known.reverse().map(([x, , , high]) => `${x},${yOf(high)}`)];
    figure.append(svg("polygon", {points: points.join(" "), fill: colour, opacity: 0.16}));
  }
  const points = at.filter(point => point[1] != null).map(([x, value]) => `${x},${yOf(value)}`).join(" ");
  figure.append(svg("polyline", {points, fill: "none", stroke: colour, "stroke-width": band ? 2.5 : 1.8, "stroke-dasharray": dash ?? "none"}));
}

function moveMarker() {
  const marker = $("marker"), view = state.views[0];
  if (!marker) return;
  marker.setAttribute("x1", xOf(view, view.depth));
  marker.setAttribute("x2", xOf(view, view.depth));
}
