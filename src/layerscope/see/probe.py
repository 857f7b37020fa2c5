"""How much of the answer can a straight line read from a layer?"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

PENALTIES = tuple(10.0**power for power in np.arange(-4, 4.5, 0.5))  # times the mean variance of a direction


class Probe(NamedTuple):
    """Ridge regression on one-hot targets, or on numbers: class scores, or the number, are z @ weight + bias."""

    weight: Float[Tensor, "d k"]
    bias: Float[Tensor, " k"]
    penalty: float

    def __call__(self, z: Float[Tensor, "q d"]) -> Float[Tensor, "q k"]:
        return (z.double() @ self.weight + self.bias).float()


def fit_probe(z: Float[Tensor, "s d"], targets: Int[Tensor, " s"], classes: int) -> Probe:
    """The ridge probe whose penalty has the least leave-one-out error.

    Closed form, so there is no learning rate to tune and no seed to report: a difference between two layers is a
    difference between two layers. All penalties share one eigendecomposition, of the smaller Gram matrix.

    Raises:
        ValueError: with fewer than two rows.

    Reference: Alain and Bengio 2016, arXiv:1610.01644 (probes); Allen 1974, doi:10.2307/1267500 (leave one out).
    """
    return fit_line(z, one_hot(targets, classes).double())


def fit_line(z: Float[Tensor, "s d"], y: Float[Tensor, "s k"]) -> Probe:
    """The same for numbers, each column by itself but for the penalty that they share.

    Raises:
        ValueError: with fewer than two rows.
    """
    if len(z) < 2:
        raise ValueError(f"a probe needs at least 2 training rows. Got {len(z)}.")
    mean = z.mean(dim=0).double()
    std = z.double().std(dim=0, correction=0)
    std = torch.where(std > 1e-6 * std.max().clamp(min=1e-12), std, 1.0)
    x = (z.double() - mean) / std
    y = y.double()
    prior = y.mean(dim=0)
    n, d = x.shape
    # x = u · sqrt(value) · v' ; only directions that carry variance
    value, vector = torch.linalg.eigh(x.T @ x if d < n else x @ x.T)
    keep = value > value.max().clamp(min=1e-12) * 1e-10
    value, vector = value[keep], vector[:, keep]
    u = (x @ vector) / value.sqrt() if d < n else vector
    answer = u.T @ (y - prior)
    best, penalty = torch.inf, PENALTIES[0]
    for candidate in PENALTIES:
        shrink = value / (value + candidate * value.mean())
        leverage = (u.square() @ shrink + 1 / n).clamp(max=1 - 1e-6)
        left_out = (y - prior - u @ (shrink[:, None] * answer)) / (1 - leverage)[:, None]
        error = float(left_out.square().mean())
        if error < best:
            best, penalty = error, candidate
    scaled = answer / (value + penalty * value.mean())[:, None]
    slope = vector @ (value.sqrt()[:, None] * scaled) if d < n else x.T @ (vector @ scaled)
    weight = slope / std[:, None]
    return Probe(weight, prior - mean @ weight, penalty)


def probe(
    train: Float[Tensor, "s d"], targets: Int[Tensor, " s"], test: Float[Tensor, "q d"], classes: int
) -> Float[Tensor, "q k"]:
    """Class scores for `test`, rows that the network and the probe have not seen."""
    return fit_probe(train, targets, classes)(test)


def number_probe(
    train: Float[Tensor, "s d"], targets: Float[Tensor, " s"], test: Float[Tensor, "q d"]
) -> Float[Tensor, " q"]:
    """What a straight line says of the number, in its unit, for rows that network and probe have not seen."""
    mean = targets.double().mean()
    return fit_line(train, (targets.double() - mean)[:, None])(test)[:, 0].double() + mean


def few_label_guesses(
    train: Float[Tensor, "s d"],
    targets: Int[Tensor, " s"],
    test: Float[Tensor, "q d"],
    classes: int,
    labels: int,
    draws: int,
    seed: int,
) -> Int[np.ndarray, "draws q"]:
    """What probes say that were given only `labels` samples of each class (all of a class with fewer)."""
    rng = np.random.default_rng(seed)
    own = [np.flatnonzero(targets.numpy() == k) for k in range(classes)]
    found = []
    for _ in range(draws):
        rows = torch.from_numpy(np.concatenate([rng.choice(i, min(labels, len(i)), replace=False) for i in own]))
        found.append(probe(train[rows], targets[rows], test, classes).argmax(dim=1).numpy())
    return np.stack(found)


def few_label_accuracy(
    train: Float[Tensor, "s d"],
    targets: Int[Tensor, " s"],
    test: Float[Tensor, "q d"],
    answers: Int[Tensor, " q"],
    labels: int,
    draws: int,
    seed: int,
) -> Float[np.ndarray, " draws"]:
    """Accuracy of probes that were given only `labels` samples of each class, one number for each draw."""
    classes = int(max(targets.max(), answers.max())) + 1
    guesses = few_label_guesses(train, targets, test, classes, labels, draws, seed)
    return (guesses == answers.numpy()).mean(axis=1)
