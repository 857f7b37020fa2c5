"""Docstrings as Markdown for MyST: plain words stay plain, references become links, examples become code."""

import inspect
import re
import textwrap

SECTION = re.compile(r"^(Args|Raises|Returns|Yields|Example|Examples)(, [^:]*)?:$")
TITLES = {"Args": "Arguments", "Example": "Example", "Examples": "Examples"}
ITEM = re.compile(r"^(\*{0,2}\w[\w, |.]*): ")
SPECIAL = re.compile(r"([\\*_<>$\[\]{}#|~])")
ADDRESS = re.compile(r"\b(doi:10\.\S+|arXiv:\d{4}\.\d{4,5}|https?://\S+)")


def markdown(docstring: str) -> str:
    """The whole docstring."""
    parts: list[str] = []
    lines = inspect.cleandoc(docstring).splitlines()
    while lines:
        block = _until_blank(lines)
        if block and (found := SECTION.match(block[0])):
            title = TITLES.get(found[1], found[1]) + (found[2] or "")
            body = textwrap.dedent("\n".join(block[1:] + _indented(lines))).strip("\n")
            parts.append(f"**{title}**")
            parts.append(_code(body) if found[1].startswith("Example") else _items(body))
        elif block:
            parts.append(_paragraph(block))
    return "\n\n".join(parts)


def first_sentence(docstring: str | None) -> str:
    """For lists and tables; what comes before the first blank line, in one line."""
    text = " ".join(inspect.cleandoc(docstring or "").split("\n\n")[0].split())
    return plain(re.split(r"(?<=[a-z0-9)])\. (?=[A-Z])", text)[0])


def plain(text: str) -> str:
    """Words whose characters mean themselves, but for `code` and addresses."""
    out = []
    for i, part in enumerate(re.split(r"(`[^`]+`)", text)):
        if i % 2:
            out.append(part)
        else:
            pieces = ADDRESS.split(part)
            out += [_link(piece) if j % 2 else SPECIAL.sub(r"\\\1", piece) for j, piece in enumerate(pieces)]
    return "".join(out)


def _link(address: str) -> str:
    bare = address.rstrip(".,;:)")
    if bare.count("(") > bare.count(")") and address[len(bare) : len(bare) + 1] == ")":
        bare += ")"  # a DOI may hold a pair of brackets
    target = re.sub("^doi:", "https://doi.org/", bare)
    target = re.sub("^arXiv:", "https://arxiv.org/abs/", target)
    return f"[{bare}]({target}){address[len(bare) :]}"


def _until_blank(lines: list[str]) -> list[str]:
    block = []
    while lines and lines[0].strip():
        block.append(lines.pop(0))
    while lines and not lines[0].strip():
        lines.pop(0)
    return block


def _indented(lines: list[str]) -> list[str]:
    """What still belongs to a section after a blank line."""
    more: list[str] = []
    while lines and lines[0].startswith("    "):
        more += ["", *_until_blank(lines)]
    return more


def _paragraph(block: list[str]) -> str:
    if all(re.match(r"[-*] |\d+\. |  ", line) for line in block):
        return "\n".join(re.sub(r"^(\s*(?:[-*]|\d+\.) )?(.*)$", _item, line) for line in block)
    if any(re.search(r"\S {3,}\S|^ {4}", line) for line in block):  # a table made of spaces, or code
        return "```text\n" + "\n".join(block) + "\n```"
    return plain("\n".join(block))


def _item(found: re.Match[str]) -> str:
    return (found[1] or "") + plain(found[2])


def _code(body: str) -> str:
    language = "pycon" if body.lstrip().startswith(">>>") else "python"
    return f"```{language}\n{body}\n```"


def _items(body: str) -> str:
    """`name: words` as a list."""
    rows: list[str] = []
    for line in body.splitlines():
        if line[:1].strip() and (found := ITEM.match(line)):
            rows.append(f"- `{found[1]}`: {plain(line[found.end() :])}")
        elif line.strip():
            rows.append(("  " if rows else "") + plain(line.strip()))
    return "\n".join(rows)
