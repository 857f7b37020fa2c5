"""How good is it, and how sure are we? NumPy only."""

from layerscope.judge.calibration import Reliability, reliability
from layerscope.judge.compare import Difference, compare
from layerscope.judge.interval import Score, binomial, score, scores, wilson
from layerscope.judge.metrics import METRICS, Metric, sensitivity_at

__all__ = [
    "METRICS",
    "Difference",
    "Metric",
    "Reliability",
    "Score",
    "binomial",
    "compare",
    "reliability",
    "score",
    "scores",
    "sensitivity_at",
    "wilson",
]
