"""A network on disk: weights (safetensors), configuration (JSON) and card (Markdown) in one folder. No pickle."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from layerscope.models import MODELS
from layerscope.models.layered import Layered, Scale
from layerscope.source import DataError


def build(name: str, config: Mapping[str, Any], seed: int) -> Layered:
    """A network with fresh weights; the caller's random state stays as it was."""
    if name not in MODELS:
        raise ValueError(f"no network is called {name!r}. There are: {', '.join(MODELS)}.")
    network, configuration = MODELS[name]
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return network(configuration(**fields))


def save_model(folder: Path, name: str, model: Layered, classes: tuple[str, ...], card: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    description = {"model": name, "config": asdict(model.config), "classes": list(classes)}
    description |= {} if model.scale is None else {"scale": model.scale._asdict()}
    save_tensors(folder / "weights.safetensors", model.state_dict(), {})
    write_text(folder / "config.json", json.dumps(description, indent=2) + "\n")
    write_text(folder / "card.md", card)


def load_model(folder: Path) -> tuple[Layered, tuple[str, ...]]:
    """The network and the names of its classes.

    Raises:
        DataError: if a file is missing or does not fit.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise DataError(f"{folder} holds no network: needed config.json and weights.safetensors there.")
    description = json.loads(path.read_text())
    model = build(description["model"], description["config"], seed=0)
    tensors, _ = load_tensors(folder / "weights.safetensors")
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise DataError(f"{folder}: the weights do not fit the configuration. {error}") from error
    model.scale = Scale(**description["scale"]) if "scale" in description else None
    return model.eval(), tuple(description["classes"])


def save_moment(folder: Path, step: int, model: Layered) -> None:
    """The weights after so many steps of training."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / f"step-{step:06}.safetensors", model.state_dict(), {"step": str(step)})


def load_moments(folder: Path) -> dict[str, dict[str, Tensor]]:
    """Name, such as "step 20", -> weights, in the order of training; empty where none were kept."""
    found = [load_tensors(file) for file in sorted(folder.glob("step-*.safetensors"))]
    return {f"step {notes['step']}": tensors for tensors, notes in found}


def save_tensors(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> None:
    """Written beside and moved into place, so that a kill at any moment leaves the old file or the new one."""
    data = save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, dict(notes))
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, and the notes saved with them."""
    try:
        with safe_open(path, framework="pt") as file:
            names: list[str] = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} cannot be read as safetensors: {error}. Delete it and train again.") from error


def write_text(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")  # the same bytes on every system
    part.replace(path)
