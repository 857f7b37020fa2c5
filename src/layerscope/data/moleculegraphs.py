"""Molecules as graphs: an atom is a node, a bond is two edges; what RDKit says of each are its features.

Hydrogens are counted at their atom, and are no nodes but where RDKit keeps them. The hand of an atom (R or S) and the
side of a double bond (Z or E) are named by the Cahn-Ingold-Prelog rules: RDKit's chiral tags would depend on the order
in which a molecule's atoms are written.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from layerscope.card import Card
from layerscope.data.kept import FEW, Arrays, digest_of_texts, kept
from layerscope.data.molecules import Molecules
from layerscope.data.processes import in_processes
from layerscope.data.smiles import molecule, quiet, version
from layerscope.dataset import Dataset
from layerscope.inputs import Graphs
from layerscope.progress import Progress, silent

VERSION = "1"  # of the codes: another, whenever the same molecule gets others
ELEMENTS = {"B": 5, "C": 6, "N": 7, "O": 8, "F": 9, "Na": 11, "Si": 14, "P": 15, "S": 16, "Cl": 17, "K": 19}
ELEMENTS |= {"Se": 34, "Br": 35, "I": 53}


class Field(NamedTuple):
    """One thing that is said of an atom or a bond: one of several values, or, with a single one, whether it is so."""

    name: str
    values: tuple[str, ...]


ATOM = (
    Field("element", (*ELEMENTS, "other")),
    Field("neighbours", ("0", "1", "2", "3", "4", "5", "6 or more")),
    Field("charge", ("-2 or less", "-1", "0", "1", "2 or more")),
    Field("hydrogens", ("0", "1", "2", "3", "4 or more")),
    Field("aromatic", ("",)),
    Field("in a ring", ("",)),
    Field("hybridisation", ("sp", "sp2", "sp3", "other")),
    Field("hand", ("none", "R", "S", "other")),
)
BOND = (
    Field("bond", ("single", "double", "triple", "aromatic", "other")),
    Field("conjugated", ("",)),
    Field("in a ring", ("",)),
    Field("side", ("none", "Z", "E", "other")),
)


def names(fields: tuple[Field, ...]) -> tuple[str, ...]:
    """Of the columns of features, such as "element C"."""
    return tuple(f"{field.name} {value}".strip() for field in fields for value in field.values)


NODE_FEATURES, EDGE_FEATURES = names(ATOM), names(BOND)


def graphs(smiles: Sequence[str], progress: Progress = silent, processes: int | None = None) -> Graphs:
    """One graph for each molecule; node i of a molecule is atom i of its SMILES. Of many molecules kept in the cache.

    Edges 2 j and 2 j + 1 are bond j, there and back.

    Raises:
        ValueError: if a SMILES cannot be read.

    Example:
        >>> ethanol = graphs(["CCO"])
        >>> [NODE_FEATURES[int(i)] for i in ethanol.nodes[2].nonzero()][:2]
        ['element O', 'neighbours 1']
    """
    if not len(smiles):
        raise ValueError("needed at least one molecule. Got none.")

    def make() -> Arrays:
        made = in_processes(_coded, smiles, "making graphs of molecules", "molecules", progress, processes)
        return {name: np.concatenate([chunk[name] for chunk in made]) for name in made[0]}

    digest = digest_of_texts(VERSION, version(), smiles)
    codes = kept("molecules", "graphs", digest, make, progress) if len(smiles) > FEW else make()
    sizes, bonds = (torch.from_numpy(codes[name].astype(np.int64)) for name in ("sizes", "bond_counts"))
    owner = torch.arange(len(sizes)).repeat_interleave(sizes)
    begins = (sizes.cumsum(0) - sizes).repeat_interleave(bonds)
    there = torch.from_numpy(codes["ends"].astype(np.int64)).T + begins
    edges = torch.stack([there, there.flip(0)], dim=2).flatten(1)
    features = one_hot(codes["bonds"], BOND).repeat_interleave(2, dim=0)
    return Graphs(one_hot(codes["atoms"], ATOM), edges, owner, len(sizes), features)


def one_hot(codes: UInt8[np.ndarray, "m f"], fields: tuple[Field, ...]) -> Float[Tensor, "m d"]:
    """The code of a field as one column for each of its values; of a field with a single value, the code itself."""
    columns = torch.zeros(len(codes), sum(len(field.values) for field in fields))
    begin = 0
    for code, field in zip(torch.from_numpy(codes.astype(np.int64)).T, fields, strict=True):
        if len(field.values) == 1:
            columns[:, begin] = code.float()
        else:
            columns.scatter_(1, begin + code[:, None], 1.0)
        begin += len(field.values)
    return columns


def _coded(smiles: list[str]) -> Arrays:
    """Small whole numbers for each atom and bond, molecule after molecule; `ends` count atoms of their own molecule."""
    from rdkit.Chem import rdchem

    element = {number: i for i, number in enumerate(ELEMENTS.values())}
    hybridisation = {rdchem.HybridizationType.names[name]: i for i, name in enumerate(("SP", "SP2", "SP3"))}
    kind = {rdchem.BondType.names[name]: i for i, name in enumerate(("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC"))}
    side = {rdchem.BondStereo.names[name]: i for i, name in enumerate(("STEREONONE", "STEREOZ", "STEREOE"))}
    side |= {rdchem.BondStereo.STEREOCIS: 1, rdchem.BondStereo.STEREOTRANS: 2}
    atoms, bonds, ends, sizes, counts = [], [], [], [], []
    with quiet():
        for text in smiles:
            mol = molecule(text)
            for atom in mol.GetAtoms():
                atoms.append(
                    (
                        element.get(atom.GetAtomicNum(), len(element)),
                        min(atom.GetDegree(), 6),
                        min(max(atom.GetFormalCharge(), -2), 2) + 2,
                        min(atom.GetTotalNumHs(), 4),
                        atom.GetIsAromatic(),
                        atom.IsInRing(),
                        hybridisation.get(atom.GetHybridization(), 3),
                        _hand(atom, rdchem.ChiralType.CHI_UNSPECIFIED),
                    )
                )
            for bond in mol.GetBonds():
                ends.append((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
                bonds.append(
                    (
                        kind.get(bond.GetBondType(), 4),
                        bond.GetIsConjugated(),
                        bond.IsInRing(),
                        side.get(bond.GetStereo(), 3),
                    )
                )
            sizes.append(mol.GetNumAtoms())
            counts.append(mol.GetNumBonds())
    return {
        "atoms": np.array(atoms, np.uint8).reshape(-1, len(ATOM)),
        "bonds": np.array(bonds, np.uint8).reshape(-1, len(BOND)),
        "ends": np.array(ends, np.int32).reshape(-1, 2),
        "sizes": np.array(sizes, np.int32),
        "bond_counts": np.array(counts, np.int32),
    }


def _hand(atom: Any, none: Any) -> int:
    if atom.GetChiralTag() == none:
        return 0
    return {"R": 1, "S": 2}.get(atom.GetProp("_CIPCode"), 3) if atom.HasProp("_CIPCode") else 3


def as_dataset(molecules: Molecules, card: Card, progress: Progress = silent) -> Dataset[Graphs]:
    """A class, several labels or a number for each molecule, which is what a network learns from.

    Raises:
        ValueError: if several things were measured: take one, with `molecules.only(task)`.
    """
    task, *others = molecules.tasks
    if molecules.regression and others:
        raise ValueError(
            f"one measurement can be predicted at a time. {card.title} has {', '.join(molecules.tasks)}: take one with "
            f"molecules.only({task!r})."
        )
    inputs, values = graphs(molecules.smiles.tolist(), progress), molecules.targets
    columns: dict[str, Any] = {"groups": molecules.groups, "ids": molecules.ids}
    if molecules.regression:
        data = Dataset.of(inputs, values[:, 0], quantity=task, unit=molecules.unit, **columns)
    elif not others:
        data = Dataset.of(inputs, values[:, 0].astype(np.int64), classes=molecules.classes, **columns)
    else:
        known = np.isfinite(values)
        mask = None if known.all() else known
        data = Dataset.of(inputs, values == 1, known=mask, classes=molecules.tasks, **columns)
    return replace(data, name=card.title, source=card)
