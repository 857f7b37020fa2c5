"""Data sets by name: each a module with CARD, SPLIT (the default), FROM, KIND and load().

FROM is "download" (and SOURCE says from where), "own copy" (and HOW says how to get one) or "drawn". KIND is "images",
"texts", or "labels": texts of which each may have several labels, or none.
"""

from layerscope.data import gad, hallmarks, mednist, mura, phantom_set, phenotypes, pubmed_rct, xrays

DATASETS = {
    "gad": gad,
    "hallmarks": hallmarks,
    "mednist": mednist,
    "mura": mura,
    "phantoms": phantom_set,
    "phenotypes": phenotypes,
    "pubmed_rct": pubmed_rct,
    "xrays": xrays,
}
