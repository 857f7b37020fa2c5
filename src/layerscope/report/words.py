"""Sentences computed from the numbers: what the figures show, and where they show nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from layerscope.draw.style import percent
from layerscope.numbers import has_interval, interval, number

Seeds = Sequence[dict[str, Any]]


def short(value: float) -> str:
    """As few digits as tell it from 100 %."""
    for digits in (0, 1, 2):
        text = f"{100 * value:.{digits}f}"
        if value == 1 or float(text) < 100 - 10**-digits / 2:
            return f"{text} %"
    return percent(value)


def interpret(net: str, world: str, seeds: Seeds) -> tuple[str, str]:
    """Two sentences on a layer curve: what the layers do to the task, and how much of it was learned."""
    trained, twin = (_means(seeds, kind) for kind in ("trained", "untrained"))
    raw = seeds[0]["trained"][0]
    blocks = [name for name in trained if name.startswith("block")]
    climb = [trained["pixels"], *(trained[name] for name in blocks)]
    best = max(blocks, key=trained.__getitem__)
    where = "In the wild" if world == "wild" else "On clean images"
    line = f"{where}, a straight line on raw pixels tells {short(raw['probe']['value'])} of unseen images right (nearest neighbours {short(raw['neighbours']['value'])})"
    steps = _listed([short(trained[name]) for name in blocks])
    if all(b >= a - 0.003 for a, b in zip(climb, climb[1:], strict=False)):
        first = f"{line}; after the blocks of the trained {net.upper()} it is {steps}: each block leaves the task as easy as it was or easier."
    else:
        first = f"{line}; after the blocks of the trained {net.upper()} it is {steps}: the task is easiest after {_block(best)}, and not easier beyond."
    twin_best = max(blocks, key=twin.__getitem__)
    few = [
        float(np.mean([_few(s[kind], at) for s in seeds])) for kind, at in (("trained", best), ("untrained", twin_best))
    ]
    beside = f"with ten labels per class the trained {_block(best)} gives {short(few[0])}, the untrained {_block(twin_best)} {short(few[1])}"
    found, every = seeds[0]["learned"], [s["learned"]["ahead"]["value"] for s in seeds]
    ahead, rival = found["ahead"], _block(found["rival"])
    points = f"{100 * ahead['value']:+.1f} points ({interval(ahead, lambda end: f'{100 * end:+.1f}')}, over groups)"
    if has_interval(ahead) and ahead["low"] > 0:
        second = f"The best that needs no learning is {rival}, and {_block(found['stage'])} is ahead of it by {points}: that much was learned; {beside}."
    elif min(every) > 0:
        second = (
            f"The best that needs no learning is {rival}, and {_block(found['stage'])} is ahead of it by {points}: ahead with every seed, but the "
            f"groups are too few to say that it would be on others; {beside}."
        )
    else:
        second = f"But {rival} reads as well without any learning ({points}): this curve is no evidence that the layers learned anything; {beside}."
    return first, second


def headline(run: dict[str, Any], judged: dict[str, Any]) -> str:
    """How good it is, in one sentence."""
    cnn = judged["clean"]["scores"]["cnn"]["accuracy"]
    others = {name: s["accuracy"] for name, s in judged["clean"]["scores"].items() if name not in ("cnn", "mlp")}
    rival = max(others, key=lambda name: others[name]["value"])
    test = run["parts"]["test"]
    return (
        f"The convolutional network names {percent(cnn['value'])} of {test['samples']:,} test images right "
        f"({interval(cnn, percent)}, over {test['groups']:,} groups that it has never seen); "
        f"the best method without a hidden layer, {rival}, {percent(others[rival]['value'])}."
    )


def cases_decided(found: dict[str, Any]) -> str:
    """How good the network is on whole cases, in one clause."""
    every = next(iter(found["ways"].values()))["scores"]["all"]
    return (
        f"the mean over a case's images decides {short(every['accuracy']['value'])} of {found['cases']:,} cases right, "
        f"kappa {_with_interval(every['kappa'])}"
    )


def by_case(found: dict[str, Any], world: str) -> str:
    """Whole cases: how good, whether another way of putting images together is better, and where it does best."""
    where = "In the wild" if world == "wild" else "On clean images"
    first, ways = next(iter(found["ways"].values())), found["ways"]
    cut = (
        f", at a threshold of {first['threshold']:.2f} chosen on validation cases"
        if first["threshold"] is not None
        else ""
    )
    others = {name: s["kappa"]["value"] for name, s in found["methods"].items() if name not in ("cnn", "mlp")}
    rival = max(others, key=others.__getitem__)
    said = [
        f"{where}, {cases_decided(found)}{cut}; the best method without a hidden layer, {rival}, kappa {others[rival]:.2f}."
    ]
    if len(ways) > 1:
        said.append(_ways(ways, ahead_level(found)))
    strata = {name: s["kappa"] for name, s in first["scores"].items() if name != "all" and has_interval(s["kappa"])}
    if len(strata) > 1:
        best, worst = (pick(strata, key=lambda name: strata[name]["value"]) for pick in (max, min))
        overlap = strata[best]["low"] <= strata[worst]["high"]
        said.append(
            f"Of {len(strata)} strata it does best on {best}, kappa {_with_interval(strata[best])}, and worst on {worst}, "
            f"{_with_interval(strata[worst])}; these intervals {'overlap, so the order may be chance' if overlap else 'do not overlap'}. "
            f"These two were picked out of {len(strata)} after seeing them, so the gap looks larger than it is."
        )
    return " ".join(said)


def ahead_level(found: dict[str, Any]) -> float:
    """Of the intervals of the differences between ways; runs of old did not correct it for their number."""
    return found.get("ahead_level", 0.95)


def _ways(ways: dict[str, Any], level: float) -> str:
    """Which other ways of putting images together differ from the first by more than their interval."""
    ahead = {name: way["ahead"] for name, way in list(ways.items())[1:]}
    apart = [name for name, d in ahead.items() if has_interval(d) and (d["low"] > 0 or d["high"] < 0)]
    corrected = (
        f"by Bonferroni's correction for {len(ahead)} comparisons" if level > 0.95 else "not corrected for their number"
    )
    if not apart:
        return (
            f"Of the other ways to put images together ({_listed(list(ahead))}) none differs from the mean by an interval that "
            f"excludes 0 ({100 * level:.3g} % intervals, {corrected})."
        )
    each = [
        f"{name} is {'ahead of' if ahead[name]['value'] > 0 else 'behind'} the mean by {abs(ahead[name]['value']):.2f} "
        f"({ahead[name]['low']:+.2f} to {ahead[name]['high']:+.2f})"
        for name in apart
    ]
    return (
        f"Of the other ways to put images together, {_listed(each)}: {'this interval' if len(apart) == 1 else 'these intervals'} "
        f"of the difference exclude{'s' if len(apart) == 1 else ''} 0 ({100 * level:.3g} % intervals, {corrected})."
    )


def _with_interval(s: dict[str, Any]) -> str:
    return f"{number(s['value'])} ({interval(s, number)}, over {s['groups']:,} groups)"


def flattering(found: dict[str, Any], split: str) -> tuple[str, str]:
    """What a random split would have hidden."""
    twins, together = found["twins"], found.get("together")
    random, honest = twins["random"], twins[split]
    tested = [name for name in random if name != "all" and random[name] is not None and honest[name] is not None]
    worst = max(tested, key=lambda name: random[name] - honest[name])
    first = (
        f"By a random split {short(random['all'])} of the test images would have a near twin (r > 0.95) among the training images "
        f"of their class, {short(random[worst])} of {worst}; by this split it is {short(honest['all'])}, and {short(honest[worst])} of {worst}."
    )
    if together and random["all"] - honest["all"] < 0.005:  # what looks alike was not parted, but what belongs together
        first = (
            f"By a random split {short(together['random'])} of the test images would have another image of their group among the training "
            f"images; by this split it is {short(together[split])}."
        )
    gain = {name: 100 * (a["random"] - a["honest"]) for name, a in found["accuracy"].items() if name != "majority"}
    most = max(gain, key=gain.__getitem__)
    names = {"cnn": "the CNN", "mlp": "the MLP"}
    second = (
        f"It would flatter {names.get(most, most)} most, by {gain[most]:+.2f} points of accuracy, and the CNN by {gain['cnn']:+.2f}: "
        f"memory of other images of the same group looks like knowledge."
        if gain[most] > 0.05
        else f"Here that changes no accuracy by more than {max(map(abs, gain.values())):.2f} points."
    )
    return first, second


def depth_pays(found: Sequence[dict[str, Any]], world: str) -> str:
    """Where the CNN is ahead of what has no depth, and by how much."""
    labels = sorted({row["labels"] for row in found})

    def mean(method: str, n: int) -> float:
        return float(np.mean([row["accuracy"] for row in found if (row["method"], row["labels"]) == (method, n)]))

    shallow = ("nearest neighbour", "logistic regression")
    lead = {n: mean("cnn", n) - max(mean(m, n) for m in shallow) for n in labels}
    widest = max(lead, key=lead.__getitem__)
    rival = max(shallow, key=lambda m: mean(m, widest))
    where = "In the wild" if world == "wild" else "On clean images"
    if lead[widest] <= 0:
        return f"{where}, the CNN is nowhere ahead of the better shallow method on these few labels."
    behind = [n for n in labels if lead[n] < 0]
    text = (
        f"{where}, depth pays most at {widest} label{'s' if widest > 1 else ''} per class: CNN {short(mean('cnn', widest))}, "
        f"{rival} {short(mean(rival, widest))}"
    )
    return text + (f"; at {_listed([str(n) for n in behind])} per class it is behind." if behind else ".")


def _means(seeds: Seeds, kind: str) -> dict[str, float]:
    names = [reading["stage"] for reading in seeds[0][kind]]
    return {name: float(np.mean([s[kind][i]["probe"]["value"] for s in seeds])) for i, name in enumerate(names)}


def _few(readings: Sequence[dict[str, Any]], stage: str) -> float:
    return next(reading["few"]["value"] for reading in readings if reading["stage"] == stage)


def _block(stage: str) -> str:
    return stage.replace("block", "block ")


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
