"""Molecules as drawings by RDKit: inline SVG that follows the page into the dark, and pictures for an atlas."""

import html
import io
import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from layerscope.data.smiles import molecule, quiet

RAISES, LOWERS, MARKED = "var(--blue)", "var(--orange)", "var(--purple)"
_CODES = {RAISES: (0.0, 0.0, 1.0), LOWERS: (1.0, 0.0, 0.0), MARKED: (0.0, 1.0, 0.0)}  # in which RDKit is told them
FAINT, STRONG = (
    0.08,
    0.75,
)  # opacity of an atom that says hardly anything, which is left white, and of the one that most


def drawing(
    smiles: str,
    alt: str,
    scores: Sequence[float] | None = None,
    marked: Collection[int] = (),
    width: int = 240,
    height: int = 180,
) -> str:
    """A molecule as inline SVG with a text alternative; it takes its colours from the page.

    Args:
        scores: of each atom, in the order of the SMILES: above 0 blue, below 0 orange, the stronger the fuller.
        marked: numbers of atoms that are ringed in purple, such as those that another molecule has not.

    Raises:
        ValueError: if the SMILES cannot be read, or there is not one score for each atom.
    """
    mol = molecule(smiles)
    opacity, colours = dict.fromkeys(marked, 0.35), dict.fromkeys(marked, MARKED)
    if scores is not None:
        if len(scores) != mol.GetNumAtoms():
            raise ValueError(f"needed a score for each of {mol.GetNumAtoms()} atoms. Got {len(scores)}.")
        most = max(map(abs, scores), default=0.0) or 1.0
        opacity = {i: STRONG * abs(s) / most for i, s in enumerate(scores) if STRONG * abs(s) / most >= FAINT}
        colours = {i: RAISES if scores[i] > 0 else LOWERS for i in opacity}
    text = _svg(mol, {i: (*_CODES[colours[i]], opacity[i]) for i in opacity}, width, height)
    body = text[text.index("<!-- END OF HEADER -->") + 22 : text.rindex("</svg>")]
    body = re.sub(r"#([0-9A-F]{6})([0-9A-F]{2})(?=;)", _shade, body)
    body = re.sub(r" class='[^']*'", "", body).replace("#000000", "var(--ink)")
    body = re.sub(r"(?<=[\d.])px", "", re.sub(r"\s*\n\s*", " ", body))
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(alt)}">{body}</svg>'


def _svg(mol: Any, atoms: dict[int, tuple[float, float, float, float]], width: int, height: int) -> str:
    from rdkit.Chem.Draw import rdMolDraw2D

    with quiet():
        canvas = rdMolDraw2D.MolDraw2DSVG(width, height)
        options = canvas.drawOptions()
        options.useBWAtomPalette()
        options.clearBackground, options.atomHighlightsAreCircles, options.fillHighlights = False, True, True
        options.highlightRadius, options.fixedBondLength, options.padding = 0.42, 26, 0.06
        rdMolDraw2D.PrepareAndDrawMolecule(
            canvas,
            mol,
            highlightAtoms=list(atoms),
            highlightAtomColors=atoms,
            highlightBonds=[],
        )
        canvas.FinishDrawing()
        return canvas.GetDrawingText()


def _shade(found: re.Match[str]) -> str:
    """RDKit's colour with opacity as a colour of the page."""
    rgb = tuple(int(found[1][i : i + 2], 16) / 255 for i in (0, 2, 4))
    variable = next((name for name, code in _CODES.items() if code == rgb), "var(--ink)")
    return f"color-mix(in srgb,{variable} {int(found[2], 16) / 2.55:.0f}%,transparent)"


def pictures(smiles: Sequence[str], side: int = 144) -> UInt8[np.ndarray, "s h w 3"]:
    """A square picture of each molecule, on white."""
    from rdkit.Chem.Draw import rdMolDraw2D

    found = np.empty((len(smiles), side, side, 3), dtype=np.uint8)
    with quiet():
        for i, text in enumerate(smiles):
            canvas = rdMolDraw2D.MolDraw2DCairo(side, side)
            options = canvas.drawOptions()
            options.bondLineWidth, options.padding, options.scaleBondWidth = 2, 0.04, False
            rdMolDraw2D.PrepareAndDrawMolecule(canvas, molecule(text))
            canvas.FinishDrawing()
            found[i] = np.asarray(Image.open(io.BytesIO(canvas.GetDrawingText())).convert("RGB"))
    return found


def not_shared(a: str, b: str, seconds: int = 2) -> tuple[list[int], list[int]]:
    """The atoms of each of two molecules that the other has not, by their largest common substructure.

    All are taken for shared where none is found in time.

    Reference: RDKit's FMCS, Dalke and Hastings 2013, doi:10.1186/1758-2946-5-S1-O6.
    """
    from rdkit.Chem import rdFMCS

    mols = [molecule(a), molecule(b)]
    with quiet():
        common = rdFMCS.FindMCS(mols, timeout=seconds, ringMatchesRingOnly=True, completeRingsOnly=True)
        pattern = common.queryMol
        if pattern is None or not common.numAtoms:
            return [], []
        shared = [set(mol.GetSubstructMatch(pattern)) for mol in mols]
    return tuple([i for i in range(m.GetNumAtoms()) if i not in own] for m, own in zip(mols, shared, strict=True))  # pyright: ignore[reportReturnType]
