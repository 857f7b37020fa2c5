import pytest
import torch
from torch import nn

from layerscope.inputs import Tokens
from layerscope.models.transformer import Transformer, TransformerBlock, TransformerConfig, attention

CONFIG = TransformerConfig(vocabulary=30, classes=3, width=32, blocks=3, longest=12)


def some(rows=4, length=9, seed=0):
    dice = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, length + 1, (rows,), generator=dice)
    return Tokens(torch.randint(5, 30, (rows, length), generator=dice), torch.arange(length) < lengths[:, None])


def test_attention_is_pytorchs():
    q, k, v = torch.randn(3, 2, 4, 7, 8).unbind()
    mask = torch.arange(7) < torch.tensor([[7], [3]])
    expected = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
    found = attention(q, k, v, mask)
    torch.testing.assert_close(found.values, expected)
    torch.testing.assert_close(found.weights.sum(-1), torch.ones(2, 4, 7))
    assert (found.weights[1, :, :, 3:] == 0).all()


def test_a_block_is_pytorchs_encoder_layer():
    ours = TransformerBlock(32, 4, 0.0)
    theirs = nn.TransformerEncoderLayer(32, 4, 128, 0.0, activation="gelu", batch_first=True, norm_first=True)
    theirs.self_attn.in_proj_weight = ours.gather.ask.weight
    theirs.self_attn.in_proj_bias = ours.gather.ask.bias
    theirs.self_attn.out_proj = ours.gather.mix
    theirs.linear1, theirs.linear2 = ours.think[0], ours.think[2]
    theirs.norm1, theirs.norm2 = ours.norm1, ours.norm2
    h, mask = torch.randn(2, 7, 32), torch.arange(7) < torch.tensor([[7], [3]])
    expected = theirs(h, src_key_padding_mask=~mask)
    torch.testing.assert_close(ours(h, mask)[mask], expected[mask])


def test_padding_changes_nothing():
    model, tokens = Transformer(CONFIG).eval(), some()
    other = torch.where(tokens.mask, tokens.ids, 7)
    wide = Tokens(torch.nn.functional.pad(tokens.ids, (0, 3), value=9), torch.nn.functional.pad(tokens.mask, (0, 3)))
    for changed in (Tokens(other, tokens.mask), wide):
        for a, b in zip(model.stages(tokens), model.stages(changed), strict=True):
            if not a.per_sample:
                a, b = a._replace(h=a.h[tokens.mask]), b._replace(h=b.h[changed.mask])
            torch.testing.assert_close(a.h, b.h, atol=1e-5, rtol=1e-4)


def test_the_attentions_are_those_of_the_pass():
    model, tokens = Transformer(CONFIG).eval(), some()
    weights = list(model.attentions(tokens))
    assert len(weights) == 3
    assert weights[0].shape == (4, 4, 9, 9)
    h = [stage.h for stage in model.units(tokens)]
    block = model.blocks[1]
    gather = block.gather
    *_, value = gather.parts(block.norm1(h[1]))
    mixed = gather.mix((weights[1] @ value).transpose(1, 2).flatten(2))
    middle = h[1] + mixed
    torch.testing.assert_close((middle + block.think(block.norm2(middle)))[tokens.mask], h[2][tokens.mask])


def test_logits_can_be_had_from_embeddings():
    model, tokens = Transformer(CONFIG).eval(), some()
    torch.testing.assert_close(model.logits_of(model.embed(tokens), tokens.mask), model(tokens))


def test_order_matters_to_it():
    model = Transformer(CONFIG).eval()
    ids = torch.tensor([[5, 6, 7], [7, 6, 5]])
    a, b = model(Tokens(ids, torch.ones(2, 3, dtype=torch.bool)))
    assert not torch.allclose(a, b, atol=1e-4)


def test_too_long_a_text_and_uneven_heads_are_refused():
    with pytest.raises(ValueError, match="12 tokens at most. Got 13"):
        Transformer(CONFIG)(Tokens(torch.zeros(1, 13).long(), torch.ones(1, 13, dtype=torch.bool)))
    with pytest.raises(ValueError, match="multiple of heads"):
        TransformerConfig(vocabulary=9, classes=2, width=30, heads=4)
