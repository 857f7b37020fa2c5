"""How good are predictions where a sample may have several labels, or none? NumPy only.

A class of which no sample has the label has no average precision (nan), and no F1 either unless it is guessed (then 0);
macro means leave it out, and what is wrongly guessed of it counts in micro F1.

Where it is not known whether a sample has a label (`known`), the two count for nothing. Ranking is judged over the
labels of which samples with and without are known (`judged`); `left_out` names the others.

Intervals and paired differences are in multilabel_interval. Axes: s samples, k classes, r resamples.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from layerscope.judge.statistics import Ranking, Weigh, ratio
from layerscope.predictions import Owners, write_rows, written_groups
from layerscope.predictions_kinds import read_labels
from layerscope.source import DataError

Threshold = float | Float[np.ndarray, " k"]


@dataclass(frozen=True, eq=False)
class MultiLabel:
    """One row per sample: a probability for each label, those that are true, and the group that must stay together.

    Raises:
        DataError: if a column is short, a probability is not one, or targets are not True and False.

    Example:
        >>> probs, ids = np.array([[0.9, 0.6], [0.4, 0.7]]), np.array(["a", "b"])
        >>> p = MultiLabel(probs, np.array([[True, False], [False, True]]), np.array([0, 1]), ids, ("gene", "drug"))
        >>> p.guess(0.5).tolist(), round(micro_f1(p, 0.5), 2)
        ([[True, True], [False, True]], 0.8)
    """

    probs: Float[np.ndarray, "s k"]  # each for itself from 0 to 1, as a sigmoid gives; a row need not sum to 1
    targets: Bool[np.ndarray, "s k"]
    groups: Int[np.ndarray, " s"]  # rows of one group (a patient, a document) are not independent
    ids: Shaped[np.ndarray, " s"]  # strings that a person can look up
    classes: tuple[str, ...]
    groups_known: bool = True  # False: none were given, so each row is its own group
    known: Bool[np.ndarray, "s k"] | None = None  # which labels were looked for; None: all. Others are False in targets

    def __post_init__(self) -> None:
        lengths = {column: len(getattr(self, column)) for column in ("probs", "targets", "groups", "ids")}
        if len(set(lengths.values())) != 1 or not len(self):
            raise DataError(f"every column needs one row per sample, and one sample at least. Got {lengths}.")
        if not self.classes or len(set(self.classes)) != len(self.classes):
            raise DataError(f"needed one or more different names of classes. Got {self.classes}.")
        needed = (len(self), len(self.classes))
        if self.probs.shape != needed or self.targets.shape != needed:
            shapes = f"probs {self.probs.shape}, targets {self.targets.shape}"
            raise DataError(f"needed probs and targets of shape {needed}, a column for each class. Got {shapes}.")
        if self.targets.dtype != bool:
            raise DataError(f"targets must be True and False. Got {self.targets.dtype}; of 0 and 1: targets == 1.")
        if self.known is not None and (self.known.shape != needed or (self.targets & ~self.known).any()):
            raise DataError(
                f"`known` must have shape {needed}, and a label that is not known cannot be true. Got "
                f"{self.known.shape}" + (", and some are." if self.known.shape == needed else ".")
            )
        if (wrong := ~((self.probs >= 0) & (self.probs <= 1))).any():
            row, k = np.argwhere(wrong)[0]
            raise DataError(
                f"probabilities must lie in 0..1. {wrong.sum()} of {wrong.size} do not; the first is "
                f"{self.probs[row, k]} in row {row} ({self.ids[row]!s:.40}), {self.classes[k]!r}. Apply the sigmoid."
            )

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def owners(self) -> Owners:
        """The group of each row as a number from 0, in the order of `np.unique(groups)`, and how many there are."""
        unique, owners = np.unique(self.groups, return_inverse=True)
        return Owners(owners, len(unique))

    @property
    def absent(self) -> Bool[np.ndarray, "s k"]:
        """Labels that were looked for and not found."""
        return ~self.targets if self.known is None else self.known & ~self.targets

    @property
    def judged(self) -> Bool[np.ndarray, " k"]:
        """Labels of which samples with and samples without are known, so that a ranking can be right or wrong."""
        return np.asarray(self.targets.any(0) & self.absent.any(0))

    def rows(self, index: Shaped[np.ndarray, " r"]) -> "MultiLabel":
        """Some of the rows, by number or by a mask."""
        names = ("probs", "targets", "groups", "ids", "known")
        return replace(self, **{name: column[index] for name in names if (column := getattr(self, name)) is not None})

    def guess(self, threshold: Threshold) -> Bool[np.ndarray, "s k"]:
        """Labels whose probability reaches the threshold, one for all or one for each class; of those looked for."""
        least = np.asarray(threshold, dtype=float)
        if least.shape not in ((), (len(self.classes),)):
            raise ValueError(
                f"needed one threshold, or one for each of {len(self.classes)} classes. Got {least.shape}."
            )
        return self.probs >= least if self.known is None else (self.probs >= least) & self.known

    def to_csv(self, path: Path, group_names: Mapping[int, str] | None = None) -> None:
        """Write columns id, group, and of each label whether it is true (1, 0, empty if unknown) and p(label).

        Args:
            group_names: what to write for the number of a group; None: the number.
        """
        known = np.ones_like(self.targets) if self.known is None else self.known
        truth = np.where(known, self.targets.astype(int).astype(str), "").T.tolist()
        columns = dict(zip(self.classes, truth, strict=True))
        columns |= {f"p({name})": probs for name, probs in zip(self.classes, self.probs.T.tolist(), strict=True)}
        write_rows(path, self.ids, written_groups(self.groups, self.groups_known, group_names), columns)

    @staticmethod
    def from_csv(path: Path, *, group: str | None = None, id: str | None = None) -> "MultiLabel":
        """Read what `to_csv` or any other tool wrote: for each label x a column x (1, 0 or empty) and one p(x).

        Args:
            group, id: names of columns, for a file whose columns are called otherwise.

        Raises:
            DataError: if the file cannot be read this way; it gives the line and what to do.
        """
        return MultiLabel(*read_labels(path, group, id))


def f1(p: MultiLabel, threshold: Threshold) -> Float[np.ndarray, " k"]:
    """2 TP / (2 TP + FP + FN) of each class; nan where a label is neither there nor guessed."""
    hits, marks = counts(p.targets, p.guess(threshold))
    return ratio(hits.sum(0), marks.sum(0))


def average_precision(p: MultiLabel) -> Float[np.ndarray, " k"]:
    """Sum of precision times gain in recall of each class, not interpolated; nan where no sample has the label."""
    return _ranking(p)[:, 1]


def auroc(p: MultiLabel) -> Float[np.ndarray, " k"]:
    """How often a sample with the label is more probable than one without; nan where there are not both."""
    return _ranking(p)[:, 0]


def left_out(p: MultiLabel) -> dict[str, str]:
    """Labels that no ranking can be judged of, and why.

    Example:
        >>> seen, ids = np.array([[True, False], [False, False]]), np.array(["a", "b"])
        >>> left_out(MultiLabel(np.full((2, 2), 0.5), seen, np.arange(2), ids, ("gene", "drug")))
        {'drug': 'no known sample has it'}
    """
    why = {
        (False, False): "it is known of no sample",
        (False, True): "no known sample has it",
        (True, False): "every known sample has it",
    }
    sides = np.stack([p.targets.any(0), p.absent.any(0)], axis=1).tolist()
    return {
        name: why[there, absent]
        for name, (there, absent) in zip(p.classes, sides, strict=True)
        if (there, absent) in why
    }


def _ranking(p: MultiLabel) -> Float[np.ndarray, "k 3"]:
    curves = curves_of(p.targets, p.probs, np.zeros(len(p), dtype=int), 1, p.known)
    return np.array([curve(np.ones((1, 1)))[0] for curve in curves])


def micro_f1(p: MultiLabel, threshold: Threshold) -> float:
    """F1 of all labels of all classes taken together, so that frequent ones count most."""
    hits, marks = counts(p.targets, p.guess(threshold))
    return float(ratio(hits.sum(keepdims=True), marks.sum(keepdims=True)).item())


def macro_f1(p: MultiLabel, threshold: Threshold) -> float:
    """Mean F1 of the classes that a sample has; a class counts like any other, however rare."""
    return float(mean_of_present(f1(p, threshold)[None], p)[0])


def mean_average_precision(p: MultiLabel) -> float:
    """Mean over the classes that a sample has."""
    return float(mean_of_present(average_precision(p)[None], p)[0])


def thresholds(val: MultiLabel) -> Float[np.ndarray, " k"]:
    """For each class the threshold with the greatest F1, halfway between two probabilities; 0.5 where none is true.

    Of equally good thresholds that nearest to one half is taken. Give validation samples: chosen on the samples that
    are judged, it flatters. Of a rare class it is uncertain, and may lie far off.

    Reference: Lipton, Elkan and Naryanaswamy 2014, doi:10.1007/978-3-662-44851-9_15.
    """
    known = np.ones_like(val.targets) if val.known is None else val.known
    columns = zip(val.probs.T.astype(float), val.targets.T, known.T, strict=True)
    return np.array([_threshold(probs[there], true[there]) for probs, true, there in columns])


def _threshold(probs: Float[np.ndarray, " s"], true: Bool[np.ndarray, " s"]) -> float:
    if not true.any():
        return 0.5
    values, rank = np.unique(probs, return_inverse=True)
    hits, guessed = (np.cumsum(np.bincount(rank, of)[::-1])[::-1] for of in (true, None))  # from each value on
    score = 2 * hits / (guessed + true.sum())
    halfway = np.convolve(np.concatenate([[0], values]), [0.5, 0.5], mode="valid")
    best = halfway[score >= score.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])


def curves_of(
    true: np.ndarray, probs: np.ndarray, owners: np.ndarray, groups: int, known: np.ndarray | None = None
) -> list[Weigh]:
    """`Ranking.curve` of each label, over the samples of which it is known."""
    there = np.ones_like(true) if known is None else known
    columns = zip(true.T, probs.T.astype(float), there.T, strict=True)
    return [Ranking().curve(label[rows], -prob[rows], owners[rows], groups) for label, prob, rows in columns]


def mean_of_present(by_class: Float[np.ndarray, "r k"], p: MultiLabel) -> Float[np.ndarray, " r"]:
    present = p.targets.any(0)
    return ratio(by_class[:, present].sum(1), np.full(len(by_class), present.sum()))


def counts(true: Bool[np.ndarray, "s k"], guess: Bool[np.ndarray, "s k"]) -> tuple[np.ndarray, np.ndarray]:
    """The sums over both, divided by each other, are F1."""
    return 2.0 * (true & guess), 1.0 * true + guess
