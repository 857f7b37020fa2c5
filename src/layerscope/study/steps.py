"""The steps of a study. Each takes what it needs and returns what it found, as plain values."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from layerscope.checkpoint import build
from layerscope.data.leaks import twins
from layerscope.data.splits import SPLITS
from layerscope.dataset import at_most, few
from layerscope.judge import METRICS, compare, reliability, scores
from layerscope.models.baseline import BASELINES
from layerscope.models.layered import Layered
from layerscope.predictions import Predictions
from layerscope.progress import Progress, silent
from layerscope.see.activations import activations, untrained
from layerscope.see.curve import Reading, layer_curve, learned
from layerscope.see.similarity import similarity
from layerscope.study.data import Parts, StudyData, thin
from layerscope.study.plan import Plan, few_label_recipe
from layerscope.train import Recipe, fit, moments, predict


def networks(plan: Plan, data: StudyData) -> dict[str, Any]:
    train = data.worlds["clean"]["train"]
    return plan.networks(len(train), len(data.classes), *train.inputs.pixels.shape[1:])


def trained(
    plan: Plan, data: StudyData, parts: Parts, net: str, seed: int, folder: Path | None, progress: Progress, what: str
) -> tuple[Layered, Any]:
    """A network trained on `parts`, and its history."""
    config, recipe = networks(plan, data)[net]
    model = build(net, vars(config), seed)
    train, val = parts["train"], parts["val"]
    recipe = Recipe(**{**vars(recipe), "seed": seed})
    if plan.labels is not None:  # with few labels there are none to spare for choosing an epoch
        recipe, val = few_label_recipe(recipe, len(train), plan.few_label_steps, seed), None
    keep = moments(len(train), recipe) if seed == plan.seed else ()
    return model, fit(model, train, val, recipe, folder, progress, what, keep)


def flattered(plan: Plan, data: StudyData, honest: dict[str, float], progress: Progress) -> dict[str, Any]:
    """What a random split would have put on both sides, and how much it flatters each network and baseline."""
    limits = plan.limits(len(data.classes))
    parts = SPLITS["random"](data.loaded.dataset, plan.seed)
    random = {name: thin(part, limits[name], plan.seed) for name, part in parts.items()}
    if plan.labels is not None:
        random["train"] = few(random["train"], plan.labels, plan.seed)
    found = {}
    for name, baseline in BASELINES.items():
        progress("judging by random split", len(found), len(honest), "networks and baselines")
        found[name] = accuracy(baseline(random["train"], random["test"]))
    for net in networks(plan, data):
        progress("judging by random split", len(found), len(honest), "networks and baselines")
        model, _ = trained(plan, data, random, net, plan.seed, None, silent, "")
        found[net] = accuracy(predict(model, random["test"]))
    crossing, together = {}, {}
    for how, parts in (("random", random), (plan.split, data.worlds["clean"])):
        train, test = parts["train"], parts["test"]
        near = twins(test.inputs.pixels, test.targets.numpy(), train.inputs.pixels, train.targets.numpy())
        own = [near[test.targets.numpy() == k].mean() for k in range(len(data.classes))]
        crossing[how] = {"all": near.mean(), **dict(zip(data.classes, own, strict=True))}
        together[how] = np.isin(test.groups, train.groups).mean()
    gain = {name: {"random": value, "honest": honest[name]} for name, value in found.items()}
    return {"accuracy": gain, "twins": crossing, "together": together}


def judged(all_predictions: dict[str, Predictions], plan: Plan) -> dict[str, Any]:
    """Every metric with its interval for every classifier, and the network against each of the others."""
    own = all_predictions["cnn"]
    return {
        "scores": {name: scores(p, resamples=plan.resamples, seed=plan.seed) for name, p in all_predictions.items()},
        "differences": {
            name: compare(own, p, METRICS["accuracy"], resamples=plan.resamples, seed=plan.seed)
            for name, p in all_predictions.items()
            if name != "cnn"
        },
        "reliability": {name: reliability(all_predictions[name]) for name in ("cnn", "mlp")},
        "confusion": confusion(own),
    }


def confusion(p: Predictions) -> np.ndarray:
    k = len(p.classes)
    return np.bincount(p.targets * k + p.guess, minlength=k * k).reshape(k, k)


def few_labels(plan: Plan, data: StudyData, world: str, progress: Progress) -> list[dict[str, Any]]:
    """Accuracy against labels per class: the same draws for every method."""
    parts = data.worlds[world]
    train, test = parts["train"], at_most(parts["test"], plan.read, plan.seed)
    least = int(torch.bincount(train.targets).min())
    cells = [(n, draw) for n in plan.few_labels if n <= least for draw in range(plan.draws)]
    found = []
    for i, (labels, draw) in enumerate(cells):
        progress(f"learning from few labels, {world}", i, len(cells), "draws")
        drawn = few(train, labels, plan.seed + draw)
        for name in ("nearest neighbour", "logistic regression"):
            found.append(
                {"method": name, "labels": labels, "draw": draw, "accuracy": accuracy(BASELINES[name](drawn, test))}
            )
        for net, (config, recipe) in networks(plan, data).items():
            model = build(net, vars(config), plan.seed + draw)
            fit(model, drawn, None, few_label_recipe(recipe, len(drawn), plan.few_label_steps, plan.seed + draw))
            found.append({"method": net, "labels": labels, "draw": draw, "accuracy": accuracy(predict(model, test))})
    return found


def layers(model: Layered, parts: Parts, plan: Plan, seed: int) -> dict[str, Any]:
    """The layer curves of a trained network and of its untrained twin, read from validation and test samples."""
    fit_on, score_on = (at_most(parts[name], plan.read, plan.seed) for name in ("val", "test"))
    twin = untrained(model, parts["train"], seed + 1000)
    trained, without = (layer_curve(network, fit_on, score_on, seed) for network in (model, twin))
    return {
        "trained": [written(reading) for reading in trained],
        "untrained": [written(reading) for reading in without],
        "learned": learned(trained, without, score_on),
    }


def written(reading: Reading) -> dict[str, Any]:
    """All but the single guesses."""
    return {key: value for key, value in vars(reading).items() if key not in ("guess", "nearest")}


def alike(a: Layered, b: Layered, parts: Parts, plan: Plan) -> dict[str, Any]:
    """CKA between the layers of two networks on the same test images."""
    test = at_most(parts["test"], min(plan.read, 2000), plan.seed)
    first, second = activations(a, test), activations(b, test)
    return {"stages": list(first), "cka": similarity(first, second).numpy()}


def pictures(
    data: StudyData, predictions: dict[str, Predictions], per_class: int = 6, most: int = 12
) -> dict[str, np.ndarray]:
    """Images worth a look, as columns: examples of each class, the most confident mistakes, the least certain."""
    columns = {}
    for world, p in predictions.items():
        test = data.worlds[world]["test"]
        own = [np.flatnonzero(p.targets == k) for k in range(len(p.classes))]
        examples = np.concatenate([rows[np.linspace(0, len(rows) - 1, per_class).astype(int)] for rows in own])
        wrong = np.flatnonzero(p.guess != p.targets)
        sure = p.probs.max(axis=1)
        second = np.sort(p.probs, axis=1)[:, -2]
        chosen = {
            "examples": examples,
            "mistakes": wrong[np.argsort(-sure[wrong], kind="stable")][:most],
            "uncertain": np.argsort(sure - second, kind="stable")[:most],
        }
        for kind, rows in chosen.items():
            columns[f"{world}-{kind}-pixels"] = test.inputs.pixels[torch.from_numpy(rows)].numpy()
            columns[f"{world}-{kind}-probs"] = p.probs[rows]
            columns[f"{world}-{kind}-targets"] = p.targets[rows]
            columns[f"{world}-{kind}-ids"] = np.asarray(p.ids[rows], dtype=np.str_)
    return columns


def accuracy(p: Predictions) -> float:
    return float((p.guess == p.targets).mean())
