"""Deep learning for biotechnology and medicine, layer by layer.

Names are found when they are first used, so that importing the package is instant and does nothing.

Example:
    from layerscope import DATASETS, SPLITS, Recipe, build, fit, predict, scores
    loaded = DATASETS["mednist"].load()
    parts = SPLITS["blocks"](loaded.dataset, seed=0)
    model = build("cnn", {"channels": 1, "classes": 6}, seed=0)
    fit(model, parts["train"], parts["val"], Recipe(epochs=2))
    print(scores(predict(model, parts["test"]))["accuracy"])
"""

from importlib import import_module
from typing import Any

# name -> the module that it comes from, in the order in which data flows
_PUBLIC = {
    "DataError": "source",
    "Source": "source",
    "Card": "card",
    "fetch": "fetch",
    "Images": "inputs",
    "Texts": "inputs",
    "Tokens": "inputs",
    "Graphs": "inputs",
    "Dataset": "dataset",
    "batches": "dataset",
    "at_most": "dataset",
    "few": "dataset",
    "split": "dataset",
    "Predictions": "predictions",
    "Numbers": "predictions",
    "DATASETS": "data",
    "SPLITS": "data.splits",
    "Wild": "data.augment",
    "wild": "data.augment",
    "Layered": "models.layered",
    "Stage": "models.layered",
    "MODELS": "models",
    "BASELINES": "models.baseline",
    "build": "checkpoint",
    "load_model": "checkpoint",
    "save_model": "checkpoint",
    "Recipe": "train",
    "epochs": "train",
    "fit": "train",
    "predict": "train",
    "predict_numbers": "train",
    "METRICS": "judge",
    "compare": "judge",
    "score": "judge",
    "scores": "judge",
    "activations": "see.activations",
    "untrained": "see.activations",
    "probe": "see.probe",
    "neighbours": "see.neighbours",
    "cka": "see.similarity",
    "layer_curve": "see.curve",
    "borrow": "models.borrowed",
    "atlas": "maps.atlas",
    "write_report": "report",
}
__all__ = sorted(_PUBLIC)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"layerscope has no {name!r}. It has: {', '.join(_PUBLIC)}.")
    return getattr(import_module(f"layerscope.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return __all__
