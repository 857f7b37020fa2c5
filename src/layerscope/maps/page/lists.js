// What is told in words, pictures and tables. Names and texts are data: they become text, never markup.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const mark = right => element("span", {class: right ? "right" : "wrong"}, right ? "✓" : "✗", element("span", {class: "sr"}, right ? "right" : "wrong"));

function picture(i, size) {
  if (!sprite) return null;
  const canvas = element("canvas", {class: "picture", role: "img", "aria-label": targetOf(i)}), {tile, columns: across} = facts.sprite;
  canvas.width = canvas.height = tile;
  Object.assign(canvas.style, {width: `${size}px`, height: `${size}px`});
  canvas.getContext("2d").drawImage(sprite, i % across * tile, Math.floor(i / across) * tile, tile, tile, 0, 0, tile, tile);
  return canvas;
}

// A button that follows the sample it shows.
function tile(i, pin, size, same, yes = ", the same class", no = ", another class") {
  const made = element("button", {class: `tile ${same === undefined ? "" : same ? "same" : "other"}`, title: facts.ids[i], "aria-label": `${facts.ids[i]}, ${targetOf(i)}${same === undefined ? "" : same ? yes : no}`});
  const shown = picture(i, size);
  const caption = element("span", {}, shown ? targetOf(i) : `${targetOf(i)}: ${facts.texts?.[i] ?? facts.ids[i]}`.slice(0, 60));
  if (same !== undefined) caption.prepend(same ? "✓ " : "✗ ");
  made.append(...(shown ? [shown] : []), caption);
  made.onclick = () => pin(i);
  return made;
}

function describe(i, view) {
  const box = $("sample");
  if (i < 0) {
    box.replaceChildren(element("p", {class: "soft"}, `Point at a mark to see the ${facts.unit}. Press it to follow it through the layers. With the keyboard: Tab to the map, arrow keys, Enter.`));
    return;
  }
  const slice = sliceAt(view), near = [...neighbours(i, slice)], guess = guessOf(i, slice), said = saidOf(i, view), right = k => k === columns.targets[i];
  const head = element("div", {}, element("strong", {}, targetOf(i)), element("p", {class: "soft"}, facts.ids[i], element("br"), `group ${facts.group_names[columns.group[i]]}`));
  const shown = picture(i, 96);
  const parts = [element("p", {class: "soft"}, `In ${network(view).name}, ${placeName(view)}`), element("div", {class: "head"}, ...(shown ? [shown] : []), head)];
  if (facts.texts) parts.push(element("p", {class: "text", tabindex: 0}, facts.texts[i]));
  if (said >= 0) parts.push(element("p", {}, `Network: ${facts.classes[said]} `, mark(right(said)), ` ${Math.round(100 * sureOf(i, view))} % sure`));
  parts.push(element("p", {}, `Probe in ${network(view).stages[stage(view)]}: ${facts.classes[guess]} `, mark(right(guess))));
  const agree = near.filter(j => right(columns.targets[j])).length;
  parts.push(element("p", {}, `Nearest of other groups here: ${agree} of ${near.length} of its class`));
  parts.push(element("div", {}, ...near.map(j => tile(j, pin, 40, right(columns.targets[j])))));
  box.replaceChildren(...parts);
}

function showFollowed(pin) {
  const section = $("followed"), i = state.pinned;
  section.hidden = i < 0;
  if (i < 0) return;
  const made = element("table");
  for (const view of seen()) {
    made.append(element("caption", {}, `${facts.ids[i]} (${targetOf(i)}) in ${network(view).name}, ${network(view).moments[moment(view)]}`));
    const body = element("tbody");
    network(view).slices[moment(view)].forEach((slice, s) => {
      const guess = guessOf(i, slice), near = [...neighbours(i, slice)];
      const row = element("tr", {class: s === stage(view) ? "here" : ""}, element("th", {scope: "row"}, network(view).stages[s]));
      row.append(element("td", {}, `probe: ${facts.classes[guess]} `, mark(guess === columns.targets[i])));
      for (const j of near) row.append(element("td", {}, tile(j, pin, 44, columns.targets[j] === columns.targets[i])));
      body.append(row);
    });
    made.append(body);
    break; // one caption a table; the left map's
  }
  section.querySelector(".scroll").replaceChildren(made);
}

function showRegion(pin) {
  const section = $("region"), {region} = state, view = state.views[0], slice = sliceAt(view);
  section.hidden = !region.length;
  if (!region.length) return;
  const wrong = i => guessOf(i, slice) !== columns.targets[i], counts = new Map();
  for (const i of region) counts.set(targetOf(i), (counts.get(targetOf(i)) ?? 0) + 1);
  const classes = [...counts].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} ${count}`).join(", ");
  const told = `${region.length} of ${facts.samples}: ${classes}. The probe of this layer is wrong on ${region.filter(wrong).length}; they come first.`;
  section.querySelector("p").textContent = told + (region.length > 120 ? " 120 are shown." : "");
  const first = [...region].sort((a, b) => wrong(b) - wrong(a)).slice(0, 120);
  section.querySelector("ul").replaceChildren(...first.map(i => element("li", {}, tile(i, pin, 56, !wrong(i), ", probe right", `, probe says ${facts.classes[guessOf(i, slice)]}`))));
}

// How alike the layers of the two maps are; each cell leads there.
function showAlike(go) {
  $("alike").hidden = !state.comparing || !facts.alike;
  if ($("alike").hidden) return;
  const [left, right] = state.views, rows = network(left).slices[moment(left)], across = network(right).slices[moment(right)];
  const made = element("table", {}, element("caption", {}, `Rows: ${network(left).name}, ${network(left).moments[moment(left)]}; columns: ${network(right).name}, ${network(right).moments[moment(right)]}`));
  made.append(element("thead", {}, element("tr", {}, element("td"), ...network(right).stages.map(name => element("th", {scope: "col"}, name)))));
  const body = element("tbody");
  rows.forEach((slice, r) => {
    const cells = across.map((other, c) => {
      const value = facts.alike.cka[slice][other], cell = element("button", {"aria-label": `${network(left).stages[r]} and ${network(right).stages[c]}: ${written(value)}`});
      cell.textContent = value == null ? "–" : value.toFixed(2);
      const warm = clamp(value ?? 0, 0, 1); // dark blue to yellow, as cividis
      cell.style.background = `rgb(${Math.round(0 + 253 * warm)}, ${Math.round(34 + 198 * warm)}, ${Math.round(96 - 26 * warm)})`;
      cell.style.color = warm > 0.5 ? "#000" : "#fff";
      cell.setAttribute("aria-current", r === stage(left) && c === stage(right));
      cell.onclick = () => { go(0, r); go(1, c); };
      return element("td", {}, cell);
    });
    body.append(element("tr", {}, element("th", {scope: "row"}, network(left).stages[r]), ...cells));
  });
  made.append(body);
  const scroll = $("alike").querySelector(".scroll"), held = document.activeElement?.getAttribute("aria-label");
  scroll.replaceChildren(made);
  if (held) [...scroll.querySelectorAll("button")].find(cell => cell.getAttribute("aria-label") === held)?.focus({preventScroll: true});
}

function readingsTable() {
  const made = element("table", {}, element("caption", {}, "Value and 95 % interval over groups; how far each map can be trusted"));
  const titles = ["network", "moment", "layer", "features", ...facts.measures.map(m => m.title), "map: trust", "continuity", "torn"];
  made.append(element("thead", {}, element("tr", {}, ...titles.map(name => element("th", {scope: "col"}, name)))));
  const body = element("tbody");
  for (const net of facts.networks) net.slices.forEach((row, m) => row.forEach((slice, s) => {
    const {features, map} = facts.slices[slice];
    const cells = facts.measures.map(({key, kind}) => {
      const [value, low, high] = reading(slice, key);
      return element("td", {}, written(value, kind), low == null ? "" : element("small", {}, ` ${written(low, kind)} – ${written(high, kind)}`));
    });
    const maps = [map.trust, map.continuity, map.torn].map(value => element("td", {}, written(value, "share")));
    body.append(element("tr", {}, element("th", {scope: "row"}, net.name), element("td", {}, net.moments[m]), element("th", {scope: "row"}, net.stages[s]), element("td", {}, String(features)), ...cells, ...maps));
  }));
  made.append(body);
  return made;
}

function search(text) {
  const wanted = text.trim().toLowerCase(), found = new Set();
  if (!wanted) return null;
  for (let i = 0; i < facts.samples; i++)
    if ([facts.ids[i], targetOf(i), facts.texts?.[i] ?? ""].some(words => words.toLowerCase().includes(wanted))) found.add(i);
  return found;
}
