"""Whatever a file of predictions holds, it is read and can be judged, or a DataError says why not."""

import csv
import io
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.judge import METRICS
from layerscope.predictions import Predictions
from layerscope.source import DataError

FUZZ = settings(max_examples=100, deadline=None)
HEADERS = ("y_true", "prediction", "score", "p(a)", "p(b)", "p_a", "a", "b", "id", "group", "study", "p()", "", "note")
CELLS = ("0.5", "1", "a", "0,25", "nan", "-1", "1_0", "", " ", "x\ny", '"', "a ")
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=8)


def read(content: bytes, **names: str) -> Predictions | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.csv"
        path.write_bytes(content)
        try:
            p = Predictions.from_csv(path, **names)
        except DataError:
            return None
        assert len(p) > 0
        assert all(np.isfinite(METRICS[name](p)) for name in ("accuracy", "macro_f1"))
        p.to_csv(path)
        same(Predictions.from_csv(path), p)
        return p


def same(a: Predictions, b: Predictions) -> None:
    assert (a.classes, a.groups_known, a.probs_known) == (b.classes, b.groups_known, b.probs_known)
    for name in ("probs", "targets", "groups", "ids"):
        assert getattr(a, name).tolist() == getattr(b, name).tolist(), name


@FUZZ
@given(st.binary(max_size=300))
def test_any_bytes(content):
    read(content)


@FUZZ
@given(st.text(max_size=200))
def test_any_text(text):
    read(("target,score,id\n" + text).encode("utf-8", "replace"))


@FUZZ
@given(
    st.lists(st.sampled_from(HEADERS), max_size=4),
    st.lists(st.sampled_from("ab"), min_size=1, max_size=6),
    st.lists(st.sampled_from(CELLS), max_size=2),
    st.sampled_from(",;\t"),
    st.sampled_from([{}, {}, {"target": "label"}, {"group": "id"}, {"id": "note"}, {"target": "a", "group": "a"}]),
)
def test_any_table_of_known_names(others, targets, cells, mark, names):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=mark)
    header = ["label", "p(a)", "p(b)", *others]
    writer.writerow(header)
    for row, target in enumerate(targets):
        writer.writerow([target, "0.5", "0.5", *cells, f"{row}", "0", "1", "2"][: len(header)])
    read(file.getvalue().encode(), **names)


@FUZZ
@given(
    st.sampled_from([b"id,patient,label,p(a),p(b)\nx,1,a,.5,.5\ny,2,b,.1,.9\n", b"y;score\n0;0,5\n1;0,7\n0;1\n"]),
    st.lists(st.tuples(st.integers(0, 50), st.binary(min_size=1, max_size=2)), max_size=4),
)
def test_a_good_file_with_some_bytes_changed(content, changes):
    spoiled = bytearray(content)
    for at, byte in changes:
        spoiled[at % len(spoiled) : at % len(spoiled) + 1] = byte
    read(bytes(spoiled))
    assert read(content) is not None


@FUZZ
@given(
    st.lists(NAMES.filter(lambda name: name == name.strip()), min_size=2, max_size=5, unique=True),
    st.lists(NAMES, min_size=1, max_size=6, unique=True),
    st.integers(0, 10**6),
    st.booleans(),
    st.booleans(),
)
def test_any_names_and_numbers_survive_the_file(classes, ids, seed, groups_known, probs_known):
    rng, k, s = np.random.default_rng(seed), len(classes), len(ids)
    probs = rng.dirichlet(np.full(k, 0.05), s) if probs_known else np.eye(k)[rng.integers(k, size=s)]
    groups = rng.integers(-(10**12), 10**12, s) if groups_known else np.arange(s)
    p = Predictions(probs, rng.integers(k, size=s), groups, np.array(ids), tuple(classes), groups_known, probs_known)
    with tempfile.TemporaryDirectory() as folder:
        p.to_csv(Path(folder) / "p.csv")
        same(Predictions.from_csv(Path(folder) / "p.csv"), p)
