"""The loop: it stops, resumes and fails as it says."""

import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import toy_images, toy_tokens

from layerscope.checkpoint import build, load_moments
from layerscope.dataset import batches, split
from layerscope.see.activations import activations
from layerscope.train import History, Recipe, TrainingError, epochs, evaluate, fit, moments, one_cycle, predict

CONFIG = {"channels": 1, "classes": 2, "shrink": 1, "widths": (8, 16)}
RECIPE = Recipe(epochs=6, batch_size=16, patience=6)


@pytest.fixture
def parts():
    return split(toy_images(), {"train": 0.7, "val": 0.3}, seed=0)


def weights(model):
    return {name: t.clone() for name, t in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_resumed_after_any_epoch_it_ends_with_the_same_weights_bit_for_bit(parts, tmp_path):
    whole = build("cnn", CONFIG, seed=3)
    history = fit(whole, parts["train"], parts["val"], RECIPE)
    for stop in (1, 4):
        folder = tmp_path / str(stop)

        def killed(what, done, total, unit, stop=stop):
            if done == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fit(build("cnn", CONFIG, seed=3), parts["train"], parts["val"], RECIPE, folder, killed)
        again = build("cnn", CONFIG, seed=77)  # other weights: they must come from the checkpoint
        assert fit(again, parts["train"], parts["val"], RECIPE, folder) == history
        assert same(weights(again), weights(whole))


KILLED = """
import sys; sys.path.insert(0, sys.argv[2])
from pathlib import Path
from conftest import toy_images, toy_tokens
from layerscope.checkpoint import build, load_moments
from layerscope.dataset import batches, split
from layerscope.train import Recipe, fit
parts = split(toy_images(600), {"train": 0.7, "val": 0.3}, seed=0)
model = build("cnn", {"channels": 1, "classes": 2, "shrink": 1, "widths": (8, 16)}, seed=3)
fit(model, parts["train"], parts["val"], Recipe(epochs=40, batch_size=16, patience=40), Path(sys.argv[1]))
"""


def test_killed_with_sigkill_it_goes_on_to_the_same_weights(tmp_path):
    here = str(Path(__file__).parents[1])
    folder = tmp_path / "training"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(folder), here])
    while not (folder / "training.safetensors").exists():
        assert process.poll() is None, "it ended before it wrote a checkpoint"
        time.sleep(0.01)
    time.sleep(0.15)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it had ended before it was killed"
    parts = split(toy_images(600), {"train": 0.7, "val": 0.3}, seed=0)
    recipe = Recipe(epochs=40, batch_size=16, patience=40)
    whole, again = build("cnn", CONFIG, seed=3), build("cnn", CONFIG, seed=3)
    history = fit(whole, parts["train"], parts["val"], recipe)
    assert fit(again, parts["train"], parts["val"], recipe, folder) == history
    assert same(weights(again), weights(whole))


def test_a_checkpoint_of_another_recipe_is_refused(parts, tmp_path):
    fit(build("cnn", CONFIG, seed=0), parts["train"], parts["val"], Recipe(epochs=1), tmp_path)
    with pytest.raises(ValueError, match=r"was trained with recipe .*Use another folder"):
        fit(build("cnn", CONFIG, seed=0), parts["train"], parts["val"], Recipe(epochs=2), tmp_path)


def test_a_loss_that_is_not_finite_stops_with_where_and_keeps_the_last_good_weights(parts):
    model = build("mlp", {"pixels": 256, "classes": 2}, seed=0)
    recipe = Recipe(epochs=9, batch_size=16, lr=1e20)
    good = weights(model)
    with pytest.raises(TrainingError, match=r"the loss became (nan|inf) in epoch \d+, step \d+ of 5.*lr=1e\+20"):
        for _ in epochs(model, parts["train"], parts["val"], recipe):
            good = weights(model)
    assert same(weights(model), good)
    assert all(t.isfinite().all() for t in good.values())


def test_fit_keeps_the_best_epoch_and_stops_early():
    data = toy_images(60)
    noise = torch.randint(0, 255, data.inputs.pixels.shape, generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    random = type(data)(**{**vars(data), "inputs": type(data.inputs)(noise)})  # nothing to learn: it can only memorise
    parts = split(random, {"train": 0.7, "val": 0.3}, seed=0)
    model = build("mlp", {"pixels": 256, "classes": 2}, seed=0)
    history = fit(model, parts["train"], parts["val"], Recipe(epochs=40, batch_size=16, lr=5e-3, patience=3))
    assert history.epochs[-1].number == history.best + 3 < 40
    losses = [epoch.val_loss for epoch in history.epochs]
    assert evaluate(model, parts["val"])[0] == pytest.approx(min(losses), abs=1e-6)


def test_without_validation_the_last_epoch_is_kept(parts):
    model = build("cnn", CONFIG, seed=0)
    history = fit(model, parts["train"], None, Recipe(epochs=3))
    assert isinstance(history, History)
    assert history.best == 3
    assert [epoch.val_loss for epoch in history.epochs] == [None] * 3


def test_train_loss_is_a_mean_over_samples_when_the_last_batch_is_short(parts):
    train = parts["train"]
    model = build("mlp", {"pixels": 256, "classes": 2}, seed=0)
    (epoch,) = epochs(model, train, None, Recipe(epochs=1, batch_size=len(train) - 1, lr=1e-12, label_smoothing=0))
    assert len(epoch.steps) == 2
    assert epoch.train_loss == pytest.approx(evaluate(model, train)[0], abs=1e-5)


def test_the_schedule_rises_and_falls_to_zero():
    rates = [one_cycle(step, 100, 1.0) for step in range(101)]
    assert rates[0] == pytest.approx(0.04)
    assert max(rates) == rates[25] == pytest.approx(1.0)
    assert rates[100] == pytest.approx(0.0)
    assert rates[:26] == sorted(rates[:26])
    assert rates[25:] == sorted(rates[25:], reverse=True)


def test_bf16_learns_too(parts):
    model = build("mlp", {"pixels": 256, "classes": 2}, seed=0)
    fit(model, parts["train"], parts["val"], Recipe(epochs=10, batch_size=16, precision="bf16", patience=10))
    found = predict(model, parts["val"])
    assert (found.guess == found.targets).mean() > 0.9


def test_predictions_are_in_the_order_of_the_data_set(parts):
    found = predict(build("cnn", CONFIG, seed=0), parts["val"], batch_size=7)
    assert found.ids.tolist() == parts["val"].ids.tolist()
    assert found.targets.tolist() == parts["val"].targets.tolist()


@pytest.mark.parametrize(
    ("wrong", "text"), [({"precision": "fp8"}, "fp32 or bf16. Got 'fp8'"), ({"epochs": 0}, "at least 1. Got 0")]
)
def test_a_wrong_recipe_says_what_was_needed(wrong, text):
    with pytest.raises(ValueError, match=text):
        Recipe(**wrong)


def test_moments_are_the_weights_after_so_many_steps_and_training_does_not_notice(parts, tmp_path):
    plain, watched = (build("cnn", CONFIG, seed=3) for _ in range(2))
    first = weights(watched)
    per_epoch = -(-len(parts["train"]) // RECIPE.batch_size)
    keep = (0, 3, 2 * per_epoch)
    assert fit(plain, parts["train"], parts["val"], RECIPE) == fit(
        watched, parts["train"], parts["val"], RECIPE, tmp_path, keep=keep
    )
    assert same(weights(plain), weights(watched))
    kept = load_moments(tmp_path / "moments")
    assert list(kept) == [f"step {step}" for step in keep]
    assert same(kept["step 0"], first)
    again = build("cnn", CONFIG, seed=3)
    for epoch in epochs(again, parts["train"], None, RECIPE):
        if epoch.number == 2:
            break
    assert same(kept[f"step {2 * per_epoch}"], weights(again))
    assert not same(kept["step 3"], first)


def test_moments_are_spread_over_training_and_leave_out_its_end():
    assert moments(12800, Recipe(epochs=2, batch_size=128)) == (0, 3, 8, 24, 69)
    assert moments(100, Recipe(epochs=1, batch_size=128)) == (0,)
    assert all(step < 7 for step in moments(7 * 16, Recipe(epochs=1, batch_size=16)))


def test_every_parameter_follows_the_schedule_and_lower_blocks_learn_more_slowly():
    def moved(decay):
        config = {"vocabulary": 20, "classes": 2, "width": 16, "heads": 2, "blocks": 3, "dropout": 0.0}
        model = build("transformer", config, 0)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        recipe = Recipe(epochs=1, batch_size=16, lr=1e-3, weight_decay=0.0, layer_decay=decay)
        list(epochs(model, toy_tokens(), None, recipe))
        now = dict(model.named_parameters())
        return {n: float((now[n].detach() - before[n]).abs().max()) for n in before}

    even, slower = moved(1.0), moved(0.1)
    last = "head.weight"
    assert even["blocks.0.think.0.weight"] > 0.3 * even[last]
    assert slower["blocks.2.think.0.weight"] < 0.3 * slower[last]
    assert slower["blocks.0.think.0.weight"] < 0.03 * slower[last]
    # Adam moves a weight by at most about the rate in each step: the sum of the schedule bounds it
    steps = math.ceil(120 / 16)
    bound = 1.2 * sum(one_cycle(i, steps, 1e-3) for i in range(steps))
    assert max(even.values()) < bound


def test_dropout_leaves_the_random_state_alone_and_is_repeatable():
    config = {"vocabulary": 20, "classes": 2, "width": 16, "heads": 2, "blocks": 1, "dropout": 0.5}
    before = torch.get_rng_state()
    first = [*epochs(build("transformer", config, 0), toy_tokens(), None, Recipe(epochs=2, batch_size=32))]
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(99)
    assert first == [*epochs(build("transformer", config, 0), toy_tokens(), None, Recipe(epochs=2, batch_size=32))]


def test_texts_of_like_length_share_a_batch():
    dataset = toy_tokens(400)
    seen, padded = [], 0
    for batch in batches(dataset, 16, torch.Generator().manual_seed(1)):
        seen += batch.row.tolist()
        padded += int((~batch.inputs.mask).sum())
    assert sorted(seen) == list(range(400))
    plain = sum(int((~b.inputs.mask).sum()) for b in batches(dataset, 16))
    assert padded < plain / 4


def test_predictions_are_put_back_in_the_order_of_the_table():
    dataset = toy_tokens(50)
    model = build("transformer", {"vocabulary": 20, "classes": 2, "width": 16, "heads": 2, "blocks": 1}, 0).eval()
    with torch.no_grad():
        alone = torch.cat([model(dataset.inputs[torch.tensor([i])]) for i in range(50)]).softmax(1)
    np.testing.assert_allclose(predict(model, dataset, 8).probs, alone.numpy(), atol=1e-5)
    whole, parts = activations(model, dataset), activations(model, dataset, 7)
    for stage in whole:
        torch.testing.assert_close(whole[stage], parts[stage], atol=1e-5, rtol=1e-4)
    lengths = [int(b.inputs.mask.sum(1).max()) for b in batches(dataset, 8, by_length=True)]
    assert lengths == sorted(lengths)
