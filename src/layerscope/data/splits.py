"""How a data set is cut into train, val and test. Only `random` and `course2021` divide groups."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from layerscope.dataset import Dataset, split

TEST = "valid/"  # how the ids of the publisher's validation set begin
FRACTIONS = {"train": 0.7, "val": 0.1, "test": 0.2}


def blocks(dataset: Dataset, seed: int) -> dict[str, Dataset]:
    """Runs of consecutive files per class, whole groups: the honest default where series lie in file order."""
    return split(dataset, FRACTIONS, seed, blocks=True)


def groups(dataset: Dataset, seed: int) -> dict[str, Dataset]:
    """Whole groups, drawn at random."""
    return split(dataset, FRACTIONS, seed)


def random(dataset: Dataset, seed: int) -> dict[str, Dataset]:
    """Every sample on its own, as most courses do. Twins stand on both sides: for comparison only."""
    parts = split(replace(dataset, groups=np.arange(len(dataset))), FRACTIONS, seed)
    where = {name: i for i, name in enumerate(dataset.ids)}
    return {part: dataset.rows(np.array([where[name] for name in rows.ids])) for part, rows in parts.items()}


def course2021(dataset: Dataset, seed: int) -> dict[str, Dataset]:
    """The 2021 course's `random_split` of 41,267 and 17,687 files (generator seed 42), for comparison only.

    The course had no validation set; here a tenth of its training files is one. `seed` is not used.
    """
    sizes = (41_267, 17_687)
    if len(dataset) != sum(sizes):
        raise ValueError(f"the 2021 course's split is of {sum(sizes):,} files. Got {len(dataset):,}.")
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(42)).numpy()
    ends = {"train": (0, 37_140), "val": (37_140, sizes[0]), "test": (sizes[0], sum(sizes))}
    return {part: dataset.rows(np.sort(order[start:end])) for part, (start, end) in ends.items()}


def published(dataset: Dataset, seed: int) -> dict[str, Dataset]:
    """The publisher's validation set is the test set; an eighth of the rest, whole groups, is for validation.

    Raises:
        ValueError: if no id begins with TEST, or all do, or a group is on both sides.
    """
    test = np.char.startswith(dataset.ids.astype(str), TEST)
    if test.all() or not test.any():
        raise ValueError(
            f"the published split needs ids that begin with {TEST!r} and others. {dataset.name} has {test.sum():,} of "
            f"{len(test):,}. Take another split: {', '.join(name for name in SPLITS if name != 'published')}."
        )
    if both := np.intersect1d(dataset.groups[test], dataset.groups[~test]).tolist():
        raise ValueError(
            f"{dataset.name}: {len(both):,} group(s) on both sides of the published split, the first {both[0]}. What "
            "is measured on such a test set cannot be believed: leave them out on one side."
        )
    parts = split(dataset.rows(np.flatnonzero(~test)), {"train": 7 / 8, "val": 1 / 8}, seed)
    return parts | {"test": dataset.rows(np.flatnonzero(test))}


def as_published(dataset: Dataset) -> dict[str, Dataset]:
    """The publisher's three parts, named at the start of each id, with whatever they have in common.

    Raises:
        ValueError: if an id names no part, or a part is empty.
    """
    part = np.array([name.partition("/")[0] for name in dataset.ids.astype(str)])
    if unknown := sorted(set(part) - set(FRACTIONS)) or sorted(set(FRACTIONS) - set(part)):
        raise ValueError(
            f"this split needs ids that begin with {', '.join(f'{name}/' for name in FRACTIONS)}, each at least once. "
            f"{dataset.name} has, or lacks, {unknown[0]!r}. Take the split `groups`."
        )
    return {name: dataset.rows(np.flatnonzero(part == name)) for name in FRACTIONS}


def given(dataset: Dataset, seed: int) -> dict[str, Dataset]:
    """The publisher's three parts, named at the start of each id; without what a later part holds as well.

    Samples of a group that stands in test are left out of train and val, and those of val out of train. `seed` is not
    used.

    Raises:
        ValueError: if an id names no part, or a part is empty.
    """
    parts, taken = as_published(dataset), np.array([], dataset.groups.dtype)
    for name in reversed(FRACTIONS):
        parts[name] = parts[name].rows(np.flatnonzero(~np.isin(parts[name].groups, taken)))
        taken = np.concatenate([taken, parts[name].groups])
    return parts


SPLITS: dict[str, Callable[[Dataset, int], dict[str, Dataset]]] = {
    "blocks": blocks,
    "groups": groups,
    "published": published,
    "given": given,
    "random": random,
    "course2021": course2021,
}
