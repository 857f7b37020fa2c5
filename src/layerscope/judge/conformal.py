"""Intervals that shall hold the true number, made from errors on validation groups, and whether they do.

What is promised: of a sample drawn at random from a new group, the interval holds the truth with at least the
probability `level`, if the new group could have been one of the validation groups (exchangeable with them) and the
network has seen none of them. What is not: the promise is an average over groups and over validation sets, not for each
group and not for a kind of sample; a group counts once, however large; and it is void where new groups differ, as
scaffolds do that were put into the test part because they are rare. So measure it: `interval_scores`.

References: Vovk, Gammerman and Shafer 2005, doi:10.1007/b106715 (split conformal); Lee, Barber and Willett 2023,
arXiv:2306.06342 (groups).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from layerscope.judge.interval import SAME, Score, bounds, check_settings, score
from layerscope.judge.metrics import METRICS
from layerscope.judge.regression import Measure, over
from layerscope.judge.regression import scores as number_scores
from layerscope.judge.resample import Design, by_group, typical
from layerscope.judge.statistics import Weigh
from layerscope.predictions import Numbers, Predictions

Spread = Float[np.ndarray, " s"] | None


@dataclass(frozen=True)
class Conformal:
    """How far the truth lies from what is said, at most, as often as `level`."""

    radius: float  # in the unit of the targets; where samples have a spread of their own, in multiples of that
    level: float
    groups: int  # of validation
    own_spread: bool

    def around(self, p: Numbers, spread: Spread = None) -> Numbers:
        """The same with an interval around each number.

        Args:
            spread: of each sample, how unsure its number is, made as for the validation samples.
        """
        if (spread is not None) != self.own_spread:
            needed = "a spread of its own for each sample" if self.own_spread else "no spread, for validation had none"
            raise ValueError(f"needed {needed}. Got {'one' if spread is not None else 'none'}.")
        reach = self.radius * (np.ones(len(p)) if spread is None else _positive(spread, len(p)))
        return replace(p, low=p.values - reach, high=p.values + reach, level=self.level)


def conformal(val: Numbers, level: float = 0.9, spread: Spread = None) -> Conformal:
    """Learn the reach of intervals from validation samples, each group counting once.

    Args:
        val: predictions of groups that the network was not trained on and that no choice was made on.
        spread: of each sample, how unsure its number is (any positive guess, such as the spread of an ensemble): where
            it is greater, the interval shall be wider.

    Raises:
        ValueError: if there are too few groups for the level, or a spread is not positive.

    Example:
        >>> y, ids = np.zeros(19), np.arange(19).astype(str)
        >>> conformal(Numbers(np.arange(19.0), y, np.arange(19), ids), level=0.9).radius
        17.0
    """
    if not 0 < level < 1:
        raise ValueError(f"the level lies between 0 and 1. Got {level:g}.")
    owners, groups = val.owners
    if (needed := math.ceil(level / (1 - level) - 1e-9)) > groups:
        raise ValueError(
            f"intervals that hold the truth in {100 * level:g} % need errors of {needed} groups or more. Got {groups}: "
            "give more validation groups, or ask for a lower level."
        )
    wrong = np.abs(val.errors) if spread is None else np.abs(val.errors) / _positive(spread, len(val))
    order = np.argsort(wrong, kind="stable")
    share = 1 / ((groups + 1) * np.bincount(owners))[owners]  # the new group has the share that is left
    reached = np.cumsum(share[order])
    at = min(int(np.searchsorted(reached, level - 1e-9)), len(val) - 1)
    return Conformal(float(wrong[order[at]]), level, groups, spread is not None)


def interval_scores(p: Numbers, *, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> dict[str, Score]:
    """How often the intervals hold the truth and how wide they are, each with its own interval over groups.

    `coverage` is the share of samples, `coverage_by_group` the mean over groups of their shares, which is what
    `conformal` promises; `width` is the mean.

    Raises:
        ValueError: if there are no intervals, or level or resamples make no sense.
    """
    check_settings(level, resamples)
    if p.low is None or p.high is None:
        raise ValueError("these predictions have no intervals. Make some: conformal(val).around(test).")
    inside = (p.low <= p.targets) & (p.targets <= p.high)
    answers = np.where(inside, 1, 0)
    held = Predictions(
        np.eye(2)[answers], np.ones_like(answers), p.groups, np.arange(len(p)).astype(str), ("missed", "held"),
        p.groups_known,
    )  # fmt: skip
    each = score(METRICS["accuracy"], held, level=level, resamples=resamples, seed=seed)
    shares = _share_of_groups(p, by_group(held, ~inside), level, resamples, seed)
    return {"coverage": each, "coverage_by_group": shares, "width": _width(p, p.high - p.low, level, resamples, seed)}


def calibration(
    val: Numbers, test: Numbers, levels: Sequence[float] = (0.5, 0.6, 0.7, 0.8, 0.9), spread: Spread = None,
    test_spread: Spread = None,
) -> dict[float, dict[str, Score]]:  # fmt: skip
    """Of each level that is promised, what is held: `interval_scores` of intervals from validation errors."""
    return {level: interval_scores(conformal(val, level, spread).around(test, test_spread)) for level in levels}


def _share_of_groups(p: Numbers, missed: Float[np.ndarray, " g"], level: float, resamples: int, seed: int) -> Score:
    """Mean over groups; as for a share of samples, also with one unseen group that is worse, or better."""
    groups, value, tail = len(missed), float(1 - missed.mean()), (1 - level) / 2
    if groups == 1:
        return Score(value, np.nan, np.nan, len(p), 1, "one group: no interval")
    for_seen, for_unseen = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    seen, once = for_seen.standard_exponential((resamples, groups)), for_unseen.standard_exponential(resamples)
    total, wrong = seen.sum(1), seen @ missed
    unseen = (typical(missed), 1 - typical(1 - missed))
    tried = [wrong / total, *((wrong + once * share) / (total + once) for share in unseen)]
    if np.ptp(tried[0]) >= SAME:
        low, high = bounds(1 - np.stack(tried), Design(np.ones((groups, 1))), level)
        return Score(value, min(low, value), max(high, value), len(p), groups, f"bootstrap over {over(p)}")
    seen_all = tail ** (1 / groups)  # Clopper and Pearson: if the share of unlike groups were greater, one was seen
    low, high = value * seen_all, 1 - (1 - value) * seen_all
    how = "exact: none missed in" if value == 1 else "conservative: no spread between"
    return Score(value, low, high, len(p), groups, f"{how} {over(p)}")


def _width(p: Numbers, width: Float[np.ndarray, " s"], level: float, resamples: int, seed: int) -> Score:
    """Where all are of one width there is nothing to be unsure of."""
    value = float(width.mean())
    if not np.isfinite(value) or np.ptp(width) <= SAME * max(1.0, abs(value)):
        how = "all intervals have this width" if np.isfinite(value) else "an interval is infinite"
        return Score(value, value, value, len(p), p.owners.groups, how)
    plain = replace(p, values=width, targets=np.zeros(len(p)), low=None, high=None, level=None)
    return number_scores(plain, {"": _MEAN}, level=level, resamples=resamples, seed=seed)[""]


def _mean_of(p: Numbers) -> Weigh:
    owners, groups = p.owners
    total, rows = np.bincount(owners, p.values, groups), np.bincount(owners, minlength=groups)
    return lambda weights: (weights @ total) / (weights @ rows)


_MEAN = Measure("Mean", _mean_of, in_unit=True, higher_is_better=False)


def _positive(spread: Float[np.ndarray, " s"], samples: int) -> Float[np.ndarray, " s"]:
    proper: Bool[np.ndarray, " s"] = np.isfinite(spread) & (spread > 0)
    if len(spread) != samples or not proper.all():
        got = f"{len(spread)} for {samples}" if len(spread) != samples else f"{spread[~proper][0]:g}"
        raise ValueError(f"needed a spread above 0 for each sample. Got {got}.")
    return spread
