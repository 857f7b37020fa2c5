"""Molecules as rows of numbers that were there before networks: ECFP4 fingerprints and descriptors of RDKit.

References: Rogers and Hahn 2010, doi:10.1021/ci100050t (ECFP); RDKit, doi:10.5281/zenodo.591637.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from layerscope.data.kept import FEW, digest_of_texts, kept
from layerscope.data.processes import in_processes
from layerscope.data.smiles import molecule, quiet, version
from layerscope.progress import Progress, silent

RADIUS, BITS = 2, 2048  # ECFP4: what lies within two bonds of an atom (a diameter of 4)
LEFT_OUT = ("Ipc",)  # grows with the exponential of the size, up to 1e300; AvgIpc says the same
BLOCK = 1024
MANY = 1_000  # molecules of which descriptors take longer than processes need to start


def ecfp4(smiles: Sequence[str], progress: Progress = silent, processes: int | None = None) -> UInt8[np.ndarray, "s d"]:
    """1 where a molecule has a neighbourhood of that number. Other neighbourhoods may have the same number.

    Raises:
        ValueError: if a SMILES cannot be read.
    """
    made = in_processes(_ecfp4, smiles, "making fingerprints", "molecules", progress, processes)
    return np.concatenate(made) if made else np.zeros((0, BITS), np.uint8)


def _ecfp4(smiles: list[str]) -> UInt8[np.ndarray, "s d"]:
    with quiet():
        return np.stack([_generator().GetFingerprintAsNumPy(molecule(text)) for text in smiles])


@cache
def _generator() -> Any:
    from rdkit.Chem import rdFingerprintGenerator

    return rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)


def similarity(a: UInt8[np.ndarray, "r d"], b: UInt8[np.ndarray, "s d"]) -> Float[np.ndarray, "r s"]:
    """Tanimoto: bits that both have, as a share of those that either has; 1 where neither has any.

    Example:
        >>> bits = np.array([[1, 1, 0], [0, 1, 1]], np.uint8)
        >>> f"{similarity(bits, bits)[0, 1]:.2f}"
        '0.33'
    """
    first, second = a.astype(np.float32), b.astype(np.float32)
    both = first @ second.T
    either = first.sum(axis=1)[:, None] + second.sum(axis=1)[None] - both
    return np.divide(both, either, out=np.ones_like(both), where=either > 0)


def neighbours(bits: UInt8[np.ndarray, "s d"], least: float) -> Iterator[Int[np.ndarray, " m"]]:
    """For each row those that are at least so similar (itself too), in the order of the table."""
    for at in range(0, len(bits), BLOCK):
        for row in similarity(bits[at : at + BLOCK], bits) >= np.float32(least):
            yield np.flatnonzero(row)


@dataclass(frozen=True)
class Descriptors:
    """What RDKit computes of a molecule as a whole: sizes, counts, charges, a guess at its logP."""

    values: Float[np.ndarray, "s d"]  # NaN where RDKit gives no finite number, such as charges of an atom it lacks
    names: tuple[str, ...]

    @property
    def missing(self) -> dict[str, int]:
        """How many molecules lack each descriptor, where any does."""
        counts = (~np.isfinite(self.values)).sum(axis=0).tolist()
        return {name: count for name, count in zip(self.names, counts, strict=True) if count}

    def filled(self, known: Int[np.ndarray, " r"] | Bool[np.ndarray, " s"] | None = None) -> "Descriptors":
        """Every gap filled with the median of that descriptor over the rows `known`: those of training.

        0 where none of these rows has it. None: all rows, which lets test molecules take part.
        """
        rows = self.values if known is None else self.values[known]
        there = np.isfinite(rows).any(axis=0)
        medians = np.zeros(self.values.shape[1])
        medians[there] = np.nanmedian(rows[:, there], axis=0)
        return replace(self, values=np.where(np.isfinite(self.values), self.values, medians))


def descriptors(smiles: Sequence[str], progress: Progress = silent, processes: int | None = None) -> Descriptors:
    """About 200 numbers for each molecule, kept in the cache: a molecule takes milliseconds.

    Raises:
        ValueError: if a SMILES cannot be read.
    """

    def make() -> dict[str, np.ndarray]:
        made = in_processes(_descriptors, smiles, "computing descriptors", "molecules", progress, processes, MANY)
        return {"values": np.concatenate([np.zeros((0, len(_names()))), *made])}

    digest = digest_of_texts(version(), _names(), smiles)
    made = kept("molecules", "descriptors", digest, make, progress) if len(smiles) > FEW else make()
    return Descriptors(made["values"], _names())


def _descriptors(smiles: list[str]) -> Float[np.ndarray, "s d"]:
    from rdkit.Chem.Descriptors import CalcMolDescriptors

    with quiet():
        found = [CalcMolDescriptors(molecule(text), missingVal=np.nan, silent=True) for text in smiles]
    values = np.array([[each[name] for name in _names()] for each in found], dtype=np.float64)
    return np.where(np.abs(values) < 1e12, values, np.nan)  # NaN and infinite as well


@cache
def _names() -> tuple[str, ...]:
    from rdkit.Chem.Descriptors import descList

    return tuple(name for name, _ in descList if name not in LEFT_OUT)
