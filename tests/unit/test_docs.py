"""The chapter "How to read a layer": its code prints what it says, its prose says only that, its links are live."""

import contextlib
import importlib
import io
import pkgutil
import re
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import typer

import layerscope
from layerscope import cli, see

ROOT = Path(__file__).parents[2]
CHAPTER = ROOT / "docs" / "how-to-read-a-layer.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NOT_PROSE = re.compile(r"^```.*?^```$|`[^`]*`|\$[^$]*\$|\]\([^)]*\)", re.DOTALL | re.MULTILINE)


class Section(NamedTuple):
    title: str
    text: str

    @property
    def code(self) -> list[str]:
        return BLOCK.findall(self.text)

    @property
    def prose(self) -> str:
        return NOT_PROSE.sub(" ", self.text)


def sections(text: str) -> list[Section]:
    """By headings of the second level; what stands before them has no title."""
    titled = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return [Section(*pair) for pair in zip(["", *titled[1::2]], titled[::2], strict=True)]


def run(code: str, names: dict) -> list[str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, CHAPTER.name, "exec"), names)
    return out.getvalue().splitlines()


def promised(code: str) -> list[str]:
    return re.findall(r"# -> (.*)", code)


def unfounded(section: Section) -> list[str]:
    """Decimal numbers of the prose that no block of the section contains, in its code or in what it prints."""
    known = set(re.findall(r"\d+\.\d+", " ".join(section.code)))
    return [n for n in re.findall(r"(?<![\w./])\d+\.\d+(?!\.?\w)", section.prose) if n not in known]


def dead_links(text: str, folder: Path) -> list[str]:
    titles = re.findall(r"^#+ (.+)$", BLOCK.sub("", text), flags=re.MULTILINE)
    anchors = {"#" + re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    links = re.findall(r"\]\(([^)]*)\)", text)
    return [
        link
        for link in links
        if not (link in anchors or link.startswith("https://") or (folder / link.split("#")[0]).is_file())
    ]


def unknown_names(text: str, names: dict) -> list[str]:
    """Functions, files and commands in code quotes that are not there."""
    quoted = re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))
    missing = []
    for code in quoted:
        if call := re.match(r"(\w+)\(", code):
            found = call[1] in names or call[1] in dir(layerscope) or call[1] in public_functions()
        elif code.startswith("layerscope "):
            found = is_command(code.split()[1:])
        elif "/" in code or re.search(r"\.(py|md|png|svg|html)$", code):
            found = any((folder / code).exists() for folder in (ROOT, ROOT / "docs", ROOT / "src" / "layerscope"))
        else:
            found = True
        if not found:
            missing.append(code)
    return missing


def public_functions() -> set[str]:
    modules = [
        importlib.import_module(f"layerscope.see.{module.name}") for module in pkgutil.iter_modules(see.__path__)
    ]
    return {name for module in modules for name in vars(module) if not name.startswith("_")}


def is_command(words: list[str]) -> bool:
    command = typer.main.get_command(cli.app)
    while words and words[0] in getattr(command, "commands", {}):
        command = getattr(command, "commands")[words.pop(0)]  # noqa: B009
    options = {option for parameter in command.params for option in parameter.opts}
    return not hasattr(command, "commands") and all(word in options for word in words if word.startswith("-"))


@pytest.fixture(scope="module")
def chapter() -> str:
    return CHAPTER.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def ran(chapter):
    """Each block with what it printed, and the names that there are in the end."""
    names = {"__name__": "chapter"}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            return [(code, run(code, names)) for code in BLOCK.findall(chapter)], names
    finally:
        torch.set_num_threads(threads)


def test_every_block_prints_what_it_promises(ran):
    wrong = [(promised(code), printed) for code, printed in ran[0] if promised(code) != printed]
    assert wrong == []


def test_every_measure_has_an_example_that_prints(chapter):
    numbered = [section for section in sections(chapter) if re.match(r"\d+\. ", section.title)]
    assert len(numbered) == 10
    assert [section.title for section in numbered if not any(promised(code) for code in section.code)] == []
    facts = ("**What it means.**", "**Formula", "**Source.**", "**Call.**", "**Misleads: ")
    lacking = [(s.title, fact) for s in numbered[:-1] for fact in facts if fact not in s.text]
    assert lacking == []


def test_numbers_in_the_prose_stand_in_the_blocks_of_their_section(chapter):
    assert {s.title: found for s in sections(chapter) if (found := unfounded(s))} == {}


def test_links_files_functions_and_commands_are_there(chapter, ran):
    assert dead_links(chapter, CHAPTER.parent) == []
    assert unknown_names(chapter, ran[1]) == []


def test_these_checks_find_what_is_wrong():
    text = (
        "# A\n## B c\nIt is 0.31, not 0.32; see [b](#b-c), [c](#c), [d](no.md), `nought(z)`, `see/no.py`,\n"
        "`layerscope see RUN --no`, `layerscope judge FILE --target CLASS`, `see/probe.py`, `cka(a, b)`, $0.5$.\n\n"
        "```python\nprint(0.31)  # -> 0.31\nprint(2)  # -> 3\n```\n"
    )
    (code,) = BLOCK.findall(text)
    assert (run(code, {}), promised(code)) == (["0.31", "2"], ["0.31", "3"])
    assert [unfounded(section) for section in sections(text)] == [[], ["0.32"]]
    assert dead_links(text, CHAPTER.parent) == ["#c", "no.md"]
    assert unknown_names(text, {}) == ["nought(z)", "see/no.py", "layerscope see RUN --no"]
