"""Molecules where nothing can be downloaded: the first 5,000 of the NCI's collection, which come with RDKit.

Real molecules, sent in to be tried against cancer since 1955, but without a measured value. What is to be predicted is
COMPUTED BY RDKIT, NOT MEASURED: the logP of Wildman and Crippen, how much a molecule prefers octanol to water by a
formula, the sum of what a table gives for each atom and its neighbours. So the answer is a function of the graph, free
of noise, a network can learn it nearly perfectly, and what each atom contributes is known (`contributions`): good to
try things out and to score attributions, no evidence about chemistry.

Reference: Wildman and Crippen 1999, doi:10.1021/ci990307l.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from layerscope.card import Card
from layerscope.data.loaded import Loaded
from layerscope.data.moleculegraphs import as_dataset
from layerscope.data.molecules import Molecules, Row, collect
from layerscope.data.processes import in_processes
from layerscope.data.scaffolds import GROUP
from layerscope.data.smiles import library, molecule, quiet, read_all
from layerscope.fetch import PACKAGE, Found, fetch
from layerscope.progress import Progress, silent
from layerscope.source import DataError, Digest, Source

COMMIT = "5de8007b43de817f2d83af9f2d08c6c4c24bc26b"
SOURCE = Source(
    name="ncimolecules",
    title="NCI molecules with a logP computed by RDKit, not measured",
    license="public domain (NCI); the file BSD-3-Clause with RDKit",
    citation="NCI Open Database, Developmental Therapeutics Program; file of RDKit, doi:10.5281/zenodo.591637; logP "
    "computed after Wildman and Crippen 1999, doi:10.1021/ci990307l",
    group=GROUP,
    file="first_5K.smi",
    urls=(f"https://raw.githubusercontent.com/rdkit/rdkit/{COMMIT}/Data/NCI/first_5K.smi",),
    digests=(Digest("sha256", "91e71c015f14939837f2943dcc904f7c87e5a3a0124d82b05c28ad2f23004def", "RDKit"),),
    size=192_664,
)
CARD = Card(SOURCE.name, SOURCE.title, SOURCE.license, SOURCE.citation, SOURCE.group)
TASK = "logP, computed"
UNREADABLE = 8
SPLIT = "groups"
FROM = "download"
KIND = "graphs"
REMARK = (  # on its reference results
    "RDKit's logP is left out of the descriptors, for it is the very number that is asked for. What is left holds "
    "sums over the same contributions of atoms, so the straight line is still told much: look at what a feature was "
    "computed from."
)


def load(path: Path | None = None, skip_bad: bool = False, progress: Progress = silent) -> Loaded:
    """Molecules as graphs, with the computed logP as a number.

    Raises:
        DataError: if the file cannot be had, or is not what its card says.
    """
    found = _find(path, progress)
    known = read(found.path, skip_bad, progress)
    origin = f"{found.path.name} ({'of the package rdkit' if found.where == PACKAGE else found.where}; "
    skipped = tuple((bad.id, bad.cause) for bad in known.unreadable)
    return Loaded(as_dataset(known, CARD, progress), f"{origin}{found.digest})", known.identity(), None, skipped)


def molecules(path: Path | None = None, skip_bad: bool = False, progress: Progress = silent) -> Molecules:
    """As `load`, each molecule once, as SMILES. An id is the number of the NCI: "NSC 5065"."""
    return read(_find(path, progress).path, skip_bad, progress)


def read(path: Path, skip_bad: bool = False, progress: Progress = silent) -> Molecules:
    """A file with a SMILES, a tab and a number in each line.

    Raises:
        DataError: if a line is another, or more SMILES cannot be read than is known.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if len(line.split("\t")) != 2:
            raise DataError(f"{path.name}, line {number}: needed a SMILES, a tab and a number. Got {line[:80]!r}.")
    texts, numbers = zip(*(line.split("\t") for line in lines), strict=True) if lines else ((), ())
    readings = read_all(texts, progress)
    computed = iter(logp([reading.canonical for reading in readings if not reading.cause], progress))
    values = [np.nan if reading.cause else float(next(computed)) for reading in readings]
    rows = [Row(text, f"NSC {n}", (value,)) for text, n, value in zip(texts, numbers, values, strict=True)]
    return collect(rows, [TASK], unreadable=None if skip_bad else UNREADABLE, what=CARD.title, progress=progress)


def packaged() -> Path | None:
    """The file that the package rdkit holds, if that is installed."""
    package = importlib.util.find_spec("rdkit")
    file = Path(package.origin).parent / "Data" / "NCI" / SOURCE.file if package and package.origin else None
    return file if file and file.is_file() else None


def logp(smiles: Sequence[str], progress: Progress = silent) -> Float[np.ndarray, " s"]:
    """Computed by RDKit, from the molecule's graph alone."""
    return np.concatenate([[], *in_processes(_logp, smiles, "computing logP", "molecules", progress)])


def _logp(smiles: list[str]) -> Float[np.ndarray, " s"]:
    from rdkit.Chem.Crippen import MolLogP  # pyright: ignore[reportAttributeAccessIssue]

    with quiet():
        return np.array([MolLogP(molecule(text)) for text in smiles])


def contributions(smiles: str) -> Float[np.ndarray, " n"]:
    """What each atom, with its hydrogens, adds to the computed logP; node by node, as in `moleculegraphs.graphs`."""
    from rdkit.Chem import rdMolDescriptors

    with quiet():
        bare = molecule(smiles)
        whole = library().AddHs(bare)
        each = np.array(rdMolDescriptors._CalcCrippenContribs(whole))[:, 0]
    atoms = bare.GetNumAtoms()
    for hydrogen in range(atoms, whole.GetNumAtoms()):
        each[whole.GetAtomWithIdx(hydrogen).GetNeighbors()[0].GetIdx()] += each[hydrogen]
    return each[:atoms]


def _find(path: Path | None, progress: Progress) -> Found:
    """The given file, else that of the installed package rdkit, else as any data set."""
    return fetch(SOURCE, path, progress, packaged=packaged())
