"""The check of a class's machines: as a learner runs it on one, and as a teacher sees them all."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from layerscope.classroom import folder as making
from layerscope.classroom.course import lessons
from layerscope.classroom.folder import make
from layerscope.classroom.machines import read_machines
from layerscope.cli import app
from layerscope.source import DataError


@pytest.fixture
def share(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(making, "slides", list)
    return make(tmp_path / "class", ["1", "2"], with_mirror=False).folder / "share"


def checked(share: Path, name: str = "", doctor: dict | str | None = None, **env: str) -> subprocess.CompletedProcess:
    """check_machine.py as it is run on a machine; `doctor`: what `python -m layerscope` says there.

    Every name is another machine: its cache is its own.
    """
    here = {key: value for key, value in os.environ.items() if key != "LAYERSCOPE_MIRROR"}
    here["LAYERSCOPE_CACHE"] = str(share.parent.parent / f"cache-{name}")
    if doctor is not None:
        fake = share.parent.parent / "fake" / "layerscope"
        fake.mkdir(parents=True, exist_ok=True)
        (fake / "__init__.py").write_text("")
        said = doctor if isinstance(doctor, str) else f"print({json.dumps(doctor)!r})"
        (fake / "__main__.py").write_text(
            f"import os, sys\nopen({str(fake / 'asked')!r}, 'w').write(repr(sys.argv))\n{said}"
        )
        here["PYTHONPATH"] = str(fake.parent)
    command = [sys.executable, str(share / "check_machine.py"), *([name] if name else [])]
    return subprocess.run(command, env=here | env, capture_output=True, text=True, check=False)


def findings(found: str = "/home/anna", **good: bool | None) -> dict:
    """A machine on which all that lessons 1 and 2 need is there, but for what is named."""
    what = ["Python", "torch", "cache", "ipykernel", "torchvision", "timm", "fastai", "data: mednist", "data: xrays"]
    rows = dict.fromkeys((*what, "weights: efficientnet_lite0"), True) | {
        k.replace("__", ": "): v for k, v in good.items()
    }
    told = [{"good": value, "what": key, "found": found, "advice": f"mend {key}"} for key, value in rows.items()]
    return {"layerscope": making.wanted(lessons(["2"]))["layerscope"], "findings": told}


# one machine


def test_a_good_machine_is_ready(share):
    done = checked(share, "7", findings())
    assert done.stdout.splitlines()[1:] == ["Machine 7 is ready for all lessons."] and done.returncode == 0
    assert "reading the data" in done.stdout.splitlines()[0]
    found = read_machines(share.parent)
    assert (found.ready, found.lessons, found.missing, found.all_ready) == ({"7": ("1", "2")}, ("1", "2"), (), 1)
    assert found.to_set == found.unmeasured == found.again == found.unreadable == ()


def test_the_data_that_the_lessons_need_are_read_and_no_others(share):
    checked(share, "7", findings())
    asked = (share.parent.parent / "fake" / "layerscope" / "asked").read_text()
    assert "'doctor', '--json', '--verify', 'mednist,xrays,efficientnet_lite0'" in asked


def test_what_one_lesson_lacks_keeps_it_from_that_lesson_only(share):
    done = checked(share, "8", findings(fastai=None))
    assert done.returncode == 1
    assert 'missing: fastai (lesson 2). python -m pip install "layerscope[lessons,vision]==' in done.stdout
    assert "Machine 8 is ready for lesson 1.\n" in done.stdout
    done = checked(share, "9", findings(cache=False))
    assert "missing: cache (lesson 1, 2). mend cache" in done.stdout and "ready for no lesson yet" in done.stdout


def test_damage_keeps_from_the_lessons_that_need_the_file(share):
    done = checked(share, "8", findings(weights__efficientnet_lite0=False, data__gad=False))
    assert "missing: weights: efficientnet_lite0, damaged (lesson 2). Mend weights: efficientnet_lite0." in done.stdout
    assert "Machine 8 is ready for lesson 1.\n" in done.stdout and "gad" not in done.stdout


def line_of(done: subprocess.CompletedProcess) -> str:
    return done.stdout.split("before you start it:\n\n    ")[1].split("\n")[0]


def test_the_mirror_beside_the_check_is_found_and_the_line_to_type_is_printed(share):
    """The step that each of thirty learners forgets: then the check must not say that data are missing."""
    (share / "mirror").mkdir()
    told = 'print(json.dumps(FOUND).replace("WHERE", "mirror " + os.environ["LAYERSCOPE_MIRROR"]))'
    program = f"import json\nFOUND = {findings('WHERE')!r}\n{told}"
    done = checked(share, "1", program)
    assert "Machine 1 is ready for all lessons, once it knows where the data are." in done.stdout, done.stdout
    assert done.returncode == 0 and read_machines(share.parent).to_set == ("1",)
    shell = subprocess.run(["sh", "-c", f'{line_of(done)}; echo "$LAYERSCOPE_MIRROR"'], capture_output=True, text=True)
    assert shell.stdout == f"{share / 'mirror'}\n"
    done = checked(share, "1", program, LAYERSCOPE_MIRROR=str(share / "mirror"))
    assert "export" not in done.stdout and read_machines(share.parent).to_set == ()
    gone = checked(share, "1", program, LAYERSCOPE_MIRROR=str(share / "not-mounted"))
    assert line_of(gone) == line_of(checked(share, "1", program)), "a variable that names no folder is none"
    assert "export" not in checked(share, "1", findings("cache")).stdout, "all is in the cache"


def test_a_line_to_type_stands_for_folders_with_spaces_and_for_windows(share, monkeypatch):
    odd = share.parent.parent / "it's a $class"
    share.parent.rename(odd)
    (odd / "share" / "mirror").mkdir()
    check = loaded(odd / "share")
    line = check.set_lines().split("\n\n    ")[1].strip()
    shell = subprocess.run(["sh", "-c", f'{line}; printf %s "$LAYERSCOPE_MIRROR"'], capture_output=True, text=True)
    assert shell.stdout == str(odd / "share" / "mirror")
    monkeypatch.setattr(check, "MIRROR", r"S:\class\share\mirror")
    monkeypatch.setattr(check.os, "name", "nt")
    said = check.set_lines()
    monkeypatch.undo()
    assert r'setx LAYERSCOPE_MIRROR "S:\class\share\mirror"' in said and "open a new window" in said


def test_data_that_are_nowhere_are_to_be_had_from_the_internet_or_from_the_teacher(share):
    lacking = findings(data__mednist=None)
    alone = checked(share, "1", lacking).stdout
    assert "With internet: mend data: mednist. Without: ask your teacher for the folder mirror." in alone
    (share / "mirror").mkdir()
    mednist = "missing: data: mednist (lesson 1, 2). "
    beside = checked(share, "1", lacking).stdout
    assert f"{mednist}The folder mirror of the class does not have it: tell your teacher." in beside
    (share.parent / "other").mkdir()
    other = checked(share, "1", lacking, LAYERSCOPE_MIRROR=str(share.parent / "other"))
    assert f"{mednist}Use the folder mirror of the class" in other.stdout
    assert line_of(other).endswith(f"={share / 'mirror'}")


def test_a_machine_without_layerscope_or_with_another_one_is_told_how_to_install_it(share):
    done = checked(share, "2", "sys.exit('/home/anna/python: No module named layerscope')")
    assert 'python -m pip install "layerscope[lessons,vision]==' in done.stdout
    assert "missing: layerscope (No module named layerscope)" in done.stdout
    old = checked(share, "3", findings() | {"layerscope": "0.0.1"})
    assert "here is 0.0.1" in old.stdout and old.returncode == 1
    (share / "wheels").mkdir()
    offline = checked(share, "3", findings(timm=None)).stdout
    assert f'python -m pip install --no-index --find-links "{share / "wheels"}" "layerscope[' in offline


def test_a_python_that_is_too_old_is_named_before_pip_fails(share, monkeypatch):
    check = loaded(share)
    monkeypatch.setattr(check, "OLDEST", (99, 0))
    (row,) = check.lacking(json.loads((share / "class.json").read_text()), {}, "No module named layerscope", False)
    assert row["what"].startswith("Python 99.0 or newer, here is 3.") and "python.org" in row["advice"]


def loaded(share: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_machine_of_a_class", share / "check_machine.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# its memory


def test_a_machine_with_too_little_memory_is_told(share):
    wanted = json.loads((share / "class.json").read_text())
    wanted["lessons"][0]["memory"] = 10**15
    (share / "class.json").write_text(json.dumps(wanted))
    assert "the lesson took 1000000.0 GB" in checked(share, "4", findings()).stdout


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("0::/", "sys/fs/cgroup/memory.max"),
        ("0::/user.slice/jupyter-anna.service", "sys/fs/cgroup/user.slice/memory.max"),
        ("4:cpu,memory:/docker/1f", "sys/fs/cgroup/memory/memory.limit_in_bytes"),
    ],
)
def test_in_a_container_and_on_a_hub_its_own_limit_counts(share, tmp_path, line, file):
    """A hub gives each learner two of its hundred gigabytes."""
    check, root = loaded(share), tmp_path / "root"
    (root / file).parent.mkdir(parents=True)
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "self" / "cgroup").write_text(f"9:pids:/\n{line}\n")
    (root / file).write_text("2000000000\n")
    assert set(check.allowed(root)) == {2_000_000_000}
    (root / file).write_text("max\n")
    assert check.allowed(root) == [] and check.allowed(tmp_path / "no-linux") == []


def test_where_memory_cannot_be_found_out_it_is_said(share, monkeypatch, capsys):
    check = loaded(share)
    monkeypatch.delattr(check.os, "sysconf")
    assert check.physical() == 0, "as on a system that is neither Unix nor Windows"

    class Windows:
        @staticmethod
        def GlobalMemoryStatusEx(status):
            assert status._obj[0] == 64, "the size of what is to be filled in"
            status._obj[1] = 8 * 10**9
            return 1

    monkeypatch.setattr(check.ctypes, "windll", type("windll", (), {"kernel32": Windows}), raising=False)
    assert check.physical() == 8 * 10**9
    monkeypatch.setattr(check, "memory_here", lambda: 0)
    monkeypatch.setattr(check, "doctor", lambda *_: (findings(), ""))
    monkeypatch.setattr(check, "own_number", lambda: ("abcdef", True))
    monkeypatch.setattr(sys, "argv", ["check_machine.py"])
    assert check.main() == 0
    assert "memory: not checked here" in capsys.readouterr().out
    assert read_machines(share.parent).unmeasured == ("abcdef",)


# its number


def test_no_path_and_no_owner_is_written_and_a_machine_is_one_whatever_it_is_called(share):
    for name in ("", "7"):
        checked(
            share, name, findings(fastai=None, cache=False), HOSTNAME="annas-laptop", LAYERSCOPE_CACHE=str(share / "c")
        )
        (file,) = (share / "machines").iterdir()
        assert re.fullmatch("[0-9a-f]{6}", file.stem) and "anna" not in file.read_text()
    assert json.loads(file.read_text())["machine"] == "7"
    checked(share, "", findings(), LAYERSCOPE_CACHE=str(share / "c"))
    assert read_machines(share.parent).ready == {"7": ("1", "2")}, "it keeps the name that it was given"
    checked(share, "../a b", findings())
    assert set(read_machines(share.parent).ready) == {"7", "---a-b"} and not (share.parent / "a b.json").exists()


def test_two_machines_of_one_name_are_two(share):
    for cache in ("one", "two"):
        checked(share, "7", findings(), LAYERSCOPE_CACHE=str(share / cache))
    found = read_machines(share.parent)
    assert len(found.ready) == 2 and all(re.fullmatch(r"7 \([0-9a-f]{6}\)", name) for name in found.ready)


def test_a_machine_that_cannot_keep_its_number_says_so(share):
    (share / "file").write_text("")
    done = checked(share, "", findings(), LAYERSCOPE_CACHE=str(share / "file" / "cache"))
    assert "cannot be kept in its cache" in done.stdout and not done.stderr and done.returncode == 0


def test_a_shared_drive_that_cannot_be_written_is_no_traceback(share):
    (share / "machines").rmdir()
    (share / "machines").write_text("a file")
    done = checked(share, "5", findings())
    assert "The folder machines cannot be written" in done.stdout and not done.stderr


# all machines


def test_the_teacher_sees_how_many_are_ready_and_what_is_missing(share):
    for name, lacking in (("1", {}), ("2", {"fastai": None}), ("3", {"fastai": None, "timm": None})):
        checked(share, name, findings(**lacking))
    (share / "machines" / "broken.json").write_text("{")
    (share / "machines" / "other.json").write_text('{"machine": 1}')
    found = read_machines(share.parent)
    assert [(one.what, set(one.machines), one.lessons) for one in found.missing] == [
        ("fastai", {"2", "3"}, ("2",)),
        ("timm", {"3"}, ("2",)),
    ]
    assert found.unreadable == ("broken.json", "other.json")
    said = CliRunner().invoke(app, ["class", str(share.parent), "--machines"]).output
    assert "1 of 3 machines are ready for lesson 1, 2." in said and "pip install" in said and "broken.json" in said


def test_machines_that_were_checked_before_a_lesson_was_added_are_named(share):
    checked(share, "1", findings())
    assert read_machines(share.parent).again == ()
    make(share.parent, ["0"], with_mirror=False)
    assert read_machines(share.parent).again == ("1",)


def test_without_a_class_or_a_machine_it_is_said_what_to_do(share, tmp_path):
    with pytest.raises(DataError, match="no machine was checked yet: .*python check_machine.py"):
        read_machines(share.parent)
    with pytest.raises(DataError, match=r"is no class folder: .*class.json cannot be read \(FileNotFoundError\)"):
        read_machines(tmp_path / "nothing")


def test_the_real_doctor_answers_as_json(share, tmp_path):
    """The true program, with a mirror that has nothing, then with a file that was cut short."""
    env = {"LAYERSCOPE_CACHE": str(tmp_path / "cache"), "LAYERSCOPE_MIRROR": str(tmp_path)}
    done = checked(share, "real", **env)
    assert "missing: data: mednist (lesson 1, 2)" in done.stdout, done.stdout + done.stderr
    (file,) = (share / "machines").iterdir()
    assert json.loads(file.read_text())["layerscope"] == findings()["layerscope"]
    (share / "mirror" / "mednist").mkdir(parents=True)
    (share / "mirror" / "mednist" / "MedNIST.tar.gz").write_bytes(b"cut")
    done = checked(share, "real", LAYERSCOPE_CACHE=str(tmp_path / "cache"))
    assert "missing: data: mednist, damaged (lesson 1, 2). Copy the file to the mirror again" in done.stdout
