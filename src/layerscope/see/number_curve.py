"""The layer curve where the answer is a number: how much of it can a straight line read from each layer?

R² on samples that neither network nor probe has seen, because 0 is the mean of the judged targets and 1 is all: of a
ridge probe, of the same at equal dimension, of neighbours, and of a probe that learned shuffled targets, which must
stay near 0 or below. Beside them the rank correlation of the probe. The caller draws the same curve for the untrained
twin: a rise that the twin shows as well was not learned.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from layerscope.dataset import Dataset
from layerscope.judge import Difference, Score
from layerscope.judge.regression import MEASURES, compare, scores
from layerscope.models.answers import as_numbers
from layerscope.models.layered import Layered
from layerscope.predictions import Numbers
from layerscope.see.activations import activations, project
from layerscope.see.curve import RESAMPLES, narrowest, raw_name
from layerscope.see.neighbours import neighbours
from layerscope.see.probe import number_probe

METRIC = "r2"


@dataclass(frozen=True)
class NumberReading:
    """One layer of one network, read on samples that neither network nor probe was fitted on."""

    stage: str
    features: int
    probe: Score  # R²; every interval is over groups of the samples that were read
    ranks: Score  # Spearman's correlation of the probe
    equal: Score  # R² at equal dimension
    neighbours: Score
    shuffled: Score  # the probe learned from the targets of other samples
    found: Numbers = field(repr=False)  # what the probe says
    nearest: Numbers = field(repr=False)  # what the neighbours say

    def written(self) -> dict[str, Any]:
        """All but the single answers."""
        return {key: value for key, value in vars(self).items() if key not in ("found", "nearest")}


class Learned(NamedTuple):
    """How far the best block of a trained network is ahead of the best that needs no learning, on the same samples."""

    stage: str
    rival: str
    ahead: Difference  # of R², with its interval over groups


def number_curve(model: Layered, fit_on: Dataset, score_on: Dataset, seed: int = 0) -> list[NumberReading]:
    """A reading of every stage.

    Args:
        fit_on, score_on: samples on which the network was not trained; no group may stand in both.

    Raises:
        ValueError: if a group stands in both, or no number is asked.
    """
    if fit_on.kind != "number":
        raise ValueError(f"{fit_on.name}: this curve is of numbers. Got targets of kind {fit_on.kind!r}.")
    if shared := np.intersect1d(fit_on.groups, score_on.groups).tolist():
        raise ValueError(
            f"{len(shared)} group(s) stand both in the samples that probes are fitted on and in those they are scored "
            f"on, first {shared[0]}: what is read would be too good. Split by group."
        )
    train, test = activations(model, fit_on), activations(model, score_on)
    width = narrowest(train)
    return [_read(a, test[stage], fit_on, score_on, stage, width, seed) for stage, a in train.items()]


def learned(trained: list[NumberReading], twin: list[NumberReading]) -> Learned:
    """The best trained block against the best of: line and neighbours on the raw input, an untrained twin's stages."""
    best = max(_blocks(trained), key=lambda r: r.probe.value)
    control = max([twin[0], *_blocks(twin)], key=lambda r: r.probe.value)
    raw = raw_name(trained[0].stage)
    rivals = {
        f"a straight line on {raw}": (trained[0].probe, trained[0].found),
        f"neighbours on {raw}": (trained[0].neighbours, trained[0].nearest),
        f"the untrained twin's {control.stage}": (control.probe, control.found),
    }
    rival = max(rivals, key=lambda name: rivals[name][0].value)
    return Learned(best.stage, rival, compare(best.found, rivals[rival][1], resamples=RESAMPLES)[METRIC])


def _blocks(readings: list[NumberReading]) -> list[NumberReading]:
    return [r for r in readings if r.stage.startswith("block")] or readings[1:-1] or readings


def _read(
    a: Float[Tensor, "s d"],
    b: Float[Tensor, "q d"],
    fit_on: Dataset,
    score_on: Dataset,
    stage: str,
    width: int,
    seed: int,
) -> NumberReading:
    y = fit_on.targets
    mixed = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))]
    found = as_numbers(number_probe(a, y, b), score_on)
    nearest = as_numbers(y[neighbours(a, b)[0]].double().mean(dim=1), score_on)
    equal = as_numbers(number_probe(project(a, width), y, project(b, width)), score_on)
    shuffled = as_numbers(number_probe(a, mixed, b), score_on)
    of_probe = scores(found, resamples=RESAMPLES)
    return NumberReading(
        stage=stage,
        features=a.shape[1],
        probe=of_probe[METRIC],
        ranks=of_probe["spearman"],
        equal=_r2(equal),
        neighbours=_r2(nearest),
        shuffled=_r2(shuffled),
        found=found,
        nearest=nearest,
    )


def _r2(p: Numbers) -> Score:
    return scores(p, {METRIC: MEASURES[METRIC]}, resamples=RESAMPLES)[METRIC]
