"""How the library is built: which way imports point, and what importing costs and does."""

import ast
import subprocess
import sys
from pathlib import Path

import layerscope

ROOT = Path(layerscope.__file__).parent
# In the order in which data flows; a module may import from itself and from what stands above it.
LAYERS = [
    *("progress", "source", "download", "fetch", "tar", "archive", "card", "inputs", "columns", "dataset"),
    *(
        "table",
        "predictions_csv",
        "predictions_kinds",
        "predictions",
        "data",
        "torchvision_cpu",
        "models",
        "checkpoint",
        "train",
        "pretrain",
    ),
    *("judge", "see", "draw", "numbers", "maps", "study", "report", "lessons", "doctor", "main_job", "terminal"),
    *("classroom", "cli_data", "cli_class", "cli"),
]


def test_every_module_has_its_place():
    here = {
        p.stem if p.is_file() else p.name for p in ROOT.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    assert here - {"__init__", "__main__", "__pycache__"} == set(LAYERS)


def test_imports_point_only_upward():
    wrong = []
    for file in ROOT.rglob("*.py"):
        here = file.relative_to(ROOT).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("layerscope."):
                there = (node.module or "").split(".")[1]
                if not here.startswith("__") and LAYERS.index(there) > LAYERS.index(here):
                    wrong.append(f"{file.relative_to(ROOT)} imports {there}")
    assert wrong == []


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_brings_no_torch_and_changes_nothing():
    code = (
        "import os, sys; e = dict(os.environ); import layerscope; print('torch' in sys.modules, e == dict(os.environ))"
    )
    assert fresh(code).split() == ["False", "True"]


def test_judging_and_reading_archives_need_no_torch():
    names = "layerscope.judge, layerscope.archive, layerscope.fetch, layerscope.cli"
    code = f"import sys, {names}; print('torch' in sys.modules)"
    assert fresh(code).strip() == "False"


def test_every_public_name_can_be_had():
    for name in layerscope.__all__:
        assert getattr(layerscope, name) is not None


def test_no_file_is_longer_than_300_lines():
    long = {str(f.relative_to(ROOT)): n for f in ROOT.rglob("*.py") if (n := len(f.read_text().splitlines())) > 300}
    assert long == {}
