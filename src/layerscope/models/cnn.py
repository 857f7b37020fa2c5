"""A small convolutional network: look at neighbourhoods, halve the picture, repeat."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from layerscope.inputs import Images
from layerscope.models.layered import Layered, Stage


@dataclass(frozen=True)
class CNNConfig:
    channels: int  # 1 grey, 3 colour
    classes: int
    shrink: int = 2  # images are averaged down by this factor before the first block
    widths: tuple[int, ...] = (16, 32, 64, 128)  # features after each block
    kernel: int = 3
    norm: bool = True
    dense: tuple[int, ...] = ()  # fully connected layers on all positions; without any, positions are averaged
    size: int = 64  # height and width of an image; only asked for by `dense`


FAST = CNNConfig(channels=1, classes=6, shrink=4, widths=(16, 32, 64))
COURSE_2021 = CNNConfig(
    channels=1, classes=6, shrink=1, widths=(6, 16), kernel=5, norm=False, dense=(120, 84)
)  # two convolutions and three matrices, as in PyTorch's first tutorial


class ConvBlock(nn.Module):
    """Gather from the neighbours, keep the strongest of each 2×2, standardise, think.

    Pooling before the batch norm gives what pooling last gives (both keep order, up to the sign
    of the scale) with a quarter of the work.
    """

    def __init__(self, d: int, width: int, kernel: int, norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(d, width, kernel, padding=kernel // 2, bias=not norm)
        self.norm = nn.BatchNorm2d(width) if norm else nn.Identity()

    def forward(self, h: Float[Tensor, "b d y x"]) -> Float[Tensor, "b d2 y2 x2"]:
        return self.norm(nn.functional.max_pool2d(self.conv(h), 2)).relu()


class CNN(Layered):
    def __init__(self, config: CNNConfig) -> None:
        super().__init__()
        self.config = config
        widths = (config.channels, *config.widths)
        self.blocks = nn.ModuleList(
            ConvBlock(d, width, config.kernel, config.norm) for d, width in zip(widths, config.widths, strict=False)
        )
        positions = (config.size // config.shrink // 2 ** len(config.widths)) ** 2 if config.dense else 1
        dense = (widths[-1] * positions, *config.dense)
        self.dense = nn.ModuleList(nn.Linear(d, width) for d, width in zip(dense, config.dense, strict=False))
        self.head = nn.Linear(dense[-1], config.classes)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def stages(self, inputs: Images) -> Iterator[Stage]:
        h = inputs.pixels.to(memory_format=torch.channels_last).float()
        h = (nn.functional.avg_pool2d(h, self.config.shrink) / 255 - 0.25) * 3  # about zero mean, unit spread
        yield Stage("pixels", h.flatten(1), per_sample=True)
        for i, block in enumerate(self.blocks, start=1):
            h = block(h)
            yield Stage(f"block{i}", h)
        h = h.flatten(1) if self.dense else inputs.pool(h)
        yield Stage("pool", h, per_sample=True)
        for i, layer in enumerate(self.dense, start=1):
            h = layer(h).relu()
            yield Stage(f"dense{i}", h, per_sample=True)
        yield Stage("logits", self.head(h), per_sample=True)
