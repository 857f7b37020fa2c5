"""Walk through networks, from layer to layer and from moment to moment, and keep of each slice what the atlas shows.

A slice is one stage of one network at one moment of its training. The raw input is the same at every moment, so it is
one slice. Features wait on disk until the maps are drawn, so memory holds one network's at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from layerscope.dataset import Dataset
from layerscope.models.borrowed import Borrowed
from layerscope.models.layered import Layered
from layerscope.predictions import Predictions
from layerscope.progress import Progress
from layerscope.see.activations import activations
from layerscope.see.curve import Reading, narrowest, read
from layerscope.see.description import description_length
from layerscope.see.geometry import Geometry, geometry
from layerscope.see.influence import Estimate
from layerscope.see.map2d import Neighbourhood, neighbourhood
from layerscope.see.neighbours import other_neighbours

NEAR = 5  # neighbours that the page shows of each sample


@dataclass(frozen=True)
class Network:
    """What is to be walked through."""

    name: str
    moments: Mapping[str, Layered]  # in the order of training; the last is the network as it is used
    control: bool = False  # an untrained twin


class Slice(NamedTuple):
    features: int
    reading: Reading
    geometry: Geometry
    bits: Estimate  # per label
    near: Int[Tensor, "s k"]
    neighbourhood: Neighbourhood
    file: Path

    @property
    def z(self) -> Float[Tensor, "s d"]:
        return torch.from_numpy(np.load(self.file))

    def rows(self, index: Int[np.ndarray, " r"]) -> Float[Tensor, "r d"]:
        """Some of the samples; the others stay on disk."""
        return torch.from_numpy(np.load(self.file, mmap_mode="r")[index])


class Walked(NamedTuple):
    """A network that was walked through."""

    name: str
    control: bool
    moments: tuple[str, ...]
    stages: tuple[str, ...]
    slices: Int[np.ndarray, "m l"]  # number of the slice at each moment and stage
    said: tuple[Predictions | None, ...]  # at each moment; None where the network's outputs are not these classes


def record(
    networks: Sequence[Network], fit_on: Dataset, score_on: Dataset, scratch: Path, seed: int, progress: Progress
) -> tuple[list[Walked], list[Slice]]:
    """Every slice of every network, in the order of the walk.

    Args:
        fit_on: samples that probes learn from. score_on: the samples that are shown. Networks learned from neither.
        scratch: a folder for features.

    Raises:
        ValueError: if the moments of a network have different stages, or if a group stands in both data sets.
    """
    shared = np.intersect1d(fit_on.groups, score_on.groups)
    if len(shared):
        raise ValueError(
            f"{len(shared)} group(s) stand both in fit_on and in score_on, first {shared[0]}: split by group."
        )
    walked, slices = [], []
    example = score_on.rows(np.arange(min(8, len(score_on))))
    width = min(narrowest(activations([*network.moments.values()][-1], example)) for network in networks)
    steps = sum(len(network.moments) for network in networks)
    done = 0
    for network in networks:
        numbers, said, stages = [], [], ()
        for moment, model in network.moments.items():
            progress("walking through the layers", done, steps, "networks and moments")
            fitted, scored = activations(model, fit_on), activations(model, score_on)
            if stages and tuple(scored) != stages:
                raise ValueError(
                    f"{network.name}: every moment needs the same stages, {', '.join(stages)}. "
                    f"Got {', '.join(scored)} at {moment!r}."
                )
            stages = tuple(scored)
            numbers.append(
                [_slice(slices, stage, fitted, scored, fit_on, score_on, scratch, width, seed) for stage in stages]
            )
            said.append(_said(model, list(scored.values())[-1], score_on))
            done += 1
        table = np.array(numbers)
        walked.append(Walked(network.name, network.control, tuple(network.moments), stages, table, tuple(said)))
    return walked, slices


def links(walked: Sequence[Walked]) -> list[tuple[int, int]]:
    """Slices whose maps are drawn alike: neighbours in depth, neighbours in time, and beginnings of networks.

    An untrained twin is also tied, stage by stage, to the network's first moment, where they have the same stages.
    """
    found = []
    first = walked[0]
    for network in walked:
        table = network.slices
        found += [*zip(table[:, :-1].ravel(), table[:, 1:].ravel(), strict=True)]
        found += [*zip(table[:-1].ravel(), table[1:].ravel(), strict=True)]
        found.append((first.slices[0, 0], table[0, 0]))
        if network is not first and network.stages == first.stages:
            found += [*zip(first.slices[0 if network.control else -1], table[0], strict=True)]
    return sorted({(int(min(pair)), int(max(pair))) for pair in found if pair[0] != pair[1]})


def _slice(
    slices: list[Slice],
    stage: str,
    fitted: dict[str, Tensor],
    scored: dict[str, Tensor],
    fit_on: Dataset,
    score_on: Dataset,
    scratch: Path,
    width: int,
    seed: int,
) -> int:
    """The number of the slice, which is looked at unless it is a raw input that was seen before."""
    a, b = fitted[stage], scored[stage]
    if stage == next(iter(scored)):
        for number, known in enumerate(slices):
            if known.reading.stage == stage and known.features == b.shape[1] and torch.equal(known.z, b):
                return number
    file = scratch / f"{len(slices)}.npy"
    np.save(file, b.numpy())
    slices.append(
        Slice(
            features=b.shape[1],
            reading=read(a, b, fit_on, score_on, stage, width, seed),
            geometry=geometry(b, score_on.targets, score_on.groups),
            bits=description_length(a, fit_on.targets, fit_on.groups, len(fit_on.classes), seed),
            near=other_neighbours(b, score_on.groups, NEAR),
            neighbourhood=neighbourhood(b),
            file=file,
        )
    )
    return len(slices) - 1


def _said(model: Layered, output: Float[Tensor, "s d"], score_on: Dataset) -> Predictions | None:
    how = model.chosen["output"].how if isinstance(model, Borrowed) else None
    if output.shape[1] != len(score_on.classes) or (how is not None and how.kind != "sample"):
        return None
    given = bool((output >= 0).all()) and torch.allclose(output.sum(dim=1), torch.ones(len(output)), atol=1e-3)
    probs = (output if given else output.double().softmax(dim=1)).double().numpy()
    probs = probs / probs.sum(axis=1, keepdims=True)
    return Predictions(probs, score_on.targets.numpy(), score_on.groups, score_on.ids, score_on.classes)
