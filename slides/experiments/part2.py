"""Part 2: what finished runs and the executed lesson 4 have found about molecules; and a line that is told the answer.

Two places, which the environment can name: SLIDES_RUNS, a folder with the run folders of `layerscope run bbbp`, `esol`
and `nci` (else `runs/`), and SLIDES_LESSONS, a folder with executed notebooks (else `build/lessons/full/`).
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from layerscope.data import ncimolecules
from layerscope.data.fingerprints import descriptors
from layerscope.models.features import line
from layerscope.study.folder import RunFolder
from layerscope.study.moleculejudge import beside, lead
from layerscope.study.moleculeparts import MoleculeParts
from layerscope.study.moleculeplan import MoleculePlan

ROOT = Path(__file__).resolve().parents[2]
RUNS = ("bbbp", "esol", "nci")
STEPS = ("judged", "splits", "stacking", "domain", "layers", "calibrated")
SCORE = re.compile(r"([+-]?\d[\d.,]*)(%?) [\[(]([+-]?[\d.]+)%?(?:,| to) ([+-]?[\d.]+)%?[\])]")

Row = dict[str, Any]


def part2() -> dict[str, Any]:
    folder = Path(os.environ.get("SLIDES_RUNS") or ROOT / "runs")
    lessons = Path(os.environ.get("SLIDES_LESSONS") or ROOT / "build" / "lessons" / "full")
    return {
        "runs": {name: take_run(RunFolder(there(folder / name, f"layerscope run {name} --seed 0"))) for name in RUNS},
        "lesson4": take_lesson(there(lessons / "DL-Example-4-Molecules-using-PyTorch-Geometric.ipynb", "make lessons")),
        "told": told(),
        "paracetamol": drawing("CC(=O)Nc1ccc(O)cc1"),
    }


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


def there(path: Path, how: str) -> Path:
    """The path, which must be there."""
    if not path.exists():
        sys.exit(f"{path} is not there. Make it: {how}")
    return path


def take_run(run: RunFolder) -> dict[str, Any]:
    facts = run.run
    kept = {
        "command": f"layerscope run {facts['plan']['data']} --seed {facts['plan']['seed']}",
        "machine": facts["device"],
        **{name: facts[name] for name in ("started", "seconds", "samples", "groups")},
        "title": facts["source"]["title"],
        "citation": facts["source"]["citation"],
    }
    return kept | {name: run.found(name) for name in STEPS} | {"cliffs": cliffs(run.found("cliffs"))}


def cliffs(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in ("pairs", "cliffs", "compared", "told_apart")}


def take_lesson(notebook: Path) -> dict[str, Any]:
    """Tables of lesson 4, as it printed them: each found by the head of its columns."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    said = [
        "".join(output["data"]["text/markdown"])
        for cell in cells
        for output in cell.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    ]
    text = "\n\n".join(said)
    surroundings = re.search(r"Different surroundings in paracetamol: (.*)\.", text)
    return {
        "test": table(text, "| method | AUROC, test |"),
        "sizes": table(text, "| molecules | ECFP4 + forest |"),
        "splits": table(text, "| test part | ECFP4 + forest |"),
        "blocks": table(text, "| blocks | each replaces"),
        "attribution": table(text, "| score | carboxylic acid |"),
        "trap": table(text, "| column | cross-validation says |"),
        "one_graph": table(text, "| method | right, new groups |"),
        "parts": table(text, "| part | molecules |"),
        "surroundings": [int(found) for found in re.findall(r"(\d+) after", surroundings[1] if surroundings else "")],
    }


def table(text: str, head: str) -> dict[str, Row]:
    """A Markdown table: rows by their first cell, numbers as numbers.

    A cell such as `0.917 [0.844, 0.958]` becomes value, low and high; `99%` becomes 0.99.
    """
    start = text.find(head)
    if start < 0:
        sys.exit(f"The lesson has no table that begins with {head!r}")
    lines = [line for line in text[start:].split("\n\n")[0].splitlines() if line.startswith("|")]
    columns, *rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines if "---" not in line
    ]
    return {row[0]: {name: cell(one) for name, one in zip(columns[1:], row[1:], strict=False)} for row in rows}


def cell(text: str) -> Any:
    found = SCORE.match(text)
    if found:
        scale = 100 if found[2] else 1
        value, low, high = (float(found[i].replace(",", "")) / scale for i in (1, 3, 4))
        return {"value": value, "low": low, "high": high}
    plain = text.replace(",", "")
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", plain):
        return float(plain)
    return float(plain[:-1]) / 100 if re.fullmatch(r"\d+(\.\d+)?%", plain) else text
