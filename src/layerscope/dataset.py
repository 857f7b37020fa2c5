"""Samples with their targets, their groups and their origin."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Real, Shaped
from torch import Tensor

from layerscope.card import Card
from layerscope.columns import check_known, check_numbers, numbers_of, own_columns
from layerscope.inputs import Inputs, Texts, Tokens

Column = TypeVar("Column", bound=Inputs | Texts)
Targets = Int[Tensor, " s"] | Bool[Tensor, "s k"] | Float[Tensor, " s"]


@dataclass(frozen=True)
class Dataset(Generic[Column]):
    """A table: row i is one sample. `groups` says which rows must never be split apart."""

    name: str
    inputs: Column
    targets: Targets  # the class of each sample; or which of all labels it has; or a number
    groups: Int[np.ndarray, " s"]
    ids: Shaped[np.ndarray, " s"]  # strings that a person can look up, such as "Hand/000017.jpeg"
    classes: tuple[str, ...]  # where targets are numbers, one name: of what is measured
    source: Card
    cases: Shaped[np.ndarray, " s"] | None = None  # rows judged as one, such as the images of a study; None: each alone
    strata: Shaped[np.ndarray, " s"] | None = None  # what scores are given apart for, such as the body part
    known: Bool[Tensor, "s k"] | None = None  # of several labels, which were looked for; None: all. Others are False
    unit: str = ""  # in which numbers are measured, such as "log mol/L"

    def __post_init__(self) -> None:
        columns = ("inputs", "targets", "groups", "ids", "cases", "strata", "known")
        lengths = {name: len(column) for name in columns if (column := getattr(self, name)) is not None}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"{self.name}: every column needs one row per sample. Got {lengths}.")
        if self.several and self.targets.shape[1] != len(self.classes):
            raise ValueError(
                f"{self.name}: targets of several labels need a column for each of the {len(self.classes)} classes. "
                f"Got {self.targets.shape[1]}."
            )
        if self.known is not None:
            check_known(self.name, self.targets, self.known)
        if self.kind == "number":
            check_numbers(self.name, self.targets, self.classes)
        elif self.unit:
            raise ValueError(f"{self.name}: only numbers have a unit. Got {self.unit!r} for {self.kind}.")

    @property
    def several(self) -> bool:
        """True where a sample may have several labels, or none."""
        return self.targets.ndim == 2

    @property
    def kind(self) -> Literal["class", "labels", "number"]:
        """What is asked of each sample: its class, which labels it has, or a number."""
        if self.targets.is_floating_point():
            return "number"
        return "labels" if self.several else "class"

    @staticmethod
    def of(
        inputs: Inputs | Texts,
        targets: Sequence[float]
        | Real[np.ndarray, " s"]
        | Real[Tensor, " s"]
        | Bool[np.ndarray, "s k"]
        | Bool[Tensor, "s k"],
        *,
        groups: Sequence[Any] | Shaped[np.ndarray, " s"] | None = None,
        ids: Sequence[str] | Shaped[np.ndarray, " s"] | None = None,
        classes: Sequence[str] | None = None,
        known: Bool[np.ndarray, "s k"] | Bool[Tensor, "s k"] | None = None,
        quantity: str | None = None,
        unit: str = "",
        name: str = "samples",
    ) -> "Dataset":
        """A data set of your own, in one call.

        Args:
            targets: the number of each sample's class, from 0; or True and False for each sample and label; or, where
                `quantity` names what is measured, a number.
            groups: what rows must never be split apart, such as patients: numbers or names. None: each sample its own
                group, and the card says that this is not known.
            ids: None: the row numbers.
            classes: the names of the classes; None: their numbers.
            known: of several labels, which were looked for; None: all.
            quantity, unit: what the numbers are, such as "solubility", and in which unit.

        Raises:
            ValueError: if columns differ in length, or a target has no class, or is no number.

        Example:
            >>> from layerscope.inputs import Images
            >>> pixels = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
            >>> len(Dataset.of(Images(pixels), [0, 1, 0, 1], groups=["Ann", "Ann", "Bo", "Bo"]))
            4
        """
        whole = np.asarray(targets)
        several = whole.ndim == 2 and whole.dtype == bool and whole.size > 0
        if quantity is not None:
            labels = numbers_of(whole, name, quantity, bare=classes is None and known is None)
            return Dataset(name, inputs, labels, *own_columns(name, len(labels), groups, ids, (quantity,)), unit=unit)
        if not several and (whole.ndim != 1 or not len(whole) or whole.dtype.kind not in "biu"):
            raise ValueError(
                f"{name}: targets must be whole numbers, one a sample; or, for several labels, True and False, one a "
                f"sample and label. Got {whole.dtype}, shape {whole.shape}. If they are measured, not classes, say "
                "what with quantity=."
            )
        labels = torch.as_tensor(whole) if several else torch.as_tensor(whole).long()
        count = whole.shape[1] if several else int(labels.max()) + 1
        named = tuple(classes) if classes is not None else tuple(str(k) for k in range(count))
        if not several and (int(labels.min()) < 0 or count > len(named)):
            raise ValueError(
                f"{name}: targets must be 0 to {len(named) - 1}, the numbers of the {len(named)} classes. "
                f"Got {int(labels.min())} to {int(labels.max())}."
            )
        mask = None if known is None else torch.as_tensor(known)
        return Dataset(name, inputs, labels, *own_columns(name, len(labels), groups, ids, named), known=mask, unit=unit)

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, index: Int[np.ndarray, " r"]) -> "Dataset":
        chosen = torch.from_numpy(index)
        return replace(
            self,
            inputs=self.inputs[chosen],
            targets=self.targets[chosen],
            groups=self.groups[index],
            ids=self.ids[index],
            cases=None if self.cases is None else self.cases[index],
            strata=None if self.strata is None else self.strata[index],
            known=None if self.known is None else self.known[chosen],
        )

    def to(self, device: torch.device) -> "Dataset":
        known = None if self.known is None else self.known.to(device)
        return replace(self, inputs=self.inputs.to(device), targets=self.targets.to(device), known=known)


class Batch(NamedTuple, Generic[Column]):
    inputs: Column
    targets: Targets
    row: Int[Tensor, " b"]  # row in the data set, so a prediction can find its group
    known: Bool[Tensor, "b k"] | None = None  # of several labels, which were looked for; None: all


def batches(
    dataset: Dataset, size: int, shuffle: torch.Generator | None = None, by_length: bool = False
) -> Iterator[Batch]:
    """Yield every row once; pass a generator to visit them in random order, texts beside others of like length.

    Args:
        by_length: texts in the order of their length, so that hardly anything is padding; `Batch.row` says which they
            are, and `in_order` puts back what was found of them.
    """
    order = torch.arange(len(dataset)) if shuffle is None else torch.randperm(len(dataset), generator=shuffle)
    if by_length and isinstance(dataset.inputs, Tokens):
        order = dataset.inputs.mask.sum(dim=1).argsort(stable=True).cpu()
    rows = order.split(size)
    if shuffle is not None and isinstance(dataset.inputs, Tokens):
        rows = _alike_in_length(order, dataset.inputs.mask.sum(dim=1).cpu(), size, shuffle)
    for index in rows:
        index = index.to(dataset.targets.device)
        known = None if dataset.known is None else dataset.known[index]
        yield Batch(dataset.inputs[index], dataset.targets[index], index, known)


def in_order(found: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Values of batches, each with its rows, as one tensor in the order of the table."""
    rows, values = torch.cat([rows.cpu() for rows, _ in found]), torch.cat([values for _, values in found])
    return values[rows.argsort()]


def _alike_in_length(
    order: Int[Tensor, " s"], lengths: Int[Tensor, " s"], size: int, shuffle: torch.Generator
) -> list[Int[Tensor, " b"]]:
    """Batches of texts of like length, so that little is padding: a random pool of 32 batches is sorted and cut."""
    pools = [pool[lengths[pool].argsort(stable=True)] for pool in order.split(32 * size)]
    cut = [batch for pool in pools for batch in pool.split(size)]
    return [cut[i] for i in torch.randperm(len(cut), generator=shuffle)]


def split(dataset: Dataset, fractions: dict[str, float], seed: int, blocks: bool = False) -> dict[str, Dataset]:
    """Cut a data set into named parts, each class in the same fractions, without ever dividing a group.

    Where a sample may have several labels, the rarest that it has counts as its class. Numbers are not balanced.

    Args:
        fractions: share of the samples in each part; sums to 1. A share is met as closely as whole groups allow.
        blocks: keep the order of the table, so that each part is a run of consecutive rows per class (where
            neighbours in the table are alike, fewer of them are parted); the seed then turns the table to another
            first row. Otherwise groups are drawn at random.

    Raises:
        ValueError: if fractions do not sum to 1, or a class has fewer groups than there are parts.
    """
    shares = np.cumsum(list(fractions.values()))
    if abs(shares[-1] - 1) > 1e-9 or min(fractions.values()) <= 0:
        raise ValueError(f"fractions must be positive and sum to 1. Got {fractions} (sum {shares[-1]:g}).")
    rng = np.random.default_rng(seed)
    _, first, member, sizes = np.unique(dataset.groups, return_index=True, return_inverse=True, return_counts=True)
    stratum = _strata(dataset)[first]  # a group belongs to the class of its first sample
    if dataset.several:
        stratum = _pooled(stratum, dataset, member, len(fractions))
    names = (*dataset.classes, "without a label")
    part_of_group = np.empty(len(first), dtype=np.int64)
    for k in np.unique(stratum):
        groups = np.flatnonzero(stratum == k)
        if len(groups) < len(fractions):
            raise ValueError(
                f"class {names[k]!r} has {len(groups)} group(s), too few for {len(fractions)} parts "
                f"({', '.join(fractions)}). A group is never divided: add groups or ask for fewer parts."
            )
        groups = groups[np.argsort(first[groups])]
        groups = np.roll(groups, -rng.integers(len(groups))) if blocks else rng.permutation(groups)
        part_of_group[groups] = _cut(sizes[groups], shares)
    part = part_of_group[member]
    return {name: dataset.rows(np.flatnonzero(part == i)) for i, name in enumerate(fractions)}


def _strata(dataset: Dataset) -> Int[np.ndarray, " s"]:
    """The class of each sample; of several labels, the rarest that it has, and a number more for none."""
    targets = dataset.targets.numpy()
    if dataset.kind == "number":
        return np.zeros(len(targets), dtype=np.int64)
    if not dataset.several:
        return targets
    own = np.where(targets, targets.sum(axis=0), len(targets) + 1)
    return np.where(targets.any(axis=1), own.argmin(axis=1), targets.shape[1])


def _pooled(
    stratum: Int[np.ndarray, " g"], dataset: Dataset, member: Int[np.ndarray, " s"], parts: int
) -> Int[np.ndarray, " g"]:
    """Of several labels: strata of too few groups join the largest, if their label is in enough groups all the same."""
    kinds, count = np.unique(stratum, return_counts=True)
    groups_with = [len(np.unique(member[there])) for there in dataset.targets.numpy().T] + [len(stratum)]
    few = [k for k, n in zip(kinds.tolist(), count.tolist(), strict=True) if n < parts <= groups_with[k]]
    return np.where(np.isin(stratum, few), kinds[count.argmax()], stratum)


def _cut(sizes: Int[np.ndarray, " g"], shares: np.ndarray) -> Int[np.ndarray, " g"]:
    """The part of each group when the sequence is cut where its running size comes nearest to the shares."""
    reached = np.cumsum(sizes) / sizes.sum()
    ends = [int(np.abs(reached - share).argmin()) + 1 for share in shares[:-1]]
    for i in range(len(ends)):  # every part gets a group, at either side
        floor = ends[i - 1] + 1 if i else 1
        ends[i] = min(max(ends[i], floor), len(sizes) - (len(ends) - i))
    return np.searchsorted(ends, np.arange(len(sizes)), side="right")


def at_most(dataset: Dataset, size: int, seed: int) -> Dataset:
    """At most `size` rows, drawn at random, in the order of the table."""
    if len(dataset) <= size:
        return dataset
    return dataset.rows(np.sort(np.random.default_rng(seed).choice(len(dataset), size, replace=False)))


def few(dataset: Dataset, labels: int, seed: int) -> Dataset:
    """`labels` samples of each class, drawn at random.

    Raises:
        ValueError: if a class has fewer, or samples have not one class each.
    """
    if dataset.kind != "class":
        why = "a sample may have several labels or none" if dataset.several else "a number is asked of each sample"
        raise ValueError(
            f"{dataset.name}: {why}, so none can be drawn for one class alone. Take at_most for fewer samples."
        )
    rng = np.random.default_rng(seed)
    targets = dataset.targets.numpy()
    rows = []
    for k, name in enumerate(dataset.classes):
        own = np.flatnonzero(targets == k)
        if labels < 1 or len(own) < labels:
            raise ValueError(f"{dataset.name}: asked for {labels} labels per class; {name!r} has {len(own)} samples.")
        rows.append(rng.choice(own, labels, replace=False))
    return dataset.rows(np.sort(np.concatenate(rows)))
