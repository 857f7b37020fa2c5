"""SMILES, molecules written as text: read with RDKit, which tells what is wrong with one in its log only.

Reference: Weininger 1988, doi:10.1021/ci00057a005 (SMILES); RDKit, doi:10.5281/zenodo.591637.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, NamedTuple

from layerscope.data.processes import in_processes
from layerscope.progress import Progress, silent

LONGEST = 10_000  # characters: longer ones are no small molecules, and RDKit needs minutes for some


class Reading(NamedTuple):
    canonical: str  # the one way in which RDKit writes this molecule; "" if it cannot be read
    cause: str = ""  # why not


def library() -> Any:
    """rdkit.Chem, an extra.

    Raises:
        ModuleNotFoundError: without rdkit.
    """
    if not find_spec("rdkit"):
        raise ModuleNotFoundError("molecules need rdkit: pip install 'layerscope[graphs]'")
    from rdkit import Chem

    return Chem


def version() -> str:
    """Of RDKit: another may read a SMILES, find an aromatic ring or compute a descriptor in another way."""
    library()
    import rdkit

    return rdkit.__version__


@contextmanager
def quiet() -> Iterator[None]:
    """RDKit says nothing on standard error meanwhile."""
    library()
    from rdkit.rdBase import BlockLogs

    blocked = BlockLogs()
    try:
        yield
    finally:
        del blocked


def molecule(smiles: str) -> Any:
    """RDKit's molecule of a SMILES that it can read; atoms in the order of the text.

    Raises:
        ValueError: if it cannot be read; the error says why.
    """
    with quiet():
        read = library().MolFromSmiles(smiles)
    if read is None or not read.GetNumAtoms():
        raise ValueError(f"{smiles[:80]!r} is not the SMILES of a molecule: {_cause(smiles)}.")
    return read


def read_all(texts: Sequence[str], progress: Progress = silent, processes: int | None = None) -> list[Reading]:
    """Each text as RDKit writes that molecule: equal molecules give equal texts, and only they do.

    Salts, charges, isotopes and stereochemistry stay as they are written, so that a salt is another molecule than its
    base, and a mixture than one of its enantiomers. Tautomers are different molecules too.
    """
    done = in_processes(_read, texts, "reading SMILES", "molecules", progress, processes)
    return [reading for chunk in done for reading in chunk]


def _read(texts: list[str]) -> list[Reading]:
    with quiet():
        return [_reading(text.strip()) for text in texts]


def _reading(text: str) -> Reading:
    chem = library()
    if not text:
        return Reading("", "it is empty")
    _, *rest = text.split(maxsplit=1)
    more = rest[0] if rest else ""
    if len(text) > LONGEST:
        return Reading("", f"it has {len(text):,} characters; {LONGEST:,} are the most")
    if more and not more.startswith("|"):  # RDKit takes what follows a space for a name, and says nothing
        return Reading("", f"there is a space in it, and {more[:20]!r} after that")
    found = chem.MolFromSmiles(text)
    if found is None or not found.GetNumAtoms():
        return Reading("", _cause(text))
    canonical = chem.MolToSmiles(found)
    if chem.MolFromSmiles(canonical) is None:
        return Reading("", f"RDKit reads it, but not what it writes for it, {canonical[:80]!r}")
    return Reading(canonical)


def _cause(text: str) -> str:
    """What RDKit found wrong, such as "Explicit valence for atom # 1 N, 4, is greater than permitted"."""
    chem = library()
    with quiet():
        raw = chem.MolFromSmiles(text, sanitize=False)
        if raw is None:
            return "it does not follow the rules of SMILES (brackets, ring numbers, names of elements)"
        if not raw.GetNumAtoms():
            return "it has no atom"
        problems = chem.DetectChemistryProblems(raw)
    return " ".join(problems[0].Message().split()) if problems else "RDKit gives no cause"
