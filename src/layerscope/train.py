"""One training loop for every network. You drive it; it never calls you back."""

import json
import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from layerscope.checkpoint import load_tensors, save_moment, save_tensors
from layerscope.dataset import Dataset, batches
from layerscope.models import answers
from layerscope.models.answers import choose_device, outputs, standardised
from layerscope.models.layered import Layered
from layerscope.predictions import Numbers, Predictions
from layerscope.progress import Progress, silent


class TrainingError(RuntimeError):
    """Training cannot go on; the network holds its last good weights."""


@dataclass(frozen=True)
class Recipe:
    epochs: int = 3
    batch_size: int = 128
    lr: float = 1e-2  # the peak of the one-cycle schedule
    weight_decay: float = 1e-2  # of matrices and kernels, not of biases and norms
    label_smoothing: float = 0.05
    patience: int = 3  # epochs without a better validation loss before `fit` stops
    seed: int = 0
    precision: str = "fp32"  # or "bf16"
    layer_decay: float = 1.0  # each block learns at this part of the rate of the block above it (arXiv:1801.06146)

    def __post_init__(self) -> None:
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision must be fp32 or bf16. Got {self.precision!r}.")
        if self.epochs < 1 or self.batch_size < 1:
            raise ValueError(f"epochs and batch_size must be at least 1. Got {self.epochs}, {self.batch_size}.")


@dataclass(frozen=True)
class Epoch:
    number: int
    train_loss: float  # mean over samples, measured while learning
    val_loss: float | None  # mean over samples at the end of the epoch; None without a validation set
    val_accuracy: float | None
    steps: tuple[float, ...] = field(repr=False)  # loss of each batch
    optimizer: dict[str, Tensor] = field(repr=False, compare=False, default_factory=dict)  # what to resume from


@dataclass(frozen=True)
class History:
    epochs: tuple[Epoch, ...]
    best: int  # number of the epoch whose weights were kept


def one_cycle(step: int, steps: int, peak: float) -> float:
    """Learning rate at `step`: linear from peak/25 over the first quarter, then a half cosine down to zero.

    Reference: Smith and Topin 2019, doi:10.1117/12.2520589.
    """
    rise = max(1, steps // 4)
    if step < rise:
        return peak * (0.04 + 0.96 * step / rise)
    return peak * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise))) / 2


def moments(samples: int, recipe: Recipe, count: int = 5) -> tuple[int, ...]:
    """Steps worth looking at: 0, then evenly on a logarithmic scale, since most is learned early; not the last.

    Example:
        >>> moments(12800, Recipe(epochs=2, batch_size=128))
        (0, 3, 8, 24, 69)
    """
    steps = recipe.epochs * math.ceil(samples / recipe.batch_size)
    return tuple(sorted({0} | {round(steps ** (i / count)) for i in range(1, count)} - {steps}))


def epochs(
    model: Layered,
    train: Dataset,
    val: Dataset | None,
    recipe: Recipe,
    after: Epoch | None = None,
    folder: Path | None = None,
    keep: Collection[int] = (),
) -> Iterator[Epoch]:
    """Train in place, yielding after every epoch. Stop early with `break`; go on from `after`.

    Of numbers, mean and standard deviation in `train` are kept as `model.scale`; losses are shares of that variance.

    Args:
        folder, keep: the weights after each of these steps are written to folder/step-<number>.safetensors.

    Raises:
        TrainingError: if a loss is not finite; the weights of the last whole epoch are put back.

    Example:
        for epoch in epochs(model, train, val, Recipe(epochs=5)):
            print(epoch)
    """
    device = choose_device()
    model.to(device)
    if train.kind == "number":
        model.scale = answers.scale_of(train)
    train, val = standardised(train, model).to(device), val and val.to(device)
    optimizer = _adam(model, recipe, after)
    per_epoch = math.ceil(len(train) / recipe.batch_size)
    for number in range(after.number + 1 if after else 1, recipe.epochs + 1):
        good, losses, sizes = _copy(model), list[Tensor](), list[float]()
        model.train()
        # a function of seed and epoch alone, so that a resumed run visits the same batches
        shuffle = torch.Generator().manual_seed(recipe.seed * 1_000_003 + number)
        with _dice(recipe.seed * 1_000_003 + number, device):
            for i, batch in enumerate(batches(train, recipe.batch_size, shuffle)):
                if folder and (number - 1) * per_epoch + i in keep:
                    save_moment(folder, (number - 1) * per_epoch + i, model)
                rate = one_cycle((number - 1) * per_epoch + i, recipe.epochs * per_epoch, recipe.lr)
                for group in optimizer.param_groups:
                    group["lr"] = rate * group["share"]
                with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
                    logits = model(batch.inputs)
                loss = answers.loss(logits.float(), batch.targets, recipe.label_smoothing, batch.known)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.detach())
                sizes.append(answers.decisions(batch.targets, batch.known))
                if i % 64 == 63 or i == per_epoch - 1:  # asking after each step would make a GPU wait
                    _stop_unless_finite(losses, number, model, good, recipe)
        steps = torch.stack(losses).cpu().double()
        train_loss = float((steps * torch.tensor(sizes)).sum() / (sum(sizes) or 1))
        val_loss, val_accuracy = evaluate(model, val) if val else (None, None)
        yield Epoch(number, train_loss, val_loss, val_accuracy, tuple(steps.tolist()), _adam_state(model, optimizer))


def fit(
    model: Layered,
    train: Dataset,
    val: Dataset | None,
    recipe: Recipe,
    folder: Path | None = None,
    progress: Progress = silent,
    what: str = "training",
    keep: Collection[int] = (),
) -> History:
    """Train in place and end with the weights of the epoch that had the lowest validation loss.

    Args:
        val: samples of no group that is trained on. None, where labels are too few to spare any: the last epoch stays.
        folder: where to write a checkpoint after each epoch. If it holds one of the same network and recipe, training
            goes on from there and ends, on a CPU, with the same weights bit for bit as if it had never stopped.
        keep: steps after which the weights are kept in folder/moments, to look at later with `checkpoint.load_moments`.
    """
    done, best = _resume(folder, model, train, recipe) if folder else ([], {})
    last = done[-1] if done else None
    for epoch in epochs(model, train, val, recipe, last, folder and folder / "moments", keep):
        if _stalled(done, recipe):
            break
        done.append(epoch)
        if _best(done) == epoch.number:
            best = _copy(model)
        if folder:
            _save(folder, model, best, train, recipe, done)
        progress(what, epoch.number, recipe.epochs, "epochs")
    model.load_state_dict(best)
    return History(tuple(done), _best(done))


@torch.inference_mode()
def evaluate(model: Layered, dataset: Dataset, batch_size: int = 512) -> tuple[float, float | None]:
    """Mean loss and accuracy; of several labels a sample, both over all label decisions; of numbers the loss alone."""
    model.eval()
    loss, right, every = 0.0, 0.0, 0.0
    for batch in batches(standardised(dataset, model), batch_size):
        logits, size = model(batch.inputs).float(), answers.decisions(batch.targets, batch.known)
        loss += float(answers.loss(logits, batch.targets, known=batch.known)) * size
        right += answers.samples_right(logits, batch.targets, batch.known)
        every += size
    return loss / (every or 1), None if dataset.kind == "number" else right / (every or 1)


def predict(model: Layered, dataset: Dataset, batch_size: int = 512) -> Predictions:
    """Class probabilities of every sample, in the order of the data set."""
    if dataset.several:
        raise ValueError(f"{dataset.name}: a sample may have several labels. Take study.labels.predict_labels.")
    if dataset.kind == "number":
        raise ValueError(f"{dataset.name}: a number is asked, not a class. Take predict_numbers.")
    probs = outputs(model, dataset, choose_device(), batch_size).double().softmax(dim=-1).numpy()
    return Predictions(probs, dataset.targets.numpy(), dataset.groups, dataset.ids, dataset.classes)


def predict_numbers(model: Layered, dataset: Dataset, batch_size: int = 512) -> Numbers:
    """The number said of every sample, in the unit of the data and in the order of the data set."""
    said, scale = outputs(model, dataset, choose_device(), batch_size), answers.scale_in(model)
    return answers.as_numbers(said[:, 0].double() * scale.spread + scale.mean, dataset)


@contextmanager
def _dice(seed: int, device: torch.device) -> Iterator[None]:
    """What dropout draws is a function of the seed too; the caller's random numbers go on as if nothing was drawn."""
    with torch.random.fork_rng([device] if device.type == "cuda" else [], device_type="cuda"):
        torch.manual_seed(seed)
        yield


def _copy(model: Layered) -> dict[str, Tensor]:
    return {name: t.clone() for name, t in model.state_dict().items()}


def _best(done: list[Epoch]) -> int:
    losses = [epoch.val_loss for epoch in done if epoch.val_loss is not None]
    return done[losses.index(min(losses))].number if losses else done[-1].number


def _stalled(done: list[Epoch], recipe: Recipe) -> bool:
    return bool(done) and done[-1].number - _best(done) >= recipe.patience


def _stop_unless_finite(
    losses: list[Tensor], number: int, model: Layered, good: dict[str, Any], recipe: Recipe
) -> None:
    finite = torch.stack(losses).isfinite()
    if not finite.all():
        step = int((~finite).nonzero()[0, 0]) + 1
        model.load_state_dict(good)
        raise TrainingError(
            f"the loss became {losses[step - 1].item()} in epoch {number}, step {step} of {len(losses)}, with "
            f"lr={recipe.lr:g} and {recipe.precision}. The weights from before this epoch were put back. "
            f"Try a lower learning rate (lr={recipe.lr / 3:.2g}), and look for inputs that are not finite."
        )


def _adam(model: Layered, recipe: Recipe, after: Epoch | None) -> torch.optim.AdamW:
    groups: dict[tuple[float, float], list[Tensor]] = {}
    depths = {name: model.depth(name) for name, _ in model.named_parameters()}
    top = 1 + max((depth for depth in depths.values() if depth is not None), default=0)
    for name, p in model.named_parameters():
        depth = depths[name]
        share = recipe.layer_decay ** (0 if depth is None else top - depth)
        groups.setdefault((recipe.weight_decay if p.ndim > 1 else 0.0, share), []).append(p)
    optimizer = torch.optim.AdamW(
        [{"params": ps, "weight_decay": decay, "share": share} for (decay, share), ps in groups.items()],
        lr=recipe.lr,
        fused=True,
    )
    for name, p in model.named_parameters():
        for key in ("step", "exp_avg", "exp_avg_sq") if after and p.requires_grad else ():
            saved = after.optimizer[f"{name}.{key}"]  # pyright: ignore[reportOptionalMemberAccess]
            like = saved.clone() if key == "step" else torch.empty_like(p)  # memory laid out as the parameter's
            optimizer.state[p][key] = like.copy_(saved)
    return optimizer


def _adam_state(model: Layered, optimizer: torch.optim.AdamW) -> dict[str, Tensor]:
    return {f"{name}.{key}": t for name, p in model.named_parameters() for key, t in optimizer.state[p].items()}


def _save(
    folder: Path, model: Layered, best: dict[str, Any], train: Dataset, recipe: Recipe, done: list[Epoch]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"now": model.state_dict(), "best": best, "adam": done[-1].optimizer}
    tensors = {f"{part}/{name}": t for part, named in parts.items() for name, t in named.items()}
    history = [{k: v for k, v in vars(epoch).items() if k != "optimizer"} for epoch in done]
    save_tensors(
        folder / "training.safetensors", tensors, {**_signature(model, train, recipe), "history": json.dumps(history)}
    )


def _resume(folder: Path, model: Layered, train: Dataset, recipe: Recipe) -> tuple[list[Epoch], dict[str, Any]]:
    path = folder / "training.safetensors"
    if not path.is_file():
        return [], {}
    tensors, notes = load_tensors(path)
    for key, value in _signature(model, train, recipe).items():
        if notes[key] != value:
            raise ValueError(f"{path} was trained with {key} {notes[key]}, not {value}. Use another folder.")
    parts: dict[str, dict[str, Tensor]] = {"now": {}, "best": {}, "adam": {}}
    for name, t in tensors.items():
        part, _, key = name.partition("/")
        parts[part][key] = t
    model.load_state_dict(parts["now"])
    done = [Epoch(**{**entry, "steps": tuple(entry["steps"])}) for entry in json.loads(notes["history"])]
    last = Epoch(**{**vars(done[-1]), "optimizer": parts["adam"]})
    return [*done[:-1], last], parts["best"]


def _signature(model: Layered, train: Dataset, recipe: Recipe) -> dict[str, str]:
    return {
        "network": json.dumps(asdict(model.config)),
        "recipe": json.dumps(asdict(recipe)),
        "training data": f"{train.name}, {len(train)} samples",
    }
