"""The atlas in a real browser: every way to move, to ask and to choose; what it says to those who do not see it."""

import html
from contextlib import contextmanager

import numpy as np
import pytest
from atlas_facts import invented
from chromium import chromium, needs_chromium, quiet_page

from layerscope.maps.page import page as atlas_page
from layerscope.maps.sprite import sprite

pytestmark = [pytest.mark.browser, needs_chromium]
FACTS, COLUMNS = invented()


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@contextmanager
def opened(browser, tmp_path, facts=FACTS, columns=COLUMNS, pictures=True, **how):
    image = None
    if pictures:
        image, across = sprite(np.random.default_rng(0).integers(0, 255, (facts["samples"], 1, 16, 16), np.uint8), 16)
        facts = facts | {"sprite": {"tile": 16, "columns": across}}
    path = tmp_path / "atlas.html"
    path.write_text(atlas_page(facts, columns, image), "utf-8")
    with quiet_page(browser, **{"viewport": {"width": 1300, "height": 900}, "reduced_motion": "reduce"} | how) as page:
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        yield page


@pytest.fixture(scope="module")
def shared(browser, tmp_path_factory):
    with opened(browser, tmp_path_factory.mktemp("atlas")) as page:
        yield page


@pytest.fixture
def page(shared):
    """The page as it opens, its tour closed."""
    shared.reload()
    shared.wait_for_selector("html[data-ready]")
    shared.locator("[data-go=close]").click()
    shared.evaluate("layerscope.glide(layerscope.state.views[0], 3, 2)")
    return shared


def place(page, which=0):
    return page.evaluate(f"[layerscope.state.views[{which}].depth, layerscope.state.views[{which}].time]")


def alone(page):
    """A sample that no other covers."""
    return page.evaluate(
        """[...Array(layerscope.facts.samples).keys()].find(i => {
          const [x, y] = layerscope.where(i);
          return [...Array(layerscope.facts.samples).keys()].every(j => j === i
            || Math.hypot(layerscope.where(j)[0] - x, layerscope.where(j)[1] - y) > 8);
        })"""
    )


def test_columns_come_back_as_they_were(page):
    for name, column in COLUMNS.items():
        assert page.evaluate(f"[...layerscope.columns.{name}]") == column.ravel().tolist(), name


def test_sliders_move_by_keys_and_say_where_they_are(page):
    depth, time = page.locator(".depth").first, page.locator(".time").first
    depth.focus()
    page.keyboard.press("ArrowLeft")
    assert (place(page), depth.get_attribute("aria-valuetext")) == ([2, 2], "block 2, step 40")
    time.focus()
    page.keyboard.press("ArrowLeft")
    assert (place(page), time.get_attribute("aria-valuetext")) == ([2, 1], "block 2, step 20")
    value = FACTS["slices"][FACTS["networks"][0]["slices"][1][2]]["readings"]["probe"][0]
    assert page.locator("#value").text_content() == f"{100 * value:.1f} %"


def test_a_mark_between_two_layers_is_between_its_places(page):
    def at(depth):
        page.evaluate(f"layerscope.glide(layerscope.state.views[0], {depth}, 2)")
        return np.array(page.evaluate("layerscope.where(7)"))

    first, middle, last = at(1), at(1.5), at(2)
    np.testing.assert_allclose(middle, (first + last) / 2, atol=0.1)
    assert np.hypot(*(last - first)) > 10


def test_movement_is_smooth_unless_motion_is_to_be_reduced(browser, tmp_path):
    with opened(browser, tmp_path, reduced_motion="no-preference") as page:
        page.evaluate("layerscope.glide(layerscope.state.views[0], 0, 0)")
        page.wait_for_timeout(250)
        depth, _ = place(page)
        assert 0 < depth < 3
        page.wait_for_timeout(1500)
        assert place(page) == [0, 0]
        page.locator(".depth-row .play").first.click()
        page.wait_for_timeout(900)
        assert 0 < place(page)[0] < 3
        page.locator(".depth-row .play").first.click()  # pause
        stopped = place(page)
        page.wait_for_timeout(1500)
        assert place(page) == stopped


def test_playing_goes_to_the_end_and_stops(page):
    button = page.locator(".time-row .play").first
    button.click()
    assert button.get_attribute("aria-label") == "Pause"
    page.wait_for_timeout(7000)
    assert place(page)[1] == 2
    assert button.get_attribute("aria-label") == "Play through training"


def test_pointing_tells_and_pressing_follows(page):
    i = alone(page)
    x, y = page.evaluate(f"layerscope.where({i})")
    page.mouse.move(x, y)
    told = page.locator("#sample").text_content()
    assert FACTS["ids"][i] in told
    assert "Network:" in told
    assert page.locator("#sample canvas").count() == 6  # its picture and those of its neighbours
    page.mouse.click(x, y)
    assert page.evaluate("layerscope.state.pinned") == i
    assert page.locator("#followed tr").count() == 4
    near = page.locator("#followed tr").nth(3).locator("button")
    wanted = [FACTS["ids"][j] for j in COLUMNS["near"][FACTS["networks"][0]["slices"][2][3], i]]
    assert [near.nth(j).get_attribute("title") for j in range(5)] == wanted
    near.nth(0).click()
    assert page.evaluate("layerscope.facts.ids[layerscope.state.pinned]") == wanted[0]
    page.keyboard.press("Escape")
    assert page.locator("#followed").is_hidden()


def test_arrow_keys_walk_from_mark_to_mark(page):
    page.locator(".map canvas").first.focus()
    page.keyboard.press("ArrowRight")
    first = page.evaluate("layerscope.state.hover")
    x0, x1 = (page.evaluate(f"layerscope.where({i})[0]") for i in (0, first))
    assert first > 0
    assert x1 > x0
    page.keyboard.press("Enter")
    assert page.evaluate("layerscope.state.pinned") == first


def test_search_finds_by_name_and_class(page):
    page.keyboard.press("/")
    page.keyboard.type("__proto__")
    found = page.evaluate("[...layerscope.state.found]")
    assert found == [i for i in range(120) if "__proto__" in FACTS["ids"][i] or FACTS["classes"][i % 5] == "__proto__"]
    page.locator("#key button").nth(2).click()
    assert page.evaluate("[...layerscope.state.found]") == list(range(2, 120, 5))


def test_a_region_is_listed_mistakes_first(page):
    page.locator("#selecting").check()
    box = page.locator(".map canvas").first.bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    chosen = page.evaluate("layerscope.state.region")
    inside = [i for i in range(120) if page.evaluate(f"layerscope.where({i})[1]") < box["y"] + box["height"] / 2]
    assert len(chosen) > 10
    assert set(chosen) <= set(inside)
    guess = COLUMNS["guess"][FACTS["networks"][0]["slices"][2][3]]
    wrong = sum(guess[i] != COLUMNS["targets"][i] for i in chosen)
    assert f"{len(chosen)} of 120" in page.locator("#region p").text_content()
    assert f"wrong on {wrong};" in page.locator("#region p").text_content()
    assert page.locator("#region .tile").count() == len(chosen)
    assert page.locator("#region .tile").nth(wrong).get_attribute("class") == "tile same"


def test_a_press_on_a_picture_finds_the_sample_it_shows(page):
    page.locator("#pictures").check()
    page.wait_for_timeout(100)
    shown = page.evaluate(
        "(() => { const v = layerscope.state.views[0]; return [...v.shown.cells].map(([cell, i]) => "
        "[...cell.split(' ').map(c => c * v.shown.size), i]); })()"
    )
    assert len(shown) > 10
    box = page.locator(".map canvas").first.bounding_box()
    for x, y, i in shown[:5]:
        page.mouse.move(box["x"] + x, box["y"] + y)
        assert page.evaluate("layerscope.state.hover") == i


def test_quick_presses_add_up(browser, tmp_path):
    with opened(browser, tmp_path, reduced_motion="no-preference") as page:
        page.locator("[data-go=close]").click()
        page.evaluate("layerscope.glide(layerscope.state.views[0], 0, 2, 1)")
        page.wait_for_timeout(200)
        page.locator(".depth").first.focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        page.wait_for_timeout(1200)
        assert place(page) == [3, 2]


def test_what_is_found_can_be_listed_and_let_go_by_keys(page):
    page.locator("#search").fill("__proto__")
    page.locator("#visible").press("Enter")
    found = page.evaluate("[...layerscope.state.found]")
    assert page.evaluate("layerscope.state.region") == found
    assert page.locator("#region .tile").count() == len(found)
    assert "probe" in page.locator("#region .tile").first.get_attribute("aria-label")
    page.locator("#clear").press("Enter")
    assert page.locator("#region").is_hidden()
    assert page.locator("#search").input_value() == ""


def test_zoom_keeps_what_is_under_the_pointer(page):
    box = page.locator(".map canvas").first.bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.wheel(0, -400)  # not asked for: the page may scroll, the map stays
    page.wait_for_timeout(100)
    assert page.evaluate("layerscope.state.views[0].scale / layerscope.state.views[0].whole") == 1
    page.locator(".map canvas").first.focus()
    x, y = page.evaluate("layerscope.where(3)")
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(100)
    np.testing.assert_allclose(page.evaluate("layerscope.where(3)"), [x, y], atol=1)
    assert page.evaluate("layerscope.state.views[0].scale / layerscope.state.views[0].whole") > 2
    page.mouse.dblclick(box["x"] + 20, box["y"] + 60)
    assert page.evaluate("layerscope.state.views[0].scale / layerscope.state.views[0].whole") == 1


def test_the_curve_is_a_way_to_move_and_shows_its_controls(page):
    page.locator("#curve .hit").nth(1).click()
    assert place(page) == [1, 2]
    assert page.locator("#curve-key").text_content() == "net 0net 1raw inputshuffled labels"
    page.locator("#measure").select_option("bits")
    assert page.locator("#value").text_content() == "1.50 bits"
    assert page.locator("#between").text_content() == "no interval can be had"


def test_the_tour_ends_with_two_maps_and_a_cell_of_cka_moves_both(page):
    page.locator("#tour-open").click()
    for _ in range(4):
        page.locator("[data-go=next]").click()
    assert page.locator("#tour h2").text_content() == "5/5  Stop 4"
    assert page.locator(".view:visible").count() == 2
    assert page.evaluate("layerscope.state.views.map(v => v.network)") == [0, 1]
    cell = page.locator("#alike button").nth(6)
    assert cell.get_attribute("aria-label") == "block 1 and block 2: 0.00"
    cell.click()
    assert (place(page), place(page, 1)) == ([1, 2], [2, 2])
    page.locator("[data-go=next]").click()
    assert page.locator("#tour").is_hidden()


def test_a_map_that_misleads_says_so(page):
    page.evaluate("layerscope.glide(layerscope.state.views[0], 0, 0)")
    assert "misleads" in page.locator(".trust summary").first.text_content()
    page.locator(".trust summary").first.click()
    assert "This map misleads." in page.locator(".trust div").first.text_content()
    page.evaluate("layerscope.glide(layerscope.state.views[0], 3, 2)")
    assert page.locator(".trust summary").first.text_content() == "Trust this map: 90.0 %"


def test_the_same_facts_stand_in_a_table_and_in_a_sentence(page):
    page.locator("#readings summary").click()
    rows = page.locator("#readings tbody tr")
    rows.first.wait_for()
    assert rows.count() == 24
    told = rows.nth(11).text_content()
    assert "block 3" in told
    assert "90.0 %" in told
    page.wait_for_timeout(700)
    assert (
        page.locator("#say").text_content().startswith("net 0, block 3, step 40: Probe accuracy 90.0 %, 95 % interval")
    )


@pytest.mark.parametrize("colour", ["class", "probe", "error", "sure", "group"])
def test_every_colour_paints_marks_in_light_and_dark(page, colour):
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.locator("#colour").select_option(colour)
        page.wait_for_timeout(100)
        shades = page.evaluate(
            "(() => { const v = layerscope.state.views[0]; layerscope.draw(v); return new Set(v.words).size; })()"
        )
        assert shades > 20
    page.emulate_media(color_scheme="light", reduced_motion="reduce")


@pytest.mark.parametrize("width", [360, 700, 1300])
def test_no_width_scrolls_sideways_and_every_control_has_a_name(page, width):
    page.set_viewport_size({"width": width, "height": 740})
    page.locator("#comparing").check()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    named = "e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.[0]?.textContent.trim()"
    unnamed = (
        f"[...document.querySelectorAll('button,input,select,canvas[tabindex],[role=button]')].filter(e => !({named}))"
    )
    assert page.evaluate(f"{unnamed}.map(e => e.outerHTML)") == []
    page.set_viewport_size({"width": 1300, "height": 900})


def test_names_and_texts_are_shown_as_they_are(browser, tmp_path):
    facts, columns = invented(texts=True)
    with opened(browser, tmp_path, facts, columns, pictures=False) as page:
        assert page.locator("h1").text_content() == facts["title"]
        page.evaluate("pin(0)")
        assert facts["texts"][0] in page.locator("#sample").text_content()
        assert facts["ids"][0] in page.locator("#followed caption").text_content()
        for i in range(6):
            page.evaluate(f"pin({i})")
        assert page.locator("#main script, #main img, h1 b").count() == 0
        assert page.locator("#pictures").is_hidden()


def test_it_stands_in_the_frame_of_another_page(browser, tmp_path):
    path = tmp_path / "outer.html"
    text = atlas_page(*invented(60), None)
    path.write_text(f'<iframe sandbox="allow-scripts" style="width:800px;height:700px" srcdoc="{html.escape(text)}">')
    with quiet_page(browser) as page:
        page.goto(path.as_uri())
        frame = page.frame_locator("iframe")
        frame.locator("html[data-ready]").wait_for()
        frame.locator("[data-go=close]").click()
        box = frame.locator(".depth").first.bounding_box()
        assert box["y"] + box["height"] < 700  # the slider can be seen without scrolling


def test_the_largest_page_moves_without_stutter(browser, tmp_path):
    facts, columns = invented(5000, 12, 6, 1)
    facts["ids"] = [f"sample {i}" for i in range(5000)]
    with opened(browser, tmp_path, facts, columns, pictures=False, reduced_motion="no-preference") as page:
        page.evaluate("layerscope.glide(layerscope.state.views[0], 0, 0, 1500)")
        page.wait_for_timeout(2500)
        times = page.evaluate("layerscope.frames")
        assert np.median(times) < 50, (
            f"median {np.median(times):.1f} ms of {len(times)} frames"
        )  # speed is in benchmarks
