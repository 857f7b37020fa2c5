"""Many small pieces of work in order in several processes: for work that is Python's own, where threads wait for
one another.

The processes are loky's, of joblib: unlike those of multiprocessing they do not run the caller's script again, so a
script needs no `if __name__ == "__main__"`.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from layerscope.data.threads import cores
from layerscope.progress import Progress, silent

T = TypeVar("T")
R = TypeVar("R")
FEW = 15_000  # items of a third of a millisecond that are done before processes have started
CHUNK = 500  # items that are one piece of work


def in_processes(
    work: Callable[[list[T]], R],
    items: Sequence[T],
    what: str,
    unit: str,
    progress: Progress = silent,
    processes: int | None = None,
    few: int = FEW,
) -> list[R]:
    """What `work` makes of each chunk of items, in their order.

    Args:
        work: a function of a module, that gives the same for an item whatever its chunk.
        processes: None: one for each core, where there are more than `few` items.
    """
    chunks = [list(items[at : at + CHUNK]) for at in range(0, len(items), CHUNK)]
    wanted = (cores() if len(items) > few else 1) if processes is None else processes
    if wanted == 1:
        made = map(work, chunks)
    else:
        from joblib import Parallel, delayed

        made = Parallel(n_jobs=wanted, return_as="generator")(delayed(work)(chunk) for chunk in chunks)
    results = []
    progress(what, 0, len(items), unit)
    for result in made:
        results.append(result)
        progress(what, min(len(results) * CHUNK, len(items)), len(items), unit)
    return results
