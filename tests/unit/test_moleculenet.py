"""MoleculeNet: the published files where they are here, and made-up ones in their layout."""

import csv
import gzip
import hashlib
import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from layerscope import download
from layerscope.data.moleculenet import BACE, BBBP, CLINTOX, ESOL, FREESOLV, SETS, TOX21
from layerscope.data.molecules import Counts
from layerscope.source import DataError, Digest

pytest.importorskip("rdkit", reason="rdkit is not installed")
MADE_UP = "num,name,p_np,smiles\r\n1,a,1,CCO\r\n2,b,0,c1ccccc1\r\n3,c,0,OCC\r\n4,d,1,C1CC\r\n5,e,1,CCCCCCO\r\n"


@pytest.fixture
def published():
    folder = os.environ.get("LAYERSCOPE_MIRROR")
    file = Path(folder or "") / "moleculenet" / "moleculenet.tar.gz"
    if not folder or not file.is_file():
        pytest.skip("MoleculeNet is not here: set LAYERSCOPE_MIRROR to a folder with moleculenet/moleculenet.tar.gz")
    return file


@pytest.fixture
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LAYERSCOPE_MIRROR", raising=False)


def accepting(data, which=BBBP, **changes):
    """The set, for which these bytes are the published ones."""
    digest = Digest("sha256", hashlib.sha256(data).hexdigest(), "made up")
    return replace(
        which,
        SOURCE=replace(which.SOURCE, digests=(*which.SOURCE.digests, digest)),
        PIECE=replace(which.PIECE, digests=(digest,)),
        **changes,
    )


COUNTS = {  # rows, unreadable, repeated, left out because all of it is disputed, mixtures
    "bbbp": (2050, 11, 64, 10, 105),
    "bace": (1513, 0, 0, 0, 0),
    "esol": (1128, 0, 11, 0, 0),
    "freesolv": (642, 0, 0, 0, 0),
    "lipophilicity": (4200, 0, 0, 0, 1),
    "clintox": (1484, 4, 19, 19, 14),
    "tox21": (7831, 8, 0, 0, 244),
}


@pytest.mark.parametrize("name", COUNTS)
def test_the_published_sets_have_what_is_known_of_them(published, name):
    found = SETS[name].molecules()
    assert found.counts == Counts(*COUNTS[name])
    assert len(found) == found.counts.rows - sum(found.counts[1:4])
    assert len(set(found.ids.tolist())) == len(found), "an id is a name to look up"
    assert len(set(found.smiles.tolist())) == len(found)


def test_what_is_disputed_is_named(published):
    bbbp, clintox, esol = (SETS[name].molecules() for name in ("bbbp", "clintox", "esol"))
    assert len(bbbp.disagreements) == 10
    aspirin = next(d for d in bbbp.disagreements if d.smiles == "CC(=O)Oc1ccccc1C(=O)O")
    assert aspirin.ids == ("line 102", "line 1009") and set(aspirin.values) == {0, 1}
    assert [bad.id for bad in bbbp.unreadable][:2] == ["line 61", "line 63"]
    assert len(clintox.disagreements) == 38, "19 molecules, each in both tasks"
    (only,) = esol.disagreements
    assert only.values == (0.06, 1.09)
    assert esol.targets[esol.smiles == only.smiles].item() == pytest.approx(0.575)


def test_values_are_those_of_the_file(published):
    with tarfile.open(published) as archive:
        raw = archive.extractfile("MoleculeNet/tox21/raw/tox21.csv").read().decode()
    rows = {row["mol_id"]: row for row in csv.DictReader(io.StringIO(raw))}
    found = TOX21.molecules()
    assert len(found.tasks) == 12
    for k, task in enumerate(found.tasks):
        there = [float(rows[name][task] or "nan") for name in found.ids.tolist()]
        np.testing.assert_array_equal(found.targets[:, k], there)
    data = TOX21.load().dataset
    assert data.kind == "labels" and data.known is not None
    assert int((~data.known).sum()) == int(np.isnan(found.targets).sum())
    one = found.only("NR-AhR")
    assert len(one) == np.isfinite(found.targets[:, 2]).sum() and one.targets.shape[1] == 1


def test_a_measured_property_is_a_number_with_its_unit(published):
    loaded = ESOL.load()
    data = loaded.dataset
    assert (data.kind, data.classes, data.unit, data.source) == ("number", ("solubility",), "log mol/L", ESOL.CARD)
    assert "moleculenet.tar.gz (mirror; sha256 cebae9" in loaded.origin
    assert data.targets[data.ids.tolist().index("Fenfuram")].item() == pytest.approx(-3.3)
    assert len(data.inputs) == len(data)


def test_no_column_that_gives_the_answer_away_is_read(published):
    with tarfile.open(published) as archive:
        for each, path in ((BACE, "bace/raw/bace.csv"), (ESOL, "esol/raw/delaney-processed.csv")):
            header = archive.extractfile(f"MoleculeNet/{path}").read().decode().splitlines()[0].split(",")
            assert each.never
            for column, why in each.never:
                assert column in header and why
                assert column not in (each.smiles, each.id, *each.tasks)
        rows = archive.extractfile("MoleculeNet/bace/raw/bace.csv").read().decode()
    potent = [(float(row["pIC50"]) >= 7, row["Class"] == "1") for row in csv.DictReader(io.StringIO(rows))]
    assert sum(a != b for a, b in potent) == 17, "as BACE.never says"
    assert [name for name, _ in FREESOLV.never] == ["calc"]


@pytest.mark.parametrize("form", ["file", "folder", "archive", "nested"])
def test_a_file_a_folder_and_an_archive_give_the_same(tmp_path, alone, form):
    data = MADE_UP.encode()
    given = tmp_path / "given"
    given.mkdir()
    path = given / "BBBP.csv" if form != "nested" else given / "MoleculeNet" / "bbbp" / "raw" / "BBBP.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    at = given if form in ("folder", "nested") else path
    if form == "archive":
        at = tmp_path / "moleculenet.tar.gz"
        with tarfile.open(at, "w:gz") as archive:
            archive.add(path, "MoleculeNet/bbbp/raw/BBBP.csv")
        data = at.read_bytes()
    loaded = accepting(data, unreadable=1).load(at)
    assert loaded.dataset.ids.tolist() == ["line 3", "line 6"], "ethanol has two answers"
    assert loaded.skipped[0][0] == "line 5" and "rules of SMILES" in loaded.skipped[0][1]
    assert "(given; sha256" in loaded.origin
    assert loaded.identity == accepting(data, unreadable=1).load(at).identity


def test_a_packed_file_is_unpacked(tmp_path, alone):
    text = "smiles,FDA_APPROVED,CT_TOX\nCCO,1,0\nCCN,,1\nCCCl,,\n"
    path = tmp_path / "clintox.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    found = accepting(path.read_bytes(), CLINTOX).molecules(path)
    np.testing.assert_array_equal(found.targets, [[1, 0], [np.nan, 1]])
    assert found.counts.unknown == 1


def test_a_changed_copy_is_refused(tmp_path, alone):
    path = tmp_path / "BBBP.csv"
    path.write_text(MADE_UP)
    with pytest.raises(DataError, match=r"is not BBBP.*accepted is .*66286cb9e6b148bd75d80c870df580fb"):
        BBBP.load(path)
    with pytest.raises(DataError, match=r"is not BBBP"):
        BBBP.load(tmp_path)


def test_a_folder_without_the_file_says_so(tmp_path, alone):
    with pytest.raises(DataError, match="has no BBBP.csv, in no folder in it either"):
        BBBP.load(tmp_path)


def test_where_nothing_can_be_had_every_place_is_named(alone, monkeypatch):
    monkeypatch.setattr(download, "PAUSES", ())
    nowhere = replace(BBBP.PIECE, urls=("http://127.0.0.1:9/BBBP.csv",))
    with pytest.raises(DataError, match=r"BBBP.*cannot be had(.|\n)*127.0.0.1(.|\n)*moleculenet/BBBP.csv"):
        replace(BBBP, PIECE=nowhere).load()


def test_more_unreadable_smiles_than_are_known_are_an_error_unless_skipped(tmp_path, alone):
    path = tmp_path / "BBBP.csv"
    path.write_bytes(MADE_UP.encode())
    each = accepting(path.read_bytes(), unreadable=0)
    with pytest.raises(DataError, match=r"cannot read 1 of 5 SMILES: line 5 'C1CC'"):
        each.load(path)
    assert len(each.load(path, skip_bad=True).dataset) == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("num,name,smiles\n1,a,C\n", r"has no column 'p_np'. It has num, name, smiles"),
        ("p_np,smiles\n2,C\n", r"line 2, 'p_np': needed a whole number below 2, or nothing. Got '2'"),
        ("p_np,smiles\n1,C\nyes,CC\n", r"line 3, 'p_np': needed a whole number below 2, or nothing. Got 'yes'"),
        ("smiles,p_np\nC\n", r"line 2, 'p_np': needed .* Got None"),
    ],
)
def test_what_is_not_as_published_says_where(tmp_path, alone, text, problem):
    path = tmp_path / "BBBP.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=problem):
        accepting(path.read_bytes()).load(path)


def test_a_measurement_must_be_a_finite_number(tmp_path, alone):
    path = tmp_path / "SAMPL.csv"
    path.write_text("iupac,smiles,expt,calc\nethanol,CCO,inf,1\n")
    with pytest.raises(DataError, match=r"SAMPL.csv, line 2, 'expt': needed a number, or nothing. Got 'inf'"):
        accepting(path.read_bytes(), FREESOLV).load(path)


def test_each_set_can_be_used_as_a_module():
    for name, each in SETS.items():
        assert each.CARD.name == name
        assert (each.FROM, each.KIND, each.SPLIT) == ("download", "graphs", "groups")
        assert each.SOURCE.file == "moleculenet.tar.gz" and each.PIECE.urls[0].endswith(each.PIECE.file)
        assert bool(each.unit) == (not each.classes)
