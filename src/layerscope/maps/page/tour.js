// A few captions that move the page to what they speak of.
function tour(show) {
  const section = $("tour"), stops = facts.tour, button = name => section.querySelector(`[data-go=${name}]`);
  let at = 0;
  const close = () => { section.hidden = true; setColour("class"); $("tour-open").focus(); };
  const go = to => {
    at = clamp(to, 0, stops.length - 1);
    section.hidden = false;
    section.querySelector("h2").textContent = `${at + 1}/${stops.length}  ${stops[at].title}`;
    section.querySelector("p").textContent = stops[at].text;
    button("back").disabled = at === 0;
    button("next").textContent = at === stops.length - 1 ? "Explore" : "Next ›";
    show(stops[at]);
  };
  button("back").onclick = () => go(at - 1);
  button("next").onclick = () => at === stops.length - 1 ? close() : go(at + 1);
  button("close").onclick = close;
  $("tour-open").onclick = () => go(0);
  $("tour-open").hidden = !stops.length;
  if (stops.length) go(0);
}
