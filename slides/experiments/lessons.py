"""Lessons 0, 1 and 2, run as they are; what their slides show is taken from their own variables."""

import contextlib
import io
import runpy
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from layerscope.judge import METRICS, Metric, compare, score
from layerscope.judge.statistics import confusion
from layerscope.lessons import engine
from layerscope.predictions import Predictions
from layerscope.see.activations import activations
from layerscope.see.curve import as_predictions
from layerscope.see.probe import probe

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
KEPT = (0, 30, 100, 300, 1000, 2000)  # steps of lesson 0 whose network is kept
MANY = 400_000  # people, of whom the best of all lines is the best there is
SHARES = (0.5, 0.02)  # of abnormal studies, in two clinics


def run(number: int) -> dict[str, Any]:
    """Everything that a lesson has computed, by name."""
    (file,) = LESSONS.glob(f"part*/DL-Example-{number}-*.py")
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # figures that nobody sees
        return runpy.run_path(str(file))


def share(score: Any) -> dict[str, float]:
    return {"value": score.value, "low": score.low, "high": score.high}


def lesson0() -> dict[str, Any]:
    return take0(run(0))


def take0(lesson: dict[str, Any]) -> dict[str, Any]:
    people, sick = lesson["people"], lesson["sick"]
    kept = [(step, net) for step, net in lesson["snapshots"] if step == 0]
    kept += [min(lesson["snapshots"], key=lambda found: abs(found[0] - step)) for step in KEPT[1:]]
    return {
        "people": people,
        "sick": sick,
        "new_people": len(lesson["new_sick"]),
        "steps": lesson["STEPS"],
        "rate": lesson["RATE"],
        "losses": lesson["losses"],
        "networks": [snapshot(step, net, lesson) for step, net in kept],
        "always": {
            "people": max(np.mean(sick), 1 - np.mean(sick)),
            "new": lesson["baseline"]["always the same answer"],
        },
        "line": best_line(lesson),
        "radius": radius(lesson),
        "curves": {kind: on_new_people(net, lesson) for kind, net in stages_of(lesson).items()},
        "widths": {"starts": lesson["scores"], "chosen": lesson["chosen"]},
        "without_bend": without_bend(lesson),
        "zeros": {"loss": lesson["zero_losses"][-1], "right": right(lesson["zero"], lesson)},
        "hoarder": {
            "losses": lesson["hoarded"],
            "lowest": min(lesson["hoarded"]),
            "last": lesson["hoarded"][-1],
            "right": right(lesson["hoarder"], lesson),
        },
        "gradients": {
            "computations": lesson["GRAPHS"],
            "from_pytorch": float(np.abs(lesson["found"][:, 0] - lesson["found"][:, 1]).max()),
        },
        "trap": {
            "labelled": lesson["LABELLED"],
            "nonsense": lesson["nonsense"],
            "claimed": lesson["claimed"],
            "honest": lesson["honest"],
        },
    }


def stages_of(lesson: dict[str, Any]) -> dict[str, Any]:
    return {"trained": lesson["net"], "untrained": lesson["untrained"]}


def on_new_people(net: Any, lesson: dict[str, Any]) -> list[float]:
    """What a straight cut that was fitted on the people tells of new people, after each stage."""
    fit, both = lesson["fit_line"], (lesson["people"], lesson["new_people"])
    stages = zip(*(lesson["values_after"](net, x) for x in both), strict=True)
    return [fit(h, lesson["sick"]).score(new, lesson["new_sick"]) for h, new in stages]


def best_line(lesson: dict[str, Any]) -> dict[str, Any]:
    """The lesson's best line, on the people for whom it was picked and on new ones; and the best line there is."""
    many = lesson["draw_people"](MANY, np.random.default_rng(lesson["SEED"] + 1))
    right, (normal, offset) = lesson["on_right_side"], lesson["cut"]
    return {
        "normal": normal,
        "offset": float(offset),
        "people": float(right(lesson["cut"], lesson["people"], lesson["sick"])),
        "new": float(right(lesson["cut"], lesson["new_people"], lesson["new_sick"])),
        "many": MANY,
        "best_of_many": float(right(lesson["best_line"](*many), *many)),
    }


def radius(lesson: dict[str, Any]) -> dict[str, float]:
    """One cut on the distance from normal, by the lesson's ruler."""
    near, new = (np.linalg.norm(lesson[name], axis=1, keepdims=True) for name in ("people", "new_people"))
    fitted = lesson["fit_line"](near, lesson["sick"])
    return {
        "cut": -float(fitted.intercept_[0]) / float(fitted.coef_[0, 0]),
        "people": fitted.score(near, lesson["sick"]),
        "new": fitted.score(new, lesson["new_sick"]),
    }


def right(net: Any, lesson: dict[str, Any]) -> float:
    return lesson["accuracy"](net, lesson["new_people"], lesson["new_sick"])


def snapshot(step: int, net: Any, lesson: dict[str, Any]) -> dict[str, Any]:
    """A network as its weights, and what it tells right."""
    return {"step": step, "weights": [p.value for p in net.parameters], "right": right(net, lesson)}


def without_bend(lesson: dict[str, Any]) -> float:
    """The same network, trained in the same way, whose layers do not bend."""
    flat = engine.MLP((2, 3, 2, 2), activation=lambda h: h, seed=lesson["SEED"])
    people, sick = lesson["people"], lesson["sick"]
    for _ in range(lesson["STEPS"]):
        engine.forget(flat.parameters)
        engine.cross_entropy(flat(people), sick).backward()
        engine.descend(flat.parameters, lesson["RATE"])
    return right(flat, lesson)


def lesson1() -> dict[str, Any]:
    return take1(run(1))


def take1(lesson: dict[str, Any]) -> dict[str, Any]:
    world = {
        name: {m: share(s) for m, s in found.items()} | {"samples": next(iter(found.values())).samples}
        for name, found in lesson["scored"].items()
    }
    tasks = [
        {"asked": asked, "learned": learned, "stage": stage, "right": value}
        for (asked, learned, stage), value in lesson["layers_read"].items()
    ]
    return {
        "classes": lesson["classes"],
        "twins": {"random": lesson["at_random"], "groups": lesson["by_group"]},
        "remembers": {how: share(s) for how, s in lesson["remembers"].items()},
        "simple": lesson["simple"],
        "sizes": lesson["sizes"],
        "shift": {"pixels": lesson["shifts"], "right": lesson["shifted"]},
        "colleague": {
            "labels": lesson["LABELS"],
            "claimed": lesson["colleague"],
            "mended": lesson["mended"],
            "must_fail": lesson["must_fail"],
        },
        "tasks": tasks,
        "questions": questions(lesson),
        "kernels": lesson["cnn"].blocks[0].conv.weight.detach()[:, 0].numpy(),
        "test": world,
    }


def questions(lesson: dict[str, Any]) -> dict[str, Any]:
    """The three questions, read from the last layer, with intervals; and each network against one without learning."""
    val, look = (lesson["questions"][name] for name in ("val", "look"))
    said: dict[tuple[str, str], Predictions] = {}
    for learned, network in lesson["task_networks"].items():
        fitted, scored = (activations(network, part["organ"])["logits"] for part in (val, look))
        for asked in val:
            guess = probe(fitted, val[asked].targets, scored, len(val[asked].classes)).argmax(dim=1).numpy()
            said[asked, learned] = as_predictions(guess, look[asked])
    accuracy = METRICS["accuracy"]
    rows = [
        {"asked": asked, "learned": learned}
        | score(accuracy, p)._asdict()
        | {"ahead_of_nothing": compare(p, said[asked, "nothing"], accuracy)}
        for (asked, learned), p in said.items()
    ]
    return {"seed": lesson["SEED"], "fitted_on": len(val["organ"]), "read": rows}


def lesson2() -> dict[str, Any]:
    return take2(run(2))


def take2(lesson: dict[str, Any]) -> dict[str, Any]:
    return {
        "synthetic": lesson["synthetic"],
        "unit": {
            name: share(s) | {"cases": len(lesson["units"][name]), "patients": s.groups}
            for name, s in lesson["aurocs"].items()
        },
        "patients": {
            "numbers": lesson["numbers"],
            "kappa": [share(s) for s in lesson["widths"]],
        },
        "study_mistake": {
            **study_mistake(lesson),
            "studies": len(lesson["p_2021"]),
            "mixed": len(lesson["mixed"]),
            "labels_agree": lesson["labels_agree"],
        },
        "threshold": {
            "steps": lesson["steps"],
            "curves": {name: lesson["found"][name] for name in ("sensitivity", "specificity", "kappa")},
            "chosen": lesson["thresholds"]["mean"],
            **at_threshold(lesson),
        },
        "pointing": {name: found.mean() for name, found in lesson["pointed"].items()},
    }


def study_mistake(lesson: dict[str, Any]) -> dict[str, Any]:
    """Kappa by the wrong lists of films and by the right ones, and the difference; intervals over patients."""
    now, kappa = lesson["decided"]["mean"], METRICS["kappa"]
    said = (lesson["p_2021"] > lesson["thresholds"]["mean"]).astype(int)
    before = replace(now, probs=np.eye(2)[said])
    return {
        "before": share(score(kappa, before)),
        "after": share(score(kappa, now)),
        "difference": compare(before, now, kappa),
    }


def at_threshold(lesson: dict[str, Any]) -> dict[str, Any]:
    """What the chosen threshold finds, in whom, and what its alarms are worth in two clinics."""
    decided = lesson["decided"]["mean"]
    every = {name: lesson["table"]["all"][name] for name in ("sensitivity", "specificity")}
    abnormal = int(decided.targets.sum())
    return {
        **{name: share(found) for name, found in every.items()},
        "abnormal": abnormal,
        "normal": len(decided) - abnormal,
        "patients": decided.owners.groups,
        "alarms_right": {at: share(score(alarms_right(at), decided)) for at in SHARES},
    }


def alarms_right(prevalence: float) -> Metric:
    """Positive predictive value where so many are ill, with the sensitivity and specificity that were seen."""

    def formula(counts: np.ndarray) -> np.ndarray:
        ill = prevalence * counts[:, 1, 1] / counts[:, 1].sum(axis=1)
        well = (1 - prevalence) * counts[:, 0, 1] / counts[:, 0].sum(axis=1)
        return ill / (ill + well)

    return Metric("Alarms that are right", confusion, formula)
