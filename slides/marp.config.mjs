// How Marp makes the pages. tools/slides.py calls it; nothing here is fetched.
export default {
  allowLocalFiles: true,
  html: true, // figures stand in the page as SVG, so that their letters can be read and measured
  options: { emoji: { unicode: false }, math: 'mathjax' }, // else emoji become pictures of a foreign server
  engine: ({ marp }) => marp.use(readAloud),
}

// For screen readers: a formula has its TeX as text, and a cell of a table's head that is empty is no heading.
function readAloud(markdown) {
  const { rules } = markdown.renderer
  for (const name of ['marp_math_inline', 'marp_math_block']) {
    const draw = rules[name]
    rules[name] = (tokens, i, ...rest) => {
      const label = markdown.utils.escapeHtml(tokens[i].content.trim())
      return draw(tokens, i, ...rest).replace('role="img"', () => `role="img" aria-label="${label}"`)
    }
  }
  markdown.core.ruler.push('empty_heads', ({ tokens }) => {
    tokens.forEach((token, i) => {
      if (token.type === 'th_open' && !tokens[i + 1].content) token.tag = tokens[i + 2].tag = 'td'
    })
  })
}
