"""How alike are all slices of an atlas? CKA of every pair at one stroke."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

MOST = 500  # samples that are compared


def alike(layers: Sequence[Float[Tensor, "s _"]]) -> Float[Tensor, "l l"]:
    """Debiased linear CKA of each layer with each, on at most MOST samples evenly spread over the rows.

    The unbiased HSIC of two layers is the inner product of their U-centred Gram matrices, so all pairs are one product
    of matrices. A layer that is constant is like none (nan).

    Reference: Kornblith et al. 2019, arXiv:1905.00414; Székely and Rizzo 2014, doi:10.1214/14-AOS1255 (U-centring).
    """
    rows = torch.linspace(0, len(layers[0]) - 1, min(MOST, len(layers[0]))).long()
    flat = torch.stack([_u_centred(z[rows]).flatten() for z in layers])
    norm = flat.norm(dim=1)
    return (flat @ flat.T) / torch.where(norm > 0, norm, torch.nan).outer(norm)


def _u_centred(z: Float[Tensor, "s d"]) -> Float[Tensor, "s s"]:
    """The Gram matrix without its diagonal, centred so that inner products have no bias; of unit norm."""
    n = len(z)
    z = (z - z.mean(dim=0)).double()
    gram = (z @ z.T).fill_diagonal_(0)
    rows = gram.sum(dim=0) / (n - 2)
    gram = (gram - rows[:, None] - rows[None, :] + gram.sum() / ((n - 1) * (n - 2))).fill_diagonal_(0)
    return (gram / gram.norm().clamp(min=1e-300)).float()
