"""From which probability on is the answer yes? Chosen on validation samples, then applied to others."""

from dataclasses import replace

import numpy as np

from layerscope.judge.metrics import METRICS, Metric
from layerscope.judge.statistics import confusion
from layerscope.predictions import Predictions


def choose_threshold(predictions: Predictions, metric: Metric = METRICS["balanced_accuracy"]) -> float:
    """The probability of the second class above which it is to be answered, so that the metric is greatest.

    The mean of sensitivity and specificity ("balanced_accuracy") gives Youden's threshold, whatever the prevalence;
    "kappa" gives another if classes are not equally frequent. Of equally good thresholds that nearest to one half is
    taken. Give validation samples: chosen on the samples that are judged, it flatters.

    Raises:
        ValueError: if there are not two classes, samples of one are missing, or the metric is not one of decisions.

    Reference: Youden 1950, doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3.

    Example:
        >>> probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.5, 0.5]])
        >>> p = Predictions(probs, np.array([0, 0, 1, 1]), np.arange(4), np.array(list("abcd")), ("no", "yes"))
        >>> round(choose_threshold(p), 2)
        0.3
    """
    counts = np.bincount(predictions.targets, minlength=len(predictions.classes))
    if len(counts) != 2 or not counts.all():
        raise ValueError(f"a threshold is chosen on samples of two classes. Got {counts.tolist()} by class.")
    if metric.statistic is not confusion:
        raise ValueError(f"a threshold is chosen by a metric of decisions. Got {metric.title!r}.")
    probs = predictions.probs.astype(float)
    scores, rank = np.unique(probs[:, 1] / probs.sum(axis=1), return_inverse=True)
    thresholds = np.convolve(np.concatenate([[0], scores, [1]]), [0.5, 0.5], mode="valid")
    below = np.zeros((len(thresholds), 2))  # samples of each class that a threshold leaves below
    below[1:] = np.cumsum([np.bincount(rank[predictions.targets == k], minlength=len(scores)) for k in (0, 1)], 1).T
    tables = np.stack([below, counts - below], axis=2)  # threshold, truth, answer
    values = np.nan_to_num(metric.value(tables, predictions), nan=-np.inf)
    values[(thresholds <= 0) | (thresholds >= 1)] = -np.inf  # beyond a probability of 0 or 1 there is nothing to choose
    best = thresholds[values >= values.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])


def decide_at(predictions: Predictions, threshold: float) -> Predictions:
    """The same ranking, with odds divided by those of the threshold, so that the second class is the guess above it.

    Metrics of decisions then judge the threshold, and those of ranking (AUROC) stay. These probabilities are no longer
    what the network said: judge calibration before.

    Raises:
        ValueError: if there are not two classes, or the threshold is not between 0 and 1.
    """
    if len(predictions.classes) != 2 or not 0 < threshold < 1:
        k = len(predictions.classes)
        raise ValueError(f"needed two classes and a threshold between 0 and 1. Got {k} and {threshold:g}.")
    odds = predictions.probs.astype(float) * [threshold, 1 - threshold]
    return replace(predictions, probs=odds / odds.sum(axis=1, keepdims=True))
