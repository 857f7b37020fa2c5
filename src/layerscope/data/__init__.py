"""Data sets by name: each a module with CARD, SPLIT (the default), FROM, KIND and load().

FROM is "download" (and SOURCE says from where), "own copy" (and HOW says how to get one) or "drawn". KIND is "images"
or "texts".
"""

from layerscope.data import gad, mednist, mura, phantom_set, phenotypes, xrays

DATASETS = {
    "gad": gad,
    "mednist": mednist,
    "mura": mura,
    "phantoms": phantom_set,
    "phenotypes": phenotypes,
    "xrays": xrays,
}
