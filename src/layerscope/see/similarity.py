"""How alike are two layers, whatever their rotation and scale? Linear CKA without the bias of few samples.

References: Kornblith et al. 2019, arXiv:1905.00414 (CKA); Song et al. 2012, JMLR 13:1393 (unbiased HSIC); Székely and
Rizzo 2014, doi:10.1214/14-AOS1255 (U-centring); Nguyen et al. 2021, arXiv:2010.15327 (minibatches).
"""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from layerscope.see.influence import Estimate, estimate

LEAST = 4  # samples, for HSIC without bias


def cka(a: Float[Tensor, "s d"], b: Float[Tensor, "s d2"]) -> float:
    """Debiased linear centred kernel alignment: 1 for a rotation or rescaling, 0 on average for independent layers.

    Computed from features, without any s × s matrix. The plain estimate is .80 for independent noise of 512
    features and 128 samples; this one is .01. A layer that is constant is like none (nan).

    Raises:
        ValueError: if the rows differ or there are fewer than 4.
    """
    _check(a, b)
    return float(_cka(torch.ones(len(a), dtype=torch.float64), centred(a), centred(b)))


def cka_estimate(a: Float[Tensor, "s d"], b: Float[Tensor, "s d2"], groups: Shaped[np.ndarray, " s"]) -> Estimate:
    """The same, with its 95 % interval over groups; too wide (up to twice) where features are many and groups few.

    Raises:
        ValueError: as `cka`.
    """
    _check(a, b)
    x, y = centred(a), centred(b)
    return estimate(lambda w: _cka(w, x, y), np.unique(groups, return_inverse=True)[1], high=1)


def similarity(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> Float[Tensor, "la lb"]:
    """CKA of every stage of one network with every stage of another (or of itself).

    Raises:
        ValueError: as `cka`.
    """
    for x in a.values():
        for y in b.values():
            _check(x, y)
    rows, columns = ([centred(z) for z in layers.values()] for layers in (a, b))
    w = torch.ones(len(rows[0]), dtype=torch.float64)
    own = [torch.stack([_hsic(w, z, z) for z in layers]) for layers in (rows, columns)]
    return _ratio(torch.stack([torch.stack([_hsic(w, x, y) for y in columns]) for x in rows]), *own).float()


def minibatch_cka(pairs: Iterable[tuple[Mapping[str, Tensor], Mapping[str, Tensor]]]) -> Float[Tensor, "la lb"]:
    """CKA of every stage of two networks from their activations batch by batch, for more samples than memory holds.

    Args:
        pairs: of each batch, the stages of both networks for the same samples. Batches are best drawn at random: of
            samples in the order of their classes, each would see one class alone.

    Raises:
        ValueError: if there is no batch, one has fewer than 4 samples, or stages differ from batch to batch.
    """
    names: tuple[list[str], list[str]] | None = None
    total: list[Tensor] = []
    for first, second in pairs:
        here = (list(first), list(second))
        if names is not None and here != names:
            raise ValueError(f"every batch needs the same stages, {names}. Got {here}.")
        names = here
        for x in first.values():
            for y in second.values():
                _check(x, y)
        x, y = (torch.stack([u_centred(z).flatten() for z in layers.values()]) for layers in (first, second))
        s = x.shape[1] ** 0.5
        found = [part / (s - 3) for part in (x @ y.T, x.square().sum(dim=1), y.square().sum(dim=1))]  # s times HSIC
        total = [old + new for old, new in zip(total, found, strict=True)] if total else found
    if not total:
        raise ValueError("CKA needs at least one batch of activations. Got none; an iterator can be read only once.")
    return _ratio(*total).float()


def u_centred(z: Float[Tensor, "s d"]) -> Float[Tensor, "s s"]:
    """The Gram matrix without its diagonal, centred so that inner products of two have no bias.

    The inner product of two, over s (s - 3), is the unbiased HSIC.
    """
    n, z = len(z), centred(z)
    gram = (z @ z.T).fill_diagonal_(0)
    rows = gram.sum(dim=0) / (n - 2)
    return (gram - rows[:, None] - rows[None, :] + gram.sum() / ((n - 1) * (n - 2))).fill_diagonal_(0)


def centred(z: Float[Tensor, "s d"]) -> Float[Tensor, "s d"]:
    """In double precision, of mean 0; exactly 0 where only rounding tells the rows apart."""
    x = z.double() - z.double().mean(dim=0)
    return torch.where(x.abs().max() > 1e-6 * z.abs().max(), x, 0.0)


def _check(a: Tensor, b: Tensor) -> None:
    if len(a) != len(b) or len(a) < LEAST:
        raise ValueError(f"CKA needs the same 4 or more samples in both layers. Got {len(a)} and {len(b)} rows.")


def _cka(w: Float[Tensor, " s"], a: Float[Tensor, "s d"], b: Float[Tensor, "s d2"]) -> Float[Tensor, ""]:
    return _ratio(_hsic(w, a, b)[None, None], _hsic(w, a, a)[None], _hsic(w, b, b)[None])[0, 0]


def _ratio(both: Float[Tensor, "n m"], a: Float[Tensor, " n"], b: Float[Tensor, " m"]) -> Float[Tensor, "n m"]:
    norm = a.clamp(min=0).outer(b.clamp(min=0)).sqrt()
    return both / torch.where(norm > 0, norm, torch.nan)


def _hsic(w: Float[Tensor, " s"], a: Float[Tensor, "s d"], b: Float[Tensor, "s d2"]) -> Float[Tensor, ""]:
    """Unbiased at equal weights, and smooth in them; weights sum to the number of samples."""
    n = len(a)
    a, b = a - (w @ a) / n, b - (w @ b) / n
    own_a, own_b = a.square().sum(dim=1), b.square().sum(dim=1)  # the diagonals, which carry the bias
    same = w.square() @ (own_a * own_b)
    cross = (a.T @ (w[:, None] * b)).square().sum() - same
    total = (w @ own_a) * (w @ own_b) / ((n - 1) * (n - 2))
    return (cross + total - 2 * same / (n - 2)) / (n * (n - 3))
