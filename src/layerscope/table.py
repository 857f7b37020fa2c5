"""A CSV file that any tool may have written, as cells with their line numbers, so that errors can name the line."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from jaxtyping import Float

from layerscope.source import DataError


@dataclass(frozen=True)
class Table:
    path: Path
    header: list[str]
    rows: list[list[str]]  # each as long as the header
    lines: list[int]  # where each row ends in the file

    def fail(self, problem: str, advice: str, row: int | None = None) -> NoReturn:
        line = "" if row is None else f", line {self.lines[row]}"
        raise DataError(f"{self.path}{line}: {problem}. {advice}.")

    def listed(self, columns: list[int] | None = None) -> str:
        """Names of columns for an error, cut where they are too many or too long."""
        names = self.header if columns is None else [self.header[at] for at in columns]
        return ", ".join(repr(name[:40]) for name in names[:20]) + (", ..." if len(names) > 20 else "")

    def named(self, name: str) -> int:
        """Position of the column with this name."""
        if name.strip() not in self.header:
            self.fail(f"there is no column {name!r}", f"There are {self.listed()}")
        return self.header.index(name.strip())

    def known(self, names: tuple[str, ...], but: set[int | None]) -> list[int]:
        """Positions of columns with one of these names, in the order of the names, whatever their case and hyphens."""
        words = [re.sub(r"[\s.\-]+", "_", column.casefold()) for column in self.header]
        return [at for name in names for at, word in enumerate(words) if word == name and at not in but]

    def column(self, at: int) -> list[str]:
        return [row[at] for row in self.rows]

    def is_empty(self, columns: list[int]) -> bool:
        return not any(row[at].strip() for row in self.rows for at in columns)

    def decimals(self, at: int) -> Float[np.ndarray, " s"]:
        """Numbers of a column; nan where a cell is none, or empty. A comma may stand for the decimal point."""
        return np.array([_number(cell) for cell in self.column(at)])

    def fractions(self, columns: list[int], most: float) -> Float[np.ndarray, "s c"]:
        """Numbers from 0 to `most`; a comma may stand for the decimal point."""
        values = np.array([[_number(row[at]) for at in columns] for row in self.rows])
        wrong = ~((values >= 0) & (values <= most))
        if wrong.any():
            row, i = np.argwhere(wrong)[0].tolist()
            self.fail(
                f"{self.rows[row][columns[i]][:40]!r} in column {self.header[columns[i]][:40]!r} is not a probability",
                "It must be a number from 0 to 1: apply the softmax or the sigmoid before writing",
                row,
            )
        return values


def read_table(path: Path) -> Table:
    """Read UTF-8 text with a header, and commas, semicolons or tabs between cells; lines without content are skipped.

    Raises:
        DataError: if the file cannot be read so; it gives the line where there is one.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 (byte {error.start}). Save it as CSV UTF-8.") from error
    if "\0" in text:
        raise DataError(f"{path} is not text: it holds a zero byte. Save it as CSV UTF-8.")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    table = Table(path, [], [], [])
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not table.header:
                table.header.extend(cell.strip() for cell in cells)
                continue
            table.rows.append(cells)
            table.lines.append(reader.line_num)
            if len(cells) != len(table.header):
                table.fail(
                    f"{len(cells)} cells under {len(table.header)} columns", "Put quotes around cells with commas", -1
                )
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}. Check the quotes here and above.") from error
    twice = {name for name in table.header if name and table.header.count(name) > 1}
    if twice:
        table.fail(f"two columns are called {min(twice)[:40]!r}", "Rename one")
    if not table.rows:
        table.fail(
            f"there is no row; the header is {table.listed() or 'missing'}", "Write a header and one row per sample"
        )
    return table


def _delimiter(text: str) -> str:
    """The one that divides the header into most cells."""

    def cells(mark: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=mark), []))
        except csv.Error:
            return 0

    return max(",;\t", key=cells)


def _number(cell: str) -> float:
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return np.nan
