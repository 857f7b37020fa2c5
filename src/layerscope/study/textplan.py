"""What a study of texts does, and with how much of the data."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from layerscope.study.plan import at_least
from layerscope.train import Recipe

LEAST = {"transformer": 150, "adapters": 60, "fine-tuned": 60}  # steps, however few the texts


@dataclass(frozen=True)
class TextPlan:
    """Enough to repeat a run."""

    data: str
    split: str
    seed: int = 0
    labels: int | None = None  # per class, that networks and baselines learn from; None is all
    quick: bool = False
    precision: str = "fp32"
    network: str = "minilm"  # the pretrained one: a name of models.encoder, of the hub, or a folder
    columns: dict[str, str | None] | None = None  # of a user's own table
    tokens: int | None = None  # of a text that are read, at most; None: as many as suit the time of a run

    @property
    def most(self) -> dict[str, int]:
        """Texts of each part."""
        return {"train": 1200, "val": 300, "test": 500} if self.quick else {"train": 8000, "val": 1500, "test": 3000}

    @property
    def resamples(self) -> int:
        return 1000 if self.quick else 2000

    @property
    def longest(self) -> int:
        """Tokens of a text that are read."""
        return self.tokens or (128 if self.quick else 256)

    def recipes(self, texts: int) -> dict[str, Recipe]:
        """Of each network that is trained, on so many texts.

        Adapters have a higher rate than all weights: what learns is small, and begins at zero.
        """
        base = Recipe(batch_size=32, seed=self.seed, precision=self.precision)
        tuned = replace(base, epochs=3, label_smoothing=0.0)
        scratch = replace(base, epochs=3 if self.quick else 12, lr=1e-3)
        adapters = {} if self.quick else {"adapters": replace(tuned, lr=1e-3)}
        found = {"transformer": scratch, **adapters, "fine-tuned": replace(tuned, lr=3e-4, layer_decay=0.8)}
        return {net: at_least(recipe, texts, LEAST[net]) for net, recipe in found.items()}

    def describe(self) -> dict[str, Any]:
        return asdict(self)
