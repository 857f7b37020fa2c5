"""How good is it, and how sure are we? NumPy only."""

from layerscope.judge.calibration import Reliability, reliability
from layerscope.judge.cases import AGGREGATIONS, Pooling, by_case, fit_pooling, of_case
from layerscope.judge.compare import Difference, compare
from layerscope.judge.interval import Score, binomial, score, scores, wilson
from layerscope.judge.metrics import METRICS, Metric, sensitivity_at
from layerscope.judge.strata import READING, by_stratum
from layerscope.judge.threshold import choose_threshold, decide_at

__all__ = [
    "AGGREGATIONS",
    "METRICS",
    "READING",
    "Difference",
    "Metric",
    "Pooling",
    "Reliability",
    "Score",
    "binomial",
    "by_case",
    "by_stratum",
    "choose_threshold",
    "compare",
    "decide_at",
    "fit_pooling",
    "of_case",
    "reliability",
    "score",
    "scores",
    "sensitivity_at",
    "wilson",
]
