"""What the page says and shows, from what was recorded: numbers, names and columns, no markup."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from layerscope.dataset import Dataset
from layerscope.inputs import Graphs, Images, Tokens
from layerscope.maps.record import Slice, Walked
from layerscope.see.faithful import Faithfulness, misleads

LEAD = "Deep learning is a search for representations that make a task easy. Walk through the layers, and watch."


class Measure(NamedTuple):
    key: str
    title: str
    kind: str  # "share", "bits" or "number": how it is written
    explain: str


MEASURES = (
    Measure("probe", "Linear probe", "share", "A straight line, fitted on other samples, tells so many of these right."),
    Measure("few", "Linear probe, ten labels per class", "share", "The same, when only ten samples of each class have labels."),
    Measure("neighbours", "Nearest neighbours", "share", "The ten nearest other samples, by vote, tell so many right."),
    Measure("equal", "Linear probe at equal width", "share", "Each layer projected at random to the width of the narrowest: a wide layer is easier to read."),
    Measure("shuffled", "Linear probe, shuffled labels", "share", "A control: a probe that learned shuffled labels. It must stay near the share of the most frequent class."),
    Measure("bits", "Bits per label", "bits", "How long the labels are when they are told one after another with the help of this layer; less is easier."),
    Measure("separation", "Variance between classes", "share", "The share of the variance that lies between classes."),
    Measure("collapse", "Spread within classes (NC1)", "number", "The spread within classes, in units of that between them; it falls to 0 as classes collapse to points."),
    Measure("dimension", "Intrinsic dimension (TwoNN)", "number", "An estimate, too low above about ten; for comparison only."),
    Measure("rank", "Effective rank", "number", "How many directions share the variance."),
)  # fmt: skip


def facts(
    title: str,
    walked: Sequence[Walked],
    slices: Sequence[Slice],
    faithful: Sequence[Faithfulness],
    moves: Sequence[tuple[int, int, float]],
    cka: Float[np.ndarray, "l l"],
    shown: Dataset,
    texts: Sequence[str] | None,
    notes: Sequence[str],
) -> dict[str, Any]:
    names = np.unique(shown.groups)
    said = iter(range(sum(len(network.said) for network in walked)))
    return {
        "title": title,
        "lead": LEAD,
        "notes": list(notes),
        "unit": _unit(shown),
        "classes": list(shown.classes),
        "samples": len(shown),
        "grouping": f"{len(names):,} groups ({_fewest(shown)}): {shown.source.group}",
        "ids": [str(i) for i in shown.ids],
        "texts": None if texts is None else list(texts),
        "group_names": [str(name) for name in names],
        "networks": [
            {
                "name": network.name,
                "control": network.control,
                "of": 0 if network.control else None,  # whose control it is
                "moments": list(network.moments),
                "stages": list(network.stages),
                "slices": network.slices.tolist(),
                "said": [None if p is None else next(said) for p in network.said],
            }
            for network in walked
        ],
        "start": {"network": 0, "moment": len(walked[0].moments) - 1, "stage": 0},
        "measures": [measure._asdict() for measure in MEASURES],
        "slices": [
            {
                "features": s.features,
                "readings": readings(s),
                "map": {key: _known(value) for key, value in f._asdict().items()},
                "warning": misleads(f),
            }
            for s, f in zip(slices, faithful, strict=True)
        ],
        "moves": [list(move) for move in moves],
        "alike": {"cka": [[_known(round(float(value), 3)) for value in row] for row in cka]},
    }


def readings(s: Slice) -> dict[str, tuple[float | None, ...]]:
    """Value and interval of each measure."""
    found = {key: getattr(s.reading, key) for key in ("probe", "few", "neighbours", "equal", "shuffled")}
    found |= {"bits": s.bits} | {
        key: getattr(s.geometry, key) for key in ("separation", "collapse", "dimension", "rank")
    }
    written = {key: (_known(e.value), _known(e.low), _known(e.high)) for key, e in found.items()}
    return written | {"shuffled": (written["shuffled"][0], None, None)}  # of one shuffle: no interval to be had


def columns(
    walked: Sequence[Walked], slices: Sequence[Slice], xy: Float[np.ndarray, "l s 2"], shown: Dataset
) -> dict[str, np.ndarray]:
    small = np.uint8 if len(shown.classes) <= 255 else np.uint16
    said = [p for network in walked for p in network.said if p is not None]
    rows = (len(said), len(shown))
    return {
        "xy": np.round(xy / np.abs(xy).max() * 32_000).astype(np.int16),
        "targets": shown.targets.numpy().astype(small),
        "group": np.unique(shown.groups, return_inverse=True)[1].astype(np.uint16),
        "guess": np.stack([s.reading.guess for s in slices]).astype(small),
        "said": np.array([p.guess for p in said]).reshape(rows).astype(small),
        "sure": np.array([np.round(p.probs.max(axis=1) * 255) for p in said]).reshape(rows).astype(np.uint8),
        "near": np.stack([s.near.numpy() for s in slices]).astype(np.uint16),
    }


def _fewest(shown: Dataset) -> str:
    """The class that rests on the fewest groups, which sets how sure one can be."""
    targets = shown.targets.numpy()
    counts = {
        name: len(np.unique(shown.groups[targets == k])) for k, name in enumerate(shown.classes) if (targets == k).any()
    }
    least = min(counts, key=counts.__getitem__)
    return f"{counts[least]} of them in {least}, the fewest of any class"


def _known(value: float) -> float | None:
    """JSON has no word for nan."""
    return value if np.isfinite(value) else None


def _unit(dataset: Dataset) -> str:
    return {Images: "image", Tokens: "text", Graphs: "molecule"}.get(type(dataset.inputs), "sample")
