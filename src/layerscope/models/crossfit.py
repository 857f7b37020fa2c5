"""What a model says of samples whose answers it has not seen, for all of the training part: features for another model.

The published mistake: a network is trained on the training part, its embedding of the same samples is joined with other
features, and a second model learns from both. The embedding knows the answers by heart, so the second model trusts it
far more than it deserves, and a cross-validation on these features flatters: with answers drawn at random it is still
nearly perfect (tests/unit/test_crossfit.py).

Here each sample is answered by a model that was trained without its group. What the models say must mean the same in
all folds. Predictions do. The features of a hidden layer do not: each network has its own axes; so they are turned
towards a common embedding that knows no answer (that of the untrained twin, or fingerprints). Measured on a toy, R² of
a line on the features of three networks: 0.67 where they start apart and are not turned, 0.97 turned, 0.98 if they
share their start.

References: Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1 (stacking); Chernozhukov et al. 2018, doi:10.1111/ectj.12097
(cross-fitting); Schönemann 1966, doi:10.1007/BF02289451 (turning one set of points towards another).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from layerscope.dataset import Dataset
from layerscope.progress import Progress, silent

Says = Callable[[Dataset], np.ndarray]  # samples to (s, d)
Learn = Callable[[Dataset], Says]  # a model is trained on these samples; what it says of others


class CrossFitted(NamedTuple):
    train: Float[np.ndarray, "s d"]  # each row by a model that has not seen its group
    fold: Int[np.ndarray, " s"]
    others: list[np.ndarray]  # of each other data set, the mean of all models


def folds(groups: Shaped[np.ndarray, " s"], count: int, seed: int) -> Int[np.ndarray, " s"]:
    """The fold of each row, of about equal size; no group is divided.

    Raises:
        ValueError: if there are fewer groups than folds, or fewer than two folds.
    """
    _, owner, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if not 2 <= count <= len(sizes):
        raise ValueError(f"needed 2 folds or more, and a group for each. Got {count} folds and {len(sizes)} groups.")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]  # the largest first, while there is room for them
    fold_of_group, filled = np.empty(len(sizes), dtype=np.int64), np.zeros(count)
    for group in order:
        fold_of_group[group] = least = int(filled.argmin())
        filled[least] += sizes[group]
    return fold_of_group[owner]


def cross_fit(
    learn: Learn,
    train: Dataset,
    *others: Dataset,
    count: int = 5,
    seed: int = 0,
    reference: Says | None = None,
    progress: Progress = silent,
) -> CrossFitted:
    """Train `count` models, each without one fold of the groups, and ask each about its fold.

    Args:
        learn: trains a new model, from the same start each time, and returns how to ask it.
        others: data sets of other groups, such as validation and test.
        reference: needed where what is said are features of a hidden layer: an embedding that knows no answer, towards
            which each model's is turned (without stretching). None: what is said means the same in all folds.

    Raises:
        ValueError: if another data set shares a group with the training part, or what is said has another shape.

    Example:
        def learn(part):
            net = build("gnn", config, seed=0)
            fit(net, part, None, recipe)
            return lambda data: predict(net, data).probs[:, 1]

        found = cross_fit(learn, parts["train"], parts["test"])
    """
    for other in others:
        if shared := np.intersect1d(train.groups, other.groups).tolist():
            raise ValueError(
                f"{len(shared)} group(s) of {other.name} stand in the training part too, first {shared[0]}: the models "
                "have seen their answers. Split by group."
            )
    fold = folds(train.groups, count, seed)
    common = None if reference is None else _matrix(reference(train), train)
    found: np.ndarray | None = None
    sums: list[np.ndarray] = []
    for k in range(count):
        seen, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        says = learn(train.rows(seen))
        parts = [_matrix(says(part), part) for part in (train.rows(held), *others)]
        if common is not None:
            turn = _turn(_matrix(says(train.rows(seen)), train.rows(seen)), common[seen])
            parts = [turn(part) for part in parts]
        if found is None:
            found, sums = np.empty((len(train), parts[0].shape[1])), [np.zeros_like(part) for part in parts[1:]]
        if parts[0].shape[1] != found.shape[1]:
            raise ValueError(f"all models must say as much. Got {found.shape[1]} and then {parts[0].shape[1]} columns.")
        found[held] = parts[0]
        sums = [total + part for total, part in zip(sums, parts[1:], strict=True)]
        progress("cross-fitting", k + 1, count, "folds")
    assert found is not None
    return CrossFitted(found, fold, [total / count for total in sums])


def _matrix(said: np.ndarray, asked: Dataset) -> Float[np.ndarray, "s d"]:
    matrix = np.asarray(said, dtype=float)
    matrix = matrix[:, None] if matrix.ndim == 1 else matrix
    if matrix.ndim != 2 or len(matrix) != len(asked) or not np.isfinite(matrix).all():
        finite = "" if np.isfinite(matrix).all() else ", and not all finite"
        raise ValueError(f"needed a row for each of {len(asked)} samples. Got shape {matrix.shape}{finite}.")
    return matrix


def _turn(z: Float[np.ndarray, "s d"], common: Float[np.ndarray, "s c"]) -> Callable[[np.ndarray], np.ndarray]:
    """The turn and shift that brings one embedding nearest to the other, in whose columns it then stands.

    The rows are those that the model was trained on, and the common embedding knows no answer: so the answers of the
    rows that are asked about touch nothing.
    """
    if common.shape[1] < z.shape[1]:
        raise ValueError(
            f"the reference needs as many columns as the embedding, or some of its axes are left to chance. Got "
            f"{common.shape[1]} for {z.shape[1]}. The same layer of the untrained twin has as many."
        )
    centre = z.mean(axis=0)
    u, _, v = np.linalg.svd((z - centre).T @ (common - common.mean(axis=0)), full_matrices=False)
    return lambda other: (other - centre) @ (u @ v)
