"""The interval of any smooth statistic of weighted samples, by the infinitesimal jackknife over groups.

The derivative of the statistic by a group's weight says how far the answer leans on that group; the spread of these
influences is the spread of the answer.

References: Jaeckel 1972, Bell Laboratories memorandum MM 72-1215-11; Efron 1982, doi:10.1137/1.9781611970319.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import special, stats
from torch import Tensor


class Estimate(NamedTuple):
    value: float
    low: float  # nan where there are too few groups
    high: float


Scale = Literal["plain", "log", "logit"]


def estimate(
    statistic: Callable[[Float[Tensor, " s"]], Tensor],
    groups: Int[np.ndarray, " s"],
    strata: Int[np.ndarray, " s"] | None = None,
    level: float = 0.95,
    low: float = -np.inf,
    high: float = np.inf,
    scale: Scale = "plain",
) -> Estimate:
    """The statistic at equal weights, with Student's interval over groups, cut off at `low` and `high`.

    Args:
        statistic: of sample weights (all 1 for the value itself); differentiable there.
        strata: such as classes. Where each group lies in one stratum, the number of rows of each is taken as fixed. A
            stratum of a single group adds no spread, since none is known of it; if all are such, there is no interval.
        scale: on which the interval is symmetric: "log" for what is above 0, such as a variance, "logit" for a share. A
            value at the end of its scale has a plain interval.

    Measured: how often intervals of 95 % hold the truth, with 4 samples to a group and half of the variance between
    groups (1,500 draws, standard error .006):

        groups                          5    10    30   100
        a variance, plain             .79   .84   .91   .94
        a variance, log               .88   .89   .93   .94
        a share of .9, plain          .78   .82   .92   .94
        a share of .9, logit          .77   .94   .95   .96
        variance between classes, of
        the whole (1/3), plain         –    .88   .93   .94
        the same, logit                –    .91   .94   .94
    """
    owner = np.unique(groups, return_inverse=True)[1]
    layer = np.zeros(len(owner), dtype=np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    count = int(owner.max()) + 1
    pairs = np.unique(np.stack([owner, layer]), axis=1)
    if pairs.shape[1] > count:  # a group in several strata
        layer = np.zeros_like(layer)
        pairs = np.stack([np.arange(count), np.zeros(count, dtype=np.int64)])
    index, rows = torch.from_numpy(layer), torch.from_numpy(np.bincount(layer)).double()
    ones = torch.ones(len(owner), dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        now = torch.zeros_like(rows).index_add(0, index, ones)
        result = statistic(ones * (rows / now)[index])
        value = float(result.detach())
        if count == len(rows) or not result.requires_grad:
            return Estimate(value, np.nan, np.nan)
        (slope,) = torch.autograd.grad(result, ones)
    influence = np.bincount(owner, slope.numpy(), count)
    peers = np.bincount(pairs[1])[pairs[1]]  # of each group, in its stratum
    variance = np.bincount(pairs[1], influence**2 * peers / np.maximum(peers - 1, 1))  # of each stratum
    freedom = np.maximum(np.bincount(pairs[1]) - 1, 1)
    total = variance.sum()
    spare = total**2 / (variance**2 / freedom).sum() if total > 0 else count - len(rows)  # Satterthwaite 1946
    reach = float(stats.t.ppf((1 + level) / 2, spare) * np.sqrt(total))
    least, most = _ends(value, reach, scale)
    return Estimate(value, min(value, max(low, least)), max(value, min(high, most)))


def _ends(value: float, reach: float, scale: Scale) -> tuple[float, float]:
    """By the delta method: the reach on another scale is the plain one times the slope of the scale."""
    if scale == "log" and value > 0:
        factor = math.exp(min(reach / value, 700))
        return value / factor, value * factor
    if scale == "logit" and 0 < value < 1:
        middle, wide = special.logit(value), reach / (value * (1 - value))
        return float(special.expit(middle - wide)), float(special.expit(middle + wide))
    return value - reach, value + reach
