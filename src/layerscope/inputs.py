"""What a network sees: a column of samples.

A column knows how many samples it holds, how to select rows, and how to pool unit
features (one vector per pixel position) into one vector per sample. All else is shared code.

Axes: s samples, c channels, h height, w width, d features.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Grey or colour images of one size, 0 black to 255 white; may be memory-mapped from a file."""

    pixels: UInt8[Tensor, "s c h w"]

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, rows: Int[Tensor, " r"]) -> "Images":
        return replace(self, pixels=self.pixels[rows])

    def to(self, device: torch.device) -> "Images":
        return replace(self, pixels=self.pixels.to(device))

    def pool(self, h: Float[Tensor, "s d y x"]) -> Float[Tensor, "s d"]:
        """The mean over pixel positions."""
        return h.mean(dim=(-2, -1))

    def peak(self, h: Float[Tensor, "s d y x"]) -> Float[Tensor, "s d"]:
        """The maximum over pixel positions."""
        return h.amax(dim=(-2, -1))
