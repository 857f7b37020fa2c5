"""Known answers: maps of points whose neighbours are known."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from layerscope.see.faithful import faithfulness, movement
from layerscope.see.map2d import map2d, neighbourhood


def g(seed=0):
    return torch.Generator().manual_seed(seed)


def islands(s=300, count=3, d=10, apart=12.0, seed=0):
    y = torch.arange(s) % count
    return torch.randn(s, d, generator=g(seed)) + apart * torch.eye(d)[y], y


def test_neighbours_are_scikit_learn_s():
    z = torch.randn(700, 6, generator=g())
    found = neighbourhood(z)
    oracle = NearestNeighbors(n_neighbors=15).fit(z.numpy()).kneighbors(return_distance=False)
    assert (found.index.numpy() == oracle).mean() > 0.999
    assert torch.allclose(found.weight.sum(dim=1), torch.full((700,), np.log2(15)), atol=0.01)
    assert found.sketch.shape == (700, 32)


def test_few_samples_have_fewer_neighbours():
    assert neighbourhood(torch.randn(7, 3, generator=g())).index.shape == (7, 6)


def test_the_same_seed_gives_the_same_bytes():
    near = [neighbourhood(islands(seed=i)[0]) for i in range(2)]
    maps = [map2d(near, [(0, 1)], seed).tobytes() for seed in (0, 0, 1)]
    assert maps[0] == maps[1] != maps[2]


def test_equal_slices_stay_where_they_are_and_others_move():
    near = [neighbourhood(islands(seed=i)[0]) for i in (0, 0, 5)]
    (alone,) = movement(map2d(near[:2], [(0, 1)]), [(0, 1)])
    same, other = movement(map2d(near, [(0, 1), (1, 2)]), [(0, 1), (1, 2)])
    assert alone < 1e-3
    assert same < other / 2


def test_maps_are_centred_of_unit_spread_and_lie_flat():
    xy = map2d([neighbourhood(islands()[0])], [])
    assert np.abs(xy.mean(axis=(0, 1))).max() < 1e-5
    assert (xy**2).sum(axis=2).mean() == pytest.approx(1, abs=1e-4)
    spread = xy[0].T @ xy[0]
    assert spread[0, 0] >= spread[1, 1]
    assert abs(spread[0, 1]) < 1e-3 * spread[0, 0]


def test_islands_keep_apart():
    z, y = islands()
    xy = map2d([neighbourhood(z)], [])[0]
    found = faithfulness(z, xy, y, np.arange(len(z)))
    assert found.seen > 0.99
    assert found.trust > 0.9


def test_what_merges_in_the_layer_merges_on_the_map():
    """No ghosts: two islands of the first slice are one in the second."""
    z, y = islands(400, 4)
    merged = torch.randn(400, 10, generator=g(9)) + 12 * torch.eye(10)[y // 2]
    xy = map2d([neighbourhood(z), neighbourhood(merged)], [(0, 1)])
    assert faithfulness(merged, xy[1], y // 2, np.arange(400)).torn < 0.01


@pytest.mark.parametrize("name", ["constant", "duplicates", "outlier"])
def test_odd_layers_have_finite_maps_of_some_extent(name):
    z = torch.randn(60, 4, generator=g())
    if name == "constant":
        z[:] = 3.7
    if name == "duplicates":
        z[10:] = z[0]
    if name == "outlier":
        z[0] = 1e4
    xy = map2d([neighbourhood(z)], [])[0]
    assert np.isfinite(xy).all()
    assert len(np.unique(xy, axis=0)) == 60
    assert np.linalg.norm(xy, axis=1).max() < 5


def test_progress_ends_at_its_total():
    heard = []
    map2d([neighbourhood(islands(60)[0])], [], progress=lambda *said: heard.append(said))
    assert heard[0][1] == 0
    assert heard[-1][1] == heard[-1][2]


def test_what_cannot_be_mapped_is_refused():
    z = torch.randn(20, 3, generator=g())
    with pytest.raises(ValueError, match="at least 5 samples, got 4"):
        neighbourhood(z[:4])
    near = [neighbourhood(z), neighbourhood(z[:10])]
    with pytest.raises(ValueError, match=r"\[10, 20\] samples"):
        map2d(near, [])
    with pytest.raises(ValueError, match="link 0-1 names"):
        map2d(near[:1], [(0, 1)])
    z[3, 1] = torch.nan
    with pytest.raises(ValueError, match="1 of 20 samples hold nan"):
        neighbourhood(z)
