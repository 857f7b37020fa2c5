"""The website: a small one is built strictly and found well; each check is seen to fail where it should."""

import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from atlas_facts import invented
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from layerscope.maps.page import page as atlas_page

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import nb
from website import DOCS, api, assemble, bench, browser, cards, check, code, docstrings, facts, lessons, links, teach

NEEDED = ("sphinx", "myst_nb", "pydata_sphinx_theme", "sphinx_copybutton", "sphinx_design")
missing = [name for name in NEEDED if not importlib.util.find_spec(name)]
builds = pytest.mark.skipif(
    bool(missing) or not assemble.MATHJAX.exists(),
    reason=f"needs pip install '.[docs]' (missing: {', '.join(missing) or 'nothing'}) and npm ci --prefix docs",
)
sees = pytest.mark.skipif(
    browser.PROGRAM is None or not browser.AXE.exists(), reason="needs Chromium, and npm ci --prefix docs"
)

INDEX = """# A small site

Calibration is a {term}`term`. It costs {{ cost }}, and $e^{i\\pi} + 1 = 0$.

```python
print("copy me")
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
accessibility
```
"""
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
            new_code_cell(
                "atlas", outputs=[shown(text_html=FRAME.format("&lt;html lang=en&gt;&lt;title&gt;t&lt;/title&gt;"))]
            ),
        ]

    about = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    return new_notebook(cells=cells(True), metadata=about), new_notebook(cells=cells(False), metadata=about)


DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


def a_lesson(short: bool = True) -> tuple[dict, list[nbformat.NotebookNode]]:
    files = lessons.page("small", *executed(), short=short)
    return files, json.loads(files["lessons/small.ipynb"], object_hook=nbformat.from_dict)["cells"]


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """The site's own settings and looks, with three pages."""
    folder = tmp_path_factory.mktemp("small")
    known = {"version": "0", "repository": "https://example.org", "cost": "nothing"}
    own = {
        path: file
        for path, file in assemble.written(DOCS).items()
        if path.startswith(("conf", "_static", "_templates"))
    }
    files = (
        own
        | a_lesson()[0]
        | assemble.vendor()
        | {
            "index.md": INDEX,
            "accessibility.md": "# Accessibility\n\nWords.\n",
            "_made/facts.json": json.dumps(known),
            "_extra/atlas/start.html": atlas_page(*invented(), None),
            "_extra/notebooks/student/small.ipynb": "{}",
            "_extra/notebooks/solution/small.ipynb": "{}",
        }
    )
    assemble.write(files, folder / "src")
    return folder


@pytest.fixture(scope="module")
def site(sources) -> Path:
    assemble.sphinx(sources / "src", sources / "site")
    return sources / "site"


@pytest.fixture(scope="module")
def running():
    with browser.chromium() as opened:
        yield opened


@pytest.fixture
def broken(site, tmp_path):
    """A copy of the site, one page of which is changed."""

    def change(name: str, what: str, into: str) -> Path:
        copy = tmp_path / "site"
        shutil.copytree(site, copy, dirs_exist_ok=True)
        text = (copy / name).read_text(encoding="utf-8")
        assert what in text
        (copy / name).write_text(text.replace(what, into, 1), encoding="utf-8")
        return copy

    return change


@builds
def test_the_small_site_is_whole(site):
    pages = links.read(site)
    assert {str(path.relative_to(site)) for path in pages} >= {"index.html", "lessons/small.html", "atlas/start.html"}
    assert links.dead(site, pages) + links.foreign(site, pages) == []
    assert "https://example.org" in links.external(pages)
    assert "It costs nothing" in (site / "index.html").read_text(encoding="utf-8")


@builds
@sees
def test_the_small_site_is_accessible_narrow_and_works(site, running):
    for name in ("index.html", "lessons/small.html", "atlas/start.html", "search.html"):
        assert browser.look(running, site, name) == []
    assert browser.works(running, site) == []
    assert browser.has(running, site, "index.html", {"no formula": "mjx-container svg", "no copy": ".copybtn"}) == []
    assert browser.has(running, site, "index.html", {"no such thing": ".nowhere"}) == ["index.html: no such thing"]


@builds
@pytest.mark.parametrize(
    ("into", "found"),
    [
        ('<a href="nowhere.html">x</a>', "index.html: nowhere.html is not there"),
        ('<a href="accessibility.html#nowhere">x</a>', "accessibility.html#nowhere has no such place on its page"),
        ('<a href="../../outside.html">x</a>', "../../outside.html leads out of the site's folder"),
        ('<img src="https://example.org/x.png" alt="x">', "index.html loads https://example.org/x.png"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "index.html loads //example.org/x.css"),
        ('<iframe src="https://example.org"></iframe>', "index.html loads https://example.org"),
    ],
)
def test_broken_links_and_foreign_files_are_found(broken, into, found):
    copy = broken("index.html", "</article>", f"{into}</article>")
    pages = links.read(copy)
    faults = links.dead(copy, pages) + links.foreign(copy, pages)
    assert len(faults) == 1 and found in faults[0]


@builds
@sees
@pytest.mark.parametrize(
    ("into", "found"),
    [
        ('<img src="_static/mark.svg">', "image-alt"),
        ('<p style="color:#999;background:#aaa">pale words</p>', "color-contrast"),
        ("<button></button>", "button-name"),
        ('<div style="width:900px">wide</div>', "pixels wide on a screen of 360"),
        ('<script>fetch("https://example.invalid/x").catch(() => 0)</script>', "asks for https://example.invalid/x"),
        ('<script>console.error("oh")</script>', "says 'oh'"),
        ("<script>nothing.there()</script>", "fails with nothing is not defined"),
    ],
)
def test_what_a_browser_sees_is_found(broken, running, into, found):
    copy = broken("accessibility.html", "</article>", f"{into}</article>")
    assert any(found in fault for fault in browser.look(running, copy, "accessibility.html"))


@builds
@sees
def test_a_fault_of_the_dark_alone_and_a_dead_search_are_found(broken, running):
    pale = '<style>html[data-theme="dark"] .pale { color: #222; }</style><p class="pale">words</p>'
    copy = broken("accessibility.html", "</article>", f"{pale}</article>")
    faults = browser.look(running, copy, "accessibility.html")
    assert faults and all(", dark: color-contrast" in fault for fault in faults)
    (copy / "searchindex.js").write_text("", encoding="utf-8")
    assert any(fault.startswith("search: no result") for fault in browser.works(running, copy, patience=2_000))


@builds
def test_a_warning_stops_the_build(sources, tmp_path, capfd):
    shutil.copytree(sources / "src", tmp_path / "src")
    (tmp_path / "src" / "accessibility.md").write_text("# A\n\n{{ unknown }} [x](nowhere.md)\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="Sphinx found fault"):
        assemble.sphinx(tmp_path / "src", tmp_path / "site")
    said = capfd.readouterr().err
    assert "nowhere.md" in said and "unknown" in said


def test_no_site_is_a_fault(tmp_path):
    assert check.check(tmp_path) == [f"{tmp_path} has no index.html. First: python tools/site.py build"]


def test_links_outside_are_fetched_only_if_asked(tmp_path):
    there = {f"{tmp_path.as_uri()}/nowhere": [Path("a.html")], DOCS.as_uri() + "/conf.py": [Path("b.html")]}
    faults = links.unanswered(there)
    assert len(faults) == 1 and "nowhere does not answer" in faults[0] and "a.html" in faults[0]


def test_numbers_of_the_prose_are_computed(tmp_path):
    assert links.typed_numbers(DOCS) == []
    text = "It takes 5 minutes and is 99.2 % right, `in 3 s`, lesson 2, {{ n }} GB.\n\n```sh\nsleep 3 s\n```\n"
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    found = links.typed_numbers(tmp_path)
    assert [re.search("'(.+)'", fault)[1] for fault in found] == ["5 minutes", "99.2 %"]


def test_a_lesson_shows_the_exercise_and_hides_the_solution():
    cells = a_lesson()[1]
    tags = [nb.tags(cell) for cell in cells]
    assert not any({"setup", "ci-only", "header"} & set(own) for own in tags)
    stub = next(i for i, own in enumerate(tags) if "stub" in own)
    assert "YOUR CODE HERE" in cells[stub].source and cells[stub].outputs == []
    assert "return x + 1" in cells[stub + 1].source and "hide-cell" in tags[stub + 1]
    assert "hide-cell" in next(own for own in tags if "guess" in own)
    assert "short run" in cells[1].source and "notebooks/student/small.ipynb" in cells[1].source
    assert "short run" not in a_lesson(short=False)[1][1].source
    assert "## Part A\n\n### 1 · Begin" in cells[2].source  # a page has one title


def test_a_figure_has_words_and_an_atlas_a_file_of_its_own():
    files, cells = a_lesson()
    figure = next(cell for cell in cells if cell.source == "plot")
    assert figure.metadata["mystnb"]["image"]["alt"] == "Figure, 1 · Begin: It is 2."
    (path,) = [path for path in files if path.startswith("_extra/atlas/")]
    assert files[path] == "<html lang=en><title>t</title>"
    assert f'src="../{path.removeprefix("_extra/")}"' in cells[-1].outputs[0].data["text/html"]


def test_a_solution_with_a_figure_hides_only_its_code():
    cell = new_code_cell("x", metadata={"tags": ["exercise"]}, outputs=[shown(image_png=DOT)])
    assert lessons.folded(cell).metadata["tags"][-1] == "hide-input"


def test_every_module_has_its_place_in_the_order_of_the_imports():
    spec = importlib.util.spec_from_file_location("layout", ROOT / "tests" / "unit" / "test_layout.py")
    layout = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(layout)
    told = [name for chapter in api.CHAPTERS for name in chapter.names]
    assert sorted(told) == sorted(layout.LAYERS)
    first = [min(layout.LAYERS.index(name) for name in chapter.names) for chapter in api.CHAPTERS]
    assert first == sorted(first)


def test_the_api_says_shapes_in_words(tmp_path):
    (tmp_path / "m.py").write_text(
        '"""A module."""\nfrom layerscope.dataset import Dataset\n\nMOST = 3  # of them\n\n\n'
        'def f(z: Float[Tensor, "s d"], data: Dataset) -> Int[Tensor, " s"]:\n    """Does it."""\n\n\n'
        "class Values(NamedTuple):\n    one: int  # of many\n    _two: int = 2\n\n"
        '    def g(self) -> int:\n        """G."""\n\n\n'
        "def _hidden(): ...\n",
        encoding="utf-8",
    )
    module = code.read(tmp_path / "m.py", "layerscope.m")
    function, values = module.names
    assert function.signature == '(z: Float[Tensor, "s d"], data: layerscope.dataset.Dataset) -> Int[Tensor, "s"]'
    assert [(shape.name, shape.axes) for shape in function.shapes] == [("z", ("s", "d")), ("returns", ("s",))]
    assert "*s* samples × *d* features (floating point)" in api._shapes(function.shapes)
    assert values.fields == (("one", "int", "of many"),) and [m.name for m in values.members] == ["g"]
    assert module.constants == (("MOST", "3", "of them"),)


def test_docstrings_become_markdown():
    text = docstrings.markdown(
        "One *plain* line, x_1.\n\nArgs:\n    a: the first,\n        and more.\n    b, c: others.\n\n"
        "Reference: Efron 1982, doi:10.1137/1.9781611970319.\n\nExample:\n    >>> 1 + 1\n    2\n"
    )
    assert r"One \*plain\* line, x\_1." in text and "- `a`: the first,\n  and more.\n- `b, c`: others." in text
    assert "[doi:10.1137/1.9781611970319](https://doi.org/10.1137/1.9781611970319)." in text
    assert "**Example**\n\n```pycon\n>>> 1 + 1\n2\n```" in text


def test_every_public_name_is_in_the_api():
    made = api.pages()
    index = made["api/index.md"]
    import layerscope

    assert [name for name in layerscope.__all__ if f"`{name} <" not in index and f"`{name}`" not in index] == []
    assert "learning rate" not in made["api/see.md"] or len(made) == 1 + len(api.CHAPTERS)


def test_every_data_set_has_a_card_with_its_licence_groups_and_what_was_measured():
    from layerscope.data import DATASETS

    made = cards.pages()
    assert set(made) == {f"data/{name}.md" for name in DATASETS} | {"data/index.md"}
    for name, module in DATASETS.items():
        text = made[f"data/{name}.md"]
        assert all(part in text for part in ("| licence |", "| a group is |", "## Leaks found", "## Reference results"))
        assert docstrings.plain(module.CARD.license) in text
    assert "may not be handed on" in made["data/mura.md"] and "hidden test set" in made["data/mura.md"]


def test_a_card_never_rounds_up_to_certainty_and_says_what_was_found():
    assert (cards.percent(0.9997), cards.percent(1.0), cards.percent(0.5)) == ("99.9\xa0%", "100.0\xa0%", "50.0\xa0%")
    measured = {"leaks": {"groups on both sides": 0.25, "rows that repeat a molecule": 7}}
    from layerscope.data import DATASETS

    said = cards.leaks(DATASETS["bbbp"], measured)
    assert "**25.0\xa0%** of the test samples" in said and "| rows that repeat a molecule | 7 |" in said


def test_benchmarks_have_a_history_and_say_where_there_is_none(monkeypatch):
    files = sorted((bench.FOLDER / "results").glob("*.json"))
    for file in files:
        text = bench.section(file)
        assert "To repeat: `python benchmarks/" in text and "**History**" in text
    assert bench.headline("speed", {"another": "form"}) == ""
    monkeypatch.setenv("PATH", "")
    assert bench.history(files[0]) == bench.NO_HISTORY


def test_a_plan_that_does_not_fit_its_time_is_refused():
    own = {0: [teach.Section("1 · A", 1300, 1, 2, 10)]}
    assumed = {
        "words_a_minute": 130,
        "minutes_a_guess": 2,
        "minutes_an_exercise": 10,
        "minutes_a_cell": 1,
        "longest": 90,
    }
    plan = {"name": "An hour", "minutes": 60, "aim": "It fits.", "parts": [{"lesson": 0, "how": "alone"}]}
    assert "40\xa0min of 1\xa0h; 20\xa0min are left" in teach._plan(plan, own, assumed)
    with pytest.raises(SystemExit, match="An hour has 30 minutes, its parts take 40"):
        teach._plan(plan | {"minutes": 30}, own, assumed)


def test_the_plans_fit_the_lessons_as_they_are():
    made = teach.pages()
    assert all(f"## {name}" in made["_made/plans.md"] for name in ("Half a day", "A day", "A week"))


def test_the_glossary_has_every_term_once():
    terms = facts.terms((DOCS / "glossary.md").read_text(encoding="utf-8"))
    assert len(terms) >= 60 and len(set(terms)) == len(terms) and terms == sorted(terms, key=str.casefold)


def test_slides_are_listed_or_their_absence_is_said(tmp_path):
    assert "were not built" in assemble.slides(tmp_path)["_made/slides.md"]
    (tmp_path / "part-1.html").write_text("<title>Part 1</title>", encoding="utf-8")
    (tmp_path / "part-1-notes.html").write_text("<title>Notes</title>", encoding="utf-8")
    (tmp_path / "part-1.pdf").write_bytes(b"%PDF")
    files = assemble.slides(tmp_path)
    made = files["_made/slides.md"]
    assert made.count("<li>") == 1 and "<strong>Part 1</strong>" in made and 'href="slides/part-1.pdf"' in made
    assert set(files) > {f"_extra/slides/part-1{ending}" for ending in (".html", ".pdf", "-notes.html")}


def test_only_what_changed_is_written_and_what_is_no_more_goes(tmp_path):
    assemble.write({"a.md": "a", "b/c.md": "c"}, tmp_path)
    before = (tmp_path / "a.md").stat().st_mtime_ns
    assemble.write({"a.md": "a", "b/d.md": "d"}, tmp_path)
    assert (tmp_path / "a.md").stat().st_mtime_ns == before
    assert not (tmp_path / "b" / "c.md").exists() and (tmp_path / "b" / "d.md").read_text() == "d"
