"""What part 1 shows: its figures by name, and its numbers as they are read."""

from collections.abc import Callable

from matplotlib.figure import Figure

from figures import part1_images, part1_layers, part1_learning, part1_numbers, part1_plane, part1_trust

FIGURES: dict[str, Callable[[], Figure]] = (
    part1_plane.FIGURES | part1_learning.FIGURES | part1_images.FIGURES | part1_layers.FIGURES | part1_trust.FIGURES
)
numbers = part1_numbers.numbers
