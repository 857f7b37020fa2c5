"""PubMed 20k RCT: is a sentence of an abstract background, objective, methods, results or conclusions?

20,000 abstracts of randomised controlled trials, about 240,000 sentences, in order. The roles are the headings under
which the authors themselves put their sentences.
"""

from collections.abc import Iterator
from pathlib import Path

from layerscope.card import Card
from layerscope.data.loaded import Loaded
from layerscope.data.sentences import Line, of_lines
from layerscope.fetch import fetch
from layerscope.progress import Progress, silent
from layerscope.source import DataError, Digest, Source

CLASSES = ("background", "objective", "methods", "results", "conclusions")
PARTS = {"train": "train", "dev": "val", "test": "test"}  # file -> part
ADDRESS = "https://raw.githubusercontent.com/Franck-Dernoncourt/pubmed-rct/{}/PubMed_20k_RCT/{}.txt"
COMMIT = "17ed2cb0590decfca0266add0c76f254f67232b4"
CARD = Card(
    name="pubmed_rct",
    title="PubMed 20k RCT, roles of sentences in abstracts",
    license="none: the repository carries no licence. NLM provides PubMed data freely, and notes that some abstracts "
    "may be protected by copyright",
    citation="Dernoncourt and Lee 2017, arXiv:1710.06071",
    group="abstract. Sentences of two abstracts are not compared, which would take minutes; a stock phrase, or an "
    "abstract published twice, may stand on both sides",
)


def _source(file: str, blob: str, size: int) -> Source:
    digest = Digest("git blob", blob, f"the authors' repository at {COMMIT[:12]}")
    urls = (ADDRESS.format(COMMIT, file),)
    return Source(
        "pubmed_rct", CARD.title, f"{file}.txt", urls, (digest,), size, CARD.license, CARD.citation, CARD.group
    )


PIECES = {  # the sizes are not exact: more than the files can have
    "train": _source("train", "8f547ea68f9842212d048cf65b2406ccd7b15aec", 50_000_000),
    "dev": _source("dev", "30b4dabf34ef8a47d19363e86f5cb1308222c43d", 10_000_000),
    "test": _source("test", "2ac90c4152acdee850f4399def042831fe8c451f", 10_000_000),
}
SOURCE = PIECES["train"]
SPLIT = "given"
FROM = "download"
NOT_HANDED_ON = (
    "its repository carries no licence, so nobody has allowed handing it on: layerscope data get pubmed_rct on each "
    "machine"
)
KIND = "texts"


def load(path: Path | None = None, skip_bad: bool = False, progress: Progress = silent) -> Loaded:
    """All three parts. An id is part, number of the abstract in PubMed, and place in it from 0: "train/24293578/3".

    Args:
        path: a folder with train.txt, dev.txt and test.txt.

    Raises:
        DataError: if a file cannot be had, is not the published one, or has a line that is none of the format.
    """
    if path is not None and not path.is_dir():
        raise DataError(f"needed a folder with {', '.join(piece.file for piece in PIECES.values())}. Got {path}.")
    found = [fetch(piece, path and path / piece.file, progress) for piece in PIECES.values()]
    lines = [line for place, part in zip(found, PARTS.values(), strict=True) for line in _lines(place.path, part)]
    nothing = [""] * len(lines)  # to look for twins among so many sentences takes minutes, and stock phrases chain them
    return of_lines(lines, CLASSES, CARD, found, progress, compared=nothing)


def _lines(path: Path, part: str) -> Iterator[Line]:
    """ "###24293578", then a role, a tab and a sentence in each line; an empty line ends the abstract."""
    abstract, place = "", 0
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            role, tab, sentence = line.rstrip("\n").partition("\t")
            if role.startswith("###") and role[3:].isdecimal() and not tab:
                abstract, place = role[3:], 0
            elif abstract and tab and role.lower() in CLASSES:
                yield Line(f"{part}/{abstract}/{place}", sentence, CLASSES.index(role.lower()), abstract)
                place += 1
            elif line.strip():
                raise DataError(
                    f"{path.name}, line {number}: needed ### and the number of an abstract, or below one of "
                    f"{', '.join(CLASSES).upper()} with a tab and a sentence. Got {line[:80]!r}."
                )
            else:
                abstract = ""
