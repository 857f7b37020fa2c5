"""Several labels a sample: every metric against scikit-learn, what must not matter, and intervals over groups."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from layerscope.judge.interval import binomial
from layerscope.judge.multilabel import (
    MultiLabel,
    average_precision,
    f1,
    macro_f1,
    mean_average_precision,
    micro_f1,
    thresholds,
)
from layerscope.judge.multilabel_interval import compare, scores, weighted
from layerscope.source import DataError

CUT = np.array([0.3, 0.5, 0.6, 0.45])


def toy(samples=150, classes=4, groups=30, ties=True, sharp=1.5, seed=0) -> MultiLabel:
    """Scores of a middling network; the first class is frequent, the last rare."""
    rng = np.random.default_rng(seed)
    targets = rng.random((samples, classes)) < np.linspace(0.5, 0.08, classes)
    targets[0] = True
    probs = 1 / (1 + np.exp(-rng.normal(size=targets.shape) - sharp * (2 * targets - 1)))
    return of(np.round(probs, 1) if ties else probs, targets, rng.permutation(np.arange(samples) % groups) * 7 - 30)


def of(probs, targets, groups=None, **fields) -> MultiLabel:
    probs, targets = np.asarray(probs, dtype=float), np.asarray(targets)
    groups = np.arange(len(probs)) if groups is None else np.asarray(groups)
    ids = np.array([f"s{i}" for i in range(len(probs))], dtype=str)
    return MultiLabel(probs, targets, groups, ids, tuple(f"c{i}" for i in range(probs.shape[1])), **fields)


def rows(p: MultiLabel, index) -> MultiLabel:
    return replace(p, **{name: getattr(p, name)[index] for name in ("probs", "targets", "groups", "ids")})


def oracle(p: MultiLabel, threshold, weight=None) -> dict[str, float]:
    guess, there = p.probs >= threshold, p.targets.any(0)
    each = sk.f1_score(p.targets, guess, average=None, sample_weight=weight, zero_division=np.nan)
    ap = np.full(len(there), np.nan)
    ap[there] = sk.average_precision_score(p.targets[:, there], p.probs[:, there], average=None, sample_weight=weight)
    return {
        "micro_f1": sk.f1_score(p.targets, guess, average="micro", sample_weight=weight),
        "macro_f1": each[there].mean(),
        "mean_average_precision": ap[there].mean(),
        **{f"f1({name})": value for name, value in zip(p.classes, each, strict=True)},
        **{f"average_precision({name})": value for name, value in zip(p.classes, ap, strict=True)},
    }


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("empty", [False, True])
def test_values_are_those_of_scikit_learn_whether_or_not_a_class_is_there(ties, empty):
    p = toy(ties=ties)
    p = replace(p, targets=p.targets & (np.arange(4) != 2)) if empty else p
    expected = oracle(p, CUT)
    assert micro_f1(p, CUT) == pytest.approx(expected["micro_f1"])
    assert macro_f1(p, CUT) == pytest.approx(expected["macro_f1"])
    assert mean_average_precision(p) == pytest.approx(expected["mean_average_precision"])
    assert f1(p, CUT) == pytest.approx([expected[f"f1({c})"] for c in p.classes], nan_ok=True)
    assert average_precision(p) == pytest.approx([expected[f"average_precision({c})"] for c in p.classes], nan_ok=True)
    assert {name: s.value for name, s in scores(p, CUT, resamples=100).items()} == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("ties", [True, False])
def test_weights_of_groups_are_sample_weights_of_scikit_learn(ties):
    p = toy(ties=ties)
    weights = np.random.default_rng(1).exponential(size=(5, 30))
    found = weighted(p, CUT, weights)
    for r, row in enumerate(weights):
        expected = oracle(p, CUT, row[p.owners.of_row])
        assert {name: values[r] for name, values in found.items()} == pytest.approx(expected, abs=1e-12)


def test_a_class_without_a_label_is_nan_or_zero_and_left_out_of_macro_means_but_not_of_micro():
    probs = np.array([[0.9, 0.1, 0.8], [0.1, 0.2, 0.1]])
    p = of(probs, np.array([[True, False, False], [False, False, False]]))
    assert f1(p, 0.5).tolist() == pytest.approx([1, np.nan, 0], nan_ok=True)
    assert average_precision(p).tolist() == pytest.approx([1, np.nan, np.nan], nan_ok=True)
    assert (macro_f1(p, 0.5), mean_average_precision(p), micro_f1(p, 0.5)) == (1, 1, pytest.approx(2 / 3))
    found = scores(p, 0.5)
    assert found["average_precision(c1)"].method == "undefined: no sample has the label"
    assert np.isnan(found["average_precision(c1)"].low)


def test_nothing_is_true_and_nothing_guessed():
    p = of([[0.1], [0.2]], np.zeros((2, 1), dtype=bool))
    assert all(np.isnan([micro_f1(p, 0.5), macro_f1(p, 0.5), mean_average_precision(p)]))
    assert {s.method for s in scores(p, 0.5).values()} == {"undefined: no sample has the label"}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_rows_changes_nothing(seed):
    p, order = toy(60, groups=12, seed=seed), np.random.default_rng(seed).permutation(60)
    other = rows(p, order)
    assert thresholds(p).tolist() == thresholds(other).tolist()
    ours, theirs = (scores(q, CUT, resamples=100) for q in (p, other))
    for name, score in ours.items():
        assert theirs[name][:5] == pytest.approx(score[:5], abs=1e-9), name


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_classes_goes_along_with_what_is_said_of_them(seed):
    p, order = toy(60, groups=12, seed=seed), np.random.default_rng(seed).permutation(4)
    other = replace(p, probs=p.probs[:, order], targets=p.targets[:, order], classes=tuple(p.classes[i] for i in order))
    assert thresholds(other).tolist() == thresholds(p)[order].tolist()
    assert f1(other, CUT[order]).tolist() == f1(p, CUT)[order].tolist()
    ours, theirs = scores(p, CUT, resamples=100), scores(other, CUT[order], resamples=100)
    for name, score in ours.items():
        assert theirs[name][:5] == pytest.approx(score[:5], abs=1e-9), name


@pytest.mark.parametrize("ties", [True, False])
def test_no_other_threshold_has_a_greater_f1(ties):
    p = toy(ties=ties)
    chosen = f1(p, thresholds(p))
    every = np.array([f1(p, t) for t in [*np.unique(p.probs), 0.0]])
    assert chosen == pytest.approx(np.nanmax(every, axis=0))


def test_thresholds_lie_halfway_near_one_half_and_are_one_half_where_nothing_is_true():
    probs = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.8, 0.6]])
    targets = np.array([[False, False], [False, False], [True, False], [True, False]])
    assert thresholds(of(probs, targets)) == pytest.approx([0.25, 0.5])


def test_rows_that_repeat_within_groups_are_not_more_evidence():
    single = toy(60, groups=60)
    many = rows(single, np.repeat(np.arange(60), 8))
    by_group, by_row = scores(many, CUT), scores(replace(many, groups=np.arange(480)), CUT)
    alone = scores(single, CUT)
    for name, score in by_group.items():
        assert score.high - score.low > 1.5 * (by_row[name].high - by_row[name].low), name
        assert score[:3] == pytest.approx(alone[name][:3], abs=1e-9), name
        assert (score.samples, score.groups, score.method) == (480, 60, "bootstrap over 60 groups")


def test_perfect_answers_have_an_interval_that_a_rare_class_widens():
    targets = np.arange(40)[:, None] < [20, 4]
    found = scores(of(targets * 0.8 + 0.1, targets), 0.5)
    assert {s.value for s in found.values()} == {1.0}
    assert {s.high for s in found.values()} == {1.0}
    assert {s.method for s in found.values()} == {"conservative: no spread between 40 groups"}
    lows = [found[f"f1(c{i})"].low for i in (0, 1)]
    assert lows == pytest.approx([binomial(n, n)[0] for n in (20, 4)], abs=0.001)
    assert lows[1] < found["macro_f1"].low < lows[0]


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """The truth is that of a large sample; groups of 3 rows share their noise."""

    def drawn(groups, seed):
        rng = np.random.default_rng(seed)
        targets = rng.random((groups, 3)) < [0.5, 0.3, 0.15]
        probs = 1 / (1 + np.exp(-rng.normal(size=targets.shape) - 1.2 * (2 * targets - 1)))
        return of(probs.repeat(3, axis=0), targets.repeat(3, axis=0), np.arange(groups).repeat(3))

    large = drawn(40_000, 1)
    truth = {"micro_f1": micro_f1(large, 0.5), "macro_f1": macro_f1(large, 0.5)}
    truth |= {"mean_average_precision": mean_average_precision(large), "f1(c2)": f1(large, 0.5)[2]}
    found = [scores(drawn(50, 100 + i), 0.5, resamples=200) for i in range(60)]
    for name, value in truth.items():
        held = np.mean([s[name].low <= value <= s[name].high for s in found])
        assert held >= 0.9, (name, held)


def test_few_groups_and_groups_that_are_not_known():
    p = toy()
    assert scores(replace(p, groups=np.zeros(150, int)), CUT)["micro_f1"].method == "one group: no interval"
    known = replace(p, groups=np.arange(150), groups_known=False)
    assert scores(known, CUT)["micro_f1"].method == "bootstrap over 150 samples (no groups given)"


def test_a_paired_difference_is_narrower_than_two_intervals_and_turns_round_with_the_two():
    a = toy(600, groups=120, ties=False)
    noise = np.random.default_rng(3).normal(0, 0.05, a.probs.shape)
    b = replace(a, probs=(a.probs + noise).clip(0, 1))
    forth, back = compare(a, b, CUT, CUT), compare(b, a, CUT, CUT)
    for name, d in forth.items():
        assert (d.value, d.low, d.high) == pytest.approx((-back[name].value, -back[name].high, -back[name].low)), name
        assert d.low <= d.value <= d.high
    f1, alone = forth["micro_f1"], scores(a, CUT)["micro_f1"]
    assert f1.high - f1.low < alone.high - alone.low
    assert forth["micro_f1"].method == "paired bootstrap over 120 groups"
    assert forth["micro_f1"].value == pytest.approx(micro_f1(a, CUT) - micro_f1(b, CUT))
    same = compare(a, a, CUT, CUT)["micro_f1"]
    assert same.value == 0
    assert same.low < 0 < same.high, "that no sample was seen on which they differ does not prove that there is none"


def test_only_the_same_samples_are_compared():
    a = toy()
    with pytest.raises(DataError, match="needed the same samples in the same order. The two differ in ids, groups."):
        compare(a, replace(a, ids=a.ids[::-1], groups=a.groups + 1), CUT, CUT)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p: {"classes": ("a", "b", "c", "a")}, "different names of classes"),
        (lambda p: {"classes": ("a", "b", "c")}, r"needed probs and targets of shape \(150, 3\).*probs \(150, 4\)"),
        (lambda p: {"probs": p.probs * 2}, r"probabilities must lie in 0..1. \d+ of 600 do not; the first is .* \(s"),
        (lambda p: {"probs": np.where(p.targets, np.nan, p.probs)}, "the first is nan in row 0"),
    ],
)
def test_what_is_wrong_is_said(change, says):
    p = toy()
    with pytest.raises(DataError, match=says):
        replace(p, **change(p))


def test_columns_that_do_not_fit():
    """In a process of its own, because the shapes that tests execute would speak first."""
    code = """
import numpy as np
from layerscope.judge.multilabel import MultiLabel
for targets, groups in ((np.eye(2), np.arange(2)), (np.eye(2) > 0, np.arange(1))):
    try:
        MultiLabel(np.eye(2), targets, groups, np.array(["a", "b"]), ("gene", "drug"))
    except ValueError as error:
        print(error)
import sys
print("torch" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.splitlines()
    assert said[0] == "targets must be True and False. Got float64; of 0 and 1: targets == 1."
    assert (
        "one row per sample, and one sample at least. Got {'probs': 2, 'targets': 2, 'groups': 1, 'ids': 2}" in said[1]
    )
    assert said[2] == "False"


def test_there_must_be_a_sample_and_settings_that_make_sense():
    with pytest.raises(DataError, match="one sample at least"):
        rows(toy(), slice(0, 0))
    with pytest.raises(ValueError, match=r"needed one threshold, or one for each of 4 classes. Got \(2,\)."):
        toy().guess(CUT[:2])
    with pytest.raises(ValueError, match="Got level=2, resamples=50"):
        scores(toy(), CUT, level=2, resamples=50)
