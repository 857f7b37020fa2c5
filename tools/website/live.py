"""The atlas of the start page: a small network learns while the site is built, and the page walks through it."""

import hashlib

from website import KEPT, ROOT

PER_CLASS = {"train": 600, "val": 120, "test": 120}
SAMPLES = 400


def start_atlas(data: str | None = None) -> tuple[str, str]:
    """The page, and the title of the data set that it shows: MedNIST where it can be had, else the phantoms."""
    from layerscope.checkpoint import write_text
    from layerscope.data import DATASETS
    from layerscope.data.available import first_available

    name = data or first_available()[0]
    kept = KEPT / f"start-{name}-{_key()}.html"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_text(kept, _made(name))  # whole or not at all: it is taken as long as its key holds
    return kept.read_text(encoding="utf-8"), DATASETS[name].CARD.title


def _made(name: str) -> str:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from layerscope.checkpoint import build, load_moments
    from layerscope.data import DATASETS
    from layerscope.data.splits import SPLITS
    from layerscope.maps.atlas import atlas
    from layerscope.models.cnn import CNNConfig
    from layerscope.see.activations import calibrate
    from layerscope.study.atlas import CALIBRATED
    from layerscope.study.data import thin
    from layerscope.train import Recipe, fit

    module = DATASETS[name]
    data = module.load().dataset
    parts = {part: thin(rows, PER_CLASS[part], 0) for part, rows in SPLITS[module.SPLIT](data, 0).items()}
    channels, height = data.inputs.pixels.shape[1:3]
    config = CNNConfig(channels, len(data.classes), shrink=max(1, height // 32), widths=(16, 32, 64))
    walk = {}
    with TemporaryDirectory() as scratch:
        model = build("cnn", vars(config), 0)
        recipe = Recipe(epochs=4, lr=1e-2)
        fit(model, parts["train"], parts["val"], recipe, Path(scratch), keep=(0, 5, 20))
        for moment, weights in load_moments(Path(scratch) / "moments").items():
            walk[moment] = build("cnn", vars(config), 0)
            walk[moment].load_state_dict(weights)
            calibrate(walk[moment], parts["train"], 0)
    return atlas(
        walk | {"trained": model},
        parts["test"],
        fit_on=parts["val"],
        samples=SAMPLES,
        title=f"A small CNN learns {data.source.title}",
        names=("CNN", ""),
        notes=[CALIBRATED, *([f"These images are synthetic: {data.source.citation}."] if name == "phantoms" else [])],
    ).html


def _key() -> str:
    """Changes with the library and with this recipe."""
    digest = hashlib.sha256()
    for file in [*sorted((ROOT / "src").rglob("*.*")), ROOT / "tools" / "website" / "live.py"]:
        if file.suffix != ".pyc":
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
