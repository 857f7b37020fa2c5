"""What it costs to teach MiniLM the organ systems of phenotypes: frozen with a line, low-rank adapters, all weights.

    text_adapting.py frozen | adapters | full

One way per process, so that the peak of memory is its own. Accuracy is that of validation texts, of groups not
learned from: it compares the ways, and is no result.
"""

import argparse
import json
import resource
import sys
from time import perf_counter, process_time

from layerscope.data import phenotypes
from layerscope.dataset import Dataset, at_most, split
from layerscope.models.bag import line
from layerscope.models.encoder import pretrained_encoder
from layerscope.models.lora import adapt, trainable
from layerscope.predictions import Predictions
from layerscope.see.activations import activations
from layerscope.study.textplan import TextPlan
from layerscope.train import fit, predict

TRAIN, KEPT = 3000, 1200
TO_BYTES = 1 if sys.platform == "darwin" else 1024  # of what the system calls a peak


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("way", choices=("frozen", "adapters", "full"))
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    whole = split(phenotypes.load().dataset, {"train": 0.7, "val": 0.3}, given.seed)
    made = pretrained_encoder(len(whole["train"].classes))
    some = {name: at_most(part, TRAIN if name == "train" else KEPT, given.seed) for name, part in whole.items()}
    parts = {
        name: Dataset.of(
            made.tokenizer.tokens(part.inputs), part.targets, groups=part.groups, ids=part.ids, classes=part.classes
        )
        for name, part in some.items()
    }
    train, val = parts["train"], parts["val"]
    recipes = TextPlan("phenotypes", "groups", given.seed).recipes(TRAIN)
    begun, used = perf_counter(), process_time()

    def frozen() -> tuple[Predictions, int]:
        x, q = (activations(made.model, part)["pool"] for part in (train, val))
        return line(x, train, q, val), x.shape[1] * len(train.classes) + len(train.classes)

    def trained() -> tuple[Predictions, int]:
        model = adapt(made.model, seed=given.seed) if given.way == "adapters" else made.model
        fit(model, train, val, recipes["adapters" if given.way == "adapters" else "fine-tuned"])
        return predict(model, val), trainable(model)

    found, learning = frozen() if given.way == "frozen" else trained()
    print(
        json.dumps(
            {
                "way": given.way,
                "weights that learn": learning,
                "seconds": perf_counter() - begun,
                "seconds of processor time": process_time() - used,
                "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * TO_BYTES / 1e6,
                "accuracy": float((found.guess == found.targets).mean()),
            }
        )
    )


if __name__ == "__main__":
    main()
