"""The study of a data set of texts, top to bottom: baselines, a transformer from scratch, a pretrained one, layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from layerscope.checkpoint import write_text
from layerscope.data.loaded import Loaded
from layerscope.data.splits import SPLITS, as_published
from layerscope.data.textleaks import crossing
from layerscope.dataset import at_most, few
from layerscope.judge import METRICS, compare, reliability, scores
from layerscope.maps.atlas import atlas
from layerscope.models.bag import line, nearest_text, tfidf
from layerscope.models.baseline import majority
from layerscope.models.layered import Layered
from layerscope.numbers import number
from layerscope.predictions import Predictions
from layerscope.progress import Progress
from layerscope.see.activations import activations, untrained
from layerscope.see.curve import layer_curve, learned
from layerscope.study.facts import describe_source, peak_memory
from layerscope.study.folder import ATLAS, RunFolder
from layerscope.study.steps import accuracy, confusion, written
from layerscope.study.textlook import TERMS, TREES, changed, failures, names, slices, tree_fits
from layerscope.study.textnets import READ, TRAINED, WAYS, Parts, TextNetworks
from layerscope.study.textplan import TextPlan
from layerscope.train import Recipe, predict


def study_texts(
    plan: TextPlan,
    loaded: Loaded,
    path: Path,
    resume: bool,
    notes: Sequence[str],
    progress: Progress,
    file: Path | None = None,
) -> "TextStudy":
    """Do every step that the folder does not hold yet.

    Args:
        notes: what a reader must know of the data, in whole sentences.
        file: that the user gave the data in, if so: where they name terms of a tree, it is read from there too.

    Raises:
        DataError: if the folder holds another run, or the weights of the pretrained network cannot be had.
    """
    start = perf_counter()
    facts = describe_source(plan.describe(), loaded, "") | {"kind": "texts", "notes": list(notes)}
    folder = RunFolder.open(path, facts, resume)
    done = TextStudy(plan, loaded, folder, progress, file)
    done.run()
    spent = folder.run.get("seconds", 0.0) + perf_counter() - start
    folder.update({"seconds": spent, "peak_memory": max(folder.run.get("peak_memory", 0), peak_memory())})
    return done


@dataclass(frozen=True)
class TextStudy:
    plan: TextPlan
    loaded: Loaded
    folder: RunFolder
    progress: Progress
    file: Path | None = None

    @cached_property
    def whole(self) -> Parts:
        return SPLITS[self.plan.split](self.loaded.dataset, self.plan.seed)

    @cached_property
    def parts(self) -> Parts:
        return self.cut(self.whole)

    def cut(self, parts: Parts) -> Parts:
        """No more texts of each part than the plan wants, and, of training texts, no more labels."""
        parts = {name: at_most(part, self.plan.most[name], self.plan.seed) for name, part in parts.items()}
        if self.plan.labels is not None:
            parts["train"] = few(parts["train"], self.plan.labels, self.plan.seed)
        return parts

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        return self.plan.recipes(len(self.parts["train"]))

    @cached_property
    def nets(self) -> TextNetworks:
        plan = self.plan
        return TextNetworks(self.parts, self.recipes, plan.network, plan.longest, plan.seed, self.folder, self.progress)

    def run(self) -> None:
        once, folder = self.folder.once, self.folder
        parts = sizes(self.parts, self.whole)
        folder.update({"parts": parts, "pretrained": self.nets.pretrained.says, "absent": absent(parts)})
        once("unread", self.nets.unread)
        for net in self.recipes:
            once(f"trained-{net}", lambda net=net: self.nets.train(net))
        predictions = self.predictions()
        once("judged", lambda: judged(predictions, self.plan))
        once("leaks", lambda: self.leaks())
        for net in READ:
            self.progress("looking into the layers", 0, None, net)
            once(f"layers-{net}", lambda net=net: self.layers(net))
        cut = slices(self.parts["test"])
        once("failures", lambda: failures(cut, predictions, self.plan.resamples, self.plan.seed))
        once("changed", lambda: self.changed())
        if self.plan.data in TREES:
            once("tree", lambda: self.tree())
        once("examples", lambda: self.examples(predictions["fine-tuned"]))
        predictions["fine-tuned"].to_csv(folder.path / "predictions.csv", self.loaded.group_names)
        self.nets.save(self.card)
        if not (folder.path / ATLAS).is_file():
            self.atlas()

    def predictions(self) -> dict[str, Predictions]:
        """Of networks and baselines, on the test part."""
        train, test = self.parts["train"], self.parts["test"]
        tokens = self.nets.tokens("pretrained")
        self.progress("embedding texts with the frozen network", 0, None, "")
        x, q = (activations(self.nets.pretrained.model, tokens[part])["pool"] for part in ("train", "test"))
        nets = reversed(self.recipes)
        return {
            **{net: predict(self.nets.network(net), self.nets.tokens(net)["test"], 64) for net in nets},
            "frozen, straight line": line(x, train, q, test),
            "frozen, nearest": nearest_text(x, train, q, test),
            "bag of letters": tfidf(train, test, "letters"),
            "bag of words": tfidf(train, test),
            "majority": majority(train, test),
        }

    def leaks(self) -> dict[str, Any]:
        """Test texts that stand in training as well, by a random split of single texts and by that of this run."""
        found = {}
        data, seed = self.loaded.dataset, self.plan.seed
        cuts = {"random": self.cut(SPLITS["random"](data, seed)), self.plan.split: self.parts}
        if self.plan.split == "given":
            cuts["published"] = as_published(data)
        for how, parts in cuts.items():
            self.progress("looking for twins across the split", 0, None, "")
            train, test = parts["train"], parts["test"]
            both = crossing(train.inputs.strings.tolist(), test.inputs.strings.tolist())
            found[how] = {
                "test": len(test),
                "identical": len(both.identical),
                "near": len(both.near),
                "group": int(np.isin(test.groups, train.groups).sum()),
                "bag of words": accuracy(tfidf(train, test)),
            }
        if "published" in found:
            found["published"]["left out"] = len(data) - sum(map(len, self.whole.values()))
        return found

    def layers(self, net: str) -> dict[str, Any]:
        """Probes learn from validation and are scored on test texts; the twin is the same network, never trained."""
        parts, model = self.nets.tokens(net), self.nets.network(net)
        curve = layer_curve(model, parts["val"], parts["test"], self.plan.seed)
        twin = layer_curve(untrained(model, parts["train"], self.plan.seed + 1000), parts["val"], parts["test"])
        return {
            "trained": [written(reading) for reading in curve],
            "untrained": [written(reading) for reading in twin],
            "learned": learned(curve, twin, parts["test"]),
        }

    @cached_property
    def twin(self) -> Layered:
        """The pretrained network as if it had never read anything."""
        return untrained(self.nets.pretrained.model, self.nets.tokens("pretrained")["train"], self.plan.seed + 1000)

    def changed(self) -> dict[str, Any]:
        """Of the pretrained network, stage by stage: by fine-tuning, and beside one that shares only the tokens."""
        self.progress("looking for what fine-tuning changed", 0, None, "")
        tuned = [net for net in ("fine-tuned", "adapters") if net in self.recipes]
        others = {**{net: self.nets.network(net) for net in tuned}, "untrained": self.twin}
        texts = at_most(self.nets.tokens("pretrained")["test"], 300 if self.plan.quick else 1000, self.plan.seed)
        return changed(self.nets.pretrained.model, others, texts)

    def tree(self) -> dict[str, Any]:
        """Whether texts lie near each other whose terms do in the ontology."""
        rows = names(self.parts["test"], 200 if self.plan.quick else TERMS, self.plan.seed)
        networks = {net: (self.nets.network(net), self.nets.tokens(net)["test"].rows(rows)) for net in READ}
        networks["untrained"] = self.twin, networks["pretrained"][1]
        tree = TREES[self.plan.data](self.file, self.progress)
        fits = tree_fits(networks, self.parts["test"].rows(rows), tree, self.plan.seed, self.progress)
        return {"terms": len(rows), "networks": fits}

    def examples(self, p: Predictions, most: int = 12) -> list[dict[str, Any]]:
        """The most confident mistakes, as they were written."""
        wrong = np.flatnonzero(p.guess != p.targets)
        rows = wrong[np.argsort(-p.probs.max(axis=1)[wrong], kind="stable")][:most]
        texts = self.parts["test"].inputs.strings
        return [
            {
                "id": str(p.ids[i]),
                "text": texts[i],
                "truth": p.classes[p.targets[i]],
                "guess": p.classes[p.guess[i]],
                "sure": float(p.probs[i].max()),
            }
            for i in rows
        ]

    def atlas(self, samples: int = 1000) -> None:
        """From the pretrained to the fine-tuned network, with the texts."""
        parts, shown = self.nets.tokens("fine-tuned"), 400 if self.plan.quick else samples
        test = parts["test"]
        made = atlas(
            {"pretrained": self.nets.pretrained.model, "fine-tuned": self.nets.network("fine-tuned")},
            test,
            fit_on=parts["val"],
            samples=shown,
            texts=self.parts["test"].inputs.strings.tolist(),
            title=f"{self.plan.network} on {self.loaded.dataset.source.title}",
            names=(self.plan.network, ""),
            seed=self.plan.seed,
            progress=self.progress,
        )
        write_text(self.folder.path / ATLAS, made.html)

    def card(self, net: str) -> str:
        run, own = self.folder.run, self.folder.found("judged")["scores"][net]["accuracy"]
        return (
            f"# {WAYS[net]}, for {run['source']['title']}\n\nBy layerscope, seed {self.plan.seed}, split "
            f"`{self.plan.split}`. `layerscope predict` reads texts with it.\n\n- Data: {run['origin']}. Licence "
            f"{run['source']['license']}.\n- Groups: {run['source']['group']}.\n- Accuracy on "
            f"{run['parts']['test']['samples']:,} test texts: {number(own['value'], '.3f')} (95 % interval "
            f"{number(own['low'], '.3f')} to {number(own['high'], '.3f')}).\n\nMade for teaching. Not a medical "
            "device.\n"
        )


def judged(found: dict[str, Predictions], plan: TextPlan) -> dict[str, Any]:
    """Every metric with its interval, and the fine-tuned network against each of the others, paired."""
    resamples, own = plan.resamples, found["fine-tuned"]
    return {
        "scores": {name: scores(p, resamples=resamples, seed=plan.seed) for name, p in found.items()},
        "differences": {
            name: compare(own, p, METRICS["accuracy"], resamples=resamples, seed=plan.seed)
            for name, p in found.items()
            if name != "fine-tuned"
        },
        "reliability": {name: reliability(p) for name, p in found.items() if name in TRAINED},
        "confusion": confusion(own),
    }


def absent(parts: dict[str, Any]) -> list[str]:
    """Classes that a part has no text of, in whole sentences: where groups hold several classes, a split may do so."""
    return [
        f"No {part} text has the label {name!r}: add groups that hold it, or take another --seed."
        for part, found in parts.items()
        for name, texts in found["classes"].items()
        if not texts
    ]


def sizes(parts: Parts, whole: Parts) -> dict[str, Any]:
    """Texts and groups of each part, texts of each class, and the texts that there would have been."""
    return {
        name: {
            "samples": len(part),
            "of": len(whole[name]),
            "groups": len(np.unique(part.groups)),
            "classes": {name: int((part.targets == k).sum()) for k, name in enumerate(part.classes)},
        }
        for name, part in parts.items()
    }
