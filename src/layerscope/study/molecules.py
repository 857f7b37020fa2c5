"""The study of molecules, top to bottom: baselines, a graph network from scratch, its layers, how far it reaches."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from layerscope.checkpoint import build, save_model, write_text
from layerscope.data.loaded import Loaded
from layerscope.data.molecules import Molecules
from layerscope.data.smiles import version
from layerscope.dataset import Dataset, at_most
from layerscope.draw.molecules import pictures
from layerscope.judge import reliability
from layerscope.judge.conformal import Conformal, calibration, conformal, interval_scores
from layerscope.maps.atlas import atlas
from layerscope.models.features import forest, line
from layerscope.models.gnn import GNN
from layerscope.models.layered import Layered
from layerscope.models.threads import one_thread
from layerscope.numbers import number
from layerscope.predictions import Numbers, Predictions
from layerscope.progress import Progress, silent
from layerscope.see.activations import untrained
from layerscope.study.facts import describe_source, peak_memory
from layerscope.study.folder import ATLAS, RunFolder
from layerscope.study.moleculecompare import splits, stacking
from layerscope.study.moleculejudge import LEAD, OWN, TITLES, Answer, ask, beside, guessing, judge
from layerscope.study.moleculelook import domain, nearest
from layerscope.study.moleculeparts import MoleculeParts, check_ids
from layerscope.study.moleculeplan import MoleculePlan
from layerscope.study.moleculeread import write_known
from layerscope.study.moleculesteps import cliffs, confident_mistakes, layers
from layerscope.train import History, fit

FOREST, LINE, GUESS = "fingerprints, random forest", "descriptors, straight line", "guessing"
LEVEL = 0.9  # of intervals around predicted numbers
READ = 2000  # molecules that are read from each layer, at most


def study_molecules(
    plan: MoleculePlan,
    loaded: Loaded,
    molecules: Molecules,
    path: Path,
    resume: bool,
    notes: Sequence[str],
    progress: Progress,
) -> "MoleculeStudy":
    """Do every step that the folder does not hold yet.

    Args:
        molecules: the same as in `loaded`, in the same order.
        notes: what a reader must know of the data, in whole sentences.

    Raises:
        DataError: if the folder holds another run.
        ValueError: if two molecules have the same id.
    """
    start, data = perf_counter(), loaded.dataset
    check_ids(data.ids.tolist())
    facts = describe_source(plan.describe(), loaded, "")
    facts["versions"] |= {"rdkit": version()}
    facts |= {"kind": "molecules", "answers": data.kind, "unit": data.unit, "notes": list(notes)}
    folder = RunFolder.open(path, facts, resume)
    done = MoleculeStudy(plan, loaded, MoleculeParts(plan, data, molecules), folder, progress)
    done.run()
    spent = folder.run.get("seconds", 0.0) + perf_counter() - start
    folder.update({"seconds": spent, "peak_memory": max(folder.run.get("peak_memory", 0), peak_memory())})
    return done


@dataclass(frozen=True)
class MoleculeStudy:
    plan: MoleculePlan
    loaded: Loaded
    parts: MoleculeParts
    folder: RunFolder
    progress: Progress

    @property
    def kind(self) -> str:
        return self.loaded.dataset.kind

    @cached_property
    def model(self) -> GNN:
        return self.fitted()[0]

    def fitted(self) -> tuple[GNN, History]:
        """The network of this run, read back from its checkpoint if it has one."""
        return self.trained(self.parts.train, self.folder.path / "training" / "gnn", self.progress)

    def trained(self, train: Dataset, where: Path | None = None, progress: Progress = silent) -> tuple[GNN, History]:
        model = build("gnn", vars(self.plan.config(train)), self.plan.seed)
        assert isinstance(model, GNN)
        with one_thread():
            return model, fit(
                model, train, None, self.plan.recipe(len(train)), where, progress, "training: graph network"
            )

    def network(self, train: Dataset) -> Layered:
        return self.trained(train)[0]

    @cached_property
    def twin(self) -> Layered:
        """The network as if it had seen no answer: its messages are random."""
        return untrained(self.model, self.parts.train, self.plan.seed + 1000)

    def run(self) -> None:
        once, folder, plan = self.folder.once, self.folder, self.plan
        folder.update({"parts": self.parts.sizes()})
        once("trained", self.train)
        answers = self.answers()
        own = answers[OWN]
        once("judged", lambda: judge(answers, plan.resamples, plan.seed))
        once("calibrated", lambda: self.calibrated(own))
        once("layers", self.layers)
        once("domain", self.domain)
        once("cliffs", self.cliffs)
        once("mistakes", lambda: self.mistakes(own))
        once("splits", self.splits)
        if not plan.quick:
            once("stacking", self.stacking)
        said = self.reach(own).around(own.test) if isinstance(own.test, Numbers) else own.test
        said.to_csv(folder.path / "predictions.csv", self.loaded.group_names)
        save_model(folder.path / "model", "gnn", self.model, tuple(self.loaded.dataset.classes), self.card())
        write_known(folder.path / "model", self.parts.train, self.parts.smiles(self.parts.train))
        if self.kind == "class" and not (folder.path / ATLAS).is_file():
            self.atlas()

    def train(self) -> dict[str, Any]:
        start = perf_counter()
        model, history = self.fitted()
        return {
            "epochs": [{k: v for k, v in vars(e).items() if k not in ("optimizer", "steps")} for e in history.epochs],
            "parameters": sum(p.numel() for p in model.parameters()),
            "seconds": perf_counter() - start,
        }

    def answers(self) -> dict[str, Answer]:
        """Of the network and of what it has to beat, on both parts that none of them has learned from."""
        parts, plan = self.parts, self.plan
        train, val, test = parts.train, parts.val, parts.test
        self.progress("random forest on fingerprints", 0, None, "")
        x, q = (bits.astype(np.float32) for bits in (parts.bits(train), parts.bits(val, test)))
        by_forest = forest(x, train, q, plan.trees, plan.seed, jobs=-1)
        x, *asked = parts.described(train, val, test, progress=self.progress)
        return {
            OWN: Answer(ask(self.model, val), ask(self.model, test)),
            FOREST: Answer(beside(by_forest[: len(val)], val), beside(by_forest[len(val) :], test)),
            LINE: Answer(*(beside(line(x, train, q), part) for q, part in zip(asked, (val, test), strict=True))),
            GUESS: Answer(guessing(train, val), guessing(train, test)),
        }

    def calibrated(self, own: Answer) -> dict[str, Any]:
        """Of numbers, what their intervals hold; of classes, whether 80 % sure is right in 80 %."""
        if isinstance(own.test, Numbers) and isinstance(own.val, Numbers):
            reach = self.reach(own)
            held = interval_scores(reach.around(own.test), resamples=self.plan.resamples, seed=self.plan.seed)
            levels = calibration(own.val, own.test, [level for level in (0.5, 0.8) if level < reach.level])
            return {"reach": reach, "held": held, "levels": levels}
        return {"reliability": reliability(own.test) if isinstance(own.test, Predictions) else None}

    def reach(self, own: Answer) -> Conformal:
        """How far the truth is from what is said, learned from validation molecules, on which no choice was made."""
        assert isinstance(own.val, Numbers)
        groups = own.val.owners.groups
        return conformal(own.val, min(LEVEL, groups / (groups + 1)))

    def layers(self) -> dict[str, Any]:
        """Probes learn from validation and are scored on test molecules."""
        self.progress("looking into the layers", 0, None, "")
        fit_on, score_on = (at_most(part, READ, self.plan.seed) for part in (self.parts.val, self.parts.test))
        return layers(self.model, self.twin, fit_on, score_on, self.plan.seed)

    def domain(self) -> dict[str, Any]:
        self.progress("how far the answers reach", 0, None, "")
        train, unseen = self.parts.train, self.parts.unseen
        near = nearest(self.parts.bits(train), self.parts.bits(unseen)).similarity[:, 0]
        return domain(ask(self.model, unseen), guessing(train, unseen), near, self.plan.resamples)

    def cliffs(self) -> dict[str, Any]:
        self.progress("looking for activity cliffs", 0, None, "")
        unseen, y = self.parts.unseen, self.parts.train.targets.double()
        nets = {"trained": self.model, "untrained": self.twin}
        spread = float(y.std()) if self.kind == "number" else 0.0
        return cliffs(nets, unseen, self.parts.smiles(unseen), spread, self.plan.seed)

    def mistakes(self, own: Answer) -> list[dict[str, Any]]:
        train, test = self.parts.train, self.parts.test
        smiles = self.parts.smiles(train), self.parts.smiles(test)
        return confident_mistakes(self.model, own.test, train, test, smiles)

    def splits(self) -> dict[str, Any]:
        plan, some = self.plan, at_most(self.loaded.dataset, self.plan.compared, self.plan.seed)
        train = None if plan.quick else self.network
        smiles, bits = self.parts.smiles(some), self.parts.bits(some)
        return splits(some, smiles, bits, train, plan.fewer_trees, plan.draws, plan.seed, self.progress)

    def stacking(self) -> dict[str, Any] | None:
        plan, test = self.plan, self.parts.test
        train = at_most(self.parts.train, plan.compared, plan.seed)
        bits = self.parts.bits(train), self.parts.bits(test)
        return stacking(train, test, bits, self.network, plan.trees, plan.resamples, plan.seed, self.progress)

    def atlas(self, samples: int = 800) -> None:
        """The layers of the network, with drawings of the molecules."""
        shown = at_most(self.parts.test, 300 if self.plan.quick else samples, self.plan.seed)
        smiles = self.parts.smiles(shown)
        self.progress("drawing molecules", 0, None, "")
        made = atlas(
            self.model,
            shown,
            fit_on=self.parts.val,
            samples=max(10, len(shown)),
            pictures=pictures(smiles),
            texts=smiles,
            title=f"Graph network on {self.loaded.dataset.source.title}",
            names=(OWN, ""),
            seed=self.plan.seed,
            progress=self.progress,
        )
        write_text(self.folder.path / ATLAS, made.html)

    def card(self) -> str:
        run, metric = self.folder.run, LEAD[self.kind]
        own = self.folder.found("judged")["scores"][OWN][metric]
        value, low, high = (number(own[end], ".3f") for end in ("value", "low", "high"))
        unit = f" {run['unit']}" if metric == "rmse" else ""
        return (
            f"# Graph network for {run['source']['title']}\n\nBy layerscope, seed {self.plan.seed}, split "
            f"`{self.plan.split}`. `layerscope predict` reads SMILES with it.\n\n- Data: {run['origin']}. Licence "
            f"{run['source']['license']}.\n- Groups: {run['source']['group']}.\n- {TITLES[metric]} on "
            f"{run['parts']['test']['samples']:,} test molecules: {value}{unit} (95 % interval {low} to {high}).\n\n"
            "Made for teaching. Not a medical device.\n"
        )
