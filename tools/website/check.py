"""All checks of a finished site; an empty list means that all is well."""

from pathlib import Path
from typing import Any

import chrome

from website import DOCS, browser, links

SAMPLED = ("api", "data", "atlas")  # folders of pages that are alike: the first and the largest stand for all
SHOWS = {
    "how-to-read-a-layer.html": {
        "formulas are not drawn": "mjx-container svg",
        "no button copies code": "button.copybtn",
    },
    "index.html": {"the atlas is missing": "iframe.atlas"},
}


def check(site: Path) -> list[str]:
    if not (site / "index.html").exists():
        return [f"{site} has no index.html. First: python tools/site.py build"]
    pages = links.read(site)
    faults = links.dead(site, pages) + links.foreign(site, pages) + links.typed_numbers(DOCS)
    print(f"{len(pages)} pages; links to other places are not fetched (make links does)", flush=True)
    if chrome.PROGRAM is None:
        return [*faults, "no Chromium was found, so accessibility, requests and width were not checked"]
    if not browser.AXE.exists():
        return [*faults, "axe-core is not there; it is fetched with: npm ci --prefix docs"]
    with chrome.chromium() as running:
        return faults + seen(running, site)


def seen(running: Any, site: Path) -> list[str]:
    """What a browser finds on every page."""
    faults = [f"{name} is not there" for name in SHOWS if name not in names(site)]
    closely = kinds(site)
    for name in names(site):
        if is_deck(name):
            found = browser.look_at_slides(running, site, name)
        elif name in closely:
            found = browser.look(running, site, name, SHOWS.get(name, {}))
        else:
            found = browser.narrow(running, site, name)
        print("FAULT" if found else "ok   ", name, flush=True)
        faults += found
    return faults + browser.works(running, site)


def names(site: Path) -> list[str]:
    pages = (path.relative_to(site) for path in sorted(site.rglob("*.html")))
    return [page.as_posix() for page in pages if "_static" not in page.parts]


def is_deck(name: str) -> bool:
    return name.startswith("slides/") and not name.endswith("-notes.html")


def kinds(site: Path) -> list[str]:
    """Every page that was written by hand, every lesson, and of pages that are alike the first and the largest."""
    every = [name for name in names(site) if not is_deck(name)]
    chosen = [name for name in every if name.split("/")[0] not in SAMPLED]
    for folder in SAMPLED:
        if own := [name for name in every if name.split("/")[0] == folder]:
            chosen += [own[0], max(own, key=lambda name: (site / name).stat().st_size)]
    return list(dict.fromkeys(chosen))
