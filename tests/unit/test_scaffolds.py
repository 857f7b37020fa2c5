"""Groups of molecules: scaffolds, links and clusters, against RDKit, SciPy and what is seen by eye."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.data import scaffolds as of
from layerscope.data.fingerprints import ecfp4, similarity
from layerscope.data.scaffolds import clusters, conventional, groups, largest_first, linked, scaffolds

pytest.importorskip("rdkit", reason="rdkit is not installed")
ALCOHOLS = [f"{'C' * n}O" for n in range(5, 10)]


@st.composite
def tables(draw):
    rows, seed = draw(st.integers(1, 30)), draw(st.integers(0, 10_000))
    return np.random.default_rng(seed).integers(0, 2, (rows, 12), np.uint8)


def test_a_scaffold_is_rings_and_what_links_them():
    found = scaffolds(["OC(=O)c1ccccc1", "Cc1ccc(CCc2ccncc2)cc1", "CCCO", "[Na+].[Cl-]", "C[C@H]1CCCO1", "O=C1CCCCC1"])
    assert found == ["c1ccccc1", "c1ccc(CCc2ccncc2)cc1", "", "", "C1CCOC1", "O=C1CCCCC1"]


def test_by_convention_all_without_a_ring_are_one_group():
    found = conventional(["CCCO", "c1ccccc1", "CN", "Cc1ccccc1", "C1CC1"])
    assert found[0] == found[2] and found[1] == found[3]
    assert len(set(found.tolist())) == 3


def test_of_those_without_a_ring_only_the_similar_are_one_group():
    smiles = [*ALCOHOLS, "CN", "c1ccccc1", "Cc1ccccc1", "ClC(Cl)(Cl)C"]
    found = groups(smiles)
    assert len(set(found[:5].tolist())) == 1
    assert found[6] == found[7]
    assert len({found[0], found[5], found[6], found[8]}) == 4
    assert set(found.tolist()) == {0, 1, 2, 3}
    assert groups([]).tolist() == []


@settings(max_examples=30, deadline=None)
@given(tables(), st.sampled_from([0.2, 0.4, 0.6, 0.9, 1.0]))
def test_linked_rows_are_what_a_search_from_row_to_row_finds(bits, least):
    near = similarity(bits, bits) >= np.float32(least)
    found = linked(bits, least)
    for row in range(len(bits)):
        reached, last = near[row], None
        while last is None or (reached != last).any():
            last, reached = reached, near[reached].any(axis=0)
        assert (reached == (found == found[row])).all()


@settings(max_examples=30, deadline=None)
@given(tables(), st.sampled_from([0.25, 0.45, 0.65]))
def test_clusters_are_rdkits(bits, least):
    from rdkit.ML.Cluster import Butina

    near = similarity(bits, bits) >= np.float32(least)
    distances = [1.0 - float(near[i, j]) for i in range(len(bits)) for j in range(i)]
    theirs = Butina.ClusterData(distances, len(bits), 0.5, isDistData=True)
    found = clusters(bits, least)
    assert [sorted(own) for own in theirs] == [np.flatnonzero(found == k).tolist() for k in range(found.max() + 1)]


def test_clusters_of_molecules():
    found = clusters(ecfp4([*ALCOHOLS, "c1ccccc1", "CCCc1ccccc1O", "CCCCc1ccccc1O"]), 0.5)
    assert len(set(found[:5].tolist())) == 1
    assert found[5] != found[6] == found[7] != found[0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=60))
def test_the_conventional_split_is_deepchems(owner):
    found = largest_first(np.array(owner))
    rows = sorted(row for part in found.values() for row in part.tolist())
    assert rows == list(range(len(owner)))
    sets = {}
    for row, group in enumerate(owner):
        sets.setdefault(group, []).append(row)
    train, val, test = [], [], []
    for _, own in sorted(sets.items(), key=lambda x: (len(x[1]), x[1][0]), reverse=True):  # as deepchem/splits does
        if len(train) + len(own) > 0.8 * len(owner):
            if len(train) + len(val) + len(own) > (0.8 + 0.1) * len(owner):
                test += own
            else:
                val += own
        else:
            train += own
    assert [part.tolist() for part in found.values()] == [train, val, test]


def test_the_scaffolds_of_many_are_kept(monkeypatch):
    monkeypatch.setattr(of, "FEW", 2)
    smiles = ["CCO", "c1ccccc1C", "C1CCC1"]
    first = scaffolds(smiles)
    monkeypatch.setattr(of, "_scaffolds", lambda _: pytest.fail("they were found again"))
    assert scaffolds(smiles) == first == ["", "c1ccccc1", "C1CCC1"]


def test_in_esol_no_close_relative_without_a_ring_stands_in_another_group():
    folder = os.environ.get("LAYERSCOPE_MIRROR")
    if not folder or not (Path(folder) / "moleculenet" / "moleculenet.tar.gz").is_file():
        pytest.skip("ESOL is not here: set LAYERSCOPE_MIRROR to a folder that holds moleculenet/moleculenet.tar.gz")
    from layerscope.data.moleculenet import ESOL

    molecules = ESOL.molecules()
    free = np.array([scaffold == "" for scaffold in scaffolds(molecules.smiles.tolist())])
    bits = ecfp4(molecules.smiles[free].tolist())
    own = molecules.groups[free]
    others = np.where(own[:, None] == own, 0, similarity(bits, bits)).max(axis=1)
    assert (free.sum(), len(set(own.tolist())), np.bincount(own).max()) == (316, 209, 32)
    assert others.max() < 0.6
