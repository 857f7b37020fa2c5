"""Are the nearest samples in a layer of the same class?"""

import torch
from jaxtyping import Float, Int
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
