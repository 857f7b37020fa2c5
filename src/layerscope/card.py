"""What a reader must know of a data set."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """A field that is unknown says so in words; none is left empty."""

    name: str
    title: str
    license: str
    citation: str
    group: str  # what one group is: "patient", "scaffold", or "unknown: why it matters"

    def __post_init__(self) -> None:
        if empty := [field for field, value in vars(self).items() if not value.strip()]:
            raise ValueError(f"the card of {self.name!r} must fill every field. Empty: {', '.join(empty)}.")
