"""What can be seen without a browser: links within the site, what a page would load from elsewhere, typed numbers."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

OUTSIDE = re.compile(r"(https?:)?//")
LOADS = {("img", "src"), ("script", "src"), ("iframe", "src"), ("source", "src"), ("video", "src"), ("audio", "src")}
LOADED_LINKS = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "prefetch", "modulepreload", "manifest"}
NOT_PROSE = re.compile(r"^(`{3,}|:{3,}).*?^\1\s*$|`[^`]*`|\]\([^)]*\)|<[^>]*>|\{\{.*?\}\}", re.DOTALL | re.MULTILINE)
FENCE = re.compile(r"^```(?!\{glossary).*?^```", re.DOTALL | re.MULTILINE)
TYPED = re.compile(
    r"(?<![\w.])\d[\d.,]*\s?"
    r"(%|percent|seconds?|s|minutes?|min|hours?|h|days?|GB|MB|times|lessons|exercises|data sets)(?!\w)"
)
TESTED = ("how-to-read-a-layer.md",)  # its numbers are printed by its own code: tests/unit/test_docs.py


@dataclass
class Page(HTMLParser):
    """The links of a page, what it loads, and the anchors it has."""

    path: Path
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "link" and set(given.get("rel", "").split()) & LOADED_LINKS:
            self.loads.append(given.get("href", ""))
        self.loads += [given[name] for on, name in LOADS if on == tag and name in given]


def read(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.relative_to(site).parts}


def dead(site: Path, pages: dict[Path, Page]) -> list[str]:
    """Links and files within the site that are not there, and anchors that no page has."""
    faults = []
    for path, page in pages.items():
        for link in [*page.links, *page.loads]:
            if OUTSIDE.match(link) or link.startswith(("mailto:", "data:", "javascript:", "about:")):
                continue
            address, anchor = urldefrag(link)
            target = (path.parent / unquote(address.split("?")[0])).resolve() if address else path
            target = target / "index.html" if target.is_dir() else target
            here = path.relative_to(site)
            if not target.is_relative_to(site.resolve()):
                faults.append(f"{here}: {link} leads out of the site's folder")
            elif not target.is_file():
                faults.append(f"{here}: {link} is not there")
            elif anchor and target in pages and unquote(anchor) not in pages[target].anchors:
                faults.append(f"{here}: {link} has no such place on its page")
    return faults


def foreign(site: Path, pages: dict[Path, Page]) -> list[str]:
    """What a page would load from another server."""
    return [
        f"{path.relative_to(site)} loads {address}"
        for path, page in pages.items()
        for address in page.loads
        if OUTSIDE.match(address)
    ]


def typed_numbers(docs: Path) -> list[str]:
    """Measured numbers in hand-written prose: they should come from the code, as `{{ name }}`."""
    faults = []
    for path in sorted(docs.rglob("*.md")):
        if path.name not in TESTED and "node_modules" not in path.parts:
            prose = NOT_PROSE.sub(" ", FENCE.sub(" ", path.read_text(encoding="utf-8")))
            faults += [
                f"{path.relative_to(docs)}: the number in {found[0]!r} is typed" for found in TYPED.finditer(prose)
            ]
    return faults
