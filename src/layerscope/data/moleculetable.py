"""Your own molecules: a table with a column of SMILES and what was found of each, as CSV, TSV or JSON Lines.

Is a column a measurement or a class? Numbers are a measurement, unless there are at most ten different ones and all are
whole; all else are names of classes. `notes` says what was taken, and `kind` says otherwise. Several columns are
several labels, of which each is there, is not there, or was not looked for (an empty cell).
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from layerscope.card import Card
from layerscope.data.loaded import Loaded
from layerscope.data.moleculegraphs import as_dataset
from layerscope.data.molecules import Molecules, Row, collect
from layerscope.data.scaffolds import GROUP
from layerscope.data.tablenotes import FEW, NOTHING, some
from layerscope.data.texttable import GROUPS, _bytes, _decoded, _filled, _table
from layerscope.predictions_csv import UNPRINTABLE, unusable_id
from layerscope.progress import Progress, silent
from layerscope.source import DataError
from layerscope.table import Table

WHOLE = 10  # different whole numbers that may be classes
YES = ("1", "true", "yes", "y", "active", "positive")
NO = ("0", "false", "no", "n", "inactive", "negative")


@dataclass(frozen=True)
class MoleculeTable:
    """The molecules, and what their owner should look at before trusting a score."""

    loaded: Loaded
    molecules: Molecules
    notes: tuple[str, ...]  # whole sentences, to be shown


def read(
    path: Path,
    *,
    smiles: str,
    targets: Sequence[str],
    group: str | None = None,
    id: str | None = None,
    unit: str = "",
    kind: Literal["class", "number"] | None = None,
    skip_bad: bool = False,
    progress: Progress = silent,
) -> MoleculeTable:
    """Each molecule once, by the rule of `layerscope.data.molecules`. No other column is read.

    Args:
        smiles, targets: names of columns; several targets are several labels.
        group: the column that says which rows must never be split apart, such as the series; None: the scaffold.
        id: the column of names to look rows up by; None: the lines of the file.
        unit: of a measurement.
        kind: what the target is; None: as it looks.
        skip_bad: leave out SMILES that cannot be read, and list them.

    Raises:
        DataError: if the file cannot be read so, SMILES cannot be read, a cell is none of what its column holds, or
            there is too little to learn from.
    """
    if kind not in (None, "class", "number"):
        raise DataError(f"kind must be class or number. Got {kind!r}.")
    raw = _bytes(path)
    wanted = [smiles, *targets, *(name for name in (group, id) if name is not None)]
    table = _table(path, _decoded(path, raw), wanted)
    if len(set(wanted)) < len(wanted) or not targets:
        table.fail(
            f"SMILES, targets (one or more), group and id are columns of their own. Got {', '.join(wanted)}",
            "Name others",
        )
    ids = [f"line {line}" for line in table.lines] if id is None else _filled(table, id, UNPRINTABLE)
    if problem := unusable_id(ids):
        table.fail(problem[1], "Repair the id, or leave id out", problem[0])
    values, classes, taken = _several(table, targets) if len(targets) > 1 else _single(table, targets[0], kind)
    if unit and classes:
        table.fail(
            f"classes have no unit, and {targets[0]!r} is taken for classes", "Leave unit out, or say kind=number"
        )
    own = None if group is None else [cell.strip() for cell in _filled(table, group, UNPRINTABLE)]
    cells = [cell.strip() for cell in table.column(table.header.index(smiles))]
    rows = [
        Row(text, name, tuple(row), None if own is None else own[i])
        for i, (text, name, row) in enumerate(zip(cells, ids, values.tolist(), strict=True))
    ]
    allowed, what = None if skip_bad else 0, f"{path.name}, column {smiles!r}"
    found = collect(rows, targets, classes, unit=unit, unreadable=allowed, what=what, progress=progress)
    _check(table, found)
    groups = GROUP if group is None else f"{group} (your column); the same molecule counts as one group too"
    card = Card(path.stem, path.stem, "unknown: your own molecules", "your own molecules", groups)
    digest = hashlib.sha256(raw).hexdigest()
    many = len(np.unique(found.groups))
    origin = f"{path.name} ({len(found):,} molecules in {many:,} groups, sha256 {digest[:8]}…)"
    identity = " ".join([digest, smiles, *targets, group or "", id or "", kind or ""])
    skipped = tuple((bad.id, bad.cause) for bad in found.unreadable)
    loaded = Loaded(as_dataset(found, card, progress), origin, identity, None, skipped)
    return MoleculeTable(
        loaded, found, (taken, *_of_decimals(table, targets, classes), *found.notes(), *_of_few(found))
    )


def _single(
    table: Table, name: str, kind: Literal["class", "number"] | None
) -> tuple[Float[np.ndarray, "s 1"], tuple[str, ...], str]:
    """Values, names of classes (none of a measurement), and what it was taken for, in a sentence."""
    cells = _known(table, name)
    numbers = [_number(cell) for cell in cells]
    said = {cell for cell in cells if cell is not None}
    whole = {number for number in numbers if number is not None}
    strange = [i for i, cell in enumerate(cells) if cell is not None and numbers[i] is None]
    if not said:
        table.fail(f"every cell of column {name!r} is empty", "Name another column as the target")
    several = len(whole) > WHOLE or not all(number.is_integer() for number in whole)
    if kind == "number" or (kind is None and several and len(strange) < len(said) / 2):
        if strange:
            problem = (
                f"{cells[strange[0]]!r} in column {name!r} is no number, as {len(cells) - len(strange):,} others are"
            )
            advice = "Write a number, or leave the cell empty (a bound such as >10 is none), or say kind=class"
            table.fail(problem, advice, strange[0])
        values = np.array([[np.nan if number is None else number] for number in numbers])
        return values, (), f"{name!r} was taken for a measurement ({len(whole):,} different numbers)."
    if not strange and not several:  # 1, 1.0 and 1,0 are one class
        cells = [None if number is None else f"{number:.0f}" for number in numbers]
    classes = sorted({cell for cell in cells if cell is not None}, key=lambda cell: (_number(cell) or 0.0, cell))
    if len(classes) == 1:
        table.fail(f"every molecule is of the class {classes[0]!r}", f"Two are needed: look into column {name!r}")
    place = {each: float(i) for i, each in enumerate(classes)}
    values = np.array([[np.nan if cell is None else place[cell]] for cell in cells])
    end = "" if strange or kind else " (if these numbers are a measurement, say kind=number)"
    return values, tuple(classes), f"{name!r} was taken for {len(classes)} classes: {some(classes)}{end}."


def _several(table: Table, names: Sequence[str]) -> tuple[Float[np.ndarray, "s k"], tuple[str, ...], str]:
    values = np.full((len(table.rows), len(names)), np.nan)
    for k, name in enumerate(names):
        for row, cell in enumerate(_known(table, name)):
            if cell is None:
                continue
            word = cell.casefold().removesuffix(".0")
            if word not in (*YES, *NO):
                problem = f"{cell[:40]!r} in column {name!r} is no label that is there or is not"
                advice = f"Write one of {', '.join(YES)} or {', '.join(NO)}, or nothing; or name a single target"
                table.fail(problem, advice, row)
            values[row, k] = word in YES
    return values, ("no", "yes"), f"{len(names)} columns were taken for labels, of which a molecule may have several."


def _known(table: Table, name: str) -> list[str | None]:
    """The cells of a column; None where nothing stands, or a word for it."""
    cells = [cell.strip() for cell in table.column(table.header.index(name))]
    for row, cell in enumerate(cells):
        if bad := UNPRINTABLE.search(cell):
            table.fail(
                f"{cell[:40]!r} in column {name!r} holds {bad[0]!r}, which cannot be printed", "Take it out", row
            )
    return [None if not cell or cell.casefold() in NOTHING else cell for cell in cells]


def _number(cell: str | None) -> float | None:
    """A comma may stand for the decimal point."""
    try:
        number = float((cell or "").replace(",", "."))
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _check(table: Table, found: Molecules) -> None:
    """That whatever is asked for can be learned, chosen by and tested: each in a group of its own."""
    if found.regression:
        if (many := len(np.unique(found.groups))) < GROUPS:
            table.fail(
                f"the {len(found):,} molecules are {many} group(s)", f"At least {GROUPS} are needed: add molecules"
            )
        return
    first = np.unique(found.groups, return_index=True)[1]  # `split` deals a group out by its first molecule
    counted = found.rows(first) if len(found.tasks) == 1 else found
    asked = [(name, len(np.unique(counted.groups[rows]))) for name, rows in _asked(counted)]
    few = [f"{name!r} has {n}" for name, n in asked if n < GROUPS]
    if few:
        problem = f"{len(few)} class(es) have fewer than {GROUPS} groups of molecules: {some(few)}"
        advice = (
            "Add molecules (those of one scaffold are one group, of the class of its first), join classes, or name "
        )
        table.fail(problem, advice + "another target")


def _asked(found: Molecules) -> Iterator[tuple[str, Bool[np.ndarray, " s"]]]:
    """Each class, or each label and its absence, with the molecules of which it is known."""
    for k, task in enumerate(found.tasks):
        for value, name in enumerate(found.classes):
            yield (name if len(found.tasks) == 1 else f"{task}: {name}"), found.targets[:, k] == value


def _of_few(found: Molecules) -> Iterator[str]:
    if found.regression:
        if len(found) < 2 * FEW:
            yield f"there are {len(found)} molecules, so scores are uncertain."
        return
    if few := [f"{name!r} {rows.sum()}" for name, rows in _asked(found) if rows.sum() < FEW]:
        yield f"{len(few)} class(es) have fewer than {FEW} molecules, so their scores are uncertain: {some(few)}."
    alike = Counter(name.casefold() for name in found.classes)
    if twice := [name for name in found.classes if alike[name.casefold()] > 1]:
        yield f"labels that differ in capital letters only count as different classes: {some(twice)}."


def _of_decimals(table: Table, names: Sequence[str], classes: tuple[str, ...]) -> Iterator[str]:
    cells = [] if classes else [cell for cell in table.column(table.header.index(names[0])) if "," in cell]
    if cells:
        yield f"in {len(cells):,} cells of {names[0]!r} the comma was read as a decimal point, such as {cells[0]!r}."
