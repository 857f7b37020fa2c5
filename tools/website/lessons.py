"""An executed lesson as a page: question, exercise, our solution behind a button; atlases as files."""

import hashlib
import html
import json
import re
from base64 import b64decode
from copy import deepcopy
from pathlib import Path
from typing import Any

import nb
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from website import ROOT, Files

ATLAS = re.compile(r'<iframe srcdoc="([^"]*)" title="([^"]*)"[^>]*></iframe>')
PICTURE = re.compile(r"data:image/(webp|png|jpeg);base64,([A-Za-z0-9+/=]{8000,})")
SAID = re.compile(r"[*_`$#>|]|\[|\]\([^)]*\)")
SHORT = """:::{warning}
**These outputs are from a short run with small numbers** (a check that everything works), so what they say of networks
is not to be believed. `make site` runs the lessons in full.
:::
"""
SOLUTIONS = {"exercise": "Our solution", "guess": "Our guess"}


def pages(mode: str) -> Files:
    """Every lesson with its files.

    Args:
        mode: which runs in build/lessons to take, "full" or "smoke"; with "unrun", none.
    """
    student, solution = ({source.stem: nb.build(source, kind) for source in nb.LESSONS} for kind in nb.KINDS)
    made: Files = {"lessons/index.md": index(student)}
    runs = deepcopy(solution) if mode == "unrun" else taken(solution, nb.RUNS / mode, mode)
    for name in student:
        made[f"_extra/notebooks/student/{name}.ipynb"] = nb.text(student[name])
        made[f"_extra/notebooks/solution/{name}.ipynb"] = nb.text(solution[name])
        made |= page(name, runs[name], student[name], short=mode == "smoke")
    return made


def taken(solution: dict[str, NotebookNode], folder: Path, mode: str) -> dict[str, NotebookNode]:
    """The last run of each lesson. One that failed or is not there ends the build; one that is out of date is named."""
    runs, faults = {}, []
    for name, notebook in solution.items():
        again = f"Run it: python tools/nb.py run {nb.number(name)}" + " --smoke" * (mode == "smoke")
        if not (file := folder / f"{name}.ipynb").exists():
            faults.append(f"{name} was not run yet. {again}")
            continue
        run = runs[name] = nbformat.read(file, 4)
        errors = [output for cell in run.cells for output in cell.get("outputs", []) if output.output_type == "error"]
        if errors or "key" not in run.metadata:
            what = f"{errors[0].ename}: {errors[0].evalue}" if errors else "it was stopped"
            faults.append(f"{name}: its last run failed ({what}). {again}")
        elif run.metadata["key"] != nb.key(notebook, mode):
            print(f"{name}: the lesson or the library has changed since its last run. {again}", flush=True)
    if faults:
        raise SystemExit("\n".join(faults))
    return runs


def run(mode: str) -> None:
    """Run what has changed since its last run. A full run is measured, so the notebooks' headers are made again."""
    said = [nb.run(source, mode) for source in nb.LESSONS]
    print(*said, sep="\n", flush=True)
    if mode == "full" and not all(line.endswith("as it was in the last run") for line in said):
        nb.write_all()


def page(name: str, run: NotebookNode, student: NotebookNode, short: bool) -> Files:
    """One lesson, from its executed solution and from what a learner gets."""
    files: Files = {}
    stubs = iter([cell.source for cell in student.cells if "exercise" in nb.tags(cell)])
    cells, section = [], ""
    deeper = sum(bool(re.match("# ", cell.source)) for cell in run.cells if cell.cell_type == "markdown") > 1
    for i, cell in enumerate(run.cells):
        tags = nb.tags(cell)
        if "header" in tags:
            cells.append(new_markdown_cell(top(name, short), id="top"))
        elif "setup" in tags or "ci-only" in tags:
            continue
        elif cell.cell_type == "markdown":
            cell.source = re.sub("^#", "##", cell.source, flags=re.M) if deeper and i else cell.source
            found = re.findall(r"^#+ (.+)$", cell.source, re.M)
            section = found[-1] if found else section
            cells.append(cell)
        else:
            if "exercise" in tags:
                cells.append(new_code_cell(next(stubs), id=f"stub-{i}", metadata={"tags": ["stub"]}))
            files |= outputs(name, cell, section, after=run.cells[i + 1 : i + 2])
            cells.append(folded(cell))
    run.cells = cells
    return files | {f"lessons/{name}.ipynb": json.dumps(run, ensure_ascii=False, indent=1)}


def top(name: str, short: bool) -> str:
    links = [
        f'<a class="chip" href="../notebooks/student/{name}.ipynb" download>Notebook to work in</a>',
        f'<a class="chip" href="../notebooks/solution/{name}.ipynb" download>Notebook with solutions</a>',
        f'<a class="chip" href="{nb.colab(name)}">Open in Colab</a>',
    ]
    return f"{SHORT if short else ''}\n<p class='chips'>{' '.join(links)}</p>\n\n{nb.header(name)}\n"


def folded(cell: NotebookNode) -> NotebookNode:
    """A solution is behind a button; with its outputs, unless there is more to see than a verdict."""
    tags = nb.tags(cell)
    for tag, prompt in SOLUTIONS.items():
        if tag in tags:
            seen = any(set(output.get("data", {})) & {"image/png", "text/markdown"} for output in cell.outputs)
            cell.metadata["tags"] = [*tags, "hide-input" if seen else "hide-cell"]
            texts = {"code_prompt_show": f"Show: {prompt.lower()}", "code_prompt_hide": f"Hide: {prompt.lower()}"}
            cell.metadata["mystnb"] = cell.metadata.get("mystnb", {}) | texts
    return cell


def outputs(name: str, cell: NotebookNode, section: str, after: list[NotebookNode]) -> Files:
    """Take what is large out of the outputs into files, and give each figure its words."""
    files: Files = {}
    for output in cell.outputs:
        data = output.get("data", {})
        if "text/html" in data:
            data["text/html"] = ATLAS.sub(lambda found: _atlas(name, found, files), data["text/html"])
            data["text/html"] = PICTURE.sub(lambda found: _picture(found, files), data["text/html"])
        if "image/png" in data:
            image = {"alt": alt(cell, section, after), "loading": "lazy"}
            cell.metadata["mystnb"] = cell.metadata.get("mystnb", {}) | {"image": image}
        if "text/html" in data and "<progress" in data["text/html"]:
            data["text/html"] = f'<div class="progress-line">{data["text/html"]}</div>'
    return files


def alt(cell: NotebookNode, section: str, after: list[NotebookNode]) -> str:
    """The figure in words: what is said right below it, computed from the same numbers; else what its axes are."""
    said = [output["data"]["text/markdown"] for one in [cell, *after] for output in _shown(one, "text/markdown")]
    told = [text for text in said if not text.startswith("|")]
    if told:
        text = " ".join(SAID.sub("", told[0]).split())
    else:
        axes = re.findall(r'(?:set_)?(?:[xy]label|title)(?:=|\()\s*f?"([^"{}]+)"', cell.source)
        text = ", ".join(dict.fromkeys(axes)) or "what the code above draws"
    return f"Figure, {section}: {text if len(text) < 400 else text[:400].rsplit(' ', 1)[0] + ' ...'}"


def _shown(cell: NotebookNode, kind: str) -> list[Any]:
    return [output for output in cell.get("outputs", []) if kind in output.get("data", {})]


def _atlas(name: str, found: re.Match[str], files: Files) -> str:
    number = 1 + sum(path.startswith("_extra/atlas/") for path in files)
    path = f"atlas/{name}-{number}-{_short(found[1].encode())}.html"
    files[f"_extra/{path}"] = html.unescape(found[1])
    return frame(f"../{path}", html.unescape(found[2]))


def frame(address: str, title: str) -> str:
    """An atlas in place, shut off from the page, and a link to it alone."""
    title = html.escape(title)
    return (
        f'<iframe class="atlas" src="{address}" title="{title}" loading="lazy" sandbox="allow-scripts"></iframe>'
        f'<p class="beside"><a href="{address}">This atlas on a page of its own</a></p>'
    )


def _picture(found: re.Match[str], files: Files) -> str:
    data = b64decode(found[2])
    path = f"pictures/{_short(data)}.{found[1]}"
    files[f"_extra/{path}"] = data
    return f"../{path}"


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:10]


PARTS = {"part1": "Part 1: what is deep learning?", "part2": "Part 2: practical deep learning"}


def index(student: dict[str, NotebookNode]) -> str:
    """The lessons part by part, each with its question, how it begins, and what a full run took."""
    lines = [(ROOT / "docs" / "lessons.md.in").read_text(encoding="utf-8")]
    for folder, heading in PARTS.items():
        cards = [_card(source.stem, student[source.stem]) for source in nb.LESSONS if source.parent.name == folder]
        if cards:
            lines += [f"## {heading}", "", "::::{grid} 1 1 2 2", ":gutter: 3", "", *cards, "::::", ""]
    links = "\n".join(source.stem for source in nb.LESSONS)
    return "\n".join([*lines, f"```{{toctree}}\n:hidden:\n\n{links}\n```\n"])


def _card(name: str, notebook: NotebookNode) -> str:
    title, question, begins = _opening(notebook)
    count = {tag: sum(tag in nb.tags(cell) for cell in notebook.cells) for tag in SOLUTIONS}
    took = nb.header(name).split(" · ")[0].removeprefix("⏱ ").strip("*")
    foot = f"{count['exercise']} exercises · {count['guess']} guesses · runs in {took}"
    head = f":::{{grid-item-card}} {title}\n:link: {name}\n:link-type: doc"
    return f"{head}\n\n*{question}*\n\n{begins}\n\n{{.small}}\n{foot}\n:::\n"


def _opening(notebook: NotebookNode) -> tuple[str, str, str]:
    """The title, the question (in bold below it, or behind its colon), and the first paragraph."""
    head, *paragraphs = notebook.cells[0].source.split("\n\n")
    title, _, question = head.removeprefix("# ").partition(": ")
    if bold := re.fullmatch(r"\*\*(.+)\*\*", paragraphs[0]):
        question, paragraphs = bold[1], paragraphs[1:]
    return title, question[:1].upper() + question[1:], " ".join(paragraphs[0].split())
