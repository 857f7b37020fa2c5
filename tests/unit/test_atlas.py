"""From networks and samples to what the page says: the numbers in its sentences are those that were measured."""

import numpy as np
import pytest
import torch
from conftest import toy_images
from torch import nn

import layerscope
from layerscope.checkpoint import build
from layerscope.dataset import Dataset, split
from layerscope.inputs import Images, Tokens
from layerscope.train import Recipe, fit

CONFIG = {"channels": 1, "classes": 2, "shrink": 1, "widths": (4, 8)}


@pytest.fixture(scope="module")
def parts():
    return split(toy_images(600), {"train": 0.4, "val": 0.3, "test": 0.3}, seed=0)


@pytest.fixture(scope="module")
def walk(parts):
    fresh, trained = build("cnn", CONFIG, seed=0), build("cnn", CONFIG, seed=0)
    fit(trained, parts["train"], parts["val"], Recipe(epochs=6, batch_size=16))
    return {"step 0": fresh, "trained": trained}


@pytest.fixture(scope="module")
def made(parts, walk):
    mlp = build("mlp", {"pixels": 16 * 16, "classes": 2, "hidden": (8,)}, seed=0)
    fit(mlp, parts["train"], parts["val"], Recipe(epochs=4, batch_size=16, lr=2e-3))
    return layerscope.atlas(
        walk, parts["test"], against=mlp, fit_on=parts["val"], samples=150, names=("CNN", "MLP"), notes=["A note."]
    )


def test_every_slice_stands_once_and_the_raw_input_is_shared(made):
    cnn, twin, mlp = made.facts["networks"]
    assert [n["name"] for n in (cnn, twin, mlp)] == ["CNN", "untrained twin", "MLP"]
    assert [n["control"] for n in (cnn, twin, mlp)] == [False, True, False]
    assert cnn["moments"] == ["step 0", "trained"]
    assert cnn["stages"] == ["pixels", "block1", "block2", "pool", "logits"]
    assert cnn["slices"] == [[0, 1, 2, 3, 4], [0, 5, 6, 7, 8]]
    assert twin["slices"] == [[0, 9, 10, 11, 12]]
    assert mlp["slices"][0][0] == 13  # the MLP scales pixels otherwise
    assert len(made.facts["slices"]) == 16
    assert made.facts["samples"] == 150
    assert len(made.facts["ids"]) == 150
    assert made.facts["notes"] == ["A note."]


def test_readings_have_their_intervals_and_the_trained_network_reads_better(made):
    cnn = made.facts["networks"][0]
    first, last = (made.facts["slices"][row[2]]["readings"]["probe"] for row in cnn["slices"])
    assert last[0] > first[0]
    for found in made.facts["slices"]:
        for key in ("probe", "few", "neighbours", "equal", "bits", "separation"):
            value, low, high = found["readings"][key]
            assert low <= value + 1e-9
            assert value <= high + 1e-9
        assert 0 < found["map"]["trust"] <= 1


def test_the_tour_has_five_stops_and_its_numbers_were_measured(made):
    tour = made.facts["tour"]
    assert len(tour) == 5
    slices, networks = made.facts["slices"], made.facts["networks"]
    for stop in tour[:4]:
        here = slices[networks[stop["network"]]["slices"][stop["moment"]][stop["stage"]]]["readings"]
        read = f"{100 * here['probe'][0]:.1f} %".replace("100.0 %", "100 %")
        assert read in stop["text"] or stop["title"] == "Was it learned?"
    beside = tour[2]["beside"]
    theirs = slices[networks[beside["network"]]["slices"][beside["moment"]][beside["stage"]]]["readings"]
    raw = slices[0]["readings"]
    rival = max(theirs["probe"][0], raw["probe"][0], raw["neighbours"][0])
    assert f"reads most: {100 * rival:.1f} %".replace("100.0", "100") in tour[2]["text"]


def test_the_untrained_network_learned_nothing_and_the_tour_says_so(parts, walk):
    found = layerscope.atlas(walk["step 0"], parts["test"], fit_on=parts["val"], samples=120)
    text = found.facts["tour"][2]["text"]
    assert "That much was learned" not in text
    assert len(found.facts["tour"]) == 5


def test_it_shows_itself_in_a_notebook_shut_off_from_the_page(made, tmp_path):
    shown = made._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert 'sandbox="allow-scripts"' in shown
    assert made.write(tmp_path / "atlas.html").read_text(encoding="utf-8") == made.html


def test_any_module_any_samples_and_no_pictures(parts):
    torch.manual_seed(0)
    body = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 8, 3), nn.ReLU()]
    network = nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    found = layerscope.atlas(network, parts["test"], samples=80, pictures=False, title="Mine")
    own = found.facts["networks"][0]
    assert own["stages"][0] == "input"
    assert own["stages"][-1] == "output"
    assert own["said"] == [None]  # five outputs are not these two classes
    assert found.facts["sprite"] is None
    assert found.facts["title"] == "Mine"
    chosen = layerscope.atlas(network, parts["test"], samples=80, stages="2", twin=False)
    assert chosen.facts["networks"][0]["stages"] == ["input", "2", "output"]


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, input_ids, attention_mask):
        h = self.embedding(input_ids) * attention_mask[..., None]
        return self.head(h.sum(1) / attention_mask.sum(1, keepdim=True))


def test_texts_are_shown_with_their_samples(parts):
    rng = np.random.default_rng(0)
    ids, y = torch.from_numpy(rng.integers(0, 30, (200, 7))), rng.integers(0, 2, 200)
    ids[:, 0] = torch.from_numpy(y)
    tokens = Tokens(ids, torch.ones(200, 7, dtype=torch.bool))
    texts = [f"sentence {i}" for i in range(200)]
    data = Dataset.of(tokens, y, ids=[f"s{i}" for i in range(200)], groups=np.arange(200) // 2)
    found = layerscope.atlas(Bag(), data, samples=60, texts=texts)
    assert found.facts["unit"] == "text"
    assert found.facts["texts"] == [f"sentence {name[1:]}" for name in found.facts["ids"]]
    assert len(found.facts["texts"]) == 60


def test_pictures_of_ones_own_follow_their_samples(parts):
    data = parts["test"].rows(np.arange(100))
    shades = np.repeat(np.arange(100, dtype=np.uint8)[:, None, None, None] * 2, 3, axis=3)
    pictures = np.broadcast_to(shades, (100, 4, 4, 3))
    found = layerscope.atlas(build("cnn", CONFIG, 0), data, samples=30, pictures=pictures, twin=False)
    assert found.facts["sprite"]["tile"] == 48
    assert "image/webp" in found.html


def test_what_cannot_be_compared_is_refused(parts, walk, tmp_path):
    with pytest.raises(ValueError, match=r"group\(s\) stand both in fit_on and in score_on"):
        layerscope.atlas(walk, parts["test"], fit_on=parts["test"], samples=60)
    other = build("cnn", CONFIG | {"widths": (4, 4, 8)}, seed=0)
    with pytest.raises(ValueError, match="every moment needs the same stages, pixels, block1, block2, pool, logits"):
        layerscope.atlas({"before": walk["step 0"], "after": other}, parts["test"], fit_on=parts["val"], samples=60)
    one = parts["test"].rows(np.flatnonzero(parts["test"].groups == parts["test"].groups[0]))
    with pytest.raises(ValueError, match="too few for 2 parts"):
        layerscope.atlas(walk, one, samples=60)


def test_grey_or_colour_only(parts):
    odd = Images(torch.zeros(40, 2, 8, 8, dtype=torch.uint8))
    data = Dataset.of(odd, np.arange(40) % 2)
    with pytest.raises(ValueError, match="Give pictures of your own"):
        layerscope.atlas(nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(144, 2)), data, samples=20)


def test_what_would_go_wrong_silently_is_refused(parts, walk):
    from dataclasses import replace

    test, val = parts["test"], parts["val"]
    with pytest.raises(ValueError, match="the same classes in the same order"):
        layerscope.atlas(walk, test, fit_on=replace(val, classes=val.classes[::-1]), samples=60)
    with pytest.raises(ValueError, match="repeated ids"):
        layerscope.atlas(walk, replace(test, ids=np.full(len(test), "x")), fit_on=val, samples=60)
    with pytest.raises(ValueError, match=r"samples must be 10 to 20,000. Got 5"):
        layerscope.atlas(walk, test, fit_on=val, samples=5)
    with pytest.raises(ValueError, match=f"texts: one for each of the {len(test)} samples is needed. Got 3"):
        layerscope.atlas(walk, test, fit_on=val, samples=60, texts=["a", "b", "c"])


def test_probabilities_are_not_softened_twice(parts):
    class Sure(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4, 2)

        def forward(self, x):
            return (30 * self.head(self.conv(x).mean((2, 3)))).softmax(1)

    torch.manual_seed(0)
    found = layerscope.atlas(Sure(), parts["test"], fit_on=parts["val"], samples=60, twin=False)
    sure = [stop["text"] for stop in found.facts["tour"] if stop["title"] == "Where it goes wrong"]
    confidence = float(sure[0].split(" with ")[1].split(" %")[0])
    assert confidence > 75  # softened once more, no confidence in two classes is above 73 %
