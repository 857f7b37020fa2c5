"""All checks of a finished site; an empty list means that all is well."""

from pathlib import Path

from website import DOCS, browser, links

SAMPLED = ("api", "data", "atlas")  # folders of pages that are alike: the first and the largest stand for all
SHOWS = {
    "how-to-read-a-layer.html": {
        "formulas are not drawn": "mjx-container svg",
        "no button copies code": "button.copybtn",
    },
    "index.html": {"the atlas is missing": "iframe.atlas"},
}


def check(site: Path, fetch: bool = False) -> list[str]:
    if not (site / "index.html").exists():
        return [f"{site} has no index.html. First: python tools/site.py build"]
    pages = links.read(site)
    faults = links.dead(site, pages) + links.foreign(site, pages) + links.typed_numbers(DOCS)
    outside = links.external(pages)
    print(
        f"{len(pages)} pages; {len(outside)} external links" + ("" if fetch else ", not fetched (--links does)"),
        flush=True,
    )
    if fetch:
        faults += links.unanswered(outside)
    if browser.PROGRAM is None:
        return [*faults, "no Chromium was found, so accessibility, requests and width were not checked"]
    if not browser.AXE.exists():
        return [*faults, "axe-core is not there; it is fetched with: npm ci --prefix docs"]
    return faults + seen(site)


def seen(site: Path) -> list[str]:
    faults: list[str] = []
    with browser.chromium() as running:
        closely = kinds(site)
        for name in closely:
            faults += _said(name, browser.look(running, site, name))
        for name in names(site):
            if name not in closely and not name.startswith(
                "slides/"
            ):  # those are wide, and tools/slides.py checks them
                faults += _said(name, browser.narrow(running, site, name))
        faults += browser.works(running, site)
        for name, what in SHOWS.items():
            faults += browser.has(running, site, name, what)
    return faults


def _said(name: str, found: list[str]) -> list[str]:
    print("FAULT" if found else "ok   ", name, flush=True)
    return found


def names(site: Path) -> list[str]:
    pages = (path.relative_to(site) for path in sorted(site.rglob("*.html")))
    return [page.as_posix() for page in pages if "_static" not in page.parts]


def kinds(site: Path) -> list[str]:
    """Every page that was written by hand, every lesson, and of pages that are alike the first and the largest."""
    every = names(site)
    chosen = [name for name in every if name.split("/")[0] not in (*SAMPLED, "slides")]
    for folder in SAMPLED:
        if own := [name for name in every if name.split("/")[0] == folder]:
            chosen += [own[0], max(own, key=lambda name: (site / name).stat().st_size)]
    return list(dict.fromkeys(chosen))
