"""A deck's source: read, found faulty or sound, and filled in. See slides.py for how it is written."""

import base64
import difflib
import html
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import yaml
from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from layerscope.draw.style import style
from layerscope.report.figure import VARIABLES

NUMBER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
IMAGE = re.compile(r"^!\[(.*?)\]\((\S*?)\)$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
REFERENCE = re.compile(r"\b(doi|arXiv):([\w./()-]*\w)")
TYPED = re.compile(r"\d\s*%|\b\d+\.\d+\b")
DIRECTIVE = re.compile(r"_?(class|header|footer|paginate|color|backgroundColor|backgroundImage)\s*:")
MINUTES = re.compile(r"^(\d+(?:\.5)?) min$")
SPARE = 5  # minutes that a deck may be shorter than it says; never longer
SHORTEST = 20  # letters of a text that can stand for a picture

Draws = dict[str, Callable[[], Figure]]


@dataclass(frozen=True)
class Slide:
    number: int
    text: str  # as written, with its comments
    title: str
    minutes: float | None
    notes: str

    @property
    def figures(self) -> list[tuple[str, str]]:
        """Alt text and name of each."""
        return IMAGE.findall(self.seen)

    @property
    def seen(self) -> str:
        """What is on the slide, without comments."""
        return COMMENT.sub("", self.text)

    def __str__(self) -> str:
        return f"slide {self.number} ({self.title or 'no title'})"


@dataclass(frozen=True)
class Deck:
    name: str
    folder: Path
    head: str
    minutes: float
    slides: tuple[Slide, ...]


def read(file: Path) -> Deck:
    """A deck from its Markdown."""
    text = file.read_text(encoding="utf-8")
    _, head, body = re.split(r"^---$", text, maxsplit=2, flags=re.MULTILINE)
    slides = [_slide(i, part.strip()) for i, part in enumerate(_parts(body), 1)]
    return Deck(file.stem, file.parent, head, float(yaml.safe_load(head)["minutes"]), tuple(slides))


def _parts(body: str) -> Iterator[str]:
    """The slides' texts; a `---` within code is no border."""
    part, code = [], False
    for line in body.splitlines():
        code ^= line.startswith("```")
        if line == "---" and not code:
            yield "\n".join(part)
            part = []
        else:
            part.append(line)
    yield "\n".join(part)


def _slide(number: int, text: str) -> Slide:
    title = re.search(r"^##? (.+)$", text, re.MULTILINE)
    said = [comment.strip() for comment in COMMENT.findall(text) if not DIRECTIVE.match(comment.strip())]
    first, _, rest = "\n\n".join(said).partition("\n")
    time = MINUTES.match(first.strip())
    return Slide(number, text, title[1] if title else "", float(time[1]) if time else None, rest.strip())


def faults(deck: Deck, figures: Draws, numbers: dict[str, str]) -> list[str]:
    """What is wrong with the source, one line each."""
    wrong, shown = [], set()
    for slide in deck.slides:
        found = list(_faults_of(slide, deck, figures, numbers))
        wrong += [f"{deck.name}, {slide}: {fault}" for fault in found]
        shown |= {name for _, name in slide.figures}
    wrong += [f"{deck.name}: the figure {name} is on no slide" for name in figures if name not in shown]
    total = sum(slide.minutes or 0 for slide in deck.slides)
    if not deck.minutes - SPARE <= total <= deck.minutes:
        wrong.append(f"{deck.name}: the slides take {total:g} minutes, the head says {deck.minutes:g}")
    return wrong


def _faults_of(slide: Slide, deck: Deck, figures: Draws, numbers: dict[str, str]) -> Iterator[str]:
    for name in NUMBER.findall(slide.text):
        if name not in numbers:
            near = difflib.get_close_matches(name, numbers, 1)
            yield f"there is no number {name}" + (f"; is {near[0]} meant?" if near else "")
    for alt, name in slide.figures:
        if len(alt.strip()) < SHORTEST:
            yield f"the figure {name} needs an alt text of {SHORTEST} letters or more, and has {alt.strip()!r}"
        if name not in figures and not (deck.folder / name).is_file():
            yield f"there is no figure {name}"
    if slide.seen.count("![") > len(slide.figures):
        yield "a figure stands on a line of its own: ![words](name)"
    if not slide.title:
        yield "it has no title"
    if slide.minutes is None:
        yield "its notes do not begin with their time, such as '2 min'"
    if not slide.notes:
        yield "it has no notes for the speaker"
    for line in _prose(slide.seen):
        for typed in TYPED.findall(line):
            yield f"a number is typed: {typed!r} in {line.strip()!r}. Give it a name in numbers()"


def _prose(text: str) -> Iterator[str]:
    """Lines in which no result may be typed: not code, not formulas, not references."""
    code = False
    for line in text.splitlines():
        code ^= line.startswith("```")
        if not code and not line.startswith(("```", ">", "$$")):
            yield re.sub(r"`[^`]*`|\$[^$]*\$", "", NUMBER.sub("", line))


def fill(deck: Deck, figures: Draws, numbers: dict[str, str]) -> str:
    """The deck as Marp reads it: numbers filled in, figures drawn."""

    def drawn(found: re.Match[str]) -> str:
        alt, name = " ".join(found[1].split()), found[2]
        if name in figures:
            return f'<div class="figure">{inline(figures[name], name, alt)}</div>'
        return f'<div class="figure"><img alt="{html.escape(alt)}" src="{data_address(deck.folder / name)}"></div>'

    parts = []
    for slide in deck.slides:
        text = IMAGE.sub(drawn, numbered(slide.text, numbers))
        parts.append(REFERENCE.sub(lambda found: f"[{found[0]}]({_address(found)})", text))
    return f"---{deck.head}---\n\n" + "\n\n---\n\n".join(parts) + "\n"


def _address(found: re.Match[str]) -> str:
    return f"{'https://doi.org/' if found[1] == 'doi' else 'https://arxiv.org/abs/'}{found[2]}"


def addresses(file: Path) -> list[str]:
    """Every place that a deck refers or links to."""
    text = file.read_text(encoding="utf-8")
    return [*map(_address, REFERENCE.finditer(text)), *re.findall(r"https?://[^\s)>\"']+", text)]


def numbered(text: str, numbers: dict[str, str]) -> str:
    return NUMBER.sub(lambda found: numbers[found[1]], text)


def inline(draw: Callable[[], Figure], name: str, alt: str) -> str:
    """A figure as SVG that stands in the page: its letters are the page's letters."""
    with style():
        figure = draw()
        out = io.StringIO()
        with matplotlib.rc_context({"svg.hashsalt": name}):  # so that no two figures of a page share an id
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns:\w+="[^"]*"| xmlns="[^"]*"', "", text).replace("xlink:href", "href")
    box = re.search(r'viewBox="([^"]*)"', text)
    head = f'<svg viewBox="{box[1] if box else ""}" role="img" aria-label="{html.escape(alt)}">'
    text = re.sub(r"<svg [^>]*>", lambda _: head, text, count=1)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r"font: ([^;\"]*?)(\d[\d.]*px) [^;\"]*", r"font: \1\2 Inter", text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    return re.sub(r"\n\s*", " ", text.replace("#000000", "var(--ink)"))


def base64_of(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def data_address(file: Path) -> str:
    return f"data:image/{file.suffix[1:]};base64,{base64_of(file)}"


def notes(deck: Deck, numbers: dict[str, str]) -> str:
    """What the speaker reads: every slide's title, clock and notes, as one page to print."""
    markdown, clock, rows = MarkdownIt(), 0.0, []
    for slide in deck.slides:
        title, said = (numbered(text, numbers) for text in (slide.title, slide.notes))
        minutes = slide.minutes or 0
        rows.append(
            f"<section><p class=clock>{int(clock)}:{int(clock % 1 * 60):02d} · {minutes:g} min</p>"
            f"<h2>{slide.number}. {markdown.renderInline(title)}</h2>{markdown.render(said)}</section>"
        )
        clock += minutes
    title = yaml.safe_load(deck.head).get("title", deck.name)
    return NOTES.format(title=html.escape(title), total=f"{clock:g}", rows="\n".join(rows))


NOTES = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>Notes · {title}</title>
<style>
body{{max-width:46rem;margin:2rem auto;padding:0 1rem;font:16px/1.5 Inter,system-ui,sans-serif;color:#1b1f24}}
h1{{letter-spacing:-.02em}}h2{{font-size:1.1rem;margin:0 0 .2rem}}p{{margin:.3rem 0}}
section{{border-top:1px solid #d9dee3;padding:.7rem 0;break-inside:avoid}}.clock{{color:#56606b;font-size:.85rem}}
</style>
<main><h1>{title}</h1><p>The speaker's notes, {total} minutes. The clock says when a slide begins.</p>
{rows}
</main></html>
"""
