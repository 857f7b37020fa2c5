"""Controls of the layer curve: a twin that reads as well, a layer that says nothing, few labels drawn with luck."""

import warnings

import numpy as np
import pytest
import torch
from conftest import toy_images
from torch import nn

from layerscope.dataset import Dataset, split
from layerscope.inputs import Images
from layerscope.models.layered import Layered, Stage
from layerscope.see.activations import untrained
from layerscope.see.curve import few_score, layer_curve, learned, read


class Wide(Layered):
    """Pixels through a wide random layer: it separates more than pixels do, and nothing in it was learned."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.wide = nn.Linear(16, 800)

    def stages(self, inputs):
        x = inputs.pixels.float().flatten(1) / 255 - 0.5
        yield Stage("pixels", x, per_sample=True)
        h = self.wide(8 * x).relu()
        yield Stage("block1", h, per_sample=True)
        yield Stage("logits", h[:, :2], per_sample=True)


def balls(samples=900):
    """The class is whether a point of 16 dimensions is far from the centre: no straight line tells it."""
    draw = torch.Generator().manual_seed(0)
    y = torch.randint(2, (samples,), generator=draw)
    x = nn.functional.normalize(torch.randn(samples, 16, generator=draw), dim=1) * (0.5 + 0.6 * y)[:, None]
    pixels = (127.5 + 100 * x).clamp(0, 255).to(torch.uint8).view(samples, 1, 4, 4)
    return Dataset.of(Images(pixels), y, groups=np.arange(samples) // 3)


def test_what_a_wide_random_layer_tells_is_not_said_to_be_learned():
    parts = split(balls(), {"fit": 0.6, "score": 0.4}, seed=0)
    torch.manual_seed(5)
    model = Wide(None)
    trained = layer_curve(model, parts["fit"], parts["score"])
    twin = layer_curve(untrained(model, parts["fit"], 1), parts["fit"], parts["score"])
    assert trained[1].probe.low > trained[0].probe.high + 0.1, "or there is no rise to be explained"
    found = learned(trained, twin, parts["score"])
    assert (found.stage, found.rival) == ("block1", "the untrained twin's block1")
    assert found.ahead.low < 0.01
    assert abs(found.ahead.value) < 0.05


def test_a_constant_layer_is_read_without_a_warning_and_says_nothing():
    parts = split(balls(), {"fit": 0.6, "score": 0.4}, seed=0)
    fit_on, score_on = parts["fit"], parts["score"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read(torch.full((len(fit_on), 5), 0.1), torch.full((len(score_on), 5), 0.1), fit_on, score_on, "x", 3)
    most = float(torch.bincount(score_on.targets).max()) / len(score_on)
    for reading in (found.probe, found.few, found.neighbours, found.equal, found.shuffled):
        assert 1 - most - 1e-9 <= reading.value <= most + 1e-9
        assert reading.low <= reading.value <= reading.high


def answers(share, draws=10):
    """Guesses of which `share[d]` are right in draw d, the same rows in each."""
    data = toy_images(300)
    y = data.targets.numpy()
    return np.stack([np.where(np.arange(300) % 100 < 100 * right, y, 1 - y) for right in share]), data


def test_few_labels_vary_with_the_groups_and_with_the_draws():
    steady, lucky = (few_score(*answers(share)) for share in ([0.8] * 10, [0.6, 1.0] * 5))
    assert steady.value == pytest.approx(0.8) == lucky.value
    assert (steady.least, steady.greatest) == pytest.approx((0.8, 0.8))
    assert (lucky.least, lucky.greatest) == pytest.approx((0.6, 1.0))
    drawn = 2.262157 * 0.2 / 3  # Student's t of 9 times the standard error of ten draws
    assert lucky.value - lucky.low > drawn
    assert lucky.high - lucky.value > drawn
    assert 0.03 < steady.value - steady.low < 0.12  # of 300 samples in 100 groups


def test_few_labels_without_a_mistake_are_not_sure():
    perfect = few_score(*answers([1.0] * 10))
    assert perfect.value == perfect.high == 1
    assert 0.95 < perfect.low < 0.98  # no error in 100 groups


def test_a_rare_mistake_makes_it_no_surer_than_none():
    guesses, data = answers([1.0] * 10)
    perfect = few_score(guesses, data)
    guesses[3, 7] = 1 - guesses[3, 7]
    rare = few_score(guesses, data)
    assert 0.999 < rare.value < 1
    assert rare.low < perfect.low + 0.01


def test_few_labels_of_one_group_have_no_interval():
    guesses, data = answers([0.8] * 10)
    one = Dataset("one", data.inputs, data.targets, np.zeros(300, int), data.ids, data.classes, data.source)
    found = few_score(guesses, one)
    assert np.isnan(found.low)
    assert np.isnan(found.high)


def test_the_controls_are_what_they_are_called():
    """A layer in which both classes are told apart by all of 60 directions together, and by no few of them."""
    draw = torch.Generator().manual_seed(3)
    y = torch.randint(2, (1200,), generator=draw)
    z = torch.randn(1200, 60, generator=draw) + 0.35 * y[:, None] * (torch.arange(60) % 2 * 2 - 1)
    data = Dataset.of(Images(torch.zeros(1200, 1, 2, 2, dtype=torch.uint8)), y, groups=np.arange(1200))
    parts = data.rows(np.arange(700)), data.rows(np.arange(700, 1200))
    found = read(z[:700], z[700:], *parts, "block1", width=2)
    assert found.probe.value > 0.85
    assert found.equal.value < found.probe.value - 0.1  # two random directions of sixty
    assert 0.4 < found.shuffled.value < 0.6
