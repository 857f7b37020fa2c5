"""How good are predictions of numbers, and how sure are we? NumPy only.

A measure is a function of the weights of groups, so a resample is a row of weights. The interval is the widest of three
bootstraps over groups, as for classes (`resample`); but an error has no upper bound, so the unseen group is like that
of the seen ones which moves the measure most, down or up; and all three are widened for few groups.

How often intervals of 95 % hold the truth is measured by benchmarks/coverage_numbers.py. Where groups differ much in
the size of their errors and are few, less often: of the root mean squared error 0.88 with 10 groups, 0.95 with 30.

Axes: s samples, g groups, r resamples.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Real
from scipy import sparse

from layerscope.judge.compare import Difference
from layerscope.judge.interval import SAME, Score, bounds, check_settings
from layerscope.judge.resample import CACHED, Design
from layerscope.judge.statistics import Weigh, ratio
from layerscope.predictions import Numbers
from layerscope.source import DataError


@dataclass(frozen=True)
class Measure:
    """Called with predictions it gives a number; `prepare` gives it as a function of group weights.

    Example:
        >>> p = Numbers(np.array([1.0, 4.0]), np.array([1.0, 2.0]), np.arange(2), np.array(["a", "b"]))
        >>> MEASURES["mae"](p), round(MEASURES["rmse"](p), 3)
        (1.0, 1.414)
    """

    title: str
    prepare: Callable[[Numbers], Weigh]  # weights of groups (r, g) to the measure (r), nan where it cannot be had
    in_unit: bool  # measured in the unit of the targets
    higher_is_better: bool

    def __call__(self, p: Numbers) -> float:
        return float(self.weighted(p, np.ones((1, p.owners.groups)))[0])

    def weighted(self, p: Numbers, weights: Real[np.ndarray, "r g"]) -> Float[np.ndarray, " r"]:
        """Groups are in the order of `np.unique(p.groups)`; one of weight 2 counts as two such groups."""
        return self.prepare(p)(weights)


def scores(
    p: Numbers,
    measures: "Mapping[str, Measure] | None" = None,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Score]:
    """Each measure with its interval over groups, from the same resamples; None: all of MEASURES.

    A measure that cannot be had is nan, as is the interval where all groups say the same: of an error that has no upper
    bound, equal ones prove nothing about the next. `method` says why.

    Raises:
        ValueError: if level or resamples make no sense.
    """
    check_settings(level, resamples)
    weighs = {name: measure.prepare(p) for name, measure in (measures or MEASURES).items()}
    found = _intervals(p, weighs, level, resamples, seed, "bootstrap over")
    return {name: Score(*each) for name, each in found.items()}


def compare(
    a: Numbers,
    b: Numbers,
    measures: "Mapping[str, Measure] | None" = None,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Difference]:
    """Each measure of a, less that of b, on the same samples, in any order; the same resampled groups for both.

    Raises:
        DataError: if the two are not about the same samples, targets and groups.
        ValueError: if level or resamples make no sense.

    Example:
        >>> y, ids, groups = np.arange(40.0), np.arange(40).astype(str), np.arange(40) // 2
        >>> noise = np.random.default_rng(0).normal(size=(2, 40))
        >>> a, b = (Numbers(y + n * e, y, groups, ids) for n, e in zip((1, 3), noise, strict=True))
        >>> d = compare(a, b)["rmse"]
        >>> d.value < -1, d.high < 0
        (True, True)
    """
    check_settings(level, resamples)
    a, b = _aligned(a, b)
    weighs = {}
    for name, measure in (measures or MEASURES).items():
        first, second = measure.prepare(a), measure.prepare(b)
        weighs[name] = lambda weights, first=first, second=second: first(weights) - second(weights)
    found = _intervals(a, weighs, level, resamples, seed, "paired bootstrap over")
    return {name: Difference(*each) for name, each in found.items()}


def over(p: Numbers) -> str:
    """What an interval is over, in words."""
    return f"{p.owners.groups} {'groups' if p.groups_known else 'samples (no groups given)'}"


def _intervals(
    p: Numbers, weighs: Mapping[str, Weigh], level: float, resamples: int, seed: int, how: str
) -> dict[str, tuple[float, float, float, int, int, str]]:
    owners, groups = p.owners
    size = np.bincount(owners)
    once = size.mean() / size  # so many of a group are as large as an average one
    values = {name: float(weigh(np.ones((1, groups)))[0]) for name, weigh in weighs.items()}
    extremes = {name: _extremes(weigh, once, len(p)) for name, weigh in weighs.items()}
    tried = {name: np.empty((3, resamples)) for name in weighs}
    for_seen, for_unseen = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    step = max(4, CACHED // max(len(p), groups))
    for start in range(0, resamples, step):
        part = slice(start, min(start + step, resamples))
        seen = for_seen.standard_exponential((part.stop - start, groups))
        unseen = for_unseen.standard_exponential(part.stop - start)
        for name, weigh in weighs.items():
            tried[name][0, part] = weigh(seen)
            for v, group in enumerate(extremes[name], start=1):
                more = seen.copy()
                more[:, group] += unseen * once[group]
                tried[name][v, part] = weigh(more)
    found = {}
    for name, value in values.items():
        low, high, method = np.nan, np.nan, f"{how} {over(p)}"
        if np.isnan(value):
            method = "undefined: it needs targets that differ, and for ranks predictions that differ"
        elif groups == 1:
            method = "one group: no interval"
        elif np.ptp(tried[name][0]) < SAME * max(1.0, abs(value)):
            method = f"no interval: no spread between {over(p)}"
        else:
            rows, design = np.nan_to_num(tried[name], nan=value), Design(np.ones((groups, 1)))
            lows, highs = zip(*(bounds(row[None], design, level) for row in rows), strict=True)
            low, high = min(*lows, value), max(*highs, value)
        found[name] = (value, low, high, len(p), groups, method)
    return found


def _extremes(weigh: Weigh, once: Float[np.ndarray, " g"], samples: int) -> tuple[int, int]:
    """The groups of which one more, of average size, would lower the measure most, and raise it most."""
    groups, moved = len(once), []
    step = max(4, CACHED // max(samples, groups))
    for start in range(0, groups, step):
        rows = np.arange(start, min(start + step, groups))
        weights = np.ones((len(rows), groups))
        weights[rows - start, rows] += once[rows]
        moved.append(weigh(weights))
    by_group = np.concatenate(moved)
    if np.isnan(by_group).all():
        return 0, 0
    return int(np.nanargmin(by_group)), int(np.nanargmax(by_group))


def _aligned(a: Numbers, b: Numbers) -> tuple[Numbers, Numbers]:
    """Both in the order of rows of a, and with the same groups: of a, or of b if only those are known."""
    for which, p in (("first", a), ("second", b)):
        if (different := len(np.unique(p.ids))) != len(p):
            raise DataError(f"needed one id for each sample. The {which} has {different} ids for {len(p)} rows.")
    alone = [np.setdiff1d(a.ids, b.ids), np.setdiff1d(b.ids, a.ids)]
    if len(alone[0]) or len(alone[1]):
        raise DataError(
            f"needed the same samples in both. {len(alone[0])} ids are only in the first, {len(alone[1])} only in the "
            f"second, such as {str(np.concatenate(alone)[0])!r:.60}. Keep the rows that both have."
        )
    place = np.empty(len(a), dtype=int)
    place[np.argsort(a.ids)] = np.argsort(b.ids)
    b = b.rows(place)
    if (other := b.targets != a.targets).any():
        row = int(other.argmax())
        raise DataError(
            f"needed the same targets in both. {other.sum()} differ, such as of {str(a.ids[row])!r:.60}: "
            f"{a.targets[row]:g} and {b.targets[row]:g}."
        )
    if a.groups_known and b.groups_known:
        pairs = {*zip(a.owners.of_row.tolist(), b.owners.of_row.tolist(), strict=True)}
        if not len(pairs) == a.owners.groups == b.owners.groups:
            counts = f"{a.owners.groups} and {b.owners.groups}, which meet in {len(pairs)}"
            raise DataError(f"needed the same groups in both. Got {counts}.")
    known = b if b.groups_known and not a.groups_known else a
    shared = {"groups": known.groups, "groups_known": known.groups_known}
    return replace(a, **shared), replace(b, **shared)


# Measures: from predictions to a function of group weights.


def _rmse(p: Numbers) -> Weigh:
    of = _sums(p, p.errors**2)
    return lambda weights: np.sqrt(_mean(weights @ of))


def _mae(p: Numbers) -> Weigh:
    of = _sums(p, np.abs(p.errors))
    return lambda weights: _mean(weights @ of)


def _r2(p: Numbers) -> Weigh:
    y = p.targets - p.targets.mean()
    of = _sums(p, y, y**2, p.errors**2)
    alike = np.ptp(y) == 0

    def weigh(weights: np.ndarray) -> np.ndarray:
        n, total, squares, wrong = (weights @ of).T
        spread = squares - ratio(total**2, n)
        return 1 - ratio(wrong, np.where(alike | (spread < SAME**2 * squares), 0, spread))

    return weigh


def _spearman(p: Numbers) -> Weigh:
    owners, groups = p.owners
    ranks = [_ranks(column, owners, groups) for column in (p.values, p.targets)]

    def weigh(weights: np.ndarray) -> np.ndarray:
        w = np.ascontiguousarray(weights.T, dtype=float)
        (x, of_x), (y, of_y) = (rank(w) for rank in ranks)
        together = np.einsum("sr,sr,sr->r", w[owners], x, y)
        return ratio(together, np.sqrt(of_x * of_y))

    return weigh


def _ranks(column: np.ndarray, owners: np.ndarray, groups: int) -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """Ranks of rows less their mean, (s, r), and the sum of their squares; of equals each has the middle one."""
    values, tie = np.unique(column, return_inverse=True)
    mass = sparse.csr_array((np.ones(len(column)), (tie, owners)), shape=(len(values), groups))

    def rank(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        m = mass @ w
        middle = np.cumsum(m, axis=0) - m / 2 - m.sum(axis=0) / 2
        return middle[tie], np.einsum("ur,ur,ur->r", m, middle, middle) if len(values) > 1 else np.zeros(w.shape[1])

    return rank


def _sums(p: Numbers, *columns: np.ndarray) -> Float[np.ndarray, "g c"]:
    """Of each group how many rows it has, and the sum of each column."""
    owners, groups = p.owners
    return np.stack([np.bincount(owners, column, groups) for column in (np.ones(len(p)), *columns)], axis=1)


def _mean(sums: np.ndarray) -> np.ndarray:
    return ratio(sums[:, 1], sums[:, 0])


MEASURES = {
    "rmse": Measure("Root mean squared error", _rmse, in_unit=True, higher_is_better=False),
    "mae": Measure("Mean absolute error", _mae, in_unit=True, higher_is_better=False),
    # share of the variance of the judged targets: 0 is as good as their own mean, and it may be below
    "r2": Measure("R²", _r2, in_unit=False, higher_is_better=True),
    # Spearman 1904, doi:10.2307/1412159; of equals each has the middle rank
    "spearman": Measure("Spearman's rank correlation", _spearman, in_unit=False, higher_is_better=True),
}
