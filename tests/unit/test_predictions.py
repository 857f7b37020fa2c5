"""Predictions, and the many ways in which other tools write them down."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from layerscope.predictions import Predictions
from layerscope.source import DataError


def three() -> Predictions:
    probs = np.array([[0.7, 0.2, 0.1], [1 / 3, 1 / 3, 1 / 3], [0.1, 0.3, 0.6]])
    ids = np.array(["a,b", 'say "x"', " two\u00a0words; é"])
    return Predictions(probs, np.array([0, 2, 2]), np.array([5, -1, 5]), ids, ("cat", "p(dog)", "no, none"))


def read(tmp_path, text, **names) -> Predictions:
    path = tmp_path / "other.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Predictions.from_csv(path, **names)


def same(a: Predictions, b: Predictions) -> None:
    for name in ("probs", "targets", "groups", "ids"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert (a.classes, a.groups_known, a.probs_known) == (b.classes, b.groups_known, b.probs_known)


def test_the_guess_is_the_most_probable_class_and_of_equals_the_first():
    assert three().guess.tolist() == [0, 0, 2]


def test_rows_by_number_and_by_mask():
    p = three()
    assert p.rows(np.array([2, 0])).ids.tolist() == [p.ids[2], p.ids[0]]
    assert p.rows(p.targets == 2).groups.tolist() == [-1, 5]
    assert len(p.rows(np.array([], dtype=int))) == 0


def test_groups_are_numbered_in_their_order():
    owners, groups = three().owners
    assert (owners.tolist(), groups) == ([1, 0, 1], 2)


BROKEN = {
    r"needed probs of shape \(3, 2\). Got \(3, 3\)": {"classes": ("a", "b")},
    r"different names of classes.*Got \('a', 'a', 'b'\)": {"classes": ("a", "a", "b")},
    r"without space around. Got \('a', ' b', 'c'\)": {"classes": ("a", " b", "c")},
    r"two or more different names": {"classes": ("a\n", "b", "c")},
    r"1 of 3 rows do not; the first is row 0 \(a,b\): \[0.7, 0.2, 0.2\]": {
        "probs": np.array([[0.7, 0.2, 0.2], [1, 0, 0], [1, 0, 0]])
    },
    r"first is row 1 .*\[nan": {"probs": np.array([[1, 0, 0], [np.nan, 0, 1], [1, 0, 0]])},
    r"first is row 2 .*\[-0.5": {"probs": np.array([[1, 0, 0], [1, 0, 0], [-0.5, 1, 0.5]])},
    r"first is row 2 .*\[inf": {"probs": np.array([[1, 0, 0], [1, 0, 0], [np.inf, 0, 0]])},
    r"targets must lie in 0..2. Got 3 in row 1": {"targets": np.array([0, 3, 1])},
    r"targets must lie in 0..2. Got -1 in row 0": {"targets": np.array([-1, 3, 1])},
}


@pytest.mark.parametrize("text", BROKEN)
def test_columns_that_do_not_fit(text):
    with pytest.raises(DataError, match=text):
        replace(three(), **BROKEN[text])


def test_columns_of_different_lengths():
    """In a process of its own, because the shapes that tests execute would speak first."""
    code = """
import numpy as np
from layerscope.predictions import Predictions
try:
    Predictions(np.eye(2), np.array([0, 1]), np.array([3]), np.array(["a", "b"]), ("no", "yes"))
except ValueError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "one row per sample. Got {'probs': 2, 'targets': 2, 'groups': 1, 'ids': 2}" in said


def test_what_is_written_is_read_bit_for_bit(tmp_path):
    rng = np.random.default_rng(0)
    probs = rng.dirichlet([0.1, 0.1, 0.1], 500)
    ids = np.array([f"Hand/{i:06}.jpeg" for i in range(500)])
    many = Predictions(probs, rng.integers(3, size=500), rng.integers(9, size=500), ids, ("0", "1", "10"))
    for p in (three(), many, replace(many, groups=np.arange(500), groups_known=False), hard(many)):
        p.to_csv(tmp_path / "p.csv")
        same(Predictions.from_csv(tmp_path / "p.csv"), p)
    assert [path.name for path in tmp_path.iterdir()] == ["p.csv"]


def hard(p: Predictions) -> Predictions:
    return replace(p, probs=np.eye(len(p.classes))[p.guess], probs_known=False)


def test_the_file_is_plain(tmp_path):
    p = Predictions(np.array([[0.1, 0.9]]), np.array([0]), np.array([3]), np.array(["x"]), ("no", "yes"))
    p.to_csv(tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text() == "id,group,target,prediction,p(no),p(yes)\nx,3,no,yes,0.1,0.9\n"
    replace(hard(p), groups_known=False).to_csv(tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text() == "id,group,target,prediction,p(no),p(yes)\nx,,no,yes,,\n"


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        (["a", "b", "a"], "row 2: id 'a' is there twice"),
        (["a", "", "c"], "row 1: an id needs 1 to 1000 printable characters. Got '' "),
        (["a", "b", "x\ny"], r"row 2: an id needs .* Got 'x\\ny' \(3 characters\)"),
        (["a", "b" * 1001, "c"], r"row 1: .* \(1001 characters\)"),
    ],
)
def test_ids_that_could_not_be_read_are_not_written(tmp_path, ids, text):
    with pytest.raises(DataError, match=text):
        replace(three(), ids=np.array(ids)).to_csv(tmp_path / "p.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "header",
    [
        "y_true,p(cat),p(dog)",
        "label,p_cat,p_dog",
        "Target,prob_cat,prob_dog",
        "class,proba_cat,Probability_dog",
        "True Label,cat,dog",
        "ground-truth,P(cat),P(dog)",
    ],
)
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_columns_of_other_tools(tmp_path, header, mark):
    text = f"{header}\ncat,0.75,0.25\ndog,0.5,0.5\n".replace(",", mark)
    p = read(tmp_path, text)
    assert p.classes == ("cat", "dog")
    assert p.probs.tolist() == [[0.75, 0.25], [0.5, 0.5]]
    assert (p.targets.tolist(), p.ids.tolist(), p.groups.tolist()) == ([0, 1], ["1", "2"], [0, 1])
    assert (p.groups_known, p.probs_known) == (False, True)


def test_classes_keep_the_order_of_their_columns_and_may_lack_samples(tmp_path):
    p = read(tmp_path, "target,p(b),p(c),p(a)\na,0,0.5,0.5\nb,1,0,0\n")
    assert (p.classes, p.targets.tolist()) == (("b", "c", "a"), [2, 0])


@pytest.mark.parametrize(
    ("header", "groups"),
    [
        ("patient,study", [0, 0, 1]),
        ("study,patient_id", [0, 1, 1]),
        ("Subject ID,series", [0, 0, 1]),
        ("x,Study", [0, 1, 1]),
    ],
)
def test_the_widest_group_is_taken(tmp_path, header, groups):
    p = read(tmp_path, f"y,score,{header}\n0,.1,a,s\n1,.9,a,t\n1,.8,b,t\n")
    assert (p.groups.tolist(), p.groups_known) == (groups, True)


def test_numbered_groups_keep_their_numbers(tmp_path):
    text = "y,score,group\n0,.1,{}\n1,.9,-7\n1,.8,12\n"
    assert read(tmp_path, text.format("12")).groups.tolist() == [12, -7, 12]
    assert read(tmp_path, text.format("012")).groups.tolist() == [0, 1, 2]
    assert read(tmp_path, text.format("9" * 30)).groups.tolist() == [0, 1, 2]


def test_columns_that_are_named(tmp_path):
    text = "label,dx,who,file,p(b),p(m)\n1,b,ann,x,.9,.1\n2,m,ann,y,.2,.8\n"
    p = read(tmp_path, text, target="dx", group="who", id="label")
    assert (p.classes, p.groups.tolist(), p.ids.tolist()) == (("b", "m"), [0, 0], ["1", "2"])
    assert read(tmp_path, "y,score,id\n0,.5,p1\n1,.5,p1\n", group="id").ids.tolist() == ["1", "2"]
    with pytest.raises(DataError, match=r"there is no column 'dz'\. There are 'label', 'dx', 'who'"):
        read(tmp_path, text, target="dz")


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (("0", "1"), ("0", "1")),
        (("1", "1"), ("0", "1")),
        (("0", "0"), ("0", "1")),
        (("-1", "1"), ("-1", "1")),
        (("0.0", "1.0"), ("0.0", "1.0")),
        (("Benign", "Malignant"), ("Benign", "Malignant")),
        (("yes", "no"), ("no", "yes")),
        (("FALSE", "TRUE"), ("FALSE", "TRUE")),
    ],
)
@pytest.mark.parametrize("column", ["score", "y_score", "Probability", "y_prob"])
def test_one_score_of_the_positive_class(tmp_path, values, classes, column):
    p = read(tmp_path, f"y_true,{column}\n{values[0]},0.25\n{values[1]},1\n")
    assert p.classes == classes
    assert p.probs.tolist() == [[0.75, 0.25], [0, 1]]


@pytest.mark.parametrize("column", ["p(dog)", "p_dog", "dog"])
def test_one_column_of_a_named_class(tmp_path, column):
    p = read(tmp_path, f"label,{column}\ndog,0.75\ncat,0.25\n")
    assert (p.classes, p.probs.tolist()) == (("cat", "dog"), [[0.25, 0.75], [0.75, 0.25]])
    q = read(tmp_path, "label,p(neg)\nneg,0.75\npos,0.25\n")
    assert (q.classes, q.probs.tolist()) == (("pos", "neg"), [[0.25, 0.75], [0.75, 0.25]])


def test_decisions_alone(tmp_path):
    p = read(tmp_path, "label,y_pred\n10,9\n9,9\n9,11\n")
    assert (p.classes, p.targets.tolist(), p.guess.tolist()) == (("9", "10", "11"), [1, 0, 0], [0, 0, 2])
    assert not p.probs_known
    assert read(tmp_path, "label,pred\nb,a\na,a\n").classes == ("a", "b")


def test_decisions_beside_probabilities_must_agree(tmp_path):
    text = "label,pred,p(a),p(b)\na,a,.6,.4\nb,{},.6,.4\nb,b,.5,.5\n"
    assert read(tmp_path, text.format("a")).guess.tolist() == [0, 0, 0]
    with pytest.raises(DataError, match=r"line 3: the prediction is 'b', the most probable class 'a' \(1 of 3 rows"):
        read(tmp_path, text.format("b"))


def test_rounded_probabilities_are_scaled_and_exact_ones_left(tmp_path):
    p = read(tmp_path, "label,a,b,c\na,0.33,0.33,0.33\nb,0.3331,0.3333,0.3333\nc,0,0,1\n")
    assert p.probs[0].tolist() == pytest.approx([1 / 3] * 3)
    assert p.probs[1].tolist() == [0.3331, 0.3333, 0.3333]


def test_what_spreadsheets_do(tmp_path):
    text = '\ufefflabel;p(a);p(b);note\r\n\r\na;0,75;0,25;"two\r\nlines; quoted"\r\n;;;\r\nb;"0,5";5e-1;\r\n\r\n'
    p = read(tmp_path, text)
    assert (p.probs.tolist(), p.targets.tolist()) == ([[0.75, 0.25], [0.5, 0.5]], [0, 1])
    assert read(tmp_path, "label,score\r0,.5\r1,.5\r").targets.tolist() == [0, 1]
    with pytest.raises(DataError, match=r"line 4: 'x' in column 'p\(b\)' is not a probability"):
        read(tmp_path, 'label,note,p(a),p(b)\na,"1\n2",0,1\nb,,0,x\n')


REFUSED = {
    "": "there is no row; the header is missing. Write a header and one row per sample",
    "\n\n": "there is no row; the header is missing",
    "label,score\n": "there is no row; the header is 'label', 'score'",
    "a,b\n1,2\n": "no column holds the true class; there are 'a', 'b'. Call it `target`, or name it",
    "label,class,score\n0,0,.5\n": "columns 'label', 'class' could each be the target. Name the target",
    "label,x\na,1\nb,2\n": "no column holds a prediction of the classes 'a', 'b'; there are 'label', 'x'. Call the",
    "label,score\n0,.5\n,.5\n": "line 3: '' in column 'label' is not a class. Name one, or drop the row",
    "label,score\n0,.5,1\n": "line 2: 3 cells under 2 columns. Put quotes around cells with commas",
    "label,score\n0,.5\n1\n": "line 3: 1 cells under 2 columns",
    "label,score,score\n0,.5,.5\n": "two columns are called 'score'. Rename one",
    "label,score,prob\n0,.5,.5\n": "columns 'score', 'prob' could each be the score",
    "label,score\n0,.5\n1,high\n": "line 3: 'high' in column 'score' is not a probability. It must be a number from",
    "label,score\n0,.5\n1,nan\n": "line 3: 'nan' in column 'score' is not a probability",
    "label,score\n0,.5\n1,\n": "line 3: '' in column 'score' is not a probability",
    "label,score\n0,-.5\n1,.1\n": "line 2: '-.5' in column 'score' is not a probability",
    "label,score\n0,.5\n1,3.2\n": "line 3: '3.2' in column 'score' .* apply the softmax or the sigmoid before",
    "label,score\na,.5\nb,.5\n": "one column of probabilities is not enough for the classes 'a', 'b'. Give one",
    "label,score\n0,.5\n1,.5\n2,.5\n": "is not enough for the classes '0', '1', '2'",
    "label,p(a),p(b)\na,.5,.5\nb,.9,.9\n": r"line 3: the probabilities 'p\(a\)', 'p\(b\)' sum to 1.8. They must sum",
    "label,p(a),p(b)\na,.5,.5\nc,.9,.1\n": "line 3: class 'c' has no probabilities; there are those of 'a', 'b'",
    "label,p(a),p(b)\n0,.5,.5\n1,.9,.1\n": r"none of the columns 'p\(a\)', 'p\(b\)' names a true class, '0', '1'",
    "label,pred,p(a),p(b)\na,c,.5,.5\n": "line 2: class 'c' has no probabilities",
    "label,p(a),p(b)\na,,\nb,,\n": "the columns of probabilities are empty. Fill them, or add a column `prediction`",
    "label,pred\na,a\n": "there is one class only, 'a'. Judging needs two",
    "label,pred\n0,0.83\n1,.2\n": "line 2: prediction '0.83' is a number between classes. Call a probability `score`",
    "id,label,score\nx,0,.5\nx,1,.5\n": "line 3: id 'x' is there twice. Name the column of ids with id=, or",
    "id,label,score\nx,0,.5\n,1,.5\n": "line 3: an id needs 1 to 1000 printable characters. Got ''",
    "group,label,score\nx,0,.5\n,1,.5\n": "line 3: the cell in column 'group' is empty. Name the group of every row",
    'label,score\n0,"0.5\n': "line 2: unexpected end of data. Check the quotes here and above",
    "label,score\n0," + "1" * 200_000 + "\n": r"line 2: field larger than field limit \(131072\)",
    "label,score\n" + "".join(f"{i},.5\n" for i in range(1001)): "column 'label' has 1001 different classes",
    "label,pred\n" + "".join(f"{i},{-i}\n" for i in range(1000)): "target and prediction name 1999 different classes",
    b"\x89PNG\r\n\x1a\n": r"is not text in UTF-8 \(byte 0\). Save it as CSV UTF-8",
    "label,sc\u00f6re\n".encode("latin-1"): r"is not text in UTF-8 \(byte 8\)",
    b"label,score\n0,.5\x00\n": "is not text: it holds a zero byte",
    "label,score\n0,.5\n".encode("utf-16"): "is not text",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_files_that_cannot_be_judged_say_why(tmp_path, text):
    with pytest.raises(DataError, match=REFUSED[text]) as error:
        read(tmp_path, text)
    assert str(tmp_path / "other.csv") in str(error.value)
    assert len(str(error.value)) < 500 + len(str(tmp_path))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv cannot be read: No such file or directory"):
        Predictions.from_csv(tmp_path / "none.csv")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        Predictions.from_csv(tmp_path)
