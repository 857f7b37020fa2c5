"""From a table with a SMILES and measured values in each row to molecules, each of them once.

The rule, the same for every table:

- A SMILES that cannot be read is left out, and listed with its cause.
- Rows of one molecule (one canonical SMILES; salts, charges and stereochemistry count) become one, called by the first.
- Classes: where these rows contradict each other in a task, its value is unknown. A molecule of which nothing is known
  is left out.
- Numbers: their median counts. Where they lie further apart than a quarter of the standard deviation of that target,
  that is listed.

A molecule's group is its scaffold (data/scaffolds.py), if the table does not give groups of its own.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from layerscope.data.kept import FEW, digest_of_texts, kept_texts
from layerscope.data.scaffolds import groups
from layerscope.data.smiles import Reading, read_all, version
from layerscope.data.tablenotes import some
from layerscope.data.textleaks import joined
from layerscope.progress import Progress, silent
from layerscope.source import DataError

APART = 0.25  # standard deviations of a target, between measurements of one molecule


class Row(NamedTuple):
    smiles: str
    id: str  # what a person can look up
    values: tuple[float, ...]  # one a task: the number of a class, or a measurement; NaN where unknown
    group: str | None = None  # what it must not be parted from; None in all rows: its scaffold


class Unreadable(NamedTuple):
    id: str
    smiles: str
    cause: str


class Disagreement(NamedTuple):
    """Rows of one molecule that differ in a task: by their class, or by more than a quarter of a deviation."""

    smiles: str
    ids: tuple[str, ...]
    task: str
    values: tuple[float, ...]


class Counts(NamedTuple):
    rows: int  # of the table
    unreadable: int  # of them
    repeated: int  # readable rows of a molecule that an earlier row had
    unknown: int  # molecules left out, because no value of them is known or undisputed
    mixtures: int  # molecules kept that are several parts, such as a salt


@dataclass(frozen=True)
class Molecules:
    """Molecules, each once, with what is known of them."""

    smiles: Shaped[np.ndarray, " s"]  # str objects, as RDKit writes them
    ids: Shaped[np.ndarray, " s"]
    targets: Float[np.ndarray, "s k"]  # NaN where unknown
    tasks: tuple[str, ...]
    classes: tuple[str, ...]  # of a single task; of several: no and yes; () where targets are measurements
    groups: Int[np.ndarray, " s"]
    counts: Counts
    unreadable: tuple[Unreadable, ...]
    disagreements: tuple[Disagreement, ...]
    unit: str = ""  # of measurements, such as "log mol/L"

    def __len__(self) -> int:
        return len(self.smiles)

    @property
    def regression(self) -> bool:
        return not self.classes

    def rows(self, index: Int[np.ndarray, " r"]) -> "Molecules":
        return replace(
            self,
            smiles=self.smiles[index],
            ids=self.ids[index],
            targets=self.targets[index],
            groups=self.groups[index],
        )

    def only(self, task: str) -> "Molecules":
        """Those of which the value in one task is known, and that task alone.

        Raises:
            ValueError: if there is no such task.
        """
        if task not in self.tasks:
            raise ValueError(f"there is no task {task!r}. There are: {', '.join(self.tasks)}.")
        column = self.targets[:, [self.tasks.index(task)]]
        return replace(self, targets=column, tasks=(task,)).rows(np.flatnonzero(np.isfinite(column[:, 0])))

    def identity(self) -> str:
        """Another, whenever a molecule, a value or a group is another."""
        numbers = [self.targets.tobytes().hex(), self.groups.astype(np.int64).tobytes().hex()]
        return digest_of_texts(self.smiles.tolist(), self.ids.tolist(), self.tasks, self.classes, numbers)

    def notes(self) -> tuple[str, ...]:
        """What was done to the table, in whole sentences."""
        return tuple(_notes(self))


def collect(
    rows: Sequence[Row],
    tasks: Sequence[str],
    classes: Sequence[str] = (),
    *,
    unit: str = "",
    unreadable: int | None = 0,
    what: str = "the table",
    progress: Progress = silent,
) -> Molecules:
    """The molecules of a table by the rule above.

    Args:
        classes: names of the values 0, 1, ... of a task; none where values are measurements, in this `unit`.
        unreadable: as many SMILES may be unreadable; None: any number.
        what: the table's name in an error.

    Raises:
        DataError: if more SMILES are unreadable, or no molecule is left.

    Example:
        >>> rows = [Row("CCO", "a", (0,)), Row("OCC", "b", (0,)), Row("C", "c", (1,)), Row("[CH4]", "d", (0,))]
        >>> collect(rows, ["toxic"], ["no", "yes"]).notes()[2]
        '1 time(s) rows of one molecule disagree; the value counts as unknown (c, d in toxic: 1, 0).'
    """
    readings = _readings([row.smiles for row in rows], progress)
    bad = tuple(Unreadable(row.id, row.smiles, r.cause) for row, r in zip(rows, readings, strict=True) if r.cause)
    if unreadable is not None and len(bad) > unreadable:
        raise DataError(_too_many(bad, len(rows), unreadable, what))
    members: defaultdict[str, list[int]] = defaultdict(list)
    for i, reading in enumerate(readings):
        if not reading.cause:
            members[reading.canonical].append(i)
    values = np.array([row.values for row in rows], dtype=np.float64).reshape(len(rows), len(tasks))
    merged, disagreements = _merged(rows, values, members, tuple(tasks), not classes)
    known = np.isfinite(merged).any(axis=1)
    if not known.any():
        raise DataError(f"{what}: no molecule has a value that is known and undisputed. Got {len(rows):,} rows.")
    smiles = np.array([*members, None], dtype=object)[:-1][known]
    first = np.array([own[0] for own in members.values()])
    own = groups(smiles.tolist(), progress) if rows[0].group is None else _given(rows, members)[first][known]
    counts = Counts(
        rows=len(rows),
        unreadable=len(bad),
        repeated=len(rows) - len(bad) - len(members),
        unknown=int((~known).sum()),
        mixtures=sum("." in text for text in smiles),
    )
    ids = np.array([rows[i].id for i in first])[known]
    return Molecules(smiles, ids, merged[known], tuple(tasks), tuple(classes), own, counts, bad, disagreements, unit)


def _readings(texts: list[str], progress: Progress) -> list[Reading]:
    """Of many texts kept in the cache: 40,000 take ten seconds."""
    if len(texts) <= FEW:
        return read_all(texts, progress)

    def make() -> list[str]:
        return ["\t".join(reading) for reading in read_all(texts, progress)]

    made = kept_texts("molecules", "smiles", digest_of_texts("1", version(), texts), make, progress)
    return [Reading(*line.split("\t")) for line in made]


def _merged(
    rows: Sequence[Row],
    values: Float[np.ndarray, "s k"],
    members: dict[str, list[int]],
    tasks: tuple[str, ...],
    regression: bool,
) -> tuple[Float[np.ndarray, "m k"], tuple[Disagreement, ...]]:
    """The values of each molecule, and where its rows disagree."""
    readable = values[[i for own in members.values() for i in own]]
    wide = [APART * np.nanstd(column) if np.isfinite(column).any() else 0 for column in readable.T]
    merged = np.empty((len(members), len(tasks)))
    disagreements = []
    for place, (smiles, own) in enumerate(members.items()):
        merged[place] = values[own[0]]
        if len(own) == 1:
            continue
        for k, task in enumerate(tasks):
            known = [i for i in own if np.isfinite(values[i, k])]
            found = tuple(values[known, k].tolist())
            spread = max(found) - min(found) if found else 0
            merged[place, k] = np.median(found) if found and (regression or not spread) else np.nan
            if spread > (wide[k] if regression else 0):
                disagreements.append(Disagreement(smiles, tuple(rows[i].id for i in known), task, found))
    return merged, tuple(disagreements)


def _given(rows: Sequence[Row], members: dict[str, list[int]]) -> Int[np.ndarray, " s"]:
    """The table's own groups; two that share a molecule are one."""
    pairs = [(own[0], other) for own in members.values() for other in own[1:]]
    return joined(np.array([row.group for row in rows], dtype=object), pairs)


def _too_many(bad: Sequence[Unreadable], of: int, allowed: int, what: str) -> str:
    named = some([f"{one.id} {one.smiles[:40]!r}: {one.cause}" for one in bad], "; ")
    expected = f" ({allowed} are known to be so)" if allowed else ""
    return (
        f"{what}: RDKit {version()} cannot read {len(bad):,} of {of:,} SMILES{expected}: {named}. "
        "Repair them, or leave them out with skip_bad (--skip-bad)."
    )


def _notes(found: Molecules) -> Iterator[str]:
    counts = found.counts
    if counts.unreadable:
        named = some([f"{one.id}: {one.cause}" for one in found.unreadable], "; ")
        yield f"{counts.unreadable:,} of {counts.rows:,} SMILES cannot be read and were left out ({named})."
    if counts.repeated:
        yield f"{counts.repeated:,} of {counts.rows:,} rows repeat a molecule of an earlier row; they are one now."
    if counts.unknown:
        were = "molecule was" if counts.unknown == 1 else "molecules were"
        yield f"{counts.unknown:,} {were} left out, because no value is both known and undisputed."
    if found.disagreements:
        listed = [(", ".join(d.ids), d.task, ", ".join(f"{v:g}" for v in d.values)) for d in found.disagreements]
        named = some([f"{ids} in {task}: {values}" for ids, task, values in listed], "; ")
        then = "their median counts" if found.regression else "the value counts as unknown"
        yield f"{len(found.disagreements):,} time(s) rows of one molecule disagree; {then} ({named})."
