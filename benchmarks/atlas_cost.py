"""What an atlas of 10,000 MedNIST images costs, against the obvious way. Prints one line of JSON.

`ours` writes the atlas of a trained CNN: half of the images are learned from, half are shown. `obvious` keeps all that
forward hooks give, fits scikit-learn's LogisticRegression on each layer, and draws one UMAP for each layer; it draws no
page, and has no interval, no twin, no shuffled labels. Both read the same network and the same images.
"""

import argparse
import json
import resource
import sys
from pathlib import Path
from time import perf_counter, process_time

IMAGES = 5000  # learned from, and as many shown


def prepare(archive: Path, folder: Path) -> dict:
    """Train the network once, and keep the images."""
    import torch

    from layerscope import DATASETS, SPLITS, Recipe, Wild, at_most, build, fit, save_model, wild

    loaded = DATASETS["mednist"].load(archive)
    parts = SPLITS["blocks"](loaded.dataset, seed=0)
    parts = {name: wild(parts[name], Wild(), i) for i, name in enumerate(("train", "val", "test"))}
    model = build("cnn", {"channels": 1, "classes": 6, "shrink": 2, "widths": (16, 32, 64, 128), "size": 64}, 0)
    fit(model, parts["train"], None, Recipe(epochs=1))
    save_model(folder / "model", "cnn", model, loaded.dataset.classes, "for a benchmark")
    torch.save({name: at_most(parts[name], IMAGES, 0) for name in ("val", "test")}, folder / "parts.pt")
    return {"images": 2 * IMAGES}


def opened(folder: Path):
    import torch

    from layerscope import load_model

    parts = torch.load(folder / "parts.pt", weights_only=False)  # written above, by this benchmark
    return load_model(folder / "model")[0], parts["val"], parts["test"]


def ours(_: Path, folder: Path) -> dict:
    model, val, test = opened(folder)
    marks: dict[str, float] = {}

    def progress(what: str, *_: object) -> None:
        marks.setdefault(what, perf_counter())

    from layerscope import atlas

    start = perf_counter()
    page = atlas(model, test, fit_on=val, samples=IMAGES, twin=False, progress=progress).write(folder / "atlas.html")
    end = perf_counter()
    times = [*marks.values(), end]
    phases = {what: times[i + 1] - at for i, (what, at) in enumerate(marks.items())}
    return {"seconds": end - start, "phases": phases, "page bytes": page.stat().st_size}


def obvious(_: Path, folder: Path) -> dict:
    sys.path.pop(0)  # this folder, whose coverage.py numba would take for the package of that name
    import numpy as np
    import torch
    from sklearn.linear_model import LogisticRegression
    from umap import UMAP

    model, val, test = opened(folder)
    start = perf_counter()
    kept: dict[str, list] = {}
    for name, module in {**{f"block{i}": b for i, b in enumerate(model.blocks, 1)}, "logits": model.head}.items():
        module.register_forward_hook(lambda _m, _i, out, name=name: kept.setdefault(name, []).append(out.numpy()))
    layers = {}
    with torch.inference_mode():
        for part in (val, test):
            kept.clear()
            for rows in torch.arange(len(part)).split(512):
                model(part.inputs[rows])
            layers[part.name + str(len(layers))] = {name: np.concatenate(found) for name, found in kept.items()}
    fitted, scored = layers.values()
    pixels = [part.inputs.pixels.numpy() / 255 for part in (val, test)]
    fitted["pixels"], scored["pixels"] = pixels
    phases = {"hooks": perf_counter() - start, "probes": 0.0, "maps": 0.0}
    for name, a in fitted.items():
        a, b = a.reshape(len(a), -1), scored[name].reshape(len(scored[name]), -1)
        begun = perf_counter()
        LogisticRegression(max_iter=200).fit(a, val.targets.numpy()).score(b, test.targets.numpy())
        phases["probes"] += perf_counter() - begun
        begun = perf_counter()
        UMAP().fit_transform(b)
        phases["maps"] += perf_counter() - begun
    return {"seconds": perf_counter() - start, "phases": phases}


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("what", choices=("prepare", "ours", "obvious"))
    arguments.add_argument("archive", type=Path)
    arguments.add_argument("folder", type=Path)
    given = arguments.parse_args()
    import warnings

    warnings.simplefilter("ignore")  # LogisticRegression's, that it has not converged
    begun = process_time()
    found = {"prepare": prepare, "ours": ours, "obvious": obvious}[given.what](given.archive, given.folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"what": given.what, **found, "processor seconds": process_time() - begun, "peak memory": peak}))


if __name__ == "__main__":
    main()
