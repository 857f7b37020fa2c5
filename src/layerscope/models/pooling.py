"""From the output of any module to one vector per sample, and to at most so many features."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from layerscope.inputs import Graphs, Images, Inputs, Tokens

MOST_FEATURES = 1024
SIDE = 64  # raw images are averaged down to this many pixels a side before they are projected


def project(z: Float[Tensor, "s d"], most: int, seed: int = 0) -> Float[Tensor, "s d2"]:
    """At most `most` features: a Gaussian random projection, which keeps distances within a few per cent.

    Reference: Johnson and Lindenstrauss 1984, doi:10.1090/conm/026/737400.
    """
    d = z.shape[1]
    if d <= most:
        return z
    matrix = torch.randn(d, most, generator=torch.Generator().manual_seed(seed)) / most**0.5
    return z @ matrix.to(z.device)


class Layout(NamedTuple):
    """How the axes of an output are to be read."""

    kind: Literal["sample", "node", "units"]  # a vector per sample, per node, or per place of a sample
    batch: int = 0  # the axis of samples; 1 in a transformer that puts the sequence first
    features: int = 1  # the axis of features once the samples are first
    units: int = 1  # places per sample


def tensors(output: Any) -> Iterator[Tensor]:
    """Every tensor in a tensor, tuple, list, dict or dataclass, in order (ModelOutput is a dict)."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for part in output.values():
            yield from tensors(part)
    elif isinstance(output, (tuple, list)):
        for part in output:
            yield from tensors(part)
    elif is_dataclass(output) and not isinstance(output, type):
        for field in fields(output):
            yield from tensors(getattr(output, field.name))


def layout(h: Tensor, inputs: Inputs) -> Layout | None:
    """None if `h` is no features of samples or nodes: not a floating tensor, or without such an axis."""
    s = len(inputs)
    if not h.is_floating_point() or h.ndim == 0 or not h.numel():
        return None
    if isinstance(inputs, Graphs) and h.shape[0] == len(inputs.nodes):
        return Layout("node", units=0)
    batch = 0 if h.shape[0] == s else 1 if h.ndim > 2 and h.shape[1] == s else None
    if batch is None:
        return None
    shape = h.movedim(batch, 0).shape
    if len(shape) <= 2:
        return Layout("sample", batch)
    features = _feature_axis(shape, inputs)
    return Layout("units", batch, features, math.prod(shape[1:]) // shape[features])


def _feature_axis(shape: torch.Size, inputs: Inputs) -> int:
    if len(shape) == 3:  # tokens, unless the last axis is plainly that of tokens (a Conv1d)
        conv = isinstance(inputs, Tokens) and shape[2] == inputs.ids.shape[1] != shape[1]
        return 1 if conv else 2
    # maps: the two neighbouring axes that keep the image's proportions are height and width
    wanted = math.log(inputs.pixels.shape[2] / inputs.pixels.shape[3]) if isinstance(inputs, Images) else 0.0
    a, b, c = (math.log(length) for length in shape[-3:])
    return 1 if abs(b - c - wanted) <= abs(a - b - wanted) + 1e-9 else len(shape) - 1


def pooled(h: Tensor, how: Layout, inputs: Inputs) -> Float[Tensor, "s d"]:
    """Mean and maximum over the places of each sample, in 32 bits; padding is left out where tokens are whole."""
    h = h.float()
    if how.kind == "node":
        assert isinstance(inputs, Graphs)
        h = h.flatten(1) if h.ndim > 1 else h[:, None]
        z = torch.cat([inputs.pool(h), inputs.peak(h)], dim=1)
    elif how.kind == "sample":
        z = h.flatten(1) if h.ndim > 1 else h[:, None]
    else:
        h = h.movedim(how.batch, 0).movedim(how.features, -1).flatten(1, -2)
        if isinstance(inputs, Tokens) and h.shape[1] == inputs.ids.shape[1]:
            z = torch.cat([inputs.pool(h), inputs.peak(h)], dim=1)
        elif h.shape[1] == 1:
            z = h[:, 0]
        else:
            z = torch.cat([h.mean(dim=1), h.amax(dim=1)], dim=1)
    return project(z, MOST_FEATURES)


def raw(inputs: Inputs, vocabulary: int) -> Float[Tensor, "s d"]:
    """What can be read before any layer: pixels, how often each token occurs, or the mean of the node features."""
    if isinstance(inputs, Images):
        x = inputs.pixels.float() / 255
        size = (min(SIDE, x.shape[2]), min(SIDE, x.shape[3]))
        return project(torch.nn.functional.adaptive_avg_pool2d(x, size).flatten(1), MOST_FEATURES)
    if isinstance(inputs, Graphs):
        return project(inputs.pool(inputs.nodes.float()), MOST_FEATURES)
    width = min(vocabulary, MOST_FEATURES)
    ids = inputs.ids.long()
    # a large vocabulary is hashed with signs, so that two tokens in one column cancel on average
    # Reference: Weinberger et al. 2009, doi:10.1145/1553374.1553516
    mixed = (ids * 2654435761 + 12345) % 2147483647
    column = ids if vocabulary <= width else mixed % width
    sign = torch.ones_like(ids) if vocabulary <= width else 1 - 2 * (mixed // width % 2)
    return torch.zeros(len(ids), width, device=ids.device).scatter_add_(1, column, (sign * inputs.mask).float())
