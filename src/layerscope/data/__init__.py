"""Data sets by name: each a module with CARD, SPLIT (the default) and load()."""

from layerscope.data import mednist, mura, phantom_set, xrays

DATASETS = {"mednist": mednist, "mura": mura, "phantoms": phantom_set, "xrays": xrays}
