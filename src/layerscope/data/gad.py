"""GAD: 5,330 sentences with a gene and a disease; does the sentence say that they are associated?

Names are masked as @GENE$ and @DISEASE$. Labels come from a database (distant supervision) and are noisy. A
sentence with several genes or diseases is there once for each pair, in other parts too: `load` puts identical and
nearly identical sentences into one group, and the split `given` leaves out of training what a later part holds.
"""

from pathlib import Path

from layerscope.archive import members
from layerscope.card import Card
from layerscope.data.loaded import Loaded
from layerscope.data.sentences import Line, of_lines
from layerscope.fetch import fetch_all
from layerscope.progress import Progress, silent
from layerscope.source import DataError, Digest, Source

CLASSES = ("no association", "association")
PARTS = {"train": "train", "dev": "val", "test": "test"}  # file -> part
ADDRESS = (
    "https://raw.githubusercontent.com/hieunguyen7337/KeBioLM/bc7c3667c786236252ba5b26b3b921197465b7a3/data/GAD/{}.tsv"
)
CARD = Card(
    name="gad",
    title="GAD, gene-disease sentences (BLURB split)",
    license="CC BY 4.0 according to BigBio; the files themselves carry no licence",
    citation="Bravo et al. 2015, doi:10.1186/s12859-015-0472-9; split of BLURB, Gu et al. 2021, doi:10.1145/3458754",
    group="identical or nearly identical sentences; which abstract a sentence is from was not published, so sentences "
    "of one abstract may stand on both sides, and intervals may be too narrow",
)


def _source(file: str, urls: tuple[str, ...], sha256: str, whose: str, size: int) -> Source:
    return Source("gad", CARD.title, file, urls, (Digest("sha256", sha256, whose),), size, *_rest)


_rest = (CARD.license, CARD.citation, CARD.group)
_SUMS = {
    "train": "8c57f5f28a843cd64bcd939c62842cf685552315e7a78069be7d1ceff47bb663",
    "dev": "ede2bebdf5fa6094a493801f447bb7827ab0e5511fa0c399234e9e77a96d7159",
    "test": "68fe2b2bddefac2cd5d35b4bc8a13bceee95ee9a582a623632981e893cdb512e",
}
PIECES = {
    name: _source(f"{name}.tsv", (ADDRESS.format(name),), sha256, "BLURB's split as KeBioLM has it", 800_000)
    for name, sha256 in _SUMS.items()
}
SOURCE = _source(
    "gad.tar.gz",
    tuple(ADDRESS.format(name) for name in PARTS),
    "1e24284259cb1ba847b32dc5f4124f3c8f66771cfbce29454d7cf31981e38a06",
    "the mirror's archive of the same files",
    300_000,
)
SPLIT = "given"
FROM = "download"
KIND = "texts"


def load(path: Path | None = None, skip_bad: bool = False, progress: Progress = silent) -> Loaded:
    """All three parts; the ids say which.

    Args:
        path: the archive, or a folder with train.tsv, dev.tsv and test.tsv.

    Raises:
        DataError: if the files cannot be had, one is missing, or a line is not index, sentence, 0 or 1.
    """
    found = fetch_all(SOURCE, PIECES, path, progress)
    files: dict[str, bytes] = {}
    for place in found:
        if place.path.suffix == ".tsv":
            files[place.path.name] = place.path.read_bytes()
        else:
            files |= {Path(member.name).name: member.data for member in members(place.path, progress=progress)}
    lines: list[Line] = []
    for file, part in PARTS.items():
        if f"{file}.tsv" not in files:
            raise DataError(f"{found[0].path} has no {file}.tsv. It holds {', '.join(sorted(files)) or 'nothing'}.")
        lines += _lines(files[f"{file}.tsv"], f"{file}.tsv", part)
    return of_lines(lines, CLASSES, CARD, found, progress)


def _lines(data: bytes, file: str, part: str) -> list[Line]:
    lines = []
    for number, line in enumerate(data.decode("utf-8").splitlines()[1:], start=2):
        cells = line.split("\t")
        if len(cells) != 3 or cells[2] not in ("0", "1"):
            raise DataError(f"{file}, line {number}: needed index, sentence and 0 or 1. Got {line[:80]!r}.")
        lines.append(Line(f"{part}/{cells[0]}", cells[1], int(cells[2])))
    return lines
