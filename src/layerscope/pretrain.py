"""Learning from texts without labels: hide words, and let the network fill them in from what stands around them.

Reference: Devlin et al. 2019, doi:10.18653/v1/N19-1423 (BERT); whole words are hidden, as in its authors' later code,
and other ones in every epoch.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from layerscope.checkpoint import build
from layerscope.dataset import Dataset, batches
from layerscope.inputs import Tokens
from layerscope.models.transformer import Transformer
from layerscope.models.wordpiece import MASK, SPECIAL
from layerscope.train import Recipe, _adam, _copy, _dice, _stop_unless_finite, choose_device, one_cycle


class Masked(NamedTuple):
    tokens: Tokens  # what the network sees
    targets: Int[Tensor, "s t"]  # the piece that stood there, -1 where nothing is asked


class PretrainEpoch(NamedTuple):
    number: int
    loss: float  # mean over hidden pieces, in nats, measured while learning
    val_loss: float  # of held-out texts at the end of the epoch; the same words are hidden every time
    share_right: float  # of their hidden pieces


def mask_words(tokens: Tokens, vocabulary: Sequence[str], dice: torch.Generator, share: float = 0.15) -> Masked:
    """Ask for every word with probability `share`: 80 % of its pieces become [MASK], 10 % any other, 10 % stay.

    The last two keep a network from looking only where [MASK] stands, which it never meets in a task.

    Raises:
        ValueError: if `share` is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, such as 0.15. Got {share:g}.")
    ids, device = tokens.ids, tokens.ids.device
    special = torch.tensor([piece in SPECIAL for piece in vocabulary], device=device)
    goes_on = torch.tensor([piece.startswith("##") for piece in vocabulary], device=device)
    word = (~goes_on[ids]).cumsum(dim=1)  # the number of the word that a piece belongs to
    drawn = torch.rand((len(ids), ids.shape[1] + 1), generator=dice).to(device) < share
    asked = drawn.gather(1, word) & tokens.mask & ~special[ids]

    fate = torch.rand(ids.shape, generator=dice).to(device)
    ordinary = (~special).nonzero()[:, 0]
    other = ordinary[torch.randint(len(ordinary), ids.shape, generator=dice).to(device)]
    seen = ids.masked_fill(asked & (fate < 0.8), vocabulary.index(MASK))
    seen = torch.where(asked & (fate >= 0.9), other, seen)
    return Masked(Tokens(seen, tokens.mask), ids.masked_fill(~asked, -1))


def fill_in(model: Transformer, tokens: Tokens, where: Bool[Tensor, "s t"]) -> Float[Tensor, "m v"]:
    """Scores (logits) of every piece of the vocabulary, at the chosen places alone.

    A piece scores high whose embedding points where the features do, so what reads words in also writes them out.
    """
    *_, last = model.units(tokens)
    return model.norm(last.h[where]) @ model.words.weight.T


def pretrain(
    model: Transformer, train: Tokens, val: Tokens, recipe: Recipe, vocabulary: Sequence[str], share: float = 0.15
) -> Iterator[PretrainEpoch]:
    """Train in place without labels, yielding after every epoch. Stop early with `break`.

    Args:
        val: texts of no group that is trained on.
        recipe: its label_smoothing and patience are not used.
        vocabulary: of the tokenizer that cut the texts.

    Raises:
        ValueError: if the network was built for a vocabulary of another size.
        TrainingError: if a loss is not finite; the weights of the last whole epoch are put back.

    Example:
        for epoch in pretrain(model, train, val, Recipe(epochs=20, lr=1e-3), pieces.vocabulary):
            print(epoch)
        classifier = transfer(model, classes=5)
    """
    if len(vocabulary) != model.config.vocabulary:
        raise ValueError(f"the network knows {model.config.vocabulary} pieces, the vocabulary has {len(vocabulary)}.")
    device = choose_device()
    model.to(device)
    texts, val = _unlabelled(train.to(device)), val.to(device)
    optimizer = _adam(model, recipe, None)
    per_epoch = math.ceil(len(train) / recipe.batch_size)
    for number in range(1, recipe.epochs + 1):
        good, losses, asked = _copy(model), [], []
        model.train()
        seed = recipe.seed * 1_000_003 + number
        dice = torch.Generator().manual_seed(seed)
        with _dice(seed, device):
            for i, batch in enumerate(batches(texts, recipe.batch_size, dice)):
                rate = one_cycle((number - 1) * per_epoch + i, recipe.epochs * per_epoch, recipe.lr)
                for group in optimizer.param_groups:
                    group["lr"] = rate * group["share"]
                hidden = mask_words(batch.inputs, vocabulary, dice, share)
                with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
                    guesses, truth = _guesses(model, hidden)
                loss = cross_entropy(guesses, truth, reduction="sum")
                optimizer.zero_grad()
                (loss / max(1, len(truth))).backward()  # of a few short texts no word may be asked
                optimizer.step()
                losses.append(loss.detach())
                asked.append(len(truth))
        _stop_unless_finite(losses, number, model, good, recipe)
        yield PretrainEpoch(number, float(sum(losses)) / max(1, sum(asked)), *_judge(model, val, vocabulary, share))


def transfer(pretrained: Transformer, classes: int, seed: int = 0) -> Transformer:
    """A classifier that begins with what was learned: a copy of all but the head, which is fresh."""
    model = build("transformer", asdict(pretrained.config) | {"classes": classes}, seed)
    assert isinstance(model, Transformer)
    body = {name: t for name, t in pretrained.state_dict().items() if not name.startswith("head.")}
    model.load_state_dict(body, strict=False)
    return model


def _guesses(model: Transformer, hidden: Masked) -> tuple[Float[Tensor, "m v"], Int[Tensor, " m"]]:
    where = hidden.targets >= 0
    return fill_in(model, hidden.tokens, where).float(), hidden.targets[where]


@torch.inference_mode()
def _judge(model: Transformer, texts: Tokens, vocabulary: Sequence[str], share: float) -> tuple[float, float]:
    """Mean loss and the share that is right."""
    model.eval()
    dice = torch.Generator().manual_seed(0)
    loss, right, asked = 0.0, 0, 0
    for batch in batches(_unlabelled(texts), 256):
        guesses, truth = _guesses(model, mask_words(batch.inputs, vocabulary, dice, share))
        loss += cross_entropy(guesses, truth, reduction="sum").item()
        right += int((guesses.argmax(1) == truth).sum())
        asked += len(truth)
    return loss / max(1, asked), right / max(1, asked)


def _unlabelled(texts: Tokens) -> Dataset:
    return Dataset.of(texts, [0] * len(texts), classes=("text",)).to(texts.ids.device)
