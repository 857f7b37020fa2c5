"""The molecules of lesson 4: BBBP where it can be had, else those that RDKit ships, with a computed property."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from layerscope.card import Card
from layerscope.data import ncimolecules
from layerscope.data.moleculenet import BBBP
from layerscope.data.molecules import Molecules
from layerscope.dataset import Dataset, split
from layerscope.lessons.show import note
from layerscope.progress import Progress, silent
from layerscope.source import DataError

LOGP = 2.0  # from here on a molecule counts as fat-loving


class Asked(NamedTuple):
    molecules: Molecules
    card: Card
    question: str  # that the classes no and yes answer
    measured: bool  # False: computed from the structure, no evidence about chemistry


def brain_or_nci(progress: Progress = silent) -> Asked:
    """Molecules with the answers no and yes, and it says which."""
    try:
        return Asked(BBBP.molecules(progress=progress), BBBP.CARD, "Does this molecule reach the brain?", measured=True)
    except DataError as error:
        note(
            f"BBBP cannot be had here ({str(error).split('. ')[0]}). So we take molecules that come with RDKit, and a "
            "property that RDKit COMPUTES from the structure. That is good to try things out, and no evidence about "
            "chemistry: a network has an easier task here than with anything that was measured."
        )
        return fat_loving(progress)


def fat_loving(progress: Progress = silent) -> Asked:
    """Is the computed logP of a molecule at least 2, so that it prefers octanol to water by a hundred to one?"""
    known = ncimolecules.molecules(progress=progress)
    targets = (known.targets >= LOGP).astype(np.float64)
    asked = replace(known, targets=targets, tasks=("fat-loving, computed",), classes=("no", "yes"), disagreements=())
    card = replace(ncimolecules.CARD, title=f"NCI molecules: is the logP, computed by RDKit, at least {LOGP:g}?")
    return Asked(asked, card, f"Is the computed logP of this molecule at least {LOGP:g}?", measured=False)


def even_split(dataset: Dataset, fractions: dict[str, float], draws: int = 20) -> tuple[dict[str, Dataset], int]:
    """Of so many splits by group the one whose parts hold the classes in the most equal shares, and its seed.

    Whole scaffolds make shares uneven. No result is looked at: only how many of each class are in each part.
    """
    splits = [split(dataset, fractions, seed) for seed in range(draws)]
    best = int(np.argmin([_uneven(parts) for parts in splits]))
    return splits[best], best


def _uneven(parts: dict[str, Dataset]) -> float:
    shares = [np.bincount(part.targets.numpy(), minlength=len(part.classes)) / len(part) for part in parts.values()]
    return float(np.ptp(np.stack(shares), axis=0).max())
