"""Reliability: what each bin holds, and how sure one can be of it."""

import numpy as np
import pytest
from judge_toys import of, toy
from sklearn.calibration import calibration_curve

from layerscope.judge import METRICS, reliability


def test_bins_are_those_of_scikit_learn():
    p = toy(400, 2, groups=400, ties=False, sharp=2)
    r = reliability(p, bins=10, resamples=100)
    right, confidence = calibration_curve(p.guess == p.targets, p.probs.max(1), n_bins=10)
    filled = r.count > 0
    np.testing.assert_allclose(r.accuracy[filled], right)
    np.testing.assert_allclose(r.confidence[filled], confidence)
    assert r.count.sum() == 400
    np.testing.assert_allclose(r.edges, np.linspace(0, 1, 11))


def test_it_adds_up_to_the_expected_calibration_error():
    p = toy(300, 3)
    r = reliability(p, resamples=100)
    filled = r.count > 0
    gaps = np.abs(r.accuracy - r.confidence)[filled]
    assert gaps @ r.count[filled] / 300 == pytest.approx(METRICS["ece"](p))


def test_each_bin_has_an_interval_around_its_accuracy():
    r = reliability(toy(300, 3, groups=100), resamples=200)
    filled = r.count > 20
    assert filled.sum() > 3
    assert ((r.low <= r.accuracy) & (r.accuracy <= r.high) & (r.low < r.high))[filled].all()


def test_an_empty_bin_and_one_of_a_single_group_are_nan():
    p = of([[0.95, 0.05], [0.95, 0.05], [0.6, 0.4], [0.6, 0.4]], [0, 1, 0, 0], [0, 1, 2, 2])
    r = reliability(p, bins=10)
    assert r.count.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 2]
    assert np.isnan(r.accuracy[r.count == 0]).all()
    assert r.accuracy[5] == 1
    assert np.isnan([r.low[5], r.high[5]]).all()
    assert r.accuracy[9] == 0.5
    assert r.low[9] < 0.5 < r.high[9]


def test_what_has_no_reliability():
    with pytest.raises(ValueError, match="needs probabilities; only decisions were given"):
        reliability(of(np.eye(2), [0, 1], probs_known=False))
    with pytest.raises(ValueError, match=r"needed one bin or more\. Got 0"):
        reliability(toy(10), bins=0)
