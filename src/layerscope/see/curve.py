"""The layer curve: how well the answer can be read from each layer, beside everything that could fool us.

Four readings per layer: a ridge probe with all labels, with ten labels per class, nearest neighbours, and a ridge
probe at equal dimension (every layer projected at random to the width of the narrowest block), since a wide layer is
easier to read. Beside them the control of shuffled labels, which must stay at chance. The caller draws the same curve
for the untrained twin: a rise that the twin shows as well was not learned.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import stats
from torch import Tensor

from layerscope.dataset import Dataset
from layerscope.judge import METRICS, Difference, Score, compare, score
from layerscope.models.layered import Layered
from layerscope.predictions import Predictions
from layerscope.see.activations import activations, project
from layerscope.see.influence import Estimate, estimate
from layerscope.see.neighbours import neighbours, vote
from layerscope.see.probe import few_label_guesses, probe

FEW = 10  # labels per class
DRAWS = 10
RESAMPLES = 500  # of groups, for the interval of each layer


class Few(NamedTuple):
    """Accuracy of probes that were given FEW labels per class."""

    value: float  # mean over draws of labels
    low: float  # 95 % interval of that mean, over groups and draws
    high: float
    least: float  # of the draws
    greatest: float


@dataclass(frozen=True)
class Reading:
    """One layer of one network. Accuracies are on samples that neither network nor probe was fitted on."""

    stage: str
    features: int
    probe: Score  # every interval is over groups of the samples that were read
    few: Few
    neighbours: Score
    equal: Score  # at equal dimension
    shuffled: Score  # the probe learned from shuffled labels
    guess: Int[np.ndarray, " q"] = field(repr=False)  # the probe's
    nearest: Int[np.ndarray, " q"] = field(repr=False)  # the neighbours'


@dataclass(frozen=True)
class Learned:
    """How far the best layer of a trained network is ahead of the best that needs no learning, on the same samples."""

    stage: str
    rival: str
    ahead: Difference  # of accuracies, with its interval over groups


def learned(trained: list[Reading], twin: list[Reading], score_on: Dataset) -> Learned:
    """The best trained block against the best of: raw pixels, neighbours on raw pixels, an untrained twin's stages.

    Of the twin, its blocks and what comes before them. Which block is the best was seen on the same samples, which
    favours it a little.

    Of texts, what stands in the place of pixels are the network's own embeddings, which are learned too: then it is
    what the blocks add to them.
    """
    answers = score_on.targets.numpy()
    raw = raw_name(trained[0].stage)
    rivals = {f"a straight line on {raw}": trained[0].guess, f"neighbours on {raw}": trained[0].nearest}
    rivals |= {f"the untrained twin's {r.stage}": r.guess for r in [twin[0], *_blocks(twin)]}
    best = max(_blocks(trained), key=lambda r: r.probe.value)
    rival = max(rivals, key=lambda name: float((rivals[name] == answers).mean()))
    return Learned(best.stage, rival, ahead(best.guess, rivals[rival], score_on))


def raw_name(stage: str) -> str:
    """What a sentence calls the first stage of a network."""
    return {"pixels": "raw pixels", "embedding": "the embeddings"}.get(stage, "the raw input")


def _blocks(readings: list[Reading]) -> list[Reading]:
    """Those of blocks; of a borrowed network, whose stages have other names, all but the first and the last."""
    return [r for r in readings if r.stage.startswith("block")] or readings[1:-1] or readings


def ahead(a: Int[np.ndarray, " q"], b: Int[np.ndarray, " q"], score_on: Dataset) -> Difference:
    """Accuracy of the guesses `a` less that of `b` on the same samples, with its interval over groups."""
    return compare(as_predictions(a, score_on), as_predictions(b, score_on), METRICS["accuracy"])


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
    width = narrowest(train)
    return [read(a, test[stage], fit_on, score_on, stage, width, seed) for stage, a in train.items()]


def narrowest(layers: dict[str, Tensor]) -> int:
    """Features of the narrowest stage before the last, which is the network's output."""
    return min([z.shape[1] for z in layers.values()][:-1] or [next(iter(layers.values())).shape[1]])


def read(
    a: Float[Tensor, "s d"],
    b: Float[Tensor, "q d"],
    fit_on: Dataset,
    score_on: Dataset,
    stage: str,
    width: int,
    seed: int = 0,
) -> Reading:
    """A reading of one stage.

    Args:
        a, b: its features of the samples of fit_on, and of score_on.
        width: number of features at equal dimension.
    """
    k, y = len(fit_on.classes), fit_on.targets
    mixed = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))]
    index, _ = neighbours(a, b)
    guess, nearest = probe(a, y, b, k).argmax(dim=1).numpy(), vote(index, y, k).numpy()
    equal = probe(project(a, width), y, project(b, width), k).argmax(dim=1).numpy()
    shuffled = probe(a, mixed, b, k).argmax(dim=1).numpy()
    return Reading(
        stage=stage,
        features=a.shape[1],
        probe=_accuracy(guess, score_on),
        few=few_score(few_label_guesses(a, y, b, k, FEW, DRAWS, seed), score_on),
        neighbours=_accuracy(nearest, score_on),
        equal=_accuracy(equal, score_on),
        shuffled=_accuracy(shuffled, score_on),
        guess=guess,
        nearest=nearest,
    )


def _accuracy(guess: Int[np.ndarray, " q"], score_on: Dataset) -> Score:
    return score(METRICS["accuracy"], as_predictions(guess, score_on), resamples=RESAMPLES)


def few_score(guesses: Int[np.ndarray, "n q"], score_on: Dataset) -> Few:
    """Accuracy over draws, which may have come out otherwise with other groups to ask or other labels to learn from.

    The reach to either side is the root of two squares: of the interval over groups of the samples' mean correctness,
    and of Student's interval of a mean of draws.
    """
    right = guesses == score_on.targets.numpy()
    draws, (least, most) = right.mean(axis=1), _over_groups(guesses, right.mean(axis=0), score_on)
    value, drawn = float(draws.mean()), stats.t.ppf(0.975, len(draws) - 1) * stats.sem(draws)
    low = np.clip(value - np.hypot(value - least, drawn), 0, value)
    high = np.clip(value + np.hypot(most - value, drawn), value, 1)
    return Few(value, float(low), float(high), float(draws.min()), float(draws.max()))


def _over_groups(
    guesses: Int[np.ndarray, "n q"], share: Float[np.ndarray, " q"], score_on: Dataset
) -> tuple[float, float]:
    """As of every score, also with one group more that is answered wrongly, or rightly: mistakes may be rare."""
    owner = np.unique(score_on.groups, return_inverse=True)[1]
    seen = _mean(share, np.ones(len(share)), owner, score_on.targets.numpy())
    if seen.low == seen.high:
        one = _accuracy(guesses[0], score_on)
        return seen.value - (one.value - one.low), seen.value + (one.high - one.value)
    if np.isnan(seen.low):
        return np.nan, np.nan
    size = np.bincount(owner)
    sizes, mean = np.append(size, size.mean()), np.bincount(owner, share) / size
    worse, better = (_mean(np.append(mean, unseen), sizes, np.arange(len(sizes))) for unseen in (0.0, 1.0))
    return min(seen.low, worse.low), max(seen.high, better.high)


def _mean(
    values: Float[np.ndarray, " r"],
    sizes: Float[np.ndarray, " r"],
    groups: Int[np.ndarray, " r"],
    strata: Int[np.ndarray, " r"] | None = None,
) -> Estimate:
    x, n = torch.from_numpy(values), torch.from_numpy(sizes)
    scale = "plain" if strata is None else "logit"
    return estimate(lambda w: ((w * n) @ x) / (w @ n), groups, strata, scale=scale)


def as_predictions(guess: Int[np.ndarray, " q"], dataset: Dataset) -> Predictions:
    """Guesses alone, as sure predictions."""
    probs = np.eye(len(dataset.classes))[guess]
    return Predictions(probs, dataset.targets.numpy(), dataset.groups, dataset.ids, dataset.classes)
