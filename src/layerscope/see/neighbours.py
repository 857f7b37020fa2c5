"""Are the nearest samples in a layer of the same class?"""

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn.functional import normalize, one_hot


def neighbours(
    train: Float[Tensor, "s d"], test: Float[Tensor, "q d"], k: int = 10
) -> tuple[Int[Tensor, "q k"], Float[Tensor, "q k"]]:
    """Rows of `train` nearest to each row of `test` by cosine, and the cosines; features are centred on `train`."""
    mean = train.mean(dim=0)
    x = normalize(train - mean, dim=1)
    found = [(normalize(chunk - mean, dim=1) @ x.T).topk(min(k, len(x)), dim=1) for chunk in test.split(2048)]
    return torch.cat([f.indices for f in found]), torch.cat([f.values for f in found])


def vote(index: Int[Tensor, "q k"], targets: Int[Tensor, " s"], classes: int) -> Int[Tensor, " q"]:
    """The class that most neighbours have; of equals, the first in the order of classes."""
    return one_hot(targets[index], classes).sum(dim=1).argmax(dim=1)


def other_neighbours(z: Float[Tensor, "s d"], groups: Shaped[np.ndarray, " s"], k: int) -> Int[Tensor, "s k"]:
    """The nearest rows to each row among those of other groups: neighbours of one's own series say nothing.

    Nearest first, by cosine of centred features.

    Raises:
        ValueError: if a row has fewer than k rows in other groups.
    """
    owner = torch.from_numpy(np.unique(groups, return_inverse=True)[1])
    others = len(z) - int(torch.bincount(owner).max())
    if others < k:
        raise ValueError(
            f"needed {k} samples of other groups beside every sample. One group holds {len(z) - others} of the "
            f"{len(z)} samples and leaves {others}: give more groups, or ask for fewer neighbours."
        )
    x = normalize(z - z.mean(dim=0), dim=1)
    found = []
    for rows in torch.arange(len(x)).split(1024):
        near = x[rows] @ x.T
        near[owner[rows][:, None] == owner[None, :]] = -torch.inf
        found.append(near.topk(k, dim=1).indices)
    return torch.cat(found)
