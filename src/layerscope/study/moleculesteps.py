"""Steps of a study of molecules. Each takes what it needs and returns what it found, as plain values."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from layerscope.data.fingerprints import ecfp4
from layerscope.dataset import Dataset
from layerscope.inputs import Graphs
from layerscope.models.gnn import GNN
from layerscope.models.layered import Layered
from layerscope.predictions import Numbers, Predictions
from layerscope.see.activations import activations
from layerscope.see.curve import layer_curve
from layerscope.see.curve import learned as learned_classes
from layerscope.see.label_curve import label_curve
from layerscope.see.label_curve import learned as learned_labels
from layerscope.see.number_curve import learned as learned_numbers
from layerscope.see.number_curve import number_curve
from layerscope.study.moleculejudge import Said, ask, labels_told
from layerscope.study.moleculelook import (
    CLIFFS,
    SERIES,
    Pairs,
    atoms,
    matched,
    mistakes,
    near_pairs,
    nearest,
    parting,
    series,
    told_apart,
)
from layerscope.study.steps import written

EXAMPLES = 4  # cliffs that are drawn


def layers(model: Layered, twin: Layered, fit_on: Dataset, score_on: Dataset, seed: int) -> dict[str, Any]:
    """What can be read from each stage of a network and of its untrained twin, on molecules that neither has seen."""
    if fit_on.kind == "class":
        a, b = (layer_curve(net, fit_on, score_on, seed) for net in (model, twin))
        ahead = learned_classes(a, b, score_on)
        return {"trained": [written(r) for r in a], "untrained": [written(r) for r in b], "learned": ahead}
    if fit_on.several:
        a, b = (label_curve(net, fit_on, score_on, seed) for net in (model, twin))
        best = learned_labels(a, b)
    else:
        a, b = (number_curve(net, fit_on, score_on, seed) for net in (model, twin))
        best = learned_numbers(a, b)
    return {"trained": [r.written() for r in a], "untrained": [r.written() for r in b], "learned": best}


def cliffs(
    nets: Mapping[str, Layered], unseen: Dataset[Graphs], smiles: Sequence[str], spread: float, seed: int
) -> Any:
    """Where in each network near-identical molecules with different answers part.

    Args:
        nets: the trained one and its twin, as "trained" and "untrained".
        spread: of numbers, their standard deviation in training.
    """
    sizes = unseen.inputs.owner.bincount(minlength=len(unseen)).numpy()
    pairs = near_pairs(ecfp4(smiles), unseen, spread, sizes=sizes)
    found: dict[str, Any] = {"pairs": len(pairs), "cliffs": int(pairs.cliff.sum()), "stages": None}
    found |= {"compared": 0, "series": 0}
    if not found["cliffs"]:
        return found | {"told_apart": None, "examples": []}
    said = ask(nets["trained"], unseen)
    found |= {
        "told_apart": float(told_apart(said, pairs).mean()),
        "examples": [
            {
                "similarity": float(pairs.similarity[p]),
                "molecules": [
                    one_of(said, unseen, i) | {"smiles": smiles[i]} for i in (int(pairs.first[p]), int(pairs.second[p]))
                ],
            }
            for p in _shown(pairs)
        ],
        "compared": int(matched(pairs)[0].sum()),
        "series": series(pairs, unseen.groups),
    }
    if found["compared"] >= CLIFFS and found["series"] >= SERIES:
        found["stages"] = {
            net: parting(activations(model, unseen), pairs, unseen.groups, seed) for net, model in nets.items()
        }
    return found


def _shown(pairs: Pairs) -> list[int]:
    """The most similar cliffs, each molecule once."""
    seen: set[int] = set()
    chosen = []
    for p in np.flatnonzero(pairs.cliff)[np.argsort(-pairs.similarity[pairs.cliff], kind="stable")].tolist():
        ends = {int(pairs.first[p]), int(pairs.second[p])}
        if len(chosen) < EXAMPLES and not ends & seen:
            seen |= ends
            chosen.append(p)
    return chosen


def confident_mistakes(
    model: GNN, said: Said, train: Dataset[Graphs], test: Dataset[Graphs], smiles: tuple[Sequence[str], Sequence[str]]
) -> list[dict[str, Any]]:
    """As they are drawn: the molecule, what each atom adds to the answer, and how similar the nearest known one is.

    Args:
        smiles: of training and of test molecules.
    """
    nothing, wrongs = train.inputs.nodes.mean(dim=0), mistakes(said)
    if not wrongs:
        return []
    near = nearest(ecfp4(smiles[0]), ecfp4([smiles[1][wrong.row] for wrong in wrongs])).similarity[:, 0]
    return [
        one_of(said, test, wrong.row, wrong.output)
        | {
            "smiles": smiles[1][wrong.row],
            "how": wrong.how,
            "atoms": atoms(model, test, wrong, nothing),
            "near": float(close),
        }
        for wrong, close in zip(wrongs, near, strict=True)
    ]


def one_of(said: Said, data: Dataset, row: int, output: int | None = None) -> dict[str, Any]:
    """What is true of a molecule, and what was said; of one of several labels, or of all of them."""
    facts: dict[str, Any] = {"id": str(data.ids[row])}
    if isinstance(said, Numbers):
        return facts | {"truth": float(said.targets[row]), "said": float(said.values[row])}
    if isinstance(said, Predictions):
        guess = int(said.guess[row])
        sure = float(said.probs[row, guess])
        return facts | {"truth": said.classes[said.targets[row]], "said": said.classes[guess], "sure": sure}
    known = None if said.known is None else said.known[row].tolist()
    truth = labels_told(said.classes, said.targets[row].tolist(), known)
    if output is None:
        return facts | {"truth": truth, "said": None}
    return facts | {
        "truth": truth,
        "said": said.classes[output],
        "there": bool(said.targets[row, output]),
        "sure": float(said.probs[row, output]),
    }
