"""Known answers: networks and arrays where the layer that holds the answer is known."""

import numpy as np
import pytest
import torch
from conftest import toy_images
from sklearn.linear_model import Ridge
from sklearn.neighbors import NearestNeighbors

from layerscope.checkpoint import build
from layerscope.dataset import Dataset, split
from layerscope.inputs import Images
from layerscope.models.layered import Layered, Stage
from layerscope.see.activations import activations, project, untrained
from layerscope.see.curve import layer_curve, learned
from layerscope.see.neighbours import neighbours, other_neighbours, vote
from layerscope.see.probe import few_label_accuracy, fit_probe, probe
from layerscope.see.similarity import cka, similarity


def g(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_probe_is_scikit_learn_s_ridge_at_its_own_penalty():
    x, y = torch.randn(120, 7, generator=g()) * torch.arange(1, 8), torch.randint(3, (120,), generator=g(1))
    fitted = fit_probe(x, y, 3)
    z = (x.double() - x.double().mean(0)) / x.double().std(0, correction=0)
    strength = fitted.penalty * float(torch.linalg.eigvalsh(z.T @ z).mean())
    oracle = Ridge(alpha=strength).fit(z.numpy(), np.eye(3)[y.numpy()])
    np.testing.assert_allclose(fitted(x).numpy(), oracle.predict(z.numpy()), atol=1e-5)


@pytest.mark.parametrize("shape", [(60, 10), (25, 90)])
def test_the_penalty_has_the_least_leave_one_out_error(shape):
    x, y = torch.randn(shape, generator=g(2)), torch.randint(2, shape[:1], generator=g(3))
    x[:, 0] += 2.0 * y
    fitted = fit_probe(x, y, 2)
    z = ((x.double() - x.double().mean(0)) / x.double().std(0, correction=0)).numpy()
    values = np.linalg.eigvalsh(z.T @ z if shape[1] < shape[0] else z @ z.T)
    size = values[values > values.max() * 1e-10].mean()
    target = np.eye(2)[y.numpy()]

    def left_out(penalty):
        errors = []
        for i in range(len(z)):
            rest = np.arange(len(z)) != i
            # the same centring and scale as the whole, as the closed form has; the intercept is refitted
            model = Ridge(alpha=penalty * size).fit(z[rest], target[rest])
            errors.append(((model.predict(z[i : i + 1]) - target[i]) ** 2).mean())
        return np.mean(errors)

    around = [fitted.penalty / 100, fitted.penalty, fitted.penalty * 100]
    errors = [left_out(penalty) for penalty in around]
    assert errors[1] <= min(errors) + 1e-3


def test_xor_is_in_no_straight_line_until_the_layer_that_folds_the_plane():
    x = torch.rand(1500, 2, generator=g()) * 2 - 1
    y = (x[:, 0] * x[:, 1] > 0).long()
    turned = x @ torch.tensor([[0.7071, -0.7071], [0.7071, 0.7071]])
    folded = turned.abs()
    right = [
        float((probe(z[:1000], y[:1000], z[1000:], 2).argmax(1) == y[1000:]).double().mean())
        for z in (x, turned, folded)
    ]
    assert right[0] < 0.6
    assert right[1] < 0.6
    assert right[2] > 0.96


def test_a_probe_does_not_mind_units_in_another_order_or_scale():
    x, y = torch.randn(200, 12, generator=g()), torch.randint(3, (200,), generator=g(1))
    x[:, :3] += torch.eye(3)[y]
    base = probe(x[:150], y[:150], x[150:], 3)
    order = torch.randperm(12, generator=g(4))
    moved = x[:, order] * 7 + 3
    torch.testing.assert_close(probe(moved[:150], y[:150], moved[150:], 3), base, atol=1e-4, rtol=1e-3)
    padded = torch.cat([x, torch.zeros(200, 5)], dim=1)
    torch.testing.assert_close(probe(padded[:150], y[:150], padded[150:], 3), base, atol=1e-4, rtol=1e-3)


def test_a_constant_layer_says_nothing_and_does_not_fail():
    y = torch.randint(2, (100,), generator=g())
    scores = probe(torch.ones(80, 4), y[:80], torch.ones(20, 4), 2)
    assert scores.isfinite().all()
    assert len(scores.argmax(1).unique()) == 1


def test_few_labels_are_fewer_than_many():
    y = torch.arange(900) % 3
    x = torch.randn(900, 20, generator=g()) + 1.2 * torch.eye(20)[y]
    one, ten, many = (few_label_accuracy(x[:600], y[:600], x[600:], y[600:], n, 10, 0).mean() for n in (1, 10, 150))
    assert one < ten < many


def test_neighbours_are_scikit_learn_s():
    x, q = torch.randn(80, 5, generator=g()), torch.randn(30, 5, generator=g(1))
    index, cosine = neighbours(x, q, k=4)
    mean = x.mean(0)
    oracle = NearestNeighbors(n_neighbors=4, metric="cosine").fit((x - mean).numpy())
    distance, rows = oracle.kneighbors((q - mean).numpy())
    assert index.numpy().tolist() == rows.tolist()
    np.testing.assert_allclose(1 - cosine.numpy(), distance, atol=1e-5)
    assert vote(torch.tensor([[0, 1, 2]]), torch.tensor([1, 0, 1]), 2).tolist() == [1]


def explicit_cka(a, b):
    """The definition with n × n matrices: unbiased HSIC of Song et al. 2012."""

    def hsic(k, l):
        n = len(k)
        k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
        ones = np.ones(n)
        mixed = 2 / (n - 2) * (ones @ k @ l @ ones)
        return (np.trace(k @ l) + (ones @ k @ ones) * (ones @ l @ ones) / ((n - 1) * (n - 2)) - mixed) / (n * (n - 3))

    a, b = a.double().numpy(), b.double().numpy()
    k, l = a @ a.T, b @ b.T
    return hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))


def test_cka_is_the_explicit_formula_and_has_the_known_answers():
    a = torch.randn(200, 8, generator=g())
    b = a @ torch.randn(8, 5, generator=g(1)) + 0.5 * torch.randn(200, 5, generator=g(2))
    assert cka(a, b) == pytest.approx(explicit_cka(a, b), abs=1e-9)
    rotation = torch.linalg.qr(torch.randn(8, 8, generator=g(3)))[0]
    assert cka(a, 3 * a @ rotation + 5) == pytest.approx(1, abs=1e-5)
    assert cka(a, b) == pytest.approx(cka(b, a))
    noise = torch.randn(128, 512, generator=g(4)), torch.randn(128, 512, generator=g(5))
    assert abs(cka(*noise)) < 0.03, "the plain estimate is .8 here"
    assert similarity({"x": a}, {"y": b, "z": a}).shape == (1, 2)
    with pytest.raises(ValueError, match="same 4 or more samples"):
        cka(a[:3], b[:3])


class Fold(Layered):
    """A network whose second stage holds the answer: the brighter half, whichever side is turned to the left."""

    def __init__(self, config):
        super().__init__()
        self.config = config

    def stages(self, inputs):
        x = inputs.pixels.float().flatten(1) / 255
        yield Stage("pixels", x, per_sample=True)
        half = inputs.pixels.shape[-1] // 2
        left, right = (
            inputs.pixels[..., part].float().mean((1, 2, 3)) / 255 for part in (slice(half), slice(half, None))
        )
        signs = torch.stack([left - 0.5, right - 0.5], dim=1)
        yield Stage("block1", signs, per_sample=True)
        product = (signs[:, :1] * signs[:, 1:]).sign()
        yield Stage("block2", product, per_sample=True)
        yield Stage("logits", torch.cat([product, -product], dim=1), per_sample=True)


def xor_images(samples=900):
    """Both halves dark or bright, independently; the class is whether they differ."""
    bright = torch.randint(2, (samples, 2), generator=g(7))
    pixels = (60 + 130 * bright.repeat_interleave(4, dim=1)[:, None, None, :].expand(-1, 1, 8, -1)).to(torch.uint8)
    pixels = pixels + torch.randint(0, 60, pixels.shape, generator=g(8)).to(torch.uint8)
    toy = toy_images(samples)
    return Dataset(
        "xor",
        Images(pixels),
        (bright[:, 0] != bright[:, 1]).long(),
        np.arange(samples),
        toy.ids,
        ("same", "differ"),
        toy.source,
    )


def test_the_layer_curve_finds_the_layer_that_holds_the_answer():
    parts = split(xor_images(), {"fit": 0.6, "score": 0.4}, seed=0)
    readings = layer_curve(Fold(None), parts["fit"], parts["score"])
    value = {r.stage: r.probe.value for r in readings}
    assert value["pixels"] < 0.62
    assert value["block1"] < 0.62
    assert value["block2"] == 1.0
    for r in readings:
        assert r.probe.low <= r.probe.value <= r.probe.high
        assert r.few.least <= r.few.value <= r.few.greatest
        assert r.few.low < r.few.value < r.few.high or r.few.value == 1
        for s in (r.neighbours, r.equal, r.shuffled):
            assert s.low <= s.value <= s.high
    assert abs(readings[2].shuffled.value - 0.5) < 0.12 or readings[2].shuffled.value in (0.0, 1.0)
    found = learned(readings, [r for r in readings if r.stage != "block2"], parts["score"])
    assert (found.stage, found.rival) == ("block2", "neighbours on raw pixels")
    assert found.ahead.value == pytest.approx(1 - readings[0].neighbours.value)
    nearest = {r.stage: r.neighbours.value for r in readings}
    assert nearest["pixels"] > 0.95, "nearest neighbours do not ask for a straight line"


def test_a_network_that_memorised_random_labels_reads_at_chance_on_new_samples():
    data = toy_images(600)
    random = torch.randint(2, (600,), generator=g(11))
    noise = torch.randint(0, 255, data.inputs.pixels.shape, generator=g(12)).to(torch.uint8)
    data = Dataset("random", Images(noise), random, np.arange(600), data.ids, data.classes, data.source)
    parts = split(data, {"train": 0.5, "val": 0.25, "test": 0.25}, seed=0)
    from layerscope.train import Recipe, epochs

    model = build("mlp", {"pixels": 256, "classes": 2}, seed=0)
    for _ in epochs(model, parts["train"], None, Recipe(epochs=30, batch_size=50, lr=3e-3, label_smoothing=0)):
        pass
    inside = activations(model, parts["train"])["logits"]
    y = parts["train"].targets
    memorised = float((probe(inside[:150], y[:150], inside[150:], 2).argmax(1) == y[150:]).double().mean())
    assert memorised > 0.95, "or it has memorised nothing and this test shows nothing"
    curve = layer_curve(model, parts["val"], parts["test"])
    assert max(r.probe.value for r in curve) < 0.62


def test_a_curve_refuses_groups_on_both_sides(toy):
    model = build("mlp", {"pixels": 256, "classes": 2}, seed=0)
    with pytest.raises(ValueError, match=r"32 group\(s\) stand both .* Split by group"):
        layer_curve(model, toy, toy)


def test_activations_do_not_depend_on_the_batch_and_leave_the_network_alone(toy):
    model = build("cnn", {"channels": 1, "classes": 2, "shrink": 1, "widths": (8, 16)}, seed=0)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    a, b = activations(model, toy, batch_size=96), activations(model, toy, batch_size=7)
    assert list(a) == ["pixels", "block1", "block2", "pool", "logits"]
    assert [z.shape[1] for z in a.values()] == [256, 16, 32, 16, 2]
    for name in a:
        torch.testing.assert_close(a[name], b[name], atol=1e-4, rtol=1e-4)
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


def test_a_projection_keeps_distances_and_is_the_same_every_time():
    x = torch.randn(50, 4096, generator=g())
    z = project(x, 1024)
    assert torch.equal(z, project(x, 1024))
    assert z.shape == (50, 1024)
    ratio = torch.pdist(z) / torch.pdist(x)
    assert (ratio - 1).abs().max() < 0.15
    assert project(x[:, :10], 1024).shape == (50, 10)


def test_the_twin_s_norms_are_calibrated_so_that_deep_layers_are_not_silent(toy):
    config = {"channels": 1, "classes": 2, "shrink": 1, "widths": (8, 16, 16)}
    twin = untrained(build("cnn", config, seed=0), toy, seed=1)
    raw = build("cnn", config, seed=1)
    spread, silent = (float(activations(m, toy)["block3"].std(dim=0).mean()) for m in (twin, raw))
    assert spread > 5 * silent


def test_neighbours_are_of_other_groups():
    z = torch.randn(60, 4, generator=g()).repeat_interleave(3, dim=0) + 0.01 * torch.randn(180, 4, generator=g(1))
    series = np.arange(180) // 3
    found = other_neighbours(z, series, 5)
    assert found.shape == (180, 5)
    assert not (series[found.numpy()] == series[:, None]).any()
    alone = other_neighbours(z, np.arange(180), 2)
    assert (series[alone.numpy()] == series[:, None]).all()  # without groups they are the copies
    x = torch.nn.functional.normalize(z - z.mean(0), dim=1)
    near = x @ x.T
    near[torch.from_numpy(series[:, None] == series[None])] = -9
    assert torch.equal(found[:, 0], near.argmax(1))
    with pytest.raises(ValueError, match="needed 5 samples of other groups.*leaves 3"):
        other_neighbours(z, np.arange(180) >= 3, 5)
