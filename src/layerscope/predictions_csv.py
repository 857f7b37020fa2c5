"""From a table of predictions that any tool may have written to columns whose meaning is known."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from layerscope.table import Table, read_table

# Names of columns, in lower case with "_" between words. Of groups and ids the first in the list is taken, so that the
# widest group wins: a patient has several studies. Two columns that could both be the target are an error.
TARGET = ("target", "targets", "label", "labels", "y_true", "true", "true_label", "truth", "ground_truth", "class", "y")
DECISION = ("prediction", "predictions", "predicted", "pred", "y_pred", "predicted_label", "predicted_class")
PATIENT = ("group", "groups", "group_id", "patient", "patient_id", "patientid", "subject", "subject_id", "participant")
GROUP = (*PATIENT, "study", "study_id", "series", "series_id", "scaffold")
ID = ("id", "ids", "sample", "sample_id", "image_id", "image", "filename", "file", "path", "name", "uid")
SCORE = ("score", "y_score", "prob", "proba", "probability", "y_prob", "y_proba")
OF_CLASS = (re.compile(r"p\((.+)\)", re.I), re.compile(r"(?:p|prob|proba|probability)[_ ](.+)", re.I))
NEGATIVE_POSITIVE = (
    *(
        ("0", "1"),
        ("-1", "1"),
        ("0.0", "1.0"),
        ("false", "true"),
        ("no", "yes"),
        ("neg", "pos"),
        ("negative", "positive"),
    ),
    *(("normal", "abnormal"), ("benign", "malignant"), ("healthy", "diseased"), ("control", "case")),
)

TOLERANCE = 1e-3  # how far from 1 the probabilities of a row may sum
ROUNDING = 2e-2  # the same in a file, where numbers may be rounded; beyond TOLERANCE the row is scaled to sum to 1
MAX_CLASSES = 1000
MAX_ID = 1000  # characters
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
WHOLE = re.compile("0|-?[1-9][0-9]{0,17}")


class Columns(NamedTuple):
    """The fields of `Predictions`, in their order."""

    probs: Float[np.ndarray, "s k"]
    targets: Int[np.ndarray, " s"]
    groups: Int[np.ndarray, " s"]
    ids: Shaped[np.ndarray, " s"]
    classes: tuple[str, ...]
    groups_known: bool
    probs_known: bool


def read_columns(path: Path, target: str | None, group: str | None, id: str | None) -> Columns:
    """See `Predictions.from_csv`."""
    table = read_table(path)
    chosen: set[int | None] = {table.named(name) for name in (target, group, id) if name is not None}
    target_at = only_one(table, "target", TARGET, chosen) if target is None else table.named(target)
    group_at = first_of(table, GROUP, chosen) if group is None else table.named(group)
    id_at = first_of(table, ID, chosen) if id is None else table.named(id)
    decision_at = only_one(table, "prediction", DECISION, chosen)
    if target_at is None:
        table.fail(f"no column holds the true class; there are {table.listed()}", "Call it `target`, or name it")
    truth = _names(table, target_at)
    decisions = None if decision_at is None else _names(table, decision_at)
    classes, probs = _probabilities(table, truth, {target_at, group_at, id_at, decision_at}, decisions)
    decided = None if decisions is None else _numbers(table, decisions, classes)
    if decided is None and probs is None:
        table.fail("the columns of probabilities are empty", "Fill them, or add a column `prediction`")
    if decided is not None and probs is not None:
        _check_decisions(table, decided, probs, classes)
    groups = None if group_at is None else groups_of(table, group_at)
    return Columns(
        np.eye(len(classes))[decided] if probs is None else probs,
        _numbers(table, truth, classes),
        np.arange(len(truth)) if groups is None else groups,
        ids_of(table, id_at),
        classes,
        groups_known=groups is not None,
        probs_known=probs is not None,
    )


def unusable_id(ids: list[str]) -> tuple[int, str] | None:
    """The first row whose id cannot name it, and why."""
    seen: set[str] = set()
    for row, key in enumerate(ids):
        if not key or len(key) > MAX_ID or UNPRINTABLE.search(key):
            return row, f"an id needs 1 to {MAX_ID} printable characters. Got {key[:40]!r} ({len(key)} characters)"
        if key in seen:
            return row, f"id {key[:40]!r} is there twice"
        seen.add(key)
    return None


def first_of(table: Table, names: tuple[str, ...], but: set[int | None]) -> int | None:
    return next(iter(table.known(names, but)), None)


def only_one(table: Table, what: str, names: tuple[str, ...], but: set[int | None]) -> int | None:
    found = table.known(names, but)
    if len(found) > 1:
        table.fail(f"columns {table.listed(found)} could each be the {what}", "Name the target, or rename the others")
    return found[0] if found else None


def _names(table: Table, at: int) -> list[str]:
    """The class that each row gives in this column."""
    cells = [cell.strip() for cell in table.column(at)]
    for row, cell in enumerate(cells):
        if not cell or UNPRINTABLE.search(cell):
            table.fail(f"{cell[:40]!r} in column {table.header[at]!r} is not a class", "Name one, or drop the row", row)
    if (count := len(set(cells))) > MAX_CLASSES:
        table.fail(f"column {table.header[at]!r} has {count} different classes", "Name the column of the target")
    return cells


def _numbers(table: Table, names: list[str], classes: tuple[str, ...]) -> Int[np.ndarray, " s"]:
    number = {name: i for i, name in enumerate(classes)}
    for row, name in enumerate(names):
        if name not in number:
            there = ", ".join(map(repr, classes[:10]))
            table.fail(
                f"class {name[:40]!r} has no probabilities; there are those of {there}", "Rename or add columns", row
            )
    return np.array([number[name] for name in names])


def _probabilities(
    table: Table, truth: list[str], taken: set[int | None], decisions: list[str] | None
) -> tuple[tuple[str, ...], Float[np.ndarray, "s k"] | None]:
    """The classes, and their probabilities where the table has them."""
    true = set(truth)
    named = _of_classes(table, true, taken)
    score_at = None if named else only_one(table, "score", SCORE, taken)
    if not named and score_at is None:
        return _decided(table, true, decisions), None
    columns = [*named] if score_at is None else [score_at]
    if len(columns) == 1:
        classes = _two_classes(table, true, named.get(columns[0]))
        positive = table.fractions(columns, 1 + TOLERANCE).clip(0, 1)
        return classes, np.hstack([1 - positive, positive])
    classes = tuple(named.values())
    if table.is_empty(columns):
        return classes, None
    probs = table.fractions(columns, 1 + TOLERANCE)
    total = probs.sum(1, keepdims=True)
    off = np.abs(total - 1).ravel()
    if (off > ROUNDING).any():
        row = int((off > ROUNDING).argmax())
        problem = f"the probabilities {table.listed(columns)} sum to {total[row, 0]:.6g}"
        table.fail(problem, "They must sum to 1: one column for each class, after a softmax", row)
    return classes, np.where(off[:, None] > TOLERANCE, probs / total, probs)


def _of_classes(table: Table, true: set[str], taken: set[int | None]) -> dict[int, str]:
    """Columns that are called after a class, in the form that fits most of the true classes."""
    free = [at for at in range(len(table.header)) if at not in taken]
    forms = [{at: m[1].strip() for at in free if (m := form.fullmatch(table.header[at]))} for form in OF_CLASS]
    bare = {at: table.header[at] for at in free if table.header[at] in true}
    named = max([*forms, bare], key=lambda form: len(true & {*form.values()}))
    if not true & {*named.values()} and max(map(len, forms)) > 1:
        table.fail(
            f"none of the columns {table.listed([*max(forms, key=len)])} names a true class, {_some(true)}",
            "Call the probability of class x `p(x)`",
        )
    return named if true & {*named.values()} else {}


def _two_classes(table: Table, true: set[str], positive: str | None) -> tuple[str, str]:
    """The negative and the positive class of a table with one column of probabilities."""
    for pair in NEGATIVE_POSITIVE:
        if {name.casefold() for name in true | {positive or pair[1]}} <= {*pair}:
            cased = {name.casefold(): name for name in true}
            no, yes = (cased.get(name, name) for name in pair)
            return (yes, no) if positive == no else (no, yes)
    others = true - {positive}
    if positive is None or len(others) != 1:
        problem = f"one column of probabilities is not enough for the classes {_some(true)}"
        table.fail(problem, "Give one for each, called `p(x)` for class x; of two classes one is enough")
    return others.pop(), positive


def _decided(table: Table, true: set[str], decisions: list[str] | None) -> tuple[str, ...]:
    """The classes of a table without probabilities, in numerical or else alphabetical order."""
    if decisions is None:
        problem = f"no column holds a prediction of the classes {_some(true)}; there are {table.listed()}"
        table.fail(problem, "Call the probability of class x `p(x)`, or the decision `prediction`")
    for row, name in enumerate(decisions):
        if name not in true and re.fullmatch(r"[0-9]*[.,][0-9]+(e-?[0-9]+)?", name):
            table.fail(
                f"prediction {name!r} is a number between classes",
                "Call a probability `score` or `p(x)`, or a predicted number `predicted_value`",
                row,
            )
    classes = true | {*decisions}
    if len(classes) < 2:
        table.fail(
            f"there is one class only, {_some(classes)}", "Judging needs two: add a column `p(x)` for each class x"
        )
    if len(classes) > MAX_CLASSES:
        table.fail(f"target and prediction name {len(classes)} different classes", "Name the column of the target")
    numeric = all(WHOLE.fullmatch(name) for name in classes)
    return tuple(sorted(classes, key=int if numeric else str))


def _check_decisions(
    table: Table, decided: Int[np.ndarray, " s"], probs: Float[np.ndarray, "s k"], classes: tuple[str, ...]
) -> None:
    """Decisions by another threshold than "the most probable" would be judged wrongly in silence."""
    lower = probs[np.arange(len(probs)), decided] < probs.max(1) - TOLERANCE
    if lower.any():
        row = int(lower.argmax())
        table.fail(
            f"the prediction is {classes[decided[row]]!r}, the most probable class {classes[probs[row].argmax()]!r} "
            f"({lower.sum()} of {len(probs)} rows are so)",
            "Only one can be judged: drop the column of predictions, or the columns of probabilities",
            row,
        )


def groups_of(table: Table, at: int) -> Int[np.ndarray, " s"] | None:
    """Whole numbers as they are, other names numbered in the order of their appearance; None where all are empty."""
    if table.is_empty([at]):
        return None
    cells = [cell.strip() for cell in table.column(at)]
    if "" in cells:
        table.fail(f"the cell in column {table.header[at]!r} is empty", "Name the group of every row", cells.index(""))
    if all(WHOLE.fullmatch(cell) for cell in cells):
        return np.array([int(cell) for cell in cells])
    number = {cell: i for i, cell in enumerate(dict.fromkeys(cells))}
    return np.array([number[cell] for cell in cells])


def ids_of(table: Table, at: int | None) -> Shaped[np.ndarray, " s"]:
    """The ids; where there are none, the numbers of the rows from 1."""
    if at is None or table.is_empty([at]):
        return np.arange(1, len(table.rows) + 1).astype(str)
    ids = table.column(at)
    if problem := unusable_id(ids):
        table.fail(problem[1], "Name the column of ids with id=, or of patients with group=", problem[0])
    return np.array(ids)


def _some(names: set[str]) -> str:
    return ", ".join(repr(name[:40]) for name in sorted(names)[:5]) + (", ..." if len(names) > 5 else "")
