import numpy as np
import pytest
import torch
from scipy import stats

from layerscope.see.influence import estimate


def mean_of(x):
    return lambda w: (w @ x) / w.sum()


def test_the_interval_of_a_mean_is_student_s():
    x = torch.tensor([1.0, 2.0, 4.0, 9.0], dtype=torch.float64)
    e = estimate(mean_of(x), np.arange(4))
    assert e.value == 4
    assert e.high - e.value == pytest.approx(3.182446 * float(x.std()) / 2)
    assert np.isnan(estimate(mean_of(x), np.zeros(4, int)).low)


@pytest.mark.parametrize("groups", [10, 30])
def test_the_interval_covers_a_mean_of_clustered_samples(groups):
    draw, owner = np.random.default_rng(0), np.repeat(np.arange(groups), 4)
    covered = 0
    for _ in range(1000):
        x = torch.from_numpy(draw.normal(size=groups)[owner] + draw.normal(size=len(owner)))
        e = estimate(mean_of(x), owner)
        covered += e.low <= 0 <= e.high
    assert 0.925 < covered / 1000 < 0.975  # more than three standard errors either side


def variance_of(x):
    return lambda w: (w @ x.square()) / w.sum() - ((w @ x) / w.sum()).square()


def test_scales_are_the_delta_method_and_agree_where_the_spread_is_small():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=4000))
    plain, log = (estimate(variance_of(x), np.arange(4000), scale=scale) for scale in ("plain", "log"))
    assert log.high - log.low == pytest.approx(plain.high - plain.low, rel=0.01)
    x = torch.tensor([1.0] * 9 + [0.0], dtype=torch.float64)
    plain, log, logit = (estimate(mean_of(x), np.arange(10), scale=scale) for scale in ("plain", "log", "logit"))
    reach = plain.high - 0.9
    assert log.high == pytest.approx(0.9 * np.exp(reach / 0.9))
    assert log.low == pytest.approx(0.9 * np.exp(-reach / 0.9))
    odds = 9 * np.exp(np.array([-1, 1]) * reach / 0.09)
    assert logit[1:] == pytest.approx(tuple(odds / (1 + odds)))
    assert plain.high > 1 > logit.high


@pytest.mark.parametrize(("scale", "least", "most"), [("plain", 0.80, 0.88), ("log", 0.87, 0.92)])
def test_a_variance_of_ten_groups_is_covered_better_on_the_log_scale(scale, least, most):
    draw, owner, covered = np.random.default_rng(0), np.repeat(np.arange(10), 4), 0
    for _ in range(1000):
        x = torch.from_numpy(draw.normal(size=10)[owner] + draw.normal(size=40))
        e = estimate(variance_of(x), owner, scale=scale)
        covered += e.low <= 2 <= e.high
    assert least < covered / 1000 < most


def test_ends_are_cut_off_but_never_beyond_the_value():
    x = torch.tensor([0.0, 0.0, 3.0, 1.0], dtype=torch.float64)
    e = estimate(mean_of(x), np.arange(4), low=0, high=1.5)
    assert e == (1, 0, 1.5)
    assert estimate(mean_of(x), np.arange(4), low=2, high=3) == (1, 1, 3)
    for value in (0.0, 1.0):  # at the end of a scale
        same = torch.full((4,), value, dtype=torch.float64)
        assert estimate(mean_of(same), np.arange(4), scale="logit") == (value, value, value)


def test_a_stratum_of_few_groups_has_few_degrees_of_freedom():
    """Four groups of 60 beside 250 single rows: the mean is covered about as often as is promised."""
    groups = np.concatenate([np.arange(4).repeat(60), np.arange(4, 254)])
    classes = (groups >= 4).astype(int)
    rng, covered = np.random.default_rng(0), 0
    for _ in range(300):
        x = torch.from_numpy(rng.normal(size=254)[groups])
        e = estimate(mean_of(x), groups, classes)
        covered += e.low <= 0 <= e.high
    assert 0.91 < covered / 300 < 0.985


def test_in_strata_only_the_spread_within_them_counts():
    y, x = np.arange(40) % 2, torch.arange(40).double() % 2 * 100
    x = x + torch.from_numpy(np.random.default_rng(0).normal(size=40))
    alone, within = estimate(mean_of(x), np.arange(40)), estimate(mean_of(x), np.arange(40), y)
    parts = [x[y == k] for k in (0, 1)]
    variance = np.array([float(part.var()) / 20 / 4 for part in parts])
    freedom = variance.sum() ** 2 / (variance**2 / 19).sum()  # Welch and Satterthwaite
    assert within.high - within.value == pytest.approx(stats.t.ppf(0.975, freedom) * np.sqrt(variance.sum()))
    assert alone.high - alone.low > 20 * (within.high - within.low)
    crossed = np.arange(40) // 2  # each group holds both classes, whose numbers then are not fixed
    assert estimate(mean_of(x), crossed, y) == estimate(mean_of(x), crossed)


def test_a_stratum_of_one_group_adds_no_spread_and_only_such_give_no_interval():
    x, y = torch.tensor([1.0, 2.0, 3.0, 50.0, 90.0], dtype=torch.float64), np.array([0, 0, 0, 1, 1])
    e = estimate(mean_of(x), np.array([0, 1, 2, 3, 3]), y)
    error = float(x[:3].std()) / 3**0.5 * 3 / 5
    assert e.high - e.value == pytest.approx(4.302653 * error)  # Student's t of 2
    assert np.isnan(estimate(mean_of(x), y, y).low)
