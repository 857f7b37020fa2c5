"""The files of a data set, and where they are on this machine."""

from pathlib import Path
from typing import Any

from layerscope.fetch import Found, here
from layerscope.progress import Progress, silent
from layerscope.source import Source, digest_of


def ways(module: Any) -> list[tuple[Source, ...]]:
    """The files that make up a data set; of some there are two ways: one archive, or what was packed into it."""
    if not hasattr(module, "SOURCE"):
        return []
    packed, pieces = module.SOURCE, tuple(getattr(module, "PIECES", {}).values())
    return [pieces or (packed,)] if not pieces or packed in pieces else [(packed,), pieces]


def packaged(module: Any) -> Path | None:
    """The file of an installed package, or its folder, where the data set comes with one."""
    return module.packaged() if hasattr(module, "packaged") else None


def on_this_machine(module: Any, verify: bool = False, progress: Progress = silent) -> list[Found]:
    """What `load` would take without a network; none if it would download, draw, or ask for a copy.

    Args:
        verify: read the files. Else they are only looked for.

    Raises:
        DataError: if `verify`, and what is there is not what its card says.
    """
    if found := here(ways(module), progress, verify, packaged(module)):
        return found
    if verify:
        for sources in ways(module):
            for source, there in zip(sources, here([sources], progress, False, packaged(module)), strict=False):
                digest_of(there.path, source, progress)
    return []
