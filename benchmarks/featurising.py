"""Molecules per second from SMILES to graphs in memory: HIV's 41,127 (those RDKit reads), ours and PyTorch Geometric's.

Ours with one process, with one for each core, and once more from the cache; PyG's own `from_smiles` in a loop, which is
what its MoleculeNet does. Each in a fresh process, once, and from the text of a SMILES. Both describe an atom by
element, neighbours, charge, hydrogens, ring and hybridisation; ours names hands and sides by CIP rules besides.

    featurising.py [--molecules 41127]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings
from time import perf_counter

from layerscope.data.moleculenet import SETS
from layerscope.data.threads import cores


def ours(smiles: list[str], processes: int) -> int:
    from layerscope.data.moleculegraphs import graphs

    return len(graphs(smiles, processes=processes))


def pygs(smiles: list[str]) -> int:
    with warnings.catch_warnings(action="ignore"):  # as layerscope.models.pyg
        from torch_geometric.utils import from_smiles
    return len([from_smiles(text) for text in smiles])


WAYS = {
    "PyG's from_smiles": pygs,
    "ours, 1 process": lambda smiles: ours(smiles, 1),
    f"ours, {cores()} processes": lambda smiles: ours(smiles, cores()),
    "ours, from the cache": lambda smiles: ours(smiles, 1),
}


def measure(way: str, count: int) -> dict[str, float]:
    from rdkit import RDLogger

    RDLogger.DisableLog("rdApp.*")  # pyright: ignore[reportAttributeAccessIssue]
    smiles = SETS["hiv"].molecules().smiles.tolist()[:count]
    WAYS[way](smiles[:1])  # imports
    start = perf_counter()
    made = WAYS[way](smiles)
    seconds = perf_counter() - start
    return {"molecules": made, "seconds": seconds, "per second": made / seconds}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--molecules", type=int, default=50_000, help="at most")
    arguments.add_argument("--way", choices=WAYS)
    given = arguments.parse_args()
    if given.way:
        print(json.dumps(measure(given.way, given.molecules)))
        return
    found = {}
    with tempfile.TemporaryDirectory() as alone, tempfile.TemporaryDirectory() as together:
        for way in WAYS:  # a cache of its own for each, but that the last one finds what came before it
            folder = alone if way == "ours, 1 process" else together
            words = [sys.executable, __file__, "--way", way, "--molecules", str(given.molecules)]
            env = {**os.environ, "LAYERSCOPE_CACHE": folder}
            out = subprocess.run(words, capture_output=True, text=True, check=True, env=env).stdout
            found[way] = json.loads(out.splitlines()[-1])
            print(way, found[way], file=sys.stderr, flush=True)
    plain = found["PyG's from_smiles"]["seconds"]
    print(json.dumps({"ways": found, "times as fast as PyG": {way: plain / f["seconds"] for way, f in found.items()}}))


if __name__ == "__main__":
    main()
