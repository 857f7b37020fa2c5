"""The whole study, top to bottom."""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from layerscope.checkpoint import save_model
from layerscope.data.loaded import Loaded
from layerscope.models.baseline import BASELINES
from layerscope.models.layered import Layered
from layerscope.predictions import Predictions
from layerscope.progress import Progress
from layerscope.study import steps
from layerscope.study.cases import FIRST, decided_by_case, judged_by_case
from layerscope.study.data import WORLDS, StudyData, prepare
from layerscope.study.facts import card, describe_parts, describe_run, peak_memory
from layerscope.study.folder import RunFolder
from layerscope.study.plan import Plan
from layerscope.train import predict

NETWORKS = ("cnn", "mlp")


def study(plan: Plan, loaded: Loaded, path: Path, resume: bool, note: str, progress: Progress) -> "Study":
    """Do every step that the folder does not hold yet.

    Args:
        resume: go on in a folder that a run of the same plan has begun.
        note: what a reader must know first, such as that these are phantoms because MedNIST could not be had.

    Raises:
        DataError: if the folder holds another run.
    """
    start = perf_counter()
    folder = RunFolder.open(path, describe_run(plan, loaded, note), resume)
    data = prepare(plan, loaded, progress)
    folder.update({"parts": describe_parts(data)})
    done = Study(plan, data, folder, progress)
    done.run()
    folder.update(
        {
            "seconds": folder.run.get("seconds", 0.0) + perf_counter() - start,
            "peak_memory": max(folder.run.get("peak_memory", 0), peak_memory()),
        }
    )
    return done


@dataclass(frozen=True)
class Study:
    plan: Plan
    data: StudyData
    folder: RunFolder
    progress: Progress

    def run(self) -> None:
        predictions = {world: self.world(world) for world in WORLDS}
        honest = {name: steps.accuracy(p) for name, p in predictions["clean"].items()}
        self.folder.once("flattered", lambda: steps.flattered(self.plan, self.data, honest, self.progress))
        self.folder.pictures(steps.pictures(self.data, {world: p["cnn"] for world, p in predictions.items()}))
        self.folder.write("metrics.json", {world: self.metrics(world) for world in WORLDS})
        for world in WORLDS:
            suffix = "" if world == "clean" else f"-{world}"
            predictions[world]["cnn"].to_csv(self.folder.path / f"predictions{suffix}.csv")
            if (cases := self.data.worlds[world]["test"].cases) is not None:
                threshold = self.folder.found(f"cases-{world}")["ways"][FIRST]["threshold"]
                decided = decided_by_case(predictions[world]["cnn"], cases, threshold)
                decided.to_csv(self.folder.path / f"cases{suffix}.csv")
            model = self.network(world, "cnn", self.plan.seed)
            save_model(self.folder.path / f"model{suffix}", "cnn", model, self.data.classes, card(self.folder, world))

    def world(self, world: str) -> dict[str, Predictions]:
        """Train, judge and look inside; the predictions of the first seed and of the baselines."""
        parts, plan, once = self.data.worlds[world], self.plan, self.folder.once
        cells = [(net, seed) for net in NETWORKS for seed in plan.seeds]
        for net, seed in cells:
            once(f"trained-{world}-{net}-{seed}", lambda n=net, s=seed: self.train(world, n, s))
        predictions = {net: predict(self.network(world, net, plan.seed), parts["test"]) for net in NETWORKS}
        for i, (name, baseline) in enumerate(BASELINES.items()):
            self.progress(f"baselines, {world}", i, len(BASELINES), "baselines")
            predictions[name] = baseline(parts["train"], parts["test"])
        self.progress(f"judging with intervals, {world}", 0, None, "")
        once(f"judged-{world}", lambda: steps.judged(predictions, plan))
        if parts["test"].cases is not None:
            once(f"cases-{world}", lambda: judged_by_case(self.on_validation(world), predictions, parts, plan))
        for i, (net, seed) in enumerate(cells):
            self.progress(f"looking into the layers, {world}", i, len(cells), "networks")
            once(f"layers-{world}-{net}-{seed}", lambda n=net, s=seed: self.layers(world, n, s))
        first, second = (self.network(world, "cnn", seed) for seed in plan.seeds[:2])
        once(f"alike-{world}", lambda: steps.alike(first, second, parts, plan))
        once(f"few-{world}", lambda: steps.few_labels(plan, self.data, world, self.progress))
        return predictions

    def on_validation(self, world: str) -> dict[str, Predictions]:
        """What thresholds and poolings are learned from."""
        parts = self.data.worlds[world]
        found = {net: predict(self.network(world, net, self.plan.seed), parts["val"]) for net in NETWORKS}
        return found | {name: baseline(parts["train"], parts["val"]) for name, baseline in BASELINES.items()}

    def metrics(self, world: str) -> dict[str, Any]:
        cases = self.folder.found(f"cases-{world}")
        return self.folder.found(f"judged-{world}") | ({} if cases is None else {"cases": cases})

    def train(self, world: str, net: str, seed: int) -> dict[str, Any]:
        model, history = steps.trained(
            self.plan, self.data, self.data.worlds[world], net, seed, *self._at(world, net, seed)
        )
        return {
            "epochs": [{k: v for k, v in vars(epoch).items() if k != "optimizer"} for epoch in history.epochs],
            "best": history.best,
            "accuracy": steps.accuracy(predict(model, self.data.worlds[world]["test"])),
            "parameters": sum(p.numel() for p in model.parameters()),
        }

    def network(self, world: str, net: str, seed: int) -> Layered:
        """A trained network of this run, read back from its checkpoint."""
        return steps.trained(self.plan, self.data, self.data.worlds[world], net, seed, *self._at(world, net, seed))[0]

    def layers(self, world: str, net: str, seed: int) -> dict[str, Any]:
        return steps.layers(self.network(world, net, seed), self.data.worlds[world], self.plan, seed)

    def _at(self, world: str, net: str, seed: int) -> tuple[Path, Progress, str]:
        return (
            self.folder.path / "training" / f"{world}-{net}-{seed}",
            self.progress,
            f"training the {net.upper()}, {world}, seed {seed}",
        )
