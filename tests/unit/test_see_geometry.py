"""Known shapes: simplices, cubes, noise; and codes whose length is known."""

import numpy as np
import pytest
import torch

from layerscope.see.description import description_length
from layerscope.see.geometry import geometry
from layerscope.see.probe import probe


def g(seed=0):
    return torch.Generator().manual_seed(seed)


def simplex(k, samples, noise, d=64, seed=0):
    """Class means at the corners of a simplex (an equiangular tight frame) in a turned plane of d dimensions."""
    corners = torch.cat([torch.eye(k) - 1 / k, torch.zeros(k, d - k)], dim=1)
    turn = torch.linalg.qr(torch.randn(d, d, generator=g(seed))).Q
    y = torch.arange(samples) % k
    return (corners[y] + noise * torch.randn(samples, d, generator=g(seed + 1))) @ turn, y


OWN = np.arange(1000)


def test_collapsed_classes_are_recognised_and_noise_is_not():
    z, y = simplex(5, 1000, 0.01)
    found = geometry(z, y, OWN)
    assert found.collapse.value == pytest.approx(0.01**2 * 4 * 5 / 5, rel=0.1)  # variance · (K-1) · K / K
    assert found.separation.value > 0.97
    noise = geometry(torch.randn(1000, 64, generator=g()), y, OWN)
    assert noise.separation.value < 0.01
    assert noise.collapse.value > 5
    exact = geometry(simplex(5, 1000, 0.0)[0], y, OWN)
    assert exact.separation.value == pytest.approx(1)
    assert exact.collapse.value < 1e-9
    assert np.isnan(exact.dimension.value)  # all are copies


def test_separation_is_the_share_of_variance_between_classes():
    z, y = torch.randn(300, 6, generator=g()), torch.randint(3, (300,), generator=g(1))
    z[:, 0] += y
    parts = [z[y == k] for k in range(3)]
    within = sum(float((part - part.mean(0)).square().sum()) for part in parts)
    whole = float((z - z.mean(0)).square().sum())
    assert geometry(z, y, np.arange(300)).separation.value == pytest.approx(1 - within / whole, abs=1e-6)


@pytest.mark.parametrize(("d", "wanted"), [(2, 2.0), (5, 4.7)])
def test_the_dimension_of_a_cube_is_found_whatever_it_is_embedded_in(d, wanted):
    cube = torch.rand(2000, d, generator=g(d))
    turned = cube @ torch.linalg.qr(torch.randn(200, 200, generator=g())).Q[:d]
    y = torch.arange(2000) % 2
    found = [geometry(z, y, np.arange(2000)).dimension.value for z in (cube, turned * 7 + 3)]
    assert found == pytest.approx([wanted] * 2, rel=0.1)


def test_the_dimension_is_not_set_by_slices_of_one_series():
    """Along a series samples lie on a line; its neighbours would say that the dimension is 1."""
    starts = torch.rand(200, 6, generator=g()).repeat_interleave(10, dim=0)
    z = starts + 0.01 * torch.rand(2000, 1, generator=g(1))
    y, series = torch.arange(2000) % 2, np.arange(2000) // 10
    one_each = geometry(z[::10], y[::10], series[::10]).dimension.value
    assert geometry(z, y, np.arange(2000)).dimension.value < 2.5
    assert geometry(z, y, series).dimension.value == pytest.approx(one_each, rel=0.25)


def test_effective_rank_counts_directions():
    y = torch.arange(1000) % 2
    flat = torch.zeros(1000, 30)
    flat[:, :4] = torch.randn(1000, 4, generator=g())
    turned = flat @ torch.linalg.qr(torch.randn(30, 30, generator=g(1))).Q
    assert geometry(turned, y, OWN).rank.value == pytest.approx(4, rel=0.02)
    assert geometry(turned, y, OWN).rank.low > 3.8


def test_all_measures_are_blind_to_turning_scaling_and_the_order_of_units():
    z, y = simplex(4, 500, 0.3, d=20)
    own = np.arange(500) // 5
    turn = torch.linalg.qr(torch.randn(20, 20, generator=g(9))).Q
    wanted = geometry(z, y, own)
    for other in (z @ turn, z * 7 + 3, z.flip(1), torch.cat([z, torch.zeros(500, 600)], dim=1)):
        for a, b in zip(geometry(other, y, own), wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-3)


def test_intervals_are_over_groups():
    z, y = simplex(4, 400, 0.5, d=10)
    z, y = z.repeat_interleave(5, dim=0), y.repeat_interleave(5)  # five copies of each sample, one group
    alone, grouped = (geometry(z, y, own).separation for own in (np.arange(2000), np.arange(2000) // 5))
    assert alone.value == grouped.value
    assert (grouped.high - grouped.low) / (alone.high - alone.low) == pytest.approx(5**0.5, rel=0.1)


def test_a_constant_layer_has_no_shape():
    found = geometry(torch.ones(50, 8), torch.arange(50) % 2, np.arange(50))
    assert all(np.isnan(part.value) and np.isnan(part.low) for part in found)


def test_labels_cost_nothing_where_they_stand_in_the_layer_and_all_of_their_bits_where_they_do_not():
    y = torch.randint(4, (1200,), generator=g())
    given = description_length(torch.eye(4)[y], y, np.arange(1200), 4)
    nothing = description_length(torch.randn(1200, 50, generator=g(1)), y, np.arange(1200), 4)
    assert given.value < 0.1
    assert nothing.value == pytest.approx(2.0, abs=0.02)
    assert given.high < nothing.low


def test_of_two_layers_with_the_same_accuracy_the_one_that_needs_fewer_labels_is_shorter():
    y = torch.randint(2, (1500,), generator=g())
    clear = torch.randn(1500, 1, generator=g(1)) * 0.15 + y[:, None]
    buried = torch.cat([clear, torch.randn(1500, 1000, generator=g(2))], dim=1)  # and 1,000 directions of noise
    short, long = (description_length(z, y, np.arange(1500), 2) for z in (clear, buried))
    fitted, new = np.arange(1200), np.arange(1200, 1500)
    right = [
        float((probe(z[fitted], y[fitted], z[new], 2).argmax(1) == y[new]).double().mean()) for z in (clear, buried)
    ]
    assert min(right) > 0.94
    assert long.value > 2 * short.value


def test_a_block_is_told_from_other_groups():
    """Features name the group and nothing else: coded sample by sample they would tell the class."""
    group = np.arange(1000) // 50
    y = torch.from_numpy(np.random.default_rng(0).integers(2, size=20)[group])
    named = torch.eye(20)[torch.from_numpy(group)]
    assert description_length(named, y, np.arange(1000), 2).value < 0.4
    assert description_length(named, y, group, 2).value > 0.7
