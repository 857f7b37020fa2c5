"""From rows to molecules, each once: what is merged, what is left out, and that all of it is listed."""

import math
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.data import molecules as table
from layerscope.data import smiles as reading
from layerscope.data.molecules import Counts, Disagreement, Row, collect
from layerscope.data.smiles import molecule, read_all
from layerscope.source import DataError

pytest.importorskip("rdkit", reason="rdkit is not installed")
UNKNOWN = math.nan
KNOWN = [
    "CCO",
    "CC(=O)Oc1ccccc1C(=O)O",
    "[Na+].[Cl-]",
    "C",
    "C[C@H](N)C(=O)O",
    "c1ccc2ccccc2c1",
    "[13CH4]",
    "N#Cc1ccncc1",
]


def toxic(*rows, **more):
    return collect([Row(s, i, (v,)) for s, i, v in rows], ["toxic"], ["no", "yes"], **more)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KNOWN), st.integers(0, 10_000))
def test_however_a_molecule_is_written_it_reads_the_same(smiles, seed):
    from rdkit import Chem

    atoms = list(range(molecule(smiles).GetNumAtoms()))
    random.Random(seed).shuffle(atoms)
    other = Chem.MolToSmiles(Chem.RenumberAtoms(molecule(smiles), atoms), canonical=False)
    a, b = read_all([smiles, f"  {other}\t"])
    assert a == b and a.canonical and not a.cause


@pytest.mark.parametrize(
    ("smiles", "cause"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("CC(C", "it does not follow the rules of SMILES"),
        ("C[NH](C)(C)(C)C", "Explicit valence for atom # 1 N"),
        ("c1ccc(cc1)n2c(=O)c(c(=O)n2c3ccccc3", "it does not follow the rules"),
        ("c1cccc1", "Can't kekulize mol. Unkekulized atoms"),
        ("CCO ethanol", "there is a space in it, and 'ethanol' after that"),
        ("C" * 10_001, "it has 10,001 characters"),
        ("aspirin", "it does not follow the rules"),
    ],
)
def test_what_cannot_be_read_says_why(smiles, cause):
    (reading,) = read_all([smiles])
    assert reading.canonical == ""
    assert reading.cause.startswith(cause)
    assert "\n" not in reading.cause


def test_molecules_that_differ_in_salt_charge_isotope_or_hand_are_different():
    forms = ["CC(=O)O", "CC(=O)[O-]", "CC(=O)[O-].[Na+]", "CC(=O)O.Cl", "[13CH3]C(=O)O", "C[C@H](N)O", "C[C@@H](N)O"]
    assert len({reading.canonical for reading in read_all([*forms, "CC(N)O", "CC=O", "C=CO"])}) == 10


def test_extended_smiles_are_read():
    assert read_all(["CCO |$a;b;c$|"])[0].canonical == "CCO"


def test_a_molecule_that_cannot_be_read_alone_is_an_error():
    assert molecule("OCC").GetNumAtoms() == 3
    with pytest.raises(ValueError, match=r"'C1CC' is not the SMILES of a molecule: it does not follow the rules"):
        molecule("C1CC")


def test_without_rdkit_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(reading, "find_spec", lambda name: None)
    monkeypatch.setattr(table, "FEW", 1)
    for ask in (lambda: read_all(["C"]), lambda: molecule("C"), lambda: toxic(("C", "a", 0), ("CC", "b", 1))):
        with pytest.raises(ModuleNotFoundError, match=r"molecules need rdkit: pip install 'layerscope\[graphs\]'"):
            ask()


def test_rdkit_says_nothing_on_standard_error():
    code = (
        "from layerscope.data.smiles import read_all, molecule, quiet\n"
        "read_all(['C[NH](C)(C)(C)C', 'CC(C', 'c1cccc1'])\n"
        "with quiet(), quiet(): pass\n"
        "try: molecule('c1cccc1')\n"
        "except ValueError: pass\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")


def test_afterwards_rdkit_speaks_again():
    code = (
        "from rdkit import Chem; from layerscope.data.smiles import quiet\n"
        "with quiet(): Chem.MolFromSmiles('c1cccc1')\n"
        "Chem.MolFromSmiles('c1ccccc')"
    )  # a process of its own: whom RDKit tells is one switch for all, and other tests turn it
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    assert "c1ccccc" in said
    assert "kekulize" not in said


def test_many_are_read_in_processes_as_in_one():
    texts = [KNOWN[i % len(KNOWN)] if i % 7 else "C1CC" for i in range(1300)]
    told = []
    assert read_all(texts, lambda *now: told.append(now), processes=2) == read_all(texts, processes=1)
    assert told[0] == ("reading SMILES", 0, 1300, "molecules")
    assert told[-1] == ("reading SMILES", 1300, 1300, "molecules")
    assert [done for _, done, _, _ in told] == [0, 500, 1000, 1300]


def test_a_molecule_stands_once_and_is_called_by_its_first_row():
    found = toxic(("CCO", "a", 0), ("c1ccccc1", "b", 1), ("OCC", "c", 0), ("C(O)C", "d", 0))
    assert found.smiles.tolist() == ["CCO", "c1ccccc1"]
    assert found.ids.tolist() == ["a", "b"]
    assert found.targets.tolist() == [[0], [1]]
    assert found.counts == Counts(rows=4, unreadable=0, repeated=2, unknown=0, mixtures=0)
    assert not found.disagreements
    assert found.notes() == ("2 of 4 rows repeat a molecule of an earlier row; they are one now.",)


def test_contradictory_classes_are_left_out_and_listed():
    found = toxic(("CCO", "a", 0), ("CCC", "b", 1), ("OCC", "c", 1), ("OCC", "d", 1))
    assert found.smiles.tolist() == ["CCC"]
    assert found.disagreements == (Disagreement("CCO", ("a", "c", "d"), "toxic", (0, 1, 1)),)
    assert found.counts == Counts(4, 0, 2, 1, 0)
    assert found.notes()[1:] == (
        "1 molecule was left out, because no value is both known and undisputed.",
        "1 time(s) rows of one molecule disagree; the value counts as unknown (a, c, d in toxic: 0, 1, 1).",
    )


def test_of_several_tasks_only_the_disputed_is_unknown():
    rows = [
        Row("CCO", "a", (0, UNKNOWN, 1)),
        Row("OCC", "b", (1, UNKNOWN, 1)),
        Row("CCO", "c", (UNKNOWN, 1, UNKNOWN)),
        Row("C", "d", (UNKNOWN, UNKNOWN, UNKNOWN)),
    ]
    found = collect(rows, ["x", "y", "z"], ["no", "yes"])
    np.testing.assert_array_equal(found.targets, [[UNKNOWN, 1, 1]])
    assert [d.task for d in found.disagreements] == ["x"]
    assert found.counts.unknown == 1


def test_of_measurements_the_median_counts_and_a_wide_spread_is_listed():
    values = [0.0, 10.0, 0.0, 10.0, 1.0, 1.1, 1.0, 4.0, 9.0]
    smiles = ["C", "CC", "CCC", "CCCC", "N", "N", "O", "O", "O"]
    deviation = np.std(values)
    found = collect([Row(s, f"r{i}", (v,)) for i, (s, v) in enumerate(zip(smiles, values, strict=True))], ["pKa"])
    assert found.regression
    assert found.targets[4:, 0].tolist() == [1.05, 4.0]
    assert 0.1 < table.APART * deviation < 8
    assert found.disagreements == (Disagreement("O", ("r6", "r7", "r8"), "pKa", (1, 4, 9)),)
    assert found.notes()[-1] == (
        "1 time(s) rows of one molecule disagree; their median counts (r6, r7, r8 in pKa: 1, 4, 9)."
    )


def test_a_measurement_that_is_missing_once_is_taken_from_the_other_row():
    rows = [Row("C", "a", (UNKNOWN, 2.0)), Row("C", "b", (3.0, UNKNOWN)), Row("CC", "c", (1.0, UNKNOWN))]
    np.testing.assert_array_equal(collect(rows, ["x", "y"]).targets, [[3, 2], [1, UNKNOWN]])


def test_unreadable_smiles_are_an_error_unless_known_or_allowed():
    rows = [("C1CC", "line 2", 0), ("CCO", "line 3", 1), ("CC C", "line 4", 0)]
    with pytest.raises(
        DataError, match=r"toys: RDKit \S+ cannot read 2 of 3 SMILES: line 2 'C1CC': it does not"
    ) as got:
        toxic(*rows, what="toys")
    assert "line 4 'CC C': there is a space in it" in str(got.value)
    assert "leave them out with skip_bad (--skip-bad)" in str(got.value)
    with pytest.raises(DataError, match=r"2 of 3 SMILES \(1 are known to be so\)"):
        toxic(*rows, unreadable=1)
    for allowed in (2, 5, None):
        found = toxic(*rows, unreadable=allowed)
        assert found.ids.tolist() == ["line 3"]
        assert [bad.id for bad in found.unreadable] == ["line 2", "line 4"]
        assert found.notes()[0].startswith("2 of 3 SMILES cannot be read and were left out (line 2: it does not")


def test_nothing_left_is_an_error():
    with pytest.raises(DataError, match=r"toys: no molecule has a value that is known and undisputed. Got 2 rows"):
        toxic(("C", "a", 0), ("C", "b", 1), what="toys")


def test_groups_are_scaffolds_or_those_that_are_given():
    smiles = ["Cc1ccccc1", "OCc1ccccc1", "C1CCCCC1N", "c1ccccc1C"]
    rows = [Row(s, str(i), (i,)) for i, s in enumerate(smiles)]
    assert collect(rows, ["y"]).groups.tolist() == [1, 1, 0]
    given = [row._replace(group=g) for row, g in zip(rows, ["x", "y", "z", "z"], strict=True)]
    own = collect(given, ["y"]).groups
    assert own[0] == own[2] != own[1], "toluene stands in x and in z, so these are one"


def test_salts_are_counted_and_kept():
    found = toxic(("CC(=O)[O-].[Na+]", "a", 0), ("CC(=O)O", "b", 1))
    assert found.counts.mixtures == 1
    assert len(found) == 2


def test_the_identity_changes_with_every_molecule_value_and_group():
    rows = [Row("C", "a", (0,)), Row("CC", "b", (1,)), Row("O", "c", (0,))]

    def of(rows, tasks=("t",), classes=("no", "yes")):
        return collect(rows, list(tasks), list(classes)).identity()

    others = [
        of([rows[0], rows[1], rows[2]._replace(smiles="N")]),
        of([rows[0], rows[1], rows[2]._replace(values=(1,))]),
        of([rows[0], rows[1], rows[2]._replace(id="d")]),
        of([rows[0], rows[2], rows[1]]),
        of([row._replace(group="g") for row in rows]),
        of(rows, tasks=("u",)),
        of(rows, classes=()),
    ]
    assert of(rows) == of(rows)
    assert len({of(rows), *others}) == 8


def test_rows_can_be_chosen():
    found = toxic(("CCO", "a", 0), ("CCC", "b", 1), ("C", "c", 1)).rows(np.array([2, 0]))
    assert (found.smiles.tolist(), found.ids.tolist()) == (["C", "CCO"], ["c", "a"])
    assert found.targets.tolist() == [[1], [0]]


def test_many_readings_are_kept_and_stay_what_they_were(monkeypatch):
    monkeypatch.setattr(table, "FEW", 2)
    rows = [("CCO", "a", 0), ("C1CC", "b", 1), ("[Na+].[Cl-]", "c", 1)]
    first = toxic(*rows, unreadable=1)
    monkeypatch.setattr(table, "read_all", lambda *_: pytest.fail("it was read again"))
    again = toxic(*rows, unreadable=1)
    assert again.identity() == first.identity()
    assert again.unreadable == first.unreadable


def test_what_follows_a_tab_or_a_new_line_is_not_dropped_in_silence():
    for text in ("CCO\tCC", "CCO\nCC"):
        assert "there is a space in it, and 'CC' after that" in read_all([text])[0].cause
