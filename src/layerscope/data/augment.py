"""Images in the wild: the same anatomy, no longer centred, upright and clean.

On clean MedNIST a straight line on raw pixels already finds 99 % and an untrained network reads as well as a
trained one: nothing there shows what a layer learns. These dials make the task hard in ways that do not
change the answer. Inversion defeats a straight line on pixels *by construction* (each class becomes symmetric
about grey), so a nearest neighbour must stand beside it.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from layerscope.dataset import Dataset
from layerscope.inputs import Images
from layerscope.progress import Progress, silent

_CHUNK = 512  # rows drawn from one seed


@dataclass(frozen=True)
class Wild:
    """Dials; 0 or False switches one off. The defaults are the rung where depth shows."""

    rotation: float = 180.0  # degrees to either side
    shrink: tuple[float, float] = (0.5, 0.9)  # least and greatest scale; (1, 1) is off
    shift: float = 0.12  # share of the image to either side
    contrast: float = 0.0  # contrast is multiplied by 1 ± this
    noise: float = 0.1  # standard deviation, white = 1
    inversion: bool = False  # half of the images become negatives

    def __post_init__(self) -> None:
        low, high = self.shrink
        if not (0 < low <= high <= 1 and min(self.rotation, self.shift, self.contrast, self.noise) >= 0):
            raise ValueError(f"needed 0 < least scale <= greatest scale <= 1 and no negative dial. Got {self}.")


def wild(dataset: Dataset, dials: Wild = Wild(), seed: int = 0, progress: Progress = silent) -> Dataset:
    """Every image drawn once in the wild: a harder data set of the same samples, the same for the same seed."""
    pixels = dataset.inputs.pixels
    out = torch.empty(pixels.shape, dtype=torch.uint8)
    for start in range(0, len(pixels), _CHUNK):
        rows = slice(start, start + _CHUNK)
        out[rows] = _draw(pixels[rows], dials, np.random.default_rng([seed, start]))
        progress("drawing images in the wild", min(start + _CHUNK, len(pixels)), len(pixels), "images")
    return replace(dataset, name=f"{dataset.name} in the wild", inputs=Images(out))


def _draw(pixels: UInt8[Tensor, "b c h w"], dials: Wild, rng: np.random.Generator) -> UInt8[Tensor, "b c h w"]:
    def uniform(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, b).astype(np.float32))

    b = len(pixels)
    angle = uniform(-dials.rotation, dials.rotation).deg2rad()
    scale, dx, dy = uniform(*dials.shrink), uniform(-dials.shift, dials.shift), uniform(-dials.shift, dials.shift)
    cos, sin = angle.cos() / scale, angle.sin() / scale
    inverse = torch.stack([cos, -sin, 2 * dx / scale, sin, cos, 2 * dy / scale], dim=1).view(b, 2, 3)
    x = pixels.float() / 255
    x = grid_sample(x, affine_grid(inverse, list(x.shape), align_corners=False), align_corners=False)  # black outside
    if dials.contrast:
        gain = uniform(1 - dials.contrast, 1 + dials.contrast).view(b, 1, 1, 1)
        x = (x - 0.5) * gain + 0.5
    if dials.inversion:
        x = torch.where(torch.from_numpy(rng.random(b) < 0.5).view(b, 1, 1, 1), 1 - x, x)
    if dials.noise:
        x = x + dials.noise * torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32))
    return (x.clamp(0, 1) * 255).round().to(torch.uint8)
