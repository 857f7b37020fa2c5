"""What a study of molecules does, and with how much of the data."""

from dataclasses import asdict, dataclass
from typing import Any

from layerscope.data.moleculegraphs import EDGE_FEATURES, NODE_FEATURES
from layerscope.dataset import Dataset
from layerscope.models.gnn import GNNConfig
from layerscope.study.plan import at_least
from layerscope.train import Recipe

STEPS = {True: 400, False: 1500}  # of training at least, in a quick run and in a full one, however few the molecules


@dataclass(frozen=True)
class MoleculePlan:
    """Enough to repeat a run."""

    data: str
    split: str = "groups"
    seed: int = 0
    quick: bool = False
    precision: str = "fp32"
    columns: dict[str, Any] | None = None  # of a user's own table: what is asked, and in which columns it stands

    @property
    def most(self) -> dict[str, int]:
        """Molecules of each part."""
        if self.quick:
            return {"train": 1500, "val": 300, "test": 600}
        return {"train": 16_000, "val": 2500, "test": 5000}

    @property
    def resamples(self) -> int:
        return 500 if self.quick else 2000

    @property
    def trees(self) -> int:
        """Of a random forest."""
        return 100 if self.quick else 300

    @property
    def fewer_trees(self) -> int:
        """Where many forests are compared with each other."""
        return min(100, self.trees)

    @property
    def compared(self) -> int:
        """Molecules, at most, on which ways to split are compared, and ways to stack."""
        return 1500 if self.quick else 3000

    @property
    def draws(self) -> int:
        """Of each way to split that has chance in it."""
        return 1 if self.quick else 3

    def config(self, dataset: Dataset) -> GNNConfig:
        """Sums over neighbours, with bonds."""
        return GNNConfig(len(NODE_FEATURES), len(dataset.classes), len(EDGE_FEATURES))

    def recipe(self, molecules: int) -> Recipe:
        """For so many training molecules. No epoch is chosen, so that validation molecules stay unseen."""
        epochs = 10 if self.quick else 30
        base = Recipe(epochs=epochs, batch_size=32, lr=1e-3, seed=self.seed, precision=self.precision)
        return at_least(base, molecules, STEPS[self.quick])

    def describe(self) -> dict[str, Any]:
        return asdict(self)
