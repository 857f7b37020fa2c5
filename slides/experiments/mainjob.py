"""The main job, `layerscope run mednist`: its layer curves, scores, few labels and maps."""

import gzip
import json
import os
import re
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import torch

from layerscope.checkpoint import load_model
from layerscope.data import DATASETS
from layerscope.data.splits import SPLITS
from layerscope.inputs import Images
from layerscope.judge import wilson
from layerscope.report.words import interpret
from layerscope.study.data import WORLDS, thin
from layerscope.study.folder import SMALL_ATLAS, RunFolder
from layerscope.study.plan import Plan

ROOT = Path(__file__).resolve().parents[2]


def mednist() -> dict[str, Any]:
    """What the run in the folder SLIDES_RUN found; without it, the job is run."""
    folder = Path(os.environ.get("SLIDES_RUN") or ROOT / "runs" / "slides")
    if not (folder / "report.html").exists():
        command = [sys.executable, "-m", "layerscope", "run", "mednist", "--seed", "0", "--out", str(folder)]
        subprocess.run([*command, *(["--resume"] if folder.exists() else [])], check=True)
    return take(RunFolder(folder))


def take(run: RunFolder) -> dict[str, Any]:
    facts = run.run
    return {
        "job": {
            "command": "layerscope run mednist --seed 0",
            "device": facts["device"],
            "seconds": facts["seconds"],
            "started": facts["started"],
            "samples": facts["samples"],
            "groups": facts["groups"],
            "duplicates": facts["grouping"]["duplicates"],
            "seeds": facts["plan"]["seeds"],
            "parts": facts["parts"],
        },
        "classes": facts["classes"],
        "accuracy": {
            world: {method: found["accuracy"] for method, found in run.found(f"judged-{world}")["scores"].items()}
            for world in WORLDS
        },
        "ahead": {world: run.found(f"judged-{world}")["differences"] for world in WORLDS},
        "flattered": run.found("flattered") | {"as_reported": as_reported(run)},
        "probes": probes(run),
        "layers": {
            f"{world}-{net}": [
                {kind: [slim(reading) for reading in seed[kind]] for kind in ("trained", "untrained")}
                for seed in run.layers(world, net)
            ]
            for world in WORLDS
            for net in ("cnn", "mlp")
        },
        "learned": {world: [seed["learned"] for seed in run.layers(world, "cnn")] for world in WORLDS},
        "words": {world: interpret("cnn", world, run.layers(world, "cnn")) for world in WORLDS},
        "few": {world: run.found(f"few-{world}") for world in WORLDS},
        "shapes": shapes(run.path / "model-wild"),
        "maps": maps(run.path / SMALL_ATLAS),
    }


def plan_of(run: RunFolder) -> Plan:
    return Plan(**{key: run.run["plan"][key] for key in ("data", "split", "seed", "labels", "quick", "precision")})


def as_reported(run: RunFolder) -> dict[str, Any]:
    """Accuracy by a random split, with the interval that would be written beside it: each image as if it were alone."""
    plan, loaded = plan_of(run), DATASETS[run.run["plan"]["data"]].load(None, bool(run.run["skipped"]))
    if loaded.identity != run.run["identity"]:
        raise SystemExit(f"{run.path} was made from other images than these.")
    test = SPLITS["random"](loaded.dataset, plan.seed)["test"]
    n = len(thin(test, plan.limits(len(loaded.dataset.classes))["test"], plan.seed))
    found = {}
    for method, right in run.found("flattered")["accuracy"].items():
        low, high = wilson(round(right["random"] * n), n)
        found[method] = {"value": right["random"], "low": low, "high": high, "samples": n}
    return found


def probes(run: RunFolder) -> dict[str, int]:
    """How many images the straight lines of the layer curves learned from (val), and were judged on (test)."""
    most, parts = plan_of(run).read, run.run["parts"]
    return {part: min(most, parts[part]["samples"]) for part in ("val", "test")}


def shapes(model: Path) -> dict[str, list[int]]:
    """Features and places of each stage of the network."""
    network = load_model(model)[0].eval()
    image = Images(torch.zeros(1, 1, 64, 64, dtype=torch.uint8))
    with torch.no_grad():
        return {stage.name: list(stage.h.shape[1:]) for stage in network.stages(image)}


def slim(reading: dict[str, Any]) -> dict[str, Any]:
    """What a layer curve is drawn from."""
    return {key: reading[key] for key in ("stage", "features", "probe", "few", "neighbours", "equal", "shuffled")}


def maps(page: Path) -> dict[str, Any]:
    """Where the atlas of the report draws each image, in every layer of the trained network and of its twin."""
    text = page.read_text(encoding="utf-8")
    facts, columns = (
        json.loads(re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', text, re.S)[1])  # type: ignore[index]
        for name in ("facts", "columns")
    )
    xy = unpacked(columns["xy"])
    return {
        "classes": facts["classes"],
        "targets": unpacked(columns["targets"]),
        "networks": [
            {
                "name": network["name"],
                "stages": network["stages"],
                "slices": [
                    {
                        "xy": np.round(xy[number] / 32).astype(int),
                        "probe": facts["slices"][number]["readings"]["probe"],
                        "seen": facts["slices"][number]["map"]["seen"],
                    }
                    for number in network["slices"][-1]
                ],
            }
            for network in facts["networks"]
        ],
    }


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    """A column of the page: little endian, gzip, base64; along slices as differences, which wrap."""
    raw = gzip.decompress(b64decode(packed["data"]))
    column = np.frombuffer(raw, np.dtype(packed["dtype"]).newbyteorder("<")).reshape(packed["shape"])
    return np.cumsum(column, axis=0, dtype=column.dtype) if packed["along"] else column
