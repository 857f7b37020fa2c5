"""Do the nodes of a graph become alike with depth? Message passing averages, and what is averaged often is all one.

References: Li, Han and Wu 2018, arXiv:1801.07606; Chen et al. 2020, doi:10.1609/aaai.v34i04.5747 (the measure, MAD,
there over neighbours and distant nodes apart, here over all pairs).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from layerscope.dataset import Dataset, batches
from layerscope.inputs import Graphs
from layerscope.models.feeding import device_of, untouched
from layerscope.models.layered import Layered
from layerscope.see.activations import untrained
from layerscope.see.influence import Estimate, estimate


class Apart(NamedTuple):
    """How far apart the nodes of a graph are in one stage: the mean over graphs, its interval over groups."""

    stage: str
    trained: Estimate
    untrained: Estimate


def apart(h: Float[Tensor, "n d"], graphs: Graphs) -> Float[Tensor, " s"]:
    """Mean cosine distance over all pairs of nodes of each graph: 0 all point one way, 1 unrelated, 2 opposite.

    Of direction alone, so that stages of any scale can be compared; a node of zeros is like another such node, and
    unrelated to all else. nan for a graph of one node.
    """
    h, graphs = h.cpu(), graphs.to(torch.device("cpu"))  # an Apple GPU has no double precision
    nothing = (h == 0).all(dim=1)
    way = torch.cat([normalize(h.double(), dim=1), nothing[:, None].double()], dim=1)  # zeros point their own way
    sizes = graphs.owner.bincount(minlength=len(graphs))
    alike = (graphs.total(way).square().sum(dim=1) - sizes) / (sizes * (sizes - 1))  # 0 / 0 for one node
    return (1 - alike).clamp(min=0)


def oversmoothing(model: Layered, dataset: Dataset, seed: int) -> list[Apart]:
    """Of every stage that has nodes, for a network and its untrained twin.

    Atoms of one kind in one environment are alike from the start: compare stages, not molecules. Graphs of one node
    are left out.

    Raises:
        ValueError: if inputs are no graphs, or none has two nodes.
    """
    if not isinstance(dataset.inputs, Graphs):
        raise ValueError(f"over-smoothing is of the nodes of graphs. Got {type(dataset.inputs).__name__}.")
    several = (dataset.inputs.owner.bincount(minlength=len(dataset)) > 1).cpu().numpy()
    if not several.any():
        raise ValueError(f"over-smoothing needs graphs of two nodes or more. All {len(dataset)} have one.")
    some = dataset.rows(several.nonzero()[0])
    learned, twin = (_by_stage(network, some) for network in (model, untrained(model, some, seed)))
    return [Apart(stage, *(_mean(found[stage], some) for found in (learned, twin))) for stage in learned]


def _by_stage(model: Layered, dataset: Dataset) -> dict[str, Float[Tensor, " s"]]:
    found: dict[str, list[Tensor]] = {}
    with untouched(model), torch.no_grad():
        for batch in batches(dataset, 256):
            inputs = batch.inputs.to(device_of(model))
            for stage in model.stages(inputs):
                if not stage.per_sample:
                    found.setdefault(stage.name, []).append(apart(stage.h, inputs).cpu())
    return {name: torch.cat(parts) for name, parts in found.items()}


def _mean(distances: Float[Tensor, " s"], dataset: Dataset) -> Estimate:
    return estimate(lambda weights: (weights @ distances) / weights.sum(), dataset.groups, low=0, high=2)
