"""A task with a known answer: does a molecule hold a certain functional group, and which atoms are it?

COMPUTED FROM THE STRUCTURE, NOT MEASURED. The label follows from the atoms of the group alone, so what an attribution
should point at is known for each molecule. A nitro group is known by its nitrogen alone (charged, three neighbours,
no hydrogen, bonded to oxygen); a carboxylic acid is not: an ester has the same atoms, and one hydrogen decides.

The groups are those of organic chemistry, after Functional_Group_Hierarchy.txt of RDKit (BSD-3-Clause), but that here
all atoms of a group count, none beside it, and carbonic and carbamic acids are no carboxylic acids.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from layerscope.card import Card
from layerscope.data import ncimolecules
from layerscope.data.loaded import Loaded
from layerscope.data.moleculegraphs import as_dataset
from layerscope.data.molecules import Molecules
from layerscope.data.processes import in_processes
from layerscope.data.scaffolds import GROUP
from layerscope.data.smiles import library, molecule, quiet
from layerscope.progress import Progress, silent
from layerscope.source import DataError

GROUPS = {  # SMARTS; what is beside a group is asked for in $(...), so that every atom matched belongs to it
    "nitro group": "[NX3+;$(N[#6])](=O)[O-]",
    "carboxylic acid": "[CX3;$(C[#6]),$([CX3H1])](=O)[OX2H1,OX1-]",
    "ester": "[CX3;$(C[#6]),$([CX3H1])](=O)[OX2;$(O[#6;!$(C=[O,N,S])])]",
    "amide": "[CX3;$(C[#6]),$([CX3H1])](=O)[NX3;!$(N[!#6;!#1])]",
    "aldehyde": "[CX3H1;$(C[#6])]=[OX1]",
    "nitrile": "[CX2;$(C[#6])]#[NX1]",
    "sulfonamide": "[SX4;$(S[#6])](=[OX1])(=[OX1])[NX3]",
    "primary amine": "[NX3H2;$(N[#6]);!$(N[CX3]=[O,N,S])]",
    "thiol": "[SX2H1;$(S[#6])]",
}
ASKED = "carboxylic acid"
CARD = Card(
    "functional",
    f"Is it a {ASKED}? NCI molecules, answered by RDKit, not measured",
    ncimolecules.CARD.license,
    "NCI Open Database, Developmental Therapeutics Program; file of RDKit, doi:10.5281/zenodo.591637; labels computed",
    GROUP,
)
SPLIT = "groups"
FROM = "download"
KIND = "graphs"
SOURCE = ncimolecules.SOURCE
packaged = ncimolecules.packaged


@dataclass(frozen=True)
class Known:
    """Molecules with the label "with" or "without", and the atoms that make it so."""

    molecules: Molecules
    atoms: tuple[Bool[np.ndarray, " _"], ...]  # of each molecule, in the order of its SMILES and of its graph's nodes

    def rows(self, index: Int[np.ndarray, " r"]) -> "Known":
        return Known(self.molecules.rows(index), tuple(self.atoms[i] for i in index.tolist()))


def load(path: Path | None = None, skip_bad: bool = False, progress: Progress = silent) -> Loaded:
    """Carboxylic acids and as many other molecules, drawn at random, of the NCI molecules that RDKit ships.

    Raises:
        DataError: if these cannot be had.
    """
    known = balanced(label(ncimolecules.molecules(path, skip_bad, progress), ASKED, progress), seed=0).molecules
    skipped = tuple((bad.id, bad.cause) for bad in known.unreadable)
    origin = f"{SOURCE.file} ({SOURCE.accepted()}), labels computed"
    return Loaded(as_dataset(known, CARD, progress), origin, known.identity(), None, skipped)


def label(molecules: Molecules, group: str, progress: Progress = silent) -> Known:
    """Of the same molecules, whether they hold a group, instead of what was asked before.

    Args:
        group: a name in GROUPS, or SMARTS of your own whose every atom belongs to the group.

    Raises:
        ValueError: if `group` is neither.
        DataError: if all of the molecules hold it, or none does.
    """
    atoms = find(molecules.smiles.tolist(), group, progress)
    held = np.array([own.any() for own in atoms])
    if held.all() or not held.any():
        raise DataError(
            f"{'all' if held.any() else 'none'} of {len(held):,} molecules hold {group!r}. Ask for another."
        )
    targets = held[:, None].astype(np.float64)
    return Known(
        replace(molecules, targets=targets, tasks=(group,), classes=("without", "with"), unit="", disagreements=()),
        tuple(atoms),
    )


def balanced(known: Known, seed: int) -> Known:
    """As many molecules with the group as without, in their order; of the more frequent ones some, drawn at random."""
    held = known.molecules.targets[:, 0] == 1
    rng = np.random.default_rng(seed)
    fewer = min(held.sum(), (~held).sum())
    return known.rows(
        np.sort(np.concatenate([rng.permutation(np.flatnonzero(side))[:fewer] for side in (held, ~held)]))
    )


def find(smiles: Sequence[str], group: str, progress: Progress = silent) -> list[Bool[np.ndarray, " _"]]:
    """The atoms of each molecule that belong to the group, or to one of several.

    Raises:
        ValueError: if `group` is neither a name in GROUPS nor SMARTS, or a SMILES cannot be read.

    Example:
        >>> find(["CC(=O)O"], "carboxylic acid")[0].tolist()
        [False, True, True, True]
    """
    smarts = GROUPS.get(group, group)
    _pattern(smarts)
    pairs = [(text, smarts) for text in smiles]
    made = in_processes(_find, pairs, f"looking for {group!r}", "molecules", progress)
    return [atoms for chunk in made for atoms in chunk]


def _find(pairs: list[tuple[str, str]]) -> list[Bool[np.ndarray, " _"]]:
    found = []
    with quiet():
        for text, smarts in pairs:
            mol = molecule(text)
            atoms = np.zeros(mol.GetNumAtoms(), bool)
            for match in mol.GetSubstructMatches(_pattern(smarts), maxMatches=mol.GetNumAtoms() ** 2):
                atoms[list(match)] = True
            found.append(atoms)
    return found


@cache
def _pattern(smarts: str) -> Any:
    with quiet():
        pattern = library().MolFromSmarts(smarts)
    if pattern is None or not pattern.GetNumAtoms():
        raise ValueError(f"{smarts!r} is neither one of {', '.join(GROUPS)} nor SMARTS.")
    return pattern
