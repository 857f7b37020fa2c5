"""Small looks of part 2's own: seconds or a few minutes each, and the same in every run."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from layerscope.checkpoint import build
from layerscope.data import ncimolecules, phenotypes
from layerscope.data.fingerprints import descriptors, ecfp4
from layerscope.data.moleculenet import SETS
from layerscope.dataset import Dataset, at_most, few, split
from layerscope.inputs import Graphs, Texts
from layerscope.judge import METRICS
from layerscope.models.bag import nearest_text, tfidf
from layerscope.models.encoder import pretrained_encoder
from layerscope.models.features import forest, line
from layerscope.models.transformer import attention
from layerscope.models.wordpiece import WordPiece
from layerscope.see.activations import activations
from layerscope.study.moleculejudge import beside, lead
from layerscope.study.moleculelook import Pairs, near_pairs, series, told_apart
from layerscope.study.moleculeparts import MoleculeParts
from layerscope.study.moleculeplan import MoleculePlan
from layerscope.study.plan import few_label_recipe
from layerscope.train import Recipe, fit, predict

SENTENCE = "no sign of renal calculi"
PARTS = {"train": 0.55, "val": 0.15, "look": 0.15, "test": 0.15}  # of lesson 3
SHOWN = 2  # of the cliffs, those that are most alike


def told() -> dict[str, Any]:
    """The error of a straight line on all of RDKit's descriptors, where the computed logP that is asked for is one."""
    data, molecules = ncimolecules.load().dataset, ncimolecules.molecules()
    parts = MoleculeParts(MoleculePlan("nci"), data, molecules)
    train, test = parts.train, parts.test
    x, q = (descriptors(parts.smiles(part)).filled().values for part in (train, test))
    return {"rmse": lead(beside(line(x, train, q), test))._asdict(), "descriptors": x.shape[1]}


def drawing(smiles: str) -> dict[str, Any]:
    """Where a chemist draws the atoms of a molecule, and which are bonded."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    molecule = Chem.MolFromSmiles(smiles)
    AllChem.Compute2DCoords(molecule)
    places = molecule.GetConformer().GetPositions()[:, :2]
    return {
        "elements": [atom.GetSymbol() for atom in molecule.GetAtoms()],
        "places": places,
        "bonds": [[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()] for bond in molecule.GetBonds()],
    }


def attended() -> dict[str, Any]:
    """How much each word of a sentence takes from each other in MiniLM: the mean over the heads of each block.

    By the formula, from the features that go into the block. A word of several pieces takes their mean, and gives their
    sum. The signs at the start and the end of a text can be listened to as well.
    """
    encoder = pretrained_encoder(2)
    tokens = encoder.tokenizer.tokens(Texts.of([SENTENCE]))
    words = SENTENCE.split()
    owner = [i for i in encoder.tokenizer.fast([SENTENCE]).word_ids(0) if i is not None]
    columns = np.array([0, *(i + 1 for i in owner), len(words) + 1])
    belongs = torch.eye(len(words) + 2)[columns]  # (tokens, columns)
    body = encoder.model.body
    with torch.no_grad():
        stages = [stage.h for stage in encoder.model.stages(tokens) if not stage.per_sample]
        blocks = [
            heads(h, block.attention.self, body.config.num_attention_heads, tokens.mask).mean(dim=0)
            for h, block in zip(stages, body.encoder.layer, strict=False)
        ]
    taken = [((belongs / belongs.sum(0)).T @ w @ belongs)[1:-1] for w in blocks]
    return {
        "words": words,
        "columns": ["start sign", *words, "end sign"],
        "heads": body.config.num_attention_heads,
        "blocks": torch.stack(taken),
    }


def heads(h: torch.Tensor, part: Any, count: int, mask: torch.Tensor) -> torch.Tensor:
    """The attention weights of each head of a block of BERT (heads, tokens, tokens)."""
    q, k, v = (f(h).unflatten(-1, (count, -1)).transpose(1, 2) for f in (part.query, part.key, part.value))
    return attention(q, k, v, mask).weights[0]


def settings(lesson: Path) -> dict[str, Any]:
    """The parameters of a lesson, as it sets them."""
    (found,) = re.findall(r'^# %% tags=\["parameters"\]\n(.*?)^# %%', lesson.read_text(encoding="utf-8"), re.M | re.S)
    names: dict[str, Any] = {}
    exec(found, names)
    return names


def few_texts(lesson: Path) -> dict[str, dict[str, list[float]]]:
    """Section 7 and 8 of lesson 3 as numbers: right on validation texts, by labels per class, one for each draw.

    The lesson draws this curve and prints its last point only. What has filled in words is left out: it takes long.
    """
    p = settings(lesson)
    seed, dataset = p["SEED"], phenotypes.load().dataset
    whole = split(dataset, PARTS, seed)
    train, val = at_most(whole["train"], p["TRAIN"], seed), at_most(whole["val"], p["KEPT"], seed)
    cutter = WordPiece.train(train.inputs.strings.tolist(), p["PIECES"])
    encoder = pretrained_encoder(len(dataset.classes))
    shape = {"vocabulary": len(cutter), "classes": len(dataset.classes), "width": 96, "blocks": 3}
    recipe = Recipe(epochs=p["SCRATCH_EPOCHS"], batch_size=64, lr=2e-3, seed=seed)
    asked = cut(val, cutter)
    seen = activations(encoder.model, cut(val, encoder.tokenizer))["pool"]
    found: dict[str, dict[str, list[float]]] = {}
    for n, draw in [(n, draw) for n in p["LABELS"] for draw in range(p["DRAWS"])]:
        drawn = few(train, n, seed + draw)
        scratch = build("transformer", shape, seed + draw)
        fit(scratch, cut(drawn, cutter), None, few_label_recipe(recipe, len(drawn), p["FEW_STEPS"], seed + draw))
        z = activations(encoder.model, cut(drawn, encoder.tokenizer))["pool"]
        for method, answers in (
            ("bag of letters", tfidf(drawn, val, "letters")),
            ("from scratch", predict(scratch, asked)),
            ("MiniLM, frozen", nearest_text(z, drawn, seen, val)),
        ):
            right = float(METRICS["accuracy"](answers))
            found.setdefault(method, {}).setdefault(str(n), []).append(right)
    return found


def cut(part: Dataset, cutter: Any) -> Dataset:
    """The same texts as tokens."""
    return replace(part, inputs=cutter.tokens(part.inputs))


def cliff_pairs(name: str) -> dict[str, Any]:
    """The activity cliffs of `layerscope run NAME`: in how many series, what a forest says, and those most alike."""
    data = SETS[name]
    parts = MoleculeParts(MoleculePlan(name), data.load().dataset, data.molecules())
    train, unseen = parts.train, parts.unseen
    spread = float(train.targets.double().std()) if train.kind == "number" else 0.0
    smiles = parts.smiles(unseen)
    sizes = unseen.inputs.owner.bincount(minlength=len(unseen)).numpy()
    pairs = near_pairs(ecfp4(smiles), unseen, spread, sizes=sizes)
    by_forest = beside(forest(parts.bits(train), train, parts.bits(unseen), parts.plan.trees), unseen)
    order = np.flatnonzero(pairs.cliff)[np.argsort(-pairs.similarity[pairs.cliff], kind="stable")]
    return {
        "pairs": len(pairs),
        "cliffs": int(pairs.cliff.sum()),
        "series": series(pairs, unseen.groups),
        "forest": float(told_apart(by_forest, pairs).mean()),
        "examples": [drawn(pairs, p, unseen, smiles) for p in order[:SHOWN].tolist()],
    }


def drawn(pairs: Pairs, p: int, data: Dataset[Graphs], smiles: list[str]) -> dict[str, Any]:
    """A pair of molecules, what is true of them, and how they are drawn."""
    ends = [int(pairs.first[p]), int(pairs.second[p])]
    answers = data.targets[ends].tolist()
    return {
        "similarity": float(pairs.similarity[p]),
        "answers": answers if data.kind == "number" else [data.classes[k] for k in answers],
        "smiles": [smiles[i] for i in ends],
        "drawings": [drawing(smiles[i]) for i in ends],
    }
