"""The report of a study of texts with several labels: one page, everything computed."""

from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from layerscope.checkpoint import write_text
from layerscope.draw.labels import draw_each_label, draw_metric
from layerscope.draw.layers import draw_layers
from layerscope.numbers import has_interval, interval, number
from layerscope.report.figure import svg
from layerscope.report.texts import CURVES, readable
from layerscope.study.facts import command
from layerscope.study.folder import RunFolder
from layerscope.study.labels import FIGURES, MEANS

TITLES = {
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "mean_average_precision": "mean average precision",
    "f1": "F1",
    "average_precision": "average precision",
}
SIDE_BY_SIDE = ("fine-tuned", "bag of words")


def write_label_report(path: Path) -> Path:
    """Write report.html into the run folder of a study of texts with several labels.

    Raises:
        DataError: if it is not a run folder.
    """
    folder = RunFolder(path)
    environment = Environment(loader=PackageLoader("layerscope", "report"), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"number": number}
    out = path / "report.html"
    write_text(out, environment.get_template("labels.html.jinja").render(**_contents(folder)))
    return out


def _contents(folder: RunFolder) -> dict[str, Any]:
    run, judged = folder.run, folder.found("judged")
    curves = {net: folder.found(f"layers-{net}") for net in CURVES}
    counts = run["parts"]["test"]["classes"]
    return {
        "run": run,
        "command": run.get("command") or command(run["plan"]),
        "judged": judged,
        **readable(folder),
        "titles": TITLES,
        "means": MEANS,
        "figures": FIGURES,
        "side_by_side": SIDE_BY_SIDE,
        "headline": headline(run, judged),
        "curves": curves,
        "curve_titles": CURVES,
        "curve_words": {net: curve_words(found) for net, found in curves.items()},
        "layers_figure": _layers(curves),
        "scores_figure": _methods(judged["scores"]),
        "labels_figure": _labels(judged["scores"], counts),
        "trained": {net: folder.found(f"trained-{net}") for net in ("transformer", "fine-tuned")},
        "examples": folder.found("examples"),
        "leak_words": leak_words(folder.found("leaks")),
        "seconds": folder.seconds(),
    }


def headline(run: dict[str, Any], judged: dict[str, Any]) -> str:
    """How good the fine-tuned network is, and whether a bag of words would have done."""
    own = judged["scores"]["fine-tuned"]["micro_f1"]
    rivals = {name: s["micro_f1"] for name, s in judged["scores"].items() if name not in ("fine-tuned", "transformer")}
    rival = max(rivals, key=lambda name: rivals[name]["value"])
    ahead, test = judged["differences"][rival]["micro_f1"], run["parts"]["test"]
    sure = has_interval(ahead) and (ahead["low"] > 0 or ahead["high"] < 0)
    verdict = "the difference is larger than chance" if sure else "which may be chance"
    return (
        f"The fine-tuned network reaches a micro F1 of {number(own['value'])} on {test['samples']:,} test texts "
        f"({interval(own, number)}, over {test['groups']:,} groups that training did not hold); the best without "
        f"fine-tuning, {rival}, {number(rivals[rival]['value'])} ({_signed(ahead)}: {verdict})."
    )


def curve_words(found: dict[str, Any]) -> str:
    """Where the labels become easy to read, and how much of that was learned."""
    at, twin = ({r["stage"]: r["probe"]["value"] for r in found[kind]} for kind in ("trained", "untrained"))
    stage, rival, ahead = (found["learned"][key] for key in ("stage", "rival", "ahead"))
    learned = has_interval(ahead) and ahead["low"] > 0
    return (
        f"From its embedding a straight line for each label reaches a mean average precision of "
        f"{number(next(iter(at.values())))}, from {stage}, the best block, {number(at[stage])}; from the untrained "
        f"twin at most {number(max(twin.values()))}. {stage} is ahead of {rival} by {_signed(ahead)}: "
        + ("that much was learned." if learned else "no evidence that it learned more.")
    )


def leak_words(leaks: dict[str, int]) -> str:
    if not leaks["near"]:
        return f"None of the {leaks['test']:,} test texts shares four fifths of its words with a training text."
    return (
        f"{leaks['near']:,} of the {leaks['test']:,} test texts share four fifths of their words with a training text, "
        f"{leaks['identical']:,} of them word for word: what is measured on these is too good."
    )


def _signed(difference: dict[str, Any]) -> str:
    return f"{difference['value']:+.3f}, {interval(difference, lambda end: f'{end:+.3f}')}"


def _methods(scores: dict[str, Any]) -> Markup:
    said = (
        f"{TITLES[metric]}: " + "; ".join(f"{name} {number(s[metric]['value'])}" for name, s in scores.items())
        for metric in MEANS
    )
    draws = [partial(_metric, scores, metric) for metric in MEANS]
    return Markup(svg(draws, [TITLES[metric] for metric in MEANS], ". ".join(said), columns=3, height=2.5))


def _metric(scores: dict[str, Any], metric: str, ax) -> None:
    draw_metric(scores, metric, ax)
    if metric != MEANS[0]:
        ax.set_yticklabels([])


def _labels(scores: dict[str, Any], counts: dict[str, int]) -> Markup:
    def draw(ax) -> None:
        draw_each_label(scores, "f1", SIDE_BY_SIDE, counts, ax)

    said = "; ".join(
        f"{label} " + " and ".join(number(scores[method][f"f1({label})"]["value"]) for method in SIDE_BY_SIDE)
        for label in counts
    )
    title = "F1 of each label, with 95 % intervals"
    alt = f"F1 of each label, {' and '.join(SIDE_BY_SIDE)}: {said}"
    return Markup(svg([draw], [title], alt, columns=1, height=1.2 + 0.38 * len(counts)))


def _layers(curves: dict[str, Any]) -> Markup:
    alt = "Layer curves. " + " ".join(f"{CURVES[net]}: {curve_words(found)}" for net, found in curves.items())
    draws = [partial(_curve, found) for found in curves.values()]
    return Markup(svg(draws, list(CURVES.values()), alt, columns=1, height=3.0))


def _curve(found: dict[str, Any], ax) -> None:
    draw_layers([found], ax=ax)
    ax.set_ylabel("mean average precision")
    ax.yaxis.set_major_formatter("{x:.1f}")
