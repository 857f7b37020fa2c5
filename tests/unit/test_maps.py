"""The atlas, from networks to facts: slices, links, similarity, pictures, the tour."""

import io

import numpy as np
import pytest
import torch
from conftest import toy_images
from PIL import Image

from layerscope.checkpoint import build
from layerscope.dataset import split
from layerscope.maps.alike import alike
from layerscope.maps.record import Network, Walked, links, record
from layerscope.maps.sprite import sprite
from layerscope.progress import silent
from layerscope.see.activations import activations
from layerscope.see.description import description_length
from layerscope.see.geometry import geometry
from layerscope.see.neighbours import other_neighbours
from layerscope.see.similarity import cka
from layerscope.train import predict


def g(seed):
    return torch.Generator().manual_seed(seed)


def test_all_pairs_at_once_are_cka_one_by_one():
    x = torch.randn(300, 20, generator=g(0))
    layers = [x, x @ torch.randn(20, 7, generator=g(1)), x.relu(), torch.randn(300, 9, generator=g(2))]
    wanted = [[cka(a, b) for b in layers] for a in layers]
    np.testing.assert_allclose(alike(layers).numpy(), wanted, atol=1e-4)
    assert torch.isnan(alike([x, torch.ones(300, 3)])[0, 1])


def walked(name, slices, stages=("pixels", "block1", "logits"), control=False):
    table = np.array(slices)
    moments = tuple(f"step {m}" for m in range(len(table)))
    return Walked(name, control, moments, stages, table, (None,) * len(table))


def test_maps_are_tied_along_depth_time_and_to_the_twin():
    network = walked("cnn", [[0, 1, 2], [0, 3, 4]])
    twin = walked("twin", [[0, 5, 6]], control=True)
    other = walked("mlp", [[7, 8]], stages=("pixels", "logits"))
    along = {(0, 1), (1, 2), (0, 3), (3, 4), (1, 3), (2, 4)}
    assert set(links([network])) == along
    assert set(links([network, twin])) == along | {(0, 5), (5, 6), (1, 5), (2, 6)}
    assert set(links([network, other])) == along | {(0, 7), (7, 8)}
    assert set(links([network, walked("seed 1", [[0, 5, 6]])])) == along | {(0, 5), (5, 6), (3, 5), (4, 6)}


@pytest.mark.parametrize("channels", [1, 3])
def test_each_picture_is_at_its_tile(channels):
    pixels = np.zeros((5, channels, 64, 32), np.uint8)
    pixels += (np.arange(5) * 50).astype(np.uint8)[:, None, None, None]
    data, columns = sprite(pixels, tile=16)
    sheet = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    assert (columns, sheet.shape) == (3, (32, 48))
    for i in range(5):
        top, left = i // columns * 16, i % columns * 16
        assert abs(int(sheet[top + 8, left + 8]) - 50 * i) < 12
        assert sheet[top + 8, left + 1] < 12  # a tall picture keeps its shape, on black


def test_pictures_that_cannot_be_shown_are_refused():
    with pytest.raises(ValueError, match="1 or 3 channels, grey or colour. Got 2"):
        sprite(np.zeros((2, 2, 8, 8), np.uint8))
    with pytest.raises(ValueError, match="90,000 pictures of 64 pixels do not fit"):
        sprite(np.zeros((90_000, 1, 1, 1), np.uint8), tile=64)


def test_a_slice_keeps_what_was_measured_of_its_own_layer(tmp_path):
    parts = split(toy_images(240), {"val": 0.5, "test": 0.5}, seed=0)
    model = build("cnn", {"channels": 1, "classes": 2, "shrink": 1, "widths": (4, 8)}, seed=0)
    walked, slices = record([Network("cnn", {"now": model})], parts["val"], parts["test"], tmp_path, 0, silent)
    fitted, scored = activations(model, parts["val"]), activations(model, parts["test"])
    for stage, number in zip(walked[0].stages, walked[0].slices[0], strict=True):
        s = slices[number]
        assert torch.equal(s.z, scored[stage])
        assert torch.equal(s.rows(np.array([3, 1])), scored[stage][[3, 1]])
        assert torch.equal(s.near, other_neighbours(scored[stage], parts["test"].groups, 5))
        assert s.bits == description_length(fitted[stage], parts["val"].targets, parts["val"].groups, 2, 0)
        assert s.geometry == geometry(scored[stage], parts["test"].targets, parts["test"].groups)
    said = walked[0].said[0]
    assert said is not None
    np.testing.assert_allclose(said.probs, predict(model, parts["test"]).probs, atol=1e-6)
