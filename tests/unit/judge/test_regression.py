"""Predicted numbers: every measure against scikit-learn and SciPy, what must not matter, and intervals over groups."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from layerscope.judge.regression import MEASURES, compare, scores
from layerscope.predictions import Numbers
from layerscope.source import DataError


def toy(samples=150, groups=30, ties=False, noise=1.0, seed=0) -> Numbers:
    """Targets and errors of a group resemble each other."""
    rng = np.random.default_rng(seed)
    owners = rng.permutation(np.arange(samples) % groups)
    y = 3 + 2 * rng.normal(size=groups)[owners] + rng.normal(size=samples)
    values = y + noise * (rng.normal(size=groups)[owners] + rng.normal(size=samples))
    y, values = (np.round(column) if ties else column for column in (y, values))
    return Numbers(values, y, owners * 7 - 30, np.array([f"s{i}" for i in range(samples)]), "solubility", "log mol/L")


def oracle(p: Numbers, rows) -> dict[str, float]:
    y, said = p.targets[rows], p.values[rows]
    return {
        "rmse": sk.root_mean_squared_error(y, said),
        "mae": sk.mean_absolute_error(y, said),
        "r2": sk.r2_score(y, said),
        "spearman": stats.spearmanr(y, said).statistic,
    }


@pytest.mark.parametrize("ties", [True, False])
def test_values_are_those_of_scikit_learn_and_scipy(ties):
    p = toy(ties=ties)
    expected = oracle(p, slice(None))
    assert {name: measure(p) for name, measure in MEASURES.items()} == pytest.approx(expected)
    assert {name: s.value for name, s in scores(p, resamples=100).items()} == pytest.approx(expected)


@pytest.mark.parametrize("ties", [True, False])
def test_a_group_of_weight_two_counts_as_two_such_groups(ties):
    p = toy(ties=ties)
    weights = np.random.default_rng(1).integers(0, 4, size=(5, 30))
    for row in weights:
        expected = oracle(p, np.repeat(np.arange(150), row[p.owners.of_row]))
        assert {name: m.weighted(p, row[None])[0] for name, m in MEASURES.items()} == pytest.approx(expected)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.01, 100), offset=st.floats(-100, 100))
def test_order_and_unit_change_nothing_but_the_unit_of_errors(seed, factor, offset):
    p, order = toy(60, groups=12, seed=seed), np.random.default_rng(seed).permutation(60)
    other = replace(p.rows(order), values=factor * p.values[order] + offset, targets=factor * p.targets[order] + offset)
    ours, theirs = scores(p, resamples=100), scores(other, resamples=100)
    for name, s in ours.items():
        scale = factor if MEASURES[name].in_unit else 1.0
        assert theirs[name][:3] == pytest.approx([scale * x for x in s[:3]], rel=1e-6, abs=1e-6 * scale), name


def test_rows_that_repeat_within_groups_are_not_more_evidence():
    single = toy(60, groups=60)
    many = single.rows(np.repeat(np.arange(60), 8))
    by_group, by_row, alone = scores(many), scores(replace(many, groups=np.arange(480))), scores(single)
    for name, s in by_group.items():
        assert s.high - s.low > 1.5 * (by_row[name].high - by_row[name].low), name
        assert s[:3] == pytest.approx(alone[name][:3], abs=1e-9), name
        assert (s.samples, s.groups, s.method) == (480, 60, "bootstrap over 60 groups")


def test_what_cannot_be_had_is_nan_and_says_why():
    p = toy()
    flat = scores(replace(p, values=np.full(150, 2.5)), resamples=100)
    assert np.isnan(flat["spearman"].value)
    assert flat["spearman"].method == "undefined: it needs targets that differ, and for ranks predictions that differ"
    assert flat["r2"].value <= 0
    same = scores(replace(p, targets=np.full(150, 2.5)), resamples=100)
    assert np.isnan([same["r2"].value, same["spearman"].value]).all()
    assert same["rmse"].low < same["rmse"].value < same["rmse"].high
    perfect = scores(replace(p, values=p.targets), resamples=100)
    assert [s.value for s in perfect.values()] == [0, 0, 1, pytest.approx(1)]
    assert np.isnan([s.low for s in perfect.values()]).all()
    assert perfect["rmse"].method == "no interval: no spread between 30 groups"
    one = scores(replace(p, groups=np.zeros(150, dtype=int)), resamples=100)
    assert {s.method for s in one.values()} == {"one group: no interval"}
    alone = scores(replace(p, groups=np.arange(150), groups_known=False), resamples=100)
    assert alone["mae"].method == "bootstrap over 150 samples (no groups given)"


def test_a_group_far_off_is_expected_to_come_again():
    """Once more as bad a group may be unseen, so that the upper end lies beyond that of the plain bootstrap."""
    p = toy(100, groups=20)
    off = replace(p, values=np.where(p.owners.of_row == 3, p.values + 30, p.values))
    s = scores(off)["rmse"]
    counts = np.random.default_rng(0).multinomial(20, np.full(20, 0.05), 4000)
    plain = np.quantile(MEASURES["rmse"].weighted(off, counts), 0.975)
    assert s.high > 1.05 * plain


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Groups of 5 rows; the truth is that of a large sample. Measured with 400 draws: 0.95 to 0.99."""
    truth = {name: measure(toy(200_000, groups=40_000)) for name, measure in MEASURES.items()}
    found = [scores(toy(200, groups=40, seed=1 + i), resamples=200, seed=i) for i in range(100)]
    for name, value in truth.items():
        held = np.mean([s[name].low <= value <= s[name].high for s in found])
        assert held >= 0.9, (name, held)


def test_a_paired_difference_is_narrower_than_two_intervals_and_turns_round_with_the_two():
    a = toy(300, groups=60)
    noise = np.random.default_rng(3).normal(0, 0.3, 300)
    b = replace(a, values=a.values + noise).rows(np.random.default_rng(4).permutation(300))
    forth, back, alone = compare(a, b), compare(b, a), scores(a)
    for name, d in forth.items():
        assert d.value == pytest.approx(MEASURES[name](a) - MEASURES[name](b))
        assert (d.value, d.low, d.high) == pytest.approx((-back[name].value, -back[name].high, -back[name].low)), name
        assert d.high - d.low < 0.7 * (alone[name].high - alone[name].low), name
        assert d.method == "paired bootstrap over 60 groups"
    assert compare(a, a)["rmse"].value == 0
    assert compare(a, a)["rmse"].method == "no interval: no spread between 60 groups"


def test_groups_that_only_one_of_the_two_knows_are_taken():
    a = toy()
    blind = replace(a, groups=np.arange(150), groups_known=False, values=a.values + 1)
    assert compare(a, blind)["mae"].method == compare(blind, a)["mae"].method == "paired bootstrap over 30 groups"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda b: b.rows(np.arange(149)), "1 ids are only in the first, 0 only in the second, such as 's149'"),
        (lambda b: replace(b, targets=b.targets + (b.ids == "s7")), r"1 differ, such as of 's7': \S+ and \S+\."),
        (lambda b: replace(b, groups=b.groups // 14), "the same groups in both. Got 30 and 16, which meet in 30"),
        (lambda b: b.rows(np.zeros(150, dtype=int)), "The second has 1 ids for 150 rows"),
    ],
)
def test_only_the_same_samples_are_compared(change, says):
    with pytest.raises(DataError, match=says):
        compare(toy(), change(toy()))


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="0 < level < 1 and 100 or more resamples"):
        scores(toy(), level=95)


def test_judging_numbers_needs_no_torch():
    code = "import sys, layerscope.judge.conformal; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"
