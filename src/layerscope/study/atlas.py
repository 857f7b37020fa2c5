"""The atlas of a run: one of its networks, moment by moment, beside its untrained twin and another network."""

from pathlib import Path

from layerscope.checkpoint import load_moments, write_text
from layerscope.data import DATASETS
from layerscope.dataset import at_most
from layerscope.maps.atlas import Atlas, atlas
from layerscope.models.layered import Layered
from layerscope.progress import Progress
from layerscope.see.activations import calibrate
from layerscope.source import DataError
from layerscope.study.data import StudyData, prepare
from layerscope.study.folder import ATLAS, SMALL_ATLAS, RunFolder
from layerscope.study.plan import Plan
from layerscope.study.run import NETWORKS, Study

SMALL_SAMPLES = 400  # in the report
CALIBRATED = (
    "Moments before the end are read with batch norms that have seen a few batches of training images (no labels), as "
    "the untrained twin's have: their running averages would lag behind the weights."
)


def draw_atlases(study: Study) -> None:
    """The atlas of the convolutional network in the wild, and a small one for the report; those there are stay."""
    file, small = study.folder.path / ATLAS, study.folder.path / SMALL_ATLAS
    if not small.is_file():
        write_text(small, run_atlas(study, "wild", "cnn", None, SMALL_SAMPLES, moments=False).html)
    if not file.is_file():
        run_atlas(study, "wild", "cnn", "mlp", study.plan.shown).write(file)


def run_atlas(
    study: Study,
    world: str,
    net: str,
    against: str | None,
    samples: int,
    *,
    moments: bool = True,
    pictures: bool = True,
) -> Atlas:
    """
    Args:
        moments: also what the network was during training, where the run has kept it.
    """
    plan, parts, seed = study.plan, study.data.worlds[world], study.plan.seed
    trained = study.network(world, net, seed)
    walk: dict[str, Layered] = {}
    kept = study.folder.path / "training" / f"{world}-{net}-{seed}" / "moments"
    for name, weights in load_moments(kept).items() if moments else ():
        walk[name] = study.network(world, net, seed)
        walk[name].load_state_dict(weights)
        calibrate(walk[name], parts["train"], seed)  # early on, the running statistics of its norms lag behind
    walk["trained"] = trained
    source, where = study.data.loaded.dataset.source, "in the wild" if world == "wild" else "as they are"
    note = study.folder.run["note"]
    return atlas(
        walk,
        parts["test"],
        against=None if against is None else study.network(world, against, seed),
        fit_on=at_most(parts["val"], plan.read, seed),
        samples=samples,
        pictures=pictures,
        title=f"{net.upper()} on {source.title}, images {where}",
        names=(net.upper(), (against or "").upper()),
        notes=[text for text in (note, CALIBRATED if len(walk) > 1 else "") if text],
        seed=seed,
        progress=study.progress,
    )


def open_study(path: Path, data: Path | None, progress: Progress) -> Study:
    """A study that was done before, with its data read again.

    Raises:
        DataError: if it is no run folder, or the data are not those of the run.
    """
    folder = RunFolder(path)
    if (kind := folder.run.get("kind")) in ("texts", "labels", "molecules"):
        there = f"It is there: {path / ATLAS}." if (path / ATLAS).is_file() else "This one has none."
        what = "molecules" if kind == "molecules" else "texts"
        raise DataError(f"{path} is a run of {what}, which writes its atlas itself. {there}")
    facts = {key: folder.run["plan"][key] for key in ("data", "split", "seed", "labels", "quick", "precision")}
    plan = Plan(**facts)
    loaded = DATASETS[plan.data].load(data, bool(folder.run["skipped"]), progress)
    if loaded.identity != folder.run["identity"]:
        raise DataError(f"{path} was made from other images than these. Name those of the run with --data.")
    prepared: StudyData = prepare(plan, loaded, progress)
    return Study(plan, prepared, folder, progress)


def check_names(world: str, net: str, against: str | None) -> None:
    for what, given, known in (("world", world, ("clean", "wild")), ("network", net, NETWORKS)):
        if given not in known:
            raise ValueError(f"no {what} of a run is called {given!r}. There are: {', '.join(known)}.")
    if against is not None and against not in NETWORKS:
        raise ValueError(f"no network of a run is called {against!r}. There are: {', '.join(NETWORKS)}.")
