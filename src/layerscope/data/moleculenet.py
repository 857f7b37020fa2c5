"""MoleculeNet: molecules with a measured property or effect, in the eight sets that most papers report.

A model may read a molecule's SMILES, and nothing else of these files: several columns hold the answer in another form,
or what another model has predicted. `never` lists them.

Reference: Wu et al. 2018, doi:10.1039/C7SC02664A (MoleculeNet).
"""

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from layerscope.archive import members
from layerscope.card import Card
from layerscope.data.loaded import Loaded
from layerscope.data.moleculegraphs import as_dataset
from layerscope.data.molecules import Molecules, Row, collect
from layerscope.data.scaffolds import GROUP
from layerscope.fetch import Found, fetch, fetch_all
from layerscope.progress import Progress, silent
from layerscope.source import DataError, Digest, Source
from layerscope.tar import MAGIC

ADDRESS = "https://deepchemdata.s3-us-west-1.amazonaws.com/datasets/"
ARCHIVE = Digest(
    "sha256",
    "cebae9bcb4ea4b2e1d51b4528d4150d08ccea5d3c1dc29726b7c6acfc5864dd0",
    "the mirror's archive of all of MoleculeNet's files",
)


@dataclass(frozen=True)
class MoleculeSet:
    """One data set of MoleculeNet; it can be used as the module of a data set can."""

    CARD: Card
    SOURCE: Source  # the archive of all sets, or this set's own file
    PIECE: Source  # the file at its original address
    smiles: str  # name of a column
    tasks: dict[str, str]  # column -> what it is called here
    classes: tuple[str, ...]  # () where values are measurements
    unit: str = ""
    id: str | None = None  # name of a column; None: the line of the file
    never: tuple[tuple[str, str], ...] = ()  # columns that must never be features, and why
    unreadable: int = 0  # SMILES that RDKit is known not to read
    SPLIT: str = "groups"
    FROM: str = "download"
    KIND: str = "graphs"

    @property
    def PIECES(self) -> dict[str, Source]:
        return {self.CARD.name: self.PIECE}

    def molecules(self, path: Path | None = None, skip_bad: bool = False, progress: Progress = silent) -> Molecules:
        """Each molecule once, with what is known of it.

        Args:
            path: the archive, this set's file, or a folder that holds it.
            skip_bad: leave out any number of SMILES that RDKit cannot read, not only those that are known for it.

        Raises:
            DataError: if it cannot be had, or is not what its card says.
        """
        return self._of(self._found(path, progress), skip_bad, progress)

    def load(self, path: Path | None = None, skip_bad: bool = False, progress: Progress = silent) -> Loaded:
        """Molecules as graphs. Arguments and errors as of `molecules`."""
        found = self._found(path, progress)
        molecules = self._of(found, skip_bad, progress)
        origin = f"{found.path.name} ({found.where}; {found.digest})"
        skipped = tuple((bad.id, bad.cause) for bad in molecules.unreadable)
        return Loaded(as_dataset(molecules, self.CARD, progress), origin, molecules.identity(), None, skipped)

    def _found(self, path: Path | None, progress: Progress) -> Found:
        """The archive or the file, never without a digest: copies with other values are about."""
        if path is not None and not path.is_dir():
            return fetch(self.SOURCE, path, progress)
        found = Found(path, None, "given") if path else fetch_all(self.SOURCE, self.PIECES, None, progress)[0]
        return self._in_folder(found.path, progress) if found.digest is None else found

    def _in_folder(self, folder: Path, progress: Progress) -> Found:
        plain = self.PIECE.file.removesuffix(".gz")
        if not (there := sorted(file for file in folder.rglob("*") if file.name in (plain, self.PIECE.file))):
            raise DataError(f"{folder} has no {plain}, in no folder in it either.")
        return fetch(self.PIECE, there[0], progress)

    def _of(self, found: Found, skip_bad: bool, progress: Progress) -> Molecules:
        rows = list(self._rows(self._text(found.path, progress), found.path.name))
        return collect(
            rows,
            [*self.tasks.values()],
            self.classes,
            unit=self.unit,
            unreadable=None if skip_bad else self.unreadable,
            what=self.CARD.title,
            progress=progress,
        )

    def _text(self, path: Path, progress: Progress) -> str:
        plain, data = self.PIECE.file.removesuffix(".gz"), path.read_bytes()
        if data.startswith(b"\x1f\x8b"):  # as a download may be kept under the name of the archive
            data = gzip.decompress(data)
        if data[257:262] == MAGIC:
            data = {Path(member.name).name: member.data for member in members(path, progress=progress)}[plain]
        return data.decode("utf-8")

    def _rows(self, text: str, file: str) -> Iterator[Row]:
        table = csv.DictReader(io.StringIO(text, newline=""))
        wanted = [self.smiles, *self.tasks, *([self.id] if self.id else [])]
        if missing := [name for name in wanted if name not in (table.fieldnames or ())]:
            raise DataError(f"{file} has no column {missing[0]!r}. It has {', '.join(table.fieldnames or ())[:300]}.")
        for cells in table:
            line = f"line {table.line_num}"
            values = tuple(self._value(cells[column], f"{file}, {line}, {column!r}") for column in self.tasks)
            yield Row(cells[self.smiles], cells[self.id] if self.id else line, values)

    def _value(self, cell: str | None, where: str) -> float:
        if cell == "":
            return np.nan
        try:
            value = float(cell or "")
        except ValueError:
            value = np.nan
        if not np.isfinite(value) or (self.classes and value not in range(len(self.classes))):
            needed = f"a whole number below {len(self.classes)}" if self.classes else "a number"
            raise DataError(f"{where}: needed {needed}, or nothing. Got {cell!r}.")
        return value


def _set(
    name: str,
    title: str,
    origin: str,
    citation: str,
    file: str,
    digests: dict[str, tuple[str, str]],
    size: int,
    **columns: Any,
) -> MoleculeSet:
    """`digests`: whose file -> algorithm and digest, of this set's file in each form in which it is accepted."""
    card = Card(name, title, f"MIT as DeepChem distributes it; {origin}", citation, GROUP)
    own = tuple(Digest(algorithm, digest, whose) for whose, (algorithm, digest) in digests.items())
    rest = (card.license, card.citation, card.group)
    piece = Source("moleculenet", title, file, (ADDRESS + file,), own, size, *rest)
    packed = Source("moleculenet", title, "moleculenet.tar.gz", piece.urls, (ARCHIVE, *own), 4_000_000, *rest)
    return MoleculeSet(card, packed, piece, **columns)


_DEEPCHEM = "DeepChem's file"
_UNSURE = "the file in the mirror; nobody has published a digest of the original's"
_PLAIN = "the same, unpacked"
BBBP = _set(
    "bbbp",
    "BBBP, does a molecule reach the brain?",
    "the authors' compilation of the literature has no statement",
    "Martins et al. 2012, doi:10.1021/ci300124c",
    "BBBP.csv",
    {_DEEPCHEM: ("md5", "66286cb9e6b148bd75d80c870df580fb")},
    148_743,
    smiles="smiles",
    tasks={"p_np": "reaches the brain"},
    classes=("no", "yes"),
    never=(("num", "the last 1,103 rows are all positive: the row number alone has an AUC of .79"),),
    unreadable=11,
)
BACE = _set(
    "bace",
    "BACE, does a molecule inhibit beta-secretase 1?",
    "the authors' compilation of the literature has no statement",
    "Subramanian et al. 2016, doi:10.1021/acs.jcim.6b00290",
    "bace.csv",
    {_DEEPCHEM: ("md5", "ba7f8fa3fdf463a811fa7edea8c982c2")},
    3_897_767,
    smiles="mol",
    tasks={"Class": "inhibits BACE-1"},
    classes=("no", "yes"),
    id="CID",
    never=(
        ("pIC50", "the answer itself: the class is whether it is at least 7, but for 17 weak ones that are said to be"),
        ("Model", "the authors' own split; all of the 17 stand in it together"),
    ),
)
ESOL = _set(
    "esol",
    "ESOL, how soluble is a molecule in water?",
    "the author's compilation of the literature has no statement",
    "Delaney 2004, doi:10.1021/ci034243x",
    "delaney-processed.csv",
    {_DEEPCHEM: ("md5", "0c90a51668d446b9e3ab77e67662bd1c")},
    96_699,
    smiles="smiles",
    tasks={"measured log solubility in mols per litre": "solubility"},
    classes=(),
    unit="log mol/L",
    id="Compound ID",
    never=(("ESOL predicted log solubility in mols per litre", "what a model that had seen the answers predicts"),),
)
FREESOLV = _set(
    "freesolv",
    "FreeSolv, how gladly does a molecule go from gas into water?",
    "CC BY-NC-SA 4.0 at its origin",
    "Mobley and Guthrie 2014, doi:10.1007/s10822-014-9747-x",
    "SAMPL.csv",
    {_UNSURE: ("md5", "e47fa32674f670b4cdd3935c704a85d2")},
    32_060,
    smiles="smiles",
    tasks={"expt": "hydration free energy"},
    classes=(),
    unit="kcal/mol",
    id="iupac",
    never=(("calc", "the same energy from a simulation, which needs days of computing and correlates by .93"),),
)
LIPOPHILICITY = _set(
    "lipophilicity",
    "Lipophilicity, does a molecule prefer octanol or water?",
    "CC BY-SA 3.0 at its origin, ChEMBL",
    "AstraZeneca in ChEMBL, Hersey 2015, doi:10.6019/CHEMBL3301361",
    "Lipophilicity.csv",
    {_DEEPCHEM: ("md5", "85a0e1cb8b38b0dfc3f96ff47a57f0ab")},
    282_606,
    smiles="smiles",
    tasks={"exp": "lipophilicity"},
    classes=(),
    unit="logD at pH 7.4",
    id="CMPD_CHEMBLID",
)
CLINTOX = _set(
    "clintox",
    "ClinTox, drugs that are approved and drugs that failed for being toxic",
    "the authors' compilation has no statement",
    "Gayvert et al. 2016, doi:10.1016/j.chembiol.2016.07.023; Artemov et al. 2016, doi:10.1101/095653",
    "clintox.csv.gz",
    {
        _DEEPCHEM: ("md5", "db4f2df08be8ae92814e9d6a2d015284"),
        _PLAIN: ("md5", "fc4b90fda8fd61985adff2fc16a5e302"),
    },
    95_512,
    smiles="smiles",
    tasks={"FDA_APPROVED": "approved", "CT_TOX": "failed as toxic"},
    classes=("no", "yes"),
    never=(
        ("FDA_APPROVED", "says for 1,466 of 1,484 rows that CT_TOX is the opposite: two names of one question"),
        ("CT_TOX", "likewise"),
    ),
    unreadable=4,
)
TOX21 = _set(
    "tox21",
    "Tox21, which of twelve alarms of a cell does a molecule set off?",
    "work of the United States government",
    "Huang et al. 2016, doi:10.3389/fenvs.2015.00085",
    "tox21.csv.gz",
    {
        _DEEPCHEM: ("md5", "2882d69e70bba0fec14995f26787cc25"),
        _PLAIN: ("md5", "abba03d94658629f183b39181d4f0689"),
    },
    525_119,
    smiles="smiles",
    tasks={
        name: name
        for name in (
            *("NR-AR", "NR-AR-LBD", "NR-AhR", "NR-Aromatase", "NR-ER", "NR-ER-LBD", "NR-PPAR-gamma"),
            *("SR-ARE", "SR-ATAD5", "SR-HSE", "SR-MMP", "SR-p53"),
        )
    },
    classes=("no", "yes"),
    id="mol_id",
    unreadable=8,
)
HIV = _set(
    "hiv",
    "HIV, does a molecule hinder the virus?",
    "work of the United States government",
    "AIDS Antiviral Screen, Developmental Therapeutics Program of the NCI; in Wu et al. 2018, doi:10.1039/C7SC02664A",
    "HIV.csv",
    {_DEEPCHEM: ("md5", "9ad10c88f82f1dac7eb5c52b668c30a7")},
    2_193_844,
    smiles="smiles",
    tasks={"HIV_active": "active"},
    classes=("no", "yes"),
    never=(("activity", "the answer itself, in three grades of which two are joined"),),
    unreadable=7,
)
SETS = {each.CARD.name: each for each in (BBBP, BACE, ESOL, FREESOLV, LIPOPHILICITY, CLINTOX, TOX21, HIV)}
