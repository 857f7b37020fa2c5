"""Read a network layer by layer: one matrix per stage, one row per sample."""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from layerscope.dataset import Dataset, batches, in_order
from layerscope.models.borrowed import Borrowed
from layerscope.models.feeding import device_of, untouched
from layerscope.models.layered import Layered
from layerscope.models.pooling import MOST_FEATURES, project


def activations(model: Layered, dataset: Dataset, batch_size: int = 512) -> dict[str, Float[Tensor, "s _"]]:
    """Stage name -> (s, d), in the order the network computes them; the network is left as it was, where it was.

    Units are pooled to their mean and maximum (measured: a probe on the mean alone misses a tenth of what the
    third convolution holds). More than MOST_FEATURES are projected to that many by a fixed random matrix,
    batch by batch, so that memory stays bounded.
    """
    device = device_of(model)
    found: dict[str, list[tuple[Tensor, Tensor]]] = {}
    with untouched(model), torch.no_grad():  # not inference_mode, which marks what a module keeps for later
        for batch in batches(dataset, batch_size, by_length=True):
            inputs = batch.inputs.to(device)
            for stage in model.stages(inputs):
                z = stage.h if stage.per_sample else torch.cat([inputs.pool(stage.h), inputs.peak(stage.h)], dim=1)
                z = project(z.float(), MOST_FEATURES).cpu().clone()  # no view of a map
                found.setdefault(stage.name, []).append((batch.row, z))
    return {name: in_order(parts) for name, parts in found.items()}


def untrained(model: Layered, dataset: Dataset, seed: int) -> Layered:
    """The twin that never learned: the same network with fresh weights, where the network is.

    A network of this library is built again. In a borrowed one every module that can starts afresh
    (`reset_parameters`), and weights that none of them covers get their own values in random order: that keeps
    their scale and destroys what was learned. Its batch norms see a few batches of samples (no labels), or its deep
    layers would be almost silent and the comparison too easy to win.

    Raises:
        ValueError: if a weight matrix of the twin is still the trained one.
    """
    device = device_of(model)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        twin = _reset(model) if isinstance(model, Borrowed) else type(model)(copy.copy(model.config))
        twin.to(device).eval()
        _refuse_if_trained(twin, model)
        calibrate(twin, dataset, seed)
    return twin


def _reset(model: Borrowed) -> Borrowed:
    """A copy in which every weight is fresh, or in random order."""
    twin = copy.deepcopy(model)
    trained = {name: p.detach().clone() for name, p in twin.named_parameters()}
    covered: set[int] = set()
    with torch.no_grad():
        for part in _children_first(twin.model):
            reset = getattr(part, "reset_parameters", None) or getattr(part, "_reset_parameters", None)
            if callable(reset):
                reset()
                covered.update(id(p) for p in part.parameters(recurse=False))
        for name, p in twin.named_parameters():
            if torch.equal(p, trained[name]) and (p.ndim >= 2 or id(p) not in covered):
                p.copy_(p.flatten()[torch.randperm(p.numel()).to(p.device)].view_as(p))
            p.grad = None
    return twin


def _children_first(module: nn.Module) -> list[nn.Module]:
    return list(reversed(list(module.modules())))


def _refuse_if_trained(twin: Layered, model: Layered) -> None:
    trained = dict(model.named_parameters())
    for name, p in twin.named_parameters():
        same = p.ndim >= 2 and p.shape == trained[name].shape and torch.equal(p, trained[name])
        if same and bool((p != p.flatten()[0]).any()):
            raise ValueError(
                f"the untrained twin still has the trained weights of {name} {tuple(p.shape)}, so it would be no "
                "control. Another seed may help; else give the module that owns it a reset_parameters()."
            )


def calibrate(twin: Layered, dataset: Dataset, seed: int) -> None:
    """Give the batch norms the mean and spread of a few batches, in place; no labels are used."""
    twin.eval()
    norms = [part for part in twin.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    momentum = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over batches  # pyright: ignore[reportAttributeAccessIssue]
        norm.train()
    with torch.no_grad():
        for i, batch in enumerate(batches(dataset, 256, torch.Generator().manual_seed(seed)) if norms else ()):
            if i == 8:
                break
            twin(batch.inputs.to(device_of(twin)))
    for norm, before in zip(norms, momentum, strict=True):
        norm.momentum = before
        norm.eval()
