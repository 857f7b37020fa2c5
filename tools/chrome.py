"""Chromium for the slides, the website and the tests: found, started, and a page opened in it."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (  # where macOS and Windows install it
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    f"{os.environ.get('PROGRAMFILES', '')}/Google/Chrome/Application/chrome.exe",
)
KEPT = {"darwin": "Library/Caches", "win32": "AppData/Local"}  # where Playwright keeps its own; else .cache
OWN = ("chromium-*/chrome-*/chrome", "chromium-*/chrome-*/chrome.exe", "chromium-*/chrome-*/*.app/Contents/MacOS/*")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
ALONE = ["--host-resolver-rules=MAP * ~NOTFOUND", "--no-proxy-server"]
PATIENCE = 120_000  # milliseconds: a machine may be busy


def found() -> str | None:
    """The program: what CHROME_PATH names, one on the path or in its usual place, else Playwright's own."""
    if named := os.environ.get("CHROME_PATH"):
        return named
    if on_path := next(filter(None, map(shutil.which, NAMES)), None):
        return on_path
    kept = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or _kept())
    own = [path for form in OWN for path in sorted(kept.glob(form), reverse=True)]
    return next((str(path) for path in [*map(Path, PLACES), *own] if path.is_file()), None)


def _kept() -> Path:
    return Path.home() / KEPT.get(sys.platform, ".cache") / "ms-playwright"


PROGRAM = found()


@contextmanager
def chromium(alone: bool = True) -> Iterator[Any]:
    """A browser. Alone, it reaches no server, not even one on this machine."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=PROGRAM, args=FLAGS + ALONE * alone)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, path: Path, faults: list[str], name: str, whole: bool = False, **how: Any) -> Iterator[Any]:
    """A page from its file. An error that it says, or what it asks of another server, is a fault.

    Args:
        faults: what is found is put here, each with `name` before it.
        whole: files beside it are a fault too: the page must hold all it shows.
    """
    path = path.resolve()
    inside = ("data:", "blob:", "about:", path.as_uri() if whole else "file:")
    page = browser.new_page(reduced_motion="reduce", **how)

    def said(message: Any) -> None:
        where = message.location["url"]
        if message.type == "error" and (not where or where.startswith(inside)):  # else its request is named
            faults.append(f"{name}: says {message.text!r}")

    def asked(request: Any) -> None:
        if not request.url.startswith(inside):
            faults.append(f"{name}: asks for {request.url}")

    page.on("console", said)
    page.on("pageerror", lambda error: faults.append(f"{name}: fails with {error}"))
    page.on("request", asked)
    try:
        page.goto(path.as_uri(), timeout=PATIENCE)
        page.wait_for_load_state("load")
        yield page
    finally:
        page.close()
