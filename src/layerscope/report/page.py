"""The page: everything that a run found, as figures, tables and sentences."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from layerscope.checkpoint import write_text
from layerscope.draw.curves import draw_few_labels, draw_learning
from layerscope.draw.layers import draw_alike, draw_layers, layer_key
from layerscope.draw.scores import draw_confusion, draw_reliability, draw_scores, draw_strata
from layerscope.draw.style import name
from layerscope.judge import METRICS, READING
from layerscope.numbers import number, share
from layerscope.report import words
from layerscope.report.figure import png, svg
from layerscope.study.cases import FIRST
from layerscope.study.facts import command
from layerscope.study.folder import ATLAS, SMALL_ATLAS, RunFolder

WORLDS = {"clean": "Clean images", "wild": "In the wild"}


def write_report(path: Path) -> Path:
    """Write report.html into a run folder; it shows whatever steps the run has finished.

    Raises:
        DataError: if it is not a run folder.
    """
    folder = RunFolder(path)
    environment = Environment(loader=PackageLoader("layerscope", "report"), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"number": number, "percent": share, "name": name}
    page = environment.get_template("page.html.jinja").render(**contents(folder))
    out = path / "report.html"
    write_text(out, page)
    return out


def contents(folder: RunFolder) -> dict[str, Any]:
    run = folder.run
    judged = {world: folder.found(f"judged-{world}") for world in WORLDS}
    few = {world: folder.found(f"few-{world}") for world in WORLDS}
    flattered, cases = folder.found("flattered"), _cases(folder)
    return {
        "run": run,
        "command": run.get("command") or command(run["plan"]),
        "worlds": WORLDS,
        "titles": {key: metric.title for key, metric in METRICS.items()},
        "judged": judged,
        "headline": words.headline(run, judged),
        "headline_cases": cases and words.cases_decided(cases["found"]["clean"]),
        "reading": {key: metric.title for key, metric in READING.items()},
        "cases": cases,
        "layers": {net: _layers(folder, net) for net in ("cnn", "mlp")},
        "alike": _alike(folder),
        "atlas": folder.text(SMALL_ATLAS),
        "atlas_file": ATLAS if (folder.path / ATLAS).is_file() else None,
        "learning": _learning(folder),
        "scores_figure": _scores(judged),
        "confusion": _confusion(judged, run),
        "reliability": _reliability(judged),
        "few": few,
        "few_figure": _few(few),
        "few_words": [words.depth_pays(found, world) for world, found in few.items()],
        "flattered": flattered,
        "flattering": words.flattering(flattered, run["plan"]["split"]),
        "trained": {f"{world} {net}": _networks(folder, world, net) for world in WORLDS for net in ("cnn", "mlp")},
        "pictures": _pictures(folder),
        "seconds": folder.seconds(),
    }


def _layers(folder: RunFolder, net: str) -> dict[str, Any]:
    seeds = {world: folder.layers(world, net) for world in WORLDS}
    draws = [partial(_draw, draw_layers, seeds[world], few) for few in (False, True) for world in WORLDS]
    titles = [f"{title}: {what}" for what in ("all labels", "10 labels per class") for title in WORLDS.values()]
    sentences = {world: words.interpret(net, world, seeds[world]) for world in WORLDS}
    alt = f"Layer curves of the {net.upper()}. " + " ".join(s for pair in sentences.values() for s in pair)
    figure = svg(draws, titles, alt, share_y=False)
    return {
        "figure": Markup(figure),
        "sentences": sentences,
        "legends": (layer_key(), layer_key(few=True)),
        "seeds": seeds,
    }


def _alike(folder: RunFolder) -> Markup:
    found = {world: folder.found(f"alike-{world}") for world in WORLDS}
    draws = [partial(_draw, draw_alike, f["cka"], f["stages"]) for f in found.values()]
    first_last = "; ".join(
        f"{world}: first block {number(f['cka'][1][1])}, last {number(f['cka'][-1][-1])}" for world, f in found.items()
    )
    alt = f"Similarity (CKA) between the layers of two CNNs that differ only in their seed. {first_last}."
    return Markup(svg(draws, list(WORLDS.values()), alt, height=3.9))


def _learning(folder: RunFolder) -> Markup:
    seed = folder.run["plan"]["seeds"][0]
    histories = {
        w: {net: folder.found(f"trained-{w}-{net}-{seed}")["epochs"] for net in ("cnn", "mlp")} for w in WORLDS
    }
    draws = [partial(_draw, draw_learning, history) for history in histories.values()]
    last = "; ".join(
        f"{w}, {net.upper()}: training loss {number(e[-1]['train_loss'], '.3f')}"
        for w, h in histories.items()
        for net, e in h.items()
    )
    return Markup(svg(draws, list(WORLDS.values()), f"Learning curves. At the end: {last}."))


def _scores(judged: dict[str, Any]) -> Markup:
    accuracy = {world: {n: s["accuracy"] for n, s in found["scores"].items()} for world, found in judged.items()}
    draws = [partial(_draw, draw_scores, found) for found in accuracy.values()]
    said = "; ".join(
        f"{world}, {name(n)}: {share(s['value'])} right" for world, found in accuracy.items() for n, s in found.items()
    )
    return Markup(svg(draws, list(WORLDS.values()), f"Errors with 95 % intervals. {said}.", height=2.9))


def _cases(folder: RunFolder) -> dict[str, Any] | None:
    """What the section on cases shows; None where the data set has none, or the run is older than that section."""
    found = {world: folder.found(f"cases-{world}") for world in WORLDS}
    if not all(found.values()):
        return None
    published = folder.run.get("published", [])
    elsewhere: dict[str, list[float]] = {}
    notes: dict[str, list[str]] = {}  # on what set, by whom and with what caveat, to what
    for row in published:
        note = f"measured on {row['measured_on']}; {row['citation']}" + (f"; {row['caveat']}" if row["caveat"] else "")
        notes.setdefault(note, []).append(f"{row['who']} ({READING[row['metric']].title})")
        for stratum, value in row["values"].items() if row["metric"] == "kappa" else ():
            elsewhere.setdefault(stratum, []).append(value)
    kappa = {
        world: {stratum: s["kappa"] for stratum, s in f["ways"][FIRST]["scores"].items()} for world, f in found.items()
    }
    draws = [
        partial(_draw, draw_strata, kappa[world], elsewhere if world == "clean" else {}, "Cohen's kappa")
        for world in WORLDS
    ]
    sentences = [words.by_case(f, world) for world, f in found.items()]
    alt = "Cohen's kappa by case, with 95 % intervals. " + " ".join(sentences)
    return {
        "found": found,
        "first": FIRST,
        "level": {world: words.ahead_level(f) for world, f in found.items()},
        "sentences": sentences,
        "figure": Markup(svg(draws, list(WORLDS.values()), alt, height=1.1 + 0.3 * len(kappa["clean"]))),
        "published": published,
        "notes": notes,
        "strata": list(dict.fromkeys(stratum for row in published for stratum in row["values"])),
    }


def _confusion(judged: dict[str, Any], run: dict[str, Any]) -> Markup:
    draws = [partial(_draw, draw_confusion, found["confusion"], run["classes"]) for found in judged.values()]
    wrong = {
        world: int(np.array(found["confusion"]).sum() - np.trace(found["confusion"])) for world, found in judged.items()
    }
    alt = (
        "Confusion matrices of the CNN: "
        + "; ".join(f"{count} mistakes, {world}" for world, count in wrong.items())
        + "."
    )
    return Markup(svg(draws, list(WORLDS.values()), alt, height=4.4))


def _reliability(judged: dict[str, Any]) -> Markup:
    draws = [partial(_draw, draw_reliability, found["reliability"]) for found in judged.values()]
    errors = "; ".join(
        f"{w}, {net.upper()}: {number(j['scores'][net]['ece']['value'], '.3f')}"
        for w, j in judged.items()
        for net in ("cnn", "mlp")
    )
    return Markup(svg(draws, list(WORLDS.values()), f"Calibration. Expected calibration error: {errors}."))


def _few(few: dict[str, Any]) -> Markup:
    draws = [partial(_draw, draw_few_labels, found) for found in few.values()]
    alt = "Accuracy against labels per class. " + " ".join(
        words.depth_pays(found, world) for world, found in few.items()
    )
    return Markup(svg(draws, list(WORLDS.values()), alt, share_y=False))


def _networks(folder: RunFolder, world: str, net: str) -> dict[str, Any]:
    found = [folder.found(f"trained-{world}-{net}-{seed}") for seed in folder.run["plan"]["seeds"]]
    return {
        "parameters": found[0]["parameters"],
        "accuracies": [f["accuracy"] for f in found],
        "epochs": found[0]["epochs"],
        "best": found[0]["best"],
    }


def _pictures(folder: RunFolder) -> dict[str, list[dict[str, Any]]]:
    columns, classes = folder.pictures(), folder.run["classes"]
    found = {}
    for key in (k.removesuffix("-pixels") for k in columns if k.endswith("-pixels")):
        pixels, probs, targets, ids = (columns[f"{key}-{part}"] for part in ("pixels", "probs", "targets", "ids"))
        found[key] = [
            {
                "src": png(image),
                "id": str(sample),
                "truth": classes[target],
                "guess": classes[int(p.argmax())],
                "probs": sorted(zip(p.tolist(), classes, strict=True), reverse=True)[:3],
            }
            for image, p, target, sample in zip(pixels, probs, targets, ids, strict=True)
        ]
    return found


def _draw(draw, data, *args_then_ax) -> None:
    *args, ax = args_then_ax
    draw(data, *args, ax=ax)
