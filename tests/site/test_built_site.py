"""A small site, built strictly, passes every check of the website; and each check fails where it should."""

import importlib.util
import json
import shutil
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import chrome
import pytest
import small_site
from small_site import DECKS, builds, sees
from website import DOCS, assemble, browser, check, links, outside

BROKEN = """<img src="_static/mark.svg"><button></button>
<p style="color:#999;background:#aaa">pale words</p>
<style>html[data-theme="dark"] .dim { color: #222; }</style><p class="dim">words</p>
<div style="width:900px">wide</div>
<script>fetch("https://example.invalid/x").catch(() => 0); console.error("oh"); nothing.there()</script>
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    assemble.write(small_site.files(folder), folder / "src")
    return folder / "src"


@pytest.fixture(scope="module")
def site(sources) -> Path:
    assemble.sphinx(sources, sources.parent / "site")
    return sources.parent / "site"


@pytest.fixture(scope="module")
def running():
    with chrome.chromium() as opened:
        yield opened


def changed(site: Path, copy: Path, name: str, more: str) -> Path:
    """A copy of the site, one page of which says more."""
    shutil.copytree(site, copy, dirs_exist_ok=True)
    text = (copy / name).read_text(encoding="utf-8")
    assert "</article>" in text
    (copy / name).write_text(text.replace("</article>", f"{more}</article>", 1), encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def broken(site, tmp_path_factory) -> Path:
    """The site with a page that has every fault that only a browser sees, and without an index to search."""
    copy = changed(site, tmp_path_factory.mktemp("broken"), "accessibility.html", BROKEN)
    (copy / "searchindex.js").write_text("", encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def seen(broken, running) -> list[str]:
    return browser.look(running, broken, "accessibility.html", {"no formula": "mjx-container svg"})


@builds
def test_the_small_site_is_whole(site):
    pages = links.read(site)
    made = {str(path.relative_to(site)) for path in pages}
    assert made >= {"index.html", "lessons/small.html", "atlas/start.html", "slides/part-1.html"}
    assert links.dead(site, pages) + links.foreign(site, pages) == []
    assert "It costs nothing" in (site / "index.html").read_text(encoding="utf-8")
    assert (site / ".nojekyll").exists()
    slides = (site / "slides.html").read_text(encoding="utf-8")
    assert '<a href="slides/part-1.pdf">PDF</a>' in slides and (site / "slides" / "part-1.pdf").exists()


@builds
@sees
def test_the_small_site_passes_every_check(site, running, monkeypatch):
    shows = {"no formula": "mjx-container svg", "no button": ".copybtn", "no atlas": "iframe.atlas"}
    monkeypatch.setattr(check, "SHOWS", {"index.html": shows, "nowhere.html": {}})
    assert {"index.html", "lessons/small.html", "slides/part-1-notes.html"} < set(check.kinds(site))
    assert "slides/part-1.html" not in check.kinds(site) and "genindex.html" in check.names(site)
    shown = ["index.html", "lessons/small.html", "atlas/start.html", "search.html"]  # one of a kind
    shown += [f"slides/{deck}" for deck in DECKS if deck.endswith(".html")]
    monkeypatch.setattr(check, "names", lambda site: shown)
    assert check.seen(running, site) == ["nowhere.html is not there"]


@builds
@sees
def test_what_scrolls_can_be_reached_and_has_a_name(site, running):
    faults = []
    with chrome.opened(running, site / "index.html", faults, "index", viewport={"width": 360, "height": 800}) as page:
        found = page.evaluate(
            "[...document.querySelectorAll('pre[aria-label]')].map(e => [e.tabIndex, e.role, e.ariaLabel])"
        )
    assert found == [[0, "group", "Code: A small site"]] and faults == []


@builds
@pytest.mark.parametrize(
    ("into", "found"),
    [
        ('<a href="nowhere.html">x</a>', "index.html: nowhere.html is not there"),
        ('<a href="accessibility.html#nowhere">x</a>', "accessibility.html#nowhere has no such place on its page"),
        ('<a href="../../outside.html">x</a>', "../../outside.html leads out of the site's folder"),
        ('<img src="https://example.org/x.png" alt="x">', "index.html loads https://example.org/x.png"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "index.html loads //example.org/x.css"),
        ('<iframe src="https://example.org"></iframe>', "index.html loads https://example.org"),
    ],
)
def test_broken_links_and_foreign_files_are_found(site, tmp_path, into, found):
    copy = changed(site, tmp_path, "index.html", into)
    pages = links.read(copy)
    faults = links.dead(copy, pages) + links.foreign(copy, pages)
    assert len(faults) == 1 and found in faults[0]


@builds
@sees
@pytest.mark.parametrize(
    "said",
    [
        *(", light: image-alt", ", dark: button-name", ", light: color-contrast", "asks for https://example.invalid/x"),
        *("says 'oh'", "fails with nothing is not defined", "pixels wide on a screen of 360"),
        "accessibility.html: no formula",
    ],
)
def test_what_a_browser_sees_is_found(seen, said):
    assert any(said in fault for fault in seen)


@builds
@sees
def test_a_fault_of_the_dark_alone_is_found(seen):
    of_it = [fault for fault in seen if ".dim" in fault]
    assert len(of_it) == 1 and ", dark: color-contrast" in of_it[0]


@builds
@sees
def test_a_wide_page_and_a_dead_search_are_found(broken, running):
    assert any("pixels wide" in fault for fault in browser.narrow(running, broken, "accessibility.html"))
    assert any(fault.startswith("search: no result") for fault in browser.works(running, broken, patience=500))


@builds
def test_a_warning_stops_the_build(sources, tmp_path, capfd):
    own = {name: sources / name for name in ("conf.py", "_made/facts.json")}
    assemble.write(own | {"index.md": "# A\n\n{{ unknown }} [x](nowhere.md)\n"}, tmp_path / "src")
    with pytest.raises(SystemExit, match="Sphinx found fault"):
        assemble.sphinx(tmp_path / "src", tmp_path / "site")
    said = capfd.readouterr().err
    assert "nowhere.md" in said and "unknown" in said


class Answers(BaseHTTPRequestHandler):
    """/200 is there, /404 is not, /403 wants no programs."""

    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(int(self.path[1:]))
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *said): ...


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    Answers.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@sees
def test_what_a_page_asks_of_a_server_is_said_and_never_sent(running, server, tmp_path):
    page, faults = tmp_path / "a.html", []
    page.write_text(f'<!doctype html><img src="{server}/200"><img src="beside.png">', encoding="utf-8")
    with chrome.opened(running, page, faults, "a"):
        pass
    assert faults == [f"a: asks for {server}/200", "a: says 'Failed to load resource: net::ERR_FILE_NOT_FOUND'"]
    assert Answers.asked == []
    faults.clear()
    with chrome.opened(running, page, faults, "a", whole=True):
        pass
    assert faults == [f"a: asks for {server}/200", f"a: asks for {(tmp_path / 'beside.png').as_uri()}"]


def test_chromium_is_found(monkeypatch, tmp_path):
    monkeypatch.delenv("CHROME_PATH", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "own"))
    monkeypatch.setattr(chrome, "PLACES", ())
    assert chrome.found() is None
    programs = [tmp_path / "own" / "chromium-1" / "chrome-linux64" / "chrome", tmp_path / "bin" / "chromium"]
    for program in programs:
        program.parent.mkdir(parents=True)
        program.touch(mode=0o755)
        assert chrome.found() == str(program)
    monkeypatch.setenv("CHROME_PATH", "mine")
    assert chrome.found() == "mine"


@builds
def test_a_dead_link_to_another_place_is_found(sources, tmp_path, server):
    own = {name: sources / name for name in ("conf.py", "_made/facts.json")}
    text = f"# A\n\n<{server}/200> <{server}/404> <{server}/403> <https://example.org/blob/main/x.py>\n"
    assemble.write(own | {"index.md": text}, tmp_path / "src")
    (fault,) = outside.linkcheck(tmp_path / "src", tmp_path / "found")
    assert fault.startswith(f"{server}/404: 404 ") and fault.endswith("(linked from index.md)")


def test_no_report_is_a_fault(tmp_path):
    with pytest.raises(SystemExit, match="Sphinx could not look at the links"):
        outside.linkcheck(tmp_path, tmp_path / "found")


def test_a_doi_is_asked_of_its_registry(tmp_path):
    assemble.write({"conf.py": DOCS / "conf.py", "_made/facts.json": '{"version": "0", "repository": "x"}'}, tmp_path)
    spec = importlib.util.spec_from_file_location("conf", tmp_path / "conf.py")
    conf = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conf)
    assert conf.registered(None, "https://doi.org/10.1/x") == "https://doi.org/api/handles/10.1/x"
    assert conf.registered(None, "https://example.org/10.1/x") is None
    row = {"uri": "https://doi.org/api/handles/10.1/x", "status": "broken", "info": "404 x", "filename": "a.md"}
    assert outside.dead(json.dumps(row)) == ["https://doi.org/10.1/x: 404 x (linked from a.md)"]
