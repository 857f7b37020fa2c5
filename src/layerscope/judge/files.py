"""A table of predictions of any kind, judged: classes, several labels, or numbers."""

from pathlib import Path
from typing import NamedTuple

from layerscope.judge.compare import Difference, compare
from layerscope.judge.conformal import interval_scores
from layerscope.judge.interval import Score, scores
from layerscope.judge.metrics import METRICS
from layerscope.judge.multilabel import MultiLabel, left_out
from layerscope.judge.multilabel_interval import compare_rankings, ranking_scores
from layerscope.judge.regression import MEASURES
from layerscope.judge.regression import compare as compare_numbers
from layerscope.judge.regression import scores as number_scores
from layerscope.predictions import Numbers, Predictions
from layerscope.predictions_kinds import kind_of
from layerscope.source import DataError


class Judged(NamedTuple):
    scores: dict[str, Score]
    titles: dict[str, str]  # of each score, for a reader
    samples: int
    groups: int | None  # None: no column says which samples belong together
    about: str  # what was predicted
    compared: str  # what `ahead` is a difference of
    ahead: Difference | None  # of these predictions over the others, where there are others


def judge_file(
    path: Path, target: str | None = None, group: str | None = None, id: str | None = None, against: Path | None = None
) -> Judged:
    """All metrics of a table with their intervals over groups.

    Args:
        target, group, id: names of columns, where they are called otherwise.
        against: another table about the same samples.

    Raises:
        DataError: if a table cannot be read, or the two are of different kinds or samples.
    """
    kind = kind_of(path, target)
    if against is not None and (other := kind_of(against, target)) != kind:
        raise DataError(f"needed two tables of one kind. Got {kind} in {path} and {other} in {against}.")
    if kind == "number":
        return _numbers(path, target, group, id, against)
    if kind == "labels":
        return _labels(path, group, id, against)
    p = Predictions.from_csv(path, target=target, group=group, id=id)
    ahead = None
    if against is not None:
        ahead = compare(p, Predictions.from_csv(against, target=target, group=group, id=id), METRICS["accuracy"])
    titles = {name: metric.title for name, metric in METRICS.items()}
    return _judged(p, scores(p), titles, f"{len(p.classes)} classes", "Accuracy", ahead)


def _numbers(path: Path, target: str | None, group: str | None, id: str | None, against: Path | None) -> Judged:
    p = Numbers.from_csv(path, target=target, group=group, id=id)
    unit = f" ({p.unit})" if p.unit else ""
    titles = {name: m.title + (unit if m.in_unit else "") for name, m in MEASURES.items()}
    found = number_scores(p)
    if p.level is not None:
        found |= interval_scores(p)
        promised = f"{100 * p.level:g} % intervals"
        titles |= {
            "coverage": f"Samples inside their {promised}",
            "coverage_by_group": f"The same, each group counting once ({promised})",
            "width": f"Width of {promised}{unit}",
        }
    ahead = None
    if against is not None:
        ahead = compare_numbers(p, Numbers.from_csv(against, target=target, group=group, id=id))["rmse"]
    return _judged(p, found, titles, f"numbers: {p.quantity}{unit}", MEASURES["rmse"].title, ahead)


def _labels(path: Path, group: str | None, id: str | None, against: Path | None) -> Judged:
    p = MultiLabel.from_csv(path, group=group, id=id)
    found = ranking_scores(p)
    titles = {"macro_auroc": "AUROC, mean of labels", "macro_average_precision": "Average precision, mean of labels"}
    titles |= {f"auroc({name})": f"AUROC of {name}" for name in p.classes}
    without = "".join(f"; left out is {name!r}, since {why}" for name, why in left_out(p).items())
    missing = 0 if p.known is None else int((~p.known).sum())
    about = f"{len(p.classes)} labels, {missing:,} of {p.targets.size:,} answers unknown{without}"
    ahead = None
    if against is not None:
        ahead = compare_rankings(p, MultiLabel.from_csv(against, group=group, id=id))["macro_auroc"]
    return _judged(p, found, titles, about, titles["macro_auroc"], ahead)


def _judged(
    p: Predictions | Numbers | MultiLabel,
    found: dict[str, Score],
    titles: dict[str, str],
    about: str,
    compared: str,
    ahead: Difference | None,
) -> Judged:
    return Judged(found, titles, len(p), p.owners.groups if p.groups_known else None, about, compared, ahead)
