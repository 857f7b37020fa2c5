"""`layerscope run`: choose the data, do the study, write the report."""

import re
import shlex
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from layerscope.data import DATASETS, moleculetable
from layerscope.data.available import first_available
from layerscope.data.imagefolder import prepare
from layerscope.data.loaded import Loaded
from layerscope.data.splits import SPLITS
from layerscope.data.texttable import read
from layerscope.fetch import fetch
from layerscope.models.encoder import check_installed
from layerscope.progress import Progress
from layerscope.report import write_any_report
from layerscope.source import DataError
from layerscope.study.atlas import draw_atlases
from layerscope.study.facts import command
from layerscope.study.folder import RunFolder
from layerscope.study.labels import LabelPlan, study_labels
from layerscope.study.moleculeplan import MoleculePlan
from layerscope.study.molecules import study_molecules
from layerscope.study.plan import Plan
from layerscope.study.run import study
from layerscope.study.textplan import TextPlan
from layerscope.study.texts import study_texts

RUNS = Path("runs")
STAMP = r"-\d{8}-\d{6}"  # of its time, behind the name of a run
UNITS = {
    "labels": "texts",
    "graphs": "molecules",
}  # what a data set of this kind is made of, if not of what it is called


def main_job(
    data: str | None,
    path: Path | None,
    out: Path | None,
    resume: bool,
    quick: bool,
    seed: int,
    labels: int | None,
    split: str | None,
    skip_bad: bool,
    precision: str,
    network: str,
    tokens: int | None,
    progress: Progress,
    say: Callable[[str], None],
) -> Path:
    """The path of the report.

    Args:
        data: a name in DATASETS. None takes MedNIST where it can be had, else the phantoms, and says which.
        say: told, in a sentence each, what a user should know while the job runs.
    """
    name, note = (data, "") if data else first_available(progress, path)
    module = dataset_module(name)
    if split is not None and split not in SPLITS:
        raise ValueError(f"no split is called {split!r}. There are: {', '.join(SPLITS)}.")
    if module.KIND in ("texts", "labels"):
        check_installed()
    else:
        refuse({"--tokens": tokens, "--network": network != "minilm"}, f"for texts; {name} are {module.KIND}")
    if module.KIND in ("texts", "labels", "graphs") and split == "random":
        raise ValueError(
            "the split random divides groups, and then nothing could be said of layers. Leave it out: every report "
            f"on {UNITS.get(module.KIND, module.KIND)} says what such a split would have flattered."
        )
    if module.KIND == "graphs":
        refuse({"--labels": labels}, f"for images and texts; {name} are molecules")
    if module.KIND == "labels":
        refuse({"--labels": labels}, f"for texts of one class each; those of {name} may have several labels")
    loaded: Loaded = module.load(path, skip_bad, progress)
    for sentence in (note, _origin(loaded, module.KIND)):
        if sentence:
            say(sentence)
    if loaded.skipped:
        say(f"Skipped {len(loaded.skipped)} unreadable file(s); the report lists them.")
    how = split or module.SPLIT
    folder = out or _folder(name, resume)
    if module.KIND == "texts":
        plan = TextPlan(name, how, seed, labels, quick, precision, network, tokens=tokens)
    elif module.KIND == "labels":
        plan = LabelPlan(name, how, seed, quick, precision, network, tokens)
    elif module.KIND == "graphs":
        plan = MoleculePlan(name, how, seed, quick, precision)
    else:
        plan = Plan(name, how, seed, labels, quick, precision)
    typed = command(plan.describe(), path, skip_bad)
    _say_how_to_go_on(folder, typed, say)
    if isinstance(plan, TextPlan):
        study_texts(plan, loaded, folder, resume, (), progress, path)
    elif isinstance(plan, LabelPlan):
        study_labels(plan, loaded, folder, resume, (), progress)
    elif isinstance(plan, MoleculePlan):
        found = module.molecules(path, skip_bad, progress)
        study_molecules(plan, loaded, found, folder, resume, [*found.notes(), *never(module)], progress)
    else:
        draw_atlases(study(plan, loaded, folder, resume, note, progress))
    RunFolder(folder).update({"command": typed})
    return write_any_report(folder)


def table_job(
    path: Path,
    columns: dict[str, str | None],
    out: Path | None,
    resume: bool,
    quick: bool,
    seed: int,
    labels: int | None,
    precision: str,
    network: str,
    tokens: int | None,
    progress: Progress,
    say: Callable[[str], None],
) -> Path:
    """The same for a user's own table of texts.

    Args:
        columns: names of the columns text, label, and, where there are such, group and id.
    """
    if not columns["text"] or not columns["label"]:
        raise ValueError(
            f"{path.name} is a table: say which columns hold the text and the label, "
            "such as --text abstract --label outcome. Where rows belong together, also --group patient."
        )
    check_installed()
    table = read(path, text=columns["text"], label=columns["label"], group=columns["group"], id=columns["id"])
    say(_origin(table.loaded, "texts"))
    for note in table.notes:
        say(note)
    plan = TextPlan(str(path), "groups", seed, labels, quick, precision, network, columns, tokens)
    folder, typed = out or _folder(path.stem, resume), command(plan.describe())
    _say_how_to_go_on(folder, typed, say)
    study_texts(plan, table.loaded, folder, resume, table.notes, progress)
    RunFolder(folder).update({"command": typed})
    return write_any_report(folder)


def molecule_job(
    path: Path,
    columns: dict[str, Any],
    out: Path | None,
    resume: bool,
    quick: bool,
    seed: int,
    skip_bad: bool,
    precision: str,
    progress: Progress,
    say: Callable[[str], None],
) -> Path:
    """The same for a user's own table of molecules.

    Args:
        columns: names of the columns smiles and target (a list), and, where there are such, group and id; also the unit
            and the kind of the target.
    """
    if not columns["smiles"] or not columns["target"]:
        raise ValueError(
            f"{path.name} is a table of molecules: say which columns hold the SMILES and what was found, such as "
            "--smiles SMILES --target solubility. Several labels: --target once for each."
        )
    names = {name: columns[name] for name in ("smiles", "group", "id", "kind")}
    unit, targets = columns["unit"] or "", columns["target"]
    table = moleculetable.read(path, targets=targets, unit=unit, skip_bad=skip_bad, progress=progress, **names)
    for sentence in (_origin(table.loaded, "graphs"), *table.notes):
        say(sentence)
    plan = MoleculePlan(str(path), "groups", seed, quick, precision, columns)
    folder, typed = out or _folder(path.stem, resume), command(plan.describe(), skip_bad=skip_bad)
    _say_how_to_go_on(folder, typed, say)
    study_molecules(plan, table.loaded, table.molecules, folder, resume, table.notes, progress)
    RunFolder(folder).update({"command": typed})
    return write_any_report(folder)


def never(module: Any) -> list[str]:
    """Columns of a data set that must never be features, in whole sentences."""
    return [f"The column “{name}” is no feature: {why}." for name, why in getattr(module, "never", ())]


def _origin(loaded: Loaded, kind: str) -> str:
    return f"Data: {loaded.dataset.source.title}, {len(loaded.dataset):,} {UNITS.get(kind, kind)}, {loaded.origin}."


def _say_how_to_go_on(folder: Path, typed: str, say: Callable[[str], None]) -> None:
    say(f"Run folder: {folder}  (stopped? go on with: {typed} --resume --out {shlex.quote(str(folder))})")


def refuse(options: dict[str, Any], they_are: str) -> None:
    """Options that were given and would be ignored.

    Raises:
        ValueError: if any has a value.
    """
    if given := [name for name, value in options.items() if value]:
        raise ValueError(f"{', '.join(given)}: only {they_are}. Leave it out.")


def dataset_module(name: str) -> Any:
    if name not in DATASETS:
        raise ValueError(f"no data set is called {name!r}. There are: {', '.join(sorted(DATASETS))}.")
    return DATASETS[name]


def verify(name: str, path: Path | None, progress: Progress) -> str:
    """Checks the digest, if one was published, then that all of it can be read; says what was found."""
    module = dataset_module(name)
    if module.FROM == "drawn":
        if path is not None:
            raise DataError(f"{name} are drawn, not read from a file. Leave out --data (got {path}).")
        return f"{module.CARD.title}: drawn on the spot, nothing to verify."
    if module.KIND in ("texts", "labels", "graphs"):
        loaded = module.load(path, False, progress)
        return f"{module.CARD.title}: {loaded.origin}; {len(loaded.dataset):,} {UNITS.get(module.KIND, module.KIND)}."
    if module.FROM == "own copy":
        if path is None:
            raise DataError(module.HOW)
        with TemporaryDirectory() as scratch:  # not the cache, in which nothing may be left to read
            count = len(module.read(path, Path(scratch), module.CARD, progress=progress, size=8).dataset)
        return f"{module.CARD.title}: {path.name}; no digest to check; all {count:,} listed images are readable."
    found = fetch(module.SOURCE, path, progress)
    with TemporaryDirectory() as scratch:
        into = Path(scratch) / "prepared"
        images = prepare(found.path, into, size=(64, 64), classes=module.CLASSES, progress=progress)
    proof = found.digest or "a folder, whose digest is not known"
    count = len(images.targets)
    return f"{module.CARD.title}: {found.path} ({found.where}) is {proof}; all {count:,} images are readable."


def _folder(name: str, resume: bool) -> Path:
    if resume:
        begun = [file for file in RUNS.glob(f"{name}-*/run.json") if re.fullmatch(STAMP, file.parent.name[len(name) :])]
        begun.sort(key=lambda file: file.stat().st_mtime)
        if not begun:
            raise DataError(f"nothing to resume: no run of {name} in {RUNS.resolve()}. Give the folder with --out.")
        return begun[-1].parent
    return RUNS / f"{name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
