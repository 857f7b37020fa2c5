"""The molecules of a study, cut into parts, and what was there of them before networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped, UInt8

from layerscope.data.fingerprints import descriptors, ecfp4
from layerscope.data.molecules import Molecules
from layerscope.data.splits import SPLITS
from layerscope.dataset import Dataset, at_most
from layerscope.inputs import Graphs
from layerscope.progress import Progress
from layerscope.study.moleculeplan import MoleculePlan

Parts = dict[str, Dataset[Graphs]]


@dataclass(frozen=True)
class MoleculeParts:
    plan: MoleculePlan
    data: Dataset[Graphs]
    molecules: Molecules  # the same, in the same order

    @cached_property
    def whole(self) -> Parts:
        return SPLITS[self.plan.split](self.data, self.plan.seed)

    @cached_property
    def cut(self) -> Parts:
        """No more molecules of each part than the plan wants."""
        return {name: at_most(part, self.plan.most[name], self.plan.seed) for name, part in self.whole.items()}

    @property
    def train(self) -> Dataset[Graphs]:
        return self.cut["train"]

    @property
    def val(self) -> Dataset[Graphs]:
        return self.cut["val"]

    @property
    def test(self) -> Dataset[Graphs]:
        return self.cut["test"]

    @cached_property
    def unseen(self) -> Dataset[Graphs]:
        """What the network has not learned from: no epoch is chosen, so validation molecules too."""
        return self.data.rows(np.sort(np.concatenate([self._rows(self.val), self._rows(self.test)])))

    def smiles(self, part: Dataset) -> list[str]:
        return self.molecules.smiles[self._rows(part)].tolist()

    def bits(self, *parts: Dataset) -> UInt8[np.ndarray, "s d"]:
        """ECFP4 of one part after the other."""
        return ecfp4([text for part in parts for text in self.smiles(part)])

    def described(self, *parts: Dataset, progress: Progress) -> list[Float[np.ndarray, "_ d"]]:
        """Descriptors of each part.

        What the first lacks is filled with its medians; what lies outside of its range is brought back to its end, or
        a straight line would answer far beyond anything that was measured. A descriptor that is the answer itself, such
        as a logP where that is asked, is left out: a baseline that is told the answer is none.
        """
        every = np.sort(np.concatenate([self._rows(part) for part in self.cut.values()]))
        rows = [np.searchsorted(every, self._rows(part)) for part in parts]
        values = descriptors(self.molecules.smiles[every].tolist(), progress).filled(rows[0]).values
        values = values.clip(values[rows[0]].min(axis=0), values[rows[0]].max(axis=0))
        if parts[0].kind == "number":
            values = values[:, ~is_answer(values[rows[0]], parts[0].targets.numpy())]
        return [values[own] for own in rows]

    def sizes(self) -> dict[str, Any]:
        """Molecules and groups of each part, what is known of them, and the molecules that there would have been."""
        return {
            name: {
                "samples": len(part),
                "of": len(self.whole[name]),
                "groups": len(np.unique(part.groups)),
                "answers": known(part),
            }
            for name, part in self.cut.items()
        }

    @cached_property
    def _places(self) -> dict[str, int]:
        return {str(name): i for i, name in enumerate(self.data.ids)}

    def _rows(self, part: Dataset) -> np.ndarray:
        return np.array([self._places[str(name)] for name in part.ids], dtype=np.int64)


def is_answer(values: Float[np.ndarray, "s d"], targets: Shaped[np.ndarray, " s"]) -> Bool[np.ndarray, " d"]:
    """Which columns are the targets themselves, in whatever unit."""
    x, y = values - values.mean(axis=0), targets - targets.mean()
    length = np.sqrt((x**2).sum(axis=0) * (y**2).sum())
    return np.abs(y @ x) > 0.9999 * np.maximum(length, 1e-12)


def known(part: Dataset) -> dict[str, Any]:
    """How many molecules have each class or label, and of how many a label is known; of numbers, what they are like."""
    if part.kind == "number":
        y = part.targets.double()
        return {"mean": float(y.mean()), "spread": float(y.std()), "least": float(y.min()), "most": float(y.max())}
    if not part.several:
        return {name: int((part.targets == k).sum()) for k, name in enumerate(part.classes)}
    looked = torch.ones_like(part.targets) if part.known is None else part.known
    counts = zip(part.classes, part.targets.sum(dim=0).tolist(), looked.sum(dim=0).tolist(), strict=True)
    return {name: {"there": there, "known": many} for name, there, many in counts}


def check_ids(ids: Sequence[Any]) -> None:
    """Parts find their molecules by these.

    Raises:
        ValueError: if two are equal.
    """
    if twice := len(ids) - len(set(map(str, ids))):
        raise ValueError(f"needed an id of its own for each molecule. {twice} of {len(ids)} repeat another's.")
