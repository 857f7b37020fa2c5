"""Which layer to take: networks in which the layer that holds the answer is known."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import toy_images
from PIL import Image
from torch import nn

from layerscope.checkpoint import build, save_model
from layerscope.dataset import Dataset, split
from layerscope.inputs import Images
from layerscope.models.layered import Layered, Stage
from layerscope.models.pretrained import GREY
from layerscope.see.transfer import layers_for_transfer, recommendation
from layerscope.source import DataError
from layerscope.study.transfer import _normalised, transfer


class Middle(Layered):
    """The middle layer holds whether both halves are alike, once `gain` is learned; the last but one drops it again."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.gain = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.gain.weight)

    def stages(self, inputs):
        yield Stage("pixels", inputs.pixels.float().flatten(1) / 255, per_sample=True)
        half = inputs.pixels.shape[-1] // 2
        left, right = (inputs.pixels[..., s].float().mean((1, 2, 3)) / 255 for s in (slice(half), slice(half, None)))
        signs = torch.stack([left - 0.5, right - 0.5], dim=1)
        yield Stage("block1", signs, per_sample=True)
        middle = torch.cat([self.gain(signs[:, :1] * signs[:, 1:]), signs], dim=1)
        yield Stage("block2", middle, per_sample=True)
        yield Stage("block3", middle[:, 1:], per_sample=True)
        yield Stage("logits", middle[:, 1:], per_sample=True)


def trained():
    model = Middle(None)
    nn.init.constant_(model.gain.weight, 30.0)
    return model


def halves(samples=900, seed=7):
    """Both halves dark or bright, independently; the class is whether they differ. Three images to a group."""
    draw = torch.Generator().manual_seed(seed)
    bright = torch.randint(2, (samples, 2), generator=draw)
    pixels = 60 + 130 * bright.repeat_interleave(4, dim=1)[:, None, None, :].expand(-1, 1, 8, -1)
    pixels = pixels + torch.randint(0, 60, pixels.shape, generator=draw)
    y = (bright[:, 0] != bright[:, 1]).long()
    return Dataset.of(Images(pixels.to(torch.uint8)), y, groups=np.arange(samples) // 3, classes=["same", "differ"])


PARTS = split(halves(), {"fit": 0.5, "score": 0.5}, seed=0)


def test_the_layer_that_holds_the_answer_is_taken_and_not_the_last():
    found = layers_for_transfer(trained(), PARTS["fit"], PARTS["score"])
    assert (found.best, found.last) == ("block2", "block3")
    assert [r.stage for r in found.readings] == list(found.tried) == list(found.twin)
    best = found.reading("block2").few
    assert best.value > 0.97
    for over in (found.over_last, found.over_input, found.over_twin):
        assert over is not None
        assert over.low > 0.3
    assert found.over_last is not None
    assert found.over_last.value == pytest.approx(best.value - found.reading("block3").few.value)
    assert found.over_twin.value == pytest.approx(best.value - found.twin[found.rival].value)
    text = recommendation(found)
    assert text.startswith("Take block2 (3 features): from 10 labels per class a straight line on it tells ")
    assert "against the raw input" in text
    assert "against block3, the last layer before the output. Against the best layer of an untrained twin" in text
    assert "no evidence" not in text


def test_where_nothing_was_learned_the_twin_says_so():
    found = layers_for_transfer(Middle(None), PARTS["fit"], PARTS["score"])
    assert abs(found.over_twin.value) < 0.08
    if found.best != "pixels":
        assert recommendation(found).endswith("no evidence that what the network has learned helps with this task.")


class Dropping(Middle):
    """After the input nothing is left of it."""

    def stages(self, inputs):
        stages = list(super().stages(inputs))
        yield stages[0]
        for stage in stages[1:]:
            yield Stage(stage.name, torch.ones_like(stage.h), per_sample=True)


def test_where_the_input_is_best_no_layer_is_taken():
    data = toy_images(300)
    parts = split(data, {"fit": 0.5, "score": 0.5}, seed=0)
    found = layers_for_transfer(Dropping(None), parts["fit"], parts["score"])
    assert found.best == "pixels"
    assert found.over_input is None
    assert recommendation(found).startswith("Take no layer: from 10 labels per class a straight line on the raw input")


def test_the_choice_does_not_look_at_the_samples_that_judge_it():
    """With other answers in score_on the same layer is chosen, by the same numbers."""
    score_on = PARTS["score"]
    turned = replace(score_on, targets=1 - score_on.targets)
    a, b = (layers_for_transfer(trained(), PARTS["fit"], part) for part in (score_on, turned))
    assert (a.best, a.tried) == (b.best, b.tried)
    assert b.reading("block2").few.value < 0.03


def test_layers_are_chosen_over_whole_groups():
    """A layer that names the group tells its other samples, and nothing of new groups."""

    class Memory(Layered):
        def __init__(self, config):
            super().__init__()
            self.config = config

        def stages(self, inputs):
            code = inputs.pixels.flatten(1).float()
            yield Stage("pixels", code[:, -1:], per_sample=True)
            yield Stage("memory", code[:, :-2], per_sample=True)
            yield Stage("clear", code[:, -2:-1] + code[:, -1:], per_sample=True)
            yield Stage("output", code[:, -1:], per_sample=True)

    draw = np.random.default_rng(0)  # 48 people with 20 images each: who it is, a weak hint of the class, noise
    who = np.repeat(np.arange(48), 20)
    y = draw.permutation(np.arange(48) % 2)[who]
    pixels = np.zeros((960, 1, 1, 50))
    pixels[np.arange(960), 0, 0, who] = 200
    pixels[:, 0, 0, 48] = 100 + 40 * y
    pixels[:, 0, 0, 49] = draw.integers(0, 60, 960)
    people = Dataset.of(Images(torch.from_numpy(pixels.astype(np.uint8))), y, groups=who)
    parts = split(people, {"fit": 0.5, "score": 0.5}, seed=0)
    found = layers_for_transfer(Memory(None), parts["fit"], parts["score"])
    assert found.tried["memory"] < 0.65
    assert found.best == "clear"


def test_what_cannot_be_read_is_refused():
    part = PARTS["fit"]
    with pytest.raises(ValueError, match=r"150 group\(s\) stand both in fit_on and in score_on, first"):
        layers_for_transfer(trained(), part, part)
    with pytest.raises(ValueError, match=r"needed the same classes in both. Got \('same', 'differ'\) and"):
        layers_for_transfer(trained(), part, replace(PARTS["score"], classes=("a", "b")))
    with pytest.raises(ValueError, match="cross-validation needs 2 or more groups"):
        layers_for_transfer(trained(), replace(part, groups=np.full(len(part), -1)), PARTS["score"])


PICTURES = "wild-examples-pixels"


@pytest.fixture
def run(tmp_path):
    """A run folder, as far as it is looked at here, whose network takes 16 × 16 grey pixels."""
    path = tmp_path / "run"
    (path / "steps").mkdir(parents=True)
    (path / "run.json").write_text(json.dumps({"plan": {"data": "mednist"}}))
    np.savez(path / "steps" / "pictures.npz", allow_pickle=False, **{PICTURES: np.zeros((3, 1, 16, 16), np.uint8)})
    model = build("cnn", {"channels": 1, "classes": 6, "shrink": 1, "widths": (8, 16)}, seed=0)
    save_model(path / "model-wild", "cnn", model, tuple("abcdef"), "a card")
    return path


@pytest.fixture
def own(tmp_path):
    """A folder of images of one's own, 4 patients in each of 2 classes."""
    data = toy_images(96)
    for i, (pixels, y) in enumerate(zip(data.inputs.pixels[:, 0].numpy(), data.targets.tolist(), strict=True)):
        file = tmp_path / "own" / data.classes[y] / f"patient {i // 3 // 2 % 4} {y}" / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
    return tmp_path / "own"


def test_a_run_s_network_is_tried_on_a_folder_of_images(run, own):
    said, steps = [], []
    found = transfer(str(run), str(own), 0, lambda *told: steps.append(told[0]), said.append)
    assert [r.stage for r in found.readings] == ["pixels", "block1", "block2", "pool", "logits"]
    assert found.readings[0].probe.samples + 48 == 96
    assert said == [
        f"Network: {run / 'model-wild'}.",
        "Data: own (96 images of 8 patients, laid on 16 × 16 pixels). "
        "Groups: patient (the folders within the classes).",
    ]
    assert "reading the layers" in steps


def test_grey_pixels_reach_a_borrowed_network_in_its_channels_and_normalised_as_it_was_trained():
    pixels = torch.tensor([0, 127, 255], dtype=torch.uint8).view(3, 1, 1, 1)
    fed = _normalised(*GREY)(lambda x: x, Images(pixels))
    assert fed.shape == (3, 3, 1, 1)
    wanted = torch.tensor([-127 / 128, 0, 1]).view(3, 1, 1, 1).expand(-1, 3, -1, -1)
    torch.testing.assert_close(fed, wanted)


def test_a_task_that_is_none_is_refused(run, own, tmp_path):
    def tried(network, data):
        transfer(str(network), str(data), 0, lambda *_: None, lambda _: None)

    with pytest.raises(DataError, match="was trained on mednist, so that is no new task"):
        tried(run, "mednist")
    with pytest.raises(DataError, match="is no run folder: needed a run.json there, or efficientnet_lite0"):
        tried(tmp_path / "nothing", own)
    with pytest.raises(
        DataError, match="neither a folder of images nor a data set. Data sets: diseases, gad, hallmarks"
    ):
        tried(run, tmp_path / "nothing")
    np.savez(run / "steps" / "pictures.npz", allow_pickle=False, **{PICTURES: np.zeros((3, 1, 16, 8), np.uint8)})
    with pytest.raises(
        DataError, match=r"takes images of 1 channel\(s\), 16 × 8 pixels. .* has 1 channel\(s\), 16 × 16"
    ):
        tried(run, own)
