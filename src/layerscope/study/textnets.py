"""The networks of a study of texts: a transformer from scratch, and a pretrained one as it came and fine-tuned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np

from layerscope.checkpoint import build, save_model
from layerscope.dataset import Dataset
from layerscope.inputs import Texts
from layerscope.models.encoder import Pretrained, Tokenizer, pretrained_encoder
from layerscope.models.layered import Layered
from layerscope.models.lora import adapt, trainable
from layerscope.models.wordpiece import WordPiece
from layerscope.progress import Progress
from layerscope.study.folder import RunFolder
from layerscope.train import History, Recipe, fit

TOKENIZER = {"encoder": "tokenizer", "transformer": "vocabulary.txt"}  # beside the weights of such a network
NETWORKS = ("transformer", "fine-tuned")  # what is trained
TRAINED = (*NETWORKS, "adapters")  # and low-rank adapters, where a plan has a recipe for them
WAYS = {  # how each came to be
    "transformer": "A small transformer trained from scratch",
    "adapters": "Low-rank adapters in the pretrained network",
    "fine-tuned": "The pretrained network with all its weights fine-tuned",
}
READ = ("transformer", "pretrained", "fine-tuned")  # what is opened up, layer by layer
Parts = dict[str, Dataset[Texts]]


@dataclass(frozen=True)
class TextNetworks:
    """Trained once for a run folder, and read back from it."""

    parts: Parts
    recipes: dict[str, Recipe]  # of each that is trained
    name: str  # of the pretrained one: of models.encoder, of the hub, or a folder
    most: int  # tokens of a text that are read, if the network can
    seed: int
    folder: RunFolder
    progress: Progress

    @property
    def classes(self) -> Sequence[str]:
        return self.parts["train"].classes

    @cached_property
    def pretrained(self) -> Pretrained:
        return pretrained_encoder(len(self.classes), self.name)

    @cached_property
    def pieces(self) -> WordPiece:
        """Learned from the training texts alone."""
        file = self.folder.path / "vocabulary.txt"
        if not file.is_file():
            WordPiece.train(self.parts["train"].inputs.strings.tolist(), 4000, progress=self.progress).write(file)
        return WordPiece.read(file)

    def tokens(self, net: str) -> dict[str, Dataset]:
        cut = self.tokenizer(net).tokens
        return {name: replace(p, inputs=cut(p.inputs, self.longest)) for name, p in self.parts.items()}

    def tokenizer(self, net: str) -> WordPiece | Tokenizer:
        return self.pieces if net == "transformer" else self.pretrained.tokenizer

    @cached_property
    def longest(self) -> int:
        """Tokens of a text that are read, by both networks alike."""
        return min(self.most, self.pretrained.model.longest)

    def unread(self) -> dict[str, Any]:
        """How many of the texts are longer than what is read, and how many of their tokens that leaves out."""
        texts = Texts.of(text for part in self.parts.values() for text in part.inputs.strings.tolist())
        lengths = self.pretrained.tokenizer.lengths(texts)
        over = np.maximum(lengths - self.longest, 0)
        return {
            "longest": self.longest,
            "texts": len(lengths),
            "cut": int((over > 0).sum()),
            "tokens": float(over.sum() / lengths.sum()),
        }

    def fitted(self, net: str) -> tuple[Layered, History]:
        """A trained network of this run, read back from its checkpoint if it has one."""
        if net == "transformer":
            config = {"vocabulary": len(self.pieces), "classes": len(self.classes), "longest": self.longest}
            model: Layered = build("transformer", config, self.seed)
        else:
            model = pretrained_encoder(len(self.classes), self.name).model
            model = adapt(model, seed=self.seed) if net == "adapters" else model
        parts, where = self.tokens(net), self.folder.path / "training" / net
        what = f"training: {net}"
        return model, fit(model, parts["train"], parts["val"], self.recipes[net], where, self.progress, what)

    def network(self, net: str) -> Layered:
        return self.pretrained.model if net == "pretrained" else self.fitted(net)[0]

    def save(self, card: Callable[[str], str]) -> None:
        """The fine-tuned network and the one from scratch, each with what cuts its texts, to be read back anywhere."""
        for net, name, folder in (("fine-tuned", "encoder", "model"), ("transformer", "transformer", "model-scratch")):
            place = self.folder.path / folder
            save_model(place, name, self.network(net), tuple(self.classes), card(net))
            self.tokenizer(net).write(place / TOKENIZER[name])

    def train(self, net: str) -> dict[str, Any]:
        start = perf_counter()
        model, history = self.fitted(net)
        return {
            "epochs": [{k: v for k, v in vars(e).items() if k not in ("optimizer", "steps")} for e in history.epochs],
            "best": history.best,
            "parameters": sum(p.numel() for p in model.parameters()),
            "learning": trainable(model),
            "seconds": perf_counter() - start,
        }
