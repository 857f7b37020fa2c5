"""The two worlds of a study: the data set as it is, and the same samples in the wild."""

from dataclasses import dataclass

import numpy as np

from layerscope.data.augment import Wild, wild
from layerscope.data.loaded import Loaded
from layerscope.data.splits import SPLITS
from layerscope.dataset import Dataset, few
from layerscope.progress import Progress
from layerscope.study.plan import Plan

WORLDS = ("clean", "wild")
WILD = Wild()
Parts = dict[str, Dataset]


@dataclass(frozen=True)
class StudyData:
    loaded: Loaded
    worlds: dict[str, Parts]  # world -> part -> rows; row i of a part is the same sample in both worlds

    @property
    def classes(self) -> tuple[str, ...]:
        return self.loaded.dataset.classes


def prepare(plan: Plan, loaded: Loaded, progress: Progress) -> StudyData:
    parts = SPLITS[plan.split](loaded.dataset, plan.seed)
    limits = plan.limits(len(loaded.dataset.classes))
    parts = {name: thin(part, limits[name], plan.seed) for name, part in parts.items()}
    if plan.labels is not None:
        parts["train"] = few(parts["train"], plan.labels, plan.seed)
    wild_parts = {name: wild(part, WILD, plan.seed * 10 + i, progress) for i, (name, part) in enumerate(parts.items())}
    return StudyData(loaded, {"clean": parts, "wild": wild_parts})


def thin(dataset: Dataset, per_class: int | None, seed: int) -> Dataset:
    """At most so many samples of each class, drawn at random; whole cases, where there are cases."""
    if per_class is None:
        return dataset
    rng = np.random.default_rng(seed)
    targets = dataset.targets.numpy()
    own = [np.flatnonzero(targets == k) for k in range(len(dataset.classes))]
    if dataset.cases is None:
        rows = [rng.choice(i, min(per_class, len(i)), replace=False) for i in own]
    else:
        rows = [_whole_cases(i, dataset.cases[i], per_class, rng) for i in own]
    return dataset.rows(np.sort(np.concatenate(rows)))


def _whole_cases(rows: np.ndarray, cases: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """As many cases as fit, and one at least."""
    _, case, sizes = np.unique(cases, return_inverse=True, return_counts=True)
    order = rng.permutation(len(sizes))
    kept = order[: max(1, int((np.cumsum(sizes[order]) <= most).sum()))]
    return rows[np.isin(case, kept)]
