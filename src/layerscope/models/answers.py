"""What the last stage of a network says: of a sample's class, of several labels, or of a number.

A number is said in standard deviations of the training targets, from their mean; training keeps both with the network
(`Layered.scale`), and `train.predict_numbers` gives back the unit of the data.
"""

import os
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from layerscope.dataset import Dataset, batches, in_order
from layerscope.models.layered import Layered, Scale
from layerscope.predictions import Numbers

Targets = Int[Tensor, " b"] | Bool[Tensor, "b k"] | Float[Tensor, " b"]
Known = Bool[Tensor, "b k"] | None


def loss(
    logits: Float[Tensor, "b k"], targets: Targets, label_smoothing: float = 0.0, known: Known = None
) -> Float[Tensor, ""]:
    """Mean cross-entropy over samples; of several labels the binary one, mean over samples and labels.

    Of numbers the mean squared error, of targets that were standardised.

    Args:
        label_smoothing: this part of each target is taken, and spread evenly over what else it could have been; of
            numbers none is.
        known: of several labels, which were looked for: the mean is over those alone (0 where there is none).
    """
    if targets.is_floating_point():
        return (logits.squeeze(1) - targets).square().mean()
    if targets.ndim == 1:
        return cross_entropy(logits, targets, label_smoothing=label_smoothing)
    wanted = targets.float() * (1 - label_smoothing) + label_smoothing / 2
    if known is None:
        return binary_cross_entropy_with_logits(logits, wanted)
    return binary_cross_entropy_with_logits(logits, wanted, known.float(), reduction="sum") / known.sum().clamp(min=1)


def decisions(targets: Targets, known: Known) -> float:
    """Over how many samples the loss is a mean; one of which half the labels are known counts half."""
    return len(targets) if known is None else float(known.sum()) / known.shape[1]


def decided_right(logits: Float[Tensor, "b k"], targets: Targets) -> Bool[Tensor, " b"] | Bool[Tensor, "b k"]:
    """Of each sample, whether its class is the most probable; of several labels, of each decision at one half.

    Where labels are rare most of those decisions are right whatever is said: they tell epochs apart, not networks.
    """
    return logits.argmax(dim=1) == targets if targets.ndim == 1 else (logits > 0) == targets


def samples_right(logits: Float[Tensor, "b k"], targets: Targets, known: Known) -> float:
    """How many samples are answered rightly; of labels, each counts by its share of the decisions; of numbers none."""
    if targets.is_floating_point():
        return 0.0
    right = decided_right(logits, targets)
    return int((right if known is None else right & known).sum()) * len(right) / right.numel()


def scale_of(train: Dataset) -> Scale:
    """Mean and standard deviation of the numbers that a network is to learn.

    Raises:
        ValueError: if all are equal.
    """
    y = train.targets.double()
    mean, spread = float(y.mean()), float(y.std(correction=0))
    if not spread > 1e-12 * max(1.0, abs(mean)):
        raise ValueError(
            f"{train.name}: the {len(y)} targets are all {mean:g}: there is nothing to learn. Give samples that differ."
        )
    return Scale(mean, spread)


def standardised(dataset: Dataset, model: Layered) -> Dataset:
    """Numbers as the network says them; classes and labels as they are.

    Raises:
        ValueError: if the network has never learned numbers.
    """
    if dataset.kind != "number":
        return dataset
    scale = scale_in(model)
    return replace(dataset, targets=(dataset.targets - scale.mean) / scale.spread)


def scale_in(model: Layered) -> Scale:
    if model.scale is None:
        raise ValueError("the network has not learned numbers, so nobody knows what its output means. Train it: fit.")
    return model.scale


@torch.inference_mode()
def outputs(model: Layered, dataset: Dataset, device: torch.device, batch_size: int = 512) -> Float[Tensor, "s k"]:
    """The last stage for every sample, in the order of the data set, before any softmax or sigmoid."""
    model.to(device).eval()
    found = [
        (batch.row, model(batch.inputs.to(device)).float().cpu())
        for batch in batches(dataset, batch_size, by_length=True)
    ]
    return in_order(found)


def as_numbers(values: Shaped[Tensor, " s"], dataset: Dataset) -> Numbers:
    """Numbers in the unit of the data beside what is true of the samples."""
    y = dataset.targets.double().cpu().numpy()
    said = values.double().cpu().numpy()
    return Numbers(said, y, dataset.groups, dataset.ids, dataset.classes[0], dataset.unit)


def choose_device() -> torch.device:
    """LAYERSCOPE_DEVICE if set, else a CUDA GPU, else Apple's GPU, else the CPU."""
    if wanted := os.environ.get("LAYERSCOPE_DEVICE"):
        return torch.device(wanted)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
