// The slide that is shown: every text with its place, size and colour; and what overflows, is cut off or broken.
() => {
  const slide = document.querySelector('svg.bespoke-marp-active section'), box = slide.getBoundingClientRect();
  const numbers = colour => (colour.match(/[\d.]+/g) || [0, 0, 0]).map(Number);
  const beyond = (r, b) => r.right > b.right + 2 || r.bottom > b.bottom + 2 || r.left < b.left - 2 || r.top < b.top - 2;
  const all = chosen => [...slide.querySelectorAll(chosen)], name = element => element.className === 'figure' ? 'figure' : element.tagName.toLowerCase();
  const shown = [], cut = [];
  const walk = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const text = node.textContent.trim(), at = node.parentElement, css = getComputedStyle(at);
    if (!text || at.closest('style, mjx-assistive-mml') || css.visibility === 'hidden') continue;
    const figure = at.closest('.figure svg'), matrix = figure && at.getScreenCTM();
    const scale = matrix ? Math.hypot(matrix.a, matrix.b) : 1;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) {
      if (r.width < 2 || r.height < 2) continue;
      if (beyond(r, box) || (figure && beyond(r, figure.getBoundingClientRect()))) cut.push(text);
      shown.push({
        text, x: r.x, y: r.y, w: r.width, h: r.height, size: parseFloat(css.fontSize) * scale,
        colour: numbers(figure ? css.fill : css.color),
        small: !!figure || !!at.closest('blockquote, table, code, pre, sup, sub, header, footer'),
        turned: !!matrix && Math.abs(matrix.b) > .01 * scale,
      });
    }
  }
  return {
    shown, cut,
    broken: all('img').filter(i => !i.complete || !i.naturalWidth).map(i => i.alt),
    over: all('*').filter(e => !e.closest('.figure svg, mjx-container') && beyond(e.getBoundingClientRect(), box)).map(name),
    flat: slide.scrollHeight > slide.clientHeight + 1 || slide.scrollWidth > slide.clientWidth + 1,
    inside: all('pre, .figure').filter(e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1).map(name),
    low: all('.figure').some(e => e.getBoundingClientRect().height < 120),
  };
}
