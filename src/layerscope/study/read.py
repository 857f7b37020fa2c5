"""The fine-tuned network of a run reads texts that nobody has labelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float

from layerscope.checkpoint import load_model
from layerscope.dataset import Dataset
from layerscope.inputs import Texts
from layerscope.models.answers import choose_device, outputs
from layerscope.models.encoder import Tokenizer
from layerscope.source import DataError
from layerscope.study.folder import RunFolder
from layerscope.study.textnets import TOKENIZER


@dataclass(frozen=True)
class Answers:
    """What a network says of texts."""

    classes: tuple[str, ...]
    probs: Float[np.ndarray, "s k"]  # of several labels, each on its own
    chosen: Bool[np.ndarray, "s k"]  # the likeliest class; of several labels, those above their thresholds
    cut: int  # texts of which only the beginning was read


def read_texts(run: Path, texts: Sequence[str]) -> Answers:
    """Probabilities of each class, by the fine-tuned network that a run of texts has kept.

    Raises:
        DataError: if it is no run of texts, or an old one that kept another network.
        ValueError: if there is no text, or an empty one.
    """
    if not texts or not all(map(str.strip, texts)):
        raise ValueError(f"needed texts, none of them empty. Got {len(texts)}, some of them empty or none at all.")
    folder = RunFolder(run)
    kind, place = folder.run.get("kind"), run / "model" / TOKENIZER["encoder"]
    if kind not in ("texts", "labels") or not place.is_dir():
        raise DataError(
            f"{run} keeps no network that reads texts. Needed a run on texts, such as `layerscope run phenotypes`, of "
            "this version of layerscope."
        )
    model, classes = load_model(run / "model")
    tokenizer, longest = Tokenizer.read(place), folder.found("unread")["longest"]
    column = Texts.of(texts)
    nothing = torch.zeros(len(texts), dtype=torch.long)  # outputs do not ask for targets
    asked = Dataset.of(tokenizer.tokens(column, longest), nothing, classes=classes)
    logits = outputs(model, asked, choose_device(), 64).double()
    cut = int((tokenizer.lengths(column) > longest).sum())
    if kind == "labels":
        probs = logits.sigmoid().numpy()
        return Answers(classes, probs, probs >= np.array(folder.found("judged")["thresholds"]["fine-tuned"]), cut)
    probs = logits.softmax(dim=-1).numpy()
    return Answers(classes, probs, np.eye(len(classes), dtype=bool)[probs.argmax(axis=1)], cut)
