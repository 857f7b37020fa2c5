"""The layer curve where a sample may have several labels: how well can each be read from each layer?

Mean average precision, because it needs no threshold: of a ridge probe for each label, of the same at equal dimension,
of neighbours, and of a probe that learned shuffled labels, which is chance. The caller draws the same curve for the
untrained twin: a rise that the twin shows as well was not learned.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from layerscope.dataset import Dataset
from layerscope.judge import Difference, Score
from layerscope.judge.multilabel import MultiLabel
from layerscope.judge.multilabel_interval import compare, scores
from layerscope.models.layered import Layered
from layerscope.see.activations import activations, project
from layerscope.see.curve import RESAMPLES, narrowest
from layerscope.see.neighbours import neighbours
from layerscope.see.probe import probe

METRIC = "mean_average_precision"


@dataclass(frozen=True)
class LabelReading:
    """One layer of one network, read on samples that neither network nor probe was fitted on."""

    stage: str
    features: int
    probe: Score  # every interval is over groups of the samples that were read
    equal: Score  # at equal dimension
    neighbours: Score
    shuffled: Score  # the probe learned from the labels of other samples
    found: MultiLabel = field(repr=False)  # what the probe says

    def written(self) -> dict[str, Any]:
        """All but the single answers."""
        return {key: value for key, value in vars(self).items() if key != "found"}


class Learned(NamedTuple):
    """How far the best block of a trained network is ahead of the untrained twin's, on the same samples."""

    stage: str
    rival: str
    ahead: Difference  # of mean average precision, with its interval over groups


def label_curve(model: Layered, fit_on: Dataset, score_on: Dataset, seed: int = 0) -> list[LabelReading]:
    """A reading of every stage.

    Args:
        fit_on, score_on: samples on which the network was not trained; no group may stand in both.

    Raises:
        ValueError: if a group stands in both.
    """
    if shared := np.intersect1d(fit_on.groups, score_on.groups).tolist():
        raise ValueError(
            f"{len(shared)} group(s) stand both in the samples that probes are fitted on and in those they are scored "
            f"on, first {shared[0]}: what is read would be too good. Split by group."
        )
    train, test = activations(model, fit_on, 64), activations(model, score_on, 64)
    width = narrowest(train)
    return [_read(a, test[stage], fit_on, score_on, stage, width, seed) for stage, a in train.items()]


def label_probe(
    a: Float[Tensor, "s d"],
    labels: Bool[Tensor, "s k"],
    b: Float[Tensor, "q d"],
    known: Bool[Tensor, "s k"] | None = None,
) -> Float[Tensor, "q k"]:
    """A ridge probe for each label, each with its own penalty: the higher, the likelier the label.

    Args:
        known: which labels were looked for; None: all. A probe is fitted on the samples of which its label is known; of
            fewer than two it says nothing (0).
    """
    if known is None:
        return torch.stack([probe(a, label.long(), b, 2)[:, 1] for label in labels.T], dim=1)
    said = b.new_zeros(len(b), labels.shape[1])
    for k, rows in enumerate(known.T):
        if rows.sum() > 1:
            said[:, k] = probe(a[rows], labels[rows, k].long(), b, 2)[:, 1]
    return said


def as_labels(probs: Float[np.ndarray, "s k"], dataset: Dataset) -> MultiLabel:
    """Probabilities beside what is true of the samples."""
    known = None if dataset.known is None else dataset.known.numpy()
    return MultiLabel(probs, dataset.targets.numpy(), dataset.groups, dataset.ids, dataset.classes, known=known)


def learned(trained: list[LabelReading], twin: list[LabelReading]) -> Learned:
    """The best trained block against the best of: lines on the network's own embeddings, an untrained twin's stages."""
    best = max(_blocks(trained), key=lambda r: r.probe.value)
    control = max([twin[0], *_blocks(twin)], key=lambda r: r.probe.value)
    rivals = {"a straight line on the embeddings": trained[0], f"the untrained twin's {control.stage}": control}
    rival = max(rivals, key=lambda name: rivals[name].probe.value)
    return Learned(best.stage, rival, compare(best.found, rivals[rival].found, 0.5, 0.5, resamples=RESAMPLES)[METRIC])


def _blocks(readings: list[LabelReading]) -> list[LabelReading]:
    return [r for r in readings if r.stage.startswith("block")] or readings


def _read(
    a: Float[Tensor, "s d"],
    b: Float[Tensor, "q d"],
    fit_on: Dataset,
    score_on: Dataset,
    stage: str,
    width: int,
    seed: int,
) -> LabelReading:
    y, known = fit_on.targets, fit_on.known
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    mixed, hidden = y[order], None if known is None else known[order]
    index, _ = neighbours(a, b)
    asked = torch.ones_like(y) if known is None else known
    near = y[index].double().sum(dim=1) / asked[index].sum(dim=1).clamp(min=1)
    found = _labels(label_probe(a, y, b, known), score_on)
    return LabelReading(
        stage=stage,
        features=a.shape[1],
        probe=_precision(found),
        equal=_precision(_labels(label_probe(project(a, width), y, project(b, width), known), score_on)),
        neighbours=_precision(as_labels(near.numpy(), score_on)),
        shuffled=_precision(_labels(label_probe(a, mixed, b, hidden), score_on)),
        found=found,
    )


def _labels(raw: Float[Tensor, "q k"], dataset: Dataset) -> MultiLabel:
    """Squeezed between 0 and 1, in the same order; average precision asks for no more."""
    return as_labels(raw.double().sigmoid().numpy(), dataset)


def _precision(p: MultiLabel) -> Score:
    return scores(p, 0.5, resamples=RESAMPLES)[METRIC]
