"""Which data set to take where none was asked for."""

from pathlib import Path

from layerscope.data import mednist
from layerscope.fetch import fetch
from layerscope.progress import Progress, silent
from layerscope.source import DataError


def first_available(progress: Progress = silent, path: Path | None = None) -> tuple[str, str]:
    """MedNIST, or, only where it cannot be had, the phantoms; with a sentence for the top of whatever is shown."""
    if path is not None:
        return "mednist", ""
    try:
        fetch(mednist.SOURCE, None, progress)
    except DataError:
        return "phantoms", (
            "MedNIST cannot be had here, so this is on PHANTOMS: synthetic images drawn by layerscope, not medical "
            "data. `layerscope run mednist` says why, and what to do."
        )
    return "mednist", ""
