"""The report of a study of texts: one page, everything computed."""

from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from layerscope.checkpoint import write_text
from layerscope.draw.layers import draw_layers, layer_key
from layerscope.draw.scores import draw_confusion, draw_scores
from layerscope.draw.style import percent
from layerscope.judge import METRICS
from layerscope.numbers import has_interval, interval, number, share
from layerscope.report.figure import svg
from layerscope.report.textlook import contents
from layerscope.study.facts import command
from layerscope.study.folder import ATLAS, RunFolder
from layerscope.study.textlook import rival
from layerscope.study.textnets import TRAINED

UNORDERED = "quadratic_kappa"  # says nothing where classes have no order
CURVES = {
    "transformer": "From scratch",
    "pretrained": "Pretrained, as it came",
    "fine-tuned": "Pretrained and fine-tuned",
}


def write_text_report(path: Path) -> Path:
    """Write report.html into the run folder of a study of texts.

    Raises:
        DataError: if it is not a run folder.
    """
    folder = RunFolder(path)
    environment = Environment(loader=PackageLoader("layerscope", "report"), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"number": number, "percent": share}
    out = path / "report.html"
    write_text(out, environment.get_template("texts.html.jinja").render(**_contents(folder)))
    return out


def _contents(folder: RunFolder) -> dict[str, Any]:
    judged = folder.found("judged")
    curves = {net: folder.found(f"layers-{net}") for net in CURVES}
    accuracy = {name: found["accuracy"] for name, found in judged["scores"].items()}
    leaks, split = folder.found("leaks"), folder.run["plan"]["split"]
    found = {net: folder.found(f"trained-{net}") for net in TRAINED}
    trained = {net: facts for net, facts in found.items() if facts}  # no adapters in a quick run
    return {
        "run": folder.run,
        "notes": [*folder.run["notes"], *folder.run.get("absent", [])],
        "command": folder.run.get("command") or command(folder.run["plan"]),
        "judged": judged,
        "titles": {key: METRICS[key].title for key in judged["scores"]["majority"] if key != UNORDERED},
        "headline": headline(folder.run, judged),
        "curves": curves,
        "curve_titles": CURVES,
        "curve_words": {net: curve_words(found) for net, found in curves.items()},
        "layers_figure": _layers(curves),
        "legend": layer_key(raw="the embeddings", seeds=1),
        **readable(folder),
        "scores_figure": Markup(
            svg(
                [partial(_draw, draw_scores, accuracy)],
                ["Errors on test texts, with 95 % intervals"],
                "Accuracy: " + "; ".join(f"{name} {share(s['value'])}" for name, s in accuracy.items()),
                columns=1,
            )
        ),
        "confusion": Markup(
            svg(
                [partial(_draw, draw_confusion, judged["confusion"], folder.run["classes"])],
                ["The fine-tuned network"],
                "Confusion matrix of the fine-tuned network.",
                columns=1,
                height=2.6 + 0.3 * len(folder.run["classes"]),
                width=4.6 + 0.4 * len(folder.run["classes"]),
            )
        ),
        "trained": trained,
        "examples": folder.found("examples"),
        "leaks": leaks,
        "leak_words": leak_words(leaks, split),
        "atlas_file": ATLAS if (folder.path / ATLAS).is_file() else None,
        "seconds": folder.seconds(),
        **contents(folder, judged, trained),
    }


def readable(folder: RunFolder) -> dict[str, Any]:
    """How much of the data was read: words on texts that were cut, and the texts of each part, if any were left out."""
    parts = folder.run["parts"].values()
    whole = [part.get("of", part["samples"]) for part in parts]
    return {
        "unread_words": unread_words(folder.found("unread")),
        "left_out": whole if whole != [part["samples"] for part in parts] else [],
    }


def unread_words(found: dict[str, Any] | None) -> str:
    """Nothing where all was read."""
    if not found or not found["cut"]:
        return ""
    return (
        f"of {found['cut']:,} of the {found['texts']:,} texts the networks read the first {found['longest']} tokens "
        f"only, and so leave {percent(found['tokens'])} of all tokens unread; counted words and letters read "
        "everything. --tokens 512 reads more, and takes longer."
    )


def headline(run: dict[str, Any], judged: dict[str, Any]) -> str:
    """How good the fine-tuned network is, and whether a bag of words would have done."""
    own = judged["scores"]["fine-tuned"]["accuracy"]
    accuracy = {name: s["accuracy"]["value"] for name, s in judged["scores"].items()}
    best = rival(accuracy)
    ahead, test = judged["differences"][best], run["parts"]["test"]
    points = f"{100 * ahead['value']:+.1f} points, {interval(ahead, lambda end: f'{100 * end:+.1f}')}"
    sure = has_interval(ahead) and (ahead["low"] > 0 or ahead["high"] < 0)
    verdict = "the difference is larger than chance" if sure else "which may be chance"
    return (
        f"The fine-tuned network names {percent(own['value'])} of {test['samples']:,} test texts right "
        f"({interval(own, percent)}, over {test['groups']:,} groups that training did not hold); the best without "
        f"fine-tuning, {best}, {percent(accuracy[best])} ({points}: {verdict})."
    )


def curve_words(found: dict[str, Any]) -> str:
    """Where the answer becomes easy to read, and how much of that was learned."""
    at, twin = ({r["stage"]: r["probe"]["value"] for r in found[kind]} for kind in ("trained", "untrained"))
    best = found["learned"]["stage"]
    ahead, rival = found["learned"]["ahead"], found["learned"]["rival"]
    points = f"{100 * ahead['value']:+.1f} points ({interval(ahead, lambda end: f'{100 * end:+.1f}')}, over groups)"
    learned = has_interval(ahead) and ahead["low"] > 0
    return (
        f"A straight line reads {percent(at['embedding'])} from the embeddings and {percent(at[best])} from {best}, "
        f"where it reads best; from the untrained twin at most {percent(max(twin.values()))}. {best} is ahead of "
        f"{rival} by {points}: "
        + (
            "so much the blocks add (the layer is picked on these texts)."
            if learned
            else "no evidence that they add anything."
        )
    )


def leak_words(leaks: dict[str, Any], split: str) -> str:
    """What a random split would have put on both sides, and what it would have flattered."""
    random, own = leaks["random"], leaks[split]
    gain = 100 * (random["bag of words"] - own["bag of words"])
    return (
        f"Had single texts been drawn at random, {percent(random['group'] / random['test'])} of the test texts would "
        f"have a text of their own group in training, {percent(random['near'] / random['test'])} a near twin, "
        f"{random['identical']} of them word for word; by the split of this run it is none of the first and "
        f"{percent(own['near'] / own['test'])} of the second. The bag of words scores {gain:+.1f} points there against "
        "here (other test texts, so part or all of it may be chance)." + _published(leaks)
    )


def _published(leaks: dict[str, Any]) -> str:
    """What the publisher's parts have in common, where a run leaves that out."""
    if not (found := leaks.get("published")):
        return ""
    return (
        f" As published, {found['identical']:,} of {found['test']:,} test texts stand in training word for word, and "
        f"{found['near']:,} have a near twin there; this run left {found['left out']:,} texts of training and "
        "validation out for it."
    )


def _layers(curves: dict[str, Any]) -> Markup:
    draws = [partial(_draw, draw_layers, [found], False) for found in curves.values()]
    alt = "Layer curves. " + " ".join(f"{CURVES[net]}: {curve_words(found)}" for net, found in curves.items())
    return Markup(svg(draws, list(CURVES.values()), alt, columns=1, height=3.0))


def _draw(draw, data, *args_then_ax) -> None:
    *args, ax = args_then_ax
    draw(data, *args, ax=ax)
