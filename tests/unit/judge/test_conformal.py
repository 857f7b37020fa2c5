"""Intervals from validation errors: the rule by hand, the promise by simulation, and what is said where it fails."""

from dataclasses import replace

import numpy as np
import pytest

from layerscope.judge.conformal import calibration, conformal, interval_scores
from layerscope.judge.interval import binomial
from layerscope.predictions import Numbers


def of(errors, groups=None, y=None) -> Numbers:
    errors = np.asarray(errors, dtype=float)
    y = np.zeros(len(errors)) if y is None else y
    groups = np.arange(len(errors)) if groups is None else np.asarray(groups)
    return Numbers(y + errors, y, groups, np.array([f"s{i}" for i in range(len(errors))]))


def drawn(groups, rng, rows=4, like=1.0) -> Numbers:
    """Errors of a group share a mean and a size; groups are of very different size."""
    owners = np.repeat(np.arange(groups), 1 + rng.geometric(1 / rows, groups))
    size = like * np.exp(0.5 * rng.normal(size=groups))[owners]
    return of(rng.normal(size=groups)[owners] + size * rng.normal(size=len(owners)), owners)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_without_groups_it_is_split_conformal(level):
    """The ceil((n + 1) level)-th smallest error, as in every text on it."""
    errors = np.random.default_rng(0).normal(size=40)
    found = conformal(of(errors), level)
    assert found.radius == np.sort(np.abs(errors))[int(np.ceil(41 * level)) - 1]
    assert (found.groups, found.own_spread) == (40, False)


def test_a_group_counts_once_however_large():
    """By hand: groups of weight 1/4, one more is to come; 1/4 of small, 1/8 more for each of two, then 1/4."""
    p = of([1, 1, 1, 1, 5, 7, 9], [0, 0, 0, 0, 1, 1, 2])
    assert [conformal(p, level).radius for level in (0.25, 0.26, 0.375, 0.4, 0.5, 0.51, 0.75)] == [1, 5, 5, 7, 7, 9, 9]
    many = p.rows(np.repeat(np.arange(7), [9, 9, 9, 9, 3, 3, 5]))
    assert conformal(many, 0.5).radius == 7


def test_the_promise_is_held_for_a_sample_of_a_new_group_and_not_for_groups_of_another_kind():
    rng = np.random.default_rng(0)
    same, other, naive = [], [], []
    for _ in range(300):
        val, new, unlike = drawn(30, rng), drawn(30, rng), drawn(30, rng, like=3.0)
        for found, p in ((same, new), (other, unlike)):
            one = conformal(val, 0.8).around(p.rows(np.unique(p.groups, return_index=True)[1]))
            found.append(((one.low <= one.targets) & (one.targets <= one.high)).mean())
        few = drawn(5, rng)
        one = conformal(few, 0.8).around(new)
        naive.append(np.quantile(np.abs(few.errors), 0.8) < one.high[0] - one.values[0])
    assert 0.79 <= np.mean(same) <= 0.84  # standard error 0.005; at most 1 / (groups + 1) above
    assert np.mean(other) < 0.7
    assert np.mean(naive) > 0.9, "with few groups the plain quantile of errors promises too much"


def test_a_spread_of_its_own_makes_intervals_wide_where_errors_are_large():
    rng = np.random.default_rng(1)
    spread = np.exp(rng.normal(size=(2, 400)))
    val, test = (of(s * rng.normal(size=400)) for s in spread)
    made = conformal(val, 0.9, spread[0])
    p = made.around(test, spread[1])
    assert p.high - p.low == pytest.approx(2 * made.radius * spread[1])
    plain = conformal(val, 0.9).around(test)
    sure = spread[1] < np.median(spread[1])
    held = [(np.abs(q.errors) <= (q.high - q.low) / 2)[~sure].mean() for q in (p, plain)]
    assert held[0] > 0.85 > held[1], "without it, those that are hard are missed more often than promised"
    assert interval_scores(p)["coverage"].low < 0.9 < interval_scores(p)["coverage"].high


def test_coverage_and_width_are_measured_with_intervals_over_groups():
    p = of([0, 0, 0, 3, 0, 0, 0, 0], [0, 0, 0, 0, 1, 2, 3, 3])
    p = replace(p, low=p.values - 1, high=p.values + 1, level=0.9)
    found = interval_scores(p)
    assert found["coverage"].value == 7 / 8
    assert found["coverage_by_group"].value == (3 / 4 + 3) / 4
    assert found["width"][:3] == (2, 2, 2)
    assert found["width"].method == "all intervals have this width"
    for name in ("coverage", "coverage_by_group"):
        assert 0 <= found[name].low < found[name].value < found[name].high <= 1
        assert found[name].method.endswith("bootstrap over 4 groups")
    wide = interval_scores(replace(p, low=np.zeros(8), high=np.arange(8) + 2.0))["width"]
    assert wide.value == pytest.approx(5.5)
    assert wide.low < 5.5 < wide.high


def test_none_missed_is_not_certainty():
    p = replace(of(np.zeros(40), np.arange(40) // 2), low=np.full(40, -1.0), high=np.full(40, 1.0), level=0.9)
    found = interval_scores(p)
    for name in ("coverage", "coverage_by_group"):
        assert found[name][:3] == pytest.approx((1, binomial(20, 20)[0], 1), abs=1e-6)
        assert found[name].method.startswith("exact: no")
    one = interval_scores(replace(p, groups=np.zeros(40, dtype=int)))
    assert {s.method for name, s in one.items() if name != "width"} == {"one group: no interval"}


def test_the_interval_of_coverage_holds_the_truth():
    rng, found = np.random.default_rng(2), []
    made = conformal(drawn(200, rng), 0.8)

    def share(p):
        return np.bincount(p.owners.of_row, np.abs(p.errors) <= made.radius) / np.bincount(p.owners.of_row)

    truth = share(drawn(40_000, rng)).mean()
    for seed in range(100):
        s = interval_scores(made.around(drawn(25, rng)), resamples=200, seed=seed)["coverage_by_group"]
        found.append(s.low <= truth <= s.high)
    assert np.mean(found) >= 0.9


def test_every_level_is_checked():
    rng = np.random.default_rng(3)
    table = calibration(drawn(60, rng), drawn(60, rng))
    assert [*table] == [0.5, 0.6, 0.7, 0.8, 0.9]
    held, width = ([found[name].value for found in table.values()] for name in ("coverage_by_group", "width"))
    assert held == sorted(held)
    assert width == sorted(width)
    assert held == pytest.approx([*table], abs=0.15)


def test_what_cannot_be_promised_says_so():
    p = of(np.arange(8.0))
    assert conformal(p, 8 / 9).radius == 7
    with pytest.raises(ValueError, match="hold the truth in 90 % need errors of 9 groups or more. Got 8: give more"):
        conformal(p, 0.9)
    with pytest.raises(ValueError, match="the level lies between 0 and 1. Got 90"):
        conformal(p, 90)
    with pytest.raises(ValueError, match="needed a spread above 0 for each sample. Got 0"):
        conformal(p, 0.5, np.zeros(8))
    with pytest.raises(ValueError, match="needed no spread, for validation had none. Got one"):
        conformal(p, 0.5).around(p, np.ones(8))
    with pytest.raises(ValueError, match="needed a spread of its own for each sample. Got none"):
        conformal(p, 0.5, np.ones(8)).around(p)
    with pytest.raises(ValueError, match="these predictions have no intervals. Make some"):
        interval_scores(p)
