"""What a closer look at a network of texts found, in sentences, figures and rows of tables."""

from functools import partial
from typing import Any

from markupsafe import Markup

from layerscope.draw.depth import draw_depth
from layerscope.draw.style import percent
from layerscope.numbers import has_interval, interval, number
from layerscope.report.figure import svg
from layerscope.study.folder import RunFolder
from layerscope.study.textlook import LEAST_GROUPS, LEAST_TEXTS, SHARED, TREES
from layerscope.study.textnets import WAYS

OLDER = (
    "This run was made by an older version of layerscope, which did not look at this. Run it again with another --out."
)


def contents(folder: RunFolder, judged: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    """What the template shows; the words say so where a run of old has no such step."""
    changed, failures, tree = (folder.found(step) for step in ("changed", "failures", "tree"))
    known = all("learning" in t and net in judged["scores"] for net, t in trained.items())
    return {
        "changed_words": change_words(changed) if changed else OLDER,
        "changed_figure": changed and _figure(changed, "CKA with the pretrained network", "How alike each stage is"),
        "failures": failures,
        "least": {"texts": LEAST_TEXTS, "groups": LEAST_GROUPS},
        "failure_words": failure_words(failures) if failures else OLDER,
        "has_tree": folder.run["plan"]["data"] in TREES,
        "tree": tree,
        "tree_words": tree_words(tree) if tree else OLDER,
        "tree_figure": tree and _figure(_tree_lines(tree), "rank correlation", "Likeness to the tree"),
        "costs": costs(judged, trained) if known else [],
        "cost_words": cost_words(judged, trained) if known else OLDER,
    }


def change_words(found: dict[str, Any]) -> str:
    """Which stage fine-tuning changed most, and which least."""
    tuned, twin = found["fine-tuned"], found["untrained"]
    most, least = (pick(tuned, key=lambda stage: tuned[stage]["value"] or 0) for pick in (min, max))
    said = (
        f"Fine-tuning changed {_stage(most)} most (CKA {_number(tuned[most])}) and {_stage(least)} least "
        f"({_number(tuned[least])}); 1 is the same geometry, and an untrained twin of the network has "
        f"{number(twin[most]['value'])} and {number(twin[least]['value'])} there."
    )
    if not _apart(tuned[most], tuned[least]):
        said += " These intervals overlap, so the order of the two may be chance."
    if adapters := found.get("adapters"):
        lowest = min(adapters, key=lambda stage: adapters[stage]["value"] or 0)
        said += f" Low-rank adapters changed {_stage(lowest)} most ({_number(adapters[lowest])})."
    return said


def failure_words(found: dict[str, Any]) -> str:
    """The widest gap between two slices of one kind, and where the rival does better; both picked after seeing them."""
    scored = [row for row in found["slices"] if row["scored"]]
    pairs = [
        (a, b)
        for a in scored
        for b in scored
        if a["kind"] == b["kind"] and _value(a, "fine-tuned") > _value(b, "fine-tuned")
    ]
    if not pairs:
        return "No two slices are large enough to be compared, or all come out the same."
    clear = [pair for pair in pairs if _between(*pair) > 0]
    if clear:
        best, worst = max(clear, key=lambda pair: _between(*pair))
    else:
        best, worst = max(pairs, key=lambda pair: _value(pair[0], "fine-tuned") - _value(pair[1], "fine-tuned"))
    ends = [row["scored"]["fine-tuned"] for row in (best, worst)]
    said = (
        f"The {'clearest' if clear else 'widest'} gap of the fine-tuned network is by {best['kind']}: "
        f"{percent(ends[0]['value'])} of {best['name']} ({interval(ends[0], percent)}) against "
        f"{percent(ends[1]['value'])} of {worst['name']} ({interval(ends[1], percent)}); these intervals "
        + ("do not overlap. " if _apart(*ends) else "overlap, so the gap may be chance. ")
        + f"The best rival, {found['rival']}, has {percent(_value(best, 'rival'))} and "
        f"{percent(_value(worst, 'rival'))} there. "
    )
    behind = [
        row["name"] for row in scored if has_interval(row["scored"]["ahead"]) and row["scored"]["ahead"]["high"] < 0
    ]
    if behind:
        said += f"Fine-tuning is behind this rival, by more than its interval, on: {', '.join(behind)}. "
    return said + (
        f"{len(scored)} slices were looked at and none was corrected for their number; the gap was picked after seeing "
        "them, so it looks wider than it is."
    )


def tree_words(found: dict[str, Any]) -> str:
    """From the first stage to the best, against the untrained twin and chance."""
    lines = {net: {stage: fit["within"] for stage, fit in fits.items()} for net, fits in found["networks"].items()}
    known, twin, tuned = lines["pretrained"], lines["untrained"], lines["fine-tuned"]
    first, best, last = next(iter(known)), _best(known), list(tuned)[-1]
    control = found["networks"]["pretrained"][best]["dealt anew"]
    said = (
        f"{found['terms']:,} names of terms, two of one organ system at a time: in the pretrained network the order of "
        f"their distances agrees with the tree by {_number(known[first])} in {_stage(first)} and "
        f"{_number(known[best])} in {_stage(best)}, where most; in the untrained twin by at most "
        f"{_number(twin[_best(twin)])}, and with the terms dealt out anew by {_number(control)} (0 is chance, 1 is the "
        "tree itself). "
    )
    shared = lines.get(SHARED)
    if shared:
        said += f"Words that names have in common agree with it by {_number(shared[best])}, without any network. "
    if not _above(known[best], twin[_best(twin)]):
        said += "That is not above the twin by more than these intervals: no evidence of more than spelling. "
    elif shared and _above(known[best], shared[best]):
        said += "So what it has read has brought it nearer to the tree than shared words would. "
    else:
        said += "That is above the twin, but it may be no more than shared words, of which a twin knows nothing. "
    if best != first and not _above(known[best], known[first]):
        said += "The blocks are not shown to add to the embeddings. "
    return said + f"After fine-tuning, {_stage(last)} has {_number(tuned[last])}; before, {_number(known[last])}."


def costs(judged: dict[str, Any], trained: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each network that was trained."""
    return [
        {
            "way": WAYS[net],
            "learning": t["learning"],
            "parameters": t["parameters"],
            "seconds": t["seconds"],
            "accuracy": judged["scores"][net]["accuracy"],
            "behind": judged["differences"].get(net),
        }
        for net, t in trained.items()
    ]


def cost_words(judged: dict[str, Any], trained: dict[str, Any]) -> str:
    """Whether adapters do what full fine-tuning does."""
    if "adapters" not in trained:
        return "A quick run leaves out the low-rank adapters, in which a few weights learn beside frozen ones."
    few, all_, ahead = trained["adapters"], trained["fine-tuned"], judged["differences"]["adapters"]
    points = f"{100 * ahead['value']:+.1f} points ({interval(ahead, lambda end: f'{100 * end:+.1f}')})"
    said = (
        f"Low-rank adapters learn {percent(few['learning'] / few['parameters'])} of the weights, in "
        f"{few['seconds']:.0f} s rather than {all_['seconds']:.0f} s; full fine-tuning is ahead by {points}: "
    )
    if not has_interval(ahead) or ahead["low"] <= 0 <= ahead["high"]:
        return said + "no evidence that either is better here."
    return said + ("by this recipe the few do not reach it." if ahead["low"] > 0 else "so the few do better here.")


def _figure(lines: dict[str, Any], label: str, title: str) -> Markup:
    said = "; ".join(
        f"{net}: " + ", ".join(f"{stage} {number(s['value'])}" for stage, s in found.items())
        for net, found in lines.items()
    )
    draw = partial(_draw, lines, label)
    return Markup(svg([draw], [title], f"{title}. {said}.", columns=1, height=3.2))


def _draw(lines: dict[str, Any], label: str, ax) -> None:
    draw_depth(lines, label, ax)


def _tree_lines(found: dict[str, Any]) -> dict[str, Any]:
    nets = found["networks"]
    within = {net: {stage: fit["within"] for stage, fit in fits.items()} for net, fits in nets.items()}
    return within | {"dealt anew": {stage: fit["dealt anew"] for stage, fit in nets["pretrained"].items()}}


def _best(line: dict[str, Any]) -> str:
    return max(line, key=lambda stage: line[stage]["value"] or 0)


def _value(row: dict[str, Any], who: str) -> float:
    return row["scored"][who]["value"]


def _between(a: dict[str, Any], b: dict[str, Any]) -> float:
    """How far the intervals of two slices are apart; below 0 where they overlap, or there is none."""
    one, other = a["scored"]["fine-tuned"], b["scored"]["fine-tuned"]
    return one["low"] - other["high"] if has_interval(one) and has_interval(other) else -1.0


def _above(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return has_interval(a) and has_interval(b) and a["low"] > b["high"]


def _apart(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return _above(a, b) or _above(b, a)


def _number(s: dict[str, Any]) -> str:
    ends = f" [{number(s['low'])}, {number(s['high'])}]" if has_interval(s) else ""
    return number(s["value"]) + ends


def _stage(stage: str) -> str:
    """Within a sentence."""
    known = {"embedding": "the embeddings", "pool": "the mean over tokens"}
    return known.get(stage, stage.replace("block", "block "))
