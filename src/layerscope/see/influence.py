"""The interval of any smooth statistic of weighted samples, by the infinitesimal jackknife over groups.

The derivative of the statistic by a group's weight says how far the answer leans on that group; the spread of these
influences is the spread of the answer.

References: Jaeckel 1972, Bell Laboratories memorandum MM 72-1215-11; Efron 1982, doi:10.1137/1.9781611970319.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import stats
from torch import Tensor


class Estimate(NamedTuple):
    value: float
    low: float  # nan where there are too few groups
    high: float


def estimate(
    statistic: Callable[[Float[Tensor, " s"]], Tensor],
    groups: Int[np.ndarray, " s"],
    strata: Int[np.ndarray, " s"] | None = None,
    level: float = 0.95,
    low: float = -np.inf,
    high: float = np.inf,
) -> Estimate:
    """The statistic at equal weights, with Student's interval over groups, cut off at `low` and `high`.

    Args:
        statistic: of sample weights (all 1 for the value itself); differentiable there.
        strata: such as classes. Where each group lies in one stratum, the number of rows of each is taken as fixed.
    """
    owner = np.unique(groups, return_inverse=True)[1]
    layer = np.zeros(len(owner), dtype=np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    count = int(owner.max()) + 1
    if len(np.unique(np.stack([owner, layer]), axis=1).T) > count:  # a group in several strata
        layer = np.zeros_like(layer)
    spare = count - int(layer.max()) - 1
    index, rows = torch.from_numpy(layer), torch.from_numpy(np.bincount(layer)).double()
    ones = torch.ones(len(owner), dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        now = torch.zeros_like(rows).index_add(0, index, ones)
        result = statistic(ones * (rows / now)[index])
        value = float(result.detach())
        if spare < 1 or not result.requires_grad:
            return Estimate(value, np.nan, np.nan)
        (slope,) = torch.autograd.grad(result, ones)
    influence = np.bincount(owner, slope.numpy(), count)
    error = np.sqrt(count / spare * (influence**2).sum())
    reach = float(stats.t.ppf((1 + level) / 2, spare) * error)
    return Estimate(value, max(low, value - reach), min(high, value + reach))
