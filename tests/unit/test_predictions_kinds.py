"""Tables of numbers and of several labels: written and read again, those of other tools, and what the command says."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.judge.files import judge_file
from layerscope.judge.multilabel import MultiLabel
from layerscope.judge.regression import MEASURES
from layerscope.predictions import Numbers, Predictions
from layerscope.predictions_kinds import kind_of
from layerscope.source import DataError


def numbers(samples=40, seed=0) -> Numbers:
    rng = np.random.default_rng(seed)
    y = rng.normal(-3, 2, samples)
    said = y + rng.normal(0, 0.7, samples)
    ids = np.array([f'CC{"O" * i}, "{i}"' for i in range(samples)])
    return Numbers(said, y, np.arange(samples) // 2, ids, "solubility", "log [mol/L]")


def labels(samples=60, seed=0) -> MultiLabel:
    rng = np.random.default_rng(seed)
    true, known = rng.random((samples, 3)) < [0.5, 0.2, 0], rng.random((samples, 3)) < 0.7
    probs = 1 / (1 + np.exp(-rng.normal(size=true.shape) - 1.5 * (2 * true - 1)))
    ids = np.array([f"s{i}" for i in range(samples)])
    names = ("NR-AR", "SR-p53", "none")
    return MultiLabel(probs, true & known, np.arange(samples) // 3, ids, names, known=known)


def same(p, q, *columns):
    assert type(p) is type(q)
    for name in columns:
        ours, theirs = getattr(p, name), getattr(q, name)
        if isinstance(ours, np.ndarray):
            assert np.array_equal(ours, theirs), name
        else:
            assert ours == theirs, name


NUMBER_COLUMNS = ("values", "targets", "groups", "ids", "quantity", "unit", "low", "high", "level", "groups_known")


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=20))
@settings(max_examples=40, deadline=None)
def test_numbers_come_back_bit_for_bit(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("numbers") / "p.csv"
    y, n = np.array(values), len(values)
    p = Numbers(y[::-1].copy(), y, np.arange(n), np.array([f"{i}" for i in range(n)]), "a, b", "")
    p.to_csv(path)
    same(p, Numbers.from_csv(path), *NUMBER_COLUMNS)
    assert kind_of(path) == "number"


def test_intervals_and_groups_that_are_not_known_come_back_too(tmp_path):
    p = numbers()
    p = replace(p, low=p.values - 1, high=np.full(40, np.inf), level=0.9, groups=np.arange(40), groups_known=False)
    p.to_csv(tmp_path / "p.csv")
    same(p, Numbers.from_csv(tmp_path / "p.csv"), *NUMBER_COLUMNS)


def test_names_of_groups_are_written_where_there_are_some(tmp_path):
    p = numbers(4)
    p.to_csv(tmp_path / "p.csv", {0: "benzene", 1: "pyridine"})
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert lines[0] == "id,group,target,predicted_value,quantity,unit"
    assert [line.split('"')[-1].split(",")[1] for line in lines[1:]] == ["benzene"] * 2 + ["pyridine"] * 2
    assert Numbers.from_csv(tmp_path / "p.csv").groups.tolist() == [0, 0, 1, 1]
    assert not [*tmp_path.glob("*.part")]


def test_labels_come_back_with_what_is_not_known(tmp_path):
    p = labels()
    columns = ("probs", "targets", "groups", "ids", "classes", "groups_known", "known")
    p.to_csv(tmp_path / "p.csv")
    same(p, MultiLabel.from_csv(tmp_path / "p.csv"), *columns)
    assert kind_of(tmp_path / "p.csv") == "labels"
    whole = replace(p, known=None, groups=np.arange(60), groups_known=False)
    whole.to_csv(tmp_path / "q.csv")
    same(whole, MultiLabel.from_csv(tmp_path / "q.csv"), *columns)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("target,prediction\n-2.31,-2\n0.4,1\n", "number"),
        ("smiles;y_true;y_pred\nC;1,5;1,7\nCC;2;2\n", "number"),
        ("target,predicted_value\n1,2\n3,4\n", "number"),
        ("target,prediction\n1,0\n0,0\n", "class"),
        ("target,prediction\n1,0.7\n0,0.2\n", "class"),
        ("target,prediction\n1.0,0.0\n0.0,0.0\n", "class"),
        ("target,prediction,p(0.5),p(1.5)\n0.5,0.5,0.9,0.1\n1.5,0.5,0.6,0.4\n", "class"),
        ("target,score,prediction\n0.5,0.1,0.5\n1.5,0.2,0.5\n", "class"),
        ("target,prediction\ncat,dog\ndog,dog\n", "class"),
        ("a,p(a)\n1,0.5\n,0.1\n", "labels"),
        ("a,b\n1,0.5\n,0.1\n", "class"),
    ],
)
def test_which_kind_a_table_is(tmp_path, text, kind):
    path = tmp_path / "p.csv"
    path.write_text(text)
    assert kind_of(path) == kind


def test_a_table_of_another_tool_is_read(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("Scaffold;logS;y_pred;lower;upper;level\nbenzene;-2,5;-2;-4;0;0,9\nacyclic;1;1,5;-inf;2;0,9\n")
    p = Numbers.from_csv(path, target="logS")
    assert (p.quantity, p.unit, p.level, p.groups.tolist(), p.groups_known) == ("logS", "", 0.9, [0, 1], True)
    assert (p.targets.tolist(), p.values.tolist()) == ([-2.5, 1], [-2, 1.5])
    assert p.low is not None
    assert p.low.tolist() == [-4, -np.inf]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("target,predicted_value\n1,x\n2,3\n", "line 2: 'x' in column 'predicted_value' is not a number"),
        ("target,predicted_value\n1,2\n,3\n", "line 3: '' in column 'target' is not a number"),
        ("target,predicted_value\ninf,2\n1,3\n", "line 2: 'inf' in column 'target' is not a number"),
        ("predicted_value\n1\n", "no column holds the true number; there are 'predicted_value'"),
        ("target,other\n1.5,2\n", "no column holds the predicted number; there are 'target', 'other'"),
        ("target,predicted_value,low,high\n1,2,0,3\n", "not how often they shall hold the truth. Add a column `level`"),
        ("target,predicted_value,low,high,level\n1,2,0,3,.9\n1,2,0,3,.8\n", "of one level; there are 2"),
        ("target,y_true,predicted_value\n1,2,3\n", "could each be the target"),
    ],
)
def test_a_table_of_numbers_that_cannot_be_read_says_why(tmp_path, text, says):
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=says):
        Numbers.from_csv(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,p(a)\n1,0.5\nmaybe,0.1\n", "line 3: 'maybe' in column 'a' is no answer. 1, 0, or empty if unknown"),
        ("a,p(a)\n1,1.5\n0,0.1\n", "line 2: '1.5' in column 'p.a.' is not a probability"),
        ("a,p(a)\n1,\n0,0.1\n", "line 2: '' in column 'p.a.' is not a probability"),
        ("a,p(b)\n1,0.5\n", "no label has a column beside its probability; there are 'a', 'p.b.'"),
    ],
)
def test_a_table_of_labels_that_cannot_be_read_says_why(tmp_path, text, says):
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=says):
        MultiLabel.from_csv(path)


def command(*words: object) -> str:
    done = subprocess.run([sys.executable, "-m", "layerscope", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


def test_the_command_judges_numbers(tmp_path):
    p, other = numbers(), numbers(seed=0)
    p = replace(p, low=p.values - 2, high=p.values + 2, level=0.9)
    other = replace(other, values=other.targets + 3 * other.errors)
    for name, q in (("p.csv", p), ("other.csv", other)):
        q.to_csv(tmp_path / name)
    said = command("judge", tmp_path / "p.csv", "--against", tmp_path / "other.csv", "--out", tmp_path / "s.json")
    assert f"{MEASURES['rmse'](p):.4f}" in said
    assert f"{MEASURES['spearman'](p):.4f}" in said
    assert "log [mol/L]" in said, "what stands in brackets is no style"
    assert "40 samples in 20 groups; numbers: solubility (log [mol/L])." in said
    assert "Samples inside their 90 % intervals" in said
    assert "Root mean squared error minus that of" in said
    assert "spearman" in (tmp_path / "s.json").read_text()


def test_the_command_judges_labels_and_says_what_is_left_out(tmp_path):
    p = labels()
    p.to_csv(tmp_path / "p.csv")
    said = command("judge", tmp_path / "p.csv")
    assert "AUROC, mean of labels" in said
    missing = int((~p.known).sum())  # pyright: ignore[reportOptionalOperand]
    assert f"3 labels, {missing} of 180 answers unknown; left out is 'none', since no known sample has it." in said
    assert "1 of 3 labels left out" in said


def test_two_tables_must_be_of_one_kind(tmp_path):
    numbers().to_csv(tmp_path / "n.csv")
    labels().to_csv(tmp_path / "l.csv")
    with pytest.raises(DataError, match=r"two tables of one kind. Got number in .*n.csv and labels in .*l.csv"):
        judge_file(tmp_path / "n.csv", against=tmp_path / "l.csv")
    ids, y = np.array(["a", "b", "c", "d"]), np.array([0, 1, 0, 1])
    Predictions(np.eye(2)[y], y, np.arange(4), ids, ("no", "yes")).to_csv(tmp_path / "c.csv")
    found = judge_file(tmp_path / "c.csv", against=tmp_path / "c.csv")
    assert (found.about, found.groups, found.compared) == ("2 classes", 4, "Accuracy")
    assert found.ahead is not None
    assert found.ahead.value == 0
