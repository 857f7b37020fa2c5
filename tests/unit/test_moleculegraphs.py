"""Molecules as graphs, fingerprints and descriptors: against PyG's and RDKit's own, and with any cache."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from layerscope.card import Card
from layerscope.data import fingerprints, moleculegraphs
from layerscope.data.fingerprints import BITS, descriptors, ecfp4, neighbours, similarity
from layerscope.data.moleculegraphs import ATOM, BOND, EDGE_FEATURES, NODE_FEATURES, as_dataset, graphs
from layerscope.data.molecules import Row, collect
from layerscope.models.pyg import library
from layerscope.models.weisfeiler import kinds
from layerscope.source import DataError, cache_dir

pytest.importorskip("rdkit", reason="rdkit is not installed")
CARD = Card("toy", "Toy molecules", "CC0", "made up", "scaffold")
SMILES = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "C",
    "[Na+].[Cl-]",
    "N#Cc1ccncc1",
    r"F/C=C/F",
    r"F/C=C\F",
    "C[C@H](N)C(=O)O",
    "C[C@@H](N)C(=O)O",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
    "[O-][N+](=O)c1ccccc1",
    "FS(F)(F)(F)(F)F",
    "[Cu+2].[O-]S(=O)(=O)[O-]",
    "C1CC1.C#C",
    "[H][H]",
    "O=C1c2ccccc2C(=O)c2ccccc21",
]


def columns(table, fields, name):
    """The columns of a field."""
    begin = 0
    for field in fields:
        if field.name == name:
            return table[:, begin : begin + len(field.values)]
        begin += len(field.values)
    raise AssertionError(name)


def test_atoms_and_bonds_are_those_of_pyg():
    library()  # with its warning silenced
    from torch_geometric.utils import from_smiles
    from torch_geometric.utils.smiles import e_map, x_map

    made = graphs(SMILES)
    node, edge = 0, 0
    for place, smiles in enumerate(SMILES):
        theirs = from_smiles(smiles)
        n, e = len(theirs.x), theirs.edge_index.shape[1]
        own, bonds = made.nodes[node : node + n], made.edge_features[edge : edge + e]
        assert (made.owner[node : node + n] == place).all()
        ends = made.edges[:, edge : edge + e] - node
        ours = {tuple(pair): row for pair, row in zip(ends.T.tolist(), bonds, strict=True)}
        assert list(ours) != [] or e == 0
        for pair, row in zip(theirs.edge_index.T.tolist(), theirs.edge_attr, strict=True):
            bond = ours.pop(tuple(pair))[None]
            kind, stereo = e_map["bond_type"][row[0]], e_map["stereo"][row[1]]
            assert BOND[0].values[columns(bond, BOND, "bond").argmax()] == kind.lower()
            expected = {"STEREONONE": "none", "STEREOZ": "Z", "STEREOE": "E"}[stereo]
            assert BOND[3].values[columns(bond, BOND, "side").argmax()] == expected
            assert columns(bond, BOND, "conjugated").item() == row[2]
        assert not ours
        for atom, row in zip(own, theirs.x, strict=True):
            said = {key: x_map[key][value] for key, value in zip(x_map, row.tolist(), strict=True)}
            number = [*moleculegraphs.ELEMENTS.values()]
            element = columns(atom[None], ATOM, "element").argmax().item()
            assert (number[element] if element < len(number) else "other") in (said["atomic_num"], "other")
            assert (element == len(number)) == (said["atomic_num"] not in number)
            assert columns(atom[None], ATOM, "neighbours").argmax() == min(said["degree"] - said["num_hs"], 6)
            assert columns(atom[None], ATOM, "charge").argmax() - 2 == max(min(said["formal_charge"], 2), -2)
            assert columns(atom[None], ATOM, "hydrogens").argmax() == min(said["num_hs"], 4)
            assert columns(atom[None], ATOM, "aromatic").item() == said["is_aromatic"]
            assert columns(atom[None], ATOM, "in a ring").item() == said["is_in_ring"]
            orbital = ATOM[6].values[columns(atom[None], ATOM, "hybridisation").argmax()]
            assert orbital == (
                said["hybridization"].lower() if said["hybridization"] in ("SP", "SP2", "SP3") else "other"
            )
        node, edge = node + n, edge + e
    assert (node, edge) == (len(made.nodes), made.edges.shape[1])


def test_every_field_says_one_thing():
    made = graphs(SMILES)
    assert made.nodes.shape[1] == len(NODE_FEATURES) == len(set(NODE_FEATURES))
    assert made.edge_features.shape[1] == len(EDGE_FEATURES) == len(set(EDGE_FEATURES))
    for table, fields in ((made.nodes, ATOM), (made.edge_features, BOND)):
        for field in fields:
            if len(field.values) > 1:
                assert (columns(table, fields, field.name).sum(dim=1) == 1).all()


def test_a_bond_in_a_ring_is_known():
    made = graphs(["C1CC1C"])
    ring = columns(made.edge_features, BOND, "in a ring")[:, 0]
    assert ring.sum() == 6 and len(ring) == 8


def test_each_bond_goes_there_and_back():
    made = graphs(SMILES)
    assert torch.equal(made.edges[:, 0::2], made.edges[:, 1::2].flip(0))
    assert torch.equal(made.edge_features[0::2], made.edge_features[1::2])


def test_atoms_without_a_bond_are_nodes_without_an_edge():
    made = graphs(["C", "[Na+].[Cl-]", "[K+]"])
    assert (len(made), len(made.nodes), made.edges.shape) == (3, 4, (2, 0))
    assert made.edge_features.shape == (0, len(EDGE_FEATURES))
    assert made.owner.tolist() == [0, 1, 1, 2]
    assert [NODE_FEATURES[i] for i in made.nodes[1].nonzero()[:, 0]][:3] == ["element Na", "neighbours 0", "charge 1"]
    assert len(made[torch.tensor([1])].nodes) == 2


def test_left_and_right_hand_differ_and_no_order_of_atoms_changes_which():
    from rdkit import Chem

    for smiles in ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"):
        mol, hands = Chem.MolFromSmiles(smiles), set()
        expected = {"R": 1, "S": 2}[Chem.FindMolChiralCenters(mol)[0][1]]
        for seed in range(10):
            order = list(range(mol.GetNumAtoms()))
            random.Random(seed).shuffle(order)
            other = Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)
            hands.add(int(columns(graphs([other]).nodes, ATOM, "hand").argmax(dim=1).max()))
        assert hands == {expected}


def test_the_order_in_which_a_molecule_is_written_makes_no_other_graph():
    from rdkit import Chem

    written = []
    for smiles in SMILES:
        mol = Chem.MolFromSmiles(smiles)
        order = list(range(mol.GetNumAtoms()))[::-1]
        written.append(Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False))
    colours = kinds(graphs([*SMILES, *written]))
    assert torch.equal(colours[: len(SMILES)], colours[len(SMILES) :])
    assert len(set(colours.tolist())) == len(SMILES)


def test_a_molecule_is_the_same_graph_alone_and_among_others():
    made = graphs(SMILES)
    for i, smiles in enumerate(SMILES):
        alone, among = graphs([smiles]), made[torch.tensor([i])]
        for name in ("nodes", "edges", "edge_features"):
            assert torch.equal(getattr(alone, name), getattr(among, name))


def test_what_cannot_be_read_is_an_error():
    with pytest.raises(ValueError, match="'CC1' is not the SMILES of a molecule"):
        graphs(["C", "CC1"])
    with pytest.raises(ValueError, match="at least one molecule"):
        graphs([])


def test_several_processes_give_what_one_gives_and_say_how_far_they_are(monkeypatch):
    told, many = [], SMILES * 60
    first = graphs(many, lambda *now: told.append(now), processes=2)
    assert [done for _, done, _, _ in told] == [0, 500, 900]
    assert told[-1] == ("making graphs of molecules", 900, 900, "molecules")
    second = graphs(many, processes=1)
    for name in ("nodes", "edges", "owner", "edge_features"):
        assert torch.equal(getattr(first, name), getattr(second, name))


@pytest.fixture
def cached(monkeypatch, tmp_path):
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path))
    monkeypatch.setattr(moleculegraphs, "FEW", 2)
    return lambda: sorted(file for file in (cache_dir() / "molecules").glob("graphs-*.npz"))


def test_graphs_of_many_are_kept(cached, monkeypatch):
    first = graphs(SMILES)
    assert len(cached()) == 1
    coded = moleculegraphs._coded
    monkeypatch.setattr(moleculegraphs, "_coded", lambda _: pytest.fail("they were made again"))
    assert torch.equal(graphs(SMILES).nodes, first.nodes)
    monkeypatch.setattr(moleculegraphs, "_coded", coded)
    graphs(SMILES[:-1])
    assert len(cached()) == 2, "other molecules, another file"
    monkeypatch.setattr(moleculegraphs, "VERSION", "other")
    graphs(SMILES)
    assert len(cached()) == 3, "other features, another file"


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", None])
def test_a_damaged_file_is_made_again(cached, damage):
    first = graphs(SMILES)
    (file,) = cached()
    file.write_bytes(file.read_bytes()[:-200] if damage is None else damage)
    assert torch.equal(graphs(SMILES).nodes, first.nodes)
    with np.load(file) as kept:
        assert len(kept["sizes"]) == len(SMILES)


def test_a_cache_that_cannot_be_written_is_an_error(cached, monkeypatch, tmp_path):
    (tmp_path / "molecules").write_text("a file where the folder should be")
    with pytest.raises(DataError, match="cannot be written.*Set LAYERSCOPE_CACHE"):
        graphs(SMILES)


def test_few_molecules_leave_nothing_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path))
    graphs(SMILES)
    assert [*Path(tmp_path).iterdir()] == []


def collected(values, classes=(), tasks=("y",), **more):
    return collect([Row(s, s, v) for s, v in zip(SMILES, values, strict=False)], tasks, classes, **more)


def test_a_data_set_of_classes():
    data = as_dataset(collected([(i % 2,) for i in range(15)], ("no", "yes")), CARD)
    assert (data.kind, data.classes, data.name, data.source) == ("class", ("no", "yes"), CARD.title, CARD)
    assert data.targets.tolist() == [i % 2 for i in range(15)]
    assert len(data.inputs) == len(data.ids) == len(data.groups) == 15


def test_a_data_set_of_several_labels_of_which_some_are_unknown():
    values = [(0, 1), (np.nan, 1), (1, np.nan)]
    data = as_dataset(collected(values, ("no", "yes"), ("a", "b")), CARD)
    assert (data.kind, data.classes) == ("labels", ("a", "b"))
    assert data.targets.tolist() == [[False, True], [False, True], [True, False]]
    assert data.known is not None and data.known.tolist() == [[True, True], [False, True], [True, False]]
    assert as_dataset(collected([(0, 1), (1, 1)], ("no", "yes"), ("a", "b")), CARD).known is None


def test_a_data_set_of_measurements_has_one_of_them():
    found = collected([(0.5, 1), (1.5, np.nan), (np.nan, 3)], (), ("a", "b"), unit="log mol/L")
    with pytest.raises(ValueError, match=r"Toy molecules has a, b: take one with molecules.only\('a'\)"):
        as_dataset(found, CARD)
    data = as_dataset(found.only("b"), CARD)
    assert (data.kind, data.classes, data.unit) == ("number", ("b",), "log mol/L")
    assert data.targets.tolist() == [1, 3] and data.ids.tolist() == [SMILES[0], SMILES[2]]
    with pytest.raises(ValueError, match="no task 'c'. There are: a, b"):
        found.only("c")


def test_fingerprints_are_rdkits():
    from rdkit import Chem, DataStructs
    from rdkit.Chem import AllChem

    with moleculegraphs.quiet():  # the older way, which says that it is
        theirs = [AllChem.GetMorganFingerprintAsBitVect(Chem.MolFromSmiles(s), 2, nBits=BITS) for s in SMILES]
    ours = ecfp4(SMILES)
    assert [row.nonzero()[0].tolist() for row in ours] == [[*bits.GetOnBits()] for bits in theirs]
    expected = [DataStructs.BulkTanimotoSimilarity(bits, theirs) for bits in theirs]
    np.testing.assert_allclose(similarity(ours, ours), expected, atol=1e-6)
    assert ecfp4([]).shape == (0, BITS)


def test_without_any_bit_all_are_alike():
    empty = np.zeros((2, 8), np.uint8)
    assert similarity(empty, empty).tolist() == [[1, 1], [1, 1]]


def test_neighbours_are_the_same_in_blocks(monkeypatch):
    bits = (np.random.default_rng(0).random((50, 30)) < 0.5).astype(np.uint8)
    expected = [np.flatnonzero(row).tolist() for row in similarity(bits, bits) >= 0.4]
    monkeypatch.setattr(fingerprints, "BLOCK", 7)
    assert [row.tolist() for row in neighbours(bits, 0.4)] == expected
    assert all(i in row for i, row in enumerate(expected))


def test_descriptors_are_rdkits_and_gaps_are_filled_from_training_alone():
    from rdkit import Chem
    from rdkit.Chem import Descriptors

    many = [*SMILES, "c1ccccc1" * 60]
    found = descriptors(many)
    weight, rings = (found.names.index(name) for name in ("MolWt", "RingCount"))
    expected = [Descriptors.MolWt(Chem.MolFromSmiles(smiles)) for smiles in SMILES]
    np.testing.assert_allclose(found.values[:-1, weight], expected)
    assert found.values[SMILES.index("C1CC1.C#C"), rings] == 1
    assert "Ipc" not in found.names and len(found.names) > 150
    gaps = ~np.isfinite(found.values)
    assert found.missing and sum(found.missing.values()) == gaps.sum()
    name = max(found.missing, key=lambda name: found.missing[name])
    column = found.names.index(name)
    known = np.flatnonzero(~gaps[:, column])[:3]
    filled = found.filled(known)
    assert np.isfinite(filled.values).all() and not filled.missing
    assert (filled.values[gaps[:, column], column] == np.median(found.values[known, column])).all()
    np.testing.assert_array_equal(filled.values[~gaps], found.values[~gaps])
    nothing = np.flatnonzero(gaps[:, column])[:1]
    assert (found.filled(nothing).values[gaps[:, column], column] == 0).all()
    assert np.isfinite(found.filled().values).all()


def test_descriptors_are_kept(monkeypatch):
    monkeypatch.setattr(fingerprints, "FEW", 3)
    first = descriptors(SMILES[:4])
    monkeypatch.setattr(fingerprints, "_descriptors", lambda _: pytest.fail("they were computed again"))
    np.testing.assert_array_equal(descriptors(SMILES[:4]).values, first.values)
