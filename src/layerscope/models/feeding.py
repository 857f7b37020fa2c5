"""How a network that was written elsewhere is called, and how it is looked at without leaving a trace."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from layerscope.inputs import Images, Inputs, Tokens

Feed = Callable[[Any, Any], Any]  # (model, inputs) -> its output


def unwrap(model: Any) -> tuple[nn.Module, Any]:
    """The module itself, out of DataParallel, torch.compile or a fastai Learner; and a Learner's Normalize or None."""
    normalize = None
    while True:
        if not isinstance(model, nn.Module) and isinstance(getattr(model, "model", None), nn.Module):
            normalize, model = _normalize_of(model), model.model
        elif isinstance(model, (nn.DataParallel, DistributedDataParallel)):
            model = model.module
        elif isinstance(getattr(model, "_orig_mod", None), nn.Module):
            model = model._orig_mod
        else:
            break
    if not isinstance(model, nn.Module):
        raise ValueError(f"needed a torch module, or a Learner that has one as .model. Got {type(model).__name__}.")
    for path, part in model.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            raise ValueError(
                f"{path or 'the model'} is TorchScript, which runs no hooks. Borrow the Python model it was made from."
            )
    return model, normalize


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every training flag and the random state are as before."""
    flags = [(part, part.training) for part in model.modules()]
    device = device_of(model)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            model.eval()
            yield
        finally:
            for part, training in flags:
                part.training = training


def device_of(model: nn.Module) -> torch.device:
    """Where its first weight is; the CPU if it has none."""
    weight = next(model.parameters(), None)
    weight = next(model.buffers(), None) if weight is None else weight
    return torch.device("cpu") if weight is None else weight.device


def feed_for(model: nn.Module, inputs: Inputs, normalize: Any = None) -> Feed:
    """The usual way to call such a model with such inputs, judged by the names its `forward` has."""
    names = inspect.signature(model.forward).parameters
    if isinstance(inputs, Images):
        spread = _spread(model, normalize)
        keyword = "pixel_values" in names
        return lambda m, x: m(pixel_values=_ready(m, x, spread)) if keyword else m(_ready(m, x, spread))
    if isinstance(inputs, Tokens):
        masked = "attention_mask" in names
        if "input_ids" not in names:
            return lambda m, x: m(x.ids)
        return lambda m, x: m(input_ids=x.ids, attention_mask=x.mask.long()) if masked else m(input_ids=x.ids)
    needed = [p for p in names.values() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    if "batch" in names:
        return lambda m, x: m(x.nodes, x.edges, batch=x.owner)
    if len(needed) == 1:  # forward(data)
        return lambda m, x: m(SimpleNamespace(x=x.nodes, edge_index=x.edges, batch=x.owner, num_graphs=len(x)))
    if len(needed) >= 3:
        return lambda m, x: m(x.nodes, x.edges, x.owner)
    return lambda m, x: m(x.nodes, x.edges)


def _ready(model: nn.Module, inputs: Images, spread: tuple[Tensor, Tensor] | None) -> Tensor:
    """Pixels from 0 to 1, in the channels and the precision of the network, normalised as it was trained."""
    weight = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    x = inputs.pixels.float() / 255
    first = next((m for m in model.modules() if isinstance(m, (nn.Conv1d, nn.Conv2d, nn.Conv3d))), None)
    wanted = first.in_channels if first is not None else x.shape[1]
    if x.shape[1] == 1:
        x = x.expand(-1, wanted, -1, -1)
    if x.shape[1] != wanted:
        raise ValueError(
            f"the network's first convolution takes {wanted} channels and the images have {x.shape[1]}. Change the "
            "images, or pass feed=lambda model, inputs: model(...) to say how they become what the network takes."
        )
    if spread:
        mean, std = (t.to(x.device) for t in spread)
        mean, std = (t if t.shape[1] == wanted else t.mean(dim=1, keepdim=True) for t in (mean, std))
        x = (x - mean) / std
    return x.to(weight.dtype)


def _spread(model: nn.Module, normalize: Any) -> tuple[Tensor, Tensor] | None:
    """Mean and standard deviation of the channels, from a Normalize transform or from timm's configuration."""
    if normalize is not None:
        return _column(normalize.mean), _column(normalize.std)
    for name in ("pretrained_cfg", "default_cfg"):
        config = getattr(model, name, None)
        get = config.get if isinstance(config, Mapping) else lambda key, c=config: getattr(c, key, None)
        mean, std = get("mean"), get("std")
        if mean is not None and std is not None:
            return _column(mean), _column(std)
    return None


def _column(values: Tensor | Sequence[float]) -> Tensor:
    return torch.as_tensor(values).detach().float().cpu().reshape(1, -1, 1, 1)


def _normalize_of(learner: Any) -> Any:
    transforms = getattr(getattr(learner, "dls", None), "after_batch", None)
    found = getattr(transforms, "fs", transforms)  # fastai's Pipeline keeps its transforms in .fs
    for transform in found if found is not None else ():
        if type(transform).__name__ == "Normalize":
            return transform
    return None
