"""The folder of a class, and the check of its machines: as a teacher and a learner would use them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from layerscope.classroom import course
from layerscope.classroom import folder as making
from layerscope.classroom.course import lessons, needed, slides
from layerscope.classroom.folder import make, plan
from layerscope.classroom.machines import read_machines
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
        assert all(extra in making.MODULES for extra in lesson.extra.split(",") if extra)
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


# the folder


def test_solutions_lie_apart_and_nothing_else_has_them(tmp_path):
    made = make(tmp_path / "class", ["0"], with_mirror=False)
    into = made.folder
    name = "DL-Example-0-A-network-from-scratch.ipynb"
    student, solution = (into / part / name for part in ("student", "solutions"))
    assert "YOUR CODE HERE" in student.read_text(encoding="utf-8")
    assert "YOUR CODE HERE" not in solution.read_text(encoding="utf-8")
    assert "Keep this folder from the shared drive" in (into / "solutions" / "KEEP-APART.txt").read_text()
    assert {path.name for path in into.iterdir()} == {
        *("README.md", "check_machine.py", "class.json", "student", "solutions", "slides", "machines", "answers")
    }
    assert (made.mirrored, made.kept) == (None, ())


def test_the_page_for_the_teacher(tmp_path):
    make(tmp_path, ["1", "3"], with_mirror=False)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    one = lessons(["1"])[0]
    assert one.measured
    for part in (
        *("setx LAYERSCOPE_MIRROR", "$env:LAYERSCOPE_MIRROR", "export LAYERSCOPE_MIRROR", "c.Spawner.environment"),
        *("drive.mount", "LAYERSCOPE_ANSWERS", "layerscope class . --summary", "layerscope class . --machines"),
        f"| {one.title} | {one.guesses} | {one.checks} | {plan(one)} min | {making.clock(one.measured.seconds)} |",
        "layerscope[lessons,text]==",
        "rule of thumb",
    ):
        assert part in page
    assert "Lesson 0" not in page and "{{" not in page
    start = (tmp_path / "student" / "START.md").read_text(encoding="utf-8")
    assert "Not your\nname, not your code" in start and one.name in start


def test_the_time_of_a_lesson_is_what_was_measured():
    assert (
        making.clock(283.3) == "4 min 43 s"
        and making.clock(45.9) == "0 min 46 s"
        and making.clock(119.7) == "2 min 00 s"
    )
    one = lessons(["1"])[0]
    assert one.measured
    assert plan(one) == round(one.measured.seconds / 60 + 2 * one.guesses + 10 * one.checks)
    assert plan(one._replace(measured=None)) == 2 * one.guesses + 10 * one.checks


def test_the_rule_of_thumb_is_that_of_the_pages_for_teachers():
    import tomllib

    page = course.REPOSITORY / "docs" / "teach" / "plans.toml"
    if not page.is_file():
        pytest.skip("docs/teach/plans.toml is not here")
    assumed = tomllib.loads(page.read_text(encoding="utf-8"))["assumed"]
    pages = (assumed["minutes_a_guess"], assumed["minutes_an_exercise"])
    assert pages == (making.GUESS_MINUTES, making.EXERCISE_MINUTES)


def test_what_a_teacher_has_changed_is_never_overwritten(tmp_path):
    make(tmp_path, ["0"], with_mirror=False)
    notebook = tmp_path / "student" / "DL-Example-0-A-network-from-scratch.ipynb"
    notebook.write_text("mine", encoding="utf-8")
    (tmp_path / "answers" / "x.jsonl").write_text("kept")
    (tmp_path / "check_machine.py").unlink()
    again = make(tmp_path, ["0"], with_mirror=False)
    assert again.kept == (f"student/{notebook.name}",) and notebook.read_text() == "mine"
    assert (tmp_path / "check_machine.py").is_file() and (tmp_path / "answers" / "x.jsonl").read_text() == "kept"


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="holds other things and is no folder of a class"):
        make(tmp_path, ["0"], with_mirror=False)
    with pytest.raises(ValueError, match=r"thesis\.tex is a file"):
        make(tmp_path / "thesis.tex", ["0"], with_mirror=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_slides_are_copied_where_there_are_some(tmp_path, monkeypatch):
    built = tmp_path / "built"
    (built / "pictures").mkdir(parents=True)
    for name in ("part1.html", "pictures/a.svg"):
        (built / name).write_text(name)
    monkeypatch.setattr(making, "slides", lambda: sorted(built.iterdir()))
    made = make(tmp_path / "class", ["0"], with_mirror=False)
    assert (made.folder / "slides" / "pictures" / "a.svg").read_text() == "pictures/a.svg" and made.slides == 2
    assert "`slides/` holds them." in (made.folder / "README.md").read_text(encoding="utf-8")
    monkeypatch.setattr(making, "slides", list)
    none = make(tmp_path / "none", ["0"], with_mirror=False)
    assert "make slides" in (none.folder / "slides" / "README.txt").read_text()


def test_the_command_makes_it_with_the_data_that_its_lessons_need(tmp_path, monkeypatch):
    asked = []

    def mirrored(into, names, progress):
        asked.extend(names)
        return [Mirrored(name, name, "CC0", (f"{name}/x",), 1, "copied from cache") for name in names]

    monkeypatch.setattr(making, "mirror", mirrored)
    done = run(tmp_path / "c", "--lessons", "1, 3")
    assert done.exit_code == 0, done.output
    assert asked == ["mednist", "phenotypes", "minilm"]
    assert "Keep" in done.output and "README.md" in done.output
    failed = [Mirrored("mednist", "MedNIST", "CC0", (), 0, "MedNIST cannot be had.\nLooked at: ...", failed=True)]
    monkeypatch.setattr(making, "mirror", lambda *_: failed)
    done = run(tmp_path / "d", "--lessons", "1")
    assert done.exit_code == 1 and "the folder is made, but not in its mirror: mednist" in str(done.exception)
    assert "Looked at: ..." in done.output and (tmp_path / "d" / "student").is_dir()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--summary", "--machines"], "ask one at a time"),
        (["--summary", "--lessons", "1"], "only to make a class"),
        (["--lessons", "77", "--no-mirror"], "there is no lesson '77'"),
        (["--summary"], "no answers in"),
        (["--machines"], "no machine was checked yet"),
    ],
)
def test_a_wrong_call_says_what_to_do(tmp_path, words, said):
    done = run(tmp_path / "class", *words)
    assert done.exit_code == 1 and said in str(done.exception)


# its machines


def checked(folder: Path, name: str = "", doctor: dict | str | None = None, **env: str) -> subprocess.CompletedProcess:
    """check_machine.py as it is run on a machine; `doctor`: what `python -m layerscope` says there."""
    if doctor is not None:
        fake = folder.parent / "fake" / "layerscope"
        fake.mkdir(parents=True, exist_ok=True)
        said = doctor if isinstance(doctor, str) else f"print({json.dumps(doctor)!r})"
        (fake / "__init__.py").write_text("")
        (fake / "__main__.py").write_text(said)
        env["PYTHONPATH"] = str(fake.parent)
    command = [sys.executable, str(folder / "check_machine.py"), *([name] if name else [])]
    return subprocess.run(command, env=os.environ | env, capture_output=True, text=True, check=False)


def findings(**good: bool | None) -> dict:
    """A machine on which all that lesson 2 needs is there, but for what is named."""
    what = ["Python", "torch", "cache", "ipykernel", "torchvision", "timm", "fastai", "data: mednist", "data: xrays"]
    rows = dict.fromkeys((*what, "weights: efficientnet_lite0"), True) | {
        k.replace("__", ": "): v for k, v in good.items()
    }
    found = [
        {"good": value, "what": key, "found": "/home/anna", "advice": f"mend {key}"} for key, value in rows.items()
    ]
    return {"layerscope": making.wanted(lessons(["2"]))["layerscope"], "findings": found}


@pytest.fixture
def classroom(tmp_path) -> Path:
    return make(tmp_path / "class", ["1", "2"], with_mirror=False).folder


def test_a_good_machine_is_ready(classroom):
    done = checked(classroom, "7", findings())
    assert done.stdout == "Machine 7 is ready for all lessons.\n" and done.returncode == 0
    found = read_machines(classroom)
    assert (found.ready, found.lessons, found.missing, found.all_ready) == ({"7": ("1", "2")}, ("1", "2"), (), 1)


def test_what_one_lesson_lacks_keeps_it_from_that_lesson_only(classroom):
    done = checked(classroom, "8", findings(fastai=None))
    assert done.returncode == 1
    assert done.stdout == "missing: fastai (lesson 2). mend fastai\nMachine 8 is ready for lesson 1.\n"
    done = checked(classroom, "9", findings(cache=False))
    assert "missing: cache (lesson 1, 2). mend cache" in done.stdout and "ready for no lesson yet" in done.stdout


def test_data_are_to_come_from_the_mirror_of_the_class(classroom):
    lacking = findings(data__mednist=None)
    assert "mend data: mednist" in checked(classroom, "1", lacking).stdout
    (classroom / "mirror").mkdir()
    done = checked(classroom, "1", lacking)
    assert (
        "missing: data: mednist (lesson 1, 2). Set LAYERSCOPE_MIRROR to the folder mirror of the class." in done.stdout
    )
    assert f"The mirror is {classroom / 'mirror'}" in done.stdout


def test_a_machine_without_layerscope_or_with_another_one_is_told_how_to_install_it(classroom):
    done = checked(classroom, "2", "import sys; sys.exit('/home/anna/python: No module named layerscope')")
    assert 'python -m pip install "layerscope[lessons,vision]==' in done.stdout
    assert "missing: layerscope (No module named layerscope)" in done.stdout
    old = checked(classroom, "3", findings() | {"layerscope": "0.0.1"})
    assert "here is 0.0.1" in old.stdout and old.returncode == 1
    assert "0.0.1" in (classroom / "machines" / "3.json").read_text()


def test_a_machine_with_too_little_memory_is_told(classroom):
    wanted = json.loads((classroom / "class.json").read_text())
    wanted["lessons"][0]["memory"] = 10**15
    (classroom / "class.json").write_text(json.dumps(wanted))
    assert "the lesson took 1000000.0 GB" in checked(classroom, "4", findings()).stdout


def test_no_path_and_no_owner_is_written(classroom):
    checked(classroom, "", findings(fastai=None, cache=False), HOSTNAME="annas-laptop", USER="anna")
    first = list((classroom / "machines").iterdir())
    checked(classroom, "", findings(fastai=None), HOSTNAME="annas-laptop", USER="anna")
    assert list((classroom / "machines").iterdir()) == first, "the same machine, the same number"
    written = first[0].read_text()
    assert "anna" not in written and len(first[0].stem) == 6
    checked(classroom, "../a b", findings())
    assert (classroom / "machines" / "---a-b.json").is_file() and not (classroom.parent / "a b.json").exists()


def test_a_shared_drive_that_cannot_be_written_is_no_traceback(classroom):
    (classroom / "machines").rmdir()
    (classroom / "machines").write_text("a file")
    done = checked(classroom, "5", findings())
    assert "The folder machines cannot be written" in done.stdout and not done.stderr


def test_the_teacher_sees_how_many_are_ready_and_what_is_missing(classroom):
    for name, lacking in (("1", {}), ("2", {"fastai": None}), ("3", {"fastai": None, "timm": None})):
        checked(classroom, name, findings(**lacking))
    (classroom / "machines" / "broken.json").write_text("{")
    (classroom / "machines" / "other.json").write_text('{"machine": 1}')
    found = read_machines(classroom)
    assert [(one.what, one.machines, one.lessons) for one in found.missing] == [
        ("fastai", ("2", "3"), ("2",)),
        ("timm", ("3",), ("2",)),
    ]
    assert found.unreadable == ("broken.json", "other.json")
    said = run(classroom, "--machines").output
    assert "1 of 3 machines are ready for lesson 1, 2." in said and "mend fastai" in said and "broken.json" in said


def test_the_real_doctor_answers_as_json(classroom, tmp_path):
    """The true program, with a mirror that has nothing."""
    env = {"LAYERSCOPE_CACHE": str(tmp_path / "cache"), "LAYERSCOPE_MIRROR": str(tmp_path)}
    done = checked(classroom, "real", **env)
    assert "missing: data: mednist (lesson 1, 2)" in done.stdout, done.stdout + done.stderr
    report = json.loads((classroom / "machines" / "real.json").read_text())
    assert report["layerscope"] == findings()["layerscope"]
    assert "weights: efficientnet_lite0" not in done.stdout or WEIGHTS["efficientnet_lite0"].packaged() is None
