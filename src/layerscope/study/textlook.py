"""A closer look at a fine-tuned network: what fine-tuning changed, where it fails, whether it knows a tree."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer
from torch import Tensor

from layerscope.data import phenotypes
from layerscope.data.cues import NEGATION, SPECULATION, holds
from layerscope.data.phenotypes import Ontology
from layerscope.dataset import Dataset, batches, in_order
from layerscope.inputs import Texts
from layerscope.judge import METRICS, compare, score
from layerscope.models.feeding import device_of, untouched
from layerscope.models.layered import Layered
from layerscope.predictions import Predictions
from layerscope.progress import Progress, silent
from layerscope.see.influence import Estimate
from layerscope.see.similarity import cka_estimate
from layerscope.see.tree import between, tree_fit
from layerscope.study.textnets import TRAINED

TREES = {phenotypes.SOURCE.name: phenotypes.ontology}  # data sets whose texts name the terms of a tree, and that tree
LEAST_TEXTS, LEAST_GROUPS = 20, 5  # of a slice that is scored
SHARED = "words in common"
TERMS = 600  # compared with the tree: every two of them


class Slice(NamedTuple):
    kind: str  # slices of one kind hold every text between them
    name: str
    rows: Bool[np.ndarray, " s"]


def changed(before: Layered, others: Mapping[str, Layered], texts: Dataset) -> dict[str, dict[str, Estimate]]:
    """How alike each stage of a network is to the same stage of others (debiased CKA), over groups of texts.

    By the mean over tokens: the maximum beside it grows with the length of a text in any network, and made an untrained
    twin look as good as the same (CKA .95 in the first blocks of MiniLM, on names and definitions of phenotypes).
    """
    stages = means(before, texts)
    found = {}
    for net, model in others.items():
        after = means(model, texts)
        found[net] = {stage: cka_estimate(z, after[stage], texts.groups) for stage, z in stages.items()}
    return found


def rival(accuracy: Mapping[str, float]) -> str:
    """The best of what learned no network: frozen features, counted words."""
    return max((name for name in accuracy if name not in TRAINED), key=accuracy.__getitem__)


def slices(texts: Dataset[Texts]) -> list[Slice]:
    """Thirds by length, texts with and without a cue (which may hold both), and the strata of the data, if any."""
    strings = texts.inputs.strings.tolist()
    words = np.array([len(text.split()) for text in strings])
    third = np.searchsorted(np.quantile(words, [1 / 3, 2 / 3]), words)
    denied, open_ = holds(NEGATION, strings), holds(SPECULATION, strings)
    found = [Slice("length", _range(words[third == k]), third == k) for k in np.unique(third)]
    found += [
        Slice("cue", "negation", denied),
        Slice("cue", "speculation", open_),
        Slice("cue", "neither", ~denied & ~open_),
    ]
    if texts.strata is not None:
        found += [Slice("kind of text", str(name), texts.strata == name) for name in np.unique(texts.strata)]
    return found


def _range(words: Int[np.ndarray, " s"]) -> str:
    low, high = int(words.min()), int(words.max())
    return f"{low} to {high} words" if low < high else f"{low} word{'s' if low > 1 else ''}"


def failures(cut: Sequence[Slice], found: Mapping[str, Predictions], resamples: int, seed: int) -> dict[str, Any]:
    """The fine-tuned network and its best rival on each slice, paired; slices that are too small are only counted."""
    accuracy = METRICS["accuracy"]
    best = rival({name: accuracy(p) for name, p in found.items()})
    rows = []
    for kind, name, mask in cut:
        own, other = found["fine-tuned"].rows(mask), found[best].rows(mask)
        row = {"kind": kind, "name": name, "texts": len(own), "groups": own.owners.groups, "scored": None}
        if row["texts"] >= LEAST_TEXTS and row["groups"] >= LEAST_GROUPS:
            row["scored"] = {
                "fine-tuned": score(accuracy, own, resamples=resamples, seed=seed),
                "rival": score(accuracy, other, resamples=resamples, seed=seed),
                "ahead": compare(own, other, accuracy, resamples=resamples, seed=seed),
            }
        rows.append(row)
    return {"rival": best, "slices": rows}


def names(texts: Dataset[Texts], most: int, seed: int) -> Int[np.ndarray, " r"]:
    """Rows of texts that are names of terms, at most so many."""
    rows = np.flatnonzero(texts.strata == "name")
    return rows if len(rows) <= most else np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def tree_fits(
    networks: Mapping[str, tuple[Layered, Dataset]],
    written: Dataset[Texts],
    tree: Ontology,
    seed: int,
    progress: Progress = silent,
) -> dict[str, dict[str, dict[str, Estimate]]]:
    """Network -> stage -> rank correlation with distances in the tree, within classes; and with terms dealt out anew.

    By the mean over tokens. Distances with the maximum beside it are those of its few large values: measured on 300
    terms in the last block of MiniLM, .25 by the mean, .10 by both.

    Terms that are near in the tree share words, of which an untrained twin knows nothing: so words in common stand
    beside the networks, as a control that needs none.

    Args:
        networks: each with names of terms, as it reads them; the id of each begins with that of its term.
        written: the same names, as strings.
    """
    found: dict[str, dict[str, dict[str, Estimate]]] = {}
    first = next(iter(networks.values()))[1]
    apart = between([str(id).split()[0] for id in first.ids], tree.distance)
    for i, (net, (model, terms)) in enumerate(networks.items()):
        progress("comparing with the tree", i, len(networks), "networks")
        fits = {
            stage: tree_fit(z, apart, terms.groups, terms.targets.numpy(), seed=seed)
            for stage, z in means(model, terms).items()
        }
        found[net] = {
            stage: {"within": fit.within.correlation, "dealt anew": fit.permuted_within.correlation}
            for stage, fit in fits.items()
        }
    words = csr_matrix(CountVectorizer(binary=True).fit_transform(written.inputs.strings)).toarray()
    fit = tree_fit(torch.from_numpy(words).double(), apart, written.groups, written.targets.numpy(), seed=seed)
    same = {"within": fit.within.correlation, "dealt anew": fit.permuted_within.correlation}
    return found | {SHARED: dict.fromkeys(found["pretrained"], same)}


def means(model: Layered, texts: Dataset) -> dict[str, Float[Tensor, "s d"]]:
    """Stage -> mean over tokens, of the stages that still have tokens."""
    found: dict[str, list[tuple[Tensor, Tensor]]] = {}
    device = device_of(model)
    with untouched(model), torch.no_grad():
        for batch in batches(texts, 128, by_length=True):
            inputs = batch.inputs.to(device)
            for stage in model.stages(inputs):
                if not stage.per_sample:
                    found.setdefault(stage.name, []).append((batch.row, inputs.pool(stage.h).float().cpu()))
    return {name: in_order(parts) for name, parts in found.items()}
