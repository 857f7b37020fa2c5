"""How good is it, and how sure are we? NumPy only."""

from layerscope.judge.interval import Score, score, scores
from layerscope.judge.metrics import METRICS, Metric

__all__ = ["METRICS", "Metric", "Score", "score", "scores"]
