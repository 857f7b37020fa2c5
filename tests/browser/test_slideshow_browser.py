"""A slideshow in a real browser: two on one page, moved by slider, by keyboard and by its button."""

import matplotlib.pyplot as plt
import pytest
from chromium import needs_chromium, quiet_page

from layerscope.draw.slideshow import slideshow

pytestmark = [pytest.mark.browser, needs_chromium]

SHOWN = "f => [...f.querySelectorAll('img')].flatMap((img, i) => img.offsetParent ? [i] : [])"


def figures(number):
    for i in range(number):
        fig, ax = plt.subplots(figsize=(4, 2))
        ax.plot([0, i])
        yield fig


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """Put into the page as notebooks do it: as innerHTML, where scripts would not run."""
    shows = [slideshow(figures(4), [f"{name} <{i}>" for i in range(4)], "step", pause=40) for name in ("left", "right")]
    path = tmp_path_factory.mktemp("slides") / "page.html"
    hidden = "".join(f"<template>{show._repr_html_()}</template><div></div>" for show in shows)
    script = "document.querySelectorAll('template').forEach(t => t.nextElementSibling.innerHTML = t.innerHTML)"
    path.write_text(
        f"<!doctype html><meta charset=utf-8><title>x</title><body>{hidden}<script>{script}</script>", "utf-8"
    )
    return path


@pytest.fixture
def page(page_file):
    with quiet_page(viewport={"width": 360, "height": 900}) as page:
        page.goto(page_file.as_uri())
        yield page


def test_slider_and_keys_change_the_picture_of_their_own_slideshow_only(page):
    left, right = page.query_selector_all("figure")
    assert (left.evaluate(SHOWN), right.evaluate(SHOWN)) == ([0], [0])
    slider = left.query_selector("input")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert (left.evaluate(SHOWN), right.evaluate(SHOWN)) == ([2], [0])
    assert left.query_selector("figcaption").inner_text() == "left <2>"
    assert slider.get_attribute("aria-valuetext") == "left <2>"
    slider.fill("3")
    assert left.evaluate(SHOWN) == [3]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_play_runs_to_the_end_and_pauses_when_asked(page):
    left, right = page.query_selector_all("figure")
    button = left.query_selector("button")
    button.focus()
    page.keyboard.press("Space")
    assert button.inner_text() == "⏸ Pause"
    page.wait_for_function("document.querySelector('figure input').value === '3'")
    page.wait_for_function("document.querySelector('figure button').textContent === '▶ Play'")
    assert (left.evaluate(SHOWN), right.evaluate(SHOWN)) == ([3], [0])
    button.evaluate("b => { b.click(); b.click(); }")  # from the end it begins again, and pauses at once
    page.wait_for_timeout(200)
    assert button.inner_text() == "▶ Play"
    assert left.evaluate(SHOWN) == [0]


def test_nothing_moves_by_itself_and_with_reduced_motion_playing_is_slow(page):
    page.emulate_media(reduced_motion="reduce")
    right = page.query_selector_all("figure")[1]
    page.wait_for_timeout(300)
    assert right.evaluate(SHOWN) == [0]
    right.query_selector("button").click()
    page.wait_for_timeout(400)  # ten pictures at the usual pace
    assert right.evaluate(SHOWN) == [0]
