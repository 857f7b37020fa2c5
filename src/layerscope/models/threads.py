"""How many threads torch works with."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """For networks of which each operation takes microseconds, such as those of small graphs.

    Handing a part of each operation to a second thread and waiting for it then costs more than it saves: a step on 32
    molecules took 37 ms with two threads that sleep while they wait, 14 with two that spin, and 14 with one alone
    (two processor cores). On a GPU it changes nothing.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
