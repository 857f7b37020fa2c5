"""How sure are we? A metric with its interval over groups."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special

from layerscope.judge.metrics import METRICS, Metric
from layerscope.judge.resample import Design, by_group, if_unseen, trials, typical
from layerscope.predictions import Predictions

SAME = 1e-9  # resamples that differ by less are equal


class Score(NamedTuple):
    value: float
    low: float
    high: float
    samples: int
    groups: int
    method: str  # how the interval was made, or why there is none


def score(
    metric: Metric, predictions: Predictions, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Score:
    """One metric with its interval.

    Example:
        >>> right = np.tile([0.9, 0.1], (20, 1))
        >>> ids, groups = np.arange(20).astype(str), np.arange(20) // 2
        >>> s = score(METRICS["accuracy"], Predictions(right, np.zeros(20, int), groups, ids, ("no", "yes")))
        >>> s.value, round(s.low, 3), s.high, s.method
        (1.0, 0.692, 1.0, 'exact: no error in 10 groups')
    """
    return scores(predictions, {"": metric}, level=level, resamples=resamples, seed=seed)[""]


def scores(
    predictions: Predictions,
    metrics: Mapping[str, Metric] = METRICS,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Score]:
    """Each metric with its interval, from the same resamples.

    The interval is the widest of three bootstraps over groups (see `resample`): of those seen, with quantiles widened
    for few groups by Student's t (Hesterberg 2015, doi:10.1080/00031305.2015.1089789); and with one unseen group that
    is answered worse, or better. Where resamples do not differ, as with no error at all, it is the bound of Clopper and
    Pearson on the share of wrong groups; for a metric that is not a share of samples, its value if that many groups
    were answered wrongly throughout. A metric that cannot be had, or has no interval, is nan; `method` says why.

    Raises:
        ValueError: if level or resamples make no sense.
    """
    check_settings(level, resamples)
    p, wrong = predictions, by_group(predictions, predictions.guess != predictions.targets)
    values = {name: metric(p) for name, metric in metrics.items()}
    missing = {name: no_interval(metric, p, values[name]) for name, metric in metrics.items()}
    judged = {name: metric for name, metric in metrics.items() if not missing[name]}
    floors = {f"{name}, least": _least(m, p) for name, m in judged.items() if m.excess}
    unseen = (None, typical(wrong), 1 - typical(1 - wrong))
    tried = trials(p, {**judged, **floors}, unseen, resamples, seed) if judged else {}
    found = {}
    for name, value in values.items():
        low, high, method = np.nan, np.nan, missing[name]
        if name in judged:
            low, high, method = _interval(judged[name], p, value, tried[name], tried.get(f"{name}, least"), level)
        found[name] = Score(value, low, high, len(p), len(wrong), method)
    return found


def check_settings(level: float, resamples: int) -> None:
    if not 0 < level < 1 or resamples < 100:
        raise ValueError(f"needed 0 < level < 1 and 100 or more resamples. Got level={level}, resamples={resamples}.")


def bounds(tried: Float[np.ndarray, "v r"], design: Design, level: float) -> tuple[float, float]:
    """The outermost quantiles: of the first row, the resampling of what was seen, widened for few groups."""
    tail = (1 - level) / 2
    strata = (design.groups > 0).sum() if design.within_classes else 1
    freedom = max(len(design.sizes) - strata, 1)
    each = max(len(design.sizes) / strata, 2)
    # exponential weights vary by 1 / (g + 1), the mean of g groups by 1 / (g - 1); and the spread itself is estimated
    wide = special.ndtr(special.stdtrit(freedom, tail) * np.sqrt((each + 1) / (each - 1)))
    lows = [*np.quantile(tried[1:], tail, axis=1), np.quantile(tried[0], wide)]
    highs = [*np.quantile(tried[1:], 1 - tail, axis=1), np.quantile(tried[0], 1 - wide)]
    return float(min(lows)), float(max(highs))


def binomial(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share of k in n independent samples.

    Reference: Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404.

    Example:
        >>> [round(end, 3) for end in binomial(35, 38)]
        [0.786, 0.983]
    """
    _check_share(k, n, level)
    tail = (1 - level) / 2
    low = special.betaincinv(k, n - k + 1, tail) if k > 0 else 0.0
    high = special.betaincinv(k + 1, n - k, 1 - tail) if k < n else 1.0
    return float(low), float(high)


def wilson(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Approximate interval of a share of k in n independent samples; narrower, right on average.

    Reference: Wilson 1927, doi:10.1080/01621459.1927.10502953.

    Example:
        >>> [round(end, 3) for end in wilson(35, 38)]
        [0.792, 0.973]
    """
    _check_share(k, n, level)
    z = float(special.ndtri((1 + level) / 2))
    centre = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(k * (n - k) / n + z**2 / 4)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def _check_share(k: int, n: int, level: float) -> None:
    if not (n >= 1 and 0 <= k <= n and 0 < level < 1):
        raise ValueError(f"needed 0 <= k <= n, n >= 1 and 0 < level < 1. Got k={k}, n={n}, level={level}.")


def no_interval(metric: Metric, p: Predictions, value: float) -> str:
    """Why there can be no value, or no interval; "" where there can."""
    if not len(p):
        return "no samples"
    if metric.needs == "probabilities" and not p.probs_known:
        return "needs probabilities; only decisions were given"
    if np.isnan(value):
        return "undefined: it needs samples of the class and of another"
    return "one group: no interval" if p.owners.groups == 1 else ""


def described(how: str, p: Predictions, design: Design) -> str:
    """In words, with what a reader must know of the groups."""
    alone = [name for name, groups in zip(p.classes, design.groups, strict=True) if groups == 1 and p.groups_known]
    units = "groups" if p.groups_known else "samples (no groups given)"
    return f"{how} {len(design.sizes)} {units}" + (f"; {', '.join(alone[:3])}: one group" if alone else "")


def _interval(
    metric: Metric, p: Predictions, value: float, tried: np.ndarray, least: np.ndarray | None, level: float
) -> tuple[float, float, str]:
    design = Design.of(p)
    if np.ptp(tried[0]) < SAME:
        low, high = (if_unseen(p, metric, (1 - level) / 2, answered) for answered in ("wrong", "right"))
        how = "exact: no error in" if metric.share and value == 1 else "conservative: no spread between"
    else:
        low, high = bounds(tried, design, level)
        if least is not None:
            low = max(metric.range[0], bounds(least[:1], design, level)[0])
        how = "bootstrap over"
    return min(low, high, value), max(low, high, value), described(how, p, design)


def _least(metric: Metric, p: Predictions) -> Metric:
    """The metric of all rows, less what the noise of a resample may have added to it."""
    whole = metric.statistic(p)(np.ones((1, p.owners.groups)))
    value, excess = metric.formula(whole), metric.excess
    assert excess is not None
    return replace(metric, formula=lambda statistic: value - excess(statistic, whole))
