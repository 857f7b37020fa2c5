import numpy as np
import pytest
import torch

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
