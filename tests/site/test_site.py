"""The website's pages as they are made, before Sphinx reads them. test_built_site.py builds a site."""

import importlib.util
import os
import re
from pathlib import Path

import nb
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_output
from small_site import ATLAS, DOT, ROOT, a_lesson, executed, shown
from typer.testing import CliRunner
from website import (
    DOCS,
    Files,
    api,
    assemble,
    bench,
    cards,
    check,
    code,
    docstrings,
    facts,
    lessons,
    links,
    live,
    measure,
    outside,
)


def test_no_site_is_a_fault(tmp_path):
    assert check.check(tmp_path) == [f"{tmp_path} has no index.html. First: python tools/site.py build"]


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
    assert files[path] == ATLAS
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


@pytest.fixture(scope="module")
def made() -> Files:
    """All pages as they are, but for what takes long."""
    return assemble.unrun()


def test_every_public_name_is_in_the_api(made):
    index = made["api/index.md"]
    import layerscope

    assert [name for name in layerscope.__all__ if f"`{name} <" not in index and f"`{name}`" not in index] == []
    assert named(made, "api") == {"index", *(chapter.slug for chapter in api.CHAPTERS)}


def named(made: Files, folder: str) -> set[str]:
    return {Path(path).stem for path in made if path.startswith(f"{folder}/")}


def test_links_are_looked_for_on_every_page(made):
    assert named(made, "lessons") == {"index", *(source.stem for source in nb.LESSONS)}
    assert {"index.md", "benchmarks.md", "use/command.md", "_made/plans.md"} < set(made)
    assert [path for path in made if path.startswith("_extra")] == []  # linkcheck would read notebooks as pages


def test_every_data_set_has_a_card_with_its_licence_groups_and_what_was_measured(made):
    from layerscope.data import DATASETS

    assert named(made, "data") == {"index", *DATASETS}
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


def test_the_glossary_has_every_term_once():
    terms = facts.terms((DOCS / "glossary.md").read_text(encoding="utf-8"))
    assert len(terms) >= 60 and len(set(terms)) == len(terms) and terms == sorted(terms, key=str.casefold)


def test_slides_are_listed_and_what_is_missing_or_old_is_said(tmp_path):
    built, sources = tmp_path / "built", tmp_path / "slides"
    assemble.write({"part1.md": "", "part2.md": "", "figures/part1_a.py": "", "results/run.json": "{}"}, sources)
    none = assemble.slides(built, sources)["_made/slides.md"]
    assert "`slides/part1.md` was not built" in none and "`make slides` builds" in none and "<li>" not in none
    assemble.write({f"part1{e}": "<title>Part 1</title>" for e in (".html", "-notes.html", ".pdf")}, built)
    files = assemble.slides(built, sources)
    made = files["_made/slides.md"]
    assert made.count("<li>") == 1 and "<strong>Part 1</strong>" in made and 'href="slides/part1.pdf"' in made
    assert set(files) > {f"_extra/slides/part1{ending}" for ending in (".html", ".pdf", "-notes.html")}
    assert "part1.md" not in made and "`slides/part2.md` was not built" in made and "before" not in made
    later = (built / "part1.html").stat().st_mtime + 10
    os.utime(sources / "results" / "run.json", (later, later))
    assert "*Part 1* was built before" in assemble.slides(built, sources)["_made/slides.md"]


def run_of(folder: Path, name: str, **metadata: str) -> nbformat.NotebookNode:
    """What `nb.run` leaves; the lesson it is a run of."""
    lesson = executed()[0]
    lesson.metadata |= metadata
    folder.mkdir(exist_ok=True)
    nbformat.write(lesson, folder / f"{name}.ipynb")
    return lesson


def test_a_lesson_that_failed_or_was_not_run_is_no_page(tmp_path, capsys):
    name = "DL-Example-9-Small"
    lesson = executed()[0]
    with pytest.raises(SystemExit, match=r"Small was not run yet. Run it: python tools/nb.py run 9 --smoke"):
        lessons.taken({name: lesson}, tmp_path, "smoke")
    run_of(tmp_path, name)
    with pytest.raises(SystemExit, match=r"its last run failed \(it was stopped\)"):
        lessons.taken({name: lesson}, tmp_path, "full")
    run = run_of(tmp_path, name, key=nb.key(lesson, "full"))
    assert list(lessons.taken({name: lesson}, tmp_path, "full")) == [name] and capsys.readouterr().out == ""
    run.cells[4].outputs = [new_output("error", ename="ValueError", evalue="oh", traceback=[])]
    nbformat.write(run, tmp_path / f"{name}.ipynb")
    with pytest.raises(SystemExit, match=r"failed \(ValueError: oh\). Run it: python tools/nb.py run 9$"):
        lessons.taken({name: lesson}, tmp_path, "full")


def test_a_run_that_is_out_of_date_is_named(tmp_path, capsys):
    name = "DL-Example-9-Small"
    run_of(tmp_path, name, key="another")
    assert list(lessons.taken({name: executed()[0]}, tmp_path, "full")) == [name]
    assert "has changed since its last run. Run it: python tools/nb.py run 9" in capsys.readouterr().out


def test_every_command_stands_there_as_its_help_says_it(made):
    from layerscope.cli import app

    text = made["use/command.md"]
    for words in (["class"], ["data", "mirror"], ["run"]):
        said = CliRunner().invoke(app, [*words, "--help"], prog_name="layerscope", env={"COLUMNS": "200"}).output
        usage = re.search(r"Usage: (.*?)\s*\n", said)[1]
        assert f"\n{usage}\n" in text
    assert r"Fetch the data, so that the laptops need no internet. \[default: mirror\]" in text
    assert "| `DIR <path>` |" in text


def test_the_command_on_a_card_names_the_file_of_its_data_set(made):
    from layerscope.data import DATASETS

    for name, module in DATASETS.items():
        own = {"mura": "MURA-v1.1.zip", "hallmarks": "hoc.jsonl.gz"}.get(name)
        assert (module.FROM == "own copy") == bool(own)
        assert f"layerscope run {name}{f' --data {own}' if own else ''}\n" in made[f"data/{name}.md"]


def test_the_references_of_the_slides_are_asked_for(tmp_path):
    text = "doi:10.1/x(2). arXiv:1234.5678, <https://a.org/b> [c](https://c.org)\n"
    (tmp_path / "part1.md").write_text(text, encoding="utf-8")
    (made,) = outside.decks(tmp_path).values()
    found = ["https://doi.org/10.1/x(2", "https://arxiv.org/abs/1234.5678", "https://a.org/b", "https://c.org"]
    assert made.splitlines() == [f"- <{address}>" for address in found]


@pytest.mark.parametrize("what", ["start atlas", "data.json", "measured.json"])
def test_a_file_that_is_kept_is_written_whole_or_not_at_all(what, tmp_path, monkeypatch):
    """A build that is stopped while it writes leaves what was there before."""

    def stopped(path, text, **how):
        path.write_bytes(text[: len(text) // 2].encode())
        raise KeyboardInterrupt

    file = tmp_path / "kept"
    monkeypatch.setattr(live, "KEPT", tmp_path)
    monkeypatch.setattr(live, "_made", lambda name: "a page")
    monkeypatch.setattr(measure, "RESULTS", file)
    monkeypatch.setattr(measure, "of", lambda name: {"samples": 1})
    monkeypatch.setattr(nb, "MEASURED", file)
    makes = {
        "start atlas": lambda: live.start_atlas("phantoms"),
        "data.json": lambda: measure.measure(["phantoms"]),
        "measured.json": lambda: nb._remember("small", {"seconds": 1}),
    }
    with monkeypatch.context() as during, pytest.raises(KeyboardInterrupt):
        during.setattr(Path, "write_text", stopped)
        makes[what]()
    assert [path for path in tmp_path.iterdir() if path.suffix != ".part"] == []
    makes[what]()
    (made,) = [path for path in tmp_path.iterdir() if path.suffix != ".part"]
    assert made.read_text(encoding="utf-8")


def test_only_what_changed_is_written_and_what_is_no_more_goes(tmp_path):
    assemble.write({"a.md": "a", "b/c.md": "c"}, tmp_path)
    before = (tmp_path / "a.md").stat().st_mtime_ns
    assemble.write({"a.md": "a", "b/d.md": "d"}, tmp_path)
    assert (tmp_path / "a.md").stat().st_mtime_ns == before
    assert not (tmp_path / "b" / "c.md").exists() and (tmp_path / "b" / "d.md").read_text() == "d"
