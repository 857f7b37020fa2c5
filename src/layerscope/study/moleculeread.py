"""The network of a run answers for molecules that nobody has measured, and says how far it can be trusted."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from layerscope.checkpoint import load_model
from layerscope.data.fingerprints import ecfp4
from layerscope.data.moleculegraphs import NODE_FEATURES, graphs
from layerscope.data.smiles import read_all
from layerscope.dataset import Dataset
from layerscope.inputs import Graphs
from layerscope.models.answers import choose_device, outputs, scale_in
from layerscope.source import DataError
from layerscope.study.folder import RunFolder
from layerscope.study.moleculejudge import OWN, labels_told
from layerscope.study.moleculelook import nearest

KNOWN = "training.csv"  # beside the weights: the molecules that the network has learned from
SEEN = "seen.json"  # and what their atoms are, and how many
COUNT = 3  # nearest ones that are shown


class Like(NamedTuple):
    """A training molecule."""

    id: str
    smiles: str
    answer: str  # what was measured
    similarity: float


@dataclass(frozen=True)
class MoleculeAnswers:
    """What a network says of molecules, in their order."""

    kind: Literal["class", "labels", "number"]
    classes: tuple[str, ...]  # of a number, what is measured
    unit: str
    smiles: tuple[str, ...]  # as RDKit writes them
    said: Float[np.ndarray, "s k"]  # a probability of each class or label; or the number
    decided: Float[np.ndarray, " k"]  # of each class or label, the probability from which on it is answered
    reach: float | None  # of a number: it lies within so much of what is said
    level: float | None  # as often as this
    near: tuple[tuple[Like, ...], ...]
    trusted_from: float | None  # of the similarity to the nearest; None: nowhere is it shown
    strange: tuple[tuple[str, ...], ...]  # in what a molecule is like no training molecule, in words

    def outside(self, row: int) -> bool:
        """Whether a molecule is less like those that were learned from than any for which answers were good.

        Or larger or smaller than all of them, or with an atom that none of them has.
        """
        near = self.trusted_from is not None and self.near[row][0].similarity >= self.trusted_from
        return not near or bool(self.strange[row])

    def answer(self, row: int) -> str:
        """In words: the class, the labels, or the number with its interval."""
        said = self.said[row]
        if self.kind == "number":
            value, unit = float(said[0]), f" {self.unit}" if self.unit else ""
            if self.reach is None or self.level is None:
                return f"{value:.2f}{unit}"
            low, high = value - self.reach, value + self.reach
            return f"{value:.2f}{unit} ({100 * self.level:.0f} % interval {low:.2f} to {high:.2f})"
        if self.kind == "class":
            k = int(said.argmax()) if len(said) != 2 else int(said[1] >= self.decided[1])
            if len(said) != 2:
                return f"{self.classes[k]} ({said[k]:.0%})"
            return f"{self.classes[k]} ({self.classes[1]} {said[1]:.1%}; it is said from {self.decided[1]:.1%} on)"
        there = [k for k in np.argsort(-said) if said[k] >= self.decided[k]]
        return ", ".join(f"{self.classes[k]} ({said[k]:.0%})" for k in there) or "none"


def write_known(folder: Path, train: Dataset[Graphs], smiles: Sequence[str]) -> None:
    """Columns id, smiles, answer: what a later prediction is compared with; and what there was in it."""
    with (folder / KNOWN).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "smiles", "answer"])
        writer.writerows(zip(train.ids.tolist(), smiles, map(_measured(train), range(len(train))), strict=True))
    sizes = train.inputs.owner.bincount()
    seen = [name for name, there in zip(NODE_FEATURES, train.inputs.nodes.amax(dim=0).tolist(), strict=True) if there]
    told = {"atoms": [int(sizes.min()), int(sizes.max())], "features": seen}
    (folder / SEEN).write_text(json.dumps(told), encoding="utf-8")


def _strange(run: Path, asked: Graphs) -> tuple[tuple[str, ...], ...]:
    seen = json.loads((run / "model" / SEEN).read_text(encoding="utf-8"))
    (least, most), known, found = seen["atoms"], set(seen["features"]), []
    for row in range(len(asked)):
        nodes = asked[torch.tensor([row])].nodes
        new = [
            name for name, n in zip(NODE_FEATURES, nodes.sum(dim=0).tolist(), strict=True) if n and name not in known
        ]
        why = [f"no training molecule has an atom with: {', '.join(new)}"] if new else []
        if not least <= len(nodes) <= most:
            why.append(f"it has {len(nodes)} atoms, training molecules {least} to {most}")
        found.append(tuple(why))
    return tuple(found)


def _measured(train: Dataset) -> Any:
    y = train.targets.tolist()
    if train.kind == "number":
        return lambda row: f"{y[row]:g}"
    if not train.several:
        return lambda row: train.classes[y[row]]
    known = None if train.known is None else train.known.tolist()
    return lambda row: labels_told(train.classes, y[row], known and known[row])


def is_molecules(run: Path) -> bool:
    return RunFolder(run).run.get("kind") == "molecules"


def read_molecules(run: Path, smiles: Sequence[str]) -> MoleculeAnswers:
    """What the graph network of a run says of molecules, and what it has seen that is like them.

    Raises:
        DataError: if it is no run of molecules, or not a finished one.
        ValueError: if there is no SMILES, or one cannot be read.
    """
    if not smiles:
        raise ValueError("needed at least one SMILES, such as CCO. Got none.")
    folder = RunFolder(run)
    if folder.run.get("kind") != "molecules" or not (run / "model" / KNOWN).is_file():
        raise DataError(
            f"{run} keeps no network that reads molecules. Needed a finished run on molecules, such as "
            "`layerscope run bbbp`."
        )
    read = read_all([text.strip() for text in smiles])
    if bad := [f"{text!r}: {found.cause}" for text, found in zip(smiles, read, strict=True) if found.cause]:
        raise ValueError(f"{len(bad)} of {len(smiles)} SMILES cannot be read. {'; '.join(bad[:5])}.")
    texts = tuple(found.canonical for found in read)
    model, classes = load_model(run / "model")
    kind = folder.run["answers"]
    nothing = torch.zeros(len(texts), dtype=torch.long)  # outputs do not ask for targets
    column = graphs(texts)
    logits = outputs(model, Dataset.of(column, nothing, classes=classes), choose_device()).double()
    if kind == "number":
        scale = scale_in(model)
        said = logits * scale.spread + scale.mean
    else:
        said = logits.sigmoid() if kind == "labels" else logits.softmax(dim=-1)
    reach, cut = folder.found("calibrated").get("reach") or {}, folder.found("judged")["thresholds"][OWN]
    return MoleculeAnswers(
        kind=kind,
        classes=classes,
        unit=folder.run["unit"],
        smiles=texts,
        said=said.numpy(),
        decided=np.full(len(classes), 0.5) if cut is None else np.array(cut, dtype=float),
        reach=reach.get("radius"),
        level=reach.get("level"),
        near=_near(run, texts),
        trusted_from=folder.found("domain")["trusted_from"],
        strange=_strange(run, column),
    )


def _near(run: Path, texts: Sequence[str]) -> tuple[tuple[Like, ...], ...]:
    with (run / "model" / KNOWN).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = nearest(ecfp4([row["smiles"] for row in rows]), ecfp4(texts), COUNT)
    return tuple(
        tuple(Like(rows[i]["id"], rows[i]["smiles"], rows[i]["answer"], s) for i, s in zip(own, similar, strict=True))
        for own, similar in zip(found.row.tolist(), found.similarity.tolist(), strict=True)
    )


def write_molecules(run: Path, smiles: Sequence[str], lines: Sequence[int], out: Path) -> Path:
    """Columns line, smiles, what was said (and of a number its interval), nearest, similarity, outside."""
    found = read_molecules(run, smiles)
    number = found.kind == "number"
    heads = [found.classes[0], "low", "high"] if number else ["answer", *(f"p({name})" for name in found.classes)]
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["line", "smiles", *heads, "nearest", "similarity", "outside"])
        for row, line in enumerate(lines):
            said, reach = found.said[row].tolist(), found.reach
            ends = ["", ""] if reach is None else [said[0] - reach, said[0] + reach] if number else []
            cells = [said[0], *ends] if number else [found.answer(row), *said]
            like = found.near[row][0]
            writer.writerow([line, found.smiles[row], *cells, like.smiles, like.similarity, found.outside(row)])
    return out


def warning(found: MoleculeAnswers, row: int) -> str:
    """What a user must know before trusting an answer; "" where there is nothing to warn of."""
    if not found.outside(row):
        return ""
    near, least, why = found.near[row][0].similarity, found.trusted_from, list(found.strange[row])
    if least is None:
        return "Nowhere was this network shown to be better than guessing: do not trust this answer."
    if near < least:
        why.insert(
            0,
            f"the nearest training molecule is {near:.2f} similar, and below {least:.2f} its answers were not shown to "
            "be better than guessing",
        )
    return f"Outside of what the network has learned: {'; '.join(why)}. Do not trust this answer."


def told(found: MoleculeAnswers) -> Iterator[tuple[str, bool]]:
    """What is to be said of each molecule, line by line, and whether loudly."""
    for row, smiles in enumerate(found.smiles):
        what = f"{found.classes[0]} " if found.kind == "number" else ""
        yield f"{smiles}: {what}{found.answer(row)}", False
        if found.near[row][0].smiles == smiles:
            yield "  The network has learned from this very molecule: that is no test of it.", False
        if "." in smiles:
            yield "  It has several parts, as salts and mixtures have: each part alone may have another answer.", False
        for like in found.near[row]:
            yield f"  {like.similarity:.2f} similar to {like.smiles} ({like.id}), measured {like.answer}", False
        if said := warning(found, row):
            yield f"  {said}", True
    yield "These are what the network says; its report says how often it is right.", False
