"""Sums over rows from which metrics are computed, as functions of the weights of groups.

So a bootstrap over groups is a matrix of weights (resample, group): no row is copied, and nothing is sorted twice.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from layerscope.predictions import Predictions

Weigh = Callable[[np.ndarray], np.ndarray]  # weights (r, g) to a statistic (r, ...)
Statistic = Callable[[Predictions], Weigh]
BINS = 15


def confusion(p: Predictions) -> Weigh:
    """Weight of the rows by target and guess, (r, k, k)."""
    k = len(p.classes)
    cells = _adder(p.targets * k + p.guess, *p.owners, k * k)
    return lambda weights: (cells @ weights.T).T.reshape(-1, k, k)


def losses(p: Predictions) -> Weigh:
    """Sums of weight, squared error, surprise, and in each bin of confidence its excess over the truth, (r, 3+BINS)."""
    confidence, true = p.probs.max(1), p.probs[np.arange(len(p)), p.targets]
    squared = (p.probs**2).sum(1) - 2 * true + 1
    surprise = -np.log(true.clip(np.finfo(float).eps))
    excess = confidence - (p.guess == p.targets)
    bins = bin_of(confidence, BINS)
    owners, groups = p.owners
    value = np.concatenate([np.ones(len(p)), squared, surprise, excess])
    column = np.concatenate([np.repeat([0, 1, 2], len(p)), 3 + bins])
    sums = _adder(column, np.tile(owners, 4), groups, 3 + BINS, value)
    return lambda weights: (sums @ weights.T).T


@dataclass(frozen=True)
class Ranking:
    """Each class against the rest by its probability: AUROC, average precision and sensitivity, (r, k, 3).

    Rows are sorted once. Of the thresholds only those at which a sample of the class lies can change the three, so they
    alone are kept, from the highest down; the curves are cumulative sums over them.
    """

    specificity: float = 0.95

    def __call__(self, p: Predictions) -> Weigh:
        owners, groups = p.owners
        scores = p.probs.T.astype(float)
        curves = [self.curve(p.targets == c, -score, owners, groups) for c, score in enumerate(scores)]
        return lambda weights: np.stack([curve(weights) for curve in curves], axis=1)

    def curve(self, true: np.ndarray, falling: np.ndarray, owners: np.ndarray, groups: int) -> Weigh:
        """The three of one class, (r, 3), of rows that fall from the most to the least probable."""
        if not true.any():
            return lambda weights: np.full((len(weights), 3), np.nan)
        leading = true & (falling < falling[~true].min(initial=np.inf))
        falling = np.where(leading, falling[leading].max(initial=-np.inf), falling)  # one threshold serves them all
        thresholds = np.unique(falling[true])
        u = len(thresholds)
        at = np.searchsorted(thresholds, falling)  # the first threshold that a row reaches
        tied = ~true & (thresholds[at.clip(max=u - 1)] == falling)
        passed = at + tied  # the first threshold that lies below a row of another class
        # between the rows of other classes, thresholds follow each other in runs that find as many of those
        starts = np.unique(np.concatenate([[0], passed[~true & (passed < u)], at[tied]]))
        run, v = np.searchsorted(starts, np.arange(u + 1), side="right") - 1, len(starts)
        run[u] = v
        hits = _adder(at[true], owners[true], groups, u)
        hits_of_run = _adder(run[at[true]], owners[true], groups, v)
        lower = _adder(run[passed[~true]], owners[~true], groups, v + 1)
        ties = _adder(run[at[tied]], owners[tied], groups, v)

        def curve(weights: np.ndarray) -> np.ndarray:
            w = np.ascontiguousarray(weights.T)
            above = np.cumsum(lower @ w, axis=0)
            negatives, above = above[-1], above[:-1]
            reached = above + ties @ w
            hit, found = hits_of_run @ w, np.cumsum(hits @ w, axis=0)
            positives = found[-1]
            precision = reached[run[:-1]]
            precision += found
            np.divide(found, np.maximum(precision, np.finfo(float).tiny, out=precision), out=precision)
            wrong_pairs = np.einsum("vr,vr->r", hit, above + reached) / 2
            allowed = reached <= (1 - self.specificity) * negatives * (1 + 1e-9)
            return np.stack(
                [
                    1 - ratio(wrong_pairs, positives * negatives),
                    ratio(np.einsum("ur,ur->r", hits @ w, precision), positives),
                    ratio(np.einsum("vr,vr->r", hit, allowed), np.where(negatives > 0, positives, 0)),
                ],
                axis=1,
            )

        return curve


def ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """nan where b is 0."""
    return np.divide(a, b, out=np.full(np.shape(a), np.nan), where=b != 0)


def bin_of(confidence: Float[np.ndarray, " s"], bins: int) -> Int[np.ndarray, " s"]:
    """Bins of equal width on 0..1, each closed above."""
    return (np.ceil(confidence * bins).astype(int) - 1).clip(0, bins - 1)


def _adder(
    column: np.ndarray, owners: np.ndarray, groups: int, columns: int, value: np.ndarray | None = None
) -> sparse.csr_array:
    """Matrix (column, group): times the weights of groups it gives the weighted sum of the rows of each column."""
    value = np.ones(len(column)) if value is None else value
    return sparse.csr_array((value, (column, owners)), shape=(columns, groups))
