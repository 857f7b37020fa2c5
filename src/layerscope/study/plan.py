"""What a study does, decided before it begins."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from layerscope.models import CNNConfig, MLPConfig
from layerscope.train import Recipe


@dataclass(frozen=True)
class Plan:
    """Enough to repeat a run. Sizes are chosen so that the whole takes minutes on two cores, `quick` about one."""

    data: str
    split: str
    seed: int = 0
    labels: int | None = None  # per class, of the networks and baselines; None is all
    quick: bool = False
    precision: str = "fp32"

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of weights and batches; the split has seed `self.seed` throughout."""
        return tuple(range(self.seed, self.seed + (2 if self.quick else 3)))

    def limits(self, classes: int) -> dict[str, int | None]:
        """Samples per class kept of each part; of fewer classes more, so that there is as much to learn from."""
        total = {"train": 3600, "val": 1200, "test": 1800}
        return {part: most // classes if self.quick else None for part, most in total.items()}

    @property
    def few_labels(self) -> tuple[int, ...]:
        return (3, 30) if self.quick else (1, 3, 10, 30, 100, 300)

    @property
    def draws(self) -> int:
        """Draws of few labels, each with its own fresh network."""
        return 2 if self.quick else 3

    @property
    def few_label_steps(self) -> int:
        """Of gradient descent, however few the samples."""
        return 50 if self.quick else 100

    @property
    def read(self) -> int:
        """Samples that layer curves are fitted on, and as many that they are scored on."""
        return 800 if self.quick else 4000

    @property
    def shown(self) -> int:
        """Samples on the pages of the atlas."""
        return 500 if self.quick else 2000

    @property
    def resamples(self) -> int:
        return 1000 if self.quick else 2000

    def networks(
        self, samples: int, classes: int, channels: int, height: int, width: int
    ) -> dict[str, tuple[CNNConfig | MLPConfig, Recipe]]:
        """Name -> configuration and recipe with all labels, for so many training samples of this shape."""
        recipe, steps = Recipe(precision=self.precision, seed=self.seed), 80 if self.quick else 130
        shrink = max(2, height // 64)
        blocks = max(1, round(math.log2(height / shrink)) - 1)  # down to 2×2 positions
        widths = tuple(128 >> i for i in reversed(range(blocks)))
        cnn = CNNConfig(channels, classes, shrink, widths, size=height)
        mlp = MLPConfig(channels * height * width, classes)
        return {
            "cnn": (cnn, at_least(replace(recipe, epochs=3 if self.quick else 2, lr=1e-2), samples, steps)),
            "mlp": (mlp, at_least(replace(recipe, epochs=6 if self.quick else 5, lr=2e-3), samples, steps)),
        }

    def describe(self) -> dict[str, Any]:
        return asdict(self) | {"seeds": list(self.seeds), "draws": self.draws}


def at_least(recipe: Recipe, samples: int, steps: int) -> Recipe:
    """The same recipe, for so many steps at least: of few samples an epoch is too short to learn in."""
    epochs = math.ceil(steps / math.ceil(samples / recipe.batch_size))
    return replace(recipe, epochs=max(recipe.epochs, epochs), patience=max(recipe.patience, epochs))


def few_label_recipe(recipe: Recipe, samples: int, steps: int, seed: int) -> Recipe:
    """The same recipe, for so many steps rather than epochs."""
    per_epoch = math.ceil(samples / recipe.batch_size)
    return replace(recipe, epochs=math.ceil(steps / per_epoch), seed=seed)
