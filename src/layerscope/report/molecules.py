"""The report of a study of molecules: one page, everything computed."""

from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from layerscope.checkpoint import write_text
from layerscope.draw.layers import draw_layers, layer_key
from layerscope.draw.moleculeplots import draw_domain, draw_methods, draw_parting, draw_ways
from layerscope.draw.molecules import drawing, not_shared
from layerscope.numbers import number, share
from layerscope.report.figure import svg
from layerscope.report.moleculewords import (
    cliff_words,
    curve_words,
    domain_words,
    headline,
    interval_words,
    of_lead,
    shown,
    split_words,
    stacking_words,
)
from layerscope.study.facts import command
from layerscope.study.folder import ATLAS, RunFolder
from layerscope.study.moleculecompare import WAYS
from layerscope.study.moleculejudge import LOWER, TITLES

CURVE = {"class": "accuracy", "labels": "mean average precision", "number": "R²"}
FIRST = {  # metrics that are drawn
    "class": ("auroc", "balanced_accuracy"),
    "labels": ("macro_auroc", "macro_average_precision"),
    "number": ("rmse", "spearman"),
}


def write_molecule_report(path: Path) -> Path:
    """Write report.html into the run folder of a study of molecules.

    Raises:
        DataError: if it is not a run folder.
    """
    folder = RunFolder(path)
    environment = Environment(loader=PackageLoader("layerscope", "report"), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"number": number, "percent": share}
    out = path / "report.html"
    write_text(out, environment.get_template("molecules.html.jinja").render(**_contents(folder)))
    return out


def _contents(folder: RunFolder) -> dict[str, Any]:
    run, judged = folder.run, folder.found("judged")
    kind, unit = run["answers"], run["unit"]
    layers, domain, splits = (folder.found(step) for step in ("layers", "domain", "splits"))
    cliffs, stacking, calibrated = (folder.found(step) for step in ("cliffs", "stacking", "calibrated"))
    return {
        "run": run,
        "kind": kind,
        "unit": unit,
        "form": shown(kind),
        "lead": of_lead(kind, unit),
        "command": run.get("command") or command(run["plan"]),
        "judged": judged,
        "metrics": [key for key in next(iter(judged["scores"].values())) if key in TITLES],
        "each": [key for key in next(iter(judged["scores"].values())) if key not in TITLES],
        "titles": {key: _title(key, run) for key in TITLES},
        "lower": LOWER,
        "headline": headline(run, judged),
        "layers": layers,
        "layer_words": layer_words(layers, run),
        "layers_figure": _layers(layers, run),
        "legend": layer_key(raw="the atoms alone", seeds=1),
        "scores_figure": _scores(judged["scores"], run),
        "interval_words": interval_words(calibrated, unit),
        "calibrated": calibrated,
        "splits": splits,
        "ways": WAYS,
        "split_words": split_words(splits, kind, unit),
        "splits_figure": _splits(splits, run),
        "domain": domain,
        "domain_words": domain_words(domain, kind, unit),
        "domain_figure": _domain(domain, run),
        "cliffs": cliffs,
        "cliff_words": cliff_words(cliffs, kind),
        "cliffs_figure": _parting(cliffs, kind),
        "cliff_drawings": [_pair(pair, kind, unit) for pair in cliffs["examples"]],
        "stacking": stacking,
        "stacking_words": stacking and stacking_words(stacking, kind),
        "mistakes": [_mistake(wrong, kind, unit) for wrong in folder.found("mistakes")],
        "trained": folder.found("trained"),
        "left_out": [p["of"] for p in run["parts"].values()]
        if any(p["of"] != p["samples"] for p in run["parts"].values())
        else [],
        "atlas_file": ATLAS if (folder.path / ATLAS).is_file() else None,
        "seconds": folder.seconds(),
    }


def layer_words(found: dict[str, Any], run: dict[str, Any]) -> str:
    """What can be read from the layers, beside what needs no molecule."""
    test = run["parts"]["test"]
    frequent = max(test["answers"].values()) / test["samples"] if run["answers"] == "class" else None
    return curve_words(found, run["answers"], frequent)


def _title(key: str, run: dict[str, Any]) -> str:
    """With the unit, and of two classes with the one that is looked for."""
    if key in ("rmse", "mae") and run["unit"]:
        return f"{TITLES[key]}, {run['unit']}"
    two = run["answers"] == "class" and len(run["classes"]) == 2
    return f"{TITLES[key]} of “{run['classes'][1]}”" if two and key == "average_precision" else TITLES[key]


def _layers(found: dict[str, Any], run: dict[str, Any]) -> Markup:
    kind = run["answers"]

    def draw(ax) -> None:
        draw_layers([found], ax=ax)
        ax.set_ylabel(CURVE[kind])
        if kind != "class":
            ax.yaxis.set_major_formatter("{x:.1f}")

    return Markup(svg([draw], ["Graph network"], f"Layer curve. {layer_words(found, run)}", columns=1, height=3.2))


def _scores(scores: dict[str, Any], run: dict[str, Any]) -> Markup:
    metrics = FIRST[run["answers"]]
    said = (
        f"{TITLES[m]}: " + "; ".join(f"{name} {number(s[m]['value'])}" for name, s in scores.items()) for m in metrics
    )
    draws = [partial(_methods, {name: s[m] for name, s in scores.items()}, i > 0) for i, m in enumerate(metrics)]
    titles = [_title(m, run) + (" (left is better)" if m in LOWER else "") for m in metrics]
    return Markup(svg(draws, titles, ". ".join(said), columns=2, height=2.5))


def _methods(scores: dict[str, Any], bare: bool, ax) -> None:
    draw_methods(scores, ax)
    if bare:
        ax.set_yticklabels([])


def _splits(found: dict[str, Any], run: dict[str, Any]) -> Markup:
    kind, unit = run["answers"], run["unit"]
    draw = partial(draw_ways, found["ways"])
    return Markup(svg([draw], [of_lead(kind, unit)], split_words(found, kind, unit), columns=1, height=2.9))


def _domain(found: dict[str, Any], run: dict[str, Any]) -> Markup:
    kind, unit = run["answers"], run["unit"]
    draw = partial(draw_domain, found["bins"], found["trusted_from"], kind != "number")
    return Markup(svg([draw], [of_lead(kind, unit)], domain_words(found, kind, unit), columns=1, height=3.0))


def _parting(found: dict[str, Any], kind: str) -> Markup | None:
    if not found["stages"]:
        return None
    draws = [partial(draw_parting, found["stages"][net]) for net in ("trained", "untrained")]
    titles = ["Graph network", "Untrained twin"]
    return Markup(svg(draws, titles, cliff_words(found, kind), columns=2, height=3.0, share_y=True))


def _pair(pair: dict[str, Any], kind: str, unit: str) -> dict[str, Any]:
    """Two molecules, what one has and the other has not in purple."""
    both = pair["molecules"]
    marked = not_shared(*(one["smiles"] for one in both))
    return {
        "similarity": pair["similarity"],
        "how": "what only one of the two has is purple" if any(marked) else "the same atoms, in another arrangement",
        "molecules": [
            one
            | {
                "truth": _value(one["truth"], kind, unit),
                "said": None if one["said"] is None else _value(one["said"], kind, unit),
                "drawing": Markup(drawing(one["smiles"], f"{one['smiles']}, {one['truth']}", marked=own)),
            }
            for one, own in zip(both, marked, strict=True)
        ],
    }


def _mistake(wrong: dict[str, Any], kind: str, unit: str) -> dict[str, Any]:
    if kind == "labels":
        there = "missed" if wrong["there"] else "not there"
        answer = f"{wrong['said']}: {there}, probability {number(wrong['sure'])}"
    elif kind == "number":
        answer = f"says {_value(wrong['said'], kind, unit)}, measured {_value(wrong['truth'], kind, unit)}"
    else:
        answer = f"says {wrong['said']}, {share(wrong['sure'])} sure; measured {wrong['truth']}"
    picture = drawing(wrong["smiles"], f"{wrong['smiles']}; {answer}", wrong["atoms"])
    return wrong | {"answer": answer, "drawing": Markup(picture)}


def _value(value: Any, kind: str, unit: str) -> str:
    return f"{number(value)} {unit}".strip() if kind == "number" else str(value)
