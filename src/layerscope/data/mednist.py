"""MedNIST: 58,954 grey images of 64×64 pixels from six kinds of medical examination.

Easier than it looks, and full of twins: 440 files are byte-identical to another, and the CT and MR classes are slices
of a few series, stored in consecutive files. `load` finds these groups in the images (data/leaks.py); the default
split cuts each class into runs of consecutive files and never divides a group.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch

from layerscope.card import Card
from layerscope.data.imagefolder import prepare
from layerscope.data.leaks import Grouping, find_groups
from layerscope.data.loaded import Loaded
from layerscope.dataset import Dataset
from layerscope.fetch import fetch
from layerscope.inputs import Images
from layerscope.progress import Progress, silent
from layerscope.source import Digest, Source, cache_dir, locked

CLASSES = ("AbdomenCT", "BreastMRI", "CXR", "ChestCT", "Hand", "HeadCT")
SOURCE = Source(
    name="mednist",
    title="MedNIST",
    license="CC BY-SA 4.0",
    citation="Collected by Dr. Bradley J. Erickson M.D., Ph.D., Department of Radiology, Mayo Clinic, from TCIA, the "
    "RSNA Bone Age Challenge and the NIH Chest X-ray data set",
    group="unknown: no patient numbers were published; near duplicates and series found in the images are kept "
    "together, but patients may still stand on both sides of a split, so intervals may be too narrow",
    file="MedNIST.tar.gz",
    urls=("https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/MedNIST.tar.gz",),
    digests=(
        Digest("md5", "0bc7306e7427e00ad1c5526a6677552d", "MONAI's release 0.8.1"),
        Digest(
            "sha256",
            "d06e79e8c35e1c28a3090d83439a92fac1f9a37039d6b2780cad2740f38a2536",
            "the mirror's repacked archive",
        ),
    ),
    size=64_000_000,
)

CARD = Card(SOURCE.name, SOURCE.title, SOURCE.license, SOURCE.citation, SOURCE.group)
SPLIT = "blocks"
FROM = "download"
KIND = "images"


def load(path: Path | None = None, skip_bad: bool = False, progress: Progress = silent) -> Loaded:
    """The archive, prepared once in the cache and memory-mapped from then on.

    Args:
        path: the archive or its unpacked folder; otherwise the cache, the mirror and the address are tried in turn.
        skip_bad: go on without the images that cannot be read, and list them.

    Raises:
        DataError: if the archive cannot be had, is not MedNIST, or holds an unreadable image.
    """
    found = fetch(SOURCE, path, progress)
    identity = found.digest.hex if found.digest else _folder_identity(found.path)
    proof = f"{found.digest}" if found.digest else "an unpacked folder, not verified by a digest"
    into = cache_dir() / SOURCE.name / f"prepared-{identity[:16]}{'-skip-bad' if skip_bad else ''}"
    origin = f"{found.path.name} ({found.where}; {proof})"
    return read(found.path, into, origin, identity, skip_bad, progress)


def read(
    archive: Path, into: Path, origin: str, identity: str, skip_bad: bool = False, progress: Progress = silent
) -> Loaded:
    """Any archive in MedNIST's layout, `<top>/<class>/<number>.jpeg`, prepared in the folder `into`."""
    prepared = prepare(archive, into, size=(64, 64), channels=1, classes=CLASSES, skip_bad=skip_bad, progress=progress)
    pixels = torch.from_numpy(prepared.pixels)
    grouping = _grouping(pixels, prepared.targets, into, progress)
    dataset = Dataset(
        SOURCE.title,
        Images(pixels),
        torch.from_numpy(prepared.targets),
        grouping.groups,
        prepared.names,
        prepared.classes,
        CARD,
    )
    return Loaded(dataset, origin, identity, grouping, tuple((bad.name, bad.cause) for bad in prepared.skipped))


def _grouping(pixels: torch.Tensor, targets: np.ndarray, into: Path, progress: Progress) -> Grouping:
    """Found once, then read from beside the pixels."""
    path = into / "groups.npz"
    with locked(path, progress):
        if not path.exists():
            found = find_groups(pixels, targets, progress)
            part = into / "groups.part.npz"
            np.savez(
                part,
                groups=found.groups,
                duplicates=found.duplicates,
                thresholds=list(found.thresholds.items()),
                ratios=list(found.ratios.items()),
            )
            part.replace(path)
    with np.load(path, allow_pickle=False) as kept:
        thresholds = {int(k): float(r) for k, r in kept["thresholds"]}
        ratios = {int(k): float(r) for k, r in kept["ratios"]}
        return Grouping(kept["groups"], int(kept["duplicates"]), thresholds, ratios)


def _folder_identity(folder: Path) -> str:
    """A digest of the names and sizes of all files."""
    files = sorted((str(p.relative_to(folder)), p.stat().st_size) for p in folder.rglob("*") if p.is_file())
    return hashlib.sha256(repr(files).encode()).hexdigest()
