"""Search by meaning among the names and synonyms of an ontology, by the layer that was measured to serve best.

Which layer that is, is decided on held-out synonyms of one half of the terms and reported on the other half, beside
words and pieces of words counted. The vectors of every name and synonym are kept in the cache.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from layerscope.checkpoint import load_tensors, save_tensors
from layerscope.data.phenotypes import ROOT, SOURCE, Ontology
from layerscope.inputs import Texts
from layerscope.models.encoder import Pretrained
from layerscope.progress import Progress, silent
from layerscope.see.influence import Estimate
from layerscope.source import DataError, cache_dir, locked, unwritable
from layerscope.study.lexicon import Alike, Lexicon, Recall, by_cosine, by_letters, by_words, nonsense, recall
from layerscope.train import choose_device

VERSION = 1  # of what is kept
MOST = 1000  # held-out synonyms in each half
NONSENSE = 400  # queries
LONGEST = 64  # tokens of a name


@dataclass(frozen=True)
class Index:
    """Every name and synonym as one layer sees it."""

    layer: str
    lexicon: Lexicon
    vectors: Float[Tensor, "s d"]  # of length 1
    recalls: dict[str, Recall]  # of every layer, and of "words" and "letters", on terms that did not decide
    unlike: dict[str, Recall]  # the same, of synonyms without a word of their term's other texts
    far: float  # 95 of 100 nonsense queries have no text more similar than this
    missed: float  # share of held-out synonyms that have none either


class Hit(NamedTuple):
    id: str
    text: str  # the name or synonym that is most similar
    similarity: float  # cosine


def search(query: str, index: Index, network: Pretrained, top: int = 10) -> list[Hit]:
    """The terms whose name or synonym is nearest in meaning, the nearest first.

    Raises:
        ValueError: if there is no word in the query.
    """
    if not any(sign.isalnum() for sign in query):
        raise ValueError(f'a query needs at least one word, such as "wobbly walk". Got {query!r}.')
    lexicon = index.lexicon
    alike = (index.vectors @ embed(network, [query])[index.layer][0]).numpy()
    order = np.argsort(-alike, kind="stable")
    rows = order[np.sort(np.unique(lexicon.owner[order], return_index=True)[1])[:top]]
    return [Hit(lexicon.ids[lexicon.owner[row]], lexicon.texts[row], float(alike[row])) for row in rows]


def open_index(known: Ontology, network: Pretrained, layer: str | None = None, progress: Progress = silent) -> Index:
    """From the cache, or built and kept there. Another ontology or other weights make another index.

    Args:
        layer: None takes the one that finds held-out synonyms best.

    Raises:
        ValueError: if the network has no such layer.
        DataError: if the cache cannot be written.
    """
    layers = list(embed(network, ["a"]))
    if layer is not None and layer not in layers:
        raise ValueError(f"the network has no layer {layer!r}. It has: {', '.join(layers)}.")
    lexicon = Lexicon.of(
        term for id, term in known.terms.items() if ROOT in known.ancestors[id] and id != ROOT
    )  # phenotypes alone, no modes of inheritance
    path = cache_dir() / SOURCE.name / f"search-{_identity(lexicon, network, layer)[:16]}.safetensors"
    with locked(path, progress):
        if (found := _read(path, lexicon)) is None:
            found = build_index(lexicon, network, layer, progress)
            try:
                _write(path, found)
            except OSError as error:
                raise unwritable(path, error) from error
    return found


def build_index(lexicon: Lexicon, network: Pretrained, layer: str | None, progress: Progress = silent) -> Index:
    """Decide the layer, unless it is given, and measure how well every layer serves."""
    seen = embed(network, lexicon.texts, progress)
    decide, report = lexicon.questions(MOST, 0, progress)
    unlike = np.isin(report.rows, lexicon.unlike(report.rows))
    scores: dict[str, float] = {}
    recalls: dict[str, Recall] = {}
    hard: dict[str, Recall] = {}
    ways: dict[str, Alike] = {name: by_cosine(z.float()) for name, z in seen.items()}
    for i, (name, alike) in enumerate((ways | _counted(lexicon)).items()):
        progress("asking for held-out synonyms", i, len(ways) + 2, "layers")
        if name in ways:
            scores[name] = float((1 / lexicon.answers(decide.rows, alike).rank).mean())
        rank = lexicon.answers(report.rows, alike).rank
        recalls[name] = recall(rank, report.groups)
        hard[name] = recall(rank[unlike], report.groups[unlike])
    best = layer or max(scores, key=lambda name: scores[name])
    vectors, noise = seen[best].float(), embed(network, nonsense(NONSENSE, seed=0))[best]
    far = float((noise @ vectors.T).amax(dim=1).quantile(0.95))
    missed = float((lexicon.answers(report.rows, ways[best]).nearest < far).mean())
    return Index(best, lexicon, vectors, recalls, hard, far, missed)


def _counted(lexicon: Lexicon) -> dict[str, Alike]:
    return {"words": by_words(lexicon.texts), "letters": by_letters(lexicon.texts)}


def embed(network: Pretrained, texts: Sequence[str], progress: Progress = silent) -> dict[str, Float[Tensor, "s d"]]:
    """Layer -> vectors of length 1, the mean over tokens; kept in 16 bits where texts are many."""
    device = choose_device()
    model = network.model.to(device)
    tokens = network.tokenizer.tokens(Texts.of(texts), LONGEST)
    order = tokens.mask.sum(dim=1).argsort(stable=True)  # texts of one length together need no padding
    found: dict[str, Tensor] = {}
    kept = torch.float16 if len(texts) > 1000 else torch.float32
    with torch.inference_mode():
        for start in range(0, len(order), 256):
            progress("reading names and synonyms", start, len(order), "texts")
            rows = order[start : start + 256]
            batch = tokens[rows].to(device)
            for stage in model.stages(batch):
                if not stage.per_sample:
                    z = normalize(batch.pool(stage.h).float(), dim=1)
                    found.setdefault(stage.name, torch.empty(len(texts), z.shape[1], dtype=kept))[rows] = z.to(
                        "cpu", kept
                    )
    return found


def doubt(hits: Sequence[Hit], index: Index) -> str:
    """A warning where the nearest is no nearer than what nonsense finds; else nothing."""
    if hits[0].similarity >= index.far:
        return ""
    return (
        f"Nothing is near: the best similarity is {hits[0].similarity:.2f}, and 95 of 100 nonsense queries stay below "
        f"{index.far:.2f} (so do {100 * index.missed:.0f} % of real synonyms). Try other words."
    )


def reliability(index: Index) -> str:
    """How far such a search can be trusted, beside letters counted."""

    def found(way: str) -> str:
        first, ten, unlike = index.recalls[way].first, index.recalls[way].ten, index.unlike[way].ten
        shares = [100 * share for share in (first.value, first.low, first.high, ten.value, unlike.value)]
        return "first in {:.0f} % ({:.0f} to {:.0f}), among ten in {:.0f} %, or {:.0f} % if it shares no word".format(
            *shares
        )

    return f"By {index.layer}, a held-out synonym finds its term {found(index.layer)}. Letters: {found('letters')}."


def first_sentence(text: str) -> str:
    """Up to a full stop that a capital follows."""
    return re.split(r"(?<=[.!?])\s+(?=[A-Z])", text, maxsplit=1)[0]


def _identity(lexicon: Lexicon, network: Pretrained, layer: str | None) -> str:
    digest = sha256(repr((VERSION, layer, lexicon.ids, lexicon.texts, lexicon.owner.tolist())).encode())
    for name, weight in network.model.body.state_dict().items():
        digest.update(name.encode())
        digest.update(weight.cpu().contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()


def _write(path: Path, index: Index) -> None:
    notes = {"layer": index.layer, "recalls": index.recalls, "unlike": index.unlike}
    notes |= {"far": index.far, "missed": index.missed}
    save_tensors(path, {"vectors": index.vectors.half()}, {name: json.dumps(note) for name, note in notes.items()})


def _read(path: Path, lexicon: Lexicon) -> Index | None:
    """None where there is none, or it is damaged."""
    try:
        tensors, written = load_tensors(path)
    except DataError:
        return None
    notes = {name: json.loads(note) for name, note in written.items()}
    recalls, unlike = (
        {name: Recall(*(Estimate(*part) for part in parts)) for name, parts in notes[of].items()}
        for of in ("recalls", "unlike")
    )
    return Index(notes["layer"], lexicon, tensors["vectors"].float(), recalls, unlike, notes["far"], notes["missed"])
