"""From images to what a reader decides about: one prediction for all rows of a case, such as the images of a study.

Where two classes are asked for, the second is the one that is looked for ("abnormal"). Of two equal probabilities the
first class is answered. Votes are not offered: of a mean of decisions nobody knows what a tie means.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy import optimize, special

from layerscope.predictions import Predictions
from layerscope.source import DataError

Aggregation = Callable[[np.ndarray, np.ndarray], np.ndarray]  # probs (s k) by case, first row of each (c), to (c k)
SHARPNESS = (0.0, 0.5, 1.0, 2.0, 4.0, np.inf)  # that `fit_pooling` tries


def by_case(predictions: Predictions, cases: Shaped[np.ndarray, " s"], how: "str | Pooling" = "mean") -> Predictions:
    """One row for each case, in the order of their names, which become the ids.

    Args:
        cases: the name of each row's case. It must tell cases apart: where study numbers begin anew for each body part,
            the body part belongs in the name.
        how: a name in AGGREGATIONS, or what `fit_pooling` has learned on other cases.

    Raises:
        DataError: if a case has two true classes or two groups.
        ValueError: if there are only decisions, or `how` needs two classes and there are more.

    Example:
        >>> probs, ids = np.array([[0.9, 0.1], [0.3, 0.7], [0.8, 0.2]]), np.array(["a1", "a2", "b1"])
        >>> p = Predictions(probs, np.array([1, 1, 0]), np.array([7, 7, 8]), ids, ("normal", "abnormal"))
        >>> by_case(p, np.array(["a", "a", "b"]), "max").probs[:, 1].tolist()
        [0.7, 0.2]
    """
    p = predictions
    if not p.probs_known:
        raise ValueError("a case needs the probabilities of its rows; only decisions were given, and votes can tie.")
    if isinstance(how, str) and how not in AGGREGATIONS:
        raise ValueError(f"no aggregation is called {how!r}. There are: {', '.join(AGGREGATIONS)}; or fit_pooling.")
    targets = of_case(p.targets, cases, "true class")
    names, numbers = np.unique(cases), np.arange(len(targets))
    groups = of_case(p.groups, cases, "group") if p.groups_known else numbers
    probs = _pooled(p, cases, AGGREGATIONS[how] if isinstance(how, str) else how)
    return Predictions(probs, targets, groups, names.astype(str), p.classes, p.groups_known)


def of_case(column: Shaped[np.ndarray, " s"], cases: Shaped[np.ndarray, " r"], what: str) -> Shaped[np.ndarray, " c"]:
    """The value that all rows of a case share, for each case in the order of their names.

    Raises:
        DataError: if a case has two, as it has where its name does not tell it from another.
    """
    if len(column) != len(cases):
        raise DataError(f"needed the case of each row. Got {len(cases)} for {len(column)} rows.")
    names, first, case = np.unique(cases, return_index=True, return_inverse=True)
    values = column[first]
    if (other := column != values[case]).any():
        row = int(other.argmax())
        split = len(np.unique(case[other]))
        raise DataError(
            f"a case needs one {what}. {split} of {len(names)} have more, such as {str(cases[row])!r:.60}: "
            f"{str(values[case[row]])!r:.40} and {str(column[row])!r:.40}. Does its name tell it from other cases?"
        )
    return values


def _mean(probs: Float[np.ndarray, "s k"], starts: Int[np.ndarray, " c"]) -> Float[np.ndarray, "c k"]:
    """Mean of probabilities: right where every image shows the case alike."""
    counts = _counts(probs, starts)
    first = probs[
        starts
    ]  # from which the rest is counted, so that equal images give exactly themselves: ties stay ties
    return first + np.add.reduceat(probs - first.repeat(counts, axis=0), starts) / counts[:, None]


def _maximum(probs: Float[np.ndarray, "s k"], starts: Int[np.ndarray, " c"]) -> Float[np.ndarray, "c k"]:
    """The most suspicious image decides: right where one view shows it, but the more images, the more false alarms."""
    return _of(np.maximum.reduceat(_second(probs), starts))


def _noisy_or(probs: Float[np.ndarray, "s k"], starts: Int[np.ndarray, " c"]) -> Float[np.ndarray, "c k"]:
    """1 - prod(1 - p): abnormal unless every image is normal, if images err independently.

    Only as good as the calibration: ten normal images of which each is called abnormal with 0.1 give 0.65. Images of
    one case do not err independently either.

    Reference: Pearl 1988, Probabilistic Reasoning in Intelligent Systems, section 4.3.2.
    """
    return _of(1 - np.multiply.reduceat(1 - _second(probs), starts))


AGGREGATIONS: dict[str, Aggregation] = {"mean": _mean, "max": _maximum, "noisy-or": _noisy_or}


@dataclass(frozen=True)
class Pooling:
    """A learned aggregation: a soft maximum of the logits, then a straight line.

    The soft maximum is log(mean(exp(sharpness · logit))) / sharpness: with 0 the mean, with infinity the maximum.
    """

    sharpness: float
    slope: float
    bias: float

    def __call__(self, probs: Float[np.ndarray, "s k"], starts: Int[np.ndarray, " c"]) -> Float[np.ndarray, "c k"]:
        return _of(special.expit(self.slope * _soft_maximum(probs, starts, self.sharpness) + self.bias))


def fit_pooling(predictions: Predictions, cases: Shaped[np.ndarray, " s"]) -> Pooling:
    """The pooling of greatest likelihood; fit it on validation cases, never on those that are judged.

    Three numbers, because validation cases are few: how far from mean to maximum, and slope and bias, which also
    calibrate. The true classes are smoothed as Platt does, so that separable cases do not drive the slope to infinity;
    the slope is never negative, so that no answer is turned round.

    Raises:
        ValueError: if there are not two classes, or no case of one.

    Reference: Pinheiro and Collobert 2015, arXiv:1411.6228 (soft maximum); Platt 1999 (smoothing).
    """
    targets = by_case(predictions, cases).targets
    counts = np.bincount(targets, minlength=len(predictions.classes))
    if len(counts) != 2 or not counts.all():
        raise ValueError(f"a pooling is learned from cases of two classes. Got {counts.tolist()} cases by class.")
    wanted = np.where(targets == 1, (counts[1] + 1) / (counts[1] + 2), 1 / (counts[0] + 2))
    fitted = []
    for sharpness in SHARPNESS:
        x = _pooled(predictions, cases, lambda probs, starts, r=sharpness: _soft_maximum(probs, starts, r))

        def loss(line: np.ndarray, x: np.ndarray = x) -> tuple[float, np.ndarray]:
            score = line[0] * x + line[1]
            error = special.expit(score) - wanted
            return float((np.logaddexp(0, score) - wanted * score).sum()), np.array([error @ x, error.sum()])

        found = optimize.minimize(loss, np.array([1.0, 0.0]), jac=True, bounds=[(0, None), (None, None)])
        fitted.append((float(found.fun), Pooling(sharpness, *found.x.tolist())))
    return min(fitted, key=lambda pair: pair[0])[1]


def _pooled(p: Predictions, cases: np.ndarray, how: Aggregation) -> np.ndarray:
    order = np.lexsort((p.ids, cases))  # by id too, so that the order of rows does not change the last digit
    starts = np.searchsorted(cases[order], np.unique(cases))
    return how(p.probs[order].astype(float), starts)


def _soft_maximum(probs: np.ndarray, starts: np.ndarray, sharpness: float) -> Float[np.ndarray, " c"]:
    second = _second(probs).clip(1e-12, 1 - 1e-12)
    logits, counts = special.logit(second), _counts(probs, starts)
    if sharpness == 0:
        return np.add.reduceat(logits, starts) / counts
    top = np.maximum.reduceat(logits, starts)
    if np.isinf(sharpness):
        return top
    below = np.exp(sharpness * (logits - np.repeat(top, counts)))
    return top + np.log(np.add.reduceat(below, starts) / counts) / sharpness


def _counts(probs: np.ndarray, starts: np.ndarray) -> Int[np.ndarray, " c"]:
    return np.diff(np.append(starts, len(probs)))


def _second(probs: np.ndarray) -> Float[np.ndarray, " s"]:
    if probs.shape[1] != 2:
        raise ValueError(f"this aggregation needs two classes. Got {probs.shape[1]}; the mean takes any number.")
    return probs[:, 1] / probs.sum(axis=1)  # a row may sum to a little more than 1, and 1 - p must not be negative


def _of(second: Float[np.ndarray, " c"]) -> Float[np.ndarray, "c 2"]:
    return np.stack([1 - second, second], axis=1)
