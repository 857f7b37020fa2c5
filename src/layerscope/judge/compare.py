"""Is one better than the other? The same samples, the same resampled groups for both."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from layerscope.judge.interval import SAME, bounds, check_settings, described, no_interval
from layerscope.judge.metrics import Metric
from layerscope.judge.resample import Design, by_group, if_unseen, trials, typical
from layerscope.predictions import Predictions
from layerscope.source import DataError


class Difference(NamedTuple):
    value: float  # of a, less that of b
    low: float
    high: float
    samples: int
    groups: int
    method: str  # how the interval was made, or why there is none


def compare(
    a: Predictions, b: Predictions, metric: Metric, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Difference:
    """Metric of a less metric of b on the same samples, in any order.

    The interval is made as that of `scores`; the unseen group is one on which only one of the two is right.

    Raises:
        DataError: if the two are not about the same samples, targets, groups and classes.
        ValueError: if level or resamples make no sense.

    Example:
        >>> from layerscope.judge import METRICS
        >>> targets, ids, classes = np.arange(40) % 2, np.arange(40).astype(str), ("no", "yes")
        >>> a = Predictions(np.eye(2)[targets], targets, np.arange(40), ids, classes)
        >>> b = Predictions(np.eye(2)[[0, 0] * 20], targets, np.arange(40), ids, classes)
        >>> d = compare(a, b, METRICS["accuracy"])
        >>> d.value, d.low > 0.3
        (0.5, True)
    """
    check_settings(level, resamples)
    a, b = _aligned(a, b)
    values, groups = (metric(a), metric(b)), a.owners.groups
    value = values[0] - values[1]
    if reason := no_interval(metric, a, values[0]) or no_interval(metric, b, values[1]):
        return Difference(value, np.nan, np.nan, len(a), groups, reason)
    differ = typical(by_group(a, (a.guess == a.targets) != (b.guess == b.targets)))
    of_a = trials(a, {"": metric}, (None, differ, 0.0), resamples, seed)[""]
    of_b = trials(b, {"": metric}, (None, 0.0, differ), resamples, seed)[""]
    design, tail = Design.of(a), (1 - level) / 2
    if np.ptp(of_a[0] - of_b[0]) < SAME:
        low = if_unseen(a, metric, tail, "wrong") - if_unseen(b, metric, tail, "right")
        high = if_unseen(a, metric, tail, "right") - if_unseen(b, metric, tail, "wrong")
        how = "conservative: no spread between"
    else:
        low, high = bounds(of_a - of_b, design, level)
        how = "paired bootstrap over"
    return Difference(value, min(low, high, value), max(low, high, value), len(a), groups, described(how, a, design))


def _aligned(a: Predictions, b: Predictions) -> tuple[Predictions, Predictions]:
    """Both in the order of rows and classes of a, and with the same groups: of a, or of b if only those are known."""
    if sorted(a.classes) != sorted(b.classes):
        raise DataError(f"needed the same classes in both. Got {a.classes} and {b.classes}.")
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
    columns = [b.classes.index(name) for name in a.classes]
    targets = np.argsort(columns)[b.targets[place]]
    if (other := targets != a.targets).any():
        raise DataError(
            f"needed the same targets in both. {other.sum()} differ, such as of {str(a.ids[other][0])!r:.60}."
        )
    b = replace(b.rows(place), probs=b.probs[place][:, columns], targets=targets, classes=a.classes)
    if a.groups_known and b.groups_known:
        pairs = {*zip(a.owners.of_row.tolist(), b.owners.of_row.tolist(), strict=True)}
        if not len(pairs) == a.owners.groups == b.owners.groups:
            counts = f"{a.owners.groups} and {b.owners.groups}, which meet in {len(pairs)}"
            raise DataError(f"needed the same groups in both. Got {counts}.")
    known = b if b.groups_known and not a.groups_known else a
    shared = {"groups": known.groups, "groups_known": known.groups_known}
    return replace(a, **shared), replace(b, **shared)
