"""The lessons in JupyterLab, as `make lab` opens them."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from chromium import chromium, needs_chromium

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import nb

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def lab(tmp_path):
    """A server whose folder holds the first lesson as a learner gets it, with small numbers."""
    notebook = nbformat.read(nb.path(nb.LESSONS[0], "student"), 4)
    nb.smoke(notebook)
    nbformat.write(notebook, tmp_path / "lesson.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    settings = ["--IdentityProvider.token=learner", f"--ServerApp.root_dir={tmp_path}", "--LabApp.news_url=None"]
    log = (tmp_path / "lab.log").open("w")
    server = subprocess.Popen([*command, *settings], stdout=log, stderr=log, env=dict(os.environ))
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api?token=learner", tmp_path / "lab.log")
        yield f"{address}/lab/tree/lesson.ipynb?token=learner"
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def _wait_for(address: str, log: Path) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-2000:])


def test_a_lesson_opens_and_runs_to_its_end(lab, tmp_path):
    from playwright.sync_api import expect

    with chromium(alone=False) as browser:  # Jupyter is on this machine
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(lab)
        expect(page.get_by_role("heading", level=1).first).to_be_visible(timeout=60_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        _until_saved_with_all_outputs(page, tmp_path / "lesson.ipynb")


def _until_saved_with_all_outputs(page, path: Path) -> None:
    for _ in range(60):
        page.keyboard.press("Control+s")
        page.wait_for_timeout(3000)
        cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
        if all(cell.execution_count for cell in cells):
            errors = [o for cell in cells for o in cell.outputs if o.output_type == "error"]
            assert errors == []
            return
    raise AssertionError(f"{sum(not c.execution_count for c in cells)} of {len(cells)} cells did not run in 3 minutes.")
