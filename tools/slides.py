"""The slides: Markdown, numbers and figures in; an HTML page, a tagged PDF and the speaker's notes out.

    python tools/slides.py build [DECK ...]      fill in, draw, write, check; fails with all that is wrong
    python tools/slides.py check [DECK ...]      look again at what was built
    python tools/slides.py measure [NAME ...]    the real runs behind the numbers, into slides/results/

## How a deck is written

`slides/DECK.md` is Marp's Markdown: slides are parted by `---`. Beside it stands `slides/figures/DECK.py` with

    FIGURES: dict[str, Callable[[], Figure]]     each draws one figure, from results
    def numbers() -> dict[str, str]              each number as it shall be read

A slide has, in this order:

    ## A sentence that says the point            the title; `# ` on a first slide
    ![What one sees, in words](name)             a figure: a name in FIGURES, or a PNG file below slides/
    Few words, with {{number}}                   numbers are never typed: a typed percentage or decimal fails
    > Author year, doi:10.…                      the reference, on the slide where the claim is made
    <!--
    2 min
    What to say. **Ask:** a question. **Answer:** its answer.
    -->                                          the speaker's notes; the first line is the time

`<!-- _class: NAME -->` chooses a layout: none (title, then one wide figure), `split` (words left, figure right),
`ask` (a question to the audience; its answer is on the next slide), `chapter`, `lead`. The head of the deck has
`minutes:`; the slides' minutes, pauses among them, must not add up to more, nor to 5 less.

Figures: `from figures.shared import wide, half, results, percent`. `wide()` is a Figure for a plain slide, `half()`
for a `split` one; both have the type sizes of a slide, so draw on them and set no font size below 13. Numbers and data
come from `results("NAME")`, which is slides/results/NAME.json, else benchmarks/results/NAME.json: what was
measured is written there by slides/measure.py, with the command, the date and the machine. A figure only draws. A
name that is missing in it ends the build with that name.

## What fails the build

In the source: a number or figure that does not exist, a figure that no slide shows, a figure without alt text, a
typed result, a slide without title, notes or minutes, a sum of minutes off the mark. In the page, as Chromium shows
it: a slide or figure that overflows, texts that lie on each other, contrast below 4.5:1 against what is behind the
letters, letters too small for the back row (slidecheck.py has the rule), a broken picture, a request to anywhere.
In the PDF: no tags, or not one page for each slide.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SLIDES = ROOT / "slides"
OUT = ROOT / "build" / "slides"
sys.path[:0] = [str(ROOT / "tools"), str(SLIDES)]

import chrome  # noqa: E402
import slidecheck  # noqa: E402
import slidesource  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

FONTS = {  # files of the npm packages; the page carries them, so that it looks the same everywhere
    "Inter": ("inter/files/inter-latin-wght-normal", "inter/files/inter-greek-wght-normal"),
    "JetBrains Mono": ("jetbrains-mono/files/jetbrains-mono-latin-wght-normal",),
}
MAIN = ('<div id=":$p">', '<div id=":$p" role="main">')  # a landmark around the slides, for screen readers


class Wrong(Exception):
    """What is wrong with a deck, one line each."""


def decks() -> list[str]:
    return sorted(file.stem for file in SLIDES.glob("part*.md"))


def theme() -> str:
    """Our theme with its fonts inside it."""
    faces = []
    for family, files in FONTS.items():
        for file in files:
            data = slidesource.base64_of(SLIDES / "node_modules/@fontsource-variable" / f"{file}.woff2")
            ranges = "unicode-range:U+0370-03FF;" if "greek" in file else ""
            faces.append(
                f"@font-face{{font-family:'{family}';font-weight:100 900;{ranges}"
                f"src:url(data:font/woff2;base64,{data}) format('woff2')}}"
            )
    return (SLIDES / "theme.css").read_text(encoding="utf-8").replace("/* fonts */", "\n".join(faces))


def marp(source: Path, out: Path, *flags: str) -> None:
    """Marp on one file."""
    program = SLIDES / "node_modules/.bin/marp"
    if not program.exists():
        raise Wrong("Marp is not installed. Run: npm ci --prefix slides (make slides does it)")
    with tempfile.TemporaryDirectory() as folder:
        css = Path(folder) / "theme.css"
        css.write_text(theme(), encoding="utf-8")
        settings = ["--no-stdin", "-c", str(SLIDES / "marp.config.mjs"), "--browser-timeout", "120"]
        done = subprocess.run(
            [str(program), str(source), *settings, *flags, "--theme-set", str(css), "-o", str(out)],
            env={**os.environ, "CHROME_PATH": chrome.PROGRAM or "", "CHROME_NO_SANDBOX": "1"},
            capture_output=True,
            text=True,
        )
    if done.returncode or not out.exists():
        raise Wrong(f"Marp could not make {out.name}: {done.stderr.strip() or done.stdout.strip()}")


def build(
    browser: Any,
    source: Path,
    figures: dict[str, Callable[[], Figure]],
    numbers: dict[str, str],
    out: Path,
    pdf: bool = True,
) -> None:
    """One deck from its source into a folder, checked.

    Args:
        browser: one of `chrome.chromium`.
        pdf: also the PDF.

    Raises:
        Wrong: with everything that was found. Then the folder has no new page, only pictures of the slides.
    """
    deck = slidesource.read(source)
    wrong = slidesource.faults(deck, figures, numbers)
    if wrong:
        raise Wrong("\n".join(wrong))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=out) as folder:
        made = Path(folder)
        filled, page = made / f"{deck.name}.md", made / f"{deck.name}.html"
        filled.write_text(slidesource.fill(deck, figures, numbers), encoding="utf-8")
        marp(filled, page)
        page.write_text(page.read_text(encoding="utf-8").replace(*MAIN, 1), encoding="utf-8")
        if pdf:
            marp(filled, page.with_suffix(".pdf"), "--pdf", "--pdf-outlines", "--allow-local-files")
        (made / f"{deck.name}-notes.html").write_text(slidesource.notes(deck, numbers), encoding="utf-8")
        filled.unlink()
        look(browser, deck, page, out)
        for file in made.iterdir():
            file.replace(out / file.name)


def look(browser: Any, deck: slidesource.Deck, page: Path, out: Path) -> None:
    """A picture of each slide goes to a folder in `out`, for the eye.

    Raises:
        Wrong: with everything that was found.
    """
    pictures = out / f"{deck.name}-png"
    shutil.rmtree(pictures, ignore_errors=True)
    wrong = slidecheck.faults(browser, page, [slide.title for slide in deck.slides], pictures)
    if page.with_suffix(".pdf").exists():
        figures = sum(len(slide.figures) for slide in deck.slides)
        wrong += slidecheck.pdf_faults(page.with_suffix(".pdf"), len(deck.slides), figures)
    if wrong:
        raise Wrong("\n".join(wrong))


def main(job: str, names: list[str]) -> None:
    if job == "measure":
        for said in import_module("measure").main(names):
            print(said, flush=True)
        return
    if not chrome.PROGRAM:
        sys.exit("Chromium is needed for the PDF and the checks. On Debian and Ubuntu: apt install chromium")
    with chrome.chromium() as browser:
        for name in names or decks():
            began, source = perf_counter(), SLIDES / f"{name}.md"
            try:
                if job == "check":
                    look(browser, slidesource.read(source), OUT / f"{name}.html", OUT)
                else:
                    module = import_module(f"figures.{name}")
                    build(browser, source, module.FIGURES, module.numbers(), OUT)
            except Wrong as wrong:
                sys.exit(f"{wrong}\n{name}: not built" if job == "build" else str(wrong))
            print(f"{OUT.relative_to(ROOT) / name}.html, .pdf, -notes.html: in order, {perf_counter() - began:.0f} s")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ("build", "check", "measure"):
        sys.exit(f"{__doc__}")
    main(sys.argv[1], sys.argv[2:])
