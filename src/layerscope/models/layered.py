"""The one idea every network here shares: a network is a walk through named stages."""

import re
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn


class Stage(NamedTuple):
    name: str
    h: Tensor
    per_sample: bool = False  # True once units (pixel positions) are pooled away


class Scale(NamedTuple):
    """Of numbers that a network has learned, as they were in training: what 0 and 1 of its output mean."""

    mean: float
    spread: float  # standard deviation


class Layered(nn.Module):
    """Abstract. Subclasses write `stages`; the prediction is the last stage.

    Training and looking therefore run the same lines of code, so the picture of a
    layer can never drift from the layer that was trained. `inputs` is a column of samples
    (layerscope.inputs); which kind, each network says.
    """

    config: Any  # a frozen dataclass that builds the network again
    scale: Scale | None = None  # where it has learned numbers; its output is in these standard deviations

    def stages(self, inputs: Any) -> Iterator[Stage]:
        raise NotImplementedError

    def depth(self, parameter: str) -> int | None:
        """The number of the block that a parameter belongs to, from 1; 0 if it comes before, None if after them."""
        if block := re.search(r"(?:blocks|layers?|h)\.(\d+)\.", parameter):
            return int(block[1]) + 1
        return 0 if re.search(r"embed|words|places", parameter) else None

    def forward(self, inputs: Any) -> Float[Tensor, "b k"]:
        return deque(self.stages(inputs), maxlen=1).pop().h
