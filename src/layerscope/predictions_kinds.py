"""Tables of predicted numbers, and of several labels of which some are missing; and which kind a table is."""

import re
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from layerscope.predictions_csv import (
    DECISION,
    GROUP,
    ID,
    OF_CLASS,
    SCORE,
    TARGET,
    first_of,
    groups_of,
    ids_of,
    only_one,
)
from layerscope.table import Table, read_table

Kind = Literal["class", "labels", "number"]
VALUE = ("predicted_value", "predicted_number", "value_predicted")
LOW, HIGH = ("low", "lower", "lower_bound"), ("high", "upper", "upper_bound")
ANSWERS = {"1": True, "1.0": True, "true": True, "yes": True, "0": False, "0.0": False, "false": False, "no": False}


class NumberColumns(NamedTuple):
    """The fields of `Numbers`, in their order."""

    values: Float[np.ndarray, " s"]
    targets: Float[np.ndarray, " s"]
    groups: Int[np.ndarray, " s"]
    ids: Shaped[np.ndarray, " s"]
    quantity: str
    unit: str
    low: Float[np.ndarray, " s"] | None
    high: Float[np.ndarray, " s"] | None
    level: float | None
    groups_known: bool


class LabelColumns(NamedTuple):
    """The fields of `MultiLabel`, in their order."""

    probs: Float[np.ndarray, "s k"]
    targets: Bool[np.ndarray, "s k"]
    groups: Int[np.ndarray, " s"]
    ids: Shaped[np.ndarray, " s"]
    classes: tuple[str, ...]
    groups_known: bool
    known: Bool[np.ndarray, "s k"] | None


def kind_of(path: Path, target: str | None = None) -> Kind:
    """What a table of predictions is about.

    Numbers, if a column is called `predicted_value`, or if target and prediction are numbers with decimals and there is
    no probability. Several labels, if there is no target, but for some x a column x beside p(x). Else classes.
    """
    table = read_table(path)
    if table.known(VALUE, set()):
        return "number"
    target_at = first_of(table, TARGET, set()) if target is None else table.named(target)
    if target_at is None:
        return "labels" if _labels(table) else "class"
    named = any(form.fullmatch(name) for form in OF_CLASS for name in table.header)
    said_at = first_of(table, DECISION, {target_at})
    if said_at is None or named or table.known(SCORE, set()):
        return "class"
    numbers = np.stack([table.decimals(target_at), table.decimals(said_at)])
    return "number" if np.isfinite(numbers).all() and (numbers[0] % 1 != 0).any() else "class"


def read_numbers(path: Path, target: str | None, group: str | None, id: str | None) -> NumberColumns:
    """See `Numbers.from_csv`."""
    table = read_table(path)
    chosen: set[int | None] = {table.named(name) for name in (target, group, id) if name is not None}
    target_at = only_one(table, "target", TARGET, chosen) if target is None else table.named(target)
    said_at = first_of(table, VALUE, chosen)
    said_at = only_one(table, "prediction", DECISION, chosen) if said_at is None else said_at
    for at, what, name in ((target_at, "true", "target"), (said_at, "predicted", "predicted_value")):
        if at is None:
            table.fail(f"no column holds the {what} number; there are {table.listed()}", f"Call it `{name}`")
    assert target_at is not None
    assert said_at is not None
    groups, known, ids = _who(table, group, id, chosen)
    low, high, level = _interval(table, chosen | {target_at, said_at})
    quantity, unit = (_same(table, name) for name in ("quantity", "unit"))
    named = quantity or (table.header[target_at] if target is not None else "number")
    values, targets = _finite(table, said_at), _finite(table, target_at)
    return NumberColumns(values, targets, groups, ids, named, unit, low, high, level, known)


def read_labels(path: Path, group: str | None, id: str | None) -> LabelColumns:
    """See `MultiLabel.from_csv`."""
    table = read_table(path)
    chosen: set[int | None] = {table.named(name) for name in (group, id) if name is not None}
    if not (pairs := _labels(table)):
        table.fail(
            f"no label has a column beside its probability; there are {table.listed()}",
            "Call the column of label x `x` (1, 0 or empty), and its probability `p(x)`",
        )
    groups, groups_known, ids = _who(table, group, id, chosen)
    columns = [_answers(table, at) for at, _ in pairs.values()]
    targets, known = (np.stack(part, axis=1) for part in zip(*columns, strict=True))
    probs = table.fractions([at for _, at in pairs.values()], 1.0)
    return LabelColumns(probs, targets, groups, ids, tuple(pairs), groups_known, None if known.all() else known)


def _who(
    table: Table, group: str | None, id: str | None, chosen: set[int | None]
) -> tuple[Int[np.ndarray, " s"], bool, Shaped[np.ndarray, " s"]]:
    group_at = first_of(table, GROUP, chosen) if group is None else table.named(group)
    id_at = first_of(table, ID, chosen) if id is None else table.named(id)
    groups = None if group_at is None else groups_of(table, group_at)
    return np.arange(len(table.rows)) if groups is None else groups, groups is not None, ids_of(table, id_at)


def _labels(table: Table) -> dict[str, tuple[int, int]]:
    """Of each label the columns of its truth and of its probability."""
    found = {}
    for at, name in enumerate(table.header):
        matches = [m[1].strip() for form in OF_CLASS if (m := form.fullmatch(name))]
        if matches and matches[0] in table.header:
            found[matches[0]] = (table.header.index(matches[0]), at)
    return found


def _answers(table: Table, at: int) -> tuple[Bool[np.ndarray, " s"], Bool[np.ndarray, " s"]]:
    """Whether each sample has the label, and whether that is known."""
    cells = [cell.strip().casefold() for cell in table.column(at)]
    for row, cell in enumerate(cells):
        if cell and cell not in ANSWERS:
            table.fail(f"{cell[:40]!r} in column {table.header[at]!r} is no answer", "1, 0, or empty if unknown", row)
    return np.array([ANSWERS.get(cell, False) for cell in cells]), np.array([cell != "" for cell in cells])


def _finite(table: Table, at: int, infinite: bool = False) -> Float[np.ndarray, " s"]:
    values = table.decimals(at)
    proper = ~np.isnan(values) if infinite else np.isfinite(values)
    if not proper.all():
        row = int(proper.argmin())
        cell = table.rows[row][at]
        table.fail(f"{cell[:40]!r} in column {table.header[at]!r} is not a number", "Mend it, or drop the row", row)
    return values


def _interval(
    table: Table, taken: set[int | None]
) -> tuple[Float[np.ndarray, " s"] | None, Float[np.ndarray, " s"] | None, float | None]:
    low_at, high_at, level_at = (first_of(table, names, taken) for names in (LOW, HIGH, ("level",)))
    if low_at is None or high_at is None:
        return None, None, None
    if level_at is None:
        table.fail(
            "there are intervals, but not how often they shall hold the truth", "Add a column `level`, such as 0.9"
        )
    levels = np.unique(_finite(table, level_at))
    if len(levels) > 1:
        table.fail(f"all intervals must be of one level; there are {len(levels)}", "Judge each level by itself")
    return _finite(table, low_at, True), _finite(table, high_at, True), float(levels[0])


def _same(table: Table, name: str) -> str:
    """What the first row of such a column says; "" where there is none."""
    at = first_of(table, (name,), set())
    return "" if at is None else re.sub(r"\s+", " ", table.rows[0][at]).strip()
