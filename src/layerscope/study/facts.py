"""What a report must say of a run: data, machine, versions; and the card of the network it leaves."""

import os
import platform
import resource
import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from layerscope.data.loaded import Loaded
from layerscope.data.published import PUBLISHED
from layerscope.numbers import interval, number
from layerscope.study.cases import FIRST
from layerscope.study.data import WILD, StudyData
from layerscope.study.folder import RunFolder
from layerscope.study.plan import Plan
from layerscope.train import choose_device


def describe_run(plan: Plan, loaded: Loaded, note: str) -> dict[str, Any]:
    dataset, grouping = loaded.dataset, loaded.grouping
    return describe_source(plan.describe(), loaded, note) | {
        "cases": None if dataset.cases is None else len(np.unique(dataset.cases)),
        "published": PUBLISHED.get(dataset.source.name, ()),
        "grouping": grouping
        and {
            "duplicates": grouping.duplicates,
            "thresholds": {dataset.classes[k]: r for k, r in grouping.thresholds.items()},
            "ratios": {dataset.classes[k]: r for k, r in grouping.ratios.items()},
        },
        "wild": vars(WILD),
    }


def describe_source(plan: dict[str, Any], loaded: Loaded, note: str) -> dict[str, Any]:
    """What a report says of any run."""
    dataset = loaded.dataset
    return {
        "plan": plan,
        "identity": loaded.identity,
        "note": note,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in ("layerscope", "torch", "numpy", "scikit-learn")}
        | {"python": platform.python_version()},
        "device": _device(),
        "source": {name: getattr(dataset.source, name) for name in ("name", "title", "license", "citation", "group")},
        "origin": loaded.origin,
        "samples": len(dataset),
        "classes": list(dataset.classes),
        "groups": len(np.unique(dataset.groups)),
        "skipped": [list(bad) for bad in loaded.skipped],
    }


def describe_parts(data: StudyData) -> dict[str, Any]:
    found = {}
    for name, part in data.worlds["clean"].items():
        targets = part.targets.numpy()
        found[name] = {
            "samples": len(part),
            "groups": len(np.unique(part.groups)),
            "cases": None if part.cases is None else len(np.unique(part.cases)),
            "classes": {
                c: {"samples": int((targets == k).sum()), "groups": len(np.unique(part.groups[targets == k]))}
                for k, c in enumerate(data.classes)
            },
        }
    return found


def peak_memory() -> int:
    """Bytes this process has held at most, memory-mapped files included."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def card(folder: RunFolder, world: str) -> str:
    """A model card (Mitchell et al. 2019, doi:10.1145/3287560.3287596) of the convolutional network."""
    run, judged = folder.run, folder.found(f"judged-{world}")
    rows = [
        f"| {metric} | {number(s['value'], '.4f')} | {number(s['low'], '.4f')} to {number(s['high'], '.4f')} |"
        for metric, s in judged["scores"]["cnn"].items()
    ]
    by_case = []
    if cases := folder.found(f"cases-{world}"):
        way, file = cases["ways"][FIRST], "cases.csv" if world == "clean" else f"cases-{world}.csv"
        kappa, threshold = way["scores"]["all"]["kappa"], way["threshold"]
        by_case = [
            f"- By case ({cases['cases']:,}, the {FIRST} of the images' probabilities): kappa "
            f"{number(kappa['value'], '.3f')}, {interval(kappa, lambda end: f'{end:.3f}')}."
        ]
        if threshold is not None:
            by_case.append(
                f"- Cases are decided at the threshold {threshold:.4f} of the {FIRST}, chosen on validation cases for "
                f"the greatest kappa. Probabilities in {file} are moved so that it lies at one half there."
            )
    images = "as they are" if world == "clean" else "in the wild (rotated, shrunk, shifted, noisy)"
    test = run["parts"]["test"]
    return "\n".join(
        [
            f"# CNN for {run['source']['title']}, images {images}",
            "",
            f"Trained {run['started']} by layerscope {run['versions']['layerscope']}, seed {run['plan']['seed']}, "
            f"split `{run['plan']['split']}`.",
            "",
            f"- Data: {run['origin']}. Licence {run['source']['license']}. {run['source']['citation']}.",
            f"- Classes: {', '.join(run['classes'])}.",
            f"- Groups: {run['source']['group']}.",
            f"- Tested once on {test['samples']:,} images in {test['groups']:,} groups.",
            *by_case,
            "",
            "| metric | value | 95 % interval |",
            "|---|---|---|",
            *rows,
            "",
            "Made for teaching. Not a medical device; it has seen no patient, scanner or site but those of these data.",
            "",
        ]
    )


def command(plan: Mapping[str, Any], path: Path | None = None, skip_bad: bool = False) -> str:
    """What to type in a shell for such a run."""
    words = ["layerscope", "run", plan["data"]]
    columns = plan.get("columns")
    for name, column in (columns or {"data": path and str(path), "split": plan["split"]}).items():
        for each in column if isinstance(column, list) else [column] * bool(column):
            words += [f"--{name}", each]
    words += ["--seed", str(plan["seed"]), *["--quick"] * plan["quick"], *["--skip-bad"] * skip_bad]
    for name, usual in (("labels", None), ("tokens", None), ("precision", "fp32"), ("network", "minilm")):
        value = plan.get(name, usual)
        words += [f"--{name}", str(value)] if value != usual else []
    return shlex.join(words)


def _device() -> str:
    device = choose_device()
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
