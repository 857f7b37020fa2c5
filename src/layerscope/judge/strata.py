"""Scores apart for each stratum, such as the body part, and for all together."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Shaped

from layerscope.judge.interval import Score, scores
from layerscope.judge.metrics import METRICS, Metric
from layerscope.predictions import Predictions
from layerscope.source import DataError

ALL = "all"
READING: dict[str, Metric] = {  # what one asks of a reader who decides between two classes
    "accuracy": METRICS["accuracy"],
    "kappa": METRICS["kappa"],
    "auroc": METRICS["auroc"],
    "sensitivity": replace(METRICS["balanced_accuracy"].of(1), title="Sensitivity"),
    "specificity": replace(METRICS["balanced_accuracy"].of(0), title="Specificity"),
}


def by_stratum(
    predictions: Predictions,
    strata: Shaped[np.ndarray, " s"],
    metrics: Mapping[str, Metric] = READING,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, dict[str, Score]]:
    """Each metric with its interval over groups: of "all" rows, then of each stratum in the order of their names.

    Strata are small, so of many one looks good or bad by chance: read their intervals before their order.

    Raises:
        DataError: if a stratum is called "all", or the column is not one value per row.

    Example:
        >>> ids, part = np.arange(8).astype(str), np.array(["hand", "wrist"] * 4)
        >>> p = Predictions(np.eye(2)[[0, 0, 1, 0] * 2], np.array([0, 0, 1, 1] * 2), np.arange(8), ids, ("no", "yes"))
        >>> {name: found["accuracy"].value for name, found in by_stratum(p, part).items()}
        {'all': 0.75, 'hand': 1.0, 'wrist': 0.5}
    """
    if len(strata) != len(predictions):
        raise DataError(f"needed the stratum of each row. Got {len(strata)} for {len(predictions)} rows.")
    names = np.unique(strata).tolist()
    if ALL in names:
        raise DataError(f"a stratum cannot be called {ALL!r}: that is the name of all together. Call it otherwise.")
    parts = {ALL: predictions, **{str(name): predictions.rows(strata == name) for name in names}}
    return {name: scores(part, metrics, level=level, resamples=resamples, seed=seed) for name, part in parts.items()}
