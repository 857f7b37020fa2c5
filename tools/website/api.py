"""The library in the order in which data flows: a chapter for each step, a section for each file."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

import nb

from website import ROOT, Files
from website.code import AXES, Module, Name, Shape, read
from website.docstrings import first_sentence, markdown, plain

PACKAGE = ROOT / "src" / "layerscope"
BESIDE = re.compile(r"lessons/lesson\d.*|data/anatomy/.*")  # the answers to exercises; how phantoms are drawn


class Chapter(NamedTuple):
    slug: str
    title: str
    words: str
    names: tuple[str, ...]  # modules and packages; together they are all there are, in the order of the imports


CHAPTERS = (
    Chapter(
        "source",
        "A file, and proof of what it is",
        "Every data set begins as a file. Its card says where it is from, which licence it has, and by which digest "
        "it is known.",
        ("progress", "source", "download", "fetch", "tar", "archive", "card"),
    ),
    Chapter(
        "samples",
        "Samples with targets and groups",
        "A column of inputs, what is true of each sample, and which samples belong together. A split "
        "never divides a group.",
        ("inputs", "columns", "dataset"),
    ),
    Chapter(
        "predictions",
        "What was said of each sample",
        "Predictions of any tool, ours or yours, as one table. NumPy only.",
        ("table", "predictions_csv", "predictions_kinds", "predictions"),
    ),
    Chapter(
        "data",
        "Data sets",
        "One file for each data set, and what keeps them honest: leaks, splits, augmentation, phantoms.",
        ("data",),
    ),
    Chapter(
        "models",
        "Networks",
        "Each network is a walk through named stages. Small ones from scratch, large ones borrowed, and the "
        "simple methods to beat.",
        ("torchvision_cpu", "models", "checkpoint"),
    ),
    Chapter(
        "train", "Training", "One loop for all networks. You drive it; it never calls you back.", ("train", "pretrain")
    ),
    Chapter(
        "judge",
        "Judging",
        "How good is it, and how sure are we? Metrics with intervals over groups, paired comparisons, "
        "calibration. No torch.",
        ("judge",),
    ),
    Chapter("see", "Seeing", "What each layer holds, beside the controls that could prove it wrong.", ("see",)),
    Chapter("draw", "Drawing", "Data in, matplotlib axes out.", ("draw", "numbers")),
    Chapter("maps", "The atlas", "From networks and samples to one page that one walks through.", ("maps",)),
    Chapter("study", "The whole study", "All of the above, step by step, into a run folder.", ("study",)),
    Chapter("report", "The report", "A run folder in, one page out.", ("report",)),
    Chapter("lessons", "In a lesson", "What a notebook calls: check, use, guess, explain, say.", ("lessons",)),
    Chapter("tools", "Behind the command", "What is installed, and the main job.", ("doctor", "main_job", "terminal")),
    Chapter("classroom", "The class", "What a teacher sees of a room that learns.", ("classroom",)),
    Chapter("command", "The command", "What `layerscope` does when it is typed.", ("cli_data", "cli_class", "cli")),
)
WORDS = {"function": "py:function", "class": "py:class", "method": "py:method", "property": "py:property"}


def pages() -> Files:
    made: Files = {"api/index.md": index()}
    met = met_in_lessons()
    for number, chapter in enumerate(CHAPTERS, start=1):
        sections = [section(module, met) for module in modules(chapter)]
        made[f"api/{chapter.slug}.md"] = f"# {number} · {chapter.title}\n\n{chapter.words}\n\n" + "\n".join(sections)
    return made


def modules(chapter: Chapter) -> list[Module]:
    found = []
    for name in chapter.names:
        folder, file = PACKAGE / name, PACKAGE / f"{name}.py"
        files = [file] if file.exists() else [folder / "__init__.py", *sorted(folder.rglob("[!_]*.py"))]
        found += [read(path, dotted(path)) for path in files if not BESIDE.match(str(path.relative_to(PACKAGE)))]
    return [module for module in found if module.doc or module.names]


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def section(module: Module, met: dict[str, list[str]]) -> str:
    short = module.dotted.removeprefix("layerscope.")
    source = f"https://github.com/{nb.REPOSITORY}/blob/{nb.BRANCH}/{module.path.relative_to(ROOT)}"
    lines = [f"({_anchor(module.dotted)})=", f"## {short}", "", f"```{{py:module}} {module.dotted}\n```", ""]
    lines += [markdown(module.doc), "", f"[Source]({source})", ""]
    if module.constants:
        lines += [_constants(module), ""]
    lines += [_entry(name, module.dotted, met) for name in module.names]
    return "\n".join(lines)


def _anchor(name: str) -> str:
    return "file-" + re.sub(r"\W", "-", name)


def _constants(module: Module) -> str:
    rows = [
        f"- `{name} = {value}`{f': {plain(said)}' if said else ''}"
        for name, value, said in module.constants
        if value != "..." and "(" not in value[:60].replace("(", "", 1)
    ]
    return "\n".join(rows)


def _entry(name: Name, where: str, met: dict[str, list[str]], depth: int = 0) -> str:
    fence = "`" * (6 - depth)
    full = f"{where}.{name.name}"
    head = f"{fence}{{{WORDS[name.kind]}}} {name.name}{'' if name.kind == 'property' else name.signature}"
    body = []
    if name.kind == "property":
        body.append(f":type: {name.signature.removeprefix(': ')}\n" if name.signature else "")
    body += [markdown(name.doc), _shapes(name.shapes), _fields(name)]
    if lessons := met.get(full):
        body.append("*Met in* " + ", ".join(lessons))
    body += [_entry(member, full, met, depth + 1) for member in name.members]
    return "\n".join([head, *(part + "\n" for part in body if part.strip()), fence, ""])


def _shapes(shapes: tuple[Shape, ...]) -> str:
    if not shapes:
        return ""
    rows = [f"- `{shape.name}`: {_axes(shape.axes)} ({shape.kinds})" for shape in dict.fromkeys(shapes)]
    return ":::{container} shapes\n" + "\n".join(rows) + "\n:::"


def _axes(axes: tuple[str, ...]) -> str:
    """`s d` as "s samples × d features"."""
    if not axes:
        return "one number"
    said = [f"*{axis}* {AXES[axis]}" if axis in AXES else plain(axis) for axis in axes]
    return " × ".join(said)


def _fields(name: Name) -> str:
    if not name.fields:
        return ""
    return "\n".join(f"- `{field}`: `{kind}`{f', {plain(said)}' if said else ''}" for field, kind, said in name.fields)


def index() -> str:
    """The names that `import layerscope` gives, and the chapters."""
    rows = ["| name | what it is |", "|---|---|"]
    for name, module in _public().items():
        path = PACKAGE / f"{module.replace('.', '/')}.py"
        path = path if path.exists() else PACKAGE / module.replace(".", "/") / "__init__.py"
        rows.append(f"| {_reference(name, path)} | {_said(name, path)} |")
    chapters = [f"{i}. [{c.title}]({c.slug}.md): {c.words}" for i, c in enumerate(CHAPTERS, start=1)]
    axes = ", ".join(f"*{axis}* {words}" for axis, words in AXES.items() if len(axis) == 1)
    intro = (ROOT / "docs" / "api.md.in").read_text(encoding="utf-8")
    links = "\n".join(chapter.slug for chapter in CHAPTERS)
    return intro.format(table="\n".join(rows), chapters="\n".join(chapters), axes=axes, links=links)


def _home(name: str, path: Path) -> tuple[Module, Name | None]:
    """The file in which a name is written, which a package may only pass on."""
    module = read(path, dotted(path))
    if found := next((one for one in module.names if one.name == name), None):
        return module, found
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module and name in [alias.name for alias in node.names]:
            there = PACKAGE.parent / f"{node.module.replace('.', '/')}.py"
            if there.exists():
                return _home(name, there)
    return module, None


def _reference(name: str, path: Path) -> str:
    module, found = _home(name, path)
    if found:
        return f"{{py:obj}}`{name} <{module.dotted}.{name}>`"
    chapter = next(c for c in CHAPTERS if module.dotted.split(".")[1] in c.names)
    return f"[`{name}`]({chapter.slug}.md#{_anchor(module.dotted)})"


def _said(name: str, path: Path) -> str:
    module, found = _home(name, path)
    return first_sentence(found.doc if found else module.doc)


def met_in_lessons() -> dict[str, list[str]]:
    """Full name -> links to the lessons that import it."""
    found: dict[str, list[str]] = {}
    public = {name: f"layerscope.{module}" for name, module in _public().items()}
    for source in nb.LESSONS:
        link = f"[lesson {nb.number(source.stem)}](../lessons/{source.stem}.ipynb)"
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("layerscope"):
                for alias in node.names:
                    where = public.get(alias.name) if node.module == "layerscope" else node.module
                    links = found.setdefault(f"{where}.{alias.name}", [])
                    if link not in links:
                        links.append(link)
    return found


def _public() -> dict[str, str]:
    """What the package's table of public names says, name -> module, without importing it."""
    for node in ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_PUBLIC":
            return ast.literal_eval(node.value)
    raise SystemExit("src/layerscope/__init__.py has no table _PUBLIC.")
