"""Molecules that come with RDKit, and the property that is computed of them."""

import numpy as np
import pytest

pytest.importorskip("rdkit", reason="rdkit is not installed")

from layerscope.data import ncimolecules
from layerscope.data.molecules import Counts
from layerscope.data.smiles import molecule
from layerscope.source import DataError

METHANE_TO_PENTANE = ["C", "CC", "CCC", "CCCC", "CCCCC"]


@pytest.fixture(scope="module")
def known():
    if not ncimolecules.packaged():
        pytest.skip("this rdkit does not ship Data/NCI")
    return ncimolecules.molecules()


def test_nothing_is_downloaded_and_the_computed_is_called_computed(known, monkeypatch):
    monkeypatch.delenv("LAYERSCOPE_MIRROR", raising=False)
    loaded = ncimolecules.load()
    assert loaded.origin.startswith("first_5K.smi (of the package rdkit; sha256 91e71c01")
    data = loaded.dataset
    assert (data.kind, data.classes, data.unit) == ("number", ("logP, computed",), "")
    assert "not measured" in data.source.title
    assert loaded.identity == known.identity()
    assert len(loaded.skipped) == 8 and loaded.skipped[0][0] == "NSC 2110"


def test_the_molecules_have_what_is_known_of_them(known):
    assert known.counts == Counts(rows=4999, unreadable=8, repeated=99, unknown=0, mixtures=136)
    assert len(set(known.ids.tolist())) == len(known) == 4892
    assert known.ids[-1] == "NSC 5065" and known.smiles[-1] == "CN1CCCC1c1cccnc1", "nicotine"
    assert not known.disagreements, "what is computed from the molecule is the same for each of its rows"


def test_the_value_is_rdkits_logp(known):
    from rdkit.Chem.Crippen import MolLogP

    for i in range(0, len(known), 97):
        assert known.targets[i, 0] == pytest.approx(MolLogP(molecule(known.smiles[i])))


def test_what_atoms_contribute_sums_to_it(known):
    for i in range(0, len(known), 41):
        parts = ncimolecules.contributions(known.smiles[i])
        assert len(parts) == molecule(known.smiles[i]).GetNumAtoms()
        assert parts.sum() == pytest.approx(known.targets[i, 0])


def test_a_longer_chain_has_a_higher_logp_and_the_oxygen_of_an_alcohol_lowers_it():
    assert (np.diff(ncimolecules.logp(METHANE_TO_PENTANE)) > 0).all()
    parts = ncimolecules.contributions("CCCCO")
    assert parts.argmin() == 4 and parts[4] < 0 < parts[:3].min()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("CC\t1\nCCC\n", r"line 2: needed a SMILES, a tab and a number. Got 'CCC'"),
        ("", "no molecule has a value"),
        ("".join(f"C1\t{i}\n" for i in range(9)) + "CC\t10\n", r"cannot read 9 of 10 SMILES \(8 are known to be so\)"),
    ],
)
def test_another_file_is_an_error(tmp_path, text, problem):
    (tmp_path / "nci.smi").write_text(text)
    with pytest.raises(DataError, match=problem):
        ncimolecules.read(tmp_path / "nci.smi")


def test_unreadable_ones_can_be_skipped(tmp_path):
    (tmp_path / "nci.smi").write_text("".join(f"C1\t{i}\n" for i in range(9)) + "CC\t10\n")
    found = ncimolecules.read(tmp_path / "nci.smi", skip_bad=True)
    assert found.ids.tolist() == ["NSC 10"] and found.counts.unreadable == 9


def test_a_changed_file_is_refused(tmp_path):
    (tmp_path / "first_5K.smi").write_text("CC\t1\n")
    with pytest.raises(DataError, match="is not NCI molecules"):
        ncimolecules.load(tmp_path / "first_5K.smi")
