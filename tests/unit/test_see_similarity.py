"""Similarity of layers with known answers: rotations, noise, and the definition with matrices of all pairs."""

import numpy as np
import pytest
import torch

from layerscope.see.similarity import cka, cka_estimate, minibatch_cka, similarity, u_centred


def g(seed=0):
    return torch.Generator().manual_seed(seed)


def related(samples=240, seed=0):
    a = torch.randn(samples, 8, generator=g(seed))
    mix = torch.randn(8, 5, generator=g(99))
    return a, a @ mix + 2 * torch.randn(samples, 5, generator=g(seed + 1000))


def explicit_hsic(a, b):
    """Song et al. 2012, with s × s matrices: H = tr(KL) + 1K1·1L1 / (s-1)(s-2) - 2 1KL1 / (s-2), over s (s-3)."""
    k, l = (z.double().numpy() @ z.double().numpy().T for z in (a, b))
    n, ones = len(k), np.ones(len(k))
    for matrix in (k, l):
        np.fill_diagonal(matrix, 0)
    mixed = 2 / (n - 2) * (ones @ k @ l @ ones)
    return (np.trace(k @ l) + (ones @ k @ ones) * (ones @ l @ ones) / ((n - 1) * (n - 2)) - mixed) / (n * (n - 3))


def explicit_cka(a, b):
    return explicit_hsic(a, b) / np.sqrt(explicit_hsic(a, a) * explicit_hsic(b, b))


@pytest.mark.parametrize("features", [3, 300])
def test_all_ways_to_compute_it_are_the_definition(features):
    a = torch.randn(60, features, generator=g()) + 5
    b = a[:, :2] + torch.randn(60, 2, generator=g(1))
    wanted = pytest.approx(explicit_cka(a, b), abs=1e-8)
    assert cka(a, b) == wanted
    assert cka_estimate(a, b, np.arange(60)).value == wanted
    assert float((u_centred(a) * u_centred(b)).sum()) / (60 * 57) == pytest.approx(explicit_hsic(a, b), rel=1e-8)
    layers = {"x": a, "y": b}
    table = [[explicit_cka(x, y) for y in layers.values()] for x in layers.values()]
    np.testing.assert_allclose(similarity(layers, layers), table, atol=1e-6)
    np.testing.assert_allclose(minibatch_cka([(layers, layers)]), table, atol=1e-6)


def test_it_is_blind_to_turning_scaling_and_shifting_and_not_to_stretching():
    a, b = related()
    turn = torch.linalg.qr(torch.randn(8, 8, generator=g(3)))[0]
    assert cka(a @ turn * 7 + 3, b) == pytest.approx(cka(a, b), abs=1e-5)
    assert cka(a, a @ turn) == pytest.approx(1, abs=1e-5)
    assert abs(cka(a * torch.tensor([30.0] + [1] * 7), b) - cka(a, b)) > 0.05


def test_independent_layers_are_not_alike_by_any_way():
    """The plain estimate would say .7."""
    a, b = torch.randn(200, 400, generator=g(4)), torch.randn(200, 400, generator=g(5))
    assert abs(cka(a, b)) < 0.03
    assert abs(float(minibatch_cka(({"x": a[i : i + 25]}, {"y": b[i : i + 25]}) for i in range(0, 200, 25)))) < 0.03
    found = cka_estimate(a, b, np.arange(200) // 2)
    assert found.low < 0 < found.high < 0.03


def test_the_interval_covers_what_more_samples_would_say():
    truth = np.mean([cka(*related(6000, seed)) for seed in range(3)])
    covered = sum(e.low <= truth <= e.high for e in (cka_estimate(*related(60, s), np.arange(60)) for s in range(300)))
    assert 0.91 < covered / 300 < 0.99


def test_the_interval_is_over_groups():
    a, b = (z.repeat_interleave(4, dim=0) for z in related(100))
    alone, grouped = (cka_estimate(a, b, own) for own in (np.arange(400), np.arange(400) // 4))
    assert (grouped.high - grouped.low) / (alone.high - alone.low) == pytest.approx(2, rel=0.1)


def batch_of(first, second, rows):
    return {name: z[rows] for name, z in first.items()}, {name: z[rows] for name, z in second.items()}


def test_batches_say_what_all_samples_say():
    a, b = related(4000)
    first, second = {"a": a, "b": b}, {"b": b, "noise": torch.randn(4000, 30, generator=g(7))}
    pairs = (batch_of(first, second, slice(i, i + 64)) for i in range(0, 4000, 64))
    np.testing.assert_allclose(minibatch_cka(pairs), similarity(first, second), atol=0.02)


def test_batches_of_different_size_count_by_their_samples():
    a, b = related(60)
    parts = [(slice(0, 8), 8), (slice(8, 60), 52)]
    mean = [sum(s * explicit_hsic(x[at], y[at]) for at, s in parts) for x, y in ((a, b), (a, a), (b, b))]
    found = minibatch_cka(({"a": a[at]}, {"b": b[at]}) for at, _ in parts)
    assert float(found) == pytest.approx(mean[0] / np.sqrt(mean[1] * mean[2]), abs=1e-6)


def test_a_constant_layer_is_like_none():
    a, flat = torch.randn(50, 4, generator=g()), torch.full((50, 3), 0.1)
    assert np.isnan(cka(a, flat))
    assert np.isnan(cka_estimate(a, flat, np.arange(50)).value)
    found = similarity({"a": a, "flat": flat}, {"a": a})[:, 0]
    assert found[0] == pytest.approx(1)
    assert torch.isnan(found[1])
    assert torch.isnan(minibatch_cka([({"a": a}, {"flat": flat})])[0, 0])


def test_what_cannot_be_compared_is_refused():
    a, b = related(20)
    with pytest.raises(ValueError, match="the same 4 or more samples in both layers. Got 20 and 19"):
        similarity({"a": a}, {"b": b[1:]})
    with pytest.raises(ValueError, match="Got 3 and 3 rows"):
        minibatch_cka([({"a": a[:3]}, {"b": b[:3]})])
    with pytest.raises(ValueError, match="at least one batch"):
        minibatch_cka([])
    with pytest.raises(ValueError, match=r"every batch needs the same stages, .*'a'.* Got .*'c'"):
        minibatch_cka([({"a": a}, {"b": b}), ({"c": a}, {"b": b})])
