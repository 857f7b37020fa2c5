"""Your own texts: a table with a column of texts and a column of labels, as CSV, TSV or JSON Lines."""

import codecs
import csv
import hashlib
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from threading import Lock

import numpy as np
from jaxtyping import Int, Shaped
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from layerscope.card import Card
from layerscope.data.loaded import Loaded
from layerscope.data.tablenotes import SHOWN, of_classes, of_texts, some
from layerscope.dataset import Dataset
from layerscope.inputs import Texts
from layerscope.predictions_csv import UNPRINTABLE, unusable_id
from layerscope.progress import Progress, silent
from layerscope.source import DataError
from layerscope.table import Table

GROUPS = 3  # that a class needs: to learn from, to choose by, to be asked
MANY = 20  # classes; more that are all numbers are no classes
SAVE = "Save it again as UTF-8 (in a spreadsheet, the file type is called CSV UTF-8)"
UNKNOWN = "unknown: each text counts as its own group (the same text as one), so related texts may be split apart"
HALF = re.compile("[\ud800-\udfff]")  # half a character, which no file can hold but JSON can name
_LIMIT = Lock()  # csv has one limit for the whole process


@dataclass(frozen=True)
class TextTable:
    """The texts, and what their owner should look at before trusting a score."""

    loaded: Loaded
    notes: tuple[str, ...]  # whole sentences, to be shown
    contradictory: tuple[tuple[int, ...], ...]  # the rows of each text that stands there with several labels


def read(
    path: Path, *, text: str, label: str, group: str | None = None, id: str | None = None, progress: Progress = silent
) -> TextTable:
    """Every row that has any content, with its text as written, however long.

    Texts that are the same but for case and white space always share a group, also where the table gives them two: then
    the two are one. The format is seen in the content, whatever the file is called: JSON Lines (one object a line), or
    a header and cells between commas, semicolons or tabs; UTF-8, or UTF-16 with its mark.

    Args:
        text, label: names of columns.
        group: the column that says which rows must never be split apart, such as the author.
        id: the column of names to look rows up by; None: the lines of the file.

    Raises:
        DataError: if the file cannot be read so, a cell is empty or unusable, there is one class only, or a class has
            fewer than 3 groups.
    """
    raw = _bytes(path)
    wanted = [name for name in (text, label, group, id) if name is not None]
    table = _table(path, _decoded(path, raw), wanted)
    if len(set(wanted)) < len(wanted):
        table.fail(f"text, label, group and id are columns of their own. Got {', '.join(wanted)}", "Name another")
    texts = _filled(table, text, HALF)
    labels = [cell.strip() for cell in _filled(table, label, UNPRINTABLE)]
    given = None if group is None else [cell.strip() for cell in _filled(table, group, UNPRINTABLE)]
    ids = [f"line {line}" for line in table.lines] if id is None else _filled(table, id, UNPRINTABLE)
    if problem := unusable_id(ids):
        table.fail(problem[1], "Repair the id, or leave id out", problem[0])
    progress("reading texts", len(texts), len(texts), "texts")
    classes, targets = _numbered(labels)
    same = _numbered([" ".join(cell.casefold().split()) for cell in texts])[1]
    groups, joined = _groups(same, given)
    data = Dataset.of(Texts.of(texts), targets, groups=groups, ids=ids, classes=classes, name=path.stem)
    unit = UNKNOWN if group is None else f"{group} (your column); the same text counts as one group too"
    data = replace(data, source=Card(data.name, data.name, "unknown: your own texts", "your own texts", unit))
    _check_classes(table, data, label)
    digest = hashlib.sha256(raw).hexdigest()
    of = "" if group is None else f" in {len(np.unique(data.groups)):,} groups"
    origin = f"{path.name} ({len(texts):,} texts{of}, sha256 {digest[:8]}…)"
    identity = " ".join([digest, text, label, group or "", id or ""])  # other columns of a file are other samples
    contradictory = _contradictory(same, targets)
    notes = (*of_classes(data), *of_texts(data, same, joined, contradictory))
    called = None if given is None else dict(zip(data.groups.tolist(), groups.tolist(), strict=True))
    return TextTable(Loaded(data, origin, identity, None, group_names=called), notes, contradictory)


def read_column(path: Path, text: str) -> tuple[list[str], list[int]]:
    """The texts of a table, and the line of each, where no labels are needed.

    Raises:
        DataError: if the file cannot be read as `read` does, or a cell is empty.
    """
    table = _table(path, _decoded(path, _bytes(path)), [text])
    return _filled(table, text, HALF), table.lines


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def _decoded(path: Path, raw: bytes) -> str:
    marked = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    body, encoding = (raw, "utf-16") if marked else (raw.removeprefix(codecs.BOM_UTF8), "utf-8")
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body[: error.start].decode(encoding, "ignore").count("\n") + 1
        byte = len(raw) - len(body) + error.start
        raise DataError(
            f"{path}, line {line}: byte {byte} (0x{raw[byte]:02x}) is not {encoding.upper()}. {SAVE}."
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{path}, line {line}: a zero byte, as in UTF-16 without its mark or no text at all. {SAVE}.")
    return text


def _table(path: Path, text: str, wanted: list[str]) -> Table:
    """The cells of the file; that the wanted columns are there is certain."""
    table = Table(path, [], [], [])
    if re.match(r"\s*\[\s*\{", text):
        table.fail("it is one JSON array", "Write one object a line (JSON Lines), without brackets and commas around")
    if text.lstrip().startswith("{"):
        _add_objects(table, text, wanted)
    else:
        with _cells_of_any_length(len(text)):
            _add_cells(table, text, wanted)
    if not table.rows:
        table.fail(
            f"there is no row; the columns are {table.listed() or 'missing'}", "Write a header and rows below it"
        )
    if twice := [name for name in wanted if table.header.count(name) > 1]:
        table.fail(f"two columns are called {twice[0]!r}", "Rename one")
    there = {column.casefold(): column for column in table.header}
    for name in wanted:
        if name not in table.header:
            near = get_close_matches(name.casefold(), there, 1)
            advice = f"Perhaps {there[near[0]]!r} is meant" if near else "The first line must name the columns"
            table.fail(f"there is no column {name!r}; there are {table.listed()}", advice)
    return table


def _add_cells(table: Table, text: str, wanted: list[str]) -> None:
    """By the delimiter that finds most of the wanted columns in the header, and of equals most columns."""
    headers = {mark: _header(text, mark) for mark in ",;\t"}
    mark = max(headers, key=lambda mark: (len({*wanted} & {*headers[mark]}), len(headers[mark])))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        for cells in rows:
            if not any(map(str.strip, cells)):
                continue
            if not table.header:
                table.header.extend(headers[mark])
                continue
            table.rows.append(cells)
            table.lines.append(rows.line_num)
            if len(cells) != len(table.header):
                problem = f"{len(cells)} cells under {len(table.header)} columns"
                table.fail(problem, f"Put double quotes around texts that hold {mark!r} or a line break", -1)
    except csv.Error as error:
        raise DataError(
            f"{table.path}, line {rows.line_num}: {error}. Check the double quotes here and above: a text that holds "
            'one needs them around it, and each of its own twice ("").'
        ) from error


def _header(text: str, mark: str) -> list[str]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    return next(([cell.strip() for cell in cells] for cells in rows if any(map(str.strip, cells))), [])


@contextmanager
def _cells_of_any_length(most: int) -> Iterator[None]:
    """The limit of 131,072 characters a cell lifted, and put back."""
    with _LIMIT:
        before = csv.field_size_limit()
        csv.field_size_limit(max(before, most + 1))
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _add_objects(table: Table, text: str, wanted: list[str]) -> None:
    """A key that an object lacks, or null, is an empty cell."""
    objects = []
    for line, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        table.lines.append(line)
        try:
            objects.append(json.loads(row))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{table.path}, line {line}: {error}. Write one whole JSON object a line.") from error
        if not isinstance(objects[-1], dict):
            table.fail(f"{row.strip()[:40]!r} is not a JSON object", "Write one whole object a line", -1)
        for name in wanted:
            if isinstance(value := objects[-1].get(name), list | dict):
                table.fail(f"{name!r} is {json.dumps(value)[:40]}", "One text, or one number, is needed", -1)
    table.header.extend(dict.fromkeys(key for row in objects for key in row))
    table.rows.extend([_cell(row.get(key)) for key in table.header] for row in objects)


def _cell(value: object) -> str:
    """As it would stand in a CSV: 1.0 and 1 are one number, and what is no number is empty."""
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else json.dumps(value)


def _filled(table: Table, name: str, unusable: re.Pattern[str]) -> list[str]:
    """The cells of a column, of which none may be empty."""
    cells = table.column(table.header.index(name))
    if empty := [line for cell, line in zip(cells, table.lines, strict=True) if not cell.strip()]:
        lines = ", ".join(map(str, empty[:SHOWN])) + (", ..." if len(empty) > SHOWN else "")
        problem = f"{len(empty):,} of {len(cells):,} cells of column {name!r} are empty (line {lines})"
        table.fail(problem, "Fill them, or take these rows out")
    for row, cell in enumerate(cells):
        if found := unusable.search(cell.strip()):
            problem = f"{cell[:40]!r} in column {name!r} holds {found[0]!r}, which cannot be printed"
            table.fail(problem, "Take it out", row)
    return cells


def _numbered(names: list[str]) -> tuple[list[str], Int[np.ndarray, " s"]]:
    """Like np.unique, but without padding every name to the longest."""
    unique = sorted(set(names))
    number = {name: i for i, name in enumerate(unique)}
    return unique, np.array([number[name] for name in names])


def _groups(same: Int[np.ndarray, " s"], given: list[str] | None) -> tuple[Shaped[np.ndarray, " s"], int]:
    """What is joined by a group or by a text, called by its first name; and how many given groups that cost."""
    if given is None:
        return same, 0
    names, owner = _numbered(given)
    n = len(names)
    size = n + int(same.max()) + 1
    links = sparse.coo_array((np.ones(len(same)), (owner, n + same)), shape=(size, size))
    joined = connected_components(links, directed=False)[1][:n]
    _, first, member = np.unique(joined, return_index=True, return_inverse=True)
    return np.array(names)[first[member]][owner], n - len(first)


def _check_classes(table: Table, data: Dataset, label: str) -> None:
    classes = [*data.classes]
    if len(classes) == 1:
        table.fail(f"every text has the label {classes[0]!r}", f"Two are needed: look into column {label!r}")
    if len(classes) > MANY and len(classes) > len(data) / 2 and all(map(_is_number, classes)):
        problem = f"the {len(data):,} labels are {len(classes):,} different numbers, which looks like a measurement"
        table.fail(problem, f"Classes are needed: cut the numbers of column {label!r} into a few named ranges")
    pairs = {*zip(data.targets.tolist(), data.groups.tolist(), strict=True)}
    groups = Counter(classes[k] for k, _ in pairs)
    if small := [f"{name[:40]!r} has {groups[name]}" for name in classes if groups[name] < GROUPS]:
        problem = f"{len(small)} of {len(classes)} classes have fewer than {GROUPS} groups: {some(small)}"
        table.fail(problem, "Add texts (the same text counts once), join classes, or name another column as the label")


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _contradictory(same: Int[np.ndarray, " s"], targets: Int[np.ndarray, " s"]) -> tuple[tuple[int, ...], ...]:
    rows = defaultdict(list)
    for row, number in enumerate(same.tolist()):
        rows[number].append(row)
    return tuple(tuple(own) for own in rows.values() if len(np.unique(targets[own])) > 1)
