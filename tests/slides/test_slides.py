"""The slides: what must stop them does, each tried by breaking a small deck; and part 1 itself is sound."""

import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

ROOT = Path(__file__).parents[2]
import chrome
import slidecheck
import slidesource
from website import browser

import slides

MARP = ROOT / "slides" / "node_modules" / ".bin" / "marp"
needs_marp = pytest.mark.skipif(
    not (shutil.which("node") and MARP.exists() and chrome.PROGRAM),
    reason="needs Node, Chromium, and npm ci --prefix slides",
)
needs_axe = pytest.mark.skipif(not browser.AXE.exists(), reason="needs npm ci --prefix docs")
SOUND = """---
marp: true
theme: layerscope
title: A small deck
lang: en
paginate: true
minutes: 6
---

<!-- _class: lead -->

# A small deck

Of $p > 0$:

| | right |
|---|---|
| line | {{right}} |

<!--
2 min
Welcome.
-->

---

## A straight line reads {{right}}

![A line that rises from zero to one over two steps](rise)

Only {{right}}, in 95 of 100 trials.

> LeCun, Bengio and Hinton 2015, doi:10.1038/nature14539

<!--
3 min
**Ask:** why {{right}}? **Answer:** nobody knows.
-->
"""
BROKEN = """---
marp: true
theme: layerscope
title: A broken deck
lang: en
minutes: 5
---

## Too much on one slide

{long}

<!--
1 min
Said.
-->

---

## Pale, small and foreign

<p style="color:#999">pale words</p>
<p style="font-size:20px">small words</p>
<p><img alt="a picture of a foreign server" src="https://example.org/foreign.png"></p>

<!--
1 min
Said.
-->

---

## A figure with faults

![A line with tiny letters and two texts on each other](faulty)

<!--
1 min
Said.
-->

---

## No room

<script>nothing.there()</script>

```
{wide}
```

{most}

![A line that rises from zero to one over two steps](rise)

<!--
1 min
Said.
-->
"""


def rise() -> Figure:
    figure = Figure(figsize=(11.68, 4.4), layout="constrained")
    ax = figure.subplots()
    ax.plot([0, 1, 2], [0, 0.5, 1])
    ax.set_xlabel("step", fontsize=15)
    ax.tick_params(labelsize=15)
    return figure


def faulty() -> Figure:
    figure = rise()
    ax = figure.axes[0]
    ax.text(0.5, 0.5, "tiny letters", fontsize=8)
    for text in ("one text", "two texts"):
        ax.text(1.2, 0.2, text, fontsize=20)
    ax.text(1.9, 0.9, "a label that runs out of its figure", fontsize=20, clip_on=False)
    ax.set_in_layout(False)
    return figure


def written(folder: Path, text: str) -> Path:
    file = folder / "small.md"
    file.write_text(text, encoding="utf-8")
    return file


def faults(folder: Path, text: str, **numbers: str) -> str:
    deck = slidesource.read(written(folder, text))
    return "\n".join(slidesource.faults(deck, {"rise": rise}, {"right": "54 %"} | numbers))


def test_a_sound_source_has_no_fault(tmp_path):
    assert faults(tmp_path, SOUND) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "reads {{right}}",
            "reads {{rigth}}",
            "slide 2 (A straight line reads {{rigth}}): there is no number rigth; is",
        ),
        ("Only {{right}}", "Only 54 %", "a number is typed: '4 %'"),
        ("Only {{right}}", "Only 0.54", "a number is typed: '0.54'"),
        ("(rise)", "(fall)", "there is no figure fall"),
        ("(rise)", "(fall)", "the figure rise is on no slide"),
        ("![A line that rises from zero to one over two steps]", "![line]", "needs an alt text of 20 letters or more"),
        ("![A line", "Here: ![A line", "a figure stands on a line of its own"),
        ("## A straight line reads {{right}}", "A straight line", "it has no title"),
        ("3 min\n", "", "do not begin with their time"),
        ("3 min\n**Ask:** why {{right}}? **Answer:** nobody knows.", "3 min", "it has no notes for the speaker"),
        ("3 min", "30 min", "the slides take 32 minutes, the head says 6"),
        ("3 min", "4.5 min", "the slides take 6.5 minutes, the head says 6"),
    ],
)
def test_a_fault_in_the_source_is_named(tmp_path, old, new, said):
    assert old in SOUND
    assert said in faults(tmp_path, SOUND.replace(old, new))


def test_a_missing_result_ends_the_build_with_its_name(tmp_path, monkeypatch):
    from figures import shared

    (tmp_path / "slides/results").mkdir(parents=True)
    (tmp_path / "slides/results/run.json").write_text('{"accuracy": {"cnn": 1}}')
    monkeypatch.setattr(shared, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match=r"run\.json: accuracy has no 'mlp'\. It has: cnn"):
        shared.results("run")["accuracy"]["mlp"]
    with pytest.raises(SystemExit, match=r"There is no other\.json .* tools/slides\.py measure other"):
        shared.results("other")


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        *((0.9996, 0, "99.9 %"), (1.0, 0, "100 %"), (0.999999, 0, "99.9 %"), (0.543, 1, "54.3 %")),
        *((0.0017, 0, "0.2 %"), (0.0, 0, "0 %"), (0.00001, 0, "less than 0.1 %")),
    ],
)
def test_percent_never_rounds_to_all_or_nothing(value, digits, text):
    from figures.shared import percent

    assert percent(value, digits) == text.replace(" %", "\N{NO-BREAK SPACE}%")


@pytest.fixture(scope="module")
def running():
    with chrome.chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def built(tmp_path_factory, running) -> Path:
    """The folder of a deck that is in order."""
    folder = tmp_path_factory.mktemp("sound")
    with mpl.rc_context({"backend": "agg"}):
        slides.build(running, written(folder, SOUND), {"rise": rise}, {"right": "54 %"}, folder / "out")
    return folder / "out"


@needs_marp
@pytest.mark.browser
def test_a_sound_deck_becomes_page_tagged_pdf_and_notes(built):
    assert {file.name for file in built.iterdir()} == {"small.html", "small.pdf", "small-notes.html", "small-png"}
    assert len(list((built / "small-png").iterdir())) == 2
    page = (built / "small.html").read_text(encoding="utf-8")
    assert "A straight line reads 54 %" in page
    assert 'aria-label="A line that rises' in page
    notes = (built / "small-notes.html").read_text(encoding="utf-8")
    assert "2:00 · 3 min" in notes
    assert "<strong>Ask:</strong> why 54 %?" in notes
    assert slidecheck.pdf_faults(built / "small.pdf", 2, 1) == []
    assert slidecheck.pdf_faults(built / "small.pdf", 3, 3) == [
        "small.pdf: it has 2 alt texts, the deck 3 figures",  # of the figure and of the formula
        "small.pdf: it has 2 pages, the deck 3 slides",
    ]


@needs_marp
@needs_axe
@pytest.mark.browser
def test_a_deck_and_its_notes_are_accessible_on_every_slide(built, running, tmp_path):
    assert browser.look_at_slides(running, built, "small.html") == []
    assert browser.look(running, built, "small-notes.html") == []
    page = (built / "small.html").read_text(encoding="utf-8")
    assert 'aria-label="p &gt; 0"' in page and "<td></td>\n<th>right</th>" in page
    for old, new in (('id=":$p" role="main"', 'id=":$p"'), ('aria-label="A line', 'data-was="A line')):
        assert old in page
        page = page.replace(old, new)
    (tmp_path / "small.html").write_text(page, encoding="utf-8")
    faults = "\n".join(browser.look_at_slides(running, tmp_path, "small.html"))
    assert "svg-img-alt" in faults and "landmark-one-main" in faults  # the figure is on the second slide


@needs_marp
@pytest.mark.browser
def test_a_page_with_another_number_of_slides_is_a_fault(built, running):
    assert slidecheck.faults(running, built / "small.html", ["a", "b", "c"]) == [
        "small: the page has 2 slides, the source 3"
    ]


def test_a_pdf_without_tags_or_with_a_broken_part_is_a_fault(tmp_path):
    pdf = tmp_path / "small.pdf"
    pdf.write_bytes(b"%PDF-1.4\n1 0 obj<</Type /Catalog>>endobj 2 0 obj<</Type /Page>>endobj")
    untagged = ["small.pdf: it has no tags, so a screen reader cannot read it"]
    assert slidecheck.pdf_faults(pdf, 1, 0) == untagged
    part = b"%PDF-1.4\n2 0 obj<</Type /Page>>endobj 1 0 obj<</Type/ObjStm>>stream\n<part>endstream"
    tags = zlib.compress(b"<</Marked true>> /StructTreeRoot")
    pdf.write_bytes(part.replace(b"<part>", tags))
    assert slidecheck.pdf_faults(pdf, 1, 0) == []
    pdf.write_bytes(part.replace(b"<part>", b"no zlib"))
    assert slidecheck.pdf_faults(pdf, 1, 0) == untagged


@pytest.fixture(scope="module")
def found(tmp_path_factory, running) -> str:
    """All that is said of a deck that is broken in every way that only the page shows."""
    folder = tmp_path_factory.mktemp("broken")
    lines = ["A line of words."] * 14
    deck = written(
        folder, BROKEN.format(long="\n\n".join(lines), most="\n\n".join(lines[:7]), wide="a line of code, " * 12)
    )
    with pytest.raises(slides.Wrong) as wrong:
        slides.build(running, deck, {"faulty": faulty, "rise": rise}, {}, folder / "out", pdf=False)
    assert [file.name for file in (folder / "out").iterdir()] == ["small-png"], "a page that is not in order was left"
    return str(wrong.value)


@needs_marp
@pytest.mark.browser
@pytest.mark.parametrize(
    "said",
    [
        "small, slide 1 (Too much on one slide): it overflows",
        "slide 2 (Pale, small and foreign): too little contrast: 'pale words' has 2.8:1, needed 4.5:1",
        "too small for the back row: 'small words' has 20.0 px, needed 24",
        "small: asks for https://example.org/foreign.png",
        "small: fails with nothing is not defined",
        "slide 4 (No room): what is in a pre overflows it",
        "slide 4 (No room): a figure is lower than 120 px",
        "a picture is broken: 'a picture of a foreign server'",
        "slide 3 (A figure with faults): too small for the back row: 'tiny letters'",
        "texts lie on each other: 'one text' and 'two texts'",
        "a text is cut off: 'a label that runs out of its figure'",
    ],
)
def test_a_fault_on_the_page_is_named(found: str, said: str):
    assert said in found


def test_contrast_is_that_of_wcag():
    import numpy as np

    ratio = slidecheck.contrast(np.array([118.0, 118, 118]), np.array([[255.0, 255, 255], [118, 118, 118]]))
    assert ratio == pytest.approx([4.54, 1.0], abs=0.01)


@pytest.mark.parametrize("name", slides.decks())
def test_the_source_of_a_deck_is_sound(name: str):
    from importlib import import_module

    module: Any = import_module(f"figures.{name}")
    deck = slidesource.read(ROOT / "slides" / f"{name}.md")
    assert slidesource.faults(deck, module.FIGURES, module.numbers()) == []


@pytest.mark.parametrize("file", sorted((ROOT / "slides/results").glob("*.json")), ids=lambda file: file.stem)
def test_every_result_says_how_it_was_made(file: Path):
    made = json.loads(file.read_text(encoding="utf-8"))["made"]
    assert made["command"] == f"python tools/slides.py measure {file.stem}"
    assert made.keys() >= {"date", "machine", "seconds"}


def test_a_measurement_that_cannot_be_made_stops_no_other_and_the_same_result_writes_nothing(tmp_path, monkeypatch):
    from importlib import import_module

    measure: Any = import_module("measure")

    def missing() -> dict[str, Any]:
        raise SystemExit("runs/bbbp is not there")

    found = {"accuracy": 0.1234567}
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    monkeypatch.setattr(measure, "JOBS", {"missing": missing, "there": lambda: dict(found)})
    said = []
    with pytest.raises(SystemExit, match="missing could not be measured: runs/bbbp is not there"):
        said.extend(measure.main([]))
    file = tmp_path / "there.json"
    assert json.loads(file.read_text(encoding="utf-8"))["accuracy"] == 0.123457
    assert list(tmp_path.iterdir()) == [file]
    old = file.read_text(encoding="utf-8").replace('"seconds": 0', '"seconds": 99')
    file.write_text(old, encoding="utf-8")
    assert list(measure.main(["there"]))[-1] == "there: the same as before"
    assert file.read_text(encoding="utf-8") == old
    found["accuracy"] = 0.5
    list(measure.main(["there"]))
    assert json.loads(file.read_text(encoding="utf-8"))["accuracy"] == 0.5
