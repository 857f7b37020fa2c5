"""Is this machine ready for the class?

    python check_machine.py [NAME]

Use the Python with which the notebooks will run. It runs `layerscope doctor`, which also reads the data and weights,
compares what it finds with what the lessons need (class.json, beside this file), says what is missing, and writes that
to the folder machines. A folder mirror beside this file is used, and the line is printed that makes the notebooks use
it. Without a NAME the machine goes by a number: drawn once, kept in its own cache, from nothing that is known of it or
of its owner.

This file needs nothing but Python, so that it can also say that layerscope is missing.
"""

# ruff: noqa: T201  it is run as it is, by people
import ctypes
import json
import os
import platform
import re
import secrets
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).absolute().parent
MIRROR, WHEELS, VARIABLE = HERE / "mirror", HERE / "wheels", "LAYERSCOPE_MIRROR"
KEPT = ("data: ", "weights: ")
SET = "Use the folder mirror of the class: the line stands below."
OLDEST = (3, 11)


def main() -> int:
    wanted = json.loads((HERE / "class.json").read_text(encoding="utf-8"))
    number, kept = own_number()
    name = re.sub(r"[^\w-]", "-", sys.argv[1]) if len(sys.argv) > 1 else earlier_name(number)
    print("Looking at what is installed, and reading the data: this can take a few minutes.", flush=True)
    lent = MIRROR.is_dir() and not variable_set()
    found, trouble = doctor(wanted, {VARIABLE: str(MIRROR)} if lent else {})
    missing = lacking(wanted, found, trouble, lent)
    lessons = [lesson["number"] for lesson in wanted["lessons"]]
    ready = [number for number in lessons if not any(number in row["lessons"] for row in missing)]
    to_set = lent and uses_mirror(wanted, found)
    for row in missing:
        print(f"missing: {row['what']} (lesson {', '.join(row['lessons'])}). {row['advice']}")
    if not memory_here():
        print("memory: not checked here. class.json says what each lesson took.")
    once = ", once it knows where the data are" if ready and to_set else ""
    print(f"Machine {name} is ready for {'all lessons' if ready == lessons else listed(ready)}{once}.")
    if to_set or any(row["advice"] == SET for row in missing):
        print(set_lines())
    report = {
        "machine": name,
        "number": number,
        "system": platform.system(),
        "python": platform.python_version(),
        "layerscope": found.get("layerscope", ""),
        "ready": ready,
        "missing": missing,
        "to_set": to_set,
        "memory": bool(memory_here()),
    }
    try:
        (HERE / "machines").mkdir(exist_ok=True)
        (HERE / "machines" / f"{number}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        print(f"The folder machines cannot be written ({error.strerror}): tell your teacher what stands above.")
    if not kept:
        print("The number of this machine cannot be kept in its cache: checked again, it counts as another machine.")
    return 0 if ready == lessons else 1


def listed(numbers: list) -> str:
    return f"lesson {', '.join(numbers)}" if numbers else "no lesson yet"


def own_number() -> tuple:
    """Six characters, and whether they could be kept for the next time."""
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "layerscope"
    file = Path(os.environ.get("LAYERSCOPE_CACHE") or usual) / "machine-number"
    try:
        number = file.read_text(encoding="utf-8").strip()
        if re.fullmatch("[0-9a-f]{6}", number):
            return number, True
    except (OSError, ValueError):
        pass
    number = secrets.token_hex(3)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(number, encoding="utf-8")
    except OSError:
        return number, False
    return number, True


def earlier_name(number: str) -> str:
    """The name that was given when this machine was checked before, else its number."""
    try:
        name = json.loads((HERE / "machines" / f"{number}.json").read_text(encoding="utf-8"))["machine"]
    except (OSError, ValueError, KeyError, TypeError):
        return number
    return re.sub(r"[^\w-]", "-", str(name))


def variable_set() -> bool:
    """Whether LAYERSCOPE_MIRROR names a folder that there is."""
    value = os.environ.get(VARIABLE)
    return bool(value) and Path(value or "").is_dir()


def set_lines() -> str:
    """What to type on this system so that notebooks read the mirror; Jupyter must be started after it."""
    if os.name == "nt":
        line = f'setx {VARIABLE} "{MIRROR}"'
        where = "Type this line once. Then open a new window, and start Jupyter in it:"
    else:
        line = f"export {VARIABLE}={shlex.quote(str(MIRROR))}"
        where = "Type this line in the window in which you start Jupyter, each time before you start it:"
    return f"{where}\n\n    {line}\n"


def doctor(wanted: dict, more: dict) -> tuple:
    """What `layerscope doctor --json` says, and why it says nothing if so."""
    names = [what.split(": ")[1] for lesson in wanted["lessons"] for what in lesson["needs"] if what.startswith(KEPT)]
    command = [sys.executable, "-m", "layerscope", "doctor", "--json", "--verify", ",".join(dict.fromkeys(names))]
    env = dict(os.environ, PYTHONIOENCODING="utf-8", **more)
    try:
        done = subprocess.run(command, capture_output=True, timeout=1800, env=env, encoding="utf-8", errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        return {}, type(error).__name__
    try:
        return json.loads(done.stdout), ""
    except ValueError:
        said = done.stderr.strip().splitlines() or ["it says nothing"]
        return {}, said[-1].rpartition(": ")[2]


def lacking(wanted: dict, found: dict, trouble: str, lent: bool) -> list:
    """What is missing: what it is, what to do, and which lessons need it."""
    everything = [lesson["number"] for lesson in wanted["lessons"]]
    if sys.version_info < OLDEST:
        what = f"Python {'.'.join(map(str, OLDEST))} or newer, here is {platform.python_version()}"
        return [{"what": what, "advice": "Install it from python.org, and check with it.", "lessons": everything}]
    if not found:
        return [{"what": f"layerscope ({trouble})", "advice": install(wanted), "lessons": everything}]
    rows = []
    if found["layerscope"] != wanted["layerscope"]:
        what = f"layerscope {wanted['layerscope']}, here is {found['layerscope']}"
        rows.append({"what": what, "advice": install(wanted), "lessons": everything})
    here = {finding["what"]: finding for finding in found["findings"]}
    for what, finding in here.items():
        if finding["good"] is False and not what.startswith(KEPT):
            rows.append({"what": what, "advice": finding["advice"], "lessons": everything})
    for what in dict.fromkeys(what for lesson in wanted["lessons"] for what in lesson["needs"]):
        finding = here.get(what, {"what": what, "good": None, "advice": ""})
        if finding["good"]:
            continue
        need = [lesson["number"] for lesson in wanted["lessons"] if what in lesson["needs"]]
        damaged = ", damaged" if finding["good"] is False else ""
        rows.append({"what": what + damaged, "advice": advice(finding, wanted, lent), "lessons": need})
    memory = memory_here()
    for lesson in wanted["lessons"]:
        if memory and memory < lesson["memory"]:
            what = f"memory: {memory / 1e9:.1f} GB are here, the lesson took {lesson['memory'] / 1e9:.1f} GB"
            rows.append({"what": what, "advice": "Take another machine, or Colab.", "lessons": [lesson["number"]]})
    return rows


def install(wanted: dict) -> str:
    """From the folder wheels of the class, if there is one, else from the internet."""
    offline = f' --no-index --find-links "{WHEELS}"' if WHEELS.is_dir() else ""
    return f'python -m pip install{offline} "{wanted["install"]}"'


def advice(finding: dict, wanted: dict, lent: bool) -> str:
    """Data and weights come from the class's mirror, if there is one."""
    if not finding["what"].startswith(KEPT):
        return install(wanted)
    if finding["good"] is False:
        return finding["advice"][:1].upper() + finding["advice"][1:] + "."
    if lent or (MIRROR.is_dir() and same(MIRROR, os.environ.get(VARIABLE))):
        return "The folder mirror of the class does not have it: tell your teacher."
    if MIRROR.is_dir():
        return SET
    return f"With internet: {finding['advice']}. Without: ask your teacher for the folder mirror."


def same(folder: Path, other) -> bool:
    try:
        return folder.samefile(other or "")
    except OSError:
        return False


def uses_mirror(wanted: dict, found: dict) -> bool:
    """Whether anything that the lessons need is read from the mirror on this machine."""
    needed = {what for lesson in wanted["lessons"] for what in lesson["needs"]}
    return any("mirror " in finding["found"] for finding in found.get("findings", ()) if finding["what"] in needed)


def memory_here() -> int:
    """Bytes of this machine, or of the container in which this runs; 0 where that cannot be found out."""
    return min((limit for limit in (physical(), *allowed()) if limit), default=0)


def physical() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        pass
    windows = getattr(ctypes, "windll", None)
    if windows is None:
        return 0
    status = (ctypes.c_ulonglong * 8)()  # MEMORYSTATUSEX: its own size and the load share the first, then the total
    status[0] = ctypes.sizeof(status)
    return status[1] if windows.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else 0


def allowed(root: Path = Path("/")) -> list:
    """What Linux lets this process have, as a container or a hub has set it."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, kinds, group = line.split(":", 2)
        top = root / ("sys/fs/cgroup/memory" if "memory" in kinds.split(",") else "sys/fs/cgroup")
        folder = top / group.lstrip("/")
        for place in (folder, *folder.parents):
            for file in ("memory.max", "memory.limit_in_bytes"):
                try:
                    found.append(int((place / file).read_text(encoding="utf-8")))
                except (OSError, ValueError):
                    continue  # no such file, or "max"
            if place == top:
                break
    return found


if __name__ == "__main__":
    sys.exit(main())
