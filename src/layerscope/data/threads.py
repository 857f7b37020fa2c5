"""Many small pieces of work in order on all cores, with a bound on what is in memory."""

import os
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
BATCH_ITEMS, BATCH_BYTES = 256, 4 << 20  # a batch is one piece of work for one thread


def in_batches(
    items: Generator[T, None, None], cost: Callable[[T], float], work: Callable[[list[T]], R]
) -> Generator[R, None, None]:
    """What `work` makes of each batch, in order: this thread takes the items; others work, while it takes more.

    Args:
        cost: bytes that an item and what is made of it hold; infinite for one after which the batch must end.
    """
    workers, waiting = cores(), deque()
    with ThreadPoolExecutor(workers) as pool, closing(_batches(items, cost)) as batches:
        for batch in batches:
            waiting.append(pool.submit(work, batch))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _batches(items: Generator[T, None, None], cost: Callable[[T], float]) -> Generator[list[T], None, None]:
    batch, total = [], 0.0
    with closing(items):
        for item in items:
            batch.append(item)
            total += cost(item)
            if len(batch) >= BATCH_ITEMS or total >= BATCH_BYTES:
                yield batch
                batch, total = [], 0.0
    if batch:
        yield batch


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
