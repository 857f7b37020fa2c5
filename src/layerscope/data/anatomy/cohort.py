"""The patients that are drawn together: what is drawn by lot for a patient holds for all of the patient's slices."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from layerscope.data.anatomy.shapes import AXIS, SIZE, Each, Plane, ellipse, inside, rotate, swell


@dataclass(frozen=True)
class Cohort:
    """Slices of some patients, and the lots drawn for them."""

    rng: np.random.Generator
    owner: Int[np.ndarray, " s"]  # the patient of each slice, counted from 0
    height: Float[np.ndarray, " s"]  # position along the body, 0 to 1

    @property
    def z(self) -> Each:
        return self.height.astype(np.float32)[:, None, None]

    @property
    def patients(self) -> int:
        return int(self.owner.max()) + 1

    def uniform(self, low: float, high: float) -> Each:
        return self.rng.uniform(low, high, self.patients).astype(np.float32)[self.owner, None, None]

    def happens(self, probability: float) -> Each:
        """1 for some patients, 0 for the others."""
        return (self.rng.random(self.patients) < probability).astype(np.float32)[self.owner, None, None]

    def field(self, cells: int, layers: int = 1) -> Plane:
        """Smooth noise of mean 0 and variance 1: about `cells` bumps across and `layers` along z."""
        grid = self.rng.standard_normal((self.patients, layers, cells, cells), dtype=np.float32)
        along = _bumps(self.height, layers)
        across = _bumps((AXIS + 1) / 2, cells)
        return across @ np.einsum("sl,slij->sij", along, grid[self.owner]) @ across.T

    def grain(self) -> Plane:
        """White noise of variance 1, new in every slice."""
        return self.rng.standard_normal((len(self.owner), SIZE, SIZE), dtype=np.float32)

    def pose(self, shift: float, turn: float, zoom: tuple[float, float], bend: float) -> tuple[Plane, Plane]:
        """The patient's own coordinates x and y: moved, turned (radians), zoomed and a little bent."""
        x = AXIS[None, None, :] - self.uniform(-shift, shift) + bend * self.field(4)
        y = AXIS[None, :, None] - self.uniform(-shift, shift) + bend * self.field(4)
        x, y = rotate(x, y, self.uniform(-turn, turn))
        scale = self.uniform(*zoom)
        return x / scale, y / scale

    def organ(
        self,
        x: Plane,
        y: Plane,
        span: tuple[float, float],
        at: tuple[float, float],
        radii: tuple[float, float],
        turn: float = 0,
    ) -> Plane:
        """The mask of an ellipsoid, span = (height of its center, half its extent along z), no two patients' alike."""
        size = swell(self.z, span[0] + self.uniform(-0.02, 0.02), span[1]) * self.uniform(0.85, 1.15)
        center = (at[0] + self.uniform(-0.04, 0.04), at[1] + self.uniform(-0.04, 0.04))
        shown = np.clip(5 * size - 0.1, 0, 1)  # fades in: a slice that misses the organ shows none of it
        met, mask = shown[:, 0, 0] > 0, np.zeros_like(x)
        size, at_x, at_y = size[met], center[0][met], center[1][met]
        disc = ellipse(x[met], y[met], (at_x, at_y), (radii[0] * size, radii[1] * size), turn)
        mask[met] = inside(disc) * shown[met]
        return mask


def _bumps(at: Float[np.ndarray, " n"], count: int) -> Float[np.ndarray, "n k"]:
    """Weights of `count` Gaussian bumps over 0 to 1; the squares of a row sum to 1."""
    weights = np.exp(-0.5 * ((at[:, None] * count - np.arange(count) - 0.5) / 0.6) ** 2)
    weights[weights < 1e-6] = 0  # smaller ones become denormal numbers, ten times slower to multiply
    return (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)
