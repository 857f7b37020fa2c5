"""What every data set's `load` returns."""

from dataclasses import dataclass, field

from layerscope.data.leaks import Grouping
from layerscope.dataset import Dataset


@dataclass(frozen=True)
class Loaded:
    """A data set, and what a reader of a report must know about how it came to be."""

    dataset: Dataset
    origin: str  # in words: which file, from where, proven by which digest
    identity: str  # changes whenever the samples do
    grouping: Grouping | None  # None where groups are known rather than found
    skipped: tuple[tuple[str, str], ...] = field(default=())  # (name, cause) of unreadable files, with --skip-bad
    group_names: dict[int, str] | None = None  # what the user calls each group, where that is known
