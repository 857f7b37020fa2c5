"""Judging by case: what was said of all images of a study, put together, for each stratum and for all."""

from typing import Any, NamedTuple

import numpy as np

from layerscope.dataset import Dataset
from layerscope.judge import (
    AGGREGATIONS,
    METRICS,
    READING,
    Pooling,
    by_case,
    by_stratum,
    choose_threshold,
    compare,
    decide_at,
    fit_pooling,
    of_case,
    scores,
)
from layerscope.predictions import Predictions
from layerscope.study.data import Parts
from layerscope.study.plan import Plan

FIRST = "mean"  # decided on before any case was seen; the other ways stand beside it
KAPPA = METRICS["kappa"]


class Decided(NamedTuple):
    """One row per test case, whose guess is made at a threshold from validation cases."""

    how: str | Pooling
    threshold: float | None  # None: more than two classes, and the most probable one is the guess
    predictions: Predictions


def judged_by_case(
    val: dict[str, Predictions], test: dict[str, Predictions], parts: Parts, plan: Plan
) -> dict[str, Any]:
    """Every way of putting the network's predictions together, for each stratum; the first way for every classifier.

    Poolings and thresholds (of the greatest kappa) are learned on validation cases. Each other way is compared with the
    first at a level that is corrected for their number, so that 95 % holds for all of them together.

    Reference: Bonferroni; see Dunn 1961, doi:10.1080/01621459.1961.10482090.
    """
    own, metrics = parts["test"], READING
    ways: dict[str, str | Pooling] = {FIRST: FIRST}
    if len(own.classes) == 2:
        ways = {name: name for name in AGGREGATIONS} | {"learned": fit_pooling(val["cnn"], _cases(parts["val"]))}
    else:
        metrics = {name: metric for name, metric in READING.items() if metric.only is None}
    decided = {name: _decide(val["cnn"], test["cnn"], parts, how) for name, how in ways.items()}
    names, sizes = np.unique(_cases(own), return_counts=True)
    ahead_level = 1 - 0.05 / max(len(ways) - 1, 1)
    again: Any = {"resamples": plan.resamples, "seed": plan.seed}

    def apart(p: Predictions) -> dict[str, Any]:
        if own.strata is None:
            return {"all": scores(p, metrics, **again)}
        return by_stratum(p, of_case(own.strata, _cases(own), "stratum"), metrics, **again)

    return {
        "cases": len(names),
        "images": len(own),
        "most": sizes.max(),
        "ahead_level": ahead_level,
        "ways": {
            name: {
                "how": vars(found.how) if isinstance(found.how, Pooling) else None,
                "threshold": found.threshold,
                "scores": apart(found.predictions),
                "ahead": compare(found.predictions, decided[FIRST].predictions, KAPPA, level=ahead_level, **again),
            }
            for name, found in decided.items()
        },
        "methods": {
            name: scores(_decide(val[name], p, parts, FIRST).predictions, metrics, **again) for name, p in test.items()
        },
    }


def _decide(val: Predictions, test: Predictions, parts: Parts, how: str | Pooling) -> Decided:
    threshold = None
    if len(test.classes) == 2:
        threshold = choose_threshold(by_case(val, _cases(parts["val"]), how), KAPPA)
    return Decided(how, threshold, decided_by_case(test, _cases(parts["test"]), threshold, how))


def decided_by_case(
    images: Predictions, cases: np.ndarray, threshold: float | None, how: str | Pooling = FIRST
) -> Predictions:
    """One row per case, its probabilities moved so that the guess is what the threshold decides."""
    judged = by_case(images, cases, how)
    return judged if threshold is None else decide_at(judged, threshold)


def _cases(part: Dataset) -> np.ndarray:
    assert part.cases is not None
    return part.cases
