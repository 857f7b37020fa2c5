"""The study of texts that may have several labels each: baselines, a transformer, a pretrained one, their layers."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from layerscope.data.loaded import Loaded
from layerscope.data.splits import SPLITS
from layerscope.data.textleaks import crossing
from layerscope.dataset import Dataset, at_most
from layerscope.judge.multilabel import MultiLabel, thresholds
from layerscope.judge.multilabel_interval import compare, scores
from layerscope.models.answers import outputs
from layerscope.models.bag_labels import label_frequencies, line_labels, nearest_labels, tfidf_labels
from layerscope.models.layered import Layered
from layerscope.numbers import number
from layerscope.progress import Progress
from layerscope.see.activations import activations, untrained
from layerscope.see.label_curve import LabelReading, as_labels, label_curve, learned
from layerscope.study.facts import describe_source, peak_memory
from layerscope.study.folder import RunFolder
from layerscope.study.plan import at_least
from layerscope.study.textnets import NETWORKS, READ, WAYS, Parts, TextNetworks
from layerscope.study.textplan import LEAST
from layerscope.train import Recipe, choose_device

MEANS = ("micro_f1", "macro_f1", "mean_average_precision")
FIGURES = ("f1", "average_precision")  # of each label


@dataclass(frozen=True)
class LabelPlan:
    """Enough to repeat a run."""

    data: str
    split: str
    seed: int = 0
    quick: bool = False
    precision: str = "fp32"
    network: str = "minilm"  # the pretrained one: a name of models.encoder, of the hub, or a folder
    tokens: int | None = None  # of a text that are read, at most; None: as many as suit the time of a run

    @property
    def most(self) -> dict[str, int]:
        """Texts of each part."""
        return {"train": 480, "val": 200, "test": 250} if self.quick else {"train": 8000, "val": 1500, "test": 3000}

    @property
    def longest(self) -> int:
        """Tokens of a text that are read."""
        return self.tokens or (128 if self.quick else 512)

    def recipes(self, texts: int) -> dict[str, Recipe]:
        """Of each network that is trained, on so many texts."""
        short = self.quick
        base = Recipe(batch_size=16, seed=self.seed, precision=self.precision, label_smoothing=0.0)
        found = {
            "transformer": replace(base, epochs=4 if short else 15, lr=1e-3),
            "fine-tuned": replace(base, epochs=2 if short else 3, lr=6e-4, layer_decay=0.8),
        }
        return {net: at_least(recipe, texts, LEAST[net]) for net, recipe in found.items()}

    def describe(self) -> dict[str, Any]:
        return asdict(self)


class Answer(NamedTuple):
    """What one method says of both parts that it has not learned from."""

    val: MultiLabel  # thresholds are chosen on it
    test: MultiLabel


def study_labels(
    plan: LabelPlan, loaded: Loaded, path: Path, resume: bool, notes: Sequence[str], progress: Progress
) -> "LabelStudy":
    """Do every step that the folder does not hold yet.

    Args:
        notes: what a reader must know of the data, in whole sentences.

    Raises:
        DataError: if the folder holds another run, or the weights of the pretrained network cannot be had.
    """
    start = perf_counter()
    facts = describe_source(plan.describe(), loaded, "") | {"kind": "labels", "notes": list(notes)}
    folder = RunFolder.open(path, facts, resume)
    done = LabelStudy(plan, loaded, folder, progress)
    done.run()
    spent = folder.run.get("seconds", 0.0) + perf_counter() - start
    folder.update({"seconds": spent, "peak_memory": max(folder.run.get("peak_memory", 0), peak_memory())})
    return done


@dataclass(frozen=True)
class LabelStudy:
    plan: LabelPlan
    loaded: Loaded
    folder: RunFolder
    progress: Progress

    @cached_property
    def whole(self) -> Parts:
        return SPLITS[self.plan.split](self.loaded.dataset, self.plan.seed)

    @cached_property
    def parts(self) -> Parts:
        return {name: at_most(part, self.plan.most[name], self.plan.seed) for name, part in self.whole.items()}

    @cached_property
    def nets(self) -> TextNetworks:
        plan = self.plan
        recipes = plan.recipes(len(self.parts["train"]))
        return TextNetworks(self.parts, recipes, plan.network, plan.longest, plan.seed, self.folder, self.progress)

    def run(self) -> None:
        once, folder = self.folder.once, self.folder
        folder.update({"parts": sizes(self.parts, self.whole), "pretrained": self.nets.pretrained.says})
        once("unread", self.nets.unread)
        for net in NETWORKS:
            once(f"trained-{net}", lambda net=net: self.nets.train(net))
        answers = self.answers()
        once("judged", lambda: judged(answers, self.plan))
        once("leaks", self.leaks)
        for net in READ:
            self.progress("looking into the layers", 0, None, net)
            once(f"layers-{net}", lambda net=net: self.layers(net))
        own = answers["fine-tuned"]
        once("examples", lambda: mistakes(own, self.parts["test"].inputs.strings.tolist()))
        write_labels(own.test, folder.path / "predictions.csv")
        self.nets.save(self.card)

    def answers(self) -> dict[str, Answer]:
        """Of networks and baselines."""
        train, asked = self.parts["train"], [self.parts["val"], self.parts["test"]]
        self.progress("embedding texts with the frozen network", 0, None, "")
        tokens, model = self.nets.tokens("pretrained"), self.nets.pretrained.model
        x, *q = (activations(model, tokens[part], 64)["pool"] for part in ("train", "val", "test"))
        found = {
            "frozen, straight line": line_labels(x, train, q),
            "frozen, nearest": nearest_labels(x, train, q),
            "bag of letters": tfidf_labels(train, asked, "letters"),
            "bag of words": tfidf_labels(train, asked),
            "label frequencies": [label_frequencies(train, len(part)) for part in asked],
        }
        baselines = {
            name: Answer(*(as_labels(probs, part) for probs, part in zip(both, asked, strict=True)))
            for name, both in found.items()
        }
        return {net: self.said(net) for net in reversed(NETWORKS)} | baselines

    def said(self, net: str) -> Answer:
        model, tokens = self.nets.network(net), self.nets.tokens(net)
        return Answer(*(predict_labels(model, tokens[part]) for part in ("val", "test")))

    def leaks(self) -> dict[str, int]:
        """Test texts that stand in training as well."""
        train, test = (self.parts[part].inputs.strings.tolist() for part in ("train", "test"))
        both = crossing(train, test)
        return {"test": len(test), "identical": len(both.identical), "near": len(both.near)}

    def layers(self, net: str) -> dict[str, Any]:
        """Probes learn from validation and are scored on test texts; the twin is the same network, never trained."""
        tokens = self.nets.tokens(net)
        curve = label_curve(self.nets.network(net), tokens["val"], tokens["test"], self.plan.seed)
        twin = self.untrained_encoder if net != "transformer" else self.twin(net)
        return {
            "trained": [reading.written() for reading in curve],
            "untrained": [reading.written() for reading in twin],
            "learned": learned(curve, twin),
        }

    @cached_property
    def untrained_encoder(self) -> list[LabelReading]:
        """The twin of the pretrained network, before and after fine-tuning."""
        return self.twin("pretrained")

    def twin(self, net: str) -> list[LabelReading]:
        tokens = self.nets.tokens(net)
        twin = untrained(self.nets.network(net), tokens["train"], self.plan.seed + 1000)
        return label_curve(twin, tokens["val"], tokens["test"], self.plan.seed)

    def card(self, net: str) -> str:
        run, own = self.folder.run, self.folder.found("judged")["scores"][net]["micro_f1"]
        return (
            f"# {WAYS[net]}, for {run['source']['title']}\n\nBy layerscope, seed {self.plan.seed}, split "
            f"`{self.plan.split}`. `layerscope predict` reads texts with it. A text may have several labels: take the "
            f"sigmoid of each output.\n\n- Data: {run['origin']}. Licence {run['source']['license']}.\n- Groups: "
            f"{run['source']['group']}.\n- Micro F1 on {run['parts']['test']['samples']:,} test texts: "
            f"{number(own['value'], '.3f')} (95 % interval {number(own['low'], '.3f')} to {number(own['high'], '.3f')})"
            ".\n\nMade for teaching. Not a medical device.\n"
        )


def predict_labels(model: Layered, dataset: Dataset, batch_size: int = 64) -> MultiLabel:
    """A probability of each label of each sample, in the order of the data set."""
    return as_labels(outputs(model, dataset, choose_device(), batch_size).double().sigmoid().numpy(), dataset)


def judged(answers: dict[str, Answer], plan: LabelPlan) -> dict[str, Any]:
    """Every metric with its interval, and the fine-tuned network against each of the others, paired."""
    resamples = 1000 if plan.quick else 2000
    cuts = {name: thresholds(answer.val) for name, answer in answers.items()}
    own = answers["fine-tuned"].test
    return {
        "scores": {
            name: scores(answer.test, cuts[name], resamples=resamples, seed=plan.seed)
            for name, answer in answers.items()
        },
        "differences": {
            name: compare(own, answer.test, cuts["fine-tuned"], cuts[name], resamples=resamples, seed=plan.seed)
            for name, answer in answers.items()
            if name != "fine-tuned"
        },
        "thresholds": cuts,
    }


def mistakes(answer: Answer, texts: Sequence[str], most: int = 12) -> list[dict[str, Any]]:
    """The wrong and the missed labels that are farthest from their threshold, each text once, as it was written."""
    p, cut = answer.test, thresholds(answer.val)
    guess = p.guess(cut)
    far = np.where(guess == p.targets, -1.0, np.abs(_logit(p.probs) - _logit(cut)))
    label = far.argmax(axis=1)
    worst = far.max(axis=1)
    rows = [i for i in np.argsort(-worst, kind="stable")[:most] if worst[i] >= 0]
    return [
        {
            "id": str(p.ids[i]),
            "text": texts[i],
            "truth": [name for name, true in zip(p.classes, p.targets[i], strict=True) if true],
            "guess": [name for name, said in zip(p.classes, guess[i], strict=True) if said],
            "label": p.classes[label[i]],
            "missed": bool(p.targets[i, label[i]]),
            "sure": float(p.probs[i, label[i]]),
            "threshold": float(cut[label[i]]),
        }
        for i in rows
    ]


def _logit(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return np.log(p / (1 - p))


def write_labels(p: MultiLabel, path: Path) -> None:
    """Columns id, group, and of each label whether it is true (1 or 0) and its probability, p(label)."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "group", *p.classes, *(f"p({name})" for name in p.classes)])
        for name, group, true, probs in zip(p.ids, p.groups.tolist(), p.targets, p.probs.tolist(), strict=True):
            writer.writerow([name, group, *true.astype(int).tolist(), *probs])


def sizes(parts: Parts, whole: Parts) -> dict[str, Any]:
    """Texts and groups of each part, texts with each label, and with none, and the texts that there would have been."""
    return {
        name: {
            "samples": len(part),
            "of": len(whole[name]),
            "groups": len(np.unique(part.groups)),
            "classes": dict(zip(part.classes, part.targets.sum(dim=0).tolist(), strict=True)),
            "none": int((~part.targets.any(dim=1)).sum()),
        }
        for name, part in parts.items()
    }
