"""Which layer of a network to take for a new task, of which there are few labels?"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from layerscope.dataset import Dataset
from layerscope.judge import METRICS, Difference, compare
from layerscope.models.layered import Layered
from layerscope.predictions import Predictions
from layerscope.progress import Progress, silent
from layerscope.see.activations import activations, untrained
from layerscope.see.curve import DRAWS, FEW, Few, Reading, few_score, narrowest, read
from layerscope.see.probe import few_label_guesses

FOLDS = 5  # of whole groups
DRAWS_OF_FOLD = 4
BATCH = 64  # images at a time: borrowed networks are large


@dataclass(frozen=True)
class Transfer:
    """The layer to take, and every layer's reading. Differences are of few-label accuracies, of the same draws."""

    best: str
    last: str  # the last layer before the output, which is usually taken
    readings: list[Reading]  # of every layer in order, on score_on
    tried: dict[str, float]  # what the layer was chosen by: few-label accuracy, cross-validated on fit_on
    twin: dict[str, Few]  # the same layers, untrained
    rival: str  # the twin's best layer on score_on
    over_last: Difference | None  # None where best is last
    over_input: Difference | None
    over_twin: Difference

    def reading(self, stage: str) -> Reading:
        return next(reading for reading in self.readings if reading.stage == stage)


def layers_for_transfer(
    model: Layered, fit_on: Dataset, score_on: Dataset, seed: int = 0, progress: Progress = silent
) -> Transfer:
    """The layer whose straight line does best with FEW labels per class, input and output not excluded.

    It is chosen on `fit_on` alone, by cross-validation over groups, so the accuracy on `score_on` is not flattered by
    the choice.

    Args:
        fit_on, score_on: the new task; the network was trained on neither, and no group may stand in both.

    Raises:
        ValueError: if a group stands in both, classes differ, or fit_on has a single group.

    Reference: Cawley and Talbot 2010, JMLR 11:2079 (choosing and judging on the same samples).
    """
    _check(fit_on, score_on)
    y, classes = fit_on.targets, len(fit_on.classes)
    twin = untrained(model, fit_on, seed + 1000)
    found = []
    for network, part in ((model, fit_on), (model, score_on), (twin, fit_on), (twin, score_on)):
        progress("walking through the network and its untrained twin", len(found), 4, "data sets")
        found.append(activations(network, part, BATCH))
    a, b, without_a, without_b = found
    folds = _folds(y.numpy(), fit_on.groups, seed)
    width = narrowest(a)
    tried, readings, guesses, twins = {}, [], {}, {}
    for stage in a:
        progress("reading the layers", len(readings), len(a), "layers")
        tried[stage] = _tried(a[stage], y, classes, folds, seed)
        readings.append(read(a[stage], b[stage], fit_on, score_on, stage, width, seed))
        guesses[stage] = few_label_guesses(a[stage], y, b[stage], classes, FEW, DRAWS, seed)
        twins[stage] = few_label_guesses(without_a[stage], y, without_b[stage], classes, FEW, DRAWS, seed)
    progress("reading the layers", len(a), len(a), "layers")
    stages = list(a)
    best, last = max(tried, key=tried.__getitem__), stages[-2] if len(stages) > 2 else stages[-1]
    twin_few = {stage: few_score(guess, score_on) for stage, guess in twins.items()}
    rival = max(twin_few, key=lambda stage: twin_few[stage].value)

    def over(stage: str) -> Difference | None:
        return None if stage == best else _ahead(guesses[best], guesses[stage], score_on)

    return Transfer(
        best=best,
        last=last,
        readings=readings,
        tried=tried,
        twin=twin_few,
        rival=rival,
        over_last=over(last),
        over_input=over(stages[0]),
        over_twin=_ahead(guesses[best], twins[rival], score_on),
    )


def recommendation(found: Transfer) -> str:
    """In a sentence or two, with what speaks against it."""
    few, first = found.reading(found.best).few, found.readings[0].stage
    value, low, high = (_share(end) for end in few[:3])
    right = f"{value} of unseen samples right (95 % interval {low} to {high})"
    if found.best == first:
        text = f"Take no layer: from {FEW} labels per class a straight line on the raw input tells {right}"
    else:
        text = (
            f"Take {found.best} ({found.reading(found.best).features:,} features): from {FEW} labels per class a "
            f"straight line on it tells {right}, {_points(found.over_input)} against the raw input"
        )
    if found.over_last:
        text += f", {_points(found.over_last)} against {found.last}, the last layer before the output"
    text += f". Against the best layer of an untrained twin ({found.rival}) it is {_points(found.over_twin)}"
    if found.best != first and not found.over_twin.low > 0:
        return f"{text}: no evidence that what the network has learned helps with this task."
    return f"{text}."


def _share(value: float) -> str:
    return f"{value if value == 1 else min(value, 0.999):.1%}"  # a mistake is never rounded away


def _points(d: Difference | None) -> str:
    assert d is not None
    ends = "no interval" if np.isnan(d.low) else f"{100 * d.low:+.1f} to {100 * d.high:+.1f}"
    return f"{100 * d.value:+.1f} points ({ends})"


def _check(fit_on: Dataset, score_on: Dataset) -> None:
    shared = np.intersect1d(fit_on.groups, score_on.groups)
    if len(shared):
        raise ValueError(
            f"{len(shared)} group(s) stand both in fit_on and in score_on, first {shared[0]}: split by group."
        )
    if fit_on.classes != score_on.classes:
        raise ValueError(f"needed the same classes in both. Got {fit_on.classes} and {score_on.classes}.")
    if len(np.unique(fit_on.groups)) < 2:
        raise ValueError("choosing a layer by cross-validation needs 2 or more groups in fit_on. Got 1.")


def _folds(targets: Int[np.ndarray, " s"], groups: Int[np.ndarray, " s"], seed: int) -> Int[np.ndarray, " s"]:
    """A fold for each row: whole groups, dealt out class by class."""
    names, first, owner = np.unique(groups, return_index=True, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(targets[first][order], kind="stable")]
    fold = np.empty(len(names), dtype=np.int64)
    fold[order] = np.arange(len(names)) % min(FOLDS, len(names))
    return fold[owner]


def _tried(
    z: Float[Tensor, "s d"], y: Int[Tensor, " s"], classes: int, folds: Int[np.ndarray, " s"], seed: int
) -> float:
    """Few-label accuracy on held-out folds, mean over samples and draws."""
    right = 0.0
    for fold in np.unique(folds):
        held = torch.from_numpy(folds == fold)
        guess = few_label_guesses(z[~held], y[~held], z[held], classes, FEW, DRAWS_OF_FOLD, seed + int(fold))
        right += float((guess == y[held].numpy()).mean(axis=0).sum())
    return right / len(y)


def _ahead(a: Int[np.ndarray, "n q"], b: Int[np.ndarray, "n q"], score_on: Dataset) -> Difference:
    """Mean over draws: each draw's answers are rows, in the group of their sample."""
    return compare(_stacked(a, score_on), _stacked(b, score_on), METRICS["accuracy"])


def _stacked(guesses: Int[np.ndarray, "n q"], score_on: Dataset) -> Predictions:
    n, k = len(guesses), len(score_on.classes)
    targets, groups = np.tile(score_on.targets.numpy(), n), np.tile(score_on.groups, n)
    rows = np.arange(guesses.size).astype(str)
    return Predictions(np.eye(k)[guesses.ravel()], targets, groups, rows, score_on.classes)
