// Pointers and keys on a map: pan, zoom, point, follow, select.
function listen(view) {
  const {canvas} = view, pointers = new Map();
  const point = i => { if (i !== state.hover) { state.hover = i; describe(i >= 0 ? i : state.pinned, view); redraw(); } };
  canvas.onpointerdown = event => {
    const {offsetX: x, offsetY: y} = event;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [x, y]);
    view.drag = {x, y, far: pointers.size > 1 ? Infinity : 0, box: event.shiftKey || state.selecting ? [x, y, x, y] : null};
  };
  canvas.onpointermove = event => {
    const {offsetX: x, offsetY: y} = event, before = pointers.get(event.pointerId);
    if (!before) return point(pick(view, x, y));
    if (pointers.size === 2) {
      const [, [u, v]] = [...pointers].find(([id]) => id !== event.pointerId);
      zoom(view, Math.hypot(x - u, y - v) / Math.max(1, Math.hypot(before[0] - u, before[1] - v)), (x + u) / 2, (y + v) / 2);
    } else if (view.drag?.box) {
      view.drag.box.splice(2, 2, x, y);
    } else {
      view.x -= (x - before[0]) / view.scale;
      view.y += (y - before[1]) / view.scale;
      view.moved = true;
    }
    if (view.drag) view.drag.far = Math.max(view.drag.far, Math.hypot(x - view.drag.x, y - view.drag.y));
    pointers.set(event.pointerId, [x, y]);
    redraw();
  };
  canvas.onpointerup = event => {
    pointers.delete(event.pointerId);
    const {drag} = view;
    if (!drag || pointers.size) return;
    view.drag = null;
    if (drag.far < 5) pin(pick(view, event.offsetX, event.offsetY));
    else if (drag.box) choose(within(view, drag.box));
    redraw();
  };
  canvas.onpointercancel = event => { pointers.delete(event.pointerId); view.drag = null; redraw(); };
  canvas.onpointerleave = () => point(-1);
  canvas.addEventListener("wheel", event => { // so that the page can still be scrolled past the map
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(view, Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    redraw();
  }, {passive: false});
  canvas.ondblclick = () => { fit(view); redraw(); };
  canvas.onkeydown = event => {
    const to = {ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
    if (to) {
      event.preventDefault();
      point(step(view, state.hover >= 0 ? state.hover : Math.max(0, state.pinned), ...to));
      follow(view, state.hover);
      say(`${targetOf(state.hover)}, ${facts.ids[state.hover]}`);
    } else if (event.key === "Enter" && state.hover >= 0) pin(state.hover);
  };
}

// A mark that was reached by keys is brought into view.
function follow(view, i) {
  const x = screenX(view, view.xy[2 * i]), y = screenY(view, view.xy[2 * i + 1]);
  if (x > 0 && y > 0 && x < view.width && y < view.height) return;
  Object.assign(view, {x: view.xy[2 * i], y: view.xy[2 * i + 1], moved: true});
  redraw();
}
