"""Lessons 0, 1 and 2, run as they are; what their slides show is taken from their own variables."""

import contextlib
import io
import runpy
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from layerscope.lessons import engine

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
KEPT = (0, 30, 100, 300, 1000, 2000)  # steps of lesson 0 whose network is kept


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
    people, sick, line = lesson["people"], lesson["sick"], lesson["line_accuracy"]
    kept = [(step, net) for step, net in lesson["snapshots"] if step == 0]
    kept += [min(lesson["snapshots"], key=lambda found: abs(found[0] - step)) for step in KEPT[1:]]
    radius = np.linalg.norm(people, axis=1, keepdims=True)
    return {
        "people": people,
        "sick": sick,
        "new_people": len(lesson["new_sick"]),
        "steps": lesson["STEPS"],
        "rate": lesson["RATE"],
        "losses": lesson["losses"],
        "networks": [snapshot(step, net, lesson) for step, net in kept],
        "curves": lesson["curves"],
        "halfway": lesson["cuts"],
        "radius": line(radius, sick),
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
        "landscape": landscape(lesson),
        "trap": {
            "labelled": lesson["LABELLED"],
            "nonsense": lesson["nonsense"],
            "claimed": lesson["claimed"],
            "honest": lesson["honest"],
        },
    }


def right(net: Any, lesson: dict[str, Any]) -> float:
    return lesson["accuracy"](net, lesson["new_people"], lesson["new_sick"])


def snapshot(step: int, net: Any, lesson: dict[str, Any]) -> dict[str, Any]:
    """A network as its weights, and what a straight cut tells at each stage."""
    stages = lesson["values_after"](net, lesson["people"])
    return {
        "step": step,
        "weights": [p.value for p in net.parameters],
        "right": right(net, lesson),
        "cuts": [lesson["line_accuracy"](h, lesson["sick"]) for h in stages],
    }


def without_bend(lesson: dict[str, Any]) -> float:
    """The same network, trained in the same way, whose layers do not bend."""
    flat = engine.MLP((2, 3, 2, 2), activation=lambda h: h, seed=lesson["SEED"])
    people, sick = lesson["people"], lesson["sick"]
    for _ in range(lesson["STEPS"]):
        engine.forget(flat.parameters)
        engine.cross_entropy(flat(people), sick).backward()
        engine.descend(flat.parameters, lesson["RATE"])
    return right(flat, lesson)


def landscape(lesson: dict[str, Any]) -> dict[str, Any]:
    """The loss around the way that training took, in the plane of its two widest directions.

    Reference: Li et al. 2018, arXiv:1712.09913.
    """
    flat = np.array([np.concatenate([p.value.ravel() for p in net.parameters]) for _, net in lesson["snapshots"]])
    end = flat[-1]
    (one, two) = np.linalg.svd(flat - end, full_matrices=False)[2][:2]
    way = (flat - end) @ np.stack([one, two], axis=1)
    low, high = way.min(axis=0), way.max(axis=0)
    pad = 0.25 * (high - low).max()
    x, y = (np.linspace(low[i] - pad, high[i] + pad, 41) for i in (0, 1))
    losses = [[loss_at(end + a * one + b * two, lesson) for a in x] for b in y]
    return {"x": x, "y": y, "losses": losses, "way": way}


def loss_at(weights: np.ndarray, lesson: dict[str, Any]) -> float:
    net = engine.MLP((2, 3, 2, 2))
    at = 0
    for p in net.parameters:
        p.value[...] = weights[at : at + p.value.size].reshape(p.value.shape)
        at += p.value.size
    return float(engine.cross_entropy(net(lesson["people"]), lesson["sick"]).value)


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
        "kernels": lesson["cnn"].blocks[0].conv.weight.detach()[:, 0].numpy(),
        "test": world,
    }


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
            "before": lesson["kappa_2021"],
            "after": lesson["kappa_now"],
            "studies": len(lesson["p_2021"]),
            "mixed": len(lesson["mixed"]),
            "labels_agree": lesson["labels_agree"],
        },
        "threshold": {
            "steps": lesson["steps"],
            "curves": {name: lesson["found"][name] for name in ("sensitivity", "specificity", "kappa")},
            "chosen": lesson["thresholds"]["mean"],
            "sensitivity": lesson["sensitivity"],
            "specificity": lesson["specificity"],
        },
        "pointing": {name: found.mean() for name, found in lesson["pointed"].items()},
    }
