"""The results of benchmarks as they are kept, and their history in the repository."""

import ast
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median
from typing import Any

import nb

from website import ROOT, Files
from website.cards import percent
from website.docstrings import plain

FOLDER = ROOT / "benchmarks"
TITLES = {
    "speed": "From archive to predictions",
    "busy": "Beside a busy process",
    "start": "Starting",
    "profile": "Where a training step spends its time",
    "fastai": "A cached array into fastai",
    "atlas": "The atlas",
    "text": "Texts",
    "graphs": "Molecules",
    "coverage": "Do intervals hold what they promise? Of shares",
    "coverage_numbers": "Do intervals hold what they promise? Of numbers",
}
NO_HISTORY = "The history is kept by git, and this site was made where there is none. Above stands the last result."


def pages() -> Files:
    files = sorted((FOLDER / "results").glob("*.json"), key=_order)
    return {"_made/benchmarks.md": "\n".join(section(file) for file in files)}


def _order(file: Path) -> int:
    names = list(TITLES)
    return names.index(file.stem) if file.stem in names else len(names)


def section(file: Path) -> str:
    data = json.loads(file.read_text(encoding="utf-8"))
    lines = [f"## {TITLES.get(file.stem, file.stem)}", "", plain(described(file.stem)), ""]
    if said := headline(file.stem, data):
        lines += [f"**{said}**", ""]
    lines += [_made(data.get("machine")), "", f"To repeat: `{repeat(file.stem)}`", ""]
    lines += [":::{dropdown} All figures", *tables(data), ":::", "", "**History**", "", history(file), ""]
    return "\n".join(lines)


def described(name: str) -> str:
    """What the benchmark's own code says of it."""
    for node in ast.parse((FOLDER / "run.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == {"profile": "where"}.get(name, name):
            return " ".join((ast.get_docstring(node) or "").split())
    own = FOLDER / f"{name}.py"
    text = ast.get_docstring(ast.parse(own.read_text(encoding="utf-8"))) if own.exists() else ""
    return " ".join((text or "").split("\n\n")[0].split())


def repeat(name: str) -> str:
    return (
        f"python benchmarks/{name}.py"
        if (FOLDER / f"{name}.py").exists()
        else f"python benchmarks/run.py --only {name}"
    )


def _made(machine: dict[str, Any] | None) -> str:
    if not machine:
        return "Drawn at random from seeds, so the machine does not matter."
    load = machine.get("load before", [0])[0]
    return (
        f"Measured {machine['date'][:10]} on {machine['cores']} CPU cores ({machine['processor']}, "
        f"{machine['system']}, Python {machine['python']}); load before it began: {load:.1f}."
    )


def _speed(data: dict[str, Any]) -> str:
    ours = data["summary"]["fast from archive"]
    return (
        f"{median(ours['times as fast as the course']):.0f} times as fast as the earlier course's procedure "
        f"({median(ours['seconds']):.1f} s against {data['course seconds']:.0f} s), with "
        f"{percent(ours['mean accuracy'])} right."
    )


def _atlas(data: dict[str, Any]) -> str:
    memory = {run["what"]: run["peak memory"] for run in data["runs"]}
    return (
        f"{median(data['times as fast']):.1f} times as fast as the obvious way, in "
        f"{percent(memory['ours'] / memory['obvious'])} of its memory."
    )


def _fastai(data: dict[str, Any]) -> str:
    faster = data["times as fast as the plain way (jpeg, 0 workers)"]
    return ", ".join(f"{what}: {ratio:.2f} times as fast" for what, ratio in faster.items()) + "."


def _text(data: dict[str, Any]) -> str:
    train, infer = data["training"]["times as fast as Trainer"], data["inference"]["times as fast as pipeline, 1"]
    return (
        f"Training {train['ours']:.1f} times as fast as Hugging Face's Trainer, {train['ours, bf16']:.1f} times in "
        f"bf16; inference {infer['by length, 32']:.1f} times as fast as its pipeline, "
        f"{infer['by length, 32, bf16']:.1f} times in bf16."
    )


def _profile(data: dict[str, Any]) -> str:
    share = data["fast"]["share that no step can avoid"]
    return f"Convolutions alone, which no step can avoid, are {percent(share)} of the fast network's step."


def _coverage(data: dict[str, Any]) -> str:
    cases = [case for value in data.values() if isinstance(value, list) for case in value if "layerscope" in case]
    rivals = [name for name in cases[0] if isinstance(cases[0][name], dict)]
    held = {name: mean(case[name]["coverage"] for case in cases if name in case) for name in rivals}
    return (
        "Of intervals of 95 %, the share that held the truth: "
        + ", ".join(f"{n} {percent(h)}" for n, h in held.items())
        + "."
    )


HEADLINES: dict[str, Callable[[dict[str, Any]], str]] = {
    **{"speed": _speed, "atlas": _atlas, "fastai": _fastai, "text": _text, "profile": _profile},
    **{"coverage": _coverage, "coverage_numbers": _coverage},
}


def headline(name: str, data: dict[str, Any]) -> str:
    """The result in one sentence; none where its file has another form, as an old one may."""
    try:
        return HEADLINES[name](data) if name in HEADLINES else ""
    except (KeyError, IndexError, TypeError):
        return ""


def history(file: Path) -> str:
    """Every commit that changed the result, newest first, with what it said then."""
    path = str(file.relative_to(ROOT))
    log = _git("log", "--follow", "--format=%h%x09%ad%x09%s", "--date=short", "--", path)
    if log is None:
        return NO_HISTORY
    rows = ["| date | result | change |", "|---|---|---|"]
    for line in log.splitlines():
        commit, date, subject = line.split("\t", 2)
        then = _git("show", f"{commit}:{path}")
        said = headline(file.stem, json.loads(then)) if then else ""
        link = f"https://github.com/{nb.REPOSITORY}/commit/{commit}"
        rows.append(f"| {date} | {said or 'other figures; see the change'} | {plain(subject)} ([{commit}]({link})) |")
    return "\n".join(rows) if len(rows) > 2 else "Not yet in the repository's history."


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout


def tables(data: dict[str, Any], title: str = "") -> list[str]:
    """Any nest of figures: numbers in one table, then what is inside, under its own name."""
    plainly = {key: value for key, value in data.items() if not isinstance(value, dict | list) or _short(value)}
    inside = {key: value for key, value in data.items() if key not in plainly and key != "machine"}
    lines = []
    if plainly:
        lines += [f"**{title}**\n" if title else "", "| what | figure |", "|---|---:|"]
        lines += [f"| {key} | {shown(value)} |" for key, value in plainly.items()] + [""]
    for key, value in inside.items():
        name = f"{title}, {key}" if title else key
        rows = value if isinstance(value, list) else [{"": k, **_flat(v)} for k, v in value.items() if _even(value)]
        if rows and all(isinstance(row, dict) for row in rows):
            lines += [f"**{name}**\n", *_table([_flat(row) for row in rows]), ""]
        elif isinstance(value, dict):
            lines += tables(value, name)
    return lines


def _even(value: dict[str, Any]) -> bool:
    """Whether the parts are alike, and so rows of a table."""
    parts = [v for v in value.values() if isinstance(v, dict)]
    return len(parts) == len(value) > 1 and len({tuple(part) for part in parts}) <= 2 and not _deep(parts)


def _deep(parts: list[dict[str, Any]]) -> bool:
    return any(isinstance(v, dict) for part in parts for v in part.values())


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        flat |= {f"{key}, {k}": v for k, v in value.items()} if isinstance(value, dict) else {key: value}
    return flat


def _table(rows: list[dict[str, Any]]) -> list[str]:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    head = [f"| {' | '.join(columns)} |", "|---|" + "---:|" * (len(columns) - 1)]
    return head + [f"| {' | '.join(shown(row.get(c, '')) for c in columns)} |" for row in rows]


def _short(value: Any) -> bool:
    return isinstance(value, list) and len(value) < 5 and not any(isinstance(v, dict | list) for v in value)


def shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return plain(str(value))
    if isinstance(value, int):
        return f"{value:,}"
    if 0.99 < value < 1:  # one mistake in ten thousand is a mistake
        return f"{value:.5f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
