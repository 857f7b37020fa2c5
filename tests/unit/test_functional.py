"""Functional groups: found where a chemist sees them, and nowhere else."""

import numpy as np
import pytest

pytest.importorskip("rdkit", reason="rdkit is not installed")

from layerscope.data import functional, ncimolecules
from layerscope.data.functional import GROUPS, balanced, find, label
from layerscope.data.moleculegraphs import NODE_FEATURES, graphs
from layerscope.data.molecules import Row, collect
from layerscope.data.smiles import molecule
from layerscope.source import DataError

EXAMPLES = {  # group -> a molecule with it and which atoms it is, and molecules that only look like it
    "nitro group": (
        "c1ccccc1[N+](=O)[O-]",
        {6, 7, 8},
        ["CO[N+](=O)[O-]", "CN=O", "C[N+](C)(C)[O-]", "O=[N+]([O-])[O-]"],
    ),
    "carboxylic acid": ("CCC(=O)O", {2, 3, 4}, ["CC(=O)OC", "CC=O", "NC(=O)O", "OC(=O)O", "CC(N)=O", "CCO"]),
    "ester": ("CC(=O)OC", {1, 2, 3}, ["CC(=O)O", "CC(=O)OC(C)=O", "COC", "CC(=O)N"]),
    "amide": ("CC(=O)NC", {1, 2, 3}, ["CC(=O)OC", "NC(=O)N", "CN", "CC(=O)NN", "CC#N"]),
    "aldehyde": ("CC=O", {1, 2}, ["CC(C)=O", "CC(=O)O", "C=O"]),
    "nitrile": ("CCC#N", {2, 3}, ["C#C", "C[N+]#[C-]", "C#N", "CC=N"]),
    "sulfonamide": ("CS(=O)(=O)N", {1, 2, 3, 4}, ["CS(=O)(=O)C", "CS(=O)(=O)O", "CS(=O)N", "NS(=O)(=O)N"]),
    "primary amine": ("CCN", {2}, ["CNC", "CC(N)=O", "CN(C)C", "C[NH3+]", "NS"]),
    "thiol": ("CCS", {2}, ["CSC", "CC(=S)C", "S", "CS(=O)(=O)O"]),
}


@pytest.fixture(scope="module")
def nci():
    if not ncimolecules.packaged():
        pytest.skip("this rdkit does not ship Data/NCI")
    return ncimolecules.molecules()


def test_every_group_has_an_example():
    assert set(EXAMPLES) == set(GROUPS)


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_is_found_where_it_is_and_not_in_what_looks_like_it(group):
    smiles, atoms, others = EXAMPLES[group]
    held, *lacking = find([smiles, *others], group)
    assert set(np.flatnonzero(held)) == atoms
    assert {other for other, found in zip(others, lacking, strict=True) if found.any()} == set()


def test_every_group_in_a_molecule_is_marked():
    (found,) = find(["OC(=O)CCC(=O)O"], "carboxylic acid")
    assert np.flatnonzero(found).tolist() == [0, 1, 2, 5, 6, 7]
    (found,) = find(["NCC(CN)(CN)CN"], "primary amine")
    assert found.sum() == 4


@pytest.mark.parametrize(
    ("group", "theirs"), [("nitro group", "Nitro"), ("sulfonamide", "fr_sulfonamd"), ("aldehyde", "Aldehyde")]
)
def test_rdkit_finds_the_same_molecules(nci, group, theirs):
    from rdkit.Chem import Fragments
    from rdkit.Chem.FunctionalGroups import BuildFuncGroupHierarchy

    ours = [found.any() for found in find(nci.smiles.tolist()[:1500], group)]
    if theirs.startswith("fr_"):
        count = getattr(Fragments, theirs)
        expected = [count(molecule(smiles)) > 0 for smiles in nci.smiles[:1500]]
    else:
        pattern = next(node.pattern for node in BuildFuncGroupHierarchy() if node.label == theirs)
        expected = [molecule(smiles).HasSubstructMatch(pattern) for smiles in nci.smiles[:1500]]
    assert sum(ours) > 10
    differ = [nci.smiles[i] for i in range(1500) if ours[i] != expected[i]]
    assert differ == []


def test_labels_follow_from_the_atoms(nci):
    known = label(nci, "nitro group")
    assert known.molecules.tasks == ("nitro group",) and known.molecules.classes == ("without", "with")
    assert [own.any() for own in known.atoms] == (known.molecules.targets[:, 0] == 1).tolist()
    assert known.molecules.smiles is nci.smiles and known.molecules.groups is nci.groups
    few = known.rows(np.arange(300))
    made = graphs(few.molecules.smiles.tolist())
    marked = np.concatenate(few.atoms)
    assert len(marked) == len(made.nodes), "a mark for every node, in their order"
    elements = {NODE_FEATURES[int(row[:15].argmax())] for row in made.nodes[marked]}
    assert elements == {"element N", "element O"}


def test_as_many_with_as_without_and_the_same_for_the_same_seed(nci):
    known = label(nci, "sulfonamide")
    even, again, other = (balanced(known, seed).molecules for seed in (0, 0, 1))
    assert even.targets.mean() == 0.5 and even.targets.sum() == known.molecules.targets.sum()
    assert even.ids.tolist() == again.ids.tolist() != other.ids.tolist()
    place = {name: i for i, name in enumerate(nci.ids.tolist())}
    rows = [place[name] for name in even.ids.tolist()]
    assert rows == sorted(rows)


def test_the_data_set_says_that_its_labels_are_computed(nci):
    loaded = functional.load()
    data = loaded.dataset
    assert data.classes == ("without", "with") and data.targets.float().mean() == 0.5
    assert "not measured" in data.source.title and "labels computed" in loaded.origin
    assert len(data.inputs) == len(data) > 1000
    assert functional.SOURCE is ncimolecules.SOURCE


def test_smarts_of_ones_own():
    assert find(["CCl", "CBr"], "[Cl]")[0].tolist() == [False, True]
    with pytest.raises(ValueError, match="'not smarts' is neither one of nitro group, .* nor SMARTS"):
        find(["C"], "not smarts")


def test_a_question_with_one_answer_is_none():
    molecules = collect([Row("CO", "a", (1,)), Row("CCO", "b", (2,))], ["y"])
    with pytest.raises(DataError, match="none of 2 molecules hold 'thiol'"):
        label(molecules, "thiol")
    with pytest.raises(DataError, match=r"all of 2 molecules hold '\[OH\]'"):
        label(molecules, "[OH]")
