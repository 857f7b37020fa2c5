"""What every network must do. A new one joins by joining MODELS, with a configuration here."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from conftest import toy_graphs, toy_images, toy_tokens

from layerscope.checkpoint import build, load_model, save_model
from layerscope.dataset import batches, split
from layerscope.models import MODELS
from layerscope.see.activations import activations, untrained
from layerscope.see.probe import probe
from layerscope.train import Recipe, epochs, fit, predict

BERT = json.dumps(
    {
        **{"model_type": "bert", "vocab_size": 20, "hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64},
        **{"num_attention_heads": 2, "max_position_embeddings": 16},
    }
)
CASES = {
    "cnn": [
        {"channels": 1, "classes": 2, "shrink": 1, "widths": (8, 16)},
        {"channels": 1, "classes": 2, "shrink": 4, "widths": (8,)},
        {
            "channels": 1,
            "classes": 2,
            "shrink": 1,
            "widths": (6, 16),
            "kernel": 5,
            "norm": False,
            "dense": (24, 12),
            "size": 16,
        },
    ],
    "encoder": [{"architecture": BERT, "classes": 2}],
    "gnn": [
        {"features": 5, "classes": 2, "edge_features": 2, "width": 32, "blocks": 2},
        {"features": 5, "classes": 2, "gather": "gcn", "width": 32, "blocks": 2, "readout": "both"},
        {"features": 5, "classes": 2, "edge_features": 2, "gather": "gat", "width": 32, "blocks": 2, "dropout": 0.1},
        {"features": 5, "classes": 2, "width": 32, "blocks": 1, "readout": "sum", "residual": False},
    ],
    "mlp": [
        {"pixels": 256, "classes": 2},
        {"pixels": 256, "classes": 2, "hidden": (8,), "activation": "tanh"},
        {"pixels": 256, "classes": 2, "hidden": ()},
    ],
    "transformer": [
        {"vocabulary": 20, "classes": 2, "width": 32, "blocks": 2, "longest": 16},
        {"vocabulary": 20, "classes": 2, "width": 32, "heads": 1, "blocks": 1, "dropout": 0.0, "longest": 16},
    ],
}
SEES = {"cnn": toy_images, "encoder": toy_tokens, "gnn": toy_graphs, "mlp": toy_images, "transformer": toy_tokens}


def test_every_network_is_in_the_contract():
    assert set(CASES) == set(MODELS)


@pytest.fixture(params=[(name, config) for name, configs in CASES.items() for config in configs], ids=str)
def case(request):
    name, config = request.param
    return SEES[name](), name, build(name, config, seed=0)


def test_last_stage_is_the_prediction(case):
    dataset, name, model = case
    batch = next(batches(dataset, 8))
    model.eval()
    stages = [*model.stages(batch.inputs)]
    assert torch.equal(stages[-1].h, model(batch.inputs))
    assert stages[0].name == ("pixels" if name in ("cnn", "mlp") else "embedding")
    assert stages[-1].name == "logits"
    assert len({stage.name for stage in stages}) == len(stages)


def test_every_parameter_gets_a_gradient(case):
    dataset, _, model = case
    model(next(batches(dataset, 8)).inputs).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_sample_never_sees_its_batch_mates(case):
    dataset, _, model = case
    model.eval()
    alone = model(dataset.inputs[torch.tensor([5])])
    together = model(dataset.inputs[torch.tensor([5, 1, 9, 30])])[:1]
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-4)


def test_same_seed_same_losses_and_weights(case):
    dataset, name, model = case
    parts = split(dataset, {"train": 0.7, "val": 0.3}, seed=0)
    other = build(name, asdict(model.config), seed=0)
    first = [*epochs(model, parts["train"], parts["val"], Recipe(epochs=2, batch_size=16))]
    assert first == [*epochs(other, parts["train"], parts["val"], Recipe(epochs=2, batch_size=16))]
    for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_another_seed_gives_other_weights_and_leaves_the_random_state_alone(case):
    _, name, model = case
    torch.manual_seed(5)
    before = torch.get_rng_state()
    other = build(name, asdict(model.config), seed=1)
    assert torch.equal(before, torch.get_rng_state())
    assert any(not torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_it_learns_and_the_layers_show_it(case):
    dataset, _, model = case
    parts = split(dataset, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=0)
    fit(model, parts["train"], parts["val"], Recipe(epochs=20, batch_size=16, patience=20))
    found = predict(model, parts["test"])
    assert (found.guess == found.targets).mean() > 0.9
    train, test = (activations(model, parts[k]) for k in ("val", "test"))
    read = probe(train["logits"], parts["val"].targets, test["logits"], classes=2).argmax(1)
    assert (read == parts["test"].targets).double().mean() > 0.9


def test_it_saves_and_loads(case, tmp_path):
    dataset, name, model = case
    model.eval()
    save_model(tmp_path / "model", name, model, dataset.classes, "# card\n")
    again, classes = load_model(tmp_path / "model")
    assert classes == dataset.classes
    np.testing.assert_array_equal(predict(model, dataset).probs, predict(again, dataset).probs)
    assert {p.suffix for p in (tmp_path / "model").iterdir()} == {".safetensors", ".json", ".md"}


def test_the_untrained_twin_has_the_shape_but_not_the_weights(case):
    dataset, _, model = case
    twin = untrained(model, dataset, seed=9)
    assert type(twin) is type(model)
    assert twin.config == model.config
    assert any(not torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True))
