"""What the data cards say: samples, groups, leaks and reference results, measured by the library's own functions.

Reference results are of methods that learn no feature: what a network has to beat. All are of the data set's own honest
split with seed 0; intervals are over groups.
"""

import json
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from website import RESULTS

RESAMPLES = 1000
Parts = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A data set, cut as its card says and by lot."""

    name: str
    loaded: Any
    parts: Parts
    by_lot: Parts


def measure(names: list[str]) -> None:
    """Measure data sets and keep what was found; what cannot be had here keeps its last result."""
    from layerscope.checkpoint import write_text
    from layerscope.data import DATASETS
    from layerscope.source import DataError

    if unknown := set(names) - set(DATASETS):
        raise SystemExit(f"no data set is called {sorted(unknown)[0]!r}. There are: {', '.join(DATASETS)}.")
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in names or DATASETS:
        start = time.perf_counter()
        try:
            found[name] = of(name)
        except DataError as error:
            print(f"{name}: cannot be had here ({str(error).splitlines()[0][:120]})", flush=True)
            continue
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        write_text(RESULTS, json.dumps(found, indent=1, sort_keys=True) + "\n")


def of(name: str) -> dict[str, Any]:
    """One data set."""
    from layerscope.data import DATASETS
    from layerscope.data.splits import SPLITS

    module = DATASETS[name]
    loaded = module.load()
    data = loaded.dataset
    parts = SPLITS[module.SPLIT](data, 0)
    by_lot = SPLITS["random"](data, 0)
    case = Case(name, loaded, parts, by_lot)
    sizes = np.unique(data.groups, return_counts=True)[1]
    return {
        "date": time.strftime("%Y-%m-%d"),
        "version": version("layerscope"),
        "identity": loaded.identity,
        "samples": len(data),
        "known": known(data),
        "groups": len(sizes),
        "largest group": int(sizes.max()),
        "alone": int((sizes == 1).sum()),
        "skipped": len(loaded.skipped),
        "parts": {part: {"samples": len(p), "groups": len(np.unique(p.groups))} for part, p in parts.items()},
        "leaks": {"groups on both sides": _both(by_lot), **LEAKS[module.KIND](case)},
        "reference": REFERENCE[module.KIND](case),
    }


def known(data: Any) -> dict[str, float]:
    """How many samples are of each class or have each label; of numbers, what they are like."""
    from layerscope.study.moleculeparts import known as of_molecules

    if data.kind != "labels" or data.known is not None:
        return of_molecules(data)
    return {name: int(n) for name, n in zip(data.classes, data.targets.sum(dim=0), strict=True)}


def _both(parts: dict[str, Any]) -> float:
    """The share of test samples whose group stands in training too, where samples are drawn by lot."""
    return float(np.isin(parts["test"].groups, parts["train"].groups).mean())


def _images(case: Case) -> dict[str, Any]:
    from layerscope.data.leaks import twins

    data, found = case.loaded.dataset, {}
    pixels = data.inputs.pixels.numpy()
    found["identical to another"] = len(data) - len({row.tobytes() for row in pixels})
    if case.loaded.grouping is not None:
        found["pairs of near duplicates"] = case.loaded.grouping.duplicates
        found["classes in file order"] = len(case.loaded.grouping.thresholds)
    for how, cut in (("by lot", case.by_lot), ("as split here", case.parts)):
        test, train = cut["test"], cut["train"]
        near = twins(test.inputs.pixels, test.targets.numpy(), train.inputs.pixels, train.targets.numpy())
        found[f"test images with a twin in training, {how}"] = float(near.mean())
    return found


def _texts(case: Case) -> dict[str, Any]:
    from layerscope.data.splits import as_published
    from layerscope.data.textleaks import crossing

    cuts, found = {"by lot": case.by_lot, "as split here": case.parts}, {}
    if str(case.loaded.dataset.ids[0]).split("/")[0] in ("train", "val", "test"):
        cuts["as published"] = as_published(case.loaded.dataset)
    for how, cut in cuts.items():
        train, test = (cut[part].inputs.strings.tolist() for part in ("train", "test"))
        both = crossing(train, test)
        found[f"test texts that are identical in training, {how}"] = len(both.identical) / len(test)
        found[f"test texts that are nearly so, {how}"] = len(both.near) / len(test)
    return found


def _graphs(case: Case) -> dict[str, Any]:
    from layerscope.data import DATASETS

    molecules = DATASETS[case.name].molecules()
    counts = molecules.counts._asdict()
    return {
        "rows of the table": counts["rows"],
        "rows that cannot be read": counts["unreadable"],
        "rows that repeat a molecule": counts["repeated"],
        "disagreements between such rows": len(molecules.disagreements),
        "molecules left out": counts["unknown"],
        "salts and other mixtures": counts["mixtures"],
    }


LEAKS = {"images": _images, "texts": _texts, "labels": _texts, "graphs": _graphs}


def _judge_images(case: Case) -> dict[str, Any]:
    from layerscope.models.baseline import BASELINES

    said = {method: answer(case.parts["train"], case.parts["test"]) for method, answer in BASELINES.items()}
    metric = "balanced_accuracy" if len(case.loaded.dataset.classes) == 2 else "accuracy"
    return _scored(said, metric, case.parts["train"])


def _judge_texts(case: Case) -> dict[str, Any]:
    from layerscope.models.bag import tfidf
    from layerscope.models.baseline import majority

    train, test = case.parts["train"], case.parts["test"]
    said = {
        "majority": majority(train, test),
        "bag of words": tfidf(train, test),
        "bag of letters": tfidf(train, test, "letters"),
    }
    return _scored(said, "accuracy", train)


def _judge_labels(case: Case) -> dict[str, Any]:
    from layerscope.judge.multilabel_interval import ranking_scores
    from layerscope.models.bag_labels import label_frequencies, tfidf_labels
    from layerscope.see.label_curve import as_labels

    train, test = case.parts["train"], case.parts["test"]
    said = {
        "label frequencies": label_frequencies(train, len(test)),
        "bag of words": tfidf_labels(train, [test])[0],
        "bag of letters": tfidf_labels(train, [test], "letters")[0],
    }
    scores = {
        m: ranking_scores(as_labels(probs, test), resamples=RESAMPLES)["macro_average_precision"]
        for m, probs in said.items()
    }
    return _written(scores, "macro average precision", train)


def _judge_graphs(case: Case) -> dict[str, Any]:
    from layerscope.data import DATASETS
    from layerscope.models.features import forest, line
    from layerscope.progress import silent
    from layerscope.study.moleculejudge import LEAD, TITLES, beside, guessing, lead
    from layerscope.study.moleculeparts import MoleculeParts
    from layerscope.study.moleculeplan import MoleculePlan

    own = MoleculeParts(MoleculePlan(case.name), case.loaded.dataset, DATASETS[case.name].molecules())
    train, test = own.train, own.test
    x, q = (own.bits(part).astype(np.float32) for part in (train, test))
    said = {
        "guessing": guessing(train, test),
        "random forest on fingerprints": beside(forest(x, train, q, jobs=1), test),
    }
    x, q = own.described(train, test, progress=silent)
    said["straight line on descriptors"] = beside(line(x, train, q), test)
    kind, unit = case.loaded.dataset.kind, case.loaded.dataset.unit
    scores = {method: lead(answers, resamples=RESAMPLES) for method, answers in said.items()}
    return _written(scores, TITLES[LEAD[kind]] + (f", {unit}" if unit else ""), train)


REFERENCE = {"images": _judge_images, "texts": _judge_texts, "labels": _judge_labels, "graphs": _judge_graphs}


def _scored(said: dict[str, Any], metric: str, train: Any) -> dict[str, Any]:
    from layerscope.judge import METRICS, scores

    found = {method: scores(p, {metric: METRICS[metric]}, resamples=RESAMPLES)[metric] for method, p in said.items()}
    return _written(found, metric.replace("_", " "), train)


def _written(found: dict[str, Any], metric: str, train: Any) -> dict[str, Any]:
    """JSON has no nan: what is not known is null."""
    rows = []
    for method, s in found.items():
        ends = {
            end: None if np.isnan(getattr(s, end)) else round(float(getattr(s, end)), 5)
            for end in ("value", "low", "high")
        }
        rows.append({"method": method, **ends, "samples": int(s.samples), "groups": int(s.groups)})
    return {"metric": metric, "learned from": len(train), "rows": rows}
