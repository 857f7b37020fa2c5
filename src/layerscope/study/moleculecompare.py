"""What would flatter a study of molecules: other ways to split, and a network's own word about what it has learned."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from scipy.special import logit

from layerscope.data.scaffolds import clusters, conventional, largest_first
from layerscope.data.splits import SPLITS
from layerscope.dataset import Dataset
from layerscope.judge import Difference
from layerscope.models.crossfit import cross_fit, folds
from layerscope.models.features import forest
from layerscope.models.layered import Layered
from layerscope.progress import Progress
from layerscope.study.moleculejudge import Answer, Said, ask, beside, compare, lead, matrix

WAYS = {  # to split, and what each is called
    "random": "single molecules at random",
    "groups": "whole groups at random",
    "clusters": "clusters of similar molecules at random",
    "largest first": "largest scaffolds first, as papers do",
}
Parts = dict[str, Dataset]
Train = Callable[[Dataset], Layered]
Bits = UInt8[np.ndarray, "s d"]


def splits(
    data: Dataset,
    smiles: Sequence[str],
    bits: Bits,
    train: Train | None,
    trees: int,
    draws: int,
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    """The same molecules, split in several ways, and how good the same methods then look.

    Parts are of the same sizes; those of "largest first" are as in papers: 80, 10 and 10 % of the molecules.

    Args:
        train: how to train the network; None: the fingerprints alone are compared.
    """
    row = {str(name): i for i, name in enumerate(data.ids)}
    cuts = list(_cuts(data, smiles, bits, draws, seed))
    found: dict[str, dict[str, list[Any]]] = {way: {"forest": [], "network": []} for way in WAYS}
    for i, (way, parts) in enumerate(cuts):
        progress("comparing ways to split", i, len(cuts), "splits")
        x, q = (bits[[row[str(name)] for name in parts[p].ids]].astype(np.float32) for p in ("train", "test"))
        said = beside(forest(x, parts["train"], q, trees, seed, jobs=-1), parts["test"])
        found[way]["forest"].append(lead(said, seed))
        if train is not None and not found[way]["network"]:
            found[way]["network"].append(lead(ask(train(parts["train"]), parts["test"]), seed))
    return {"molecules": len(data), "ways": found}


def _cuts(data: Dataset, smiles: Sequence[str], bits: Bits, draws: int, seed: int) -> Iterator[tuple[str, Parts]]:
    """A class may be in too few molecules, groups or clusters to be split by them: then there is no such cut."""
    alike = replace(data, groups=clusters(bits))
    for draw in range(seed, seed + draws):
        for way, how, own in (("random", "random", data), ("groups", "groups", data), ("clusters", "groups", alike)):
            try:
                parts = SPLITS[how](own, draw)
            except ValueError:
                continue
            yield way, parts
    rows = largest_first(conventional(smiles))
    if all(map(len, rows.values())):  # where few scaffolds hold all molecules, a part may stay empty
        yield "largest first", {part: data.rows(index) for part, index in rows.items()}


def stacking(
    train: Dataset,
    test: Dataset,
    bits: tuple[UInt8[np.ndarray, "s d"], UInt8[np.ndarray, "q d"]],
    network: Train,
    trees: int,
    resamples: int,
    seed: int,
    progress: Progress,
    count: int = 5,
) -> dict[str, Any] | None:
    """Fingerprints alone; with what networks say that never saw a molecule's group; with what one says that did.

    `claimed` is what a cross-validation on the training part promises of each, `test` what comes of it. None, where
    the training part is a single group, which cannot be left out.
    """
    count = min(count, len(np.unique(train.groups)))
    if count < 2:
        return None
    learned = network(train)
    own = [_column(ask(learned, part)) for part in (train, test)]
    crossed = cross_fit(lambda part: _says(network(part)), train, test, count=count, seed=seed, progress=progress)
    ways = {
        "fingerprints": [np.zeros((len(train), 0)), np.zeros((len(test), 0))],
        "with the network, cross-fitted": [crossed.train, crossed.others[0]],
        "with the network, naively": own,
    }
    fold = folds(train.groups, count, seed + 1)
    said, found = {}, {}
    for i, (way, extra) in enumerate(ways.items()):
        progress("stacking", i, len(ways), "ways")
        x, q = (np.hstack([b, more]).astype(np.float32) for b, more in zip(bits, extra, strict=True))
        said[way] = beside(forest(x, train, q, trees, seed, jobs=-1), test)
        claimed = _cross_validated(x, train, fold, trees, seed)
        found[way] = {"claimed": lead(claimed, seed), "test": lead(said[way], seed)}
    alone = said["fingerprints"]
    return {
        "molecules": len(train),
        "ways": found,
        "ahead": {way: _ahead(p, alone, resamples, seed) for way, p in said.items() if p is not alone},
    }


def _ahead(a: Said, b: Said, resamples: int, seed: int) -> dict[str, Difference]:
    return compare(Answer(a, a), Answer(b, b), resamples, seed)


def _cross_validated(x: Float[np.ndarray, "s d"], train: Dataset, fold: np.ndarray, trees: int, seed: int) -> Said:
    said: np.ndarray | None = None
    for k in np.unique(fold):
        seen, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        part = forest(x[seen], train.rows(seen), x[held], max(50, trees // 3), seed, jobs=-1)
        said = np.empty((len(train), part.shape[1])) if said is None else said
        said[held] = part
    assert said is not None
    return beside(said, train)


def _says(model: Layered) -> Callable[[Dataset], np.ndarray]:
    return lambda part: _column(ask(model, part))


def _column(said: Said) -> Float[np.ndarray, "s k"]:
    """As a tree reads it best: numbers, or log odds."""
    values = matrix(said)
    return values if values.shape[1] == 1 else logit(values.clip(1e-6, 1 - 1e-6))
