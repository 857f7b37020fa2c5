"""Predictions made on the spot."""

import numpy as np

from layerscope.predictions import Predictions


def toy(samples=120, classes=3, groups=20, sharp=1.0, ties=True, mixed=True, seed=0) -> Predictions:
    """Scores of a middling network; `ties`: few different probabilities; not `mixed`: each group lies in one class."""
    rng = np.random.default_rng(seed)
    owners = rng.permutation(np.arange(samples) % groups)
    targets = rng.integers(classes, size=samples) if mixed else owners % classes
    logits = rng.normal(size=(samples, classes)) + sharp * np.eye(classes)[targets]
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    if ties:
        probs = np.round(probs * 6) + 0.5
        probs /= probs.sum(1, keepdims=True)
    return of(probs, targets, owners * 7 - 30)


def of(probs, targets, groups=None, **fields) -> Predictions:
    probs, targets = np.asarray(probs, dtype=float), np.asarray(targets)
    groups = np.arange(len(targets)) if groups is None else np.asarray(groups)
    ids = np.array([f"s{i}" for i in range(len(targets))], dtype=str)
    return Predictions(probs, targets, groups, ids, tuple(f"c{i}" for i in range(probs.shape[1])), **fields)


def decided(guess, targets, groups=None, classes=2) -> Predictions:
    return of(np.eye(classes)[np.asarray(guess)], targets, groups)


def repeated(p: Predictions, counts: np.ndarray) -> Predictions:
    """The rows that a resample would hold: group number i `counts[i]` times."""
    return p.rows(np.repeat(np.arange(len(p)), counts[p.owners.of_row]))
