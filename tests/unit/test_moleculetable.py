"""A table of one's own molecules: what is taken for what, and what is wrong with it said in words."""

import json

import numpy as np
import pytest

pytest.importorskip("rdkit", reason="rdkit is not installed")

from layerscope.data import moleculetable
from layerscope.dataset import split
from layerscope.source import DataError

RINGS = ["C1CC1", "C1CCC1", "C1CCCC1", "C1CCCCC1", "c1ccccc1", "c1ccncc1", "c1ccsc1", "c1ccoc1", "C1CCNCC1", "C1CCOCC1"]
SMILES = [f"{chain}{ring}" for chain in ("C", "CC", "CCC", "OC") for ring in RINGS]  # 10 scaffolds, each four times


def table(tmp_path, values, names=("y",), name="mine.csv", mark=",", written=SMILES, more=None, **options):
    more = more or {}
    header = mark.join(["SMILES", *names, *more])
    rows = [
        mark.join(
            [s, *(str(v) for v in (t if isinstance(t, tuple) else (t,))), *(str(col[i]) for col in more.values())]
        )
        for i, (s, t) in enumerate(zip(written, values, strict=True))
    ]
    path = tmp_path / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return moleculetable.read(path, **{"smiles": "SMILES", "targets": list(names), **options})


def test_numbers_are_a_measurement(tmp_path):
    values = [i / 7 for i in range(40)]
    found = table(tmp_path, values, unit="log mol/L")
    data = found.loaded.dataset
    assert (data.kind, data.classes, data.unit) == ("number", ("y",), "log mol/L")
    np.testing.assert_allclose(data.targets, values, rtol=1e-6)
    assert found.notes == (
        "'y' was taken for a measurement (40 different numbers).",
        "there are 40 molecules, so scores are uncertain.",
    )
    assert data.ids.tolist()[:2] == ["line 2", "line 3"]
    assert len(set(data.groups.tolist())) == 10
    assert data.groups[0] == data.groups[10], "methylcyclopropane and ethylcyclopropane share their scaffold"
    assert "scaffold" in data.source.group
    assert found.loaded.origin.startswith("mine.csv (40 molecules in 10 groups, sha256 ")
    assert len(data.inputs) == 40
    assert set(split(data, {"train": 0.6, "val": 0.2, "test": 0.2}, 0)) == {"train", "val", "test"}


def test_words_are_classes(tmp_path):
    found = table(tmp_path, ["toxic", "safe"] * 20)
    data = found.loaded.dataset
    assert (data.kind, data.classes) == ("class", ("safe", "toxic"))
    assert data.targets.tolist() == [1, 0] * 20
    assert found.notes == (
        "'y' was taken for 2 classes: safe, toxic.",
        "2 class(es) have fewer than 30 molecules, so their scores are uncertain: 'safe' 20, 'toxic' 20.",
    )


def test_few_whole_numbers_are_classes_and_the_note_says_how_to_say_otherwise(tmp_path):
    values = [("0", "1.0", "10", "2")[i % 4] for i in range(40)]
    alone = {"more": {"batch": range(40)}, "group": "batch"}
    found = table(tmp_path, values, **alone)
    assert found.loaded.dataset.classes == ("0", "1", "2", "10")
    assert found.loaded.dataset.targets.tolist() == [0, 1, 3, 2] * 10
    assert found.notes[0] == (
        "'y' was taken for 4 classes: 0, 1, 2, 10 (if these numbers are a measurement, say kind=number)."
    )
    measured = table(tmp_path, values, kind="number", **alone)
    assert measured.loaded.dataset.kind == "number"
    assert measured.loaded.dataset.targets.tolist() == [0, 1, 10, 2] * 10
    assert measured.loaded.identity != found.loaded.identity


def test_numbers_can_be_said_to_be_classes(tmp_path):
    found = table(tmp_path, [f"{i % 3}.5" for i in range(40)], kind="class")
    assert found.loaded.dataset.classes == ("0.5", "1.5", "2.5")


def test_a_decimal_comma_is_read_and_said(tmp_path):
    found = table(tmp_path, [f"{i},5" for i in range(40)], mark=";")
    assert found.loaded.dataset.targets.tolist() == [i + 0.5 for i in range(40)]
    assert "in 40 cells of 'y' the comma was read as a decimal point, such as '0,5'." in found.notes


def test_several_columns_are_labels_of_which_some_are_unknown(tmp_path):
    targets = [(("yes", "no")[i % 2], ("1", "0", "", "n/a")[i % 4]) for i in range(40)]
    found = table(tmp_path, targets, ("liver", "heart"))
    data = found.loaded.dataset
    assert (data.kind, data.classes) == ("labels", ("liver", "heart"))
    assert data.targets[:4].tolist() == [[True, True], [False, False], [True, False], [False, False]]
    assert data.known is not None
    assert data.known[:4].tolist() == [[True, True], [True, True], [True, False], [True, False]]
    assert found.notes[0] == "2 columns were taken for labels, of which a molecule may have several."


@pytest.mark.parametrize("form", ["tsv", "semicolon", "jsonl"])
def test_other_forms_of_table_give_the_same(tmp_path, form):
    values = [i / 4 for i in range(40)]
    plain = table(tmp_path, values).loaded.dataset
    if form == "jsonl":
        path = tmp_path / "mine.jsonl"
        rows = zip(SMILES, values, strict=True)
        path.write_text("".join(json.dumps({"SMILES": s, "y": v, "z": None}) + "\n" for s, v in rows))
        other = moleculetable.read(path, smiles="SMILES", targets=["y"]).loaded.dataset
    else:
        other = table(tmp_path, values, mark={"tsv": "\t", "semicolon": ";"}[form], name="other").loaded.dataset
    assert other.targets.tolist() == plain.targets.tolist()
    assert other.groups.tolist() == plain.groups.tolist()


def test_own_groups_and_names(tmp_path):
    more = {"series": [f"s{i // 4}" for i in range(40)], "name": [f"compound {i}" for i in range(40)]}
    found = table(tmp_path, [i / 7 for i in range(40)], more=more, group="series", id="name")
    data = found.loaded.dataset
    assert [len(set(data.groups[i : i + 4].tolist())) for i in range(0, 40, 4)] == [1] * 10
    assert len(set(data.groups.tolist())) == 10
    assert data.ids[3] == "compound 3"
    assert data.source.group == "series (your column); the same molecule counts as one group too"


def test_a_repeated_molecule_is_one_and_is_said(tmp_path):
    found = table(tmp_path, [*(i / 7 for i in range(40)), 9.0], written=[*SMILES, "C1CC1C"])
    assert len(found.molecules) == 40 and found.molecules.targets[0, 0] == 4.5
    assert "1 of 41 rows repeat a molecule of an earlier row; they are one now." in found.notes
    assert any(
        "rows of one molecule disagree; their median counts (line 2, line 42 in y: 0, 9)" in n for n in found.notes
    )


def test_missing_values_are_left_out_and_said(tmp_path):
    found = table(tmp_path, [*("NA" if i % 8 == 0 else i / 7 for i in range(40))])
    assert len(found.molecules) == 35
    assert "5 molecules were left out, because no value is both known and undisputed." in found.notes


def test_unreadable_smiles_name_their_lines_and_can_be_skipped(tmp_path):
    smiles, values = [*SMILES[:39], "aspirin"], [i / 7 for i in range(40)]
    with pytest.raises(
        DataError, match=r"mine.csv, column 'SMILES': RDKit \S+ cannot read 1 of 40 SMILES: line 41 'asp"
    ):
        table(tmp_path, values, written=smiles)
    found = table(tmp_path, values, written=smiles, skip_bad=True)
    assert len(found.loaded.dataset) == 39
    assert [name for name, _ in found.loaded.skipped] == ["line 41"]
    assert found.notes[1].startswith("1 of 40 SMILES cannot be read and were left out (line 41: it does not follow")


def test_an_empty_cell_of_smiles_is_listed(tmp_path):
    with pytest.raises(DataError, match="line 2 '': it is empty"):
        table(tmp_path, [i / 7 for i in range(40)], written=["", *SMILES[1:]])


NUMBERS = [i / 7 for i in range(40)]


@pytest.mark.parametrize(
    ("targets", "options", "problem"),
    [
        (NUMBERS, {"smiles": "smile"}, r"no column 'smile'; there are 'SMILES', 'y'. Perhaps 'SMILES' is meant"),
        (NUMBERS, {"targets": []}, r"columns of their own. Got SMILES. Name others"),
        (NUMBERS, {"targets": ["SMILES"]}, r"columns of their own. Got SMILES, SMILES"),
        (NUMBERS, {"id": "y", "group": "y"}, r"columns of their own. Got SMILES, y, y, y"),
        ([*NUMBERS[:39], ">10"], {}, r"line 41: '>10' in column 'y' is no number, as 39 others are. Write a number"),
        (["a", "b"] * 20, {"kind": "number"}, r"line 2: 'a' in column 'y' is no number, as 0 others are"),
        ([""] * 40, {}, r"every cell of column 'y' is empty"),
        (["x"] * 40, {}, r"every molecule is of the class 'x'. Two are needed"),
        (["x"] * 38 + ["y"] * 2, {}, r"1 class\(es\) have fewer than 3 groups of molecules: 'y' has 0"),
        (["a", "b"] * 20, {"unit": "mM"}, r"classes have no unit, and 'y' is taken for classes"),
        (["a\x00b"] * 40, {}, r"a zero byte"),
        (["a\x07b"] * 40, {}, r"column 'y' holds '\\x07', which cannot be printed"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, targets, options, problem):
    with pytest.raises(DataError, match=problem):
        table(tmp_path, targets, **options)


def test_labels_must_be_there_or_not(tmp_path):
    with pytest.raises(
        DataError, match=r"line 3: '2' in column 'b' is no label that is there or is not. Write one of 1,"
    ):
        table(tmp_path, [(1, i % 3 + 1) for i in range(40)], ("a", "b"))
    with pytest.raises(DataError, match=r"1 class\(es\) have fewer than 3 groups of molecules: 'a: no' has 0"):
        table(tmp_path, [(1, i % 2) for i in range(40)], ("a", "b"))


def test_too_few_groups_are_an_error(tmp_path):
    with pytest.raises(DataError, match=r"the 4 molecules are 1 group\(s\). At least 3 are needed"):
        table(tmp_path, NUMBERS[:4], written=SMILES[::10], kind="number")


def test_names_that_are_there_twice_are_an_error(tmp_path):
    with pytest.raises(DataError, match="twin"):
        table(tmp_path, NUMBERS, more={"name": ["twin"] * 40}, id="name")
