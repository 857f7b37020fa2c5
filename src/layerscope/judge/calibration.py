"""Are the probabilities true? Of answers given with 80 % confidence, 80 % should be right."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from layerscope.judge.interval import score
from layerscope.judge.metrics import METRICS
from layerscope.judge.statistics import BINS, bin_of
from layerscope.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Reliability:
    """One entry for each bin of confidence; nan where a bin is empty, and for the interval of a bin with one group."""

    confidence: Float[np.ndarray, " bins"]  # mean in the bin
    accuracy: Float[np.ndarray, " bins"]
    count: Int[np.ndarray, " bins"]
    low: Float[np.ndarray, " bins"]  # of the accuracy
    high: Float[np.ndarray, " bins"]
    edges: Float[np.ndarray, " bins+1"]


def reliability(
    p: Predictions, bins: int = BINS, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Reliability:
    """Accuracy against confidence (the probability of the guessed class), with intervals over the groups in each bin.

    Reference: Guo et al. 2017, arXiv:1706.04599.

    Raises:
        ValueError: if there are only decisions, or no bin.

    Example:
        >>> targets, ids = np.array([0] * 7 + [1] * 3), np.arange(10).astype(str)
        >>> p = Predictions(np.tile([0.7, 0.3], (10, 1)), targets, np.arange(10), ids, ("no", "yes"))
        >>> r = reliability(p, bins=10)
        >>> float(r.accuracy[6]), r.count.tolist()
        (0.7, [0, 0, 0, 0, 0, 0, 10, 0, 0, 0])
    """
    if bins < 1:
        raise ValueError(f"needed one bin or more. Got {bins}.")
    if not p.probs_known:
        raise ValueError("reliability needs probabilities; only decisions were given.")
    confidence = p.probs.max(1)
    bin_of_row = bin_of(confidence, bins)
    count = np.bincount(bin_of_row, minlength=bins)
    mean, accuracy, low, high = np.full((4, bins), np.nan)
    for i in np.flatnonzero(count):
        inside = bin_of_row == i
        mean[i] = confidence[inside].mean()
        s = score(METRICS["accuracy"], p.rows(inside), level=level, resamples=resamples, seed=seed)
        accuracy[i], low[i], high[i] = s.value, s.low, s.high
    return Reliability(mean, accuracy, count, low, high, np.linspace(0, 1, bins + 1))
