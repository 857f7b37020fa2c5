"""Against scikit-learn, and on maps that are known to lie."""

import re

import numpy as np
import pytest
import torch
from sklearn.manifold import trustworthiness

from layerscope.see.faithful import Faithfulness, faithfulness, misleads, movement


def g(seed=0):
    return torch.Generator().manual_seed(seed)


def judged(z, xy, y=None, groups=None):
    y = torch.arange(len(z)) % 2 if y is None else y
    return faithfulness(z, xy, y, np.arange(len(z)) if groups is None else groups)


@pytest.mark.parametrize("s", [40, 600])
def test_trust_and_continuity_are_scikit_learn_s(s):
    z = torch.randn(s, 5, generator=g())
    xy = z[:, :2].numpy().copy()
    found = judged(z, xy)
    assert found.trust == pytest.approx(trustworthiness(z.numpy(), xy, n_neighbors=15), abs=1e-4)
    assert found.continuity == pytest.approx(trustworthiness(xy, z.numpy(), n_neighbors=15), abs=1e-4)
    assert found.trust < 0.95


def test_many_rows_are_judged_by_some_of_them():
    z = torch.randn(2400, 5, generator=g())
    xy = z[:, :2].numpy().copy()
    assert judged(z, xy).trust == pytest.approx(trustworthiness(z.numpy(), xy, n_neighbors=15), abs=0.01)


def test_a_map_that_is_the_layer_is_perfect():
    z = torch.randn(200, 2, generator=g())
    y = (z[:, 0] > 0).long()
    found = judged(z, z.numpy(), y)
    assert found.trust == found.continuity == 1
    assert found.torn == 0
    assert found.held >= found.seen > 0.9
    assert found.held < found.seen + 0.02
    assert misleads(found) is None


def test_an_island_cut_in_two_is_torn():
    z = torch.randn(300, 2, generator=g())
    xy = z.numpy().copy()
    xy[::2, 0] += 20
    found = judged(z, xy)
    assert 0.4 < found.torn < 0.6
    assert "tears" in str(misleads(found))


def test_neighbours_of_the_own_group_have_no_vote():
    """Pairs of near copies, each pair of a random class: a copy would tell it, others cannot."""
    places = torch.randn(150, 3, generator=g()) * 5
    z = (places.repeat_interleave(12, dim=0) + 0.01 * torch.randn(1800, 3, generator=g(1))).float()
    y = torch.randint(2, (150,), generator=g(2)).repeat_interleave(12)
    xy = z[:, :2].numpy().copy()
    assert judged(z, xy, y).held > 0.95
    assert judged(z, xy, y, np.arange(150).repeat(12)).held < 0.65
    assert np.isnan(judged(z, xy, y, np.zeros(1800, dtype=int)).held)


def test_movement_is_in_units_of_the_spread():
    xy = np.random.default_rng(0).normal(size=(1, 500, 2)).astype(np.float32).repeat(2, axis=0)
    xy[1, :, 0] += 1.0
    assert movement(xy, [(0, 1), (0, 0)]) == pytest.approx([1 / 2**0.5, 0], abs=0.05)
    assert movement(xy * 7, [(0, 1)]) == pytest.approx(movement(xy, [(0, 1)]))
    assert movement(xy, []) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"trust": 0.85}, "trustworthiness 0.85"),
        ({"continuity": 0.8}, "continuity 0.80"),
        ({"torn": 0.03}, "tears 3.0 %"),
        ({"seen": 0.6}, "less than the layer holds: .* 80 % .* 60 %"),
        ({"held": 0.6}, "islands that are not there: .* 80 % .* 60 %"),
    ],
)
def test_a_map_that_misleads_says_how(changed, said):
    good = Faithfulness(0.97, 0.97, 0.002, 0.8, 0.8)
    assert misleads(good) is None
    assert re.search(said, str(misleads(good._replace(**changed))))


def test_odd_layers_are_judged_and_broken_ones_refused():
    z = torch.ones(30, 3)
    assert np.isfinite(judged(z, np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32))).all()
    with pytest.raises(ValueError, match="at least 5 samples, got 4"):
        judged(z[:4], np.zeros((4, 2), dtype=np.float32))
    z[0, 0] = torch.nan
    with pytest.raises(ValueError, match="finite"):
        judged(z, np.zeros((30, 2), dtype=np.float32))
