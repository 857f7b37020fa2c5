"""A fully connected network: every unit sees every pixel, and knows nothing of neighbourhoods."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from layerscope.inputs import Images
from layerscope.models.layered import Layered, Stage

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


@dataclass(frozen=True)
class MLPConfig:
    pixels: int  # channels × height × width of an image
    classes: int
    hidden: tuple[int, ...] = (128, 128, 128)
    activation: str = "relu"  # or "tanh"


COURSE_2021 = MLPConfig(pixels=64 * 64, classes=6, hidden=(8,), activation="tanh")


class MLP(Layered):
    """hidden=() is logistic regression."""

    def __init__(self, config: MLPConfig) -> None:
        super().__init__()
        if config.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}. Got {config.activation!r}.")
        self.config = config
        widths = (config.pixels, *config.hidden)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(d, width), ACTIVATIONS[config.activation]())
            for d, width in zip(widths, config.hidden, strict=False)
        )
        self.head = nn.Linear(widths[-1], config.classes)

    def stages(self, inputs: Images) -> Iterator[Stage]:
        h = inputs.pixels.flatten(1).float() / 127.5 - 1
        yield Stage("pixels", h, per_sample=True)
        for i, block in enumerate(self.blocks, start=1):
            h = block(h)
            yield Stage(f"block{i}", h, per_sample=True)
        yield Stage("logits", self.head(h), per_sample=True)
