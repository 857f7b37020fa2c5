"""What must not stand on both sides of a split: identical images, near duplicates, slices of one series.

No patient numbers were published for MedNIST, so groups are found in the images themselves.
All similarities are Pearson correlations r between 32×32 thumbnails of images of one class.

Near duplicates   r >= 0.99, at any distance in the table.
Series            A scanner writes a series into consecutive files. Where that holds, a pair of images within 300
                  file numbers is far likelier to be alike than a pair further apart. For each class the
                  likelihood ratio R(t) = P(r > t | within 300) / P(r > t | further apart) is measured, and
                  the lowest t with R(t) >= min(1000, 3/4 max R) makes a *link*. Where max R < 5 the class has no
                  order (MedNIST's CXR and Hand: R = 1.0) and no series. A series ends where no link crosses;
                  pieces shorter than 30 images join the next.
Blank images      carry no likeness: those of a class are one group, and belong to no series.
Groups            connected components of all these.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from layerscope.progress import Progress, silent

NEAR_DUPLICATE = 0.99
WINDOW = 300  # file numbers
SHORTEST = 30  # images in a series
ORDERED = 5.0  # least likelihood ratio of a class whose files are in order
STRONG = 1000.0  # a likelihood ratio that needs not be surpassed
BINS = 400  # of r, from -1 to 1
_BLOCK = 1024  # rows compared at once


@dataclass(frozen=True)
class Grouping:
    """Which images belong together, and on what evidence."""

    groups: Int[np.ndarray, " s"]  # numbered in the order of the table
    duplicates: int  # pairs of near duplicates
    thresholds: dict[int, float]  # class -> r above which a pair within the window is a link; no series, no entry
    ratios: dict[int, float]  # class -> greatest likelihood ratio


def thumbnails(pixels: UInt8[Tensor, "s 1 h w"], size: int) -> Float[Tensor, "s d"]:
    """Images averaged down to size × size, each with zero mean and unit length; a blank image is all zeros."""
    rows = []
    for chunk in pixels.split(4096):
        small = torch.nn.functional.adaptive_avg_pool2d(chunk.float(), size).flatten(1)
        small -= small.mean(dim=1, keepdim=True)
        length = small.norm(dim=1, keepdim=True)
        rows.append(torch.where(length > size * 0.5, small / length.clamp(min=1e-6), 0.0))
    return torch.cat(rows)


def find_groups(
    pixels: UInt8[Tensor, "s 1 h w"], targets: Int[np.ndarray, " s"], progress: Progress = silent
) -> Grouping:
    """Near duplicates and series of each class; rows must stand in the order of their file numbers."""
    first = np.arange(len(targets))  # every image points to one that it belongs with
    pairs = [np.stack([first, _same_bytes(pixels)])]
    thresholds, ratios, done, duplicates = {}, {}, 0, 0
    for k in np.unique(targets):
        rows = np.flatnonzero(targets == k)
        z = thumbnails(pixels[torch.from_numpy(rows)], 32)
        done += len(rows)
        seen = z.any(dim=1)
        blank, rows, z = rows[~seen.numpy()], rows[seen.numpy()], z[seen]
        pairs.append(np.stack([blank, blank[np.zeros(len(blank), dtype=np.int64)]]))
        twins = _near_duplicates(z)
        duplicates += twins.shape[1]
        pairs.append(rows[twins])
        starts, ratios[int(k)], threshold = _series(z)
        if threshold is not None:
            thresholds[int(k)] = threshold
            pairs.append(np.stack([rows, rows[starts]]))
        progress("looking for duplicates and series", done, len(targets), "images")
    a, b = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(a), dtype=bool), (a, b)), shape=(len(first), len(first)))
    groups = connected_components(graph, directed=False)[1].astype(np.int64)
    return Grouping(groups, duplicates, thresholds, ratios)


def _same_bytes(pixels: UInt8[Tensor, "s 1 h w"]) -> Int[np.ndarray, " s"]:
    """For each image the first with the same pixels (blank ones have no correlation)."""
    table = pixels.numpy().reshape(len(pixels), -1)
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(row.tobytes(), i) for i, row in enumerate(table)])


def _near_duplicates(z: Float[Tensor, "n d"]) -> Int[np.ndarray, "2 p"]:
    found = []
    for start in range(0, len(z), _BLOCK):
        r = z[start : start + _BLOCK] @ z[start:].T
        a, b = torch.where(r >= NEAR_DUPLICATE)
        found.append(torch.stack([a, b])[:, b > a] + start)
    return torch.cat(found, dim=1).numpy()


def _series(z: Float[Tensor, "n d"]) -> tuple[Int[np.ndarray, " n"], float, float | None]:
    """First row of each row's series, the greatest likelihood ratio, and the threshold of a link."""
    n = len(z)
    near, pairs = torch.zeros(BINS), []
    for start in range(0, n, WINDOW):
        r = z[start : start + WINDOW] @ z[start : start + 2 * WINDOW].T
        distance = torch.arange(r.shape[1]) - torch.arange(len(r))[:, None]
        inside = (distance > 0) & (distance <= WINDOW)
        near += torch.histc(r[inside], BINS, -1, 1.0001)
        a, b = torch.where(inside & (r > 0.3))
        pairs.append((a + start, b + start, r[a, b]))
    far = _far(z)
    alike_near, alike_far = (count.flip(0).cumsum(0).flip(0) for count in (near, far))
    ratio = (alike_near / near.sum().clamp(min=1)) / ((alike_far + 1) / far.sum().clamp(min=1))
    ratio[alike_near < n / 100] = 0
    greatest = float(ratio.max())
    if greatest < ORDERED or n <= 2 * WINDOW:
        return np.arange(n), greatest, None
    lowest = int(torch.nonzero(ratio >= min(STRONG, greatest * 3 / 4))[0, 0])
    threshold = -1 + 2.0001 * lowest / BINS
    a, b, r = (torch.cat(column).numpy() for column in zip(*pairs, strict=True))
    link = r > threshold
    change = np.bincount(a[link] + 1, minlength=n + 1) - np.bincount(b[link] + 1, minlength=n + 1)
    crossing = np.cumsum(change)[:n]  # links that cross the gap before row i
    starts = [0]
    for i in np.flatnonzero(crossing == 0):
        if i - starts[-1] >= SHORTEST and n - i >= SHORTEST:
            starts.append(int(i))
    of_row = np.searchsorted(starts, np.arange(n), side="right") - 1
    return np.array(starts)[of_row], greatest, threshold


def _far(z: Float[Tensor, "n d"], sample: int = 1500) -> Float[Tensor, " bins"]:
    """Histogram of r over pairs further apart than the window: an evenly spaced sample against all."""
    rows = torch.arange(0, len(z), max(1, len(z) // sample))
    count = torch.zeros(BINS)
    for chunk in rows.split(256):
        r = z[chunk] @ z.T
        distance = (torch.arange(len(z)) - chunk[:, None]).abs()
        count += torch.histc(r[distance > WINDOW], BINS, -1, 1.0001)
    return count


def twins(
    test: UInt8[Tensor, "q 1 h w"], of: np.ndarray, train: UInt8[Tensor, "s 1 h w"], by: np.ndarray
) -> np.ndarray:
    """For each test image, whether its class has an image in training with r > 0.95: what a split put on both sides."""
    found = np.zeros(len(of), dtype=bool)
    for k in np.unique(of):
        rows = np.flatnonzero(of == k)
        q = thumbnails(test[torch.from_numpy(rows)], 32)
        z = thumbnails(train[torch.from_numpy(np.flatnonzero(by == k))], 32)
        if len(z):
            closest = torch.cat([(chunk @ z.T).amax(dim=1) for chunk in q.split(_BLOCK)])
            found[rows] = (closest > 0.95).numpy()
    return found
