"""The atlas in a real browser."""

import pytest
from atlas_facts import invented
from chromium import needs_chromium, quiet_page

from layerscope.maps.page import page as atlas_page

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "atlas.html"
    path.write_text(atlas_page(*invented(), None), "utf-8")
    with quiet_page(viewport={"width": 1300, "height": 900}, reduced_motion="reduce") as page:
        page.goto(path.as_uri())
        page.wait_for_function("window.layerscope")
        yield page


def test_columns_come_back_as_they_were(page):
    assert page.evaluate("[...layerscope.columns.xy]") == invented()[1]["xy"].ravel().tolist()


def test_slider_moves_by_keys_and_says_where_it_is(page):
    page.locator(".depth").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".depth").first.get_attribute("aria-valuetext") == "block 1, step 40"


def test_press_pins_and_shows_neighbours_escape_lets_go(page):
    page.mouse.click(*page.evaluate("(layerscope.go(layerscope.state.views[0], 3, 2), layerscope.where(7))"))
    assert page.evaluate("layerscope.state.pinned") >= 0
    assert page.locator("#alike tr").count() == 4
    page.keyboard.press("Escape")
    assert page.locator("#alike").is_hidden()


def test_tour_ends_with_two_maps_and_a_cell_of_cka_moves_both(page):
    for _ in range(4):
        page.locator("#tour button").nth(1).click()
    assert page.locator(".view:visible").count() == 2
    page.locator("#cka button").nth(6).click()
    assert page.evaluate("layerscope.state.views.map(v => v.depth)") == [1, 2]


def test_narrow_has_no_sideways_scroll_and_every_control_a_name(page):
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    unnamed = "[...document.querySelectorAll('button,input,select')].filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).length"
    assert page.evaluate(unnamed) == 0
