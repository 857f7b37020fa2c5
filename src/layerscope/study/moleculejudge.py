"""Answers about molecules, of whatever kind: a class, several labels of which some are not known, or a number."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from layerscope.dataset import Dataset
from layerscope.judge import METRICS, Difference, Metric, Score, choose_threshold, decide_at
from layerscope.judge import compare as compare_classes
from layerscope.judge import scores as class_scores
from layerscope.judge.multilabel import MultiLabel, thresholds
from layerscope.judge.multilabel_interval import compare_rankings, ranking_scores
from layerscope.judge.regression import MEASURES
from layerscope.judge.regression import compare as compare_numbers
from layerscope.judge.regression import scores as number_scores
from layerscope.models.answers import choose_device, outputs
from layerscope.models.baseline import majority, mean_number
from layerscope.models.features import as_said
from layerscope.models.layered import Layered
from layerscope.predictions import Numbers, Predictions
from layerscope.see.label_curve import as_labels
from layerscope.train import predict, predict_numbers

Said = Predictions | Numbers | MultiLabel
OWN = "graph network"
LEAD = {"class": "auroc", "labels": "macro_auroc", "number": "rmse"}
LOWER = ("rmse", "mae", "brier")  # is better
TITLES = {
    "auroc": "AUROC",
    "balanced_accuracy": "balanced accuracy",
    "average_precision": "average precision",
    "brier": "Brier score",
    "macro_auroc": "macro AUROC",
    "macro_average_precision": "macro average precision",
    "rmse": "root mean squared error",
    "mae": "mean absolute error",
    "r2": "R²",
    "spearman": "Spearman’s correlation",
}


class Answer(NamedTuple):
    """What one method says of both parts that it has not learned from."""

    val: Said  # thresholds are chosen on it, and the reach of intervals
    test: Said


def ask(model: Layered, dataset: Dataset) -> Said:
    if dataset.kind == "number":
        return predict_numbers(model, dataset)
    if dataset.several:
        return as_labels(outputs(model, dataset, choose_device()).double().sigmoid().numpy(), dataset)
    return predict(model, dataset)


def beside(answers: Float[np.ndarray, "s k"], dataset: Dataset) -> Said:
    """Answers beside what is true of the samples."""
    return as_labels(answers, dataset) if dataset.several else as_said(answers, dataset)


def guessing(train: Dataset, test: Dataset) -> Said:
    """The frequencies, or the mean, of the training part, whatever the molecule."""
    if train.kind == "number":
        return mean_number(train, test)
    if not train.several:
        return majority(train, test)
    y = train.targets.numpy()
    known = np.ones_like(y) if train.known is None else train.known.numpy()
    share = np.where(known.any(0), (y & known).sum(0) / known.sum(0).clip(min=1), 0.5)
    return as_labels(np.tile(share, (len(test), 1)), test)


def labels_told(classes: Sequence[str], there: Sequence[bool], known: Sequence[bool] | None) -> str:
    """Which labels a molecule has, in words; those that were never looked for are counted, not called absent."""
    looked = [True] * len(classes) if known is None else list(known)
    if not any(looked):
        return "unknown"
    found = ", ".join(name for name, yes, seen in zip(classes, there, looked, strict=True) if yes and seen) or "none"
    unseen = len(looked) - sum(looked)
    return f"{found} ({unseen} of {len(looked)} not measured)" if unseen else found


def matrix(said: Said) -> Float[np.ndarray, "s k"]:
    """What was said, as columns that another model can read."""
    return said.values[:, None] if isinstance(said, Numbers) else said.probs


def losses(said: Said) -> Float[np.ndarray, " s"]:
    """Of each molecule: squared error, or squared distance of what was said from what is true (of known labels)."""
    if isinstance(said, Numbers):
        return said.errors**2
    if isinstance(said, Predictions):
        return ((said.probs - np.eye(len(said.classes))[said.targets]) ** 2).sum(axis=1)
    known = np.ones_like(said.targets) if said.known is None else said.known
    return (((said.probs - said.targets) ** 2) * known).sum(axis=1) / known.sum(axis=1).clip(min=1)


def lead(said: Said, seed: int = 0, resamples: int = 500) -> Score:
    """What a method of this kind of answers is judged by first."""
    if isinstance(said, Numbers):
        return number_scores(said, {"rmse": MEASURES["rmse"]}, resamples=resamples, seed=seed)["rmse"]
    if isinstance(said, MultiLabel):
        return ranking_scores(said, resamples=resamples, seed=seed)["macro_auroc"]
    return class_scores(said, {"auroc": METRICS["auroc"]}, resamples=resamples, seed=seed)["auroc"]


def judge(answers: dict[str, Answer], resamples: int, seed: int) -> dict[str, Any]:
    """Every metric with its interval over groups, and the network against each of the others, paired."""
    own = answers[OWN]
    rivals = {name: answer for name, answer in answers.items() if name != OWN}
    return {
        "scores": {name: _scores(answer, resamples, seed) for name, answer in answers.items()},
        "differences": {name: compare(own, other, resamples, seed) for name, other in rivals.items()},
        "thresholds": {name: cut(answer.val) for name, answer in answers.items()},
    }


def cut(val: Said) -> list[float] | None:
    """Of two classes or several labels, the probability from which on each is to be answered; None of others."""
    if isinstance(val, MultiLabel):
        return thresholds(val).tolist()
    if isinstance(val, Numbers) or (at := threshold(val)) is None:
        return None
    return [1 - at, at]


def threshold(val: Predictions) -> float | None:
    """Of two classes, the probability of the second from which on it is to be answered; None where one is not there."""
    if len(val.classes) != 2 or len(np.unique(val.targets)) != 2:
        return None
    return choose_threshold(val)


def decided(answer: Answer) -> Predictions:
    """The test part, decided at the threshold that validation molecules have set."""
    assert isinstance(answer.val, Predictions)
    assert isinstance(answer.test, Predictions)
    at = threshold(answer.val)
    return answer.test if at is None else decide_at(answer.test, at)


def _scores(answer: Answer, resamples: int, seed: int) -> dict[str, Score]:
    p, settings = answer.test, _settings(resamples, seed)
    if isinstance(p, Numbers):
        return number_scores(p, **settings)
    if isinstance(p, MultiLabel):
        return ranking_scores(p, **settings)
    found = class_scores(p, _of_probabilities(p), **settings)
    return found | class_scores(decided(answer), _OF_DECISIONS, **settings)


def compare(own: Answer, other: Answer, resamples: int, seed: int) -> dict[str, Difference]:
    a, b, settings = own.test, other.test, _settings(resamples, seed)
    if isinstance(a, Numbers) and isinstance(b, Numbers):
        return compare_numbers(a, b, **settings)
    if isinstance(a, MultiLabel) and isinstance(b, MultiLabel):
        return compare_rankings(a, b, **settings)
    assert isinstance(a, Predictions)
    assert isinstance(b, Predictions)
    found = {name: compare_classes(a, b, metric, **settings) for name, metric in _of_probabilities(a).items()}
    first, second = decided(own), decided(other)
    return found | {n: compare_classes(first, second, metric, **settings) for n, metric in _OF_DECISIONS.items()}


def _settings(resamples: int, seed: int) -> dict[str, Any]:
    return {"resamples": resamples, "seed": seed}


_OF_DECISIONS = {"balanced_accuracy": METRICS["balanced_accuracy"]}


def _of_probabilities(p: Predictions) -> dict[str, Metric]:
    """Of two classes the average precision is that of the second, such as "active"."""
    precision = METRICS["average_precision"]
    return {
        "auroc": METRICS["auroc"],
        "average_precision": precision.of(1) if len(p.classes) == 2 else precision,
        "brier": METRICS["brier"],
    }
