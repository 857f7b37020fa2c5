// How Marp makes the pages. tools/slides.py calls it; nothing here is fetched.
export default {
  allowLocalFiles: true,
  html: true, // figures stand in the page as SVG, so that their letters can be read and measured
  options: { emoji: { unicode: false }, math: 'mathjax' }, // else emoji become pictures of a foreign server
}
