import pytest
import torch

pytest.importorskip("transformers")

from layerscope.checkpoint import build
from layerscope.dataset import Dataset
from layerscope.inputs import Texts
from layerscope.models.encoder import PACKAGE, _package, pretrained_encoder
from layerscope.models.wordpiece import WordPiece
from layerscope.see.activations import activations, untrained
from layerscope.source import DataError

here = pytest.mark.skipif(_package() is None, reason=f"MiniLM is not here: pip install {PACKAGE.replace('_', '-')}")
TEXTS = Texts.of(["Wobbly walk", "Ataxia: a disorder of gait.", "Stones in the kidney", "Nephrolithiasis; calculi"])


@pytest.fixture(scope="module")
def minilm():
    return pretrained_encoder(classes=2)


@here
def test_it_knows_what_means_the_same(minilm):
    tokens = minilm.tokenizer.tokens(TEXTS)
    with torch.no_grad():
        z = {stage.name: stage.h for stage in minilm.model.stages(tokens)}["pool"]
    likeness = torch.nn.functional.cosine_similarity(z[:, None], z[None], dim=2)
    assert likeness[0, 1] > likeness[0, 2]
    assert likeness[2, 3] > likeness[1, 3]


@here
def test_the_stages_are_those_of_hugging_face(minilm):
    tokens = minilm.tokenizer.tokens(TEXTS)
    found = list(minilm.model.stages(tokens))
    assert [stage.name for stage in found] == ["embedding", *(f"block{i}" for i in range(1, 7)), "pool", "logits"]
    theirs = minilm.model.body(tokens.ids, attention_mask=tokens.mask.long()).last_hidden_state
    torch.testing.assert_close(found[6].h, theirs)


@here
def test_padding_changes_nothing(minilm):
    tokens = minilm.tokenizer.tokens(TEXTS)
    alone = minilm.model(tokens[torch.tensor([0])])
    assert tokens[torch.tensor([0])].ids.shape[1] < tokens.ids.shape[1]
    torch.testing.assert_close(alone[0], minilm.model(tokens)[0], atol=1e-5, rtol=1e-4)


@here
def test_our_tokenizer_reads_its_vocabulary(minilm):
    ours = WordPiece.read(_package() / "vocab.txt").tokens(TEXTS, longest=6)
    theirs = minilm.tokenizer.tokens(TEXTS, longest=6)
    assert torch.equal(ours.ids, theirs.ids)
    assert torch.equal(ours.mask, theirs.mask)


@here
def test_the_twin_has_never_read_anything(minilm):
    dataset = Dataset.of(minilm.tokenizer.tokens(TEXTS), [0, 0, 1, 1])
    twin = untrained(minilm.model, dataset, seed=1)
    a, b = (activations(model, dataset)["block6"] for model in (minilm.model, twin))
    assert a.shape == b.shape
    assert not torch.allclose(a, b, atol=0.1)


@here
def test_blocks_are_counted_from_below(minilm):
    depth = {name: minilm.model.depth(name) for name, _ in minilm.model.named_parameters()}
    assert {d for name, d in depth.items() if "embeddings" in name} == {0}
    assert {d for name, d in depth.items() if "layer.0." in name} == {1}
    assert {d for name, d in depth.items() if "layer.5." in name} == {6}
    assert {d for name, d in depth.items() if name.startswith("head")} == {None}


def test_weights_that_cannot_be_had_are_named(tmp_path):
    with pytest.raises(DataError, match="could not be had"):
        pretrained_encoder(2, str(tmp_path))


def test_depth_of_the_small_transformer():
    model = build("transformer", {"vocabulary": 9, "classes": 2, "width": 8, "heads": 2, "blocks": 2}, 0)
    names = ("words.weight", "blocks.0.norm1.weight", "blocks.1.think.0.bias", "head.bias")
    assert [model.depth(name) for name in names] == [0, 1, 2, None]
