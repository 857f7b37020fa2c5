"""What the last stage of a network says, where a sample has one class and where it may have several labels or none."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from layerscope.dataset import Dataset, batches, in_order
from layerscope.models.layered import Layered

Targets = Int[Tensor, " b"] | Bool[Tensor, "b k"]


def loss(logits: Float[Tensor, "b k"], targets: Targets, label_smoothing: float = 0.0) -> Float[Tensor, ""]:
    """Mean cross-entropy over samples; of several labels the binary one, mean over samples and labels.

    Args:
        label_smoothing: this part of each target is taken, and spread evenly over what else it could have been.
    """
    if targets.ndim == 1:
        return cross_entropy(logits, targets, label_smoothing=label_smoothing)
    return binary_cross_entropy_with_logits(logits, targets.float() * (1 - label_smoothing) + label_smoothing / 2)


def decided_right(logits: Float[Tensor, "b k"], targets: Targets) -> Bool[Tensor, " b"] | Bool[Tensor, "b k"]:
    """Of each sample, whether its class is the most probable; of several labels, of each decision at one half.

    Where labels are rare most of those decisions are right whatever is said: they tell epochs apart, not networks.
    """
    return logits.argmax(dim=1) == targets if targets.ndim == 1 else (logits > 0) == targets


@torch.inference_mode()
def outputs(model: Layered, dataset: Dataset, device: torch.device, batch_size: int = 512) -> Float[Tensor, "s k"]:
    """The last stage for every sample, in the order of the data set, before any softmax or sigmoid."""
    model.to(device).eval()
    found = [
        (batch.row, model(batch.inputs.to(device)).float().cpu())
        for batch in batches(dataset, batch_size, by_length=True)
    ]
    return in_order(found)
