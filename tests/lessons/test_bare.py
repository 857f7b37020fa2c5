"""A learner has the notebook alone: an environment like Colab's, with torch and an older NumPy already there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import nb

NUMPY = "1.26.4" if sys.version_info < (3, 13) else "2.1.3"
HERE = ("numpy", "torch", "matplotlib")  # what must be as it was
VERSIONS = f"import json, importlib.metadata as m; print(json.dumps([m.version(n) for n in {HERE}]))"


def call(*command: str | Path, **env: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """An environment without layerscope, and a folder with its wheel, in the place of the package registry."""
    folder = tmp_path_factory.mktemp("bare")
    call(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder / "wheels", ROOT)
    call(sys.executable, "-m", "venv", folder / "env")
    python = folder / "env" / "bin" / "python"
    pins = (ROOT / "constraints.txt").read_text().split()
    wanted = [f"numpy=={NUMPY}", next(pin for pin in pins if pin.startswith("torch==")), "matplotlib", "ipykernel"]
    call(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted)
    call(python, "-m", "ipykernel", "install", "--prefix", folder / "jupyter", "--name", "bare")
    return folder


def test_the_notebook_alone_installs_what_it_needs_and_replaces_nothing(bare, tmp_path, monkeypatch):
    python = bare / "env" / "bin" / "python"
    before = json.loads(call(python, "-c", VERSIONS))
    assert before[0] == NUMPY
    notebook = nbformat.read(nb.path(nb.LESSONS[0], "student"), 4)
    nb.smoke(notebook)
    where = "import layerscope; print(layerscope.__file__)"
    notebook.cells.append(nbformat.v4.new_code_cell(where))
    monkeypatch.setenv("JUPYTER_PATH", str(bare / "jupyter" / "share" / "jupyter"))
    nb.execute(
        notebook, tmp_path, {"PIP_FIND_LINKS": str(bare / "wheels"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}, "bare"
    )
    assert str(bare) in notebook.cells[-1].outputs[0].text
    assert json.loads(call(python, "-c", VERSIONS)) == before


def test_where_pip_cannot_install_the_first_cell_says_so(bare, tmp_path, monkeypatch):
    call(bare / "env" / "bin" / "python", "-m", "pip", "uninstall", "-q", "-y", "layerscope")
    notebook = nbformat.read(nb.path(nb.LESSONS[0], "student"), 4)
    notebook.cells = notebook.cells[:3]
    notebook.cells[2].metadata["tags"] = ["raises-exception"]
    monkeypatch.setenv("JUPYTER_PATH", str(bare / "jupyter" / "share" / "jupyter"))
    nb.execute(notebook, tmp_path, {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}, "bare")
    said = json.dumps(notebook.cells[2].outputs)
    assert "pip could not install layerscope: its message stands above." in said
