"""How alike are all slices of an atlas? CKA of every pair at one stroke."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from layerscope.see.similarity import u_centred

MOST = 500  # samples that are compared


def alike(layers: Sequence[Float[Tensor, "s _"]]) -> Float[Tensor, "l l"]:
    """Debiased linear CKA of each layer with each, on at most MOST samples evenly spread over the rows.

    The unbiased HSIC of two layers is the inner product of their U-centred Gram matrices, so all pairs are one product
    of matrices. A layer that is constant is like none (nan).

    Reference: Kornblith et al. 2019, arXiv:1905.00414; Székely and Rizzo 2014, doi:10.1214/14-AOS1255 (U-centring).
    """
    rows = torch.linspace(0, len(layers[0]) - 1, min(MOST, len(layers[0]))).long()
    flat = torch.stack([_of_unit_norm(u_centred(z[rows])).float() for z in layers])
    return flat @ flat.T


def _of_unit_norm(gram: Float[Tensor, "s s"]) -> Float[Tensor, " _"]:
    norm = gram.norm()
    return gram.flatten() / torch.where(norm > 0, norm, torch.nan)
