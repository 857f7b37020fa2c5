"""What a network, or anything else, said about each sample. NumPy only, so judging never needs the network."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from layerscope.predictions_csv import TOLERANCE, UNPRINTABLE, read_columns, unusable_id
from layerscope.predictions_kinds import read_numbers
from layerscope.source import DataError


class Owners(NamedTuple):
    of_row: Int[np.ndarray, " s"]
    groups: int


@dataclass(frozen=True, eq=False)
class Predictions:
    """One row per sample: class probabilities, the true class, and the group that must stay together.

    Raises:
        DataError: if a column is short, a probability is not one, or a target is not the number of a class.

    Example:
        >>> probs = np.array([[0.9, 0.1], [0.4, 0.6]])
        >>> Predictions(probs, np.array([0, 1]), np.array([7, 7]), np.array(["a", "b"]), ("no", "yes")).guess.tolist()
        [0, 1]
    """

    probs: Float[np.ndarray, "s k"]  # rows sum to 1
    targets: Int[np.ndarray, " s"]  # number of the true class
    groups: Int[np.ndarray, " s"]  # rows of one group (a patient, a series) are not independent
    ids: Shaped[np.ndarray, " s"]  # strings that a person can look up
    classes: tuple[str, ...]
    groups_known: bool = True  # False: none were given, so each row is its own group
    probs_known: bool = True  # False: only decisions were given, and `probs` is 1 for the decision

    def __post_init__(self) -> None:
        lengths = {column: len(getattr(self, column)) for column in ("probs", "targets", "groups", "ids")}
        if len(set(lengths.values())) != 1:
            raise DataError(f"every column needs one row per sample. Got {lengths}.")
        bad = [c for c in self.classes if not c or c != c.strip() or UNPRINTABLE.search(c)]
        if bad or len(set(self.classes)) != len(self.classes) or len(self.classes) < 2:
            raise DataError(f"needed two or more different names of classes, without space around. Got {self.classes}.")
        if self.probs.shape != (len(self), len(self.classes)):
            raise DataError(f"needed probs of shape {(len(self), len(self.classes))}. Got {self.probs.shape}.")
        with np.errstate(invalid="ignore"):
            proper = (self.probs >= 0).all(1) & (np.abs(self.probs.sum(1) - 1) <= TOLERANCE)
        if not proper.all():
            row = int(proper.argmin())
            raise DataError(
                f"a row of probs must be 0 or more and sum to 1, as a softmax does. {(~proper).sum()} of {len(self)} "
                f"rows do not; the first is row {row} ({self.ids[row]!s:.40}): {self.probs[row].tolist()[:10]}."
            )
        outside = (self.targets < 0) | (self.targets >= len(self.classes))
        if outside.any():
            row = int(outside.argmax())
            raise DataError(f"targets must lie in 0..{len(self.classes) - 1}. Got {self.targets[row]} in row {row}.")

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def guess(self) -> Int[np.ndarray, " s"]:
        """The most probable class; of equals, the first."""
        return self.probs.argmax(1)

    @property
    def owners(self) -> Owners:
        """The group of each row as a number from 0, in the order of `np.unique(groups)`, and how many there are."""
        unique, owners = np.unique(self.groups, return_inverse=True)
        return Owners(owners, len(unique))

    def rows(self, index: Shaped[np.ndarray, " r"]) -> "Predictions":
        """Some of the rows, by number or by a mask."""
        columns = {name: getattr(self, name)[index] for name in ("probs", "targets", "groups", "ids")}
        return replace(self, **columns)

    def to_csv(self, path: Path, group_names: Mapping[int, str] | None = None) -> None:
        """Write columns id, group, target, prediction, p(class)...; a column that is not known stays empty.

        `from_csv` reads the same numbers, bit for bit. The file is written beside and moved into place.

        Args:
            group_names: what to write for the number of a group; None: the number.
        """
        probs = self.probs.T.tolist() if self.probs_known else [[""] * len(self)] * len(self.classes)
        columns = {
            name: [self.classes[i] for i in column]
            for name, column in (("target", self.targets), ("prediction", self.guess))
        }
        columns |= {f"p({name})": of for name, of in zip(self.classes, probs, strict=True)}
        write_rows(path, self.ids, written_groups(self.groups, self.groups_known, group_names), columns)

    @staticmethod
    def from_csv(
        path: Path, *, target: str | None = None, group: str | None = None, id: str | None = None
    ) -> "Predictions":
        """Read predictions that `to_csv` or any other tool wrote: UTF-8; comma, semicolon or tab between columns.

        Needed are a column with the true class (`target`, `label`, `y_true`, ...) and one of: a probability for every
        class (`p(cat)`, `p_cat`, `prob_cat`, `proba_cat` or just `cat`); for two classes, one `score` of the positive
        one; a `prediction`. Taken where found: `group` (or `patient`, `subject`, `study`, ...) and `id`.

        Args:
            target, group, id: names of columns, for a file whose columns are called otherwise.

        Raises:
            DataError: if the file cannot be read this way; it gives the line and what to do.
        """
        return Predictions(*read_columns(path, target, group, id))


@dataclass(frozen=True, eq=False)
class Numbers:
    """One row per sample: the number that was said, the true one, and the group that must stay together.

    Raises:
        DataError: if a column is short, a number is not finite, or an interval ends before it begins.

    Example:
        >>> ids = np.array(["a", "b"])
        >>> Numbers(np.array([1.0, 2.5]), np.array([1.5, 2.5]), np.array([7, 7]), ids, "solubility").errors.tolist()
        [-0.5, 0.0]
    """

    values: Float[np.ndarray, " s"]  # what was said, in the unit of the targets
    targets: Float[np.ndarray, " s"]
    groups: Int[np.ndarray, " s"]  # rows of one group (a patient, a scaffold) are not independent
    ids: Shaped[np.ndarray, " s"]  # strings that a person can look up
    quantity: str = "number"  # what is measured
    unit: str = ""
    low: Float[np.ndarray, " s"] | None = None  # of an interval that shall hold the true number; may be infinite
    high: Float[np.ndarray, " s"] | None = None
    level: float | None = None  # how often it shall
    groups_known: bool = True  # False: none were given, so each row is its own group

    def __post_init__(self) -> None:
        columns = ("values", "targets", "groups", "ids", "low", "high")
        lengths = {name: len(column) for name in columns if (column := getattr(self, name)) is not None}
        if len(set(lengths.values())) != 1 or not len(self):
            raise DataError(f"every column needs one row per sample, and one sample at least. Got {lengths}.")
        for name in ("values", "targets"):
            if not (finite := np.isfinite(getattr(self, name))).all():
                row = int(finite.argmin())
                raise DataError(
                    f"{name} must be finite numbers. {(~finite).sum()} of {len(self)} are not; the first is row {row} "
                    f"({self.ids[row]!s:.40}): {getattr(self, name)[row]}."
                )
        given = [part is not None for part in (self.low, self.high, self.level)]
        if any(given) and not all(given):
            raise DataError("an interval needs its low end, its high end and its level. Got some of the three.")
        if self.level is not None and not 0 < self.level < 1:
            raise DataError(f"the level of intervals lies between 0 and 1. Got {self.level:g}.")
        if self.low is not None and not (proper := self.low <= self.high).all():
            row = int(proper.argmin())
            raise DataError(
                f"an interval must not end before it begins. {(~proper).sum()} of {len(self)} do; the first is row "
                f"{row} ({self.ids[row]!s:.40})."
            )

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def errors(self) -> Float[np.ndarray, " s"]:
        """What was said, less what is true."""
        return self.values - self.targets

    @property
    def owners(self) -> Owners:
        """The group of each row as a number from 0, in the order of `np.unique(groups)`, and how many there are."""
        unique, owners = np.unique(self.groups, return_inverse=True)
        return Owners(owners, len(unique))

    def rows(self, index: Shaped[np.ndarray, " r"]) -> "Numbers":
        """Some of the rows, by number or by a mask."""
        names = ("values", "targets", "groups", "ids", "low", "high")
        return replace(self, **{name: column[index] for name in names if (column := getattr(self, name)) is not None})

    def to_csv(self, path: Path, group_names: Mapping[int, str] | None = None) -> None:
        """Write columns id, group, target, predicted_value, low, high, level, quantity, unit; without intervals fewer.

        `from_csv` reads the same numbers, bit for bit. The file is written beside and moved into place.

        Args:
            group_names: what to write for the number of a group; None: the number.
        """
        columns = {"target": self.targets.tolist(), "predicted_value": self.values.tolist()}
        if self.low is not None and self.high is not None:
            columns |= {"low": self.low.tolist(), "high": self.high.tolist(), "level": [self.level] * len(self)}
        columns |= {"quantity": [self.quantity] * len(self), "unit": [self.unit] * len(self)}
        write_rows(path, self.ids, written_groups(self.groups, self.groups_known, group_names), columns)

    @staticmethod
    def from_csv(
        path: Path, *, target: str | None = None, group: str | None = None, id: str | None = None
    ) -> "Numbers":
        """Read numbers that `to_csv` or any other tool wrote: UTF-8; comma, semicolon or tab between columns.

        Needed are a column with the true number (`target`, `y_true`, ...) and one with what was said
        (`predicted_value`, `prediction`, `y_pred`, ...). Taken where found: `group` (or `scaffold`, `patient`, ...),
        `id`, `quantity`, `unit`, and intervals: `low`, `high`, `level`.

        Args:
            target, group, id: names of columns, for a file whose columns are called otherwise.

        Raises:
            DataError: if the file cannot be read this way; it gives the line and what to do.
        """
        return Numbers(*read_numbers(path, target, group, id))


def written_groups(groups: Int[np.ndarray, " s"], known: bool, names: Mapping[int, str] | None = None) -> list[Any]:
    """What a table says of the group of each row: its number, its name, or nothing if it is not known."""
    if not known:
        return [""] * len(groups)
    return groups.tolist() if names is None else [names[i] for i in groups.tolist()]


def write_rows(path: Path, ids: Shaped[np.ndarray, " s"], groups: list[Any], columns: Mapping[str, list[Any]]) -> None:
    """A table with ids and groups before the columns, written beside and moved into place."""
    keys = ids.astype(str).tolist()
    if problem := unusable_id(keys):
        raise DataError(f"row {problem[0]}: {problem[1]}")
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "group", *columns])
        writer.writerows(zip(keys, groups, *columns.values(), strict=True))
    part.replace(path)
