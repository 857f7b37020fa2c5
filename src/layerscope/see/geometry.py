"""What shape do the samples have in a layer? How far classes are apart, and how many directions are in use."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn.functional import one_hot

from layerscope.see.influence import Estimate, estimate

MOST = 2000  # samples that are used, evenly spread over the rows
NONE = Estimate(np.nan, np.nan, np.nan)


class Geometry(NamedTuple):
    separation: Estimate  # share of the variance that lies between classes, 0 to 1
    collapse: Estimate  # NC1: the spread within classes in units of that between them; 0 when classes are points
    dimension: Estimate  # intrinsic, by TwoNN; too low above about 10, so for comparison only
    rank: Estimate  # effective rank: exp of the entropy of the shares of variance, 1 to d


def geometry(z: Float[Tensor, "s d"], targets: Int[Tensor, " s"], groups: Shaped[np.ndarray, " s"]) -> Geometry:
    """Four measures of one layer, each with its interval over groups; nan where it cannot be had (a constant layer).

    None of them says how well the task can be read: a layer can be of high rank and hold nothing of it.

    Reference: Papyan, Han and Donoho 2020, doi:10.1073/pnas.2015509117 (NC1); Facco et al. 2017,
    doi:10.1038/s41598-017-11873-y (TwoNN); Roy and Vetterli 2007, doi:10.5281/zenodo.40328 (effective rank, here of
    the eigenvalues of the covariance).
    """
    rows = torch.linspace(0, len(z) - 1, min(MOST, len(z))).long()
    x, strata = z[rows].double(), targets[rows].numpy()
    owner = np.unique(groups[rows.numpy()], return_inverse=True)[1]
    x = x - x.mean(dim=0)
    scale = x.square().mean().sqrt()
    if not scale > 0:
        return Geometry(NONE, NONE, NONE, NONE)
    x = _no_wider_than_long(x / scale)
    classes = one_hot(torch.from_numpy(np.unique(strata, return_inverse=True)[1])).double()
    return Geometry(
        separation=estimate(lambda w: _separation(w, x, classes), owner, strata, low=0, high=1, scale="logit"),
        collapse=estimate(lambda w: _collapse(w, x, classes), owner, strata, low=0, scale="log"),
        dimension=_dimension(x.float(), owner, strata),
        rank=estimate(lambda w: _rank(w, x), owner, strata, low=1, scale="log"),
    )


def _no_wider_than_long(x: Float[Tensor, "s d"]) -> Float[Tensor, "s d2"]:
    """The same points in the coordinates of their own directions, of which there are no more than points."""
    if x.shape[1] <= len(x):
        return x
    value, vector = torch.linalg.eigh(x @ x.T)
    return vector * value.clamp(min=0).sqrt()


def _class_means(
    w: Float[Tensor, " s"], x: Float[Tensor, "s d"], classes: Float[Tensor, "s k"]
) -> tuple[Float[Tensor, " k"], Float[Tensor, "k d"]]:
    """Share and mean of each class."""
    own = classes * w[:, None]
    size = own.sum(dim=0)
    return size / size.sum(), (own.T @ x) / size[:, None]


def _separation(w: Float[Tensor, " s"], x: Float[Tensor, "s d"], classes: Float[Tensor, "s k"]) -> Float[Tensor, ""]:
    share, means = _class_means(w, x, classes)
    middle = share @ means
    total = (w @ x.square()).sum() / w.sum() - middle.square().sum()
    return (share @ (means - middle).square().sum(dim=1)) / total


def _collapse(w: Float[Tensor, " s"], x: Float[Tensor, "s d"], classes: Float[Tensor, "s k"]) -> Float[Tensor, ""]:
    """trace(within · pseudo-inverse of between) / K, in the span of the class means, all means counting alike."""
    _, means = _class_means(w, x, classes)
    apart = means - means.mean(dim=0)
    axes = apart.T @ torch.linalg.pinv(
        apart @ apart.T, rtol=1e-8, hermitian=True
    )  # along which classes have unit spread
    inner = (x - classes @ means) @ axes
    return (w @ inner.square()).sum() / w.sum()


def _dimension(x: Float[Tensor, "s d"], owner: Int[np.ndarray, " s"], strata: Int[np.ndarray, " s"]) -> Estimate:
    """TwoNN by maximum likelihood, from the nearest sample of another group and the nearest of a third.

    The log of the second distance over the first is exponential with the dimension as its rate. The longest tenth,
    where the density is not even, counts as cut off there. Copies of another sample are left out.
    """
    first, second = _two_nearest(x, torch.from_numpy(owner))
    good = (first > 1e-6 * second) & second.isfinite()
    if good.sum() < 10:
        return NONE
    length = torch.where(good, (second / first).log(), 0.0).double()
    cut = length[good].quantile(0.9)
    kept = (good & (length <= cut)).double()
    walked = torch.where(good, length.clamp(max=cut), 0.0)
    return estimate(lambda w: (w @ kept) / (w @ walked), owner, strata, low=0, scale="log") if cut > 0 else NONE


def _two_nearest(x: Float[Tensor, "s d"], owner: Int[Tensor, " s"]) -> tuple[Float[Tensor, " s"], Float[Tensor, " s"]]:
    found = []
    for rows in torch.arange(len(x)).split(512):
        apart = torch.cdist(x[rows], x)
        apart[owner[rows][:, None] == owner[None, :]] = torch.inf
        first, nearest = apart.min(dim=1)
        apart[owner[nearest][:, None] == owner[None, :]] = torch.inf  # two slices of one other series are one neighbour
        found.append(torch.stack([first, apart.min(dim=1).values]))
    first, second = torch.cat(found, dim=1)
    return first, second


def _rank(w: Float[Tensor, " s"], x: Float[Tensor, "s d"]) -> Float[Tensor, ""]:
    middle = (w @ x) / w.sum()
    value = torch.linalg.eigvalsh((x.T * w) @ x / w.sum() - middle.outer(middle))
    share = (value / value.sum()).clamp(min=1e-12)
    return (-(share * share.log()).sum()).exp()
