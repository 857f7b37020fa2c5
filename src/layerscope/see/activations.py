"""Read a network layer by layer: one matrix per stage, one row per sample."""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from layerscope.checkpoint import build
from layerscope.dataset import Dataset, batches
from layerscope.models.layered import Layered
from layerscope.train import choose_device

MOST_FEATURES = 1024


@torch.inference_mode()
def activations(model: Layered, dataset: Dataset, batch_size: int = 512) -> dict[str, Float[Tensor, "s _"]]:
    """Stage name -> (s, d), in the order the network computes them.

    Units are pooled to their mean and maximum (measured: a probe on the mean alone misses a tenth of what the
    third convolution holds). More than MOST_FEATURES are projected to that many by a fixed random matrix,
    batch by batch, so that memory stays bounded.
    """
    device = choose_device()
    model.to(device).eval()
    found: dict[str, list[Tensor]] = {}
    for batch in batches(dataset, batch_size):
        inputs = batch.inputs.to(device)
        for stage in model.stages(inputs):
            z = stage.h if stage.per_sample else torch.cat([inputs.pool(stage.h), inputs.peak(stage.h)], dim=1)
            found.setdefault(stage.name, []).append(project(z.float(), MOST_FEATURES).cpu())
    return {name: torch.cat(parts) for name, parts in found.items()}


def project(z: Float[Tensor, "s d"], most: int, seed: int = 0) -> Float[Tensor, "s d2"]:
    """At most `most` features: a Gaussian random projection, which keeps distances within a few per cent.

    Reference: Johnson and Lindenstrauss 1984, doi:10.1090/conm/026/737400.
    """
    d = z.shape[1]
    if d <= most:
        return z
    matrix = torch.randn(d, most, generator=torch.Generator().manual_seed(seed)) / most**0.5
    return z @ matrix.to(z.device)


def untrained(name: str, model: Layered, dataset: Dataset, seed: int) -> Layered:
    """The twin that never learned: the same network with fresh weights.

    Its batch norms see a few batches of images (no labels), or its deep layers would be almost silent and the
    comparison too easy to win.
    """
    twin = build(name, vars(copy.copy(model.config)), seed).to(choose_device())
    norms = [m for m in twin.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over batches  # pyright: ignore[reportAttributeAccessIssue]
    twin.train()
    with torch.inference_mode():
        for i, batch in enumerate(batches(dataset, 256, torch.Generator().manual_seed(seed)) if norms else ()):
            if i == 8:
                break
            twin(batch.inputs.to(choose_device()))
    return twin.eval()
