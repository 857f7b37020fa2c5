"""What a report of molecules says, in sentences computed from the numbers."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from layerscope.draw.style import percent
from layerscope.numbers import has_interval, interval, number
from layerscope.study.moleculecompare import WAYS
from layerscope.study.moleculejudge import LEAD, LOWER, OWN, TITLES
from layerscope.study.moleculelook import ALIKE, CLIFFS, NEAR, SAME, SERIES, SIZES, UNLIKE

Found = Mapping[str, Any]
READS = {"class": "of the molecules right", "labels": "mean average precision", "number": "R²"}


def of_lead(kind: str, unit: str = "") -> str:
    """What comes first, in words: "AUROC", or "root mean squared error in log mol/L"."""
    title = TITLES[LEAD[kind]]
    return f"{title} in {unit}" if kind == "number" and unit else title


def a(noun: str) -> str:
    """An AUROC, a macro AUROC."""
    return f"{'an' if noun[0] in 'AEIO' else 'a'} {noun}"


def shown(kind: str) -> str:
    """How many digits a score of this kind has."""
    return ".2f" if kind == "number" else ".3f"


def ahead(difference: Found, metric: str, form: str) -> str:
    """+0.015 (95 % interval -0.037 to +0.082), and what may be said of it."""
    signed = f"+{form}"
    said = f"{number(difference['value'], signed)}, {interval(dict(difference), lambda end: format(end, signed))}"
    if not has_interval(dict(difference)):
        return said
    good, bad = (
        (difference["high"] < 0, difference["low"] > 0)
        if metric in LOWER
        else (difference["low"] > 0, difference["high"] < 0)
    )
    if not good and not bad:
        return f"{said}, which may be chance"
    return f"{said}, {'better' if good else 'worse'} by more than chance explains"


def best_rival(judged: Found, kind: str) -> str:
    """The best of what learned no network."""
    metric = LEAD[kind]
    rivals = {name: s[metric]["value"] for name, s in judged["scores"].items() if name != OWN}
    known = {name: value for name, value in rivals.items() if value is not None} or rivals
    return (min if metric in LOWER else max)(known, key=lambda name: known[name] or 0)


def headline(run: Found, judged: Found) -> str:
    """How good the graph network is, and whether fingerprints would have done."""
    kind, metric, test = run["answers"], LEAD[run["answers"]], run["parts"]["test"]
    form, own, rival = shown(kind), judged["scores"][OWN], best_rival(judged, kind)
    unit = f" {run['unit']}" if kind == "number" and run["unit"] else ""
    more = ""
    if kind == "class":
        balanced = own["balanced_accuracy"]
        more = f", and a balanced accuracy of {number(balanced['value'], form)}"
    lower = " (lower is better)" if metric in LOWER else ""
    return (
        f"On {test['samples']:,} test molecules in {test['groups']:,} groups that it has never seen, the graph network "
        f"has {a(TITLES[metric])} of {number(own[metric]['value'], form)}{unit} "
        f"({interval(own[metric], lambda end: format(end, form))}){more}; the best without a network, {rival}, has "
        f"{number(judged['scores'][rival][metric]['value'], form)}{lower}. The network’s difference to it: "
        f"{ahead(judged['differences'][rival][metric], metric, form)}."
    )


def curve_words(found: Found, kind: str, frequent: float | None = None) -> str:
    """Where the answer becomes easy to read, how far random messages go, and how much was learned.

    Args:
        frequent: of classes, the share of the most frequent in the test part.
    """
    at, twin = ({r["stage"]: r["probe"]["value"] for r in found[net]} for net in ("trained", "untrained"))
    stage, rival, gained = (found["learned"][key] for key in ("stage", "rival", "ahead"))
    atoms, best = at["embedding"], at[stage]
    without = max((name for name in twin if name.startswith("block")), key=lambda name: twin[name])
    sure = has_interval(gained) and gained["low"] > 0
    usual = "" if frequent is None else f" (always answering the most frequent class: {percent(frequent)})"
    return (
        f"From the atoms alone a straight line reads {_read(atoms, kind)}{usual}; from {stage}, where it reads best, "
        f"{_read(best, kind)}. {_random(atoms, best, twin[without], without, kind)} {stage} is ahead of {rival} by "
        f"{_gain(gained, kind)}: "
        + ("so much the blocks have learned." if sure else "no evidence that the blocks learned more.")
    )


def _random(atoms: float, best: float, twin: float, stage: str, kind: str) -> str:
    """What the untrained twin brings of what the trained network brings."""
    said = f"Messages with random weights bring it to {_read(twin, kind)} ({stage} of the untrained twin)"
    if best <= atoms:
        return f"{said}; trained ones bring no more than the atoms alone."
    if twin <= atoms:
        return f"{said}: no more than the atoms alone, so that nothing is owed to mere mixing."
    part = min(1.0, (twin - atoms) / (best - atoms))
    return f"{said}: {100 * part:.0f} % of what the trained ones add to the atoms comes without any learning."


def _read(value: float | None, kind: str) -> str:
    if kind == "class":
        return f"{'–' if value is None else percent(value)} {READS[kind]}"
    return f"{READS[kind]} {number(value, '.2f')}" if kind == "number" else f"a {READS[kind]} of {number(value)}"


def _gain(gained: Found, kind: str) -> str:
    d = dict(gained)
    if kind == "class":
        return f"{100 * d['value']:+.1f} points ({interval(d, lambda end: f'{100 * end:+.1f}')}, over groups)"
    return f"{d['value']:+.3f} ({interval(d, lambda end: f'{end:+.3f}')}, over groups)"


def split_words(found: Found, kind: str, unit: str = "") -> str:
    """How good the fingerprints, and the network, look by each way to split the same molecules."""
    metric, form = LEAD[kind], shown(kind)
    forest = _means(found, "forest")
    said = "; ".join(f"{number(forest[way], form)} by {WAYS[way]}" for way in forest)
    text = f"The random forest on fingerprints has {a(of_lead(kind, unit))} of {said}."
    if "random" in forest and "groups" in forest:
        gap = forest["random"] - forest["groups"]
        flatters = (gap < 0) if metric in LOWER else (gap > 0)
        verb = "flatters it by" if flatters else "does not flatter it:"
        text += f" Against whole groups, a random split {verb} {number(abs(gap) if flatters else gap, form)}."
    network = _means(found, "network")
    if "random" in network and "groups" in network:
        text += (
            f" The graph network: {number(network['random'], form)} by single molecules, "
            f"{number(network['groups'], form)} by groups"
        )
        text += f", {number(network['largest first'], form)} largest first." if "largest first" in network else "."
    draws = max(len(way["forest"]) for way in found["ways"].values())
    return f"{text} Each way tests other molecules, so differences this size may be chance too" + (
        f"; those of the forest are means of {draws} draws, those of the network one draw."
        if draws > 1
        else " (one draw each)."
    )


def _means(found: Found, method: str) -> dict[str, float]:
    values = {way: [s["value"] for s in f[method] if s["value"] is not None] for way, f in found["ways"].items()}
    return {way: fmean(own) for way, own in values.items() if own}


def domain_words(found: Found, kind: str, unit: str = "") -> str:
    """How good answers are by similarity to what was learned from, and below which they are not to be trusted."""
    rows, at, form = found["bins"], found["trusted_from"], shown(kind)
    total = sum(row["molecules"] for row in rows)
    text = (
        f"Half of {total:,} molecules that the network has not learned from are less than {found['median']:.2f} "
        f"similar to the nearest training molecule. "
    )
    if len(rows) > 1:
        text += (
            f"The {of_lead(kind, unit)} is {_in_bin(rows[0], form)} of the least similar and {_in_bin(rows[-1], form)} "
            "of the most similar. "
        )
    if at is None:
        return text + "In no range of similarity the answers were shown to be better than guessing: trust none of them."
    if at <= found["least"]:
        text += (
            f"Even those below {rows[0]['to']:.2f} are answered better than by guessing; nothing less similar than "
            f"{at:.2f} was tried, so that is where layerscope predict begins to warn."
        )
    else:
        below = [row for row in rows if row["to"] <= at]
        text += (
            f"Below {at:.2f} ({sum(row['molecules'] for row in below):,} molecules) answers were not shown to be "
            "nearer to the truth than guessing is (gain, in the table): there they are not to be trusted, and "
            "layerscope predict warns."
        )
    weak = [row for row in rows if row["from"] >= at and not row["gain"]["low"] > 0]
    if weak:
        text += f" Above it, {_ranges(weak)} cannot be told from guessing either, with so few molecules."
    return text


def _in_bin(row: Found, form: str) -> str:
    return f"{number(row['score']['value'], form)} among the {row['molecules']:,}"


def _ranges(rows: Sequence[Found]) -> str:
    return ", ".join(f"{row['from']:.1f} to {row['to']:.1f}" for row in rows)


def interval_words(found: Found, unit: str) -> str:
    """What the intervals around predicted numbers promise and hold; "" of other answers."""
    if not found.get("reach"):
        return ""
    reach, held = found["reach"], found["held"]["coverage_by_group"]
    return (
        f"Around each number stands an interval of ± {number(reach['radius'])} {unit}".rstrip()
        + f", learned from the errors on {reach['groups']:,} validation groups, which shall hold the truth in "
        f"{100 * reach['level']:.0f} % of new groups, each group counting once. In the test part it holds "
        f"{percent(held['value'])} ({interval(held, percent)}): {_held(held, reach['level'])}."
    )


def _held(held: Found, level: float) -> str:
    if not has_interval(dict(held)):
        return "too few groups to say more"
    if held["high"] < level:
        return "less than promised, so the test groups are harder than those of validation"
    return "more than promised" if held["low"] > level else "as promised, as far as can be told"


def cliff_words(found: Found, kind: str) -> str:
    """Whether near-identical molecules with different answers part in the network, and where."""
    differ = (
        f" by {UNLIKE:g} standard deviation of the training targets or more (the others by {SAME:g} at most; what lies "
        "between is left out)"
        if kind == "number"
        else ""
    )
    if not found["cliffs"]:
        some = f"Among {found['pairs']:,} pairs of unseen molecules that are at least {NEAR:g} similar"
        return f"{some} and {SIZES} atoms at most apart in size, no answers differ{differ}."
    text = (
        f"{found['pairs']:,} pairs of unseen molecules are at least {NEAR:g} similar (Tanimoto of ECFP4) and {SIZES} "
        f"atoms at most apart in size; {found['cliffs']:,} of them are cliffs: their answers differ{differ}. "
    )
    if found["compared"] < CLIFFS:
        return (
            text + f"Only {found['compared']} have pairs as similar beside them; fewer than {CLIFFS} are not compared."
        )
    if found["stages"] is None:
        return text + (
            f"They lie in {found['series']} series of related molecules: too few (of {SERIES} or more needed) to say "
            "where in the network cliffs part."
        )
    text += (
        f"The network puts the two in the right order in {100 * found['told_apart']:.0f} % of the cliffs (half would "
        "be chance). "
    )
    trained, twin = (parted(found["stages"][net]) for net in ("trained", "untrained"))
    text += (
        f"{found['compared']:,} are compared with pairs that are as similar (within {ALIKE:g}) and have the same "
        "answer. "
    )
    if trained is None:
        return text + "At no stage are cliffs clearly farther apart than those: the network hardly sees them."
    row = next(row for row in found["stages"]["trained"] if row["stage"] == trained)
    text += (
        f"They part at {trained}: from there on their distance is clearly greater, {number(row['cliffs']['value'])} "
        f"against {number(row['beside']['value'])} of that of two molecules drawn at random. "
    )
    return text + (
        "In the untrained twin they are clearly farther apart at no stage to the end."
        if twin is None
        else f"In the untrained twin they part at {twin}, so what differs can be seen without learning what it means."
    )


def parted(stages: Sequence[Found]) -> str | None:
    """The first stage from which on, to the end, cliffs are clearly farther apart than the pairs beside them."""
    first = None
    for row in reversed(stages):
        if row["apart"]["low"] is None or row["apart"]["low"] <= 0:
            break
        first = row["stage"]
    return first


def stacking_words(found: Found, kind: str) -> str:
    """Whether the network adds something to fingerprints, and what the naive way would have promised."""
    metric, form, ways = LEAD[kind], shown(kind), found["ways"]
    crossed, naive = "with the network, cross-fitted", "with the network, naively"
    test = {way: ways[way]["test"]["value"] for way in ways}
    claimed = {way: ways[way]["claimed"]["value"] for way in ways}
    sign = -1 if metric in LOWER else 1
    flattery = sign * (claimed[naive] - test[naive])
    return (
        f"Given beside the fingerprints what networks say that have not seen a molecule’s group, the forest’s "
        f"{TITLES[metric]} on test molecules goes from {number(test['fingerprints'], form)} to "
        f"{number(test[crossed], form)} ({ahead(found['ahead'][crossed][metric], metric, form)}). The naive way, with "
        f"what one network says of the molecules that it was trained on, promises {number(claimed[naive], form)} in a "
        f"cross-validation and holds {number(test[naive], form)}: {_flattered(flattery, form)}; cross-fitted, "
        f"{number(claimed[crossed], form)} is promised."
    )


def _flattered(gap: float, form: str) -> str:
    return f"flattered by {number(gap, form)}" if gap > 0 else f"not flattered here ({number(gap, '+' + form)})"
