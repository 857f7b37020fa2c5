"""The atlas: one page in which one walks through the layers of a network, and through its training."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jaxtyping import UInt8
from torch import nn

from layerscope.checkpoint import write_text
from layerscope.dataset import Dataset, at_most, split
from layerscope.inputs import Images
from layerscope.maps.alike import MOST, alike
from layerscope.maps.facts import columns, facts
from layerscope.maps.page import page
from layerscope.maps.record import Network, links, record
from layerscope.maps.sprite import sprite
from layerscope.maps.tour import tour
from layerscope.models.borrowed import as_layered, borrow
from layerscope.models.layered import Layered
from layerscope.progress import Progress, silent
from layerscope.see.activations import untrained
from layerscope.see.faithful import faithfulness, movement
from layerscope.see.map2d import map2d

MOST_SAMPLES = 20_000  # neighbours are written as numbers of 16 bits
TILE = 48  # pixels, of a picture on the page
Moments = nn.Module | Mapping[str, nn.Module]  # one network, or what it was at several moments, by name


@dataclass(frozen=True)
class Atlas:
    """A page in one file. A notebook shows it in place."""

    title: str
    html: str = field(repr=False)
    facts: dict[str, Any] = field(repr=False)  # what the page says: readings, tour, names

    def write(self, path: Path | str) -> Path:
        write_text(Path(path), self.html)
        return Path(path)

    def frame(self, height: int = 700) -> str:
        """The page as an element of another one, from which it is shut off."""
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" title="{html.escape(self.title)}" loading="lazy" '
            f'style="width:100%;height:{height}px;border:0" sandbox="allow-scripts"></iframe>'
        )

    def _repr_html_(self) -> str:
        return self.frame()


def atlas(
    network: Moments,
    dataset: Dataset,
    *,
    against: Moments | None = None,
    fit_on: Dataset | None = None,
    stages: str | Sequence[str] = "auto",
    twin: bool = True,
    samples: int = 2000,
    pictures: bool | UInt8[np.ndarray, "s h w c"] = True,
    texts: Sequence[str] | None = None,
    title: str | None = None,
    names: tuple[str, str] = ("network", "the other network"),
    notes: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = silent,
) -> Atlas:
    """Walk through the layers of any PyTorch network, and through its training.

    Args:
        network: a network; or what it was at several moments, in order, such as {"pretrained": a, "fine-tuned": b}.
        dataset: samples that the network was not trained on; they are shown, and probes are scored on them.
        against: another network, whose maps stand beside and are drawn alike.
        fit_on: samples that probes learn from, of other groups. Without, half of the groups of `dataset`.
        stages: of networks that are not Layered: "auto", or globs of the names of modules.
        twin: show the untrained twin beside, the control of the curve.
        samples: shown at most; and at most twice as many, and 4,000 in any case, are learned from.
        pictures: show the images; False for none, since the page holds them (patients!); or other pictures of all
            samples of `dataset`, such as drawings of molecules.
        texts: of all samples of `dataset`, shown as they are.

    Raises:
        ValueError: if a group stands on both sides, or a class has too few groups.

    Example:
        layerscope.atlas(model, unseen, samples=600)                      # in a notebook
        layerscope.atlas(timm.create_model("resnet18"), unseen).write("atlas.html")
    """
    _check(dataset, fit_on, samples, texts, pictures)
    row = {str(name): i for i, name in enumerate(dataset.ids)}
    if fit_on is None:
        halves = split(dataset, {"fit": 0.5, "score": 0.5}, seed)
        fit_on, unseen = halves["fit"], halves["score"]
    else:
        unseen = dataset
    shown = at_most(unseen, samples, seed)
    fit_on = at_most(fit_on, max(4000, 2 * samples), seed)
    rows = [row[str(name)] for name in shown.ids]
    networks = [_network(names[0], network, shown, stages)]
    if twin:
        *_, last = networks[0].moments.values()
        networks.append(Network("untrained twin", {"untrained": untrained(last, fit_on, seed + 1000)}, control=True))
    if against is not None:
        networks.append(_network(names[1], against, shown, stages))
    with TemporaryDirectory() as scratch:
        walked, slices = record(networks, fit_on, shown, Path(scratch), seed, progress)
        pairs = links(walked)
        xy = map2d([s.neighbourhood for s in slices], pairs, seed, progress)
        faithful = []
        for s, at in zip(slices, xy, strict=True):
            progress("how far the maps can be trusted", len(faithful), len(slices), "maps")
            faithful.append(faithfulness(s.z, at, shown.targets, shown.groups))
        some = np.linspace(0, len(shown) - 1, min(MOST, len(shown))).astype(np.int64)
        cka = alike([s.rows(some) for s in slices]).numpy()
    moves = [(a, b, move) for (a, b), move in zip(pairs, movement(xy, pairs), strict=True)]
    said = [texts[i] for i in rows] if texts is not None else None
    called = title or f"{names[0]} on {shown.source.title}"
    told = facts(called, walked, slices, faithful, moves, cka, shown, said, notes)
    told["tour"] = tour(walked, slices, faithful, shown)
    image, told["sprite"] = _sprite(pictures, rows, shown)
    progress("writing the page", 0, None, "")
    return Atlas(called, page(told, columns(walked, slices, xy, shown), image), told)


def _check(
    dataset: Dataset,
    fit_on: Dataset | None,
    samples: int,
    texts: Sequence[str] | None,
    pictures: bool | np.ndarray,
) -> None:
    """What would go wrong late, or silently."""
    if not 10 <= samples <= MOST_SAMPLES:
        raise ValueError(f"samples must be 10 to {MOST_SAMPLES:,}. Got {samples}.")
    if len(dataset.classes) < 2:
        raise ValueError(f"an atlas needs two classes or more. Got {dataset.classes}.")
    if len(set(map(str, dataset.ids))) < len(dataset):
        raise ValueError(f"every sample needs an id of its own. Got {len(dataset):,} samples with repeated ids.")
    if fit_on is not None and fit_on.classes != dataset.classes:
        raise ValueError(
            f"fit_on must have the same classes in the same order. Got {fit_on.classes}, {dataset.classes}."
        )
    for what, given in (("texts", texts), ("pictures", pictures)):
        if given is not None and not isinstance(given, bool) and len(given) != len(dataset):
            raise ValueError(f"{what}: one for each of the {len(dataset):,} samples is needed. Got {len(given):,}.")


def _network(name: str, given: Moments, shown: Dataset, stages: str | Sequence[str]) -> Network:
    moments = given if isinstance(given, Mapping) else {"trained": given}
    return Network(name, {moment: _layered(model, shown, stages) for moment, model in moments.items()})


def _layered(model: nn.Module, shown: Dataset, stages: str | Sequence[str]) -> Layered:
    return as_layered(model, shown.inputs) if stages == "auto" else borrow(model, shown.inputs, stages)


def _sprite(
    pictures: bool | UInt8[np.ndarray, "s h w c"], rows: list[int], shown: Dataset
) -> tuple[bytes | None, dict[str, int] | None]:
    if isinstance(pictures, np.ndarray):
        pixels = np.moveaxis(pictures[rows], -1, 1)
    elif pictures and isinstance(shown.inputs, Images):
        pixels = shown.inputs.pixels.numpy()
    else:
        return None, None
    image, across = sprite(pixels, TILE)
    return image, {"tile": TILE, "columns": across}
