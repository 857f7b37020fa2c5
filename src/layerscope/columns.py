"""The columns of a data set, as somebody gives them: checked, and in one form."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from layerscope.card import Card


def own_columns(
    name: str,
    samples: int,
    groups: Sequence[Any] | Shaped[np.ndarray, " g"] | None,
    ids: Sequence[str] | Shaped[np.ndarray, " i"] | None,
    classes: tuple[str, ...],
) -> tuple[Int[np.ndarray, " g"], Shaped[np.ndarray, " i"], tuple[str, ...], Card]:
    """Groups, ids, classes and card of a data set of one's own; None: each sample its own group, the row numbers."""
    own = "unknown: each sample counts as its own group, so related samples (of one patient) may be split apart"
    given = np.arange(samples) if groups is None else numbered(np.asarray(groups))
    rows = np.array([str(i) for i in range(samples)]) if ids is None else np.asarray(ids)
    return given, rows, classes, Card(name, name, "unknown", "your own data", own if groups is None else "as given")


def numbered(groups: Shaped[np.ndarray, " s"]) -> Int[np.ndarray, " s"]:
    """Whole numbers as they are; names as numbers that are the same in every data set, so that a shared one is seen."""
    missing = np.array([group is None or group != group for group in groups.tolist()])
    if missing.any():
        raise ValueError(
            f"every sample needs a group. {missing.sum()} of {len(groups)} have none, first row {missing.argmax()}."
        )
    if np.issubdtype(groups.dtype, np.integer) or (
        groups.dtype.kind == "f" and (groups == groups.astype(np.int64)).all()
    ):
        return groups.astype(np.int64)  # 2.0 is 2: a column that once had gaps
    names, owner = np.unique(groups.astype(str), return_inverse=True)
    if all(name.isdecimal() and len(name) < 19 for name in names):
        return names.astype(np.int64)[owner]
    numbers = [int.from_bytes(sha256(name.encode()).digest()[:6], "big") for name in names]
    return np.array(numbers, np.int64)[owner]


def numbers_of(values: Shaped[np.ndarray, "..."], name: str, quantity: str, bare: bool) -> Float[Tensor, " s"]:
    """One number a sample.

    Args:
        bare: whether neither classes nor a mask of known labels came with them, which are of other kinds of target.
    """
    if not bare:
        raise ValueError(f"{name}: numbers have neither classes nor a mask. Leave out those, or quantity={quantity!r}.")
    if values.ndim != 1 or not len(values) or values.dtype.kind not in "iuf":
        raise ValueError(f"{name}: {quantity!r} needs one number a sample. Got {values.dtype}, shape {values.shape}.")
    return torch.from_numpy(values.astype(np.float32))


def check_numbers(name: str, targets: Tensor, classes: tuple[str, ...]) -> None:
    """Raises ValueError if they are not finite, or not one a sample of one thing that is measured."""
    if targets.ndim != 1 or len(classes) != 1:
        raise ValueError(
            f"{name}: numbers are one a sample, of the one thing that `classes` names; classes are whole numbers. "
            f"Got {targets.dtype}, shape {tuple(targets.shape)}, and {len(classes)} names."
        )
    if not (finite := targets.isfinite()).all():
        raise ValueError(
            f"{name}: a target must be a finite number. {int((~finite).sum())} of {len(targets)} are not, first row "
            f"{int((~finite).nonzero()[0, 0])}. Leave those samples out."
        )


def check_known(name: str, targets: Tensor, known: Bool[Tensor, "s k"]) -> None:
    """Raises ValueError if the mask does not fit, or hides a label that is said to be true."""
    if targets.dtype != torch.bool or known.shape != targets.shape:
        raise ValueError(
            f"{name}: `known` is True and False for each sample and label. Got shape {tuple(known.shape)} for "
            f"{targets.dtype} targets of shape {tuple(targets.shape)}."
        )
    if (claimed := targets & ~known).any():
        raise ValueError(f"{name}: what is not known cannot be true. {int(claimed.sum())} labels are: make them False.")
