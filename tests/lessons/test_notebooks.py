"""Every lesson as a learner gets it, and as it is solved."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import nb

IDS = [source.stem for source in nb.LESSONS]
TRAP = re.compile(r'^check\("\d\.trap"', re.MULTILINE)
lessons = pytest.mark.parametrize("source", nb.LESSONS, ids=IDS)


def run(source: Path, *how: str) -> nbformat.NotebookNode:
    """The notebook with its outputs; a run that nothing has changed since is taken as it is."""
    done = subprocess.run(
        [sys.executable, "tools/nb.py", "run", *how, source.stem], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return nbformat.read(ROOT / "build" / "lessons" / how[0].removeprefix("--") / f"{source.stem}.ipynb", 4)


def shown(cell: nbformat.NotebookNode) -> str:
    texts = [o.get("data", {}).get("text/plain", "") for o in cell.get("outputs", [])]
    return "\n".join(t for t in texts if t)


def cells(notebook: nbformat.NotebookNode, tag: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if tag in nb.tags(cell)]


def test_the_lessons_are_there():
    assert [name.split("-")[2] for name in IDS] == ["0", "1", "2", "3", "4"]


def test_committed_notebooks_are_as_the_lessons_make_them():
    assert nb.stale() == [], "make notebooks"


@lessons
def test_what_a_learner_skips_stops_nothing_and_passes_nothing(source):
    notebook = run(source, "--student")
    asked = cells(notebook, "exercise") + cells(notebook, "guess")
    begun = [shown(cell).splitlines()[-1] for cell in asked if not TRAP.search(cell.source)]
    assert len(begun) >= 9
    assert [verdict for verdict in begun if not verdict.startswith("✏️")] == []
    trap = next(shown(cell) for cell in asked if TRAP.search(cell.source))
    assert re.match("[✏❌]", trap), trap  # it may be there to be mended, and then fails


@lessons
def test_every_solution_passes(source):
    notebook = run(source, "--smoke")  # a check that fails stops the run
    assert [c.source for c in cells(notebook, "exercise") if not re.search(r"^[✅❌]", shown(c), re.M)] == []


@lessons
def test_outputs_are_free_of_errors_and_warnings(source):
    for cell in run(source, "--smoke").cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", f"{cell.source}\n{output.text}"


@lessons
def test_form(source):
    student, solution = (nb.build(source, kind) for kind in nb.KINDS)
    assert student.cells[0].source.startswith("# ") and "colab.research.google.com" in student.cells[1].source
    text = nb.text(student)
    assert not re.search(r"(BEGIN|END) SOLUTION|# STUB", text) and "YOUR CODE HERE" in text
    assert "BEGIN SOLUTION" not in nb.text(solution) and "YOUR CODE HERE" not in nb.text(solution)
    assert len(cells(solution, "parameters")) == 1 and len(cells(solution, "exercise")) >= 5
    for a, b in zip(cells(student, "exercise"), cells(solution, "exercise"), strict=True):
        assert a.source != b.source and re.search(r"^check\(", a.source.splitlines()[-1])
    traps = [c for c in cells(solution, "exercise") if TRAP.search(c.source)]
    asked = [nb.GUESS.fullmatch(c.source) for c in cells(solution, "guess")]
    assert len(traps) == 1 and len(asked) >= 4
    for found in asked:
        assert found and f'explain("{found[1]}")' in nb.text(solution).replace('\\"', '"')


@lessons
def test_markdown_is_plain_and_code_parses(source):
    for kind in nb.KINDS:
        for cell in nb.build(source, kind).cells:
            if cell.cell_type == "markdown":  # Colab shows directives raw
                assert not re.search(r":::|```\{|\{ref\}|\{doc\}", cell.source), cell.source
            else:
                ast.parse(re.sub(r"^(\s*)%(pip .*)$", r"\1pass", cell.source, flags=re.M))
    assert not re.search(r"/(work|tmp|home)/", source.read_text())


@lessons
def test_every_check_and_question_is_asked_and_every_one_asked_exists(source):
    number, lesson = source.stem.split("-")[2], source.read_text()
    from layerscope.lessons import lesson0, lesson1, lesson2, lesson3, lesson4

    module = {"0": lesson0, "1": lesson1, "2": lesson2, "3": lesson3, "4": lesson4}[number]
    assert set(re.findall(r'^check\("([^"]+)"', lesson, re.M)) == set(module.CHECKS)
    assert set(re.findall(r'^guess\("([^"]+)"', lesson, re.M)) == set(module.QUESTIONS)
    assert set(re.findall(r'use\("([^"]+)"', lesson)) <= set(module.CHECKS)
    for question in module.QUESTIONS.values():
        assert question.right in question.options and len(question.options) >= 3
        assert all(len(option.why) > 20 for option in question.options.values())


def test_what_a_full_run_measured_stands_in_the_header():
    measured = json.loads((ROOT / "lessons" / "measured.json").read_text())
    assert set(measured) == set(IDS)
    for found in measured.values():
        assert found["seconds"] > 1 and found["memory"] > 1e8 and found["download"] >= 0 and found["machine"]


@pytest.mark.parametrize("changed", ["lesson", "library", "versions"])
def test_what_a_run_stands_on_is_run_again_when_it_changes(tmp_path, monkeypatch, changed):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "library.py").write_text("x = 1")
    (tmp_path / "constraints.txt").write_text("numpy==2")
    monkeypatch.setattr(nb, "ROOT", tmp_path)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("y = 1")])
    before = nb.key(notebook, "smoke")
    assert nb.key(notebook, "smoke") == before != nb.key(notebook, "full")
    if changed == "lesson":
        notebook.cells[0].source = "y = 2"
    else:
        (tmp_path / {"library": "src/library.py", "versions": "constraints.txt"}[changed]).write_text("x = 2")
    assert nb.key(notebook, "smoke") != before


def test_stale_and_orphaned_notebooks_are_named(tmp_path):
    nb.write_all(tmp_path)
    assert nb.stale(tmp_path) == []
    changed, orphan = nb.path(nb.LESSONS[0], "student", tmp_path), tmp_path / "notebooks" / "student" / "old.ipynb"
    changed.write_text(changed.read_text().replace("Lesson 0", "Lesson zero", 1))
    orphan.write_text("{}")
    assert nb.stale(tmp_path) == sorted([changed, orphan])
