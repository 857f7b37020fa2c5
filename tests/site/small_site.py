"""A small site: the website's own settings and looks, with a page of each kind."""

import importlib.util
import json
from html import escape
from pathlib import Path

import chrome
import nbformat
import pytest
from atlas_facts import invented
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from website import DOCS, Files, assemble, browser, lessons

from layerscope.maps.page import page as atlas_page

ROOT = Path(__file__).parents[2]
NEEDED = ("sphinx", "myst_nb", "pydata_sphinx_theme", "sphinx_copybutton", "sphinx_design")
missing = [name for name in NEEDED if not importlib.util.find_spec(name)]
builds = pytest.mark.skipif(
    bool(missing) or not assemble.MATHJAX.exists(),
    reason=f"needs pip install '.[docs]' (missing: {', '.join(missing) or 'nothing'}) and npm ci --prefix docs",
)
sees = pytest.mark.skipif(
    chrome.PROGRAM is None or not browser.AXE.exists(), reason="needs Chromium, and npm ci --prefix docs"
)

INDEX = """# A small site

Calibration is a {term}`term`. It costs {{ cost }}, and $e^{i\\pi} + 1 = 0$.

```python
print("copy me, with a line of code that is longer than a phone is wide")
```

<iframe class="atlas" src="atlas/start.html" title="Atlas" loading="lazy" sandbox="allow-scripts"></iframe>

| one | |
|---|---|
| a | b |

```{py:function} probe(z: Float[Tensor, "s d"], classes: int, another_argument: int = 0) -> Float[Tensor, "s k"]
What it does.
```

```{glossary}
term
  A word.
```

```{toctree}
lessons/small
slides
accessibility
```
"""
DECKS = {
    "part-1.html": """<!doctype html><html lang="en"><title>Part 1</title>
<main><h1>Part 1</h1><svg data-marpit-svg="" role="img" aria-label="A slide" width="900"></svg></main></html>""",
    "part-1-notes.html": """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">
<title>Notes</title><main><h1>Notes</h1></main></html>""",
    "part-1.pdf": "%PDF",
}
ATLAS = "<!doctype html><html lang=en><title>t</title><main><h1>t</h1></main></html>"
FRAME = '<iframe srcdoc="{}" title="An atlas" loading="lazy" style="width:100%" sandbox="allow-scripts"></iframe>'
VERDICT = '<div role="status" style="border-left:4px solid #1a7f37">well done</div>'


def shown(**data) -> nbformat.NotebookNode:
    return new_output("display_data", data={kind.replace("_", "/"): value for kind, value in data.items()})


def executed() -> tuple[nbformat.NotebookNode, nbformat.NotebookNode]:
    """A lesson that ran, and what its learner gets."""

    def cells(solved: bool) -> list[nbformat.NotebookNode]:
        body = "return x + 1" if solved else "...  # YOUR CODE HERE"
        return [
            new_markdown_cell("# Small · One plus one: does it add?\n\nIt adds."),
            new_markdown_cell("[badge](https://example.org)", metadata={"tags": ["header"]}),
            new_code_cell("%pip install layerscope", metadata={"tags": ["setup"]}),
            new_markdown_cell("# Part A\n\n## 1 · Begin\n\nWords here."),
            new_code_cell('guess("9.a", "b")', metadata={"tags": ["guess"]}, outputs=[shown(text_html=VERDICT)]),
            new_code_cell(
                f"def add(x):\n    {body}", metadata={"tags": ["exercise"]}, outputs=[shown(text_html=VERDICT)]
            ),
            new_code_cell("assert full", metadata={"tags": ["ci-only"]}),
            new_code_cell(
                "plot",
                metadata={"tags": ["hide-input"]},
                outputs=[shown(image_png=DOT), shown(text_markdown="It is **2**.")],
            ),
            new_code_cell("atlas", outputs=[shown(text_html=FRAME.format(escape(ATLAS)))]),
        ]

    about = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    return new_notebook(cells=cells(True), metadata=about), new_notebook(cells=cells(False), metadata=about)


DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


def a_lesson(short: bool = True) -> tuple[dict, list[nbformat.NotebookNode]]:
    files = lessons.page("small", *executed(), short=short)
    return files, json.loads(files["lessons/small.ipynb"], object_hook=nbformat.from_dict)["cells"]


def files(folder: Path) -> Files:
    """All of its sources; `folder` is for those that are copied."""
    known = {"version": "0", "repository": "https://example.org", "cost": "nothing"}
    looks = ("conf", "_static", "_templates", "slides.md")
    own = {path: file for path, file in assemble.written(DOCS).items() if path.startswith(looks)}
    (folder / "decks").mkdir()
    for name, text in DECKS.items():
        (folder / "decks" / name).write_text(text, encoding="utf-8")
    return (
        own
        | a_lesson()[0]
        | assemble.vendor()
        | assemble.slides(folder / "decks", folder)
        | {
            "index.md": INDEX,
            "accessibility.md": "# Accessibility\n\nWords.\n",
            "_made/facts.json": json.dumps(known),
            "_extra/atlas/start.html": atlas_page(*invented(), None),
            "_extra/.nojekyll": "",
            "_extra/notebooks/student/small.ipynb": "{}",
            "_extra/notebooks/solution/small.ipynb": "{}",
        }
    )
