"""How good are predictions? A metric is a statistic to which groups add up, and a formula.

A macro mean is over the classes that have samples. What cannot be had is nan: 0/0, as for the AUROC of a class without
samples, or a metric of probabilities where there are only decisions.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Real, Shaped

from layerscope.judge.statistics import Ranking, Statistic, confusion, losses, ratio
from layerscope.predictions import Predictions


@dataclass(frozen=True)
class Metric:
    """Called with predictions it gives a number; `weighted` gives one for each row of group weights.

    Example:
        >>> ids = np.array(["a", "b", "c"])
        >>> p = Predictions(np.eye(2)[[0, 1, 1]], np.array([0, 1, 0]), np.arange(3), ids, ("no", "yes"))
        >>> round(METRICS["accuracy"](p), 3), METRICS["balanced_accuracy"].of(1)(p)
        (0.667, 1.0)
    """

    title: str
    statistic: Statistic  # sorts and sums once; `scores` computes equal ones once
    formula: Callable[[np.ndarray], np.ndarray]  # statistic (r, ...) to the metric, (r) or by class (r, k)
    by_class: bool = False  # if so, the metric is the mean over classes
    range: tuple[float, float] = (0.0, 1.0)
    higher_is_better: bool = True
    needs: Literal["decisions", "probabilities"] = "decisions"
    share: bool = False  # a share of samples, so that an exact interval exists where none is wrong
    excess: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None  # what noise between two statistics can add
    only: int | None = None  # number of the one class to judge against the rest

    def __call__(self, predictions: Predictions) -> float:
        return float(self.weighted(predictions, np.ones((1, predictions.owners.groups)))[0])

    def weighted(self, predictions: Predictions, weights: Real[np.ndarray, "r g"]) -> Float[np.ndarray, " r"]:
        """Groups are in the order of `np.unique(predictions.groups)`; one of weight 2 counts as two such groups."""
        return self.value(self.statistic(predictions)(weights), predictions)

    def value(self, statistic: Shaped[np.ndarray, "r ..."], predictions: Predictions) -> Float[np.ndarray, " r"]:
        if self.needs == "probabilities" and not predictions.probs_known:
            return np.full(len(statistic), np.nan)
        values = self.formula(statistic)
        if not self.by_class:
            return values
        if self.only is not None:
            return values[:, self.only]
        present = np.bincount(predictions.targets, minlength=len(predictions.classes)) > 0
        return ratio(values[:, present].sum(1), np.full(len(values), present.sum()))

    def of(self, number: int) -> "Metric":
        """The same metric for one class against the rest, instead of the mean."""
        if not self.by_class:
            raise ValueError(f"{self.title} is not a mean over classes, so it has no value for one. Judge all of them.")
        return replace(self, only=number)


# Formulas: from a statistic to the number, or to one by class.


def _accuracy(c: np.ndarray) -> np.ndarray:
    return ratio(np.trace(c, axis1=1, axis2=2), c.sum((1, 2)))


def _recall(c: np.ndarray) -> np.ndarray:
    return ratio(np.diagonal(c, axis1=1, axis2=2), c.sum(2))


def _f1(c: np.ndarray) -> np.ndarray:
    return ratio(2 * np.diagonal(c, axis1=1, axis2=2), c.sum(2) + c.sum(1))


def _kappa(c: np.ndarray) -> np.ndarray:
    return _beyond_chance(c, 1 - np.eye(c.shape[1]))


def _quadratic_kappa(c: np.ndarray) -> np.ndarray:
    number = np.arange(c.shape[1])
    return _beyond_chance(c, (number[:, None] - number) ** 2)


def _beyond_chance(c: np.ndarray, cost: np.ndarray) -> np.ndarray:
    chance = np.einsum("ri,rj,ij->r", c.sum(2), c.sum(1), cost)
    return 1 - ratio((c * cost).sum((1, 2)) * c.sum((1, 2)), chance)


def _brier(sums: np.ndarray) -> np.ndarray:
    return ratio(sums[:, 1], sums[:, 0])


def _surprise(sums: np.ndarray) -> np.ndarray:
    return ratio(sums[:, 2], sums[:, 0])


def _calibration_error(sums: np.ndarray) -> np.ndarray:
    return ratio(np.abs(sums[:, 3:]).sum(1), sums[:, 0])


def _calibration_excess(sums: np.ndarray, others: np.ndarray) -> np.ndarray:
    """By the triangle inequality: the errors of two samples of one network differ by this or less."""
    return np.abs(sums[:, 3:] / sums[:, :1] - others[:, 3:] / others[:, :1]).sum(1)


def _auroc(ranking: np.ndarray) -> np.ndarray:
    return ranking[:, :, 0]


def _average_precision(ranking: np.ndarray) -> np.ndarray:
    return ranking[:, :, 1]


def _sensitivity(ranking: np.ndarray) -> np.ndarray:
    return ranking[:, :, 2]


def sensitivity_at(specificity: float) -> Metric:
    """Largest share of a class found by a threshold that leaves at least this share of the rest alone; macro mean.

    The threshold is chosen on the same samples, so this describes the ROC curve and not a threshold set beforehand.
    """
    if not 0 <= specificity <= 1:
        raise ValueError(f"specificity must lie in 0..1. Got {specificity}.")
    title = f"Sensitivity at {100 * specificity:g} % specificity"
    return Metric(title, Ranking(specificity), _sensitivity, by_class=True, needs="probabilities")


METRICS = {
    "accuracy": Metric("Accuracy", confusion, _accuracy, share=True),
    # mean recall of the classes; Brodersen et al. 2010, doi:10.1109/ICPR.2010.764
    "balanced_accuracy": Metric("Balanced accuracy", confusion, _recall, by_class=True, share=True),
    # mean over classes of 2 TP / (2 TP + FP + FN), not the F1 of mean precision and recall
    "macro_f1": Metric("Macro F1", confusion, _f1, by_class=True),
    # Cohen 1960, doi:10.1177/001316446002000104
    "kappa": Metric("Cohen's kappa", confusion, _kappa, range=(-1.0, 1.0)),
    # weights (i - j)^2: only for classes in a natural order; Cohen 1968, doi:10.1037/h0026256
    "quadratic_kappa": Metric("Quadratic kappa (ordered classes)", confusion, _quadratic_kappa, range=(-1.0, 1.0)),
    # each class against the rest, ties count half; Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747
    "auroc": Metric("AUROC", Ranking(), _auroc, by_class=True, needs="probabilities"),
    # sum of precision times gain in recall, not interpolated
    "average_precision": Metric(
        "Average precision", Ranking(), _average_precision, by_class=True, needs="probabilities"
    ),
    "sensitivity": sensitivity_at(0.95),
    # sum over classes of (p - y)^2, so 0 to 2; Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2
    "brier": Metric("Brier score", losses, _brier, range=(0.0, 2.0), higher_is_better=False, needs="probabilities"),
    # natural logarithm, probabilities below 2.2e-16 taken as that
    "nll": Metric(
        "Negative log-likelihood", losses, _surprise, range=(0.0, np.inf), higher_is_better=False, needs="probabilities"
    ),
    # of the guessed class, 15 bins of equal width, closed above; estimated too high where samples are few.
    # Guo et al. 2017, arXiv:1706.04599
    "ece": Metric(
        "Expected calibration error",
        losses,
        _calibration_error,
        higher_is_better=False,
        needs="probabilities",
        excess=_calibration_excess,
    ),
}
