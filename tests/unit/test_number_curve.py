"""Numbers read from layers: the ridge probe against scikit-learn, and the controls of the curve."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeCV
from test_see_curve import Wide
from torch import nn

from layerscope.checkpoint import build
from layerscope.dataset import Dataset, split
from layerscope.inputs import Images
from layerscope.see.activations import untrained
from layerscope.see.label_curve import label_curve, label_probe
from layerscope.see.number_curve import learned, number_curve
from layerscope.see.probe import PENALTIES, number_probe, probe
from layerscope.train import Recipe, fit


def spheres(samples=900, seed=0) -> Dataset:
    """The number is how far a point of 16 dimensions is from the centre: no straight line tells it."""
    draw = torch.Generator().manual_seed(seed)
    y = torch.rand(samples, generator=draw)
    x = nn.functional.normalize(torch.randn(samples, 16, generator=draw), dim=1) * (0.5 + 0.6 * y)[:, None]
    pixels = (127.5 + 100 * x).clamp(0, 255).to(torch.uint8).view(samples, 1, 4, 4)
    return Dataset.of(Images(pixels), 40 + 5 * y, groups=np.arange(samples) // 3, quantity="distance", unit="cm")


def signed(samples=900, seed=0) -> Dataset:
    """The number is how many of 8 pairs of pixels differ: pairs must be put together before they are counted."""
    draw = torch.Generator().manual_seed(seed)
    bits = torch.randint(2, (samples, 16), generator=draw)
    y = (bits[:, :8] != bits[:, 8:]).sum(dim=1).float()
    pixels = (bits * 200).to(torch.uint8).view(samples, 1, 4, 4)
    return Dataset.of(Images(pixels), 100 + 10 * y, groups=np.arange(samples) // 3, quantity="pairs", unit="mm")


@pytest.mark.parametrize("features", [10, 150])
def test_the_probe_is_the_ridge_of_scikit_learn(features):
    draw = torch.Generator().manual_seed(0)
    a, b = torch.randn(90, features, generator=draw), torch.randn(40, features, generator=draw)
    y = 300 + 5 * a[:, 0] + torch.randn(90, generator=draw)
    x, q = (((z - a.mean(dim=0)) / a.std(dim=0, correction=0)).double().numpy() for z in (a, b))
    size = np.linalg.eigvalsh(x.T @ x)
    mean = size[size > size.max() * 1e-10].mean()
    theirs = RidgeCV(np.array(PENALTIES) * mean).fit(x, y.double().numpy()).predict(q)
    assert number_probe(a, y, b).numpy() == pytest.approx(theirs, abs=1e-3)


def test_a_network_that_learned_is_ahead_and_its_controls_are_not():
    parts = split(signed(3000), {"train": 0.6, "fit": 0.2, "score": 0.2}, seed=0)
    model = build("mlp", {"pixels": 16, "classes": 1, "hidden": (64,)}, seed=0)
    fit(model, parts["train"], None, Recipe(epochs=20, batch_size=32, lr=2e-2))
    trained = number_curve(model, parts["fit"], parts["score"])
    twin = number_curve(untrained(model, parts["fit"], 1), parts["fit"], parts["score"])
    assert [r.stage for r in trained] == ["pixels", "block1", "logits"]
    assert trained[1].probe.low > 0.8
    assert trained[1].ranks.low > 0.8
    assert trained[0].probe.value < 0.1
    assert max(r.shuffled.value for r in trained + twin) < 0.05
    found = learned(trained, twin)
    assert (found.stage, found.rival) == ("block1", "neighbours on raw pixels")
    assert found.ahead.low > 0.2
    assert found.ahead.value == pytest.approx(trained[1].probe.value - trained[0].neighbours.value)
    assert twin[1].probe.value < trained[1].probe.value - 0.2
    assert trained[1].written().keys() == {
        *("stage", "features", "probe", "ranks", "equal", "neighbours", "shuffled"),
    }


def test_what_a_wide_random_layer_tells_is_not_said_to_be_learned():
    parts = split(spheres(), {"fit": 0.6, "score": 0.4}, seed=0)
    torch.manual_seed(5)
    model = Wide(None)
    trained = number_curve(model, parts["fit"], parts["score"])
    twin = number_curve(untrained(model, parts["fit"], 1), parts["fit"], parts["score"])
    assert trained[1].probe.low > trained[0].probe.high + 0.1, "or there is no rise to be explained"
    found = learned(trained, twin)
    assert (found.stage, found.rival) == ("block1", "the untrained twin's block1")
    assert found.ahead.low < 0.01
    assert abs(found.ahead.value) < 0.1


def test_only_numbers_of_other_groups_are_read(toy):
    data = spheres(60)
    with pytest.raises(ValueError, match="20 group.s. stand both in the samples that probes are fitted on"):
        number_curve(Wide(None), data, data)
    with pytest.raises(ValueError, match="toy: this curve is of numbers. Got targets of kind 'class'"):
        number_curve(Wide(None), toy, toy)


def test_a_label_is_read_from_the_samples_of_which_it_is_known():
    draw = torch.Generator().manual_seed(0)
    a, b = torch.randn(60, 8, generator=draw), torch.randn(20, 8, generator=draw)
    labels = torch.stack([a[:, 0] > 0, a[:, 1] > 0, a[:, 2] > 0], dim=1)
    known = torch.rand(60, 3, generator=draw) < 0.6
    known[:, 2] = False
    said = label_probe(a, labels & known, b, known)
    for k in (0, 1):
        rows = known[:, k]
        assert torch.equal(said[:, k], probe(a[rows], labels[rows, k].long(), b, 2)[:, 1])
    assert not said[:, 2].any()
    torch.testing.assert_close(label_probe(a, labels, b, torch.ones_like(known)), label_probe(a, labels, b))


def test_the_curve_of_labels_leaves_out_what_is_not_known():
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 255, (240, 1, 4, 4), generator=draw).to(torch.uint8)
    true = torch.stack([pixels[:, 0, 0, 0] > 128, pixels[:, 0, 1, 1] > 128], dim=1)
    known = torch.rand(240, 2, generator=draw) < 0.7
    data = Dataset.of(Images(pixels), true & known, known=known, groups=np.arange(240) // 2)
    parts = split(data, {"fit": 0.5, "score": 0.5}, seed=0)
    curve = label_curve(Wide(None), parts["fit"], parts["score"])
    assert curve[0].found.known is not None
    assert curve[0].found.known.mean() == pytest.approx(0.7, abs=0.1)
    assert curve[0].probe.value > 0.9 > curve[0].shuffled.value
