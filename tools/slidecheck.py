"""Looks at a built deck as the audience will: every slide in Chromium, and the PDF.

The back row sits five slide heights away. There a capital of 24 px type (on a slide 720 px high) spans 17 minutes of
arc, and one of 16 px type 11; normal sight ends at 5. So words need 24 px, and labels in figures, tables,
code and references 16.
"""

import io
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from chrome import opened
from PIL import Image

WIDTH, HEIGHT = 1280, 720
WORDS, LABELS = 24, 16  # px
CONTRAST = 4.5  # WCAG 2, level AA, for text of any size
BEHIND = 0.25  # so much of what is behind a text may have less contrast: a line that crosses it
TOUCH = 0.15  # of the smaller of two texts may lie on the other: boxes are larger than letters

SEE = (Path(__file__).parent / "slidecheck.js").read_text(encoding="utf-8")
HIDE = (  # all letters, so that what is behind them can be seen
    "section *:not(#x), section::after{color:transparent!important}"
    "section text, section tspan{fill:transparent!important}"
    "section mjx-container svg{visibility:hidden}"
)


def faults(browser: Any, page: Path, titles: list[str], pictures: Path | None = None) -> list[str]:
    """What is wrong on the slides of a page, one line each.

    Args:
        browser: one of `chrome.chromium`.
        pictures: a folder for a picture of every slide, for the eye.
    """
    wrong: list[str] = []
    size: Any = {"width": WIDTH, "height": HEIGHT}
    with opened(browser, page, wrong, page.stem, whole=True, viewport=size) as tab:
        tab.add_style_tag(content=".bespoke-marp-osc{display:none!important}")
        tab.evaluate("document.fonts.ready")
        here = tab.evaluate("document.querySelectorAll('svg[data-marpit-svg]').length")
        if here != len(titles):
            wrong.append(f"{page.stem}: the page has {here} slides, the source {len(titles)}")
        for number, title in enumerate(titles[:here], 1):
            found = list(_look(tab, page.stem, number, pictures))
            wrong += [f"{page.stem}, slide {number} ({title}): {fault}" for fault in found]
    return list(dict.fromkeys(wrong))


def _look(tab: Any, name: str, number: int, pictures: Path | None) -> Iterator[str]:
    tab.evaluate(f"location.hash = '#{number}'")
    tab.wait_for_function(
        f"document.querySelectorAll('svg[data-marpit-svg]')[{number - 1}]?.matches('.bespoke-marp-active')"
    )
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=pictures / f"{name}-{number:02d}.png")
    seen = tab.evaluate(SEE)
    if seen["flat"] or seen["over"]:
        yield f"it overflows{': ' + ', '.join(sorted(set(seen['over']))) if seen['over'] else ''}"
    for tag in sorted(set(seen["inside"])):
        yield f"what is in a {tag} overflows it"
    if seen["low"]:
        yield "a figure is lower than 120 px: too little room is left for it"
    for text in dict.fromkeys(seen["cut"]):
        yield f"a text is cut off: {text!r}"
    for alt in seen["broken"]:
        yield f"a picture is broken: {alt!r}"
    shown = seen["shown"]
    yield from dict.fromkeys(_small(shown))
    yield from dict.fromkeys(_overlaps(shown))
    hide = tab.add_style_tag(content=HIDE)
    ground = np.asarray(Image.open(io.BytesIO(tab.screenshot())).convert("RGB"))
    hide.evaluate("e => e.remove()")
    yield from dict.fromkeys(_pale(shown, ground))


def _small(shown: list[dict[str, Any]]) -> Iterator[str]:
    for text in shown:
        least = LABELS if text["small"] else WORDS
        if text["size"] < least - 0.05:
            yield f"too small for the back row: {text['text']!r} has {text['size']:.1f} px, needed {least}"


def _overlaps(shown: list[dict[str, Any]]) -> Iterator[str]:
    for a, b in combinations([text for text in shown if not text["turned"]], 2):
        width = min(a["x"] + a["w"], b["x"] + b["w"]) - max(a["x"], b["x"])
        height = min(a["y"] + a["h"], b["y"] + b["h"]) - max(a["y"], b["y"])
        if width > 0 and height > 0.3 * min(a["h"], b["h"]):
            share = width * height / min(a["w"] * a["h"], b["w"] * b["h"])
            if share > TOUCH and a["text"] != b["text"]:
                yield f"texts lie on each other: {a['text']!r} and {b['text']!r}"


def _pale(shown: list[dict[str, Any]], ground: np.ndarray) -> Iterator[str]:
    for text in shown:
        left, top = max(0, int(text["x"])), max(0, int(text["y"]))
        behind = ground[top : int(text["y"] + text["h"]) + 1, left : int(text["x"] + text["w"]) + 1]
        if not behind.size:
            continue
        ratio = float(np.quantile(contrast(np.array(text["colour"][:3]), behind.reshape(-1, 3)), BEHIND))
        if ratio < CONTRAST:
            yield f"too little contrast: {text['text']!r} has {ratio:.1f}:1, needed {CONTRAST}:1"


def luminance(colour: np.ndarray) -> np.ndarray:
    """Relative luminance (WCAG 2) of sRGB colours from 0 to 255, (..., 3)."""
    part = colour / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


def contrast(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Contrast ratio (WCAG 2), from 1 to 21."""
    a, b = luminance(one), luminance(other)
    return (np.maximum(a, b) + 0.05) / (np.minimum(a, b) + 0.05)


def pdf_faults(file: Path, slides: int, figures: int) -> list[str]:
    """A PDF must have tags, a text for every figure and one page for each slide."""
    raw = file.read_bytes()
    text = raw + b"".join(_unpacked(raw))
    wrong = []
    if not re.search(rb"/Marked\s+true", text) or b"/StructTreeRoot" not in text:
        wrong.append(f"{file.name}: it has no tags, so a screen reader cannot read it")
    texts = len(re.findall(rb"/Alt\b", text))
    if texts < figures:
        wrong.append(f"{file.name}: it has {texts} alt texts, the deck {figures} figures")
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", text))
    if pages != slides:
        wrong.append(f"{file.name}: it has {pages} pages, the deck {slides} slides")
    return wrong


def _unpacked(raw: bytes) -> Iterator[bytes]:
    """What stands in the compressed object streams of a PDF."""
    for found in re.finditer(rb"/ObjStm.*?stream\r?\n(.*?)endstream", raw, re.DOTALL):
        with suppress(zlib.error):  # a broken one: what it would say is missed below
            yield zlib.decompressobj().decompress(found[1])
