"""How long work says how far it has come: one callable, given by the caller."""

from collections.abc import Callable

Progress = Callable[[str, int, int | None, str], None]
"""Called as progress(what, done, total, unit): `unit` is "bytes", "images", ...; `total` is None where unknown."""


def silent(what: str, done: int, total: int | None, unit: str) -> None:
    """The default: the library says nothing."""
