"""What only a browser can see: accessibility, requests, width, and whether search, formulas and the dark work."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from chrome import PATIENCE, opened

from website import DOCS

AXE = DOCS / "node_modules" / "axe-core" / "axe.min.js"
NARROW = 360  # CSS pixels: a small phone
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async rules => {
  const found = await axe.run(document, {runOnly: rules, resultTypes: ['violations'], iframes: false, preload: false});
  return found.violations.map(v => `${v.id}: ${v.help} (${v.nodes.length}: ` +
    `${v.nodes.slice(0, 3).map(n => n.target.join(' ')).join('; ')})`);
}"""
WIDE = """() => {
  const boxes = document.querySelectorAll('html, .bd-main, .bd-content, .bd-article-container, .bd-article');
  for (const box of boxes) if (box.scrollWidth > innerWidth + 1) {
    const wide = [...box.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > innerWidth + 1);
    const one = wide.at(-1) || box;
    return [one.tagName.toLowerCase() + '.' + one.className, box.scrollWidth];
  }
}"""  # a table or a block of code may scroll in itself; the page may not
UNVEILED = "document.querySelectorAll('[data-marpit-svg]').forEach(slide => slide.removeAttribute('aria-hidden'))"
READY = """() => {
  const maths = window.MathJax?.startup?.promise;
  if (maths && !window.drawn) { maths.then(() => window.drawn = true); return false; }
  return !document.querySelector('#views') || document.documentElement.hasAttribute('data-ready');
}"""


def look(browser: Any, site: Path, name: str, shows: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """All that is looked for on every page: axe in light and dark, requests, width.

    Args:
        shows: what the page must hold: what is wrong where it does not -> a selector.
    """
    faults: list[str] = []
    with opened(browser, site / name, faults, name, color_scheme="light") as page:
        page.add_script_tag(path=str(AXE))
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            settled(page)
            faults += [f"{name}, {scheme}: {fault}" for fault in page.evaluate(RUN, RULES)]
        faults += [f"{name}: {words}" for words, selector in shows.items() if not page.locator(selector).count()]
        page.set_viewport_size({"width": NARROW, "height": 800})
        faults += too_wide(page, name)
    return list(dict.fromkeys(faults))


def look_at_slides(browser: Any, site: Path, name: str) -> list[str]:
    """Of a deck, which is wide and light only: axe as it opens, and with all slides below each other, as in print."""
    faults: list[str] = []
    with opened(browser, site / name, faults, name) as page:
        page.add_script_tag(path=str(AXE))
        faults += [f"{name}: {fault}" for fault in page.evaluate(RUN, RULES)]
        page.emulate_media(media="print")
        page.evaluate(UNVEILED)
        faults += [f"{name}: {fault}" for fault in page.evaluate(RUN, RULES)]
    return list(dict.fromkeys(faults))


def narrow(browser: Any, site: Path, name: str) -> list[str]:
    """Of a page that is like others which were looked at: width and requests."""
    faults: list[str] = []
    with opened(browser, site / name, faults, name, viewport={"width": NARROW, "height": 800}) as page:
        return list(dict.fromkeys(faults + too_wide(page, name)))


def too_wide(page: Any, name: str) -> list[str]:
    page.wait_for_timeout(150)
    wide = page.evaluate(WIDE)
    return [f"{name}: {wide[1]} pixels wide on a screen of {NARROW} ({wide[0]})"] if wide else []


def settled(page: Any) -> None:
    """Formulas drawn, an atlas unpacked."""
    page.wait_for_function(READY, timeout=PATIENCE)
    page.wait_for_timeout(100)


def works(browser: Any, site: Path, patience: int = PATIENCE) -> list[str]:
    """Search, the switch to dark, formulas, and the buttons that copy."""
    faults: list[str] = []
    with opened(browser, site / "index.html", faults, "index.html", color_scheme="light") as page:
        page.locator("button.theme-switch-button").first.click()
        page.locator("button.theme-change-button[data-mode=dark]").first.click()
        page.wait_for_timeout(200)
        if page.evaluate("document.documentElement.dataset.theme") != "dark":
            faults.append("index.html: the switch does not make it dark")
        page.keyboard.press("Tab")
        page.locator("button.search-button__button, button.search-button-field").first.click()
        page.locator("dialog input[type=search], .search-button__wrapper input[type=search]").first.fill("calibration")
        page.keyboard.press("Enter")
        try:
            page.wait_for_selector("#search-results li a", timeout=patience)
        except Exception as error:  # noqa: BLE001  whatever kept the results away is the fault
            faults.append(f"search: no result for a word that is there ({type(error).__name__})")
    return faults
