"""Intervals: exact where theory is, wide enough where mistakes are rare, and always an answer or a reason."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_toys import decided, of, toy
from scipy import stats

from layerscope.judge import METRICS, binomial, score, scores, wilson
from layerscope.judge.resample import Design, if_unseen, trials, typical, with_unseen

ACCURACY = METRICS["accuracy"]


def all_or_none(groups: int, wrong: int, rows: int = 4):
    """Both classes in every group; the first `wrong` groups are answered wrongly throughout."""
    owners = np.repeat(np.arange(groups), rows)
    targets = np.tile([0, 1], groups * rows // 2)
    return decided(np.where(owners < wrong, 1 - targets, targets), targets, owners)


def of_single_classes(groups: tuple[int, ...], rows: tuple[int, ...]):
    """Perfect answers; class c has groups[c] groups of rows[c] rows."""
    targets = np.repeat(np.arange(len(groups)), np.array(groups) * rows)
    owners = np.repeat(np.arange(sum(groups)), np.repeat(rows, groups))
    return decided(targets, targets, owners, classes=len(groups))


@pytest.mark.parametrize(
    ("k", "n", "level"), [(0, 5, 0.95), (5, 5, 0.95), (3, 20, 0.9), (35, 38, 0.95), (999, 1000, 0.99)]
)
def test_binomial_intervals_are_those_of_scipy(k, n, level):
    test = stats.binomtest(k, n)
    assert binomial(k, n, level) == pytest.approx(test.proportion_ci(level, "exact"), abs=1e-9)
    assert wilson(k, n, level) == pytest.approx(test.proportion_ci(level, "wilson"), abs=1e-9)


@pytest.mark.parametrize("interval", [binomial, wilson])
def test_a_share_that_is_none(interval):
    with pytest.raises(ValueError, match=r"needed 0 <= k <= n.*Got k=6, n=5"):
        interval(6, 5)


@pytest.mark.parametrize("groups", [2, 5, 40])
def test_no_error_gives_the_bound_of_clopper_and_pearson(groups):
    s = score(ACCURACY, all_or_none(groups, 0))
    assert (s.value, s.low, s.high) == (1, pytest.approx(binomial(groups, groups)[0]), 1)
    assert (s.samples, s.groups, s.method) == (4 * groups, groups, f"exact: no error in {groups} groups")


@pytest.mark.parametrize(("groups", "wrong"), [(10, 1), (20, 3), (50, 5), (50, 25)])
def test_some_wrong_groups_give_nearly_the_interval_of_clopper_and_pearson(groups, wrong):
    s = score(ACCURACY, all_or_none(groups, wrong), resamples=20_000)
    assert (s.low, s.high) == pytest.approx(binomial(groups - wrong, groups), abs=0.01)
    assert s.method == f"bootstrap over {groups} groups"


def test_only_errors_give_the_bound_from_above():
    s = score(ACCURACY, all_or_none(12, 12))
    assert (s.low, s.high) == (0, pytest.approx(binomial(0, 12)[1]))


def test_the_bound_within_classes_is_the_worst_that_is_likely_enough():
    """No error in 2 x 10 groups: of all shares (q, r) with q^10 r^10 >= 2.5 %, the least mean."""
    q = np.linspace(0.025 ** (1 / 10), 1, 20_001)
    r = np.minimum(1, (0.025 / q**10) ** (1 / 10))
    s = score(ACCURACY, of_single_classes((10, 10), (3, 3)))
    assert s.low == pytest.approx(((q + r) / 2).min(), abs=1e-6)
    assert s.low == pytest.approx(binomial(20, 20)[0], abs=1e-6)


def test_the_bound_within_classes_minds_a_class_of_few_large_groups():
    accuracy, balanced = (
        score(METRICS[name], of_single_classes((4, 400), (100, 1))).low for name in ("accuracy", "balanced_accuracy")
    )
    few = binomial(4, 4)[0]
    assert accuracy == pytest.approx(1 - (1 - few) / 2, abs=0.01)
    assert balanced == pytest.approx(1 - (1 - few) / 2, abs=0.01)
    s = scores(of_single_classes((4, 400), (1, 1)), {c: METRICS["balanced_accuracy"].of(int(c)) for c in "01"})
    assert [s[c].low for c in "01"] == pytest.approx([few, binomial(400, 400)[0]])


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_an_interval_around_its_value(name):
    for p in (
        toy(200, 3),
        toy(200, 3, mixed=False),
        toy(200, 3, sharp=4, ties=False),
        of_single_classes((5, 5), (3, 3)),
    ):
        s = score(METRICS[name], p, resamples=200)
        low, high = METRICS[name].range
        assert low - 1e-12 <= s.low <= s.value <= s.high <= high + 1e-12
        assert s.low < s.high


@pytest.mark.parametrize("name", ["macro_f1", "kappa", "auroc", "average_precision"])
def test_a_perfect_score_that_is_no_share_says_that_its_bound_is_conservative(name):
    s = score(METRICS[name], all_or_none(30, 0))
    assert s.value == 1
    assert 0 < s.low < 1
    assert s.method == "conservative: no spread between 30 groups"


def test_the_interval_narrows_with_groups_not_with_rows():
    widths = {
        (groups, rows): np.subtract(*score(ACCURACY, all_or_none(groups, groups // 5, rows))[2:0:-1])
        for groups, rows in ((20, 2), (20, 20), (200, 2))
    }
    assert widths[20, 20] == pytest.approx(widths[20, 2], abs=0.01)
    assert widths[200, 2] < 0.5 * widths[20, 2]


def test_many_groups_give_the_normal_interval():
    right = np.random.default_rng(0).random(4000) < 0.8
    s = score(ACCURACY, decided(~right * 1, np.zeros(4000, int)), resamples=4000)
    half = 1.96 * np.sqrt(s.value * (1 - s.value) / 4000)
    assert (s.low, s.high) == pytest.approx((s.value - half, s.value + half), abs=0.1 * half)


def test_the_same_seed_gives_the_same_interval():
    first, again, other = (scores(toy(200), resamples=200, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first["auroc"] != other["auroc"]


def test_shared_resampling_changes_nothing():
    p = toy(200, mixed=False)
    together = scores(p, resamples=300)
    assert together == {name: score(metric, p, resamples=300) for name, metric in METRICS.items()}


def test_names_and_order_of_groups_do_not_matter_to_the_spread():
    p = toy(200, ties=False)
    renamed = replace(p, groups=p.groups * -3)
    a, b = (score(METRICS["auroc"], q, resamples=4000) for q in (p, renamed))
    assert (a.low, a.high) == pytest.approx((b.low, b.high), abs=0.01)


def test_a_higher_level_is_wider():
    p = toy(200)
    narrow, wide = (score(ACCURACY, p, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_unknown_groups_are_said():
    p = replace(toy(60, groups=60), groups_known=False)
    assert score(ACCURACY, p, resamples=100).method == "bootstrap over 60 samples (no groups given)"


def test_a_class_of_one_group_is_said():
    p = of(np.tile([0.6, 0.4], (7, 1)), [0, 0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 2, 3, 3])
    assert score(METRICS["brier"], p, resamples=100).method == "conservative: no spread between 4 groups; c1: one group"


def test_where_there_is_no_interval_the_reason_is_given():
    p = toy(60)
    one = replace(p, groups=np.zeros(60, int))
    alone = p.rows(p.targets == 1)
    hard = of(np.eye(3)[p.guess], p.targets, p.groups, probs_known=False)
    cases = {
        "one group: no interval": scores(one)["auroc"],
        "undefined: it needs samples of the class and of another": scores(alone)["auroc"],
        "needs probabilities; only decisions were given": scores(hard)["brier"],
        "no samples": scores(p.rows(np.arange(0)))["accuracy"],
    }
    for reason, s in cases.items():
        assert np.isnan([s.low, s.high]).all()
        assert s.method == reason
    assert cases["one group: no interval"].value == METRICS["auroc"](p)
    assert scores(hard)["accuracy"].low < scores(hard)["accuracy"].value == ACCURACY(p)


@pytest.mark.parametrize("wrong", [{"level": 95}, {"level": 0.0}, {"resamples": 10}])
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match="needed 0 < level < 1 and 100 or more resamples"):
        scores(toy(20), **wrong)


def test_the_calibration_error_of_a_calibrated_network_may_be_zero():
    """The estimate is too high; its interval must not be."""
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.5, 1, 400)
    probs = np.stack([confidence, 1 - confidence], axis=1)
    s = score(METRICS["ece"], of(probs, (rng.random(400) > confidence) * 1))
    assert s.value > 0.02
    assert s.low == 0


def test_within_classes_each_class_keeps_its_rows():
    p = toy(200, 3, mixed=False)
    design = Design.of(p)
    assert design.within_classes
    rng = np.random.default_rng(0)
    unseen = np.zeros((5, 3))
    unseen[:, 1] = rng.exponential(size=5)
    weights = design.weights(rng.exponential(size=(5, 20)), unseen, 0 * unseen)
    targets = with_unseen(p).targets
    for row in weights:
        kept = np.bincount(targets, row[with_unseen(p).owners.of_row], 3)
        np.testing.assert_allclose(kept, np.bincount(p.targets))


def test_the_unseen_group_comes_where_it_weighs_most():
    design = Design.of(of_single_classes((4, 400), (10, 1)))
    assert design.unseen(METRICS["balanced_accuracy"]).tolist() == [10, 0]
    assert design.unseen(METRICS["balanced_accuracy"].of(1)).tolist() == [0, 1]
    assert design.unseen(ACCURACY).tolist() == [10, 0]
    assert Design.of(all_or_none(10, 0)).unseen(ACCURACY).tolist() == [2, 2]


def test_the_unseen_group_moves_each_metric_to_its_side():
    p = toy(200, 3, sharp=3)
    tried = trials(p, METRICS, (None, 0.9, 0.0), 100, seed=0)
    for name, metric in METRICS.items():
        if name != "ece":
            sign = 1 if metric.higher_is_better else -1
            plain, wrong, right = sign * tried[name]
            assert (wrong < plain).all(), name
            assert (right >= plain - 1e-12).mean() > 0.9, name
            assert sign * if_unseen(p, metric, 0.025, "wrong") < sign * metric(p), name


def test_what_to_expect_of_an_unseen_group():
    assert typical(np.zeros(9)) == 1
    assert typical(np.array([0, 0, 0.5, 0.1])) == pytest.approx(1.6 / 3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 6), st.integers(2, 4), st.booleans())
def test_anything_can_be_judged(seed, samples, groups, classes, mixed):
    p = toy(samples, classes, groups=min(groups, samples), mixed=mixed, seed=seed)
    for name, s in scores(p, resamples=100).items():
        assert s.method
        assert np.isnan(s.low) or s.low <= s.value <= s.high, name
        assert np.isnan(s.low) == np.isnan(s.high)


def test_the_interval_holds_the_truth_often_enough():
    """50 groups at 99 %: the percentile bootstrap holds it in 77 % (benchmarks/coverage.py)."""
    rng, held = np.random.default_rng(0), 0
    for seed in range(100):
        owners = np.repeat(np.arange(50), 10)
        right = rng.random(500) < rng.beta(0.99 * 4, 0.01 * 4, 50)[owners]
        s = score(ACCURACY, decided(np.where(right, owners % 2, 1 - owners % 2), owners % 2, owners), seed=seed)
        held += s.low <= 0.99 <= s.high
    assert held >= 90
