"""Data sets by name: each a module with CARD, SPLIT (the default) and load()."""

from layerscope.data import mednist, phantom_set

DATASETS = {"mednist": mednist, "phantoms": phantom_set}
