"""Is this machine ready for the class?

    python check_machine.py [NAME]

Use the Python with which the notebooks will run. It runs `layerscope doctor`, compares what it finds with what the
lessons of this class need (class.json, beside this file), says what is missing, and writes that to machines/NAME.json.
Without a NAME the machine gets a number that stays the same on this machine and says nothing about its owner.

This file needs nothing but Python, so that it can also say that layerscope is missing.
"""

# ruff: noqa: T201  it is run as it is, by people
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
SET = "Set LAYERSCOPE_MIRROR to the folder mirror of the class."


def main() -> int:
    wanted = json.loads((HERE / "class.json").read_text(encoding="utf-8"))
    number = hashlib.sha256(f"layerscope {uuid.getnode()}".encode()).hexdigest()[:6]
    machine = re.sub(r"[^\w-]", "-", sys.argv[1]) if len(sys.argv) > 1 else number
    found, trouble = doctor()
    missing = lacking(wanted, found, trouble)
    lessons = [lesson["number"] for lesson in wanted["lessons"]]
    ready = [number for number in lessons if not any(number in row["lessons"] for row in missing)]
    report = {
        "machine": machine,
        "system": platform.system(),
        "python": platform.python_version(),
        "layerscope": found.get("layerscope", ""),
        "ready": ready,
        "missing": missing,
    }
    for row in missing:
        print(f"missing: {row['what']} (lesson {', '.join(row['lessons'])}). {row['advice']}")
    if any(row["advice"] == SET for row in missing):
        print(f"The mirror is {HERE / 'mirror'}")
    print(f"Machine {machine} is ready for " + ("all lessons." if ready == lessons else listed(ready) + "."))
    try:
        (HERE / "machines").mkdir(exist_ok=True)
        (HERE / "machines" / f"{machine}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        print(f"The folder machines cannot be written ({error.strerror}): tell your teacher what stands above.")
    return 0 if ready == lessons else 1


def listed(numbers: list) -> str:
    return f"lesson {', '.join(numbers)}" if numbers else "no lesson yet"


def doctor() -> tuple:
    """What `layerscope doctor --json` says, and why it says nothing if so."""
    command = [sys.executable, "-m", "layerscope", "doctor", "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {}, type(error).__name__
    try:
        return json.loads(done.stdout), ""
    except ValueError:
        said = done.stderr.strip().splitlines() or ["it says nothing"]
        return {}, said[-1].rpartition(": ")[2]


def lacking(wanted: dict, found: dict, trouble: str) -> list:
    """What is missing: what it is, what to do, and which lessons need it."""
    everything = [lesson["number"] for lesson in wanted["lessons"]]
    if not found:
        install = f'python -m pip install "{wanted["install"]}"'
        return [{"what": f"layerscope ({trouble})", "advice": install, "lessons": everything}]
    rows = []
    if found["layerscope"] != wanted["layerscope"]:
        what = f"layerscope {wanted['layerscope']}, here is {found['layerscope']}"
        rows.append({"what": what, "advice": f'python -m pip install "{wanted["install"]}"', "lessons": everything})
    here = {finding["what"]: finding for finding in found["findings"]}
    for finding in here.values():
        if finding["good"] is False:
            rows.append({"what": finding["what"], "advice": finding["advice"], "lessons": everything})
    for what in dict.fromkeys(what for lesson in wanted["lessons"] for what in lesson["needs"]):
        need = [lesson["number"] for lesson in wanted["lessons"] if what in lesson["needs"]]
        finding = here.get(what, {"what": what, "good": None, "advice": ""})
        if finding["good"] is None:
            rows.append({"what": what, "advice": advice(finding), "lessons": need})
    memory = memory_here()
    for lesson in wanted["lessons"]:
        if memory and memory < lesson["memory"]:
            what = f"memory: {memory / 1e9:.1f} GB are here, the lesson took {lesson['memory'] / 1e9:.1f} GB"
            rows.append({"what": what, "advice": "Take another machine, or Colab.", "lessons": [lesson["number"]]})
    return rows


def advice(finding: dict) -> str:
    """Data and weights come from the class's mirror, if there is one."""
    kept = finding["what"].startswith(("data: ", "weights: "))
    return SET if kept and (HERE / "mirror").is_dir() else finding["advice"]


def memory_here() -> int:
    """Bytes of this machine; 0 where Python cannot say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


if __name__ == "__main__":
    sys.exit(main())
