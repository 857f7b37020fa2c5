"""From lines of a file to a data set of texts, for the data sets that come as sentences with one label each."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np

from layerscope.card import Card
from layerscope.data.loaded import Loaded
from layerscope.data.textleaks import NEAR, joined, near_twins
from layerscope.dataset import Dataset
from layerscope.fetch import Found
from layerscope.inputs import Texts
from layerscope.progress import Progress


class Line(NamedTuple):
    id: str
    text: str
    label: int
    group: Any = None  # what it must not be parted from, such as its abstract; None: nothing is known
    stratum: str | None = None


def of_lines(
    lines: Sequence[Line],
    classes: tuple[str, ...],
    card: Card,
    found: Sequence[Found],
    progress: Progress,
    compared: Sequence[str] | None = None,
) -> Loaded:
    """Lines of one group, and identical and nearly identical texts, become one group.

    Args:
        compared: what of each text twins are found by, if not by all of it.
    """
    texts = [line.text for line in lines]
    known = [i if line.group is None else line.group for i, line in enumerate(lines)]
    groups = joined(np.unique(np.array(known), return_inverse=True)[1], near_twins(compared or texts, NEAR, progress))
    dataset = Dataset.of(
        Texts.of(texts), [line.label for line in lines], groups=groups, ids=[line.id for line in lines], classes=classes
    )
    strata = None if lines[0].stratum is None else np.array([line.stratum for line in lines])
    dataset = replace(dataset, name=card.title, source=card, strata=strata)
    digest = sha256()
    for line in lines:
        digest.update(repr((line.id, line.text, line.label, line.group)).encode())
    first = found[0]
    proof = first.digest or "not verified by a digest"
    return Loaded(dataset, f"{first.path.name} ({first.where}; {proof})", digest.hexdigest(), None)
