"""The layer curve: how well the answer can be read from each layer, beside everything that could fool us.

Four readings per layer: a ridge probe with all labels, with ten labels per class, nearest neighbours, and a ridge
probe at equal dimension (every layer projected at random to the width of the narrowest block), since a wide layer is
easier to read. Beside them the control of shuffled labels, which must stay at chance. The caller draws the same curve
for the untrained twin: a rise that the twin shows as well was not learned.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from layerscope.dataset import Dataset
from layerscope.judge import METRICS, Difference, Score, compare, score
from layerscope.models.layered import Layered
from layerscope.predictions import Predictions
from layerscope.see.activations import activations, project
from layerscope.see.neighbours import neighbours, vote
from layerscope.see.probe import few_label_accuracy, probe

FEW = 10  # labels per class
DRAWS = 10
RESAMPLES = 500  # of groups, for the interval of each layer


@dataclass(frozen=True)
class Reading:
    """One layer of one network. Accuracies are on samples that neither network nor probe was fitted on."""

    stage: str
    features: int
    probe: Score  # interval over groups of the samples that were read
    few: tuple[float, float, float]  # mean, least and greatest of DRAWS draws of FEW labels per class
    neighbours: float
    equal: float  # accuracy at equal dimension
    shuffled: float  # the probe's accuracy when it learned from shuffled labels
    guess: Int[np.ndarray, " q"] = field(repr=False)  # the probe's
    nearest: Int[np.ndarray, " q"] = field(repr=False)  # the neighbours'


@dataclass(frozen=True)
class Learned:
    """How far the best layer of a trained network is ahead of the best that needs no learning, on the same samples."""

    stage: str
    rival: str
    ahead: Difference  # of accuracies, with its interval over groups


def learned(trained: list[Reading], twin: list[Reading], score_on: Dataset) -> Learned:
    """The best trained block against the best of: untrained blocks, raw pixels, neighbours on raw pixels."""
    answers = score_on.targets.numpy()
    rivals = {f"the untrained twin's {r.stage}": r.guess for r in twin if r.stage.startswith("block")}
    rivals |= {"a straight line on raw pixels": trained[0].guess, "neighbours on raw pixels": trained[0].nearest}
    best = max((r for r in trained if r.stage.startswith("block")), key=lambda r: r.probe.value)
    rival = max(rivals, key=lambda name: float((rivals[name] == answers).mean()))
    a, b = (_as_predictions(torch.from_numpy(guess), score_on) for guess in (best.guess, rivals[rival]))
    return Learned(best.stage, rival, compare(a, b, METRICS["accuracy"]))


def layer_curve(model: Layered, fit_on: Dataset, score_on: Dataset, seed: int = 0) -> list[Reading]:
    """A reading of every stage.

    Args:
        fit_on, score_on: samples on which the network was not trained; no group may stand in both.

    Raises:
        ValueError: if a group stands in both.
    """
    shared = np.intersect1d(fit_on.groups, score_on.groups)
    if len(shared):
        raise ValueError(
            f"{len(shared)} group(s) stand both in the samples that the probe is fitted on and in those it is "
            f"scored on, first {shared[0]}: its accuracy would be too high. Split by group."
        )
    train, test = activations(model, fit_on), activations(model, score_on)
    return list(_read(train, test, fit_on, score_on, seed))


def _read(
    train: dict[str, Tensor], test: dict[str, Tensor], fit_on: Dataset, score_on: Dataset, seed: int
) -> Iterator[Reading]:
    k, y, answers = len(fit_on.classes), fit_on.targets, score_on.targets
    shuffled = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))]
    narrowest = min(z.shape[1] for name, z in train.items() if name != "logits")
    for name, a in train.items():
        b = test[name]
        few = few_label_accuracy(a, y, b, answers, FEW, DRAWS, seed)
        index, _ = neighbours(a, b)
        guess, nearest = probe(a, y, b, k).argmax(dim=1), vote(index, y, k)
        yield Reading(
            stage=name,
            features=a.shape[1],
            probe=score(METRICS["accuracy"], _as_predictions(guess, score_on), resamples=RESAMPLES),
            few=(float(few.mean()), float(few.min()), float(few.max())),
            neighbours=_accuracy(nearest, answers),
            equal=_accuracy(probe(project(a, narrowest), y, project(b, narrowest), k).argmax(dim=1), answers),
            shuffled=_accuracy(probe(a, shuffled, b, k).argmax(dim=1), answers),
            guess=guess.numpy(),
            nearest=nearest.numpy(),
        )


def _accuracy(guess: Int[Tensor, " q"], answers: Int[Tensor, " q"]) -> float:
    return float((guess == answers).double().mean())


def _as_predictions(guess: Int[Tensor, " q"], dataset: Dataset) -> Predictions:
    probs = np.eye(len(dataset.classes))[guess.numpy()]
    return Predictions(probs, dataset.targets.numpy(), dataset.groups, dataset.ids, dataset.classes)
