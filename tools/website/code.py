"""A module of the library read as text: its public names with their signatures, shapes, fields and comments.

Why not Sphinx's autodoc with napoleon, which was tried on ten modules: a comment behind a field or a constant is lost
("Alias for field number 0" stands there instead), a property's "What is asked: its class" is taken for the type "What
is asked", and docstrings are read as reStructuredText, while ours are plain words with `code` in them. Shapes in words
would still be ours to write.
"""

import ast
import re
import tokenize
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

AXES = {
    **{"s": "samples", "b": "samples of a batch", "k": "classes or outputs", "c": "channels", "h": "height"},
    **{"w": "width", "z": "depth", "y": "height", "x": "width", "t": "tokens", "n": "nodes", "e": "edges"},
    **{"d": "features", "f": "features of a node", "q": "samples that are asked about", "r": "chosen rows"},
    **{"g": "groups", "bins": "bins"},
}
KINDS = {
    **{"Float": "floating point", "Int": "whole numbers", "UInt8": "whole numbers 0 to 255", "Bool": "true or false"},
    **{"Shaped": "any values", "Real": "real numbers", "Num": "numbers"},
}
SHAPE = re.compile(r"(Float|Int|UInt8|Bool|Shaped|Real|Num)\[(?:np\.)?(\w+), ['\"]([^'\"]*)['\"]\]")


@dataclass(frozen=True)
class Shape:
    name: str  # of the argument or field; "returns"
    kinds: str  # "floating point"
    axes: tuple[str, ...]


@dataclass(frozen=True)
class Name:
    """A function, method, class or property."""

    kind: str  # function, class, method, property
    name: str
    signature: str
    doc: str
    line: int
    shapes: tuple[Shape, ...]
    fields: tuple[tuple[str, str, str], ...] = ()  # of a class of values: name, type, comment
    members: tuple["Name", ...] = ()


@dataclass(frozen=True)
class Module:
    path: Path
    dotted: str
    doc: str
    names: tuple[Name, ...]
    constants: tuple[tuple[str, str, str], ...]  # name, value, comment


@cache
def read(path: Path, dotted: str) -> Module:
    text = path.read_text(encoding="utf-8")
    tree, comments = ast.parse(text), _comments(path)
    links = _Full(tree, dotted)
    names = [_name(node, comments, links) for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    constants = [found for node in tree.body if (found := _constant(node, comments))]
    shown = tuple(name for name in names if not name.name.startswith("_"))
    return Module(path, dotted, ast.get_docstring(tree) or "", shown, tuple(constants))


class _Full(ast.NodeTransformer):
    """In annotations, each class of the library by its full name, so that it can be linked."""

    def __init__(self, tree: ast.Module, dotted: str) -> None:
        own = [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
        own += [
            t.id for node in tree.body if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)
        ]
        self.full = {name: f"{dotted}.{name}" for name in own}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("layerscope."):
                self.full |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse(self.full.get(node.id, node.id), mode="eval").body

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """A class named in quotes, because it is written further down."""
        return ast.parse(self.full[node.value], mode="eval").body if node.value in self.full else node


def _name(node: ast.FunctionDef | ast.ClassDef, comments: dict[int, str], links: _Full) -> Name:
    doc = ast.get_docstring(node, clean=False) or ""
    if isinstance(node, ast.FunctionDef):
        return Name("function", node.name, _signature(node, links), doc, node.lineno, _shapes(node))
    fields = [
        (part.target.id, _quoted(ast.unparse(part.annotation)), comments.get(part.lineno, ""))
        for part in node.body
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and part.target.id[0] != "_"
    ]
    methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    members = [_method(part, links) for part in methods if not part.name.startswith("_") or part.name == "__call__"]
    start = next((part for part in methods if part.name == "__init__"), None)
    defaults = {
        part.target.id: "..." if ast.unparse(part.value).startswith("field(") else ast.unparse(part.value)
        for part in node.body
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and part.value is not None
    }
    values = _is_values(node)
    if start is not None:
        signature = _signature(start, links, method=True).split(" -> ")[0]
    elif values:
        signature = f"({', '.join(f + (f' = {_tamed(defaults[f])}' if f in defaults else '') for f, _, _ in fields)})"
    else:
        signature = ""
    shapes = (_shapes(start) if start else ()) + tuple(s for f, kind, _ in fields for s in _found(f, kind))
    return Name("class", node.name, signature, doc, node.lineno, shapes, tuple(fields), tuple(members))


def _method(node: ast.FunctionDef, links: _Full) -> Name:
    marks = [ast.unparse(mark) for mark in node.decorator_list]
    doc = ast.get_docstring(node, clean=False) or ""
    if {"property", "cached_property"} & set(marks):
        kind = _quoted(f": {ast.unparse(links.visit(deepcopy(node.returns)))}") if node.returns else ""
        return Name("property", node.name, kind, doc, node.lineno, _shapes(node))
    signature = _signature(node, links, method="staticmethod" not in marks)
    return Name("method", node.name, signature, doc, node.lineno, _shapes(node))


def _is_values(node: ast.ClassDef) -> bool:
    """A frozen dataclass or a named tuple."""
    marks = [ast.unparse(mark) for mark in node.decorator_list]
    return any(mark.startswith("dataclass") for mark in marks) or any(
        ast.unparse(b) == "NamedTuple" for b in node.bases
    )


def _signature(node: ast.FunctionDef, links: _Full, method: bool = False) -> str:
    arguments, returns = deepcopy((node.args, node.returns))  # without the body, which is large
    for arg in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        arg.annotation = arg.annotation and links.visit(arg.annotation)
    args = ast.unparse(arguments)
    args = re.sub(r"^(self|cls)(, )?", "", args) if method else args
    return _quoted(f"({args}){f' -> {ast.unparse(links.visit(returns))}' if returns else ''}")


def _quoted(text: str) -> str:
    """Shapes as they are read: `Float[Tensor, "s d"]`, and "s" for the one axis that is written " s"."""
    return re.sub(r"(\[[\w.]+, )' ?([^']*)'\]", r'\1"\2"]', text)


def _shapes(node: ast.FunctionDef) -> tuple[Shape, ...]:
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    found = [shape for arg in every if arg.annotation for shape in _found(arg.arg, ast.unparse(arg.annotation))]
    return tuple(found) + (_found("returns", ast.unparse(node.returns)) if node.returns else ())


def _found(name: str, annotation: str) -> tuple[Shape, ...]:
    """Each different shape of one annotation."""
    found = {tuple(axes.split()): KINDS[kind] for kind, _, axes in SHAPE.findall(annotation)}
    return tuple(Shape(name, kind, axes) for axes, kind in found.items())


def _constant(node: ast.stmt, comments: dict[int, str]) -> tuple[str, str, str] | None:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        name, value = node.targets[0].id, ast.unparse(node.value)
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        name, value = node.target.id, ast.unparse(node.value)
    else:
        return None
    return (name, _tamed(value), comments.get(node.lineno, "")) if re.fullmatch("[A-Z][A-Z0-9_]+", name) else None


def _tamed(value: str, most: int = 60) -> str:
    return value if len(value) <= most else "..."


def _comments(path: Path) -> dict[int, str]:
    """Line -> what is said behind its code."""
    found = {}
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT and token.line[: token.start[1]].strip():
                found[token.start[0]] = re.sub(r"\s*# (noqa|pyright).*", "", token.string.removeprefix("#")).strip()
    return found
