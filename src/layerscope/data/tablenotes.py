"""What the owner of a table of texts should look at before trusting a score, in whole sentences."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from layerscope.dataset import Dataset

FEW = 30  # rows of a class below which a note is made
NOTHING = ("na", "n/a", "nan", "null", "none", "missing", "unknown", "?", "-")  # what people write where nothing is
SHOWN = 5  # lines, classes or texts named in a message


def of_classes(data: Dataset) -> Iterator[str]:
    counts = np.bincount(data.targets.numpy())
    if few := [f"{name!r} {n}" for name, n in zip(data.classes, counts, strict=True) if n < FEW]:
        yield f"{len(few)} class(es) have fewer than {FEW} texts, so their scores are uncertain: {some(few)}."
    if nothing := [repr(name) for name in data.classes if name.casefold() in NOTHING]:
        yield f"{', '.join(nothing)} was taken for a class; if it stands for a missing label, take these rows out."
    alike = defaultdict(list)
    for name in data.classes:
        alike[name.casefold()].append(repr(name))
    if found := [" and ".join(names) for names in alike.values() if len(names) > 1]:
        yield f"labels that differ in capital letters only count as different classes: {some(found)}."


def of_texts(data: Dataset, same: np.ndarray, joined: int, contradictory: tuple[tuple[int, ...], ...]) -> Iterator[str]:
    if again := len(same) - int(same.max()) - 1:
        yield f"{again:,} of {len(same):,} texts repeat another one; the same text is never split apart."
    if joined:
        yield f"{joined:,} group(s) were joined to another, because they share a text."
    if contradictory:
        named = [", ".join(f"{data.ids[i]} {data.classes[data.targets[i]]!r}" for i in rows) for rows in contradictory]
        yield f"{len(named):,} text(s) stand there with different labels and were kept: {some(named, '; ')}."


def some(names: Sequence[str], between: str = ", ") -> str:
    return between.join(names[:SHOWN]) + (f"{between}..." if len(names) > SHOWN else "")
