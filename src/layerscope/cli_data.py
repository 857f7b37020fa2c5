"""The commands `layerscope data ...`."""

from pathlib import Path
from typing import Annotated

import typer

data_app = typer.Typer(
    help="Data sets: what there is, fetch one, check one, mirror them for a class.", no_args_is_help=True
)
Own = Annotated[Path | None, typer.Option("--data", help="A file you have.")]


@data_app.command("list")
def list_data() -> None:
    """The data sets, their licences, and where each is on this machine."""
    from layerscope.terminal import print_data

    print_data()


@data_app.command("get")
def get_data(name: str, path: Own = None) -> None:
    """Fetch a data set and prepare it, so that a run later needs no network."""
    from layerscope.main_job import dataset_module
    from layerscope.terminal import progress_bar

    with progress_bar() as progress:
        loaded = dataset_module(name).load(path, False, progress)
    typer.echo(f"{loaded.dataset.name}: {len(loaded.dataset):,} samples, from {loaded.origin}")


@data_app.command("verify")
def verify_data(name: str, path: Own = None) -> None:
    """Check the digest of a data set that is on this machine, and read all of it."""
    from layerscope.main_job import verify
    from layerscope.terminal import progress_bar

    with progress_bar() as progress:
        text = verify(name, path, progress)
    typer.echo(text)


@data_app.command("mirror")
def mirror_data(
    folder: Annotated[
        Path, typer.Argument(help="Where to put the files; made if need be.", metavar="DIR", show_default=False)
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Data sets, or pretrained weights: efficientnet_lite0, minilm. Default: what the lessons need.",
            metavar="[NAME]...",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Put data sets and weights into one folder, so that many machines need no internet.

    Set LAYERSCOPE_MIRROR to the folder on each machine. Every file is checked; what is there already is kept, so a
    mirror that was stopped goes on. A set that may not be handed on is left out, and it is said why.
    """
    from layerscope.classroom.course import needed
    from layerscope.classroom.mirror import left_out, mirror
    from layerscope.classroom.show import print_mirror
    from layerscope.terminal import progress_bar

    with progress_bar() as progress:
        made = mirror(folder, names or needed(), progress)
    print_mirror(folder, made)
    if missing := left_out(made, names or ()):
        raise RuntimeError(f"not in {folder}: {', '.join(one.name for one in missing)}. The reasons stand above.")
