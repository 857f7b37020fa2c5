"""Targets that are numbers, and labels of which some are missing: from the data set through training to predictions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import toy_images
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from layerscope.checkpoint import build, load_model, save_model
from layerscope.dataset import Dataset, batches, few, split
from layerscope.inputs import Images
from layerscope.models.answers import loss, scale_of, standardised
from layerscope.models.baseline import mean_number
from layerscope.predictions import Numbers, Predictions
from layerscope.source import DataError
from layerscope.train import Recipe, epochs, evaluate, fit, predict, predict_numbers

BRIGHT = {"pixels": 64, "classes": 1, "hidden": (16,)}


def bright(samples=240, seed=0, mean=500.0, spread=20.0) -> Dataset:
    """Images whose brightness is the number that is asked, two to a group."""
    dice = torch.Generator().manual_seed(seed)
    shade = torch.rand(samples, generator=dice)
    pixels = (shade[:, None, None, None] * 200 + 40 * torch.rand(samples, 1, 8, 8, generator=dice)).to(torch.uint8)
    targets = (mean + spread * (shade - 0.5) * 12**0.5).tolist()
    groups = np.arange(samples) // 2
    return Dataset.of(Images(pixels), targets, groups=groups, quantity="brightness", unit="lux", name="bright")


def assays(samples=200, seed=0, shown=0.6) -> Dataset:
    """Two labels, each a bright corner; which were looked for is drawn at random."""
    dice = torch.Generator().manual_seed(seed)
    true = torch.rand(samples, 2, generator=dice) < 0.5
    pixels = torch.randint(0, 60, (samples, 1, 8, 8), generator=dice)
    pixels[true[:, 0], :, :4, :4] += 120
    pixels[true[:, 1], :, 4:, 4:] += 120
    known = torch.rand(samples, 2, generator=dice) < shown
    return Dataset.of(Images(pixels.to(torch.uint8)), true & known, classes=("a", "b"), known=known, name="assays")


def test_each_data_set_knows_what_it_asks(toy):
    assert [data.kind for data in (toy, bright(), assays())] == ["class", "number", "labels"]
    data = bright()
    assert (data.classes, data.unit, data.targets.dtype, data.several) == (("brightness",), "lux", torch.float32, False)
    counted = Dataset.of(data.inputs, np.arange(240), quantity="count")
    assert (counted.kind, counted.targets[-1].item()) == ("number", 239.0)


def test_rows_and_parts_keep_numbers_masks_and_groups():
    data = assays()
    rows = np.array([5, 3, 190])
    assert torch.equal(data.rows(rows).known, data.known[rows])
    seen = torch.zeros_like(data.known)
    for batch in batches(data, 16, torch.Generator().manual_seed(0)):
        seen[batch.row] = batch.known
    assert torch.equal(seen, data.known)
    parts = split(bright(), {"train": 0.7, "val": 0.1, "test": 0.2}, seed=0)
    assert not set(parts["train"].groups) & set(parts["test"].groups)
    assert [len(part) for part in parts.values()] == [168, 24, 48]
    assert {part.unit for part in parts.values()} == {"lux"}
    first = next(batches(parts["train"], 4))
    assert first.known is None
    assert torch.equal(first.targets, parts["train"].targets[:4])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda x: Dataset.of(x, [1.0, float("nan"), 2.0], quantity="q"), "1 of 3 are not, first row 1. Leave those"),
        (lambda x: Dataset.of(x, [1.0, 2.0, float("inf")], quantity="q"), "a target must be a finite number"),
        (lambda x: Dataset.of(x, [1.5, 2.0, 3.0], quantity="q", classes=("a", "b")), "neither classes nor a mask"),
        (lambda x: Dataset.of(x, [True, False, True], quantity="q"), r"'q' needs one number a sample. Got bool"),
        (lambda x: Dataset.of(x, [0, 1, 1], unit="kg"), "only numbers have a unit. Got 'kg' for class"),
        (
            lambda x: Dataset.of(x, np.eye(3, dtype=bool), known=~np.eye(3, dtype=bool)),
            "what is not known cannot be true. 3 labels are: make them False",
        ),
        (
            lambda x: Dataset.of(x, [0, 1, 1], known=np.ones((3, 2), dtype=bool)),
            r"`known` is True and False .* Got shape \(3, 2\) for torch.int64 targets of shape \(3,\)",
        ),
        (
            lambda x: replace(Dataset.of(x, [0, 1, 1]), targets=torch.tensor([0.0, 1.0, 1.0])),
            "numbers are one a sample, of the one thing that `classes` names; .* and 2 names",
        ),
    ],
)
def test_targets_that_cannot_be_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        wrong(Images(torch.zeros(3, 1, 4, 4, dtype=torch.uint8)))


def test_what_needs_classes_says_so():
    data = bright(12)
    with pytest.raises(ValueError, match="a number is asked of each sample, so none can be drawn for one class"):
        few(data, 2, seed=0)
    model = build("mlp", BRIGHT, seed=0)
    with pytest.raises(ValueError, match="bright: a number is asked, not a class. Take predict_numbers"):
        predict(model, data)
    with pytest.raises(ValueError, match="the network has not learned numbers"):
        predict_numbers(model, data)
    with pytest.raises(ValueError, match="the 12 targets are all 3: there is nothing to learn"):
        fit(model, replace(data, targets=torch.full((12,), 3.0)), None, Recipe(epochs=1))


def test_the_loss_of_numbers_is_the_mean_squared_error_whatever_the_smoothing():
    said, y = torch.randn(9, 1), torch.randn(9)
    assert torch.equal(loss(said, y, 0.1), mse_loss(said[:, 0], y))


def test_the_loss_of_labels_is_the_mean_over_those_that_are_known():
    dice = torch.Generator().manual_seed(0)
    said, known = torch.randn(20, 3, generator=dice), torch.rand(20, 3, generator=dice) < 0.4
    true = (torch.rand(20, 3, generator=dice) < 0.5) & known
    expected = binary_cross_entropy_with_logits(said[known], true[known].float())
    torch.testing.assert_close(loss(said, true, known=known), expected)
    said.requires_grad_()
    loss(said, true, known=known).backward()
    assert torch.equal(said.grad != 0, known), "what is not known must not teach"
    torch.testing.assert_close(loss(said, true, 0.1, torch.ones_like(known)), loss(said, true, 0.1))
    assert loss(said, true & False, known=torch.zeros_like(known)).item() == 0


def test_a_network_learns_a_number_and_says_it_in_its_unit(tmp_path):
    parts = split(bright(), {"train": 0.6, "val": 0.2, "test": 0.2}, seed=0)
    model = build("mlp", BRIGHT, seed=0)
    history = fit(model, parts["train"], parts["val"], Recipe(epochs=12, batch_size=16))
    found, trivial = predict_numbers(model, parts["test"]), mean_number(parts["train"], parts["test"])
    assert (found.quantity, found.unit, found.ids.tolist()) == ("brightness", "lux", parts["test"].ids.tolist())
    error, other = (np.sqrt((p.errors**2).mean()) for p in (found, trivial))
    assert error < 0.35 * other
    assert np.ptp(trivial.values) == 0
    y = parts["train"].targets.double()
    assert model.scale == pytest.approx((float(y.mean()), float(y.std(correction=0))))
    val = predict_numbers(model, parts["val"])
    best = history.epochs[history.best - 1]
    assert best.val_loss == pytest.approx((val.errors**2).mean() / model.scale.spread**2, rel=1e-4)
    assert best.val_accuracy is None
    assert evaluate(model, parts["val"]) == (pytest.approx(best.val_loss, rel=1e-5), None)
    save_model(tmp_path, "mlp", model, parts["train"].classes, "")
    again, classes = load_model(tmp_path)
    assert (again.scale, classes) == (model.scale, ("brightness",))
    assert predict_numbers(again, parts["test"]).values.tolist() == found.values.tolist()


def test_the_unit_of_the_data_does_not_change_what_is_learned():
    one, other = bright(mean=0, spread=1), bright(mean=-3e4, spread=1e3)
    said = []
    for data in (one, other):
        model = build("mlp", BRIGHT, seed=0)
        fit(model, data, None, Recipe(epochs=3, batch_size=32))
        said.append(predict_numbers(model, data).values)
    assert said[1] == pytest.approx(said[0] * 1e3 - 3e4, abs=5)


def test_training_that_was_stopped_ends_with_the_same_numbers(tmp_path):
    data, recipe = bright(), Recipe(epochs=4)
    whole, stopped, resumed = (build("mlp", BRIGHT, seed=0) for _ in range(3))
    fit(whole, data, None, recipe)
    training = epochs(stopped, data, None, recipe)
    after = [next(training), next(training)][-1]
    resumed.load_state_dict(stopped.state_dict())
    assert [epoch.number for epoch in epochs(resumed, data, None, recipe, after=after)] == [3, 4]
    assert predict_numbers(resumed, data).values.tolist() == predict_numbers(whole, data).values.tolist()


def test_labels_that_nobody_looked_for_teach_nothing():
    data = assays()
    other = replace(data, inputs=Images(data.inputs.pixels.clone()))
    hidden = ~data.known.any(dim=1)
    assert hidden.any()
    other.inputs.pixels[hidden] = 255 - other.inputs.pixels[hidden]
    trained = []
    for part in (data, other):
        model = build("mlp", {"pixels": 64, "classes": 2, "hidden": (8,)}, seed=0)
        history = fit(model, part, part, Recipe(epochs=8, batch_size=20))
        trained.append((model.state_dict(), history))
    for name, weights in trained[0][0].items():
        assert torch.equal(weights, trained[1][0][name]), name
    last = trained[0][1].epochs[-1]
    assert last.val_accuracy > 0.9
    model.load_state_dict(trained[0][0])
    said = model(data.inputs).detach()
    assert evaluate(model, data, batch_size=32)[0] == pytest.approx(float(loss(said, data.targets, known=data.known)))
    right = ((said > 0) == data.targets)[data.known].double().mean()
    assert evaluate(model, data, batch_size=32)[1] == pytest.approx(float(right))


def test_standardised_numbers_have_mean_0_and_spread_1_and_classes_stay():
    data, model = bright(), build("mlp", BRIGHT, seed=0)
    model.scale = scale_of(data)
    y = standardised(data, model).targets
    assert (float(y.mean()), float(y.std(correction=0))) == pytest.approx((0, 1), abs=1e-4)
    toy = toy_images()
    assert standardised(toy, model) is toy


def numbers(**fields) -> Numbers:
    y = np.array([1.0, 2.0, 3.0])
    return replace(Numbers(y, y, np.arange(3), np.array(["a", "b", "c"]), "length", "mm"), **fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"values": np.array([1, np.nan, 3])}, r"values must be finite numbers. 1 of 3 are not; .* row 1 \(b\): nan"),
        ({"targets": np.array([1, 2, np.inf])}, r"targets must be finite .* row 2 \(c\): inf"),
        ({"low": np.zeros(3)}, "needs its low end, its high end and its level"),
        ({"low": np.full(3, 5.0), "high": np.full(3, 4.0), "level": 0.9}, "not end before it begins. 3 of 3 do"),
        ({"low": np.zeros(3), "high": np.ones(3), "level": 90.0}, "lies between 0 and 1. Got 90"),
    ],
)
def test_numbers_that_cannot_be_are_refused(fields, says):
    with pytest.raises(DataError, match=says):
        numbers(**fields)


def test_numbers_have_errors_groups_and_rows():
    p = numbers(values=np.array([2.0, 2.0, 1.0]), groups=np.array([9, 4, 9]))
    assert p.errors.tolist() == [1, 0, -2]
    assert (p.owners.of_row.tolist(), p.owners.groups) == ([1, 0, 1], 2)
    with_interval = replace(p, low=np.zeros(3), high=np.array([1.0, 2.0, np.inf]), level=0.9)
    some = with_interval.rows(np.array([2, 0]))
    assert (some.ids.tolist(), some.high.tolist(), some.unit) == (["c", "a"], [np.inf, 1.0], "mm")
    assert not isinstance(some, Predictions)
