"""What part 2 shows: its figures by name, and its numbers as they are read."""

from collections.abc import Callable

from matplotlib.figure import Figure

from figures import (
    part1_images,
    part2_draw,
    part2_molecules,
    part2_numbers,
    part2_plans,
    part2_promises,
    part2_results,
    part2_text,
)

FIGURES: dict[str, Callable[[], Figure]] = {
    "sign": part1_images.sign,
    **part2_draw.FIGURES,
    **part2_molecules.FIGURES,
    **part2_plans.FIGURES,
    **part2_promises.FIGURES,
    **part2_results.FIGURES,
    **part2_text.FIGURES,
}
numbers = part2_numbers.numbers
