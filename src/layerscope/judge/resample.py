"""What could have been seen instead: random weights for the groups, and one more group than there is.

Rows of a group are not independent, so groups are what is drawn. Each gets an exponential weight (the Bayesian
bootstrap, Rubin 1981, doi:10.1214/aos/1176345338): much like the counts of the ordinary bootstrap, but never 0, so that
no class ever vanishes from a resample.

A resample holds no mistake that was not seen, so where mistakes are rare it promises too much. Therefore the resampling
is repeated with one unseen group, of average size, that is answered worse, or better, than those seen. If each group is
all right or all wrong, the quantiles are those of Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404; for means of
bounded values the idea is that of Gaffke 2005 and of Learned-Miller and Thomas 2019, arXiv:1905.06208.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import optimize

from layerscope.judge.metrics import Metric
from layerscope.judge.statistics import Statistic
from layerscope.predictions import Predictions

CACHED = 2**19  # numbers that fit the processor's cache; more at one time is slower


@dataclass(frozen=True, eq=False)
class Design:
    """How many rows of each class each group has.

    Where each group lies in one class, the classes were filled by design: then weights are scaled so that every class
    keeps its number of rows.
    """

    sizes: Float[np.ndarray, "g k"]

    @staticmethod
    def of(p: Predictions) -> "Design":
        owners, groups = p.owners
        cells = np.bincount(owners * len(p.classes) + p.targets, minlength=groups * len(p.classes))
        return Design(cells.reshape(groups, len(p.classes)).astype(float))

    @cached_property
    def within_classes(self) -> bool:
        return bool(((self.sizes > 0).sum(1) == 1).all())

    @cached_property
    def rows(self) -> Float[np.ndarray, " k"]:
        return self.sizes.sum(0)

    @cached_property
    def groups(self) -> Float[np.ndarray, " k"]:
        """In how many groups each class occurs."""
        return (self.sizes > 0).sum(0).astype(float)

    @cached_property
    def home(self) -> Int[np.ndarray, " g"]:
        """The class of each group, where it lies in one."""
        return self.sizes.argmax(1)

    def unseen(self, metric: Metric) -> Float[np.ndarray, " k"]:
        """Rows of the unseen group by class. Where it lies in one class, that is the one in which it weighs most."""
        average = self.rows / np.maximum(self.groups, 1)
        if not self.within_classes:
            return average if metric.by_class else self.rows / len(self.sizes)
        worst = average.argmax()
        if metric.by_class:
            worst = np.where(self.groups > 0, self.groups, np.inf).argmin() if metric.only is None else metric.only
        return np.where(np.arange(len(average)) == worst, average, 0)

    def weights(
        self, seen: Float[np.ndarray, "r g"], wrong: Float[np.ndarray, "r k"], right: Float[np.ndarray, "r k"]
    ) -> Float[np.ndarray, "r m"]:
        """Weights of the groups of `with_unseen`."""
        if not self.within_classes:
            return np.hstack([seen, wrong, right])
        now = seen @ self.sizes + wrong + right
        scale = np.divide(self.rows, now, out=np.zeros_like(now), where=now > 0)
        return np.hstack([seen * scale[:, self.home], wrong * scale, right * scale])

    def surely_right(self, metric: Metric, tail: float) -> Float[np.ndarray, " k"]:
        """By class, the least share of right groups with which seeing only such groups has a probability of `tail`.

        Clopper and Pearson's bound. Where groups lie within classes, the wrong ones are shared out among the classes in
        the way that lowers the metric most.
        """
        there = self.groups > 0
        if not self.within_classes:
            groups = self.groups if metric.by_class else np.full(len(there), float(len(self.sizes)))
            return np.where(there, tail ** (1 / np.maximum(groups, 1)), 1)
        part = there / there.sum() if metric.by_class else self.rows / self.rows.sum()
        if metric.only is not None:
            part = (np.arange(len(part)) == metric.only).astype(float)
        # the least sum(part q) with sum(groups log q) = log(tail) and q <= 1 has log q = min(0, level - steep)
        counted = part > 0
        groups, steep = self.groups[counted], np.log(part[counted] / self.groups[counted])
        top = steep.max()
        level = optimize.root_scalar(
            lambda x: groups @ np.minimum(0, x - steep) - np.log(tail), bracket=(top + np.log(tail), top)
        ).root
        right = np.ones(len(part))
        right[counted] = np.exp(np.minimum(0, level - steep))
        return right


def with_unseen(p: Predictions) -> Predictions:
    """The same and 2 k rows more: one of each class answered wrongly, then one of each class answered rightly.

    The answers are as confident as those of `p` are on average. The groups are 0..g-1, and g.. for the new rows.
    """
    k, (owners, groups) = len(p.classes), p.owners
    confidence = p.probs.max(1).mean()
    right = np.where(np.eye(k, dtype=bool), confidence, (1 - confidence) / (k - 1))
    return Predictions(
        np.vstack([p.probs, np.roll(right, 1, axis=1), right]),
        np.concatenate([p.targets, np.tile(np.arange(k), 2)]),
        np.concatenate([owners, groups + np.arange(2 * k)]),
        np.arange(len(p) + 2 * k).astype(str),
        p.classes,
        p.groups_known,
        p.probs_known,
    )


def trials(
    p: Predictions, metrics: Mapping[str, Metric], unseen: Sequence[float | None], resamples: int, seed: int
) -> dict[str, Float[np.ndarray, "v r"]]:
    """Each metric on every resample: without an unseen group (None), or with one in which this share of rows is wrong.

    The weights are a function of seed and design alone, so that predictions for the same rows can be compared.
    """
    design, more = Design.of(p), with_unseen(p)
    prepared = {metric.statistic: metric.statistic(more) for metric in metrics.values()}
    jobs: dict[tuple, dict[Statistic, list[tuple[str, int]]]] = {}  # weights serve several statistics, and they metrics
    for name, metric in metrics.items():
        for v, share in enumerate(unseen):
            rows = design.unseen(metric) * (share is not None)
            job = jobs.setdefault((share or 0.0, *rows), {})
            job.setdefault(metric.statistic, []).append((name, v))
    values = {name: np.empty((len(unseen), resamples)) for name in metrics}
    for_seen, for_unseen = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    size = max(4, CACHED // max(len(more), len(p.classes) ** 2))
    for start in range(0, resamples, size):
        part = slice(start, min(start + size, resamples))
        seen = for_seen.standard_exponential((part.stop - start, len(design.sizes)))
        once = for_unseen.standard_exponential((part.stop - start, 1))
        for (share, *rows), job in jobs.items():
            weights = design.weights(seen, once * rows * share, once * rows * (1 - share))
            for statistic, wanted in job.items():
                result = prepared[statistic](weights)
                for name, v in wanted:
                    values[name][v, part] = metrics[name].value(result, p)
    return values


def if_unseen(p: Predictions, metric: Metric, tail: float, answered: Literal["wrong", "right"]) -> float:
    """The metric if as many groups were unseen, and all answered so, as Clopper and Pearson's bound allows."""
    design = Design.of(p)
    right = design.surely_right(metric, tail)
    rows = (design.rows * (1 - right) / right)[None]
    ones, none = np.ones((1, len(design.sizes))), np.zeros_like(rows)
    weights = design.weights(ones, *((rows, none) if answered == "wrong" else (none, rows)))
    return float(metric.value(metric.statistic(with_unseen(p))(weights), p)[0])


def by_group(p: Predictions, rows: Bool[np.ndarray, " s"]) -> Float[np.ndarray, " g"]:
    """Share of such rows in each group."""
    owners, groups = p.owners
    return np.bincount(owners, rows, groups) / np.bincount(owners, minlength=groups)


def typical(share: Float[np.ndarray, " g"]) -> float:
    """Mean share in the groups that have any and one more group in which it is all: what to expect of one unseen."""
    return float((1 + share.sum()) / (1 + (share > 0).sum()))
