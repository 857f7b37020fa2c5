"""What part 2 shows: its figures by name, and its numbers as they are read."""

from collections.abc import Callable

from matplotlib.figure import Figure

from figures import part2_draw, part2_numbers, part2_plans, part2_results

FIGURES: dict[str, Callable[[], Figure]] = part2_draw.FIGURES | part2_plans.FIGURES | part2_results.FIGURES
numbers = part2_numbers.numbers
