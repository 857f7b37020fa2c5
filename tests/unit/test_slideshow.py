"""Pictures under a slider: one piece of HTML that needs nothing from outside."""

import base64
import io
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from layerscope.draw.slideshow import slideshow


class Elements(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag):
        return [attrs for name, attrs in self.found if name == tag]


def figures(number, size=(4.0, 3.0)):
    for i in range(number):
        fig, ax = plt.subplots(figsize=size)
        ax.plot(np.sin(np.linspace(0, 6 + i, 80)))
        yield fig


def test_it_parses_and_asks_for_nothing():
    show = slideshow(figures(3), ["one", "two", "three"], "step")
    text = show._repr_html_()
    page = Elements(text)
    assert page.open == []
    assert len(page.all("img")) == 3
    assert page.all("input")[0]["max"] == "2"
    assert not re.search(r"https?:|//|\bid=|<script|<style|<link|url\(", re.sub(r"base64,[^\"]*", "", text))
    assert {img["style"].split(";")[0] for img in page.all("img")[1:]} == {"display:none"}
    assert all(img["src"].startswith("data:image/webp;base64,") for img in page.all("img"))
    assert plt.get_fignums() == []


def test_captions_cannot_break_out():
    bad = '"><img src=x onerror=alert(1)> & $play </figcaption>'
    page = Elements(slideshow(figures(1), [bad], bad)._repr_html_())
    assert page.open == []
    assert [img["alt"] for img in page.all("img")] == [bad]
    assert page.all("input")[0]["aria-label"] == bad


def test_forty_frames_are_small():
    show = slideshow(figures(40, size=(9, 3.5)), [f"frame {i}" for i in range(40)], "step")
    assert len(show._repr_html_()) < 1_500_000


def test_png_with_transparency_is_put_on_white():
    file = io.BytesIO()
    Image.new("RGBA", (20, 10), (0, 0, 0, 0)).save(file, "PNG")
    show = slideshow([file.getvalue()], ["nothing"], "step")
    src = Elements(show._repr_html_()).all("img")[0]["src"]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(src.split(",")[1]))))
    assert show.size == (20, 10)
    assert pixels.min() == 255


def test_what_does_not_fit_is_refused_in_words():
    with pytest.raises(ValueError, match="Got 2 and 1 captions"):
        slideshow(figures(2), ["one"], "step")
    with pytest.raises(ValueError, match="Got 0 and 0 captions"):
        slideshow([], [], "step")
    with pytest.raises(ValueError, match=r"same size in pixels. Got \[\(200, 100\), \(400, 300\)\]"):
        slideshow([*figures(1), *figures(1, (2, 1))], ["a", "b"], "step")
