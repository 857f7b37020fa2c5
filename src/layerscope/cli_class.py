"""The command `layerscope class`."""

from pathlib import Path
from typing import Annotated

import typer


def make_class(
    folder: Annotated[
        Path, typer.Argument(help="The folder of the class; made if need be.", metavar="DIR", show_default=False)
    ],
    lessons: Annotated[
        str | None,
        typer.Option(help="Numbers, such as 0,1,3, to add. Default: those that it has, else all.", show_default=False),
    ] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror/--no-mirror", help="Fetch the data, so that the laptops need no internet.")
    ] = True,
    summary: Annotated[
        bool, typer.Option("--summary", help="Instead: what the class answered, also as DIR/teacher/summary.html.")
    ] = False,
    machines: Annotated[
        bool, typer.Option("--machines", help="Instead: which machines of the class are ready, and what is missing.")
    ] = False,
) -> None:
    """Make a folder for a class: DIR/share to hand out (notebooks, data, a check of each machine), DIR/teacher to keep.

    DIR/README.md says how to go about it, also without internet. Called again, it brings the folder up to date; a file
    that you have changed is never overwritten.
    """
    from layerscope.classroom import show
    from layerscope.classroom.answers import tally
    from layerscope.classroom.folder import make
    from layerscope.classroom.machines import read_machines
    from layerscope.classroom.summary import write_summary
    from layerscope.terminal import progress_bar

    if summary and machines:
        raise ValueError("--summary and --machines are two questions: ask one at a time.")
    if (summary or machines) and lessons:
        raise ValueError("--lessons: only to make a class. Leave it out.")
    if summary:
        found = tally(folder)
        show.print_summary(found, write_summary(found, folder))
    elif machines:
        show.print_machines(read_machines(folder))
    else:
        numbers = lessons.replace(",", " ").split() if lessons else []
        with progress_bar() as progress:
            made = make(folder, numbers, mirror, progress)
        show.print_class(made)
