"""Five captions that lead a newcomer through an atlas. What they say is computed from what was measured."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from layerscope.dataset import Dataset
from layerscope.maps.record import Slice, Walked
from layerscope.numbers import interval
from layerscope.see.curve import Reading, ahead
from layerscope.see.faithful import Faithfulness, misleads


def tour(
    walked: Sequence[Walked], slices: Sequence[Slice], faithful: Sequence[Faithfulness], shown: Dataset
) -> list[dict[str, Any]]:
    """The raw input; the layer that reads best; what needs no learning; training; the most confident mistake."""
    network, last = walked[0], len(walked[0].moments) - 1
    curve = [slices[i].reading for i in network.slices[last]]
    best = best_stage(curve)
    stops = [
        _stop("Before any layer", _raw(curve[0], shown), moment=last),
        _stop(f"After {network.stages[best]}", _depth(curve, best, shown), moment=last, stage=best),
        _learned(walked, slices, curve, best, last, shown) or _labels(network, slices, best, last),
        _training(network, slices, best, last) or _shadow(network, faithful, last),
        _mistake(network, best, last, shown) or _end(network, last),
    ]
    return [stop for stop in stops if stop is not None]


def best_stage(curve: Sequence[Reading]) -> int:
    """The stage from which a straight line reads most; of equals, the first. The raw input and the output are none."""
    inner = range(1, max(2, len(curve) - 1))
    return max((i for i in inner if i < len(curve)), key=lambda i: curve[i].probe.value, default=0)


def _stop(title: str, text: str, **where: Any) -> dict[str, Any]:
    return {
        "title": title,
        "text": text,
        "network": 0,
        "stage": 0,
        "colour": "class",
        "pin": None,
        "beside": None,
    } | where


def _raw(raw: Reading, shown: Dataset) -> str:
    k, common = len(shown.classes), int(shown.targets.bincount().max()) / len(shown)
    return (
        f"Each mark is one of {len(shown):,} samples that the network has not learned from, placed near those that are "
        f"like it {'by its embeddings' if raw.stage == 'embedding' else 'as raw input'}. A straight line tells {_with(raw.probe)} of their {k} classes right here, the nearest "
        f"neighbours {_with(raw.neighbours)}; who always names the commonest class has {_percent(common)}. Move the slider of depth."
    )


def _input(curve: Sequence[Reading]) -> str:
    return "the embeddings" if curve[0].stage == "embedding" else "the raw input"


def _depth(curve: Sequence[Reading], best: int, shown: Dataset) -> str:
    now, few, few_raw = curve[best].probe, curve[best].few, curve[0].few
    lead, raw = ahead(curve[best].guess, curve[0].guess, shown), _input(curve)
    if lead.value > 0.0005:
        line = f"Now a straight line tells {_with(now)} right: {_points(lead)} beside {raw}."
    else:
        line = f"A straight line tells {_with(now)} right here, and no fewer on {raw}."
    more = f"With ten labels per class it is {_with(few)}, on {raw} {_percent(few_raw.value)}."
    if few.value <= few_raw.value and lead.value <= 0:
        return f"{line} {more} Depth has bought nothing."
    return f"{line} {more} The task is the same; only the representation has changed."


def _learned(
    walked: Sequence[Walked],
    slices: Sequence[Slice],
    curve: Sequence[Reading],
    best: int,
    last: int,
    shown: Dataset,
) -> dict[str, Any] | None:
    """Beside the untrained twin's best layer."""
    at = next((i for i, network in enumerate(walked) if network.control), None)
    if at is None:
        return None
    twin, trained, raw = walked[at], curve[best], _input(curve)
    theirs = [slices[i].reading for i in twin.slices[-1]]
    rival = best_stage(theirs)
    rivals = {
        f"its best layer, {twin.stages[rival]},": (theirs[rival].probe, theirs[rival].guess),
        f"a straight line on {raw}": (curve[0].probe, curve[0].guess),
        f"the nearest neighbours on {raw}": (curve[0].neighbours, curve[0].nearest),
    }
    name = max(rivals, key=lambda rival: rivals[rival][0].value)
    reading, guess = rivals[name]
    lead = ahead(trained.guess, guess, shown)
    if lead.low > 0:
        end = "That much was learned."
    elif lead.value > 0:
        end = "It is ahead here, but the groups are too few to say that it would be on others."
    else:
        end = "So this curve is no evidence that the layers have learned anything."
    text = (
        f"On the right stands the same network, untrained. Of it and of {raw}, {name} reads most: {_with(reading)}. "
        f"{walked[0].stages[best]} of the network is {'ahead of that by' if lead.value > 0 else 'not ahead of that:'} "
        f"{_points(lead)}. {end} (Both were chosen as the best on these samples.)"
    )
    beside = {"network": at, "moment": len(twin.moments) - 1, "stage": rival}
    return _stop("Was it learned?", text, moment=last, stage=best, beside=beside)


def _training(network: Walked, slices: Sequence[Slice], best: int, last: int) -> dict[str, Any] | None:
    """The moment at which the best layer has made half of its way."""
    if last == 0:
        return None
    way = [slices[i].reading.probe.value for i in network.slices[:, best]]
    stage, first = network.stages[best], network.moments[0]
    if way[-1] <= way[0]:
        text = f"At {first} {stage} read {_percent(way[0])}, at the end {_percent(way[-1])}: training has not helped this layer."
        return _stop("How it came about", text, moment=0, stage=best)
    when = next(m for m, value in enumerate(way) if value >= (way[0] + way[-1]) / 2)
    now = slices[network.slices[when, best]].reading.probe
    text = (
        f"Back in time: at {first} {stage} reads {_percent(way[0])}, at {network.moments[when]} {_with(now)}, at the end "
        f"{_percent(way[-1])}: half of the way is made here. Move the slider of training to see when the islands part."
    )
    return _stop("How it came about", text, moment=when, stage=best)


def _mistake(network: Walked, best: int, last: int, shown: Dataset) -> dict[str, Any] | None:
    said = network.said[last]
    if said is None or not (said.guess != said.targets).any():
        return None
    wrong = np.flatnonzero(said.guess != said.targets)
    pin = int(wrong[said.probs[wrong].max(axis=1).argmax()])
    truth, guess = shown.classes[said.targets[pin]], shown.classes[said.guess[pin]]
    text = (
        f"{len(wrong):,} of {len(shown):,} samples are told wrong. The most confident of them is followed here: {truth}, "
        f"taken for {guess} with {_percent(said.probs[pin].max())}. Its path leads through the layers; its neighbours in each are listed."
    )
    return _stop("Where it goes wrong", text, moment=last, stage=best, colour="error", pin=pin)


def _labels(network: Walked, slices: Sequence[Slice], best: int, last: int) -> dict[str, Any]:
    raw, now = (slices[network.slices[last, stage]].bits.value for stage in (0, best))
    text = (
        f"Told one after another with the help of the raw input, a label costs {raw:.2f} bits; with that of "
        f"{network.stages[best]}, {now:.2f}. Fewer bits mean that fewer labels are needed to learn the task."
    )
    return _stop("What is a layer worth?", text, moment=last, stage=best)


def _end(network: Walked, last: int) -> dict[str, Any]:
    stage = len(network.stages) - 1
    known = (
        "not one of these samples is told wrong" if network.said[last] is not None else "it was not taught this task"
    )
    text = (
        f"The end of the network, {network.stages[stage]}: {known}. Press a mark to follow it back through the layers."
    )
    return _stop("The output", text, moment=last, stage=stage)


def _shadow(network: Walked, faithful: Sequence[Faithfulness], last: int) -> dict[str, Any]:
    """The map that is least to be trusted."""
    row = network.slices[last]
    worst = min(range(len(row)), key=lambda i: faithful[row[i]].trust)
    found = faithful[row[worst]]
    text = misleads(found) or (
        f"The least faithful map of this walk: {_percent(found.trust)} trustworthy, {_percent(found.continuity)} continuous."
    )
    return _stop("A map is a shadow", f"{text} Trust the probe, not the islands.", moment=last, stage=worst)


def _ends(score: Any) -> dict[str, float | None]:
    """As `interval` wants them, with None where there is none."""
    return {"low": None if np.isnan(score.low) else score.low, "high": None if np.isnan(score.high) else score.high}


def _points(lead: Any) -> str:
    return f"{100 * lead.value:+.1f} points ({interval(_ends(lead), lambda end: f'{100 * end:+.1f}')}, over groups)"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %".replace("100.0 %", "100 %")


def _with(score: Any) -> str:
    return f"{_percent(score.value)} ({interval(_ends(score), _percent)})"
