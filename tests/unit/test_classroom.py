"""The folder of a class, as a teacher would use it."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from layerscope.classroom import course, timing
from layerscope.classroom import folder as making
from layerscope.classroom.course import lessons, needed, slides
from layerscope.classroom.folder import make, plan
from layerscope.classroom.mirror import Mirrored
from layerscope.cli import app
from layerscope.data import DATASETS
from layerscope.models.weights import WEIGHTS
from layerscope.source import DataError


def run(*words: object):
    return CliRunner().invoke(app, ["class", *map(str, words)])


# the lessons


def test_every_lesson_says_what_it_needs():
    found = lessons()
    assert [lesson.number for lesson in found][:4] == ["0", "1", "2", "3"]
    for lesson in found:
        assert lesson.student.is_file() and lesson.solution.is_file() and lesson.title.startswith("Lesson ")
        assert set(lesson.data) <= set(DATASETS) and set(lesson.weights) <= set(WEIGHTS) and lesson.data
        assert lesson.guesses and lesson.checks
        assert all(extra in making.EXTRAS for extra in lesson.extra.split(",") if extra)
        source = next((course.REPOSITORY / "lessons").glob(f"part*/{lesson.name}.py")).read_text(encoding="utf-8")
        assert ("efficientnet_lite0(" in source) == ("efficientnet_lite0" in lesson.weights)
        assert ("pretrained_encoder(" in source) == ("minilm" in lesson.weights)
        assert ("mednist_or_phantoms(" in source) == ("mednist" in lesson.data)
    assert {"mednist", "phenotypes", "minilm", "efficientnet_lite0"} <= set(needed())


def test_a_lesson_that_is_not_there_is_named():
    assert [lesson.number for lesson in lessons(["3", "0"])] == ["0", "3"]
    with pytest.raises(ValueError, match=r"there is no lesson '77'. There are: 0, 1, 2, 3"):
        lessons(["77"])


def test_an_installation_without_notebooks_says_where_they_are(monkeypatch, tmp_path):
    monkeypatch.setattr(course, "PACKAGE", tmp_path)
    monkeypatch.setattr(course, "REPOSITORY", tmp_path)
    with pytest.raises(DataError, match="the notebooks of the course are not here"):
        lessons()
    assert slides() == []


def test_a_wheel_has_its_notebooks_beside_the_code(monkeypatch, tmp_path):
    (tmp_path / "notebooks").mkdir()
    for kind in ("student", "solution"):
        (tmp_path / "notebooks" / kind).symlink_to(course.REPOSITORY / "notebooks" / kind)
    (tmp_path / "measured.json").symlink_to(course.REPOSITORY / "lessons" / "measured.json")
    monkeypatch.setattr(course, "PACKAGE", tmp_path)
    monkeypatch.setattr(course, "REPOSITORY", tmp_path / "site-packages")
    found = lessons(["1"])[0]
    assert found.student.is_relative_to(tmp_path) and found.measured and found.measured.seconds > 1


def test_the_wheel_is_told_to_hold_them():
    import tomllib

    settings = tomllib.loads((course.REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    included = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for source, place in included.items():
        assert (course.REPOSITORY / source).exists() and place.startswith("layerscope/classroom/")
    assert "custom" in settings["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]


def test_the_wheel_holds_the_slides_where_they_were_built(tmp_path, monkeypatch):
    """As hatchling would run hatch_build.py; then `layerscope class` of an installed package finds them."""
    hook = ModuleType("interface")
    vars(hook)["BuildHookInterface"] = type("BuildHookInterface", (), {})
    monkeypatch.setitem(sys.modules, "hatchling.builders.hooks.plugin.interface", hook)
    spec = importlib.util.spec_from_file_location("hatch_build", course.REPOSITORY / "hatch_build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    builder = module.Slides()
    builder.root = str(tmp_path)
    built = tmp_path / "build" / "slides"
    for version, wanted in (("standard", {}), ("editable", {}), ("standard", {"a.html", "a-notes.html", "a.pdf"})):
        data: dict = {"force_include": {}}
        if wanted:
            (built / "a-png").mkdir(parents=True)
            for name in wanted:
                (built / name).write_text("x")
        builder.initialize(version, data)
        assert data["force_include"] == {str(built / n): f"layerscope/classroom/slides/{n}" for n in wanted}
    shutil.copytree(built, tmp_path / "installed" / "slides")
    monkeypatch.setattr(course, "PACKAGE", tmp_path / "installed")
    monkeypatch.setattr(course, "REPOSITORY", tmp_path / "site-packages")
    assert {file.name for file in slides()} == wanted


# the folder


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def no_slides(monkeypatch):
    monkeypatch.setattr(making, "slides", list)


@pytest.fixture
def decks(tmp_path, monkeypatch):
    """A folder of built slides, with pictures of the build beside them."""
    built = tmp_path / "repository" / "build" / "slides"
    (built / "part1-png").mkdir(parents=True)
    (tmp_path / "repository" / "lessons").mkdir()
    for name in ("part1.html", "part1.pdf", "part1-notes.html", "part1-png/1.png"):
        (built / name).write_text(name)
    monkeypatch.setattr(course, "REPOSITORY", tmp_path / "repository")
    found = slides()
    monkeypatch.undo()
    monkeypatch.setattr(making, "slides", lambda: found)


def test_one_folder_is_handed_out_and_no_answer_is_in_it(tmp_path, decks):
    made = make(tmp_path / "class", ["0"], with_mirror=False)
    name = "DL-Example-0-A-network-from-scratch.ipynb"
    assert files(made.folder / "share") == {"START.md", "check_machine.py", "class.json", f"student/{name}"}
    assert files(made.folder / "teacher") == {
        *(f"solutions/{name}", "slides/part1.html", "slides/part1.pdf", "slides/part1-notes.html"),
    }
    student, solution = made.folder / "share" / "student" / name, made.folder / "teacher" / "solutions" / name
    assert "YOUR CODE HERE" in student.read_text(encoding="utf-8")
    assert "YOUR CODE HERE" not in solution.read_text(encoding="utf-8")
    assert {path.name for path in (made.folder / "share").iterdir()} > {"machines", "answers"}
    assert (made.mirrored, made.kept, made.slides) == (None, (), 3)
    assert made.size == sum((made.folder / "share" / file).stat().st_size for file in files(made.folder / "share"))


def test_the_page_for_the_teacher(tmp_path):
    make(tmp_path, ["1", "3"], with_mirror=False)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    one = lessons(["1"])[0]
    assert one.measured
    for part in (
        *("setx LAYERSCOPE_MIRROR", "export LAYERSCOPE_MIRROR", "c.Spawner.environment", "drive.mount"),
        *("LAYERSCOPE_ANSWERS", "layerscope class . --summary", "layerscope class . --machines", "rule of thumb"),
        f"| {one.title} | {one.guesses} | {one.checks} | {plan(one)} | {making.clock(one.measured.seconds)} |",
        *("pip wheel --wheel-dir wheels", "--no-index --find-links wheels", "whl/cpu", "Windows is not tested"),
        "layerscope[lessons,text]==",
        "Solutions are no secret",
        making.SLIDES,
    ):
        assert part in page, part
    assert "Lesson 0" not in page and "{{" not in page and "{%" not in page


def test_the_page_for_the_learner_installs_then_points_to_the_data_then_checks(tmp_path):
    """In another order the check says that data are missing which lie beside it."""
    make(tmp_path, ["1"], with_mirror=False)
    start = (tmp_path / "share" / "START.md").read_text(encoding="utf-8")
    order = (
        "-m venv",
        "pip install",
        'export LAYERSCOPE_MIRROR="$PWD/mirror"',
        "python check_machine.py",
        "jupyter lab",
    )
    places = [start.index(part) for part in order]
    assert places == sorted(places)
    assert start.index("%CD%") < start.index("python check_machine.py") and "never tried" in start
    assert "Not your name, not your code" in start and lessons(["1"])[0].name in start and "which try" not in start


def test_the_time_of_a_lesson_is_what_was_measured():
    assert (
        making.clock(283.3) == "4 min 43 s"
        and making.clock(45.9) == "0 min 46 s"
        and making.clock(119.7) == "2 min 00 s"
    )


def test_time_is_counted_from_the_notebook_as_on_the_pages_for_teachers():
    """One formula for both: tools/website/teach.py takes it from here."""

    def cell(source, *tags, kind="code"):
        return {"cell_type": kind, "source": source, "metadata": {"tags": [*tags]}}

    notebook = {
        "cells": [
            cell("Title and words", kind="markdown"),
            cell("not counted " * 99, "header", kind="markdown"),
            cell("install()", "setup"),
            cell("guess()", "guess"),
            cell(["one two\n", "## 1 · A\n", "three\n", "## 2 · B\n", "four"], kind="markdown"),
            cell("...", "exercise"),
            cell("run()"),
            cell("judge()", "ci-only"),
        ]
    }
    found = timing.sections(notebook)
    assert found == [timing.Section("1 · A", 10, 1, 0, 0), timing.Section("2 · B", 5, 0, 1, 1)]
    assumed = timing.Assumed(words_a_minute=10)
    assert [section.minutes(assumed) for section in found] == [3, 11.5]
    assert timing.minutes(found, assumed) == 15 and timing.rounded(1) == 5
    assert (timing.hours(175), timing.hours(60), timing.hours(5)) == ("2\xa0h\xa055\xa0min", "1\xa0h", "5\xa0min")
    for lesson in lessons():
        own = timing.sections(json.loads(lesson.student.read_text(encoding="utf-8")))
        assert sum(section.guesses for section in own) >= lesson.guesses and all(section.title for section in own)
        assert plan(lesson) == timing.hours(timing.minutes(own))


# a second call


def test_what_somebody_has_changed_is_left_and_everything_else_is_brought_up_to_date(tmp_path, monkeypatch, decks):
    """Lessons are added, slides are built, the package is upgraded: pages that nobody touched say so."""
    monkeypatch.setattr(making, "slides", list)
    into = make(tmp_path / "class", ["0"], with_mirror=False).folder
    notebook, page, wanted = into / "share/student/DL-Example-0-A-network-from-scratch.ipynb", into / "README.md", into
    notebook.write_text("mine", encoding="utf-8")
    (into / "share" / "answers" / "x.jsonl").write_text("kept")
    (into / "share" / "check_machine.py").unlink()
    assert "Lesson 1" not in page.read_text(encoding="utf-8") and making.SLIDES in page.read_text(encoding="utf-8")
    built = tmp_path / "deck.html"
    built.write_text("deck")
    monkeypatch.setattr(making, "slides", lambda: [built])
    monkeypatch.setattr(making.importlib.metadata, "version", lambda name: "9.9.9")
    again = make(into, ["1"], with_mirror=False)
    assert again.kept == (f"share/student/{notebook.name}",) and notebook.read_text() == "mine"
    assert (into / "share" / "answers" / "x.jsonl").read_text() == "kept"
    assert (into / "share" / "check_machine.py").is_file() and (into / "teacher/slides/deck.html").read_text() == "deck"
    said = page.read_text(encoding="utf-8")
    assert "Lesson 0" in said and "Lesson 1" in said and "==9.9.9" in said and making.SLIDES not in said
    wanted = json.loads((into / "share" / "class.json").read_text())
    assert wanted["layerscope"] == "9.9.9" and [lesson["number"] for lesson in wanted["lessons"]] == ["0", "1"]
    assert [lesson.number for lesson in make(into, with_mirror=False).lessons] == ["0", "1"], "those that it has"


@pytest.mark.parametrize("name", ["README.md", "share/class.json", "teacher/slides/deck.html"])
def test_no_file_that_was_changed_is_ever_overwritten(tmp_path, monkeypatch, name):
    deck = tmp_path / "deck.html"
    deck.write_text("deck")
    monkeypatch.setattr(making, "slides", lambda: [deck])
    into = make(tmp_path / "class", ["0"], with_mirror=False).folder
    (into / name).write_text("mine")
    for _ in ("once", "twice"):
        deck.write_text("a newer deck")
        assert make(into, ["0", "1"], with_mirror=False).kept == (name,)
        assert (into / name).read_text() == "mine"
    (into / name).unlink()
    assert make(into, with_mirror=False).kept == () and (into / name).read_text(encoding="utf-8") != "mine"


def test_what_was_stopped_half_way_is_made_good_and_not_taken_for_a_change(tmp_path, monkeypatch):
    real = Path.write_bytes

    def full(path, data):
        real(path, data[:10])
        raise OSError("No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space"):
            make(tmp_path / "class", ["0"], with_mirror=False)
    again = make(tmp_path / "class", ["0"], with_mirror=False)
    assert again.kept == () and not any(path.suffix == ".part" for path in again.folder.rglob("*"))
    assert "YOUR CODE HERE" in next((again.folder / "share" / "student").iterdir()).read_text(encoding="utf-8")


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="holds other things and is no folder of a class"):
        make(tmp_path, ["0"], with_mirror=False)
    with pytest.raises(ValueError, match=r"thesis\.tex is a file"):
        make(tmp_path / "thesis.tex", ["0"], with_mirror=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("text", ["{", "[]", '{"lessons": 3}', '{"lessons": [], "files": []}', "[" * 100_000])
def test_a_damaged_note_of_what_was_made_is_named(tmp_path, text):
    make(tmp_path, ["0"], with_mirror=False)
    (tmp_path / "made.json").write_text(text)
    with pytest.raises(DataError, match=r"made\.json cannot be read .*in a new folder"):
        make(tmp_path, ["0"], with_mirror=False)


def test_a_folder_whose_name_looks_like_markup_is_printed_as_it_is(tmp_path):
    done = run(tmp_path / "[old]" / "x[" / "b]", "--lessons", "0", "--no-mirror")
    assert done.exit_code == 0, done.exception
    assert "[old]" in done.output.replace("\n", "")


def test_the_command_makes_it_with_the_data_that_its_lessons_need(tmp_path, monkeypatch):
    asked = []

    def mirrored(into, names, progress):
        asked.extend([into, *names])
        return [Mirrored(name, name, "CC0", (f"{name}/x",), 1, "copied from cache") for name in names]

    monkeypatch.setattr(making, "mirror", mirrored)
    done = run(tmp_path / "c", "--lessons", "1, 3")
    assert done.exit_code == 0, done.output
    assert asked == [tmp_path / "c" / "share" / "mirror", "mednist", "phenotypes", "minilm"]
    assert f"Hand out {tmp_path / 'c' / 'share'} (" in done.output and "README.md" in done.output
    failed = [Mirrored("mednist", "MedNIST", "CC0", (), 0, "MedNIST cannot be had.\nLooked at: ...", failed=True)]
    monkeypatch.setattr(making, "mirror", lambda *_: failed)
    done = run(tmp_path / "d", "--lessons", "1")
    assert done.exit_code == 1 and "the folder is made, but not in its mirror: mednist" in str(done.exception)
    assert "Looked at: ..." in done.output and (tmp_path / "d" / "share" / "student").is_dir()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--summary", "--machines"], "ask one at a time"),
        (["--summary", "--lessons", "1"], "only to make a class"),
        (["--lessons", "77", "--no-mirror"], "there is no lesson '77'"),
        (["--summary"], "no answers in"),
        (["--machines"], "is no class folder"),
    ],
)
def test_a_wrong_call_says_what_to_do(tmp_path, words, said):
    done = run(tmp_path / "class", *words)
    assert done.exit_code == 1 and said in str(done.exception)
