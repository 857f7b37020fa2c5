"""Low-rank adapters: a large network learns a task while nearly all of its weights stay as they are.

Beside a frozen matrix W stands a product of two thin ones, A and B, and only they (and the head) learn. B begins at
zero, so the network begins as it was; at the end W + scale * A B is one matrix again, and costs nothing.

Reference: Hu et al. 2021, arXiv:2106.09685 (LoRA).
"""

import re
from copy import deepcopy
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from layerscope.models.layered import Layered

Network = TypeVar("Network", bound=Layered)
# of Hugging Face's encoders; of models.transformer, and ModernBERT, where one matrix asks it all
ATTENTION = r"\b(query|value|q_lin|v_lin|query_proj|value_proj|q_proj|v_proj|q|v|ask|Wqkv)$"


class LowRank(nn.Module):
    """x W + bias + scale * x A B."""

    def __init__(self, frozen: nn.Linear, rank: int, alpha: float, dice: torch.Generator) -> None:
        super().__init__()
        self.frozen = frozen
        self.scale = alpha / rank
        bound = frozen.in_features**-0.5  # as a Linear of PyTorch begins
        a = bound * (2 * torch.rand((frozen.in_features, rank), generator=dice) - 1)
        self.a = nn.Parameter(a.to(frozen.weight))
        self.b = nn.Parameter(frozen.weight.new_zeros(rank, frozen.out_features))

    def forward(self, x: Float[Tensor, "*b i"]) -> Float[Tensor, "*b o"]:
        return self.frozen(x) + self.scale * (x @ self.a @ self.b)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """One plain layer that does the same."""
        plain = deepcopy(self.frozen)
        plain.weight += self.scale * (self.a @ self.b).T
        return plain


def adapt(model: Network, rank: int = 8, alpha: float = 16, where: str = ATTENTION, seed: int = 0) -> Network:
    """A copy that gives the same outputs, in which only the adapters and the head (a layer of that name) learn.

    Save it by `merged`: a folder of `checkpoint.save_model` knows no adapters.

    Args:
        rank: columns of A, and rows of B.
        alpha: what the adapters add is multiplied by alpha / rank, so that one learning rate suits every rank.
        where: regular expression; Linear layers get an adapter in whose full name it is found.

    Raises:
        ValueError: if no layer has such a name, one is too small for the rank, or there are adapters already.
    """
    if any(isinstance(layer, LowRank) for layer in model.modules()):
        raise ValueError("this network has adapters already. Merge them first: adapt(merged(model)).")
    copy = deepcopy(model).requires_grad_(False)
    # exactly Linear: PyTorch's own attention never calls its out_proj, a subclass, so an adapter there would sleep
    linear = {name: layer for name, layer in copy.named_modules() if type(layer) is nn.Linear and name != "head"}
    chosen = {name: layer for name, layer in linear.items() if re.search(where, name)}
    if not chosen:
        raise ValueError(f"no Linear layer has a name with {where!r}. There are: {', '.join(linear) or 'none'}.")
    dice = torch.Generator().manual_seed(seed)
    for name, layer in chosen.items():
        if not 1 <= rank <= min(layer.weight.shape):
            raise ValueError(f"rank must be 1 to {min(layer.weight.shape)}, the smaller side of {name}. Got {rank}.")
        _put(copy, name, LowRank(layer, rank, alpha, dice))
    for name, parameter in copy.named_parameters():
        if name.startswith("head."):
            parameter.requires_grad_(True)
    return copy


def merged(model: Network) -> Network:
    """A copy with plain layers again and the same outputs, all of whose weights may learn."""
    copy = deepcopy(model)
    for name, layer in [*copy.named_modules()]:
        if isinstance(layer, LowRank):
            _put(copy, name, layer.merged())
    return copy.requires_grad_(True)


def trainable(model: nn.Module) -> int:
    """How many weights learn."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _put(model: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, layer)
