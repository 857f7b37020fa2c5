"""Drawings of molecules side by side, with captions, for a notebook's page."""

import html
from collections.abc import Collection, Sequence

from layerscope.draw.molecules import drawing
from layerscope.draw.style import BLUE, INK, ORANGE, PURPLE

COLOURS = f"--ink:{INK};--blue:{BLUE};--orange:{ORANGE};--purple:{PURPLE}"


def drawings(
    smiles: Sequence[str],
    captions: Sequence[str],
    scores: Sequence[Sequence[float]] | None = None,
    marked: Sequence[Collection[int]] | None = None,
) -> str:
    """HTML, white behind the molecules also on a dark page.

    Args:
        scores, marked: of each molecule, as of layerscope.draw.molecules.drawing.

    Raises:
        ValueError: if there is not one of each for each molecule.
    """
    given = {"captions": captions, "scores": scores, "marked": marked}
    for name, column in given.items():
        if column is not None and len(column) != len(smiles):
            raise ValueError(f"needed {name} for each of {len(smiles)} molecules. Got {len(column)}.")
    boxes = [
        f'<figure style="margin:0;background:#fff;color:{INK};border-radius:6px">'
        f"{drawing(text, caption, None if scores is None else scores[i], () if marked is None else marked[i])}"
        f'<figcaption style="font-size:12px;padding:0 8px 6px;overflow-wrap:anywhere">{html.escape(caption)}'
        "</figcaption></figure>"
        for i, (text, caption) in enumerate(zip(smiles, captions, strict=True))
    ]
    grid = "display:grid;grid-template-columns:repeat(auto-fill,minmax(180px,1fr));gap:8px;max-width:840px"  # 4, or 2
    return f'<div style="{grid};{COLOURS}">{"".join(boxes)}</div>'
