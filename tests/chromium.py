"""Chromium, for tests of pages; where there is none, `needs_chromium` skips them and says so."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import chrome
import pytest

needs_chromium = pytest.mark.skipif(not chrome.PROGRAM, reason="needs Chromium")


@contextmanager
def chromium(alone: bool = True) -> Iterator[Any]:
    """A browser, as `chrome.chromium`."""
    pytest.importorskip("playwright.sync_api")
    with chrome.chromium(alone) as browser:
        yield browser


@contextmanager
def quiet_page(running: Any = None, **how: Any) -> Iterator[Any]:
    """A page that must say nothing on its console and ask for nothing from outside; opens a browser if none runs."""
    said: list[str] = []
    asked: list[str] = []
    with nullcontext(running) if running else chromium() as browser:
        page = browser.new_page(**how)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        yield page
        page.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
