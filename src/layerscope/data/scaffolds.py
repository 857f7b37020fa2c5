"""Molecules that belong together: by their scaffold, or by how similar they are.

A Bemis-Murcko scaffold is what is left of a molecule when its side chains are gone: rings and what links them. A
molecule without rings has none. By convention all of these are one group, which puts 320 of FreeSolv's 642 molecules,
hexane and nitromethane, on one side of a split. Here those that resemble each other are one group: each is linked with
every other one without rings to which its ECFP4 fingerprint has a Tanimoto similarity of at least 0.6. Why so, measured
as the share of molecules without rings with a nearest neighbour in another group that is at least 0.7 similar (of
ESOL, FreeSolv, Tox21), beside the largest group (of 316, 320, 1,775):

    each on its own              28 %, 27 %, 36 %      1,  1,    1
    same skeleton of carbon      24 %, 24 %, 25 %     56, 71,  276
    clusters (Butina, 0.5)        2 %,  5 %, 15 %     35, 33,   99
    linked from 0.6               0 %,  0 %,  0 %     32, 31,  321
    linked from 0.5               0 %,  0 %,  0 %    100, 71,  971
    one group                     0 %,  0 %,  0 %    316, 320, 1775
    molecules with rings, by their scaffolds: 8 %, 7 %, 9 %

So scaffolds themselves are the leakier part: a ring more or less makes another scaffold of a close relative, and 1,474
molecules of Tox21 share the scaffold benzene. `clusters` groups by similarity alone.

How much each split flatters ECFP4 with a random forest: 80/10/10, mean of the test score over 3 to 5 seeds (AUC, then
RMSE), +- its deviation; the last two lines are one split each, with three forests:

                                     BBBP         BACE         ESOL         FreeSolv
    random                           .91 +- .02   .89 +- .03   1.15 +- .06  1.73 +- .22
    groups (ours), drawn at random   .88 +- .02   .88 +- .02   1.58 +- .27  1.74 +- .31
    clusters, drawn at random        .90 +- .02   .83 +- .03   1.32 +- .08  2.33 +- .47
    largest first, our groups        .69          .87          1.32         3.16
    largest first, conventional      .70          .87          1.65         4.40

The last line is what papers report. It asks another question: its test part holds the rarest scaffolds only.

References: Bemis and Murcko 1996, doi:10.1021/jm9602928; Butina 1999, doi:10.1021/ci9803381.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt8
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from layerscope.data.fingerprints import ecfp4, neighbours
from layerscope.data.kept import FEW, digest_of_texts, kept_texts
from layerscope.data.processes import in_processes
from layerscope.data.smiles import molecule, quiet, version
from layerscope.progress import Progress, silent

LINKED = 0.6  # Tanimoto of ECFP4, from which two molecules without rings are never parted
SIMILAR = 0.5  # of each member of a cluster to its centre
GROUP = (  # for a card
    f"Bemis-Murcko scaffold; of molecules without rings those that are similar (Tanimoto of ECFP4 from {LINKED}). "
    "Close relatives with another scaffold may still stand on both sides"
)


def scaffolds(smiles: Sequence[str], progress: Progress = silent, processes: int | None = None) -> list[str]:
    """The Bemis-Murcko scaffold of each molecule, without stereochemistry; "" where there is no ring.

    Those of many molecules are kept in the cache.

    Raises:
        ValueError: if a SMILES cannot be read.

    Example:
        >>> scaffolds(["OC(=O)c1ccccc1", "CCCO"])
        ['c1ccccc1', '']
    """

    def make() -> list[str]:
        made = in_processes(_scaffolds, smiles, "finding scaffolds", "molecules", progress, processes)
        return [scaffold for chunk in made for scaffold in chunk]

    if len(smiles) <= FEW:
        return make()
    return kept_texts("molecules", "scaffolds", digest_of_texts("1", version(), smiles), make, progress)


def _scaffolds(smiles: list[str]) -> list[str]:
    from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

    with quiet():
        return [MurckoScaffoldSmiles(mol=molecule(text)) for text in smiles]


def conventional(smiles: Sequence[str], progress: Progress = silent) -> Int[np.ndarray, " s"]:
    """Groups of equal scaffolds, in which all molecules without rings are one group: to compare with papers."""
    return np.unique(np.array(scaffolds(smiles, progress), dtype=object), return_inverse=True)[1]


def groups(smiles: Sequence[str], progress: Progress = silent) -> Int[np.ndarray, " s"]:
    """Groups of equal scaffolds, and of linked molecules among those without rings."""
    found = np.array(scaffolds(smiles, progress), dtype=object)
    if not len(found):
        return np.zeros(0, np.int64)
    owner = np.unique(found, return_inverse=True)[1]
    free = np.flatnonzero(found == "")
    if len(free):
        owner[free] = len(found) + linked(ecfp4([smiles[i] for i in free.tolist()], progress), LINKED)
    return np.unique(owner, return_inverse=True)[1]


def linked(bits: UInt8[np.ndarray, "s d"], least: float) -> Int[np.ndarray, " s"]:
    """Two rows are in one group if a chain of rows leads from one to the other, each `least` similar to the next."""
    near = list(neighbours(bits, least))
    ends = np.repeat(np.arange(len(bits)), [len(row) for row in near]), np.concatenate(near)
    links = sparse.coo_array((np.ones(len(ends[0]), bool), ends), shape=(len(bits), len(bits)))
    return connected_components(links, directed=False)[1].astype(np.int64)


def clusters(bits: UInt8[np.ndarray, "s d"], least: float = SIMILAR) -> Int[np.ndarray, " s"]:
    """Butina's clusters: the row with most neighbours takes them all, then that of the others with most, and so on.

    Each row is at least `least` similar to the centre of its cluster; two clusters may still lie close. Of rows with as
    many neighbours the last comes first, as in RDKit.
    """
    near = list(neighbours(bits, least))
    cluster = np.full(len(bits), -1)
    for row in sorted(range(len(bits)), key=lambda row: (len(near[row]), row), reverse=True):
        if cluster[row] < 0:
            cluster[near[row][cluster[near[row]] < 0]] = cluster.max() + 1
    return cluster


def largest_first(
    groups: Int[np.ndarray, " s"], fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
) -> dict[str, Int[np.ndarray, " r"]]:
    """The rows of train, val and test as papers on molecules cut them: the largest groups train, the rarest are tested.

    There is no chance in it: one split, of which the test part is not like the rest, and no seed to try another.

    Reference: Wu et al. 2018, doi:10.1039/C7SC02664A (MoleculeNet); as `ScaffoldSplitter` of DeepChem.
    """
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    members.sort(key=lambda rows: (len(rows), rows[0]), reverse=True)
    ends = np.cumsum(fractions)[:2] * len(groups)
    train, val, test = [], [], []
    for rows in members:
        if len(train) + len(rows) <= ends[0]:
            train += rows.tolist()
        elif len(train) + len(val) + len(rows) <= ends[1]:
            val += rows.tolist()
        else:
            test += rows.tolist()
    return {name: np.array(rows, np.int64) for name, rows in (("train", train), ("val", val), ("test", test))}
