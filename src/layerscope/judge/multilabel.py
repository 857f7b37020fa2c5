"""How good are predictions where a sample may have several labels, or none? NumPy only.

A class of which no sample has the label has no average precision (nan), and no F1 either unless it is guessed (then 0);
macro means leave it out, and what is wrongly guessed of it counts in micro F1.

Axes: s samples, k classes, g groups, r resamples, c the metrics of `scores`, m all classes together and then each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from layerscope.judge.compare import Difference
from layerscope.judge.interval import SAME, Score, bounds, check_settings
from layerscope.judge.resample import CACHED, Design, typical
from layerscope.judge.statistics import Ranking, ratio
from layerscope.predictions import Owners
from layerscope.source import DataError

Threshold = float | Float[np.ndarray, " k"]
Weigh = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # weights of seen, wrong, right groups to (r, c)


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

    def guess(self, threshold: Threshold) -> Bool[np.ndarray, "s k"]:
        """Labels whose probability reaches the threshold: one for all, or one for each class."""
        least = np.asarray(threshold, dtype=float)
        if least.shape not in ((), (len(self.classes),)):
            raise ValueError(
                f"needed one threshold, or one for each of {len(self.classes)} classes. Got {least.shape}."
            )
        return self.probs >= least


def f1(p: MultiLabel, threshold: Threshold) -> Float[np.ndarray, " k"]:
    """2 TP / (2 TP + FP + FN) of each class; nan where a label is neither there nor guessed."""
    hits, marks = _counts(p.targets, p.guess(threshold))
    return ratio(hits.sum(0), marks.sum(0))


def average_precision(p: MultiLabel) -> Float[np.ndarray, " k"]:
    """Sum of precision times gain in recall of each class, not interpolated; nan where no sample has the label."""
    curves = _curves(p.targets, p.probs, np.zeros(len(p), dtype=int), 1)
    return np.array([curve(np.ones((1, 1)))[0, 1] for curve in curves])


def micro_f1(p: MultiLabel, threshold: Threshold) -> float:
    """F1 of all labels of all classes taken together, so that frequent ones count most."""
    hits, marks = _counts(p.targets, p.guess(threshold))
    return float(ratio(hits.sum(keepdims=True), marks.sum(keepdims=True)).item())


def macro_f1(p: MultiLabel, threshold: Threshold) -> float:
    """Mean F1 of the classes that a sample has; a class counts like any other, however rare."""
    return float(_macro(f1(p, threshold)[None], p)[0])


def mean_average_precision(p: MultiLabel) -> float:
    """Mean over the classes that a sample has."""
    return float(_macro(average_precision(p)[None], p)[0])


def thresholds(val: MultiLabel) -> Float[np.ndarray, " k"]:
    """For each class the threshold with the greatest F1, halfway between two probabilities; 0.5 where none is true.

    Of equally good thresholds that nearest to one half is taken. Give validation samples: chosen on the samples that
    are judged, it flatters. Of a rare class it is uncertain, and may lie far off.

    Reference: Lipton, Elkan and Naryanaswamy 2014, doi:10.1007/978-3-662-44851-9_15.
    """
    return np.array([_threshold(*column) for column in zip(val.probs.T.astype(float), val.targets.T, strict=True)])


def _threshold(probs: Float[np.ndarray, " s"], true: Bool[np.ndarray, " s"]) -> float:
    if not true.any():
        return 0.5
    values, rank = np.unique(probs, return_inverse=True)
    hits, guessed = (np.cumsum(np.bincount(rank, of)[::-1])[::-1] for of in (true, None))  # from each value on
    score = 2 * hits / (guessed + true.sum())
    halfway = np.convolve(np.concatenate([[0], values]), [0.5, 0.5], mode="valid")
    best = halfway[score >= score.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])


def scores(
    p: MultiLabel, threshold: Threshold, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> dict[str, Score]:
    """Each metric with its interval over groups: the three means, then `f1(class)` and `average_precision(class)`.

    Made as by `judge.scores`: the widest of three bootstraps over groups, of those seen and with one unseen that is
    answered worse, or better. A class counts the groups in which it is true, so that of a rare one little is promised.

    Raises:
        ValueError: if level or resamples make no sense.
    """
    check_settings(level, resamples)
    guess = p.guess(threshold)
    weigh, true_or_guessed = _weigher(p, guess), guess | p.targets
    worse = _typical(p, guess != p.targets, true_or_guessed)
    better = 1 - _typical(p, guess & p.targets, true_or_guessed)
    tried = _trials(p, weigh, [worse, better], resamples, seed)
    value, *ends = (_if_unseen(p, weigh, level, *how) for how in ((0, 0), (1, 0), (0, 1)))
    return {name: Score(*found) for name, found in _intervals(p, value, tried, ends, level).items()}


def compare(
    a: MultiLabel,
    b: MultiLabel,
    of_a: Threshold,
    of_b: Threshold,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Difference]:
    """Each metric of a, decided at thresholds `of_a`, less that of b: the same rows, the same resampled groups.

    Raises:
        DataError: if the two are not about the same samples, targets, groups and classes, in the same order.
        ValueError: if level or resamples make no sense.
    """
    check_settings(level, resamples)
    columns = ("ids", "classes", "targets", "groups", "groups_known")
    if other := [name for name in columns if not np.array_equal(getattr(a, name), getattr(b, name))]:
        raise DataError(f"needed the same samples in the same order. The two differ in {', '.join(other)}.")
    guess, other_guess = a.guess(of_a), b.guess(of_b)
    first, second = _weigher(a, guess), _weigher(b, other_guess)
    differ = _typical(a, guess != other_guess, guess | other_guess | a.targets)
    none = np.zeros_like(differ)
    tried = _trials(a, first, [differ, none], resamples, seed) - _trials(b, second, [none, differ], resamples, seed)
    value, *ends = (
        _if_unseen(a, first, level, wrong, right) - _if_unseen(b, second, level, right, wrong)
        for wrong, right in ((0, 0), (1, 0), (0, 1))
    )
    return {name: Difference(*found) for name, found in _intervals(a, value, tried, ends, level, "paired ").items()}


def weighted(p: MultiLabel, threshold: Threshold, weights: Float[np.ndarray, "r g"]) -> dict[str, np.ndarray]:
    """Each metric for each row of group weights; a group of weight 2 counts as two such groups."""
    none = np.zeros((len(weights), 1 + len(p.classes)))
    return dict(zip(_names(p), _weigher(p, p.guess(threshold))(weights, none, none).T, strict=True))


def _names(p: MultiLabel) -> list[str]:
    means = ["micro_f1", "macro_f1", "mean_average_precision"]
    return [*means, *(f"{metric}({name})" for metric in ("f1", "average_precision") for name in p.classes)]


def _weigher(p: MultiLabel, guess: Bool[np.ndarray, "s k"]) -> Weigh:
    """All metrics of the seen groups, and of two more that are copies of all rows, answered wrongly and rightly.

    Wrongly is: every label missed, and as many guessed where they are not, namely where the network came nearest to it.
    The copies are as confident as the seen rows are on average.
    """
    (owners, groups), (samples, k) = p.owners, p.targets.shape
    tempting = np.where(p.targets, np.inf, -p.probs).argsort(axis=0, kind="stable").argsort(axis=0)
    wrong = ~p.targets & (tempting < p.targets.sum(0))
    # rounded, so that the order of rows does not decide whether a mean is equal to a probability
    mean = [ratio((p.probs * of).sum(0), of.sum(0)).round(9) for of in (guess, ~guess)]
    yes, no = np.nan_to_num(mean[0], nan=1), np.nan_to_num(mean[1], nan=0)
    probs = np.vstack([p.probs, *(np.where(answer, yes, no) for answer in (wrong, p.targets))])
    true, guessed = np.tile(p.targets, (3, 1)), np.vstack([guess, wrong, p.targets])
    owners = np.concatenate([owners, np.repeat([groups, groups + 1], samples)])
    hits, marks = (_by_group(cells, owners, groups + 2) for cells in _counts(true, guessed))
    curves = _curves(true, probs, owners, groups + 2)

    def weigh(seen: np.ndarray, wrong: np.ndarray, right: np.ndarray) -> np.ndarray:
        every, *by_class = [np.hstack([seen, wrong[:, [m]], right[:, [m]]]) for m in range(1 + k)]
        micro = ratio(every @ hits.sum(1), every @ marks.sum(1))
        f1s = np.stack([ratio(w @ hits[:, c], w @ marks[:, c]) for c, w in enumerate(by_class)], axis=1)
        precisions = np.stack([curve(w)[:, 1] for curve, w in zip(curves, by_class, strict=True)], axis=1)
        return np.column_stack([micro, _macro(f1s, p), _macro(precisions, p), f1s, precisions])

    return weigh


def _curves(true: np.ndarray, probs: np.ndarray, owners: np.ndarray, groups: int) -> list[Callable]:
    columns = zip(true.T, probs.T.astype(float), strict=True)
    return [Ranking()._curve(label, -prob, owners, groups) for label, prob in columns]


def _macro(by_class: Float[np.ndarray, "r k"], p: MultiLabel) -> Float[np.ndarray, " r"]:
    present = p.targets.any(0)
    return ratio(by_class[:, present].sum(1), np.full(len(by_class), present.sum()))


def _counts(true: Bool[np.ndarray, "s k"], guess: Bool[np.ndarray, "s k"]) -> tuple[np.ndarray, np.ndarray]:
    """The sums over both, divided by each other, are F1."""
    return 2.0 * (true & guess), 1.0 * true + guess


def _by_group(cells: Shaped[np.ndarray, "s m"], owners: Int[np.ndarray, " s"], groups: int) -> Float[np.ndarray, "g m"]:
    sums = np.zeros((groups, cells.shape[1]))
    np.add.at(sums, owners, cells)
    return sums


def _typical(p: MultiLabel, cells: Bool[np.ndarray, "s k"], of: Bool[np.ndarray, "s k"]) -> Float[np.ndarray, " m"]:
    """Share of such cells to expect in a group that is unseen."""
    some, every = (_by_group(np.column_stack([x.sum(1), x]), *p.owners) for x in (cells, of))
    return np.array([typical(share) for share in np.nan_to_num(ratio(some, every)).T])


def _reach(p: MultiLabel) -> Int[np.ndarray, " m"]:
    """All groups, and those in which each class is true."""
    return np.array([p.owners.groups, *(_by_group(p.targets, *p.owners) > 0).sum(0).clip(min=1)])


def _trials(p: MultiLabel, weigh: Weigh, wrong: list, resamples: int, seed: int) -> Float[np.ndarray, "v r c"]:
    """Every metric on every resample: without an unseen group, then with one in which such shares are wrong."""
    for_seen, for_unseen = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    size, reach, parts = max(4, CACHED // (3 * len(p))), _reach(p), []
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        seen = for_seen.standard_exponential((rows, p.owners.groups))
        once = for_unseen.standard_exponential((rows, 1)) / reach
        unseen = [(0 * once, 0 * once), *((once * share, once * (1 - share)) for share in wrong)]
        parts.append(np.stack([weigh(seen, *answers) for answers in unseen]))
    return np.concatenate(parts, axis=1)


def _if_unseen(p: MultiLabel, weigh: Weigh, level: float, wrong: int, right: int) -> Float[np.ndarray, " c"]:
    """The metrics if as many groups were unseen, all answered so, as Clopper and Pearson's bound allows."""
    seen = ((1 - level) / 2) ** (1 / _reach(p)[None])
    unseen = (1 - seen) / seen
    return weigh(np.ones((1, p.owners.groups)), unseen * wrong, unseen * right)[0]


def _intervals(
    p: MultiLabel, values: np.ndarray, tried: np.ndarray, ends: Sequence[np.ndarray], level: float, paired: str = ""
) -> dict[str, tuple[float, float, float, int, int, str]]:
    """Value, low, high, samples, groups and method of each metric."""
    every, *by_class = _reach(p).tolist()
    over = f"{every} {'groups' if p.groups_known else 'samples (no groups given)'}"
    found = {}
    for c, (name, groups) in enumerate(zip(_names(p), [every] * 3 + by_class * 2, strict=True)):
        value, low, high = float(values[c]), np.nan, np.nan
        if np.isnan(value):
            method = "undefined: no sample has the label"
        elif every == 1:
            method = "one group: no interval"
        elif np.ptp(tried[0, :, c]) < SAME:
            method, (low, high) = f"conservative: no spread between {over}", (float(end[c]) for end in ends)
        else:
            method = f"{paired}bootstrap over {over}"
            low, high = bounds(tried[:, :, c], Design(np.ones((groups, 1))), level)
        found[name] = (value, min(low, high, value), max(low, high, value), len(p), every, method)
    return found
