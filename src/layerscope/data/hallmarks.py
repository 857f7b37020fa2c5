"""Hallmarks of Cancer: 1,852 abstracts; which of ten hallmarks does each speak of? Several, one, or none (272 do).

Judged by abstract, as BLURB does: the sentences are joined, and a label of any of them is one of the abstract. Scores
by sentence are of another task. The split is BLURB's, and its parts differ: of the validation abstracts 2 % speak of
replicative immortality, of those of test 6 %.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from layerscope.card import Card
from layerscope.data.loaded import Loaded
from layerscope.data.textleaks import NEAR, joined, near_twins
from layerscope.dataset import Dataset
from layerscope.fetch import Found, fetch_all
from layerscope.inputs import Texts
from layerscope.progress import Progress, silent
from layerscope.source import DataError, Digest, Source

CLASSES = (  # in the order of BLURB's files, where 5_1 means that the label of number 5 is there
    "Activating invasion and metastasis",
    "Avoiding immune destruction",
    "Cellular energetics",
    "Enabling replicative immortality",
    "Evading growth suppressors",
    "Genomic instability and mutation",
    "Inducing angiogenesis",
    "Resisting cell death",
    "Sustaining proliferative signaling",
    "Tumor promoting inflammation",
)
PARTS = {"train": "train", "dev": "val", "test": "test"}  # as published -> part
ADDRESS = "https://github.com/hieunguyen7337/KeBioLM/tree/bc7c3667c786236252ba5b26b3b921197465b7a3/data/HoC"
CARD = Card(
    name="hallmarks",
    title="Hallmarks of Cancer (BLURB split)",
    license="GPL-3.0 according to its repository; the abstracts are PubMed's, and some may be protected by copyright",
    citation="Baker et al. 2016, doi:10.1093/bioinformatics/btv585; split: BLURB, Gu et al. 2021, doi:10.1145/3458754",
    group="abstract, and nearly identical ones together; two abstracts of one laboratory are not known to be related",
)
SOURCE = Source(
    "hallmarks_of_cancer",
    CARD.title,
    "hoc.jsonl.gz",
    (
        "https://github.com/sb895/Hallmarks-of-Cancer/archive/refs/heads/master.zip",
    ),  # texts and labels, without a split
    (
        Digest(
            "sha256",
            "4a06894cf6cc9cd0ab6c6798c69108239cc2730cb53d71b0e0f06632b55bb503",
            "repacked from the authors' repository at 3bc6e6deb90c and BLURB's split; no address has these bytes",
        ),
    ),
    974_173,
    CARD.license,
    CARD.citation,
    CARD.group,
)
SPLIT = "given"
FROM = "own copy"
KIND = "labels"
HOW = (
    f"{CARD.title} is not downloaded by itself: no address has the file with the digest that is known here. Download "
    f"train.tsv, dev.tsv and test.tsv from {ADDRESS} and give their folder with --data (nothing proves them); or set "
    f"LAYERSCOPE_MIRROR to a folder that holds {SOURCE.name}/{SOURCE.file} ({SOURCE.accepted()})."
)


class Abstract(NamedTuple):
    part: str  # as published: train, dev or test
    pmid: str
    sentences: Sequence[str]
    labels: frozenset[str]  # of all sentences together


def load(path: Path | None = None, skip_bad: bool = False, progress: Progress = silent) -> Loaded:
    """All three parts; the ids say which: train/11724768.

    Args:
        path: hoc.jsonl.gz, or a folder with BLURB's train.tsv, dev.tsv and test.tsv.

    Raises:
        DataError: if it cannot be had, or is not what its card says.
    """
    found = fetch_all(SOURCE, {}, path, progress)
    if not found:
        raise DataError(HOW)
    where = found[0].path
    return of_abstracts([*(read_tables(where) if where.is_dir() else read(where))], found[0], progress)


def read(path: Path) -> Iterator[Abstract]:
    """Of JSON lines: pmid, split, sentences, and for each sentence a list of labels."""
    for number, line in enumerate(_lines(path), start=1):
        try:
            entry = json.loads(line)
            pmid, part, sentences, labels = (entry[key] for key in ("pmid", "split", "sentences", "labels"))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise DataError(
                f"{path.name}, line {number}: needed an object with pmid, split, sentences and labels. "
                f"Got {line[:80]!r} ({type(error).__name__}: {error})."
            ) from error
        lengths = [len(column) for column in (sentences, labels) if isinstance(column, list)]
        if len(lengths) < 2 or not sentences or len(sentences) != len(labels):
            raise DataError(
                f"{path.name}, line {number} ({pmid}): needed a list of sentences, and of as many lists of labels. "
                f"Got lists of length {', '.join(map(str, lengths)) or 'none'}."
            )
        yield Abstract(part, str(pmid), sentences, frozenset(name for own in labels for name in own))


def read_tables(folder: Path) -> Iterator[Abstract]:
    """Of BLURB's three tables: labels (0_0,1_1,...), sentence, index (pmid_s0)."""
    for part in PARTS:
        file = folder / f"{part}.tsv"
        if not file.is_file():
            raise DataError(f"{folder} has no {file.name}. {HOW}")
        found: dict[str, list[tuple[str, frozenset[str]]]] = {}
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines()[1:], start=2):
            labels, sentence, index = cells if len(cells := line.split("\t")) == 3 else ("", "", "")
            pmid, numbered = re.fullmatch(r"(\d+)_s\d+", index), re.findall(r"(?:^|,)(\d)_([01])(?=,|$)", labels)
            if not pmid or [int(k) for k, _ in numbered] != list(range(len(CLASSES))):
                raise DataError(
                    f"{file.name}, line {number}: needed 0_0,1_0,...,9_1, sentence, pmid_s0. Got {line[:80]!r}."
                )
            own = frozenset(name for name, (_, there) in zip(CLASSES, numbered, strict=True) if there == "1")
            found.setdefault(pmid[1], []).append((sentence, own))
        for pmid, rows in found.items():
            yield Abstract(part, pmid, [text for text, _ in rows], frozenset().union(*(own for _, own in rows)))


def _lines(path: Path) -> list[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return file.read().splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} cannot be read as packed JSON lines ({error}). Get it again.") from error


def of_abstracts(abstracts: list[Abstract], found: Found, progress: Progress) -> Loaded:
    pmids = [a.pmid for a in abstracts]
    if len(set(pmids)) != len(pmids) or not pmids:
        raise DataError(f"{found.path}: needed each abstract once. Got {len(pmids)} of {len(set(pmids))} numbers.")
    for what, known, got in (
        ("split", set(PARTS), {a.part for a in abstracts}),
        ("label", set(CLASSES), {name for a in abstracts for name in a.labels}),
    ):
        if unknown := sorted(map(str, got - known)):
            raise DataError(f"{found.path}: unknown {what} {unknown[0]!r}. Known: {', '.join(sorted(known))}.")
    targets = np.array([[name in a.labels for name in CLASSES] for a in abstracts])
    if not targets.any():
        raise DataError(f"{found.path}: none of {len(abstracts)} abstracts has a label, so there is nothing to learn.")
    texts = [" ".join(a.sentences) for a in abstracts]
    groups = joined(np.arange(len(texts)), near_twins(texts, NEAR, progress))
    ids = [f"{PARTS[a.part]}/{a.pmid}" for a in abstracts]
    data = Dataset.of(Texts.of(texts), targets, groups=groups, ids=ids, classes=CLASSES)
    data = replace(data, name=CARD.title, source=CARD)
    digest = sha256(
        repr([(a.part, a.pmid, text, sorted(a.labels)) for a, text in zip(abstracts, texts, strict=True)]).encode()
    )
    origin = f"{found.path.name} ({found.where}; {found.digest or 'not verified by a digest'})"
    return Loaded(data, origin, digest.hexdigest(), None)
