"""A small transformer encoder: every token looks at all others, then thinks alone; repeat.

References: Vaswani et al. 2017, arXiv:1706.03762; norms before the work, Xiong et al. 2020, arXiv:2002.04745.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from layerscope.inputs import Tokens
from layerscope.models.layered import Layered, Stage


@dataclass(frozen=True)
class TransformerConfig:
    vocabulary: int
    classes: int
    width: int = 128  # features of a token
    heads: int = 4
    blocks: int = 4
    longest: int = 128  # tokens of a text at most
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads. Got {self.width} and {self.heads}.")


class Attended(NamedTuple):
    values: Float[Tensor, "b a t d"]
    weights: Float[Tensor, "b a t t"]  # how much token i (row) takes from token j (column); rows sum to 1


def attention(
    query: Float[Tensor, "b a t d"],
    key: Float[Tensor, "b a t d"],
    value: Float[Tensor, "b a t d"],
    mask: Bool[Tensor, "b t"],
) -> Attended:
    """Each token asks (query), each offers (key), and takes a weighted mean of values; padding offers nothing.

    Axis a: heads, each with its own question.
    """
    scores = query @ key.mT / query.shape[-1] ** 0.5
    weights = scores.masked_fill(~mask[:, None, None, :], -torch.inf).softmax(dim=-1)
    return Attended(weights @ value, weights)


class Gather(nn.Module):
    """Multi-head attention: the only place where tokens meet."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.ask = nn.Linear(width, 3 * width)  # query, key and value of every head
        self.mix = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def parts(self, h: Float[Tensor, "b t d"]) -> list[Float[Tensor, "b a t e"]]:
        return [part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.ask(h).chunk(3, dim=-1)]

    def forward(self, h: Float[Tensor, "b t d"], mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
        # the numbers of `attention`, by a kernel that never writes the weights down
        values = nn.functional.scaled_dot_product_attention(*self.parts(h), attn_mask=mask[:, None, None, :])
        return self.dropout(self.mix(values.transpose(1, 2).flatten(2)))


class TransformerBlock(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.gather = Gather(width, heads, dropout)
        self.think = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(dropout)
        )

    def forward(self, h: Float[Tensor, "b t d"], mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
        h = h + self.gather(self.norm1(h), mask)
        return h + self.think(self.norm2(h))


class Transformer(Layered):
    """Embed, blocks, mean over tokens, head."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocabulary, config.width)
        self.places = nn.Embedding(config.longest, config.width)
        nn.init.normal_(self.words.weight, std=0.02)
        nn.init.normal_(self.places.weight, std=0.02)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            TransformerBlock(config.width, config.heads, config.dropout) for _ in range(config.blocks)
        )
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.classes)

    def embed(self, inputs: Tokens) -> Float[Tensor, "b t d"]:
        """What a piece means by itself, and where it stands.

        Raises:
            ValueError: if a text has more tokens than there are places.
        """
        length = inputs.ids.shape[1]
        if length > self.config.longest:
            raise ValueError(f"texts may have {self.config.longest} tokens at most. Got {length}. Cut when tokenizing.")
        return self.words(inputs.ids) + self.places.weight[:length]

    def units(self, inputs: Tokens) -> Iterator[Stage]:
        """The stages at which every token still has features of its own."""
        h = self.embed(inputs)
        yield Stage("embedding", h)
        h = self.dropout(h)
        for i, block in enumerate(self.blocks, start=1):
            h = block(h, inputs.mask)
            yield Stage(f"block{i}", h)

    def stages(self, inputs: Tokens) -> Iterator[Stage]:
        h = None
        for stage in self.units(inputs):
            h = stage.h
            yield stage
        h = inputs.pool(self.norm(h))
        yield Stage("pool", h, per_sample=True)
        yield Stage("logits", self.head(h), per_sample=True)

    def logits_of(self, embeddings: Float[Tensor, "b t d"], mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b k"]:
        """The prediction from embeddings, for methods that ask how it changes with them."""
        h = embeddings
        for block in self.blocks:
            h = block(h, mask)
        return self.head(Tokens(mask.long(), mask).pool(self.norm(h)))

    @torch.no_grad()
    def attentions(self, inputs: Tokens) -> Iterator[Float[Tensor, "b a t t"]]:
        """The weights of each block in turn. They say what is mixed, not what a decision rests on."""
        before = [stage.h for stage in self.units(inputs)][:-1]
        for block, h in zip(self.blocks, before, strict=True):
            assert isinstance(block, TransformerBlock)
            query, key, value = block.gather.parts(block.norm1(h))
            yield attention(query, key, value, inputs.mask).weights
