"""Data sets by name: each a module with CARD, SPLIT (the default), FROM, KIND and load().

FROM is "download" (and SOURCE says from where), "own copy" (and HOW says how to get one) or "drawn". NOT_HANDED_ON,
where there is one, says why no copy may be given to others, not even to a class. KIND is "images", "texts", "labels"
(texts of which each may have several labels, or none) or "graphs", molecules: these also have molecules(), with their
SMILES.
"""

from typing import Any

from layerscope.data import (
    diseases,
    gad,
    hallmarks,
    mednist,
    mura,
    ncimolecules,
    phantom_set,
    phenotypes,
    pubmed_rct,
    xrays,
)
from layerscope.data.moleculenet import SETS

DATASETS: dict[str, Any] = {
    "diseases": diseases,
    "gad": gad,
    "hallmarks": hallmarks,
    "mednist": mednist,
    "mura": mura,
    "phantoms": phantom_set,
    "phenotypes": phenotypes,
    "pubmed_rct": pubmed_rct,
    "xrays": xrays,
    **SETS,
    "nci": ncimolecules,
}
